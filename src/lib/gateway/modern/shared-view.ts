import type {JsonObject} from '../../base/json.ts'
import type {Asking} from '../relay/connection.ts'
import type {Notification, Request, Response} from '../wire/jsonrpc.ts'
import {META, metaOf, withMeta} from '../wire/meta.ts'
import type {ModernLink, Watch} from './view-link.ts'

/** Somebody who wants to be told of changes. */
export interface Listener {
  readonly tell: (notice: Notification) => void
  readonly signal: AbortSignal
}

/**
 * A server of the era without `initialize`, for all clients of this gateway. What is asked of it says who asks: `own`
 * are the entries of `_meta` that do (protocol version, client, capabilities).
 */
export interface Shared extends AsyncDisposable {
  readonly name: string
  readonly isOpen: boolean
  /** What the server said of itself when it was asked last. */
  readonly hello: JsonObject | undefined
  /**
   * Opens the server if it is not open.
   * @throws NotModern; PluginError when it cannot be started; after a while the next call tries again
   */
  ready(own: JsonObject): Promise<JsonObject>
  /**
   * Asks a server once more what it is, since another one may answer at the same place.
   * @throws as {@link ready}
   */
  check(own: JsonObject): Promise<JsonObject>
  /**
   * Sends a request and gives the server's answer, under the request's own id. One that the server cannot have seen,
   * because it had ended, is sent once more.
   * @throws as {@link ready}; PluginError when the server ends before it answers; Cancelled
   */
  request(message: Request, own: JsonObject, asking?: Asking): Promise<Response>
  /** Passes a notification on; a server that is not open needs none. */
  notify(message: Notification): void
  /** Has the server tell of changes, see {@link ModernLink}. */
  watch(own: JsonObject, filter: JsonObject, listener: Listener): Promise<Watch>
  /** Waits until the server is open, without opening it. @throws the signal's reason */
  whenOpen(signal: AbortSignal): Promise<void>
  /**
   * Ends the server for good, also one that is still being opened.
   * @param what why, as one clause for whoever waits for an answer
   * @throws what keeps it from being ended
   */
  close(what?: string): Promise<void>
}

/**
 * A shared server as clients of one kind see it. What the gateway itself asks for them is given their `own` entries;
 * requests of clients bring theirs.
 */
export class SharedView implements ModernLink {
  readonly #shared: Shared
  readonly #own: JsonObject

  constructor(shared: Shared, own: JsonObject) {
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
