import {isJsonObject, type JsonObject} from '../../base/json.ts'
import {pause, withDeadline} from '../../base/async.ts'
import {messageOf, PluginError} from '../../base/errors.ts'
import type {ServerLife} from '../lives.ts'
import type {OpenUpstream} from '../upstream/upstream.ts'
import {
  isResult,
  notification,
  request,
  type Id,
  type Notification,
  type Request,
  type Response,
} from '../wire/jsonrpc.ts'
import {withId} from '../wire/text.ts'
import {Backoff, LISTENS} from './backoff.ts'
import {Connection, type Asking, type ConnectionEvents} from './connection.ts'
import {dial} from './dial.ts'
import {endedError, startError, unreachedError} from './ended-error.ts'
import {InFlight} from './in-flight.ts'
import {OpenTasks} from './open-tasks.ts'
import {Restarts} from './restarts.ts'
import type {SessionLink} from './server-link.ts'
import type {Opening, WayPolicy} from './way-input.ts'
import {Way} from './way.ts'

/** What a link tells the session that owns it. */
export interface LinkEvents extends ConnectionEvents {
  /** The server is open and answered `initialize` with this. */
  onOpened(hello: JsonObject, connection: Connection): void
  /** The server was opened once more, and these resources are subscribed to again. */
  onReopened(from: Connection, subscriptions: readonly string[]): void
  /** The server could not be opened, or ended; the next request opens it again. */
  onFailed(error: PluginError): void
  /** An open connection is gone: what came over it can no longer be answered. */
  onEnded(connection: Connection): void
}

/** How the client introduced itself; the server is told the same. */
export interface ClientHello {
  readonly protocolVersion: string
  /** The params of the client's `initialize`, whole. */
  readonly params: JsonObject
}

/** A client that subscribes to more gets no news of the rest after a restart of the server. */
const MOST_SUBSCRIPTIONS = 10_000

/** Notifications that are kept for a server that is not open. */
const MOST_UNSENT = 100

/** What a link is made of. */
export interface LinkInput {
  readonly server: string
  readonly session: string
  readonly hello: ClientHello
  readonly open: OpenUpstream
  /** How long the server may take to answer `initialize` once it runs. */
  readonly startTimeoutMs: number
  readonly policy: WayPolicy
  readonly life: ServerLife
  /** What is known of earlier starts; nothing, unless it is given. */
  readonly restarts?: Restarts
  /** URIs that the client wanted news of from the server that was here before. */
  readonly subscriptions?: readonly string[]
  /** Milliseconds, from any fixed point. */
  readonly now: () => number
}

/** An opened connection with what its `initialize` answered. */
interface Live {
  readonly connection: Connection
  readonly hello: JsonObject
}

/**
 * One client session's own way to one server: opened on first need, once however many ask, and again after the
 * server has ended, or was put to sleep.
 */
export class Link implements SessionLink {
  readonly #input: LinkInput
  readonly #events: LinkEvents
  readonly #way: Way<Live, void>
  readonly #restarts: Restarts
  /** Aborted when it is closed. */
  readonly #abort = new AbortController()
  /** What the server works on behind its answers. */
  readonly tasks: OpenTasks
  #lastHello: JsonObject | undefined
  #isReopening = false
  /** What the client said before the server was open. */
  readonly #unsent: Notification[] = []
  /** URIs that the client wants news of, as the server knows them. */
  readonly #subscriptions: Set<string>
  readonly #inFlight = new InFlight()

  constructor(input: LinkInput, events: LinkEvents) {
    const {server, policy, life, now, restarts = new Restarts(now)} = input
    this.#input = input
    this.#subscriptions = new Set(input.subscriptions)
    this.#events = events
    this.#restarts = restarts
    this.tasks = new OpenTasks(now)
    this.#way = new Way({
      server,
      policy,
      life,
      restarts,
      open: opening => this.#open(opening),
      errorOf: cause => errorOf(server, cause),
      isKept: () => this.#subscriptions.size > 0 || this.tasks.areOpen,
      events: {
        onOpened: live => this.#opened(live),
        onEnded: live => this.#ended(live),
        onFailed: error => {
          events.onFailed(error)
          void this.#keepSubscriptions() // never rejects
        },
      },
    })
  }

  get server(): string {
    return this.#input.server
  }

  /** Whether the server is there now. */
  get isOpen(): boolean {
    return this.#way.opened !== undefined
  }

  /** What the server answered to its last `initialize` in this session. */
  get hello(): JsonObject | undefined {
    return this.#lastHello
  }

  /**
   * Opens the server if it is not open.
   * @returns what the server's `initialize` answered
   * @throws PluginError when it cannot be started; after a while the next call tries again
   */
  async ready(): Promise<JsonObject> {
    return (await this.#way.current()).hello
  }

  /**
   * Sends a request of the client, or of the gateway itself, and gives the server's answer as it came, under the
   * request's own id.
   * @param asking for a request of the client: its id and when it gives up
   * @throws PluginError when the server cannot be started or ends before it answers; Cancelled when the client gives
   *   up, also while the server is still starting: then it never hears of the request
   */
  async request(message: Request, asking?: Asking): Promise<Response> {
    const response = await this.#inFlight.during(() =>
      this.#way.request(message, undefined, asking),
    )
    this.#note(message, response)
    return withId(response, message.id)
  }

  get subscriptions(): readonly string[] {
    return [...this.#subscriptions]
  }

  idle(): Promise<void> {
    return this.#inFlight.idle()
  }

  /** Passes a notification on, or keeps it until the server is open. */
  notify(message: Notification): void {
    const {opened} = this.#way
    if (opened) return opened.connection.notify(message)
    this.#unsent.push(message)
    if (this.#unsent.length > MOST_UNSENT) this.#unsent.shift()
  }

  /** Waits until the server is there, without starting it. @throws the signal's reason */
  whenOpen(signal: AbortSignal): Promise<void> {
    return this.#way.whenOpen(signal)
  }

  /** Nobody wants news of any resource any more, until it is asked for again. */
  forgetSubscriptions(): void {
    this.#subscriptions.clear()
  }

  /** Ends the connection for good, also one that is still being opened. */
  async close(what?: string): Promise<void> {
    this.#abort.abort()
    await this.#way.close(closedError(this.server, what), what)
  }

  #note(message: Request, response: Response): void {
    this.tasks.answered(message, response)
    const {method, params} = message
    const uri = params?.['uri']
    if (typeof uri !== 'string' || !isResult(response)) return
    if (method === 'resources/unsubscribe') this.#subscriptions.delete(uri)
    if (method !== 'resources/subscribe') return
    if (this.#subscriptions.size < MOST_SUBSCRIPTIONS) this.#subscriptions.add(uri)
  }

  async #open({signal, onDialled}: Opening<void>): Promise<Live> {
    const {server, session, open} = this.#input
    const connection = await dial({
      open: onMessage => open({session, onMessage, signal}),
      make: upstream => new Connection(server, upstream, this.#connectionEvents()),
      signal,
      onDialled,
    })
    return {connection, hello: await this.#handshake(connection)}
  }

  #connectionEvents(): ConnectionEvents {
    return {
      onServerRequest: (from, message, about) => this.#events.onServerRequest(from, message, about),
      onNotification: (from: Connection, message: Notification, about: Id | undefined) => {
        this.tasks.told(message)
        this.#events.onNotification(from, message, about)
      },
    }
  }

  async #handshake(connection: Connection): Promise<JsonObject> {
    const {hello, startTimeoutMs} = this.#input
    const params = {...hello.params, protocolVersion: hello.protocolVersion}
    const asked = connection.request(request(0, 'initialize', params))
    try {
      const answer = await withDeadline(asked, startTimeoutMs, () => tooSlow(startTimeoutMs))
      if (!isResult(answer)) {
        const {message, data} = answer.error
        const own = `server ${this.server}: `
        const told = connection.redact(message)
        const why = told.startsWith(own) ? told.slice(own.length) : told
        if (isJsonObject(data) && data['unreachable'] === true) throw new Unreached(why)
        throw new NoHello(`refused to start a session: ${why}`)
      }
      connection.notify(notification('notifications/initialized'))
      return answer.result
    } catch (error) {
      const reason = await connection.abandon()
      if (error instanceof Unreached) throw unreachedError(this.server, error.message)
      if (error instanceof NoHello) throw endedError(this.server, {...reason, what: error.message})
      // Nothing was asked for anybody yet.
      throw error instanceof PluginError ? await connection.ended : error
    }
  }

  #opened({hello, connection}: Live): void {
    const isFirst = this.#lastHello === undefined
    this.#lastHello = hello
    this.#events.onOpened(hello, connection)
    for (const message of this.#unsent.splice(0)) connection.notify(message)
    if (!isFirst || this.#subscriptions.size > 0) this.#subscribeAgain(connection)
  }

  /** A server that was started again knows nothing of what it was asked to watch. */
  #subscribeAgain(connection: Connection): void {
    const uris = [...this.#subscriptions]
    for (const uri of uris) {
      const again = request('subscribe', 'resources/subscribe', {uri})
      // What it answers makes no difference: the client was told that it is done.
      connection.request(again).catch(() => undefined)
    }
    this.#events.onReopened(connection, uris)
  }

  #ended({connection}: Live): void {
    this.tasks.forget()
    this.#events.onEnded(connection)
  }

  /** A client that wants news of resources hears nothing of them from a server that nobody starts. */
  async #keepSubscriptions(): Promise<void> {
    if (this.#isReopening) return
    this.#isReopening = true
    const {signal} = this.#abort
    // Also what is nobody's fault is not tried over and over when nobody asks.
    const backoff = new Backoff(LISTENS, this.#input.now)
    while (!signal.aborted && !this.isOpen && this.#subscriptions.size > 0) {
      await pause(Math.max(this.#restarts.leftMs, backoff.lost()), signal)
      await this.#way.current().catch(() => undefined)
    }
    this.#isReopening = false
  }
}

/** What whoever asks hears of a way that is closed. @param what why, unless its session has ended */
export function closedError(server: string, what: string | undefined): PluginError {
  const why =
    what === undefined ? `server ${server}: the session has ended` : `server ${server} ${what}`
  return new PluginError('SERVER_START_FAILED', why)
}

/** A server runs, but `initialize` did not lead to a session. */
class NoHello extends Error {}

/** Nobody has answered, so nobody has refused. */
class Unreached extends Error {}

function tooSlow(milliseconds: number): NoHello {
  return new NoHello(`did not answer initialize within ${milliseconds / 1000} s`)
}

function errorOf(server: string, cause: unknown): Error {
  return cause instanceof PluginError ? cause : startError(server, `: ${messageOf(cause)}`, cause)
}
