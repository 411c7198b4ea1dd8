import {isJsonObject, type Json, type JsonObject} from '../../base/json.ts'
import {messageOf, PluginError} from '../../base/errors.ts'
import type {Caller, Handler} from '../pipeline/call.ts'
import {pluginFailure} from '../pipeline/explain.ts'
import type {OpenUpstream} from '../upstream/upstream.ts'
import {
  failure,
  isRequest,
  isResponse,
  notification,
  request,
  result,
  RPC,
  type Id,
  type Message,
  type Notification,
  type Request,
  type Response,
} from '../wire/jsonrpc.ts'
import {Cancelled, type Connection} from './connection.ts'
import {gatewayHello, negotiateVersion, type KnownServer} from './hello.ts'
import {Link, type ClientHello} from './link.ts'
import {changedKind, ListChanges} from './list-changes.ts'
import {can, Lists, type Kind, type ListedServer} from './lists.ts'
import {Router} from './router.ts'
import {ServerRequests} from './server-requests.ts'

/** The client's end of a session. */
export interface Downstream {
  /**
   * Sends a message to the client.
   * @param about the client's request that it belongs to, which decides the stream over HTTP
   */
  send(message: Message, about?: Id): void
  /** A request that will get no answer, because the client cancelled it. */
  drop(about: Id): void
}

/** One server as a session needs it. */
export interface SessionServer {
  readonly name: string
  readonly prefix: string | undefined
  readonly allows: (tool: string) => boolean
  readonly open: OpenUpstream
  readonly startTimeoutMs: number
}

export interface SessionInput {
  readonly id: string
  readonly version: string
  readonly servers: readonly SessionServer[]
  /** What each server answered to `initialize` the last time it was seen by anyone. */
  readonly known: (server: string) => JsonObject | undefined
  readonly downstream: Downstream
  /** Wraps the sending of a governed call with everything that governs it. */
  readonly govern: (send: Handler) => Handler
  readonly patienceMs: number
  readonly now: () => number
  readonly events: SessionEvents
  readonly onClose: () => void
}

/** News of a session that concern the whole gateway. */
export interface SessionEvents {
  onOpened(server: string, hello: JsonObject): void
  onFailed(server: string, error: PluginError): void
  onListed(server: string, kind: Kind, count: number): void
}

/**
 * One client's session (MCP revisions with `initialize`): its own connection to every server, its own directory of
 * names. Messages are passed on as they are, but for ids, progress tokens and exposed names.
 */
export class Session {
  readonly #input: SessionInput
  readonly #serverRequests: ServerRequests
  readonly #changes: ListChanges
  readonly #links = new Map<string, Link>()
  readonly #inFlight = new Map<Id, AbortController>()
  /** Who waits for the requests in flight. */
  readonly #waiting: (() => void)[] = []
  #lists: Lists | undefined
  #router: Router | undefined
  #logLevel: JsonObject | undefined
  #closed = false

  constructor(input: SessionInput) {
    this.#input = input
    this.#serverRequests = new ServerRequests((message, about) => this.#tell(message, about))
    this.#changes = new ListChanges(method => this.#tell(notification(method)))
  }

  /** Takes one message of the client. Answers and everything else go to the downstream. */
  receive(message: Message): void {
    if (this.#closed) return
    if (isResponse(message)) this.#serverRequests.answer(message)
    else if (isRequest(message)) void this.#serve(message)
    else this.#hear(message)
  }

  /** Settles when no request is in flight. */
  async idle(): Promise<void> {
    if (this.#inFlight.size > 0) await new Promise<void>(resolve => this.#waiting.push(resolve))
  }

  /**
   * Ends the session and every server connection in it. Requests that are still in flight are answered with an error
   * and cancelled at their servers; after that the client hears nothing any more.
   * @throws AggregateError of what went wrong at the servers, when all of them have been tried
   */
  async close(): Promise<void> {
    for (const [id, call] of this.#inFlight) {
      this.#tell(failure(id, RPC.internalError, 'the session ended before the answer came'), id)
      call.abort(new Cancelled({reason: 'the session has ended'}))
    }
    this.#closed = true
    this.#changes.close()
    const closings = await Promise.allSettled([...this.#links.values()].map(link => link.close()))
    this.#input.onClose()
    const failures = closings.filter(closing => closing.status === 'rejected')
    if (failures.length > 0) throw new AggregateError(failures.map(({reason}) => reason))
  }

  #tell(message: Message, about?: Id): void {
    if (!this.#closed) this.#input.downstream.send(message, about)
  }

  async #serve(message: Request): Promise<void> {
    const {id} = message
    if (this.#inFlight.has(id)) {
      this.#tell(failure(id, RPC.invalidRequest, 'this id is already in use'))
      return
    }
    const call = new AbortController()
    this.#inFlight.set(id, call)
    const answer = await this.#answer(message, call.signal).catch((error: unknown) =>
      error instanceof PluginError
        ? pluginFailure(id, error)
        : failure(id, RPC.internalError, messageOf(error)),
    )
    if (call.signal.aborted) return
    this.#tell(answer, id)
    this.#done(id)
  }

  #done(id: Id): void {
    this.#inFlight.delete(id)
    if (this.#inFlight.size > 0) return
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  async #answer(message: Request, signal: AbortSignal): Promise<Response> {
    if (message.method === 'ping') return result(message.id, {})
    if (message.method === 'initialize') return this.#initialize(message)
    if (!this.#router) {
      return failure(message.id, RPC.invalidRequest, 'the session is not initialized yet')
    }
    if (message.method === 'logging/setLevel') return this.#setLevel(message)
    return this.#router.answer(message, signal)
  }

  #initialize(message: Request): Response {
    if (this.#router) return failure(message.id, RPC.invalidRequest, 'the session is initialized')
    const {id, version, known, patienceMs, events, govern} = this.#input
    const params = message.params ?? {}
    const hello = {protocolVersion: negotiateVersion(params['protocolVersion']), params}
    this.#serverRequests.capabilities = objectOf(params['capabilities'])
    const lists = new Lists(
      this.#input.servers.map(server => this.#listedServer(server, hello)),
      {
        patienceMs,
        onLate: kind => this.#changes.add(kind),
        onListed: (server, kind, count) => events.onListed(server, kind, count),
      },
    )
    this.#lists = lists
    const client = objectOf(params['clientInfo'])['name']
    const caller: Caller = {session: id, client: typeof client === 'string' ? client : 'unknown'}
    this.#router = new Router({links: this.#links, lists, govern, caller})
    const servers = this.#input.servers.map(({name}): KnownServer => ({name, hello: known(name)}))
    return result(message.id, gatewayHello({...hello, version, servers}))
  }

  #listedServer(server: SessionServer, hello: ClientHello): ListedServer {
    const {name, open, startTimeoutMs} = server
    const {id, now, events} = this.#input
    const link = new Link(
      {server: name, session: id, hello, open, startTimeoutMs, now},
      {
        onServerRequest: (from, message, about) => this.#serverRequests.ask(from, message, about),
        onNotification: (from, message, about) => this.#relay({name, from}, message, about),
        onOpened: answer => {
          events.onOpened(name, answer)
          if (this.#logLevel) void this.#tellLevel(link, this.#logLevel)
        },
        onFailed: error => events.onFailed(name, error),
        onEnded: connection => this.#serverRequests.forget(connection),
      },
    )
    this.#links.set(name, link)
    return {link, prefix: server.prefix, allows: server.allows}
  }

  #setLevel(message: Request): Response {
    const params = message.params ?? {}
    this.#logLevel = params
    for (const link of this.#links.values()) if (link.isOpen) void this.#tellLevel(link, params)
    return result(message.id, {})
  }

  async #tellLevel(link: Link, params: JsonObject): Promise<void> {
    if (!can(link.hello, 'logging')) return
    // What it answers makes no difference: the client was told that it is done.
    await link.request(request('level', 'logging/setLevel', params)).catch(() => undefined)
  }

  #hear(message: Notification): void {
    if (message.method === 'notifications/initialized') return
    if (message.method === 'notifications/progress') return this.#serverRequests.progress(message)
    if (message.method === 'notifications/cancelled') return this.#cancelled(message)
    for (const link of this.#links.values()) link.notify(message)
  }

  #cancelled({params = {}}: Notification): void {
    const id = params['requestId']
    if (typeof id !== 'string' && typeof id !== 'number') return
    const call = this.#inFlight.get(id)
    if (!call) return
    call.abort(new Cancelled(params))
    this.#input.downstream.drop(id)
    this.#done(id)
  }

  #relay(
    {name, from}: {name: string; from: Connection},
    message: Notification,
    about: Id | undefined,
  ): void {
    const kind = changedKind(message.method)
    if (kind) {
      this.#lists?.forget(name, kind)
      if (kind === 'resources') this.#lists?.forget(name, 'templates')
      this.#changes.add(kind)
    } else if (message.method === 'notifications/cancelled') {
      this.#serverRequests.cancel(from, message)
    } else {
      // News of a resource belong to whoever subscribed, not to a request (MCP 2025-11-25, transports).
      this.#tell(message, message.method === 'notifications/resources/updated' ? undefined : about)
    }
  }
}

function objectOf(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {}
}
