import {messageOf, PluginError} from '../../base/errors.ts'
import {isJsonObject, type JsonObject} from '../../base/json.ts'
import {ownNames} from '../directory.ts'
import {clientName, type Handler} from '../pipeline/call.ts'
import {pluginFailure} from '../pipeline/explain.ts'
import {gatewayInfo} from '../relay/hello.ts'
import {NOT_KEPT, type CacheHint} from '../relay/hints.ts'
import type {ClientHello} from '../relay/link.ts'
import {changedKind} from '../relay/list-changes.ts'
import type {ListedServer} from '../relay/list-state.ts'
import {isInTime, Lists} from '../relay/lists.ts'
import {listedBy, type Kind} from '../relay/pages.ts'
import type {RequestRouter} from '../relay/request-router.ts'
import {Router} from '../relay/router.ts'
import type {ServersMemory, SessionEvents} from '../relay/session-input.ts'
import {methodNotFound, type Seal} from '../relay/several.ts'
import {SoleRouter} from '../relay/sole-router.ts'
import {onceEach} from '../relay/warnings.ts'
import {
  failure,
  isResult,
  result,
  RPC,
  type Id,
  type Notification,
  type Request,
  type Response,
} from '../wire/jsonrpc.ts'
import {META, metaOf} from '../wire/meta.ts'
import {modernAnswer} from './answers.ts'
import {gatewayDiscovery, ownDiscovery} from './own-discovery.ts'
import type {EraLink} from './era-link.ts'
import type {Exchange} from './exchange.ts'
import {follow, listFilter} from './follow.ts'
import {listen} from './listen.ts'
import {splitFilter} from './split-filter.ts'
import type {ViewLink} from './view-link.ts'

/** One server as a view needs it. */
export interface ViewServer {
  readonly link: EraLink
  readonly prefix: string | undefined
  readonly allows: (tool: string) => boolean
  readonly isDoubtful: boolean
}

export interface ViewInput {
  readonly id: string
  readonly version: string
  /** What servers are told of the view's clients, and what is remembered for their kind. */
  readonly hello: ClientHello
  readonly servers: readonly ViewServer[]
  readonly memory: ServersMemory
  readonly govern: (send: Handler) => Handler
  readonly seal: Seal
  readonly patienceMs: number
  readonly now: () => number
  readonly events: SessionEvents
  /** Aborted when the gateway stops, or the view is closed. */
  readonly stop: AbortSignal
}

/** Methods that modern revisions do not have, and that must not reach a legacy server from one of their clients. */
const REMOVED: ReadonlySet<string> = new Set([
  'initialize',
  'ping',
  'logging/setLevel',
  'resources/subscribe',
  'resources/unsubscribe',
  'tasks/list',
  'tasks/result',
])

/**
 * The servers as clients of one kind see them: those with the same authorization and the same capabilities (MCP
 * 2026-07-28: what a server shows may depend on both, but not on the connection). It has no client of its own, and
 * knows nothing of a request once that is answered.
 */
export class View {
  readonly #input: ViewInput
  readonly #lists: Lists
  readonly #router: RequestRouter
  readonly #links: ReadonlyMap<string, EraLink>
  /** What servers said of themselves before they are open. */
  readonly #remembered = new Map<string, JsonObject | undefined>()
  readonly #openedAt = new Map<string, number>()
  readonly #warn: (text: string) => void
  readonly #changeListeners = new Set<(kind: Kind) => void>()

  constructor(input: ViewInput) {
    const {servers, memory, hello, govern} = input
    this.#input = input
    this.#warn = onceEach(text => input.events.onWarning(text))
    this.#links = new Map(servers.map(({link}) => [link.server, link]))
    const listed = servers.map(({isDoubtful, ...server}): ListedServer => {
      const known = memory.recall(server.link.server, hello)
      this.#remembered.set(server.link.server, known.hello)
      return {...server, remembered: known.lists, isUnknown: !known.hello, isDoubtful}
    })
    this.#lists = this.#openLists(listed)
    const [sole, ...others] = listed
    this.#router =
      sole && others.length === 0 && sole.prefix === undefined
        ? new SoleRouter({server: sole, lists: this.#lists, govern})
        : new Router({
            links: this.#links,
            lists: this.#lists,
            hello: server => this.#hello(server),
            govern,
            seal: input.seal,
            patienceMs: input.patienceMs,
            warn: this.#warn,
          })
  }

  /**
   * Answers one request.
   * @param key the id that stands for the client's own towards servers: no other request has it
   * @throws the signal's reason when the client is gone
   */
  async answer(key: Id, exchange: Exchange): Promise<Response> {
    const request = {...exchange.request, id: key}
    const answer = await this.#answer(request, exchange).catch((error: unknown) => {
      exchange.signal.throwIfAborted()
      return error instanceof PluginError
        ? pluginFailure(key, error)
        : failure(key, RPC.internalError, messageOf(error))
    })
    exchange.signal.throwIfAborted()
    const {method} = request
    return modernAnswer(answer, {method, by: this.#serverInfo(), hint: this.#hint(method)})
  }

  /** A server's notice as clients of this view are to see it. */
  toClient(server: string, notice: Notification): Notification {
    return this.#router.toClient(server, notice)
  }

  /** A legacy server of this view says that something has changed. */
  heard(server: string, {method}: Notification): void {
    const kind = changedKind(method)
    if (kind) this.#outdated(server, kind)
  }

  /** A server was opened for this view. */
  opened(server: string, hello: JsonObject): void {
    const {memory, events, now} = this.#input
    this.#openedAt.set(server, now())
    memory.opened(server, this.#input.hello, hello)
    events.onOpened(server)
    this.#lists.refresh(server, {isReopened: false})
  }

  /** A modern server is there: its changes are heard of from now on. */
  follows(server: string, hello: JsonObject, link: ViewLink): void {
    const changed = (kind: Kind) => this.#outdated(server, kind)
    void follow(link, listFilter(hello), {changed, signal: this.#input.stop}) // never rejects
  }

  /** Ends what was opened for this view alone. */
  async close(): Promise<void> {
    await Promise.all([...this.#links.values()].map(link => link.close()))
  }

  async #answer(message: Request, exchange: Exchange): Promise<Response> {
    const {signal, mirrored} = exchange
    const {method} = message
    if (method === 'server/discover') return this.#discover(message, exchange)
    if (method === 'subscriptions/listen') return this.#listen(message, exchange)
    if (REMOVED.has(method)) return methodNotFound(message)
    const client = clientName(metaOf(message.params)[META.client])
    const caller = {session: this.#input.id, client}
    return this.#router.answer(message, {caller, signal, mirrored})
  }

  /** The only server answers for itself when it is of the same era; otherwise what is known is put together. */
  async #discover(message: Request, {signal}: Exchange): Promise<Response> {
    const [sole, ...others] = this.#links.values()
    if (sole && others.length === 0) {
      const known = this.#hello(sole.server)
      const ready = sole.ready().catch(() => undefined)
      // What it said earlier will do for a server that is not there yet.
      if (!known) await isInTime(ready, this.#input.patienceMs)
      if (sole.isModern) {
        const answer = await sole.request(message, {about: message.id, signal})
        return isResult(answer) ? {...answer, result: ownDiscovery(answer.result)} : answer
      }
    }
    const {version, now} = this.#input
    const servers = [...this.#links.keys()].map(name => {
      const openedAt = this.#openedAt.get(name)
      const ageMs = openedAt === undefined ? Infinity : now() - openedAt
      return {name, hello: this.#hello(name), ageMs}
    })
    return result(message.id, gatewayDiscovery({version, servers}))
  }

  /** Its notices carry the client's own id, and so does its answer until it is given the key's. */
  async #listen({id, params}: Request, exchange: Exchange): Promise<Response> {
    const filter = params?.['notifications']
    const own = isJsonObject(filter) ? filter : {}
    const parts = await splitFilter(own, [...this.#links.keys()], this.#router)
    const links = [...this.#links.values()].filter(({server}) => parts.has(server))
    const answer = await listen(exchange, {
      links,
      split: () => new Map(links.map(link => [link, parts.get(link.server) ?? {}])),
      toClient: (server, notice) => this.#router.toClient(server, notice),
      changes: onChange => this.#onChange(onChange),
      stop: this.#input.stop,
    })
    return {...answer, id}
  }

  #onChange(listener: (kind: Kind) => void): Disposable {
    this.#changeListeners.add(listener)
    return {[Symbol.dispose]: () => void this.#changeListeners.delete(listener)}
  }

  #openLists(servers: readonly ListedServer[]): Lists {
    const {patienceMs, events, memory, hello, now} = this.#input
    return new Lists(servers, {
      patienceMs,
      now,
      onChange: kind => {
        for (const tell of this.#changeListeners) tell(kind)
      },
      onListed: (server, {kind, items, shown}) => {
        memory.listed(server, hello, {kind, items})
        if (this.#router instanceof SoleRouter && (kind === 'tools' || kind === 'prompts')) {
          memory.named(kind, ownNames(server, items))
        }
        events.onListed(server, kind, shown)
      },
      nameOf: (kind, owner) => memory.nameOf(kind, owner),
      onNamed: (kind, shown) => memory.named(kind, shown),
      onRefused: error => this.#warn(messageOf(error)),
    })
  }

  #outdated(server: string, kind: Kind): void {
    this.#lists.forget(server, kind)
    if (kind === 'resources') this.#lists.forget(server, 'templates')
  }

  #hello(server: string): JsonObject | undefined {
    return this.#links.get(server)?.hello ?? this.#remembered.get(server)
  }

  /** Who answers, where a server does not say so itself. */
  #serverInfo(): JsonObject {
    const [sole, ...others] = this.#links.keys()
    const hello = sole !== undefined && others.length === 0 ? this.#hello(sole) : undefined
    const own = metaOf(hello)[META.server] ?? hello?.['serverInfo']
    return isJsonObject(own) ? own : gatewayInfo(this.#input.version)
  }

  #hint(method: string): CacheHint {
    const kind = listedBy(method)
    return kind ? this.#lists.hint(kind) : NOT_KEPT
  }
}
