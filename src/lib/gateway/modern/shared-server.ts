import {randomUUID} from 'node:crypto'
import {messageOf, PluginError} from '../../base/errors.ts'
import type {JsonObject} from '../../base/json.ts'
import {Connection, NotTaken, type Asking} from '../relay/connection.ts'
import type {OpenUpstream} from '../upstream/upstream.ts'
import {unlessAborted} from '../upstream/waiting.ts'
import type {Id, Notification, Request, Response} from '../wire/jsonrpc.ts'
import {META, metaOf, withMeta} from '../wire/meta.ts'
import {withId} from '../wire/text.ts'
import {discover, NotModern} from './discover.ts'
import type {ModernLink, Watch} from './view-link.ts'
import {openWatch, type Watchers} from './watching.ts'

/** A server that could not be started is not tried again for this long: lists come in threes. */
const COOL_DOWN_MS = 5000

/** What is told of a server that clients share. */
export interface SharedServerEvents {
  /** The server is open and said this of itself. */
  onOpened(hello: JsonObject): void
  /** The server could not be opened, or ended, or could not be ended; the next request opens it again. */
  onFailed(error: PluginError): void
  /** The server says something about a request in flight: the one with this `asking.about`. */
  onNotification(message: Notification, about: Id): void
}

/** What a shared server is made of. */
export interface SharedServerInput {
  readonly server: string
  /** Opens it as a modern server. */
  readonly open: OpenUpstream
  /** How long it may take to answer `server/discover` once it runs, in milliseconds. */
  readonly startTimeoutMs: number
  /** Whether it is known to be a modern one: any other is waited for less long. */
  readonly isKnown: () => boolean
  /** Milliseconds, from any fixed point. */
  readonly now: () => number
  readonly events: SharedServerEvents
}

/** A connection to a server that has said what it can do. */
interface Live {
  readonly connection: Connection
  hello: JsonObject
}

/**
 * A server of the era without `initialize`, one for all clients of this gateway: every request says itself who asks
 * (MCP 2026-07-28). One process, or one way to it over HTTP, since its tasks and its states are known to no other;
 * opened on first need, once however many ask, and again after it has ended. A server that turns out to be of the
 * other era rejects with NotModern. What it says without saying for sure which request it is about is dropped.
 */
export class SharedServer implements AsyncDisposable {
  readonly #input: SharedServerInput
  readonly #watchers: Watchers = new Map()
  readonly #abort = new AbortController()
  #live: Promise<Live> | undefined
  /** From the moment it can be ended; it may still be opening. */
  #connection: Connection | undefined
  #opened: Live | undefined
  #lastHello: JsonObject | undefined
  #lastFailure: {error: Error; at: number} | undefined
  /** It did not answer `server/discover` as soon as most do: the next time it gets all the time there is. */
  #isSlow = false
  readonly #waiting = new Set<() => void>()

  constructor(input: SharedServerInput) {
    this.#input = input
  }

  get name(): string {
    return this.#input.server
  }

  get isOpen(): boolean {
    return this.#opened !== undefined
  }

  /** What the server said of itself when it was asked last. */
  get hello(): JsonObject | undefined {
    return this.#lastHello
  }

  /**
   * The server as clients of one kind see it.
   * @param own the entries of `_meta` (protocol version, client, capabilities) of what the gateway itself asks for
   *   them; requests of clients bring their own
   */
  view(own: JsonObject): ModernLink {
    return new View(this, own)
  }

  /**
   * Opens the server if it is not open.
   * @param own the entries of `_meta` that say who asks
   * @throws NotModern; PluginError when it cannot be started; after a while the next call tries again
   */
  async ready(own: JsonObject): Promise<JsonObject> {
    return (await this.#current(own)).hello
  }

  /**
   * Asks a server once more what it is, since another one may answer at the same place.
   * @throws as {@link ready}
   */
  async check(own: JsonObject): Promise<JsonObject> {
    const opened = this.#opened
    // What it was is not what it is.
    if (this.#lastFailure?.error instanceof NotModern) this.#lastFailure = undefined
    if (!opened || opened.connection.hasEnded) return this.ready(own)
    const hello = await this.#discover(opened.connection, own, false)
    opened.hello = hello
    if (this.#opened === opened) this.#lastHello = hello
    return hello
  }

  /**
   * Sends a request and gives the server's answer, under the request's own id. One that the server cannot have seen,
   * because it had ended, is sent once more.
   * @throws as {@link ready}; PluginError when the server ends before it answers; Cancelled
   */
  async request(message: Request, own: JsonObject, asking?: Asking): Promise<Response> {
    const opened = this.#opened
    const isThere = opened !== undefined && !opened.connection.hasEnded
    const {connection} = isThere ? opened : await this.#current(own)
    const response = await connection.request(message, asking).catch(async (error: unknown) => {
      if (!(error instanceof NotTaken)) throw error
      const next = await this.#current(own)
      return next.connection.request(message, asking)
    })
    return withId(response, message.id)
  }

  /** Passes a notification on; a server that is not open needs none. */
  notify(message: Notification): void {
    this.#opened?.connection.notify(message)
  }

  /** Has the server tell of changes, see {@link ModernLink}. */
  async watch(
    own: JsonObject,
    filter: JsonObject,
    {tell, signal}: {tell: (notice: Notification) => void; signal: AbortSignal},
  ): Promise<Watch> {
    const {connection} = await this.#current(own)
    const watch = {server: this.name, about: randomUUID(), own, filter, tell, signal}
    return openWatch(connection, this.#watchers, watch)
  }

  /** Waits until the server is open. @throws the signal's reason */
  async whenOpen(signal: AbortSignal): Promise<void> {
    if (this.isOpen) return
    const {promise, resolve} = Promise.withResolvers<void>()
    this.#waiting.add(resolve)
    try {
      await unlessAborted(promise, signal)
    } finally {
      this.#waiting.delete(resolve)
    }
  }

  /**
   * Ends the server for good, also one that is still being opened, and with it what is in flight. Never rejects: what
   * goes wrong is told as a failure.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const {server, events} = this.#input
    const why = `server ${server}: it is no longer needed`
    this.#abort.abort(new PluginError('SERVER_START_FAILED', why))
    // What fails here is tried again below.
    await this.#connection?.dispose().catch(() => undefined)
    // One that was still being opened is there only now.
    await this.#live?.catch(() => undefined)
    await this.#connection?.dispose().catch((cause: unknown) => {
      events.onFailed(startError(server, ` cannot be ended: ${messageOf(cause)}`, cause))
    })
  }

  async #current(own: JsonObject): Promise<Live> {
    const live = await this.#connect(own)
    if (!live.connection.hasEnded) return live
    await live.connection.ended
    return this.#connect(own)
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
      this.#input.events.onOpened(live.hello)
      for (const resolve of this.#waiting) resolve()
      void connection.ended.then(error => this.#ended(error))
      return live
    } catch (error) {
      throw this.#failed(error)
    }
  }

  async #dial(): Promise<Connection> {
    const {server, open, now} = this.#input
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
        if (about !== undefined) this.#hear(message, about)
      },
    }
    connection = new Connection(server, upstream, events, {now})
    this.#connection = connection
    if (!signal.aborted) return connection
    await connection.dispose()
    throw signal.reason
  }

  #hear(message: Notification, about: Id): void {
    const watcher = this.#watchers.get(about)
    if (watcher) watcher(message)
    else this.#input.events.onNotification(message, about)
  }

  async #handshake(connection: Connection, own: JsonObject): Promise<JsonObject> {
    try {
      return await this.#discover(connection, own, this.#isPatient)
    } catch (error) {
      await connection.abandon()
      throw error
    }
  }

  #discover(connection: Connection, own: JsonObject, isPatient: boolean): Promise<JsonObject> {
    const {server, startTimeoutMs} = this.#input
    return discover(connection, {server, own, startTimeoutMs, isPatient})
  }

  get #isPatient(): boolean {
    return this.#isSlow || this.#input.isKnown()
  }

  #failed(cause: unknown): Error {
    const {signal} = this.#abort
    const {server, events, now} = this.#input
    const error = signal.aborted ? signal.reason : errorOf(server, cause)
    this.#live = undefined
    const isSilent = error instanceof NotModern && error.why === 'silence'
    this.#isSlow = isSilent && !this.#isPatient
    // One that was given too little time may be asked again at once.
    if (!this.#isSlow) this.#lastFailure = {error, at: now()}
    if (!signal.aborted && error instanceof PluginError) events.onFailed(error)
    return error
  }

  #ended(error: PluginError): void {
    this.#live = undefined
    this.#opened = undefined
    if (!this.#abort.signal.aborted) this.#input.events.onFailed(error)
  }
}

class View implements ModernLink {
  readonly #shared: SharedServer
  readonly #own: JsonObject

  constructor(shared: SharedServer, own: JsonObject) {
    this.#shared = shared
    this.#own = own
  }

  get server(): string {
    return this.#shared.name
  }

  get isOpen(): boolean {
    return this.#shared.isOpen
  }

  get hello(): JsonObject | undefined {
    return this.#shared.hello
  }

  ready(): Promise<JsonObject> {
    return this.#shared.ready(this.#own)
  }

  check(): Promise<JsonObject> {
    return this.#shared.check(this.#own)
  }

  request(message: Request, asking?: Asking): Promise<Response> {
    const isClients = metaOf(message.params)[META.version] !== undefined
    const sent = isClients ? message : withMeta(message, this.#own)
    return this.#shared.request(sent, this.#own, asking)
  }

  notify(message: Notification): void {
    this.#shared.notify(message)
  }

  watch(
    filter: JsonObject,
    tell: (notice: Notification) => void,
    signal: AbortSignal,
  ): Promise<Watch> {
    return this.#shared.watch(this.#own, filter, {tell, signal})
  }

  whenOpen(signal: AbortSignal): Promise<void> {
    return this.#shared.whenOpen(signal)
  }

  /** Nothing was opened for this view alone but its watches, which have signals of their own. */
  async close(): Promise<void> {}
}

function errorOf(server: string, cause: unknown): Error {
  if (cause instanceof PluginError || cause instanceof NotModern) return cause
  return startError(server, `: ${messageOf(cause)}`, cause)
}

function startError(server: string, why: string, cause: unknown): PluginError {
  return new PluginError('SERVER_START_FAILED', `server ${server}${why}`, {cause})
}
