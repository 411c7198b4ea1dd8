import type {PluginError} from '../base/errors.ts'
import {LogRing} from './log-ring.ts'

/**
 * How one server is doing, all its sessions together: a container is being started · it runs and is used · it runs
 * and nobody has asked it anything for a while · its last start or its last container failed · nothing of it runs, it
 * is started when it is needed.
 */
export type LifeState = 'starting' | 'ready' | 'idle' | 'failed' | 'sleeping'

/** What is told of a server to people. */
export interface LifeReport {
  readonly server: string
  readonly state: LifeState
  readonly containers: readonly ContainerReport[]
  /** How often it was started again after it had ended by itself. */
  readonly restarts: number
  /** When it was last asked something, ISO 8601. */
  readonly lastUsedAt?: string
  /** Why it last failed; stays when it has come back, with the time. */
  readonly lastError?: {
    readonly code: string
    readonly message: string
    readonly hint?: string
    /** ISO 8601 */
    readonly at: string
  }
}

export interface ContainerReport {
  readonly id: string
  readonly name: string
  /** ISO 8601 */
  readonly since: string
  /** Whether it serves, or is kept ready for the next one who needs it. */
  readonly use: 'serving' | 'standby'
}

/** A server that was asked nothing for so long is idle. */
const IDLE_AFTER_MS = 60_000

/** What becomes of the servers of a gateway, for those who look at it from outside. */
export class Lives {
  readonly #servers = new Map<string, ServerLife>()
  readonly #now: () => number

  /** @param now milliseconds since 1970 */
  constructor(now: () => number) {
    this.#now = now
  }

  /** The life of a server, which begins when it is first asked for. */
  of(server: string): ServerLife {
    const known = this.#servers.get(server)
    if (known) return known
    const life = new ServerLife(server, this.#now)
    this.#servers.set(server, life)
    return life
  }

  /** What is known of all servers, in the order in which they were first asked for. */
  report(): readonly LifeReport[] {
    return [...this.#servers.values()].map(life => life.report())
  }
}

/** What becomes of one server: told by those who run its containers and those who speak with it. */
export class ServerLife {
  /** What its containers have written to stderr last, secrets masked. */
  readonly log: LogRing
  readonly #server: string
  readonly #now: () => number
  readonly #containers = new Set<ContainerLife>()
  readonly #ways = new Set<WayLife>()
  readonly #useListeners = new Set<() => void>()
  #restarts = 0
  #lastUsedAt: number | undefined
  #lastError: LifeReport['lastError']
  #hasFailed = false

  constructor(server: string, now: () => number) {
    this.#server = server
    this.#now = now
    this.log = new LogRing(now)
  }

  /** A container runs. */
  container(facts: {readonly id: string; readonly name: string}): ContainerLife {
    const life = new ContainerLife(facts, this.#now(), () => this.#containers.delete(life))
    this.#containers.add(life)
    return life
  }

  /**
   * Somebody may want to speak with the server: a session, or all clients that share it.
   * @param stop ends what is open of it, see {@link StopWay}
   */
  way(stop: StopWay = async () => undefined): WayLife {
    const life = new WayLife({
      stop,
      onUsed: () => {
        this.#lastUsedAt = this.#now()
        for (const listener of this.#useListeners) listener()
      },
      onOpened: isAgain => {
        this.#hasFailed = false
        if (isAgain) this.#restarts += 1
      },
      onFailed: error => this.#failed(error),
      onClosed: () => this.#ways.delete(life),
    })
    this.#ways.add(life)
    return life
  }

  /** Tells of each use of the server, as often as it is used, and of one that was before. */
  onUse(listener: () => void): void {
    this.#useListeners.add(listener)
    if (this.#lastUsedAt !== undefined) listener()
  }

  /**
   * Ends whatever is open of the server.
   * @param what one clause for those who wait for an answer, such as "was restarted"
   * @returns what opens each of them again
   */
  async stop(what: string): Promise<readonly Reopen[]> {
    const stopped = await Promise.all([...this.#ways].map(way => way.stop(what)))
    return stopped.filter(reopen => reopen !== undefined)
  }

  report(): LifeReport {
    const lastUsedAt = this.#lastUsedAt
    const lastError = this.#lastError
    return {
      server: this.#server,
      state: this.#state,
      containers: [...this.#containers].map(container => container.report()),
      restarts: this.#restarts,
      ...(lastUsedAt !== undefined && {lastUsedAt: new Date(lastUsedAt).toISOString()}),
      ...(lastError && {lastError}),
    }
  }

  get #state(): LifeState {
    const ways = [...this.#ways]
    if (ways.some(({state, inFlight}) => state === 'open' && (inFlight > 0 || this.#isInUse))) {
      return 'ready'
    }
    if (ways.some(({state}) => state === 'opening')) return 'starting'
    if (ways.some(({state}) => state === 'open')) return 'idle'
    return this.#hasFailed ? 'failed' : 'sleeping'
  }

  get #isInUse(): boolean {
    return this.#lastUsedAt !== undefined && this.#now() - this.#lastUsedAt < IDLE_AFTER_MS
  }

  #failed({code, message, hint}: PluginError): void {
    this.#hasFailed = true
    const at = new Date(this.#now()).toISOString()
    this.#lastError = {code, message, ...(hint !== undefined && {hint}), at}
  }
}

/** One container, from the moment it runs. */
export class ContainerLife {
  readonly #facts: {readonly id: string; readonly name: string}
  readonly #since: number
  readonly #onEnded: () => void
  #use: ContainerReport['use'] = 'standby'

  constructor(
    facts: {readonly id: string; readonly name: string},
    since: number,
    onEnded: () => void,
  ) {
    this.#facts = facts
    this.#since = since
    this.#onEnded = onEnded
  }

  /** It has got its environment, and with it a use. */
  serves(): void {
    this.#use = 'serving'
  }

  ended(): void {
    this.#onEnded()
  }

  report(): ContainerReport {
    return {...this.#facts, since: new Date(this.#since).toISOString(), use: this.#use}
  }
}

/**
 * Opens a way again. Rejects with what keeps the server from starting.
 * @returns whether it is open; false when nobody needs it any more
 */
export type Reopen = () => Promise<boolean>

/**
 * Ends what is open of a way, and forgets what went wrong with it. Whoever waits for an answer is told why.
 * @returns what opens it again; undefined when it was not open, or nobody relies on its being open
 */
export type StopWay = (what: string) => Promise<Reopen | undefined>

interface WayEvents {
  readonly stop: StopWay
  readonly onUsed: () => void
  readonly onOpened: (isAgain: boolean) => void
  readonly onFailed: (error: PluginError) => void
  readonly onClosed: () => void
}

/** One way to a server, which is opened when it is needed, and perhaps again. */
export class WayLife {
  readonly #events: WayEvents
  #state: 'closed' | 'opening' | 'open' = 'closed'
  #inFlight = 0
  #hasCrashed = false

  constructor(events: WayEvents) {
    this.#events = events
  }

  get state(): 'closed' | 'opening' | 'open' {
    return this.#state
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** The server is being started, or connected to. */
  opening(): void {
    this.#state = 'opening'
  }

  /** It has answered. */
  opened(): void {
    this.#state = 'open'
    this.#events.onOpened(this.#hasCrashed)
    this.#hasCrashed = false
  }

  /** A request of a client is on its way, which is more than what the server can do. @returns to be called when it is over */
  asked(): () => void {
    this.#inFlight += 1
    this.#events.onUsed()
    return () => {
      this.#inFlight -= 1
      this.#events.onUsed()
    }
  }

  /** Ends what is open of it. */
  stop(what: string): Promise<Reopen | undefined> {
    return this.#events.stop(what)
  }

  /** It was ended, because nobody used it, or because somebody wants it started anew. */
  slept(): void {
    this.#state = 'closed'
  }

  /** It could not be opened, or it ended by itself. */
  failed(error: PluginError): void {
    this.#hasCrashed ||= this.#state === 'open'
    this.#state = 'closed'
    this.#events.onFailed(error)
  }

  /** Nobody will ever use it again. */
  closed(): void {
    this.#state = 'closed'
    this.#events.onClosed()
  }
}
