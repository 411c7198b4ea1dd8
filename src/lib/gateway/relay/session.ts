import {objectOf, type JsonObject} from '../../base/json.ts'
import {messageOf, PluginError} from '../../base/errors.ts'
import {clientName, type Caller} from '../pipeline/call.ts'
import {pluginFailure} from '../pipeline/explain.ts'
import {
  failure,
  isRequest,
  isResponse,
  notification,
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
import type {Remembered} from '../memory.ts'
import type {ListedServer} from './list-state.ts'
import type {Lists} from './lists.ts'
import {listedBy} from './pages.ts'
import {LogLevel} from './log-level.ts'
import {rememberedLists} from './remembered-lists.ts'
import type {RequestRouter} from './request-router.ts'
import {Router} from './router.ts'
import {ServerRequests} from './server-requests.ts'
import type {SessionInput, SessionServer} from './session-input.ts'
import {SoleRouter} from './sole-router.ts'
import {onceEach} from './warnings.ts'

/** Requests that one client has answered at the same time. */
const MOST_IN_FLIGHT = 1000

/**
 * One client's session (MCP revisions with `initialize`): its own connection to every server, its own directory of
 * names. Messages are passed on as they are, but for ids, progress tokens and exposed names.
 */
export class Session {
  readonly #input: SessionInput
  readonly #serverRequests: ServerRequests
  readonly #changes: ListChanges
  readonly #level = new LogLevel()
  readonly #warn: (text: string) => void
  readonly #links = new Map<string, Link>()
  readonly #inFlight = new Map<Id, AbortController>()
  /** Who waits for the requests in flight. */
  readonly #waiting: (() => void)[] = []
  #lists: Lists | undefined
  #router: RequestRouter | undefined
  #protocolVersion: string | undefined
  #caller: Caller
  #closed = false

  constructor(input: SessionInput) {
    this.#input = input
    this.#caller = {session: input.id, client: clientName(undefined)}
    this.#warn = onceEach(text => input.events.onWarning(text))
    this.#serverRequests = new ServerRequests((message, about) => this.#tell(message, about))
    this.#changes = new ListChanges(method => this.#tell(notification(method)))
  }

  /** Takes one message of the client. Answers and everything else go to the downstream. */
  receive(message: Message): void {
    if (this.#closed) return
    if (isResponse(message)) this.#serverRequests.answer(this.#router?.toServer(message) ?? message)
    else if (isRequest(message)) void this.#serve(message)
    else this.#hear(message)
  }

  /** What was negotiated with the client; undefined before that. */
  get protocolVersion(): string | undefined {
    return this.#protocolVersion
  }

  /** Whether a request with this id is being answered. */
  isServing(id: Id): boolean {
    return this.#inFlight.has(id)
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
      return this.#tell(failure(id, RPC.invalidRequest, 'this id is already in use'))
    }
    if (this.#inFlight.size >= MOST_IN_FLIGHT) {
      return this.#tell(failure(id, RPC.internalError, 'too many requests are in flight'), id)
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
    const listed = listedBy(message.method)
    if (listed) this.#changes.asked(listed)
    const inquiry = {caller: this.#caller, signal}
    if (message.method !== 'logging/setLevel') return this.#router.answer(message, inquiry)
    const links = [...this.#links.values()]
    return this.#level.set(message, {links, router: this.#router, inquiry})
  }

  #initialize(message: Request): Response {
    if (this.#router) return failure(message.id, RPC.invalidRequest, 'the session is initialized')
    const {id, version, servers, memory, govern, patienceMs, events, now} = this.#input
    const params = message.params ?? {}
    const hello = {protocolVersion: negotiateVersion(params['protocolVersion']), params}
    this.#protocolVersion = hello.protocolVersion
    this.#serverRequests.capabilities = objectOf(params['capabilities'])
    const hellos = new Map<string, JsonObject | undefined>()
    const listed = servers.map(server => {
      const known = memory.recall(server.name, hello)
      hellos.set(server.name, known.hello)
      return this.#listedServer(server, hello, known)
    })
    const lists = rememberedLists(listed, {
      hello,
      memory,
      events,
      patienceMs,
      now,
      onChange: kind => this.#changes.add(kind),
      onRefused: error => this.#warn(messageOf(error)),
    })
    this.#lists = lists
    this.#caller = {session: id, client: clientName(params['clientInfo'])}
    const [sole, ...others] = listed
    this.#router =
      sole && others.length === 0 && sole.prefix === undefined
        ? new SoleRouter({server: sole, lists, govern})
        : new Router({
            links: this.#links,
            lists,
            hello: server => this.#links.get(server)?.hello ?? hellos.get(server),
            govern,
            patienceMs,
            warn: text => this.#warn(text),
          })
    const known = servers.map(({name}): KnownServer => ({name, hello: hellos.get(name)}))
    return result(message.id, gatewayHello({...hello, version, servers: known}))
  }

  #listedServer(server: SessionServer, hello: ClientHello, remembered: Remembered): ListedServer {
    const {name, open, startTimeoutMs, prefix, allows, isDoubtful} = server
    const {id, now, events, memory} = this.#input
    const link = new Link(
      {server: name, session: id, hello, open, startTimeoutMs, now},
      {
        onServerRequest: (from, message, about) =>
          this.#serverRequests.ask(from, this.#router?.toClient(name, message) ?? message, about),
        onNotification: (from, message, about) => this.#relay({name, from}, message, about),
        onOpened: (answer, connection) => {
          memory.opened(name, hello, answer)
          events.onOpened(name)
          this.#level.tell(answer, connection)
          this.#lists?.refresh(name, {isReopened: false})
        },
        onReopened: (from, uris) => this.#reopened({name, from}, uris),
        onFailed: error => events.onFailed(name, error),
        onEnded: connection => this.#serverRequests.forget(connection),
      },
    )
    this.#links.set(name, link)
    return {
      link,
      prefix,
      allows,
      remembered: remembered.lists,
      isUnknown: !remembered.hello,
      isDoubtful,
    }
  }

  /** A server was started again: whatever it lists, and whatever the client watches there, may have changed. */
  #reopened(server: {name: string; from: Connection}, uris: readonly string[]): void {
    this.#lists?.refresh(server.name, {isReopened: true})
    for (const uri of uris) {
      this.#relay(server, notification('notifications/resources/updated', {uri}), undefined)
    }
  }

  #hear(message: Notification): void {
    if (message.method === 'notifications/initialized') return
    if (message.method === 'notifications/progress') return this.#serverRequests.progress(message)
    if (message.method === 'notifications/cancelled') return this.#cancelled(message)
    if (message.method === 'notifications/tasks/status') {
      // A task at the client concerns the server that asked for it, and no other.
      if (this.#serverRequests.taskStatus(message) || this.#links.size > 1) return
    }
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
      if (this.#links.size > 1) this.#changes.add(kind)
      else if (this.#changes.isNews(kind)) this.#tell(message)
    } else if (message.method === 'notifications/cancelled') {
      this.#serverRequests.cancel(from, message)
    } else {
      // News of a resource belong to whoever subscribed, not to a request (MCP 2025-11-25, transports).
      this.#tell(
        this.#router?.toClient(name, message) ?? message,
        message.method === 'notifications/resources/updated' ? undefined : about,
      )
    }
  }
}
