import {messageOf, PluginError} from '../../base/errors.ts'
import type {JsonObject} from '../../base/json.ts'
import {Connection, NotTaken, type Asking} from '../relay/connection.ts'
import type {OpenUpstream} from '../upstream/upstream.ts'
import type {Id, Notification, Request, Response} from '../wire/jsonrpc.ts'
import {withId} from '../wire/text.ts'
import {discover, NotModern} from './discover.ts'

/** A server that could not be started is not tried again for this long: lists come in threes. */
const COOL_DOWN_MS = 5000

/** What a lane is made of. */
export interface LaneInput {
  readonly server: string
  readonly open: OpenUpstream
  /** How long the server may take to answer `server/discover` once it runs, 10 s at most. */
  readonly startTimeoutMs: number
  /** Milliseconds, from any fixed point. */
  readonly now: () => number
  readonly onOpened: (hello: JsonObject) => void
  readonly onFailed: (error: PluginError) => void
  /** Takes what the server says about one of the requests in flight: what their `asking.about` is. */
  readonly onNotification: (message: Notification, about: Id) => void
}

/** A connection to a server that has said what it can do. */
interface Live {
  readonly connection: Connection
  readonly hello: JsonObject
}

/**
 * One process of a modern server, or one way to it over HTTP, for whoever comes: opened on first need, once however
 * many ask, and again after the server has ended.
 */
export class Lane implements AsyncDisposable {
  readonly #input: LaneInput
  readonly #abort = new AbortController()
  #live: Promise<Live> | undefined
  /** From the moment it can be ended; it may still be opening. */
  #connection: Connection | undefined
  #opened: Live | undefined
  #lastHello: JsonObject | undefined
  #lastFailure: {error: Error; at: number} | undefined

  constructor(input: LaneInput) {
    this.#input = input
  }

  get isOpen(): boolean {
    return this.#opened !== undefined
  }

  /** What the server said of itself when it was opened last. */
  get hello(): JsonObject | undefined {
    return this.#lastHello
  }

  /** Whether a request was sent that the next line of the server's log could be about. */
  get mayLog(): boolean {
    return this.#opened?.connection.mayLog === true
  }

  /**
   * Opens the server if it is not open.
   * @param own the entries of `_meta` that say who asks
   * @throws NotModern; PluginError when it cannot be started; after a while the next call tries again
   */
  async connect(own: JsonObject): Promise<Live> {
    const live = await this.#connect(own)
    if (!live.connection.hasEnded) return live
    await live.connection.ended
    return this.#connect(own)
  }

  /**
   * Sends a request and gives the server's answer, under the request's own id. One that the server cannot have seen,
   * because it had ended, is sent once more.
   * @throws as {@link connect}; PluginError when the server ends before it answers; Cancelled
   */
  async request(message: Request, own: JsonObject, asking?: Asking): Promise<Response> {
    const {connection} = await this.connect(own)
    const response = await connection.request(message, asking).catch(async (error: unknown) => {
      if (!(error instanceof NotTaken)) throw error
      const next = await this.connect(own)
      return next.connection.request(message, asking)
    })
    return withId(response, message.id)
  }

  /** Passes a notification on; a server that is not open needs none. */
  notify(message: Notification): void {
    this.#opened?.connection.notify(message)
  }

  /** Ends the server for good, also one that is still being opened. */
  async [Symbol.asyncDispose](): Promise<void> {
    const why = `server ${this.#input.server}: it is no longer needed`
    this.#abort.abort(new PluginError('SERVER_START_FAILED', why))
    await this.#connection?.dispose()
    // One that was still being opened is there only now.
    await this.#live?.catch(() => undefined)
    await this.#connection?.dispose()
  }

  #connect(own: JsonObject): Promise<Live> {
    const {signal} = this.#abort
    if (signal.aborted) return Promise.reject(signal.reason)
    const failed = this.#lastFailure
    if (failed && this.#input.now() - failed.at < COOL_DOWN_MS) return Promise.reject(failed.error)
    this.#live ??= this.#start(own)
    return this.#live
  }

  async #start(own: JsonObject): Promise<Live> {
    try {
      const connection = await this.#dial()
      const live = {connection, hello: await this.#handshake(connection, own)}
      this.#opened = live
      this.#lastHello = live.hello
      this.#lastFailure = undefined
      // Before anything else is asked of it.
      this.#input.onOpened(live.hello)
      void connection.ended.then(error => this.#ended(error))
      return live
    } catch (error) {
      throw this.#failed(error)
    }
  }

  async #dial(): Promise<Connection> {
    const {server, open, onNotification} = this.#input
    const {signal} = this.#abort
    let connection: Connection | undefined
    const upstream = await open({
      session: 'shared',
      // A server has nothing to say before it is asked something.
      onMessage: (message, origin) => connection?.receive(message, origin),
      signal,
    })
    const events = {
      onServerRequest: () => undefined,
      onNotification: (_from: Connection, message: Notification, about: Id | undefined) => {
        if (about !== undefined) onNotification(message, about)
      },
    }
    connection = new Connection(server, upstream, events, 'certain')
    this.#connection = connection
    if (!signal.aborted) return connection
    await connection.dispose()
    throw signal.reason
  }

  async #handshake(connection: Connection, own: JsonObject): Promise<JsonObject> {
    const {server, startTimeoutMs} = this.#input
    try {
      return await discover(connection, {server, own, startTimeoutMs})
    } catch (error) {
      await connection.abandon()
      throw error
    }
  }

  #failed(cause: unknown): Error {
    const {signal} = this.#abort
    const error = signal.aborted ? signal.reason : errorOf(this.#input.server, cause)
    this.#live = undefined
    this.#lastFailure = {error, at: this.#input.now()}
    if (!signal.aborted && error instanceof PluginError) this.#input.onFailed(error)
    return error
  }

  #ended(error: PluginError): void {
    this.#live = undefined
    this.#opened = undefined
    if (!this.#abort.signal.aborted) this.#input.onFailed(error)
  }
}

function errorOf(server: string, cause: unknown): Error {
  if (cause instanceof PluginError || cause instanceof NotModern) return cause
  return new PluginError('SERVER_START_FAILED', `server ${server}: ${messageOf(cause)}`, {cause})
}
