import {randomUUID} from 'node:crypto'
import type {PluginError} from '../../base/errors.ts'
import type {JsonObject} from '../../base/json.ts'
import type {Asking} from '../relay/connection.ts'
import type {OpenUpstream} from '../upstream/upstream.ts'
import type {Id, Notification, Request, Response} from '../wire/jsonrpc.ts'
import {META, metaOf, withMeta} from '../wire/meta.ts'
import {Lanes} from './lanes.ts'
import type {ViewLink, Watch} from './view-link.ts'
import {openWatch, type Watchers} from './watching.ts'

export {NotModern} from './discover.ts'

/** What is told of a server that clients share. */
export interface SharedServerEvents {
  /** The server is open and said this of itself. */
  onOpened(hello: JsonObject): void
  /** The server could not be opened, or ended; the next request opens it again. */
  onFailed(error: PluginError): void
  /** The server says something about a request in flight: the one with this `asking.about`. */
  onNotification(message: Notification, about: Id): void
}

/** What a shared server is made of. */
export interface SharedServerInput {
  readonly server: string
  /** Opens it as a modern server. */
  readonly open: OpenUpstream
  /** Whether everything that it says comes the same way, as over stdio. */
  readonly sharesOneStream: boolean
  /** How long it may take to answer `server/discover` once it runs, in milliseconds; 10 s at most. */
  readonly startTimeoutMs: number
  /** Milliseconds, from any fixed point. */
  readonly now: () => number
  readonly events: SharedServerEvents
}

/**
 * A server of the era without `initialize`, one for all clients of this gateway: every request says itself who asks
 * (MCP 2026-07-28). Opened on first need; a server that turns out to be of the other era rejects with NotModern.
 * What the server says without saying for sure which request it is about is dropped.
 */
export class SharedServer implements AsyncDisposable {
  readonly #server: string
  readonly #lanes: Lanes
  readonly #watchers: Watchers = new Map()

  constructor({events, ...input}: SharedServerInput) {
    this.#server = input.server
    this.#lanes = new Lanes({
      ...input,
      onOpened: hello => events.onOpened(hello),
      onFailed: error => events.onFailed(error),
      onNotification: (message, about) => {
        const watcher = this.#watchers.get(about)
        if (watcher) watcher(message)
        else events.onNotification(message, about)
      },
    })
  }

  /**
   * The server as clients of one kind see it.
   * @param own the entries of `_meta` (protocol version, client, capabilities) of what the gateway itself asks for
   *   them; requests of clients bring their own
   */
  view(own: JsonObject): ViewLink {
    return new View(this.#server, this.#lanes, this.#watchers, own)
  }

  /**
   * Ends the server for good, and with it what is in flight.
   * @throws AggregateError of what went wrong
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lanes[Symbol.asyncDispose]()
  }
}

class View implements ViewLink {
  readonly server: string
  readonly #lanes: Lanes
  readonly #watchers: Watchers
  readonly #own: JsonObject

  constructor(server: string, lanes: Lanes, watchers: Watchers, own: JsonObject) {
    this.server = server
    this.#lanes = lanes
    this.#watchers = watchers
    this.#own = own
  }

  get isOpen(): boolean {
    return this.#lanes.first.isOpen
  }

  get hello(): JsonObject | undefined {
    return this.#lanes.first.hello
  }

  async ready(): Promise<JsonObject> {
    return (await this.#lanes.first.connect(this.#own)).hello
  }

  request(message: Request, asking?: Asking): Promise<Response> {
    const isClients = metaOf(message.params)[META.version] !== undefined
    const sent = isClients ? message : withMeta(message, this.#own)
    return this.#lanes.request(sent, this.#own, asking)
  }

  notify(message: Notification): void {
    this.#lanes.first.notify(message)
  }

  async watch(
    filter: JsonObject,
    tell: (notice: Notification) => void,
    signal: AbortSignal,
  ): Promise<Watch> {
    const {connection} = await this.#lanes.first.connect(this.#own)
    const watch = {server: this.server, about: randomUUID(), own: this.#own, filter, tell, signal}
    return openWatch(connection, this.#watchers, watch)
  }

  /** Nothing was opened for this view alone but its watches, which have signals of their own. */
  async close(): Promise<void> {}
}
