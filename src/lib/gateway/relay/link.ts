import type {JsonObject} from '../../base/json.ts'
import {withDeadline} from '../../base/async.ts'
import {messageOf, PluginError} from '../../base/errors.ts'
import type {OpenUpstream} from '../upstream/upstream.ts'
import {
  isResult,
  notification,
  request,
  type Notification,
  type Request,
  type Response,
} from '../wire/jsonrpc.ts'
import {withId} from '../wire/text.ts'
import {Connection, endedError, NotTaken, type Asking, type ConnectionEvents} from './connection.ts'

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

/** A server that could not be started is not tried again for this long: lists come in threes. */
const COOL_DOWN_MS = 5000

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
  /** Milliseconds, from any fixed point. */
  readonly now: () => number
}

/** One server as those see it who route requests to it: opened on first need, whatever era it is of. */
export interface ServerLink {
  readonly server: string
  /** Whether the server is there now. */
  readonly isOpen: boolean
  /** What the server said of itself when it was opened last: its capabilities, instructions and more. */
  readonly hello: JsonObject | undefined
  /**
   * Opens the server if it is not open.
   * @returns what it said of itself
   * @throws PluginError when it cannot be started
   */
  ready(): Promise<JsonObject>
  /**
   * Sends a request and gives the server's answer, under the request's own id.
   * @throws PluginError when the server cannot be started or ends before it answers; Cancelled
   */
  request(message: Request, asking?: Asking): Promise<Response>
  /** Passes a notification on. */
  notify(message: Notification): void
}

/** An opened connection with what its `initialize` answered. */
interface Live {
  readonly connection: Connection
  readonly hello: JsonObject
}

/**
 * One client session's own way to one server: opened on first need, once however many ask, and again after the
 * server has ended.
 */
export class Link implements ServerLink {
  readonly #input: LinkInput
  readonly #events: LinkEvents
  readonly #abort = new AbortController()
  #live: Promise<Live> | undefined
  /** From the moment it can be ended; it may still be opening. */
  #connection: Connection | undefined
  #opened: Live | undefined
  #lastHello: JsonObject | undefined
  #lastFailure: {error: PluginError; at: number} | undefined
  /** What the client said before the server was open. */
  readonly #unsent: Notification[] = []
  /** URIs that the client wants news of, as the server knows them. */
  readonly #subscriptions = new Set<string>()

  constructor(input: LinkInput, events: LinkEvents) {
    this.#input = input
    this.#events = events
  }

  get server(): string {
    return this.#input.server
  }

  /** Whether the server is there now. */
  get isOpen(): boolean {
    return this.#opened !== undefined
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
    return (await this.#connect()).hello
  }

  /**
   * Sends a request of the client, or of the gateway itself, and gives the server's answer as it came, under the
   * request's own id.
   * @param asking for a request of the client: its id and when it gives up
   * @throws PluginError when the server cannot be started or ends before it answers; Cancelled when the client gives
   *   up, also while the server is still starting: then it never hears of the request
   */
  async request(message: Request, asking?: Asking): Promise<Response> {
    const {connection} = await this.#connect()
    const response = await connection.request(message, asking).catch((error: unknown) => {
      if (error instanceof NotTaken) return this.#again(connection, message, asking)
      throw error
    })
    this.#note(message, response)
    return withId(response, message.id)
  }

  /** Passes a notification on, or keeps it until the server is open. */
  notify(message: Notification): void {
    if (this.#opened) return this.#opened.connection.notify(message)
    this.#unsent.push(message)
    if (this.#unsent.length > MOST_UNSENT) this.#unsent.shift()
  }

  /** Ends the connection for good, also one that is still being opened. */
  async close(): Promise<void> {
    const reason = new PluginError(
      'SERVER_START_FAILED',
      `server ${this.server}: the session has ended`,
    )
    this.#abort.abort(reason)
    await this.#connection?.dispose()
    // One that was still being opened is there only now.
    await this.#live?.catch(() => undefined)
    await this.#connection?.dispose()
  }

  /** A server that no longer knew the session has not taken the request, which is asked of the next session once. */
  async #again(lost: Connection, message: Request, asking?: Asking): Promise<Response> {
    await lost.ended
    const {connection} = await this.#connect()
    return connection.request(message, asking)
  }

  #note({method, params}: Request, response: Response): void {
    const uri = params?.['uri']
    if (typeof uri !== 'string' || !isResult(response)) return
    if (method === 'resources/unsubscribe') this.#subscriptions.delete(uri)
    if (method !== 'resources/subscribe') return
    if (this.#subscriptions.size < MOST_SUBSCRIPTIONS) this.#subscriptions.add(uri)
  }

  #connect(): Promise<Live> {
    const {signal} = this.#abort
    if (signal.aborted) return Promise.reject(signal.reason)
    const failed = this.#lastFailure
    if (failed && this.#input.now() - failed.at < COOL_DOWN_MS) return Promise.reject(failed.error)
    this.#live ??= this.#start()
    return this.#live
  }

  async #start(): Promise<Live> {
    try {
      const connection = await this.#dial()
      const live = {connection, hello: await this.#handshake(connection)}
      const isFirst = this.#lastHello === undefined
      this.#opened = live
      this.#lastHello = live.hello
      // Before anything else is asked of it.
      this.#events.onOpened(live.hello, connection)
      for (const message of this.#unsent.splice(0)) connection.notify(message)
      if (!isFirst) this.#subscribeAgain(connection)
      void connection.ended.then(error => this.#ended(connection, error))
      return live
    } catch (error) {
      throw this.#failed(error)
    }
  }

  async #dial(): Promise<Connection> {
    const {signal} = this.#abort
    let connection: Connection | undefined
    const upstream = await this.#input.open({
      session: this.#input.session,
      // A server has nothing to say before it is asked to initialize.
      onMessage: (message, origin) => connection?.receive(message, origin),
      signal,
    })
    connection = new Connection(this.server, upstream, this.#events)
    this.#connection = connection
    if (!signal.aborted) return connection
    await connection.dispose()
    throw signal.reason
  }

  async #handshake(connection: Connection): Promise<JsonObject> {
    const {hello, startTimeoutMs} = this.#input
    const params = {...hello.params, protocolVersion: hello.protocolVersion}
    const asked = connection.request(request(0, 'initialize', params))
    try {
      const answer = await withDeadline(asked, startTimeoutMs, () => tooSlow(startTimeoutMs))
      if (!isResult(answer)) {
        const why = connection.redact(answer.error.message)
        throw new NoHello(`refused to start a session: ${why}`)
      }
      connection.notify(notification('notifications/initialized'))
      return answer.result
    } catch (error) {
      const reason = await connection.abandon()
      throw error instanceof NoHello
        ? endedError(this.server, {...reason, what: error.message})
        : error
    }
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

  #failed(cause: unknown): PluginError {
    const error = cause instanceof PluginError ? cause : startError(this.server, cause)
    this.#live = undefined
    this.#lastFailure = {error, at: this.#input.now()}
    if (!this.#abort.signal.aborted) this.#events.onFailed(error)
    return error
  }

  #ended(connection: Connection, error: PluginError): void {
    this.#live = undefined
    this.#opened = undefined
    this.#events.onEnded(connection)
    if (!this.#abort.signal.aborted) this.#events.onFailed(error)
  }
}

/** A server runs, but `initialize` did not lead to a session. */
class NoHello extends Error {}

function tooSlow(milliseconds: number): NoHello {
  return new NoHello(`did not answer initialize within ${milliseconds / 1000} s`)
}

function startError(server: string, cause: unknown): PluginError {
  return new PluginError('SERVER_START_FAILED', `server ${server}: ${messageOf(cause)}`, {cause})
}
