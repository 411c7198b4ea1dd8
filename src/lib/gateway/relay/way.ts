import {unlessAborted} from '../../base/async.ts'
import {PluginError} from '../../base/errors.ts'
import type {Reopen, WayLife} from '../lives.ts'
import {request, type Request, type Response} from '../wire/jsonrpc.ts'
import {NotTaken, type Asking, type Connection} from './connection.ts'
import {HANGS, watchHealth} from './health.ts'
import type {Opened, WayInput} from './way-input.ts'

/** A server that was only asked what it can do is ended after this time at the latest, in milliseconds. */
const DESCRIBED_MS = 30_000

/** Requests that only ask what a server can do, or change nothing of what it does for the next one. */
export const DESCRIBING: ReadonlySet<string> = new Set([
  'logging/setLevel',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'server/discover',
  'tools/list',
])

/**
 * One way to a server: opened on first need, once however many ask; ended when nobody has used it for a while; opened
 * again after that, and after the server has ended. What was sent over it is never sent again, but for what the server
 * cannot have seen.
 */
export class Way<L extends Opened, C> {
  readonly #input: WayInput<L, C>
  readonly #life: WayLife
  #live: Promise<L> | undefined
  /** Opens it as it was opened last. */
  #again: (() => Promise<L>) | undefined
  #opened: L | undefined
  /** From the moment it can be ended; it may still be opening. */
  #connection: Connection | undefined
  /** Aborted when what is open, or opening, need not be there any more. */
  #stop: AbortController | undefined
  /** What was open is being ended: two at once would be in each other's way. */
  #ending: Promise<void> | undefined
  #closed: PluginError | undefined
  #health: Disposable | undefined
  #timer: NodeJS.Timeout | undefined
  /** Who waits until it is open, without opening it. */
  readonly #waiting = new Set<() => void>()
  #inFlight = 0
  #count = 0
  /** Whether more than a description was asked for since it was opened. */
  #isUsed = false

  constructor(input: WayInput<L, C>) {
    this.#input = input
    this.#life = input.life.way(what => this.#stopFor(what))
  }

  /** What is open now. */
  get opened(): L | undefined {
    return this.#opened?.connection.hasEnded ? undefined : this.#opened
  }

  /**
   * Gives what is open, and opens it if there is nothing.
   * @throws what keeps the server from being opened; what keeps it from being tried again already
   */
  async current(context: C): Promise<L> {
    const opened = this.#opened
    if (opened?.connection.hasEnded) await opened.connection.ended
    return this.#connect(context)
  }

  /**
   * Sends a request and gives the server's answer, opening it if needed.
   * @throws as {@link current}; PluginError when the server ends before it answers; Cancelled
   */
  async request(message: Request, context: C, asking?: Asking): Promise<Response> {
    return this.during(message.method, async () => {
      const {connection} = this.opened ?? (await this.current(context))
      return connection.request(message, asking).catch(async (error: unknown) => {
        if (!(error instanceof NotTaken)) throw error
        await connection.ended
        const next = await this.current(context)
        return next.connection.request(message, asking)
      })
    })
  }

  /** Does what asks the server something by itself: it counts as being asked, and is not ended meanwhile. */
  async during<T>(method: string, ask: () => Promise<T>): Promise<T> {
    const answered = this.#asked(method)
    try {
      return await ask()
    } finally {
      answered()
    }
  }

  /** Waits until it is open, without opening it. @throws the signal's reason */
  async whenOpen(signal: AbortSignal): Promise<void> {
    if (this.opened) return
    const {promise, resolve} = Promise.withResolvers<void>()
    this.#waiting.add(resolve)
    try {
      await unlessAborted(promise, signal)
    } finally {
      this.#waiting.delete(resolve)
    }
  }

  /** Somebody relies on it less than before: it may be ended if nobody else does. */
  rest(): void {
    const {idleMs} = this.#input.policy
    clearTimeout(this.#timer)
    if (idleMs === undefined || this.#inFlight > 0 || !this.#opened) return
    const milliseconds = this.#isUsed ? idleMs : Math.min(idleMs, DESCRIBED_MS)
    this.#timer = setTimeout(() => this.#tire(), milliseconds)
    this.#timer.unref()
  }

  /**
   * Ends it for good, also what is still being opened.
   * @param why what everybody hears who still asks
   * @param what the same for whoever waits for an answer, as one clause; the server's own end, unless it is given
   * @throws what keeps the server from being ended
   */
  async close(why: PluginError, what?: string): Promise<void> {
    this.#closed ??= why
    this.#calm()
    this.#stop?.abort(this.#closed)
    try {
      // What fails here is tried again below.
      if (what !== undefined) await this.#connection?.endAs(what, false)
      await this.#connection?.dispose().catch(() => undefined)
      // What was still being opened is there only now.
      await this.#live?.catch(() => undefined)
      await this.#ending
      await this.#connection?.dispose()
    } finally {
      this.#life.closed()
    }
  }

  #connect(context: C): Promise<L> {
    if (this.#closed) return Promise.reject(this.#closed)
    if (this.#live) return this.#live
    const live = this.#open(context)
    this.#live = live
    this.#again = () => this.current(context)
    live.catch(() => {
      if (this.#live === live) this.#live = undefined
    })
    return live
  }

  async #open(context: C): Promise<L> {
    const {open, restarts, events} = this.#input
    const stop = new AbortController()
    this.#stop = stop
    const {signal} = stop
    // Most starts have nothing to wait for, and begin at once.
    if (this.#ending) await this.#ending
    const turn = restarts.turn(signal)
    if (turn) await turn
    restarts.tried()
    this.#life.opening()
    const onDialled = (connection: Connection) => {
      this.#connection = connection
    }
    const live = await open({context, signal, onDialled}).catch((cause: unknown) => {
      throw this.#failed(cause, signal)
    })
    if (signal.aborted) {
      // It was stopped when it was just there. What cannot be ended now is tried again when all ends.
      await live.connection.dispose().catch(() => undefined)
      throw this.#failed(signal.reason, signal)
    }
    this.#opened = live
    restarts.opened()
    this.#life.opened()
    // Before anything else is asked of it.
    events.onOpened(live)
    for (const tell of this.#waiting) tell()
    void live.connection.ended.then(error => this.#lost(live, error))
    this.#watch(live)
    this.rest()
    return live
  }

  #failed(cause: unknown, signal: AbortSignal): Error {
    const {errorOf, isFailure, restarts} = this.#input
    if (signal.aborted) {
      this.#life.slept()
      return signal.reason
    }
    const error = errorOf(cause)
    if (isFailure?.(error) ?? true) restarts.failed(error)
    if (error instanceof PluginError) this.#tellFailure(error)
    else this.#life.slept()
    return error
  }

  #tellFailure(error: PluginError): void {
    this.#life.failed(error)
    this.#input.events.onFailed(error)
  }

  /** The server has ended by itself, or because everything ends. */
  #lost(live: L, error: PluginError): void {
    if (this.#opened !== live) return
    this.#leave(live)
    if (this.#closed) return
    this.#input.restarts.ended(error)
    this.#tellFailure(error)
  }

  /** Nobody gets this connection any more. */
  #leave(live: L): void {
    this.#calm()
    this.#live = undefined
    this.#opened = undefined
    this.#isUsed = false
    this.#input.events.onEnded(live)
  }

  /** No clock of what was open goes on. */
  #calm(): void {
    clearTimeout(this.#timer)
    this.#health?.[Symbol.dispose]()
  }

  #watch(live: L): void {
    const {policy, ping} = this.#input
    if (!policy.isPinged) return
    const {connection} = live
    const asked = () => ({
      count: this.#count,
      isBusy: this.#inFlight > 0 || connection.isAsking,
    })
    const asking = ping?.(live) ?? request('ping', 'ping')
    this.#health = watchHealth(connection, {asking, asked}, () => this.#hangs())
  }

  #hangs(): void {
    void this.#end({what: HANGS, isToBlame: true}, error => {
      this.#input.restarts.ended(error)
      this.#tellFailure(error)
    })
  }

  #tire(): void {
    if (!this.#opened) return
    if (this.#opened.connection.isAsking || this.#input.isKept()) return this.rest()
    void this.#end({what: 'was idle'}, () => this.#life.slept())
  }

  async #stopFor(what: string): Promise<Reopen | undefined> {
    const {restarts, server, policy} = this.#input
    restarts.forget()
    if (!this.#live) return undefined
    if (this.#opened) await this.#end({what}, () => this.#life.slept())
    else {
      this.#stop?.abort(new PluginError('SERVER_START_FAILED', `server ${server} ${what}`))
      await this.#connection?.dispose().catch(() => undefined)
      await this.#live?.catch(() => undefined)
    }
    // The next call of a server with a container for each opens one anyway.
    if (this.#closed || policy.serves === 'call') return undefined
    return () => this.#reopen()
  }

  /** @returns whether it is open again: nobody may need it any more */
  async #reopen(): Promise<boolean> {
    try {
      await this.#again?.()
      return true
    } catch (error) {
      if (this.#closed) return false
      throw error
    }
  }

  /** Ends what is open; whoever asks for it meanwhile waits for the end and opens it again. */
  #end(
    {what, isToBlame = false}: {readonly what: string; readonly isToBlame?: boolean},
    onEnd: (error: PluginError) => void,
  ): Promise<void> {
    const live = this.#opened
    if (!live) return Promise.resolve()
    this.#leave(live)
    const ended = async () => {
      const error = await live.connection.endAs(what, isToBlame)
      this.#ending = undefined
      if (!this.#closed) onEnd(error)
    }
    this.#ending = ended()
    return this.#ending
  }

  /** @returns to be called when it is answered */
  #asked(method: string): () => void {
    const isUse = !DESCRIBING.has(method)
    const told = isUse ? this.#life.asked() : undefined
    this.#isUsed ||= isUse
    this.#count += 1
    this.#inFlight += 1
    clearTimeout(this.#timer)
    return () => {
      told?.()
      this.#inFlight -= 1
      this.rest()
    }
  }
}
