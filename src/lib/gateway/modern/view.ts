import {messageOf, PluginError} from '../../base/errors.ts'
import type {JsonObject} from '../../base/json.ts'
import {clientName, type Handler} from '../pipeline/call.ts'
import {pluginFailure} from '../pipeline/explain.ts'
import {NOT_KEPT, type CacheHint} from '../relay/hints.ts'
import type {ClientHello} from '../relay/link.ts'
import {changedKind} from '../relay/list-changes.ts'
import type {ListedServer} from '../relay/list-state.ts'
import type {Lists} from '../relay/lists.ts'
import {KINDS, listedBy, type Kind} from '../relay/pages.ts'
import {rememberedLists} from '../relay/remembered-lists.ts'
import type {RequestRouter} from '../relay/request-router.ts'
import {Router} from '../relay/router.ts'
import type {ServersMemory, SessionEvents} from '../relay/session-input.ts'
import {methodNotFound, type Seal} from '../relay/several.ts'
import {SoleRouter} from '../relay/sole-router.ts'
import {TASK_METHODS} from '../relay/tasks.ts'
import {onceEach} from '../relay/warnings.ts'
import {
  failure,
  RPC,
  type Id,
  type Notification,
  type Request,
  type Response,
} from '../wire/jsonrpc.ts'
import {META, metaOf} from '../wire/meta.ts'
import {modernAnswer} from './answers.ts'
import type {EraLink} from './era-link.ts'
import type {Exchange} from './exchange.ts'
import {readFilter} from './filter.ts'
import {follow, listFilter} from './follow.ts'
import {Introductions} from './introductions.ts'
import {listen} from './listen.ts'
import {splitFilter, underAskedName} from './split-filter.ts'
import type {ModernLink} from './view-link.ts'

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

/** Methods that say whom they are meant for, or are meant for all. */
const ROUTED: ReadonlySet<string> = new Set([
  ...Object.values(KINDS).map(({method}) => method),
  ...TASK_METHODS,
  'completion/complete',
  'prompts/get',
  'resources/read',
  'tools/call',
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
  readonly #introductions: Introductions
  readonly #warn: (text: string) => void
  readonly #changeListeners = new Set<(kind: Kind) => void>()

  constructor(input: ViewInput) {
    const {servers, memory, hello, govern, events, patienceMs, now} = input
    this.#input = input
    this.#warn = onceEach(text => events.onWarning(text))
    this.#links = new Map(servers.map(({link}) => [link.server, link]))
    this.#introductions = new Introductions(input)
    const listed = servers.map(({isDoubtful, ...server}): ListedServer => {
      const known = memory.recall(server.link.server, hello)
      this.#introductions.remember(server.link.server, known.hello)
      return {...server, remembered: known.lists, isUnknown: !known.hello, isDoubtful}
    })
    this.#lists = rememberedLists(listed, {
      hello,
      memory,
      events,
      patienceMs,
      now,
      onChange: kind => {
        for (const tell of this.#changeListeners) tell(kind)
      },
      onRefused: error => this.#warn(messageOf(error)),
    })
    const [sole, ...others] = listed
    this.#router =
      sole && others.length === 0 && sole.prefix === undefined
        ? new SoleRouter({server: sole, lists: this.#lists, govern})
        : new Router({
            links: this.#links,
            lists: this.#lists,
            hello: server => this.#introductions.of(server),
            govern,
            seal: input.seal,
            patienceMs,
            warn: this.#warn,
          })
  }

  /**
   * Answers one request.
   * @param key the id that stands for the client's own towards servers: no other request has it
   * @throws the signal's reason when the client is gone
   */
  async answer(key: Id, exchange: Exchange): Promise<Response> {
    const asked = {...exchange.request, id: key}
    const answer = await this.#answer(asked, exchange).catch((error: unknown) => {
      exchange.signal.throwIfAborted()
      return error instanceof PluginError
        ? pluginFailure(key, error)
        : failure(key, RPC.internalError, messageOf(error))
    })
    exchange.signal.throwIfAborted()
    const {method} = asked
    return modernAnswer(answer, {
      method,
      by: this.#introductions.serverInfo,
      hint: this.#hint(method),
    })
  }

  /** Whether a client may come back with the answer to a question. */
  get isWaiting(): boolean {
    for (const link of this.#links.values()) if (link.isWaiting) return true
    return false
  }

  /** Passes on to every server that is open what a client says to nobody in particular. */
  notify(message: Notification): void {
    for (const link of this.#links.values()) link.notify(message)
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
    const {memory, events} = this.#input
    this.#introductions.opened(server)
    memory.opened(server, this.#input.hello, hello)
    events.onOpened(server)
    this.#lists.refresh(server, {isReopened: false})
  }

  /** The same for a modern server: its changes are heard of from now on, until the signal is aborted. */
  openedModern(link: ModernLink, until: AbortSignal): void {
    const {server, hello = {}} = link
    this.opened(server, hello)
    const changed = (kind: Kind) => this.#outdated(server, kind)
    const signal = AbortSignal.any([this.#input.stop, until])
    void follow(link, listFilter(hello), {changed, signal}) // never rejects
  }

  /** Ends what was opened for this view alone. */
  async close(): Promise<void> {
    await Promise.all([...this.#links.values()].map(link => link.close()))
  }

  async #answer(message: Request, exchange: Exchange): Promise<Response> {
    const {signal, mirrored} = exchange
    const {method} = message
    if (method === 'server/discover') return this.#introductions.answer(message, signal)
    if (method === 'subscriptions/listen') return this.#listen(message, exchange)
    if (REMOVED.has(method)) return methodNotFound(message)
    // Whose method it is, only what the servers have declared can tell.
    if (!ROUTED.has(method) && this.#links.size > 1) await this.#introductions.heard()
    const client = clientName(metaOf(message.params)[META.client])
    const caller = {session: this.#input.id, client}
    return this.#router.answer(message, {caller, signal, mirrored})
  }

  /** Its notices carry the client's own id, and so does its answer until it is given the key's. */
  async #listen({id, params}: Request, exchange: Exchange): Promise<Response> {
    const isOnly = this.#links.size === 1
    const filter = readFilter(params, isOnly)
    const own = typeof filter === 'string' ? {} : filter
    const {signal} = exchange
    const routed = {router: this.#router, signal}
    const parts = await splitFilter(own, [...this.#links.keys()], routed)
    const links = [...this.#links.values()].filter(({server}) => parts.has(server))
    const answer = await listen(exchange, {
      links,
      isOnly,
      split: () => new Map(links.map(link => [link, parts.get(link.server)?.filter ?? {}])),
      toClient: (server, notice) =>
        underAskedName(parts.get(server), notice) ?? this.#router.toClient(server, notice),
      changes: onChange => this.#onChange(onChange),
      stop: this.#input.stop,
    })
    return {...answer, id}
  }

  #onChange(listener: (kind: Kind) => void): Disposable {
    this.#changeListeners.add(listener)
    return {[Symbol.dispose]: () => void this.#changeListeners.delete(listener)}
  }

  #outdated(server: string, kind: Kind): void {
    this.#lists.forget(server, kind)
    if (kind === 'resources') this.#lists.forget(server, 'templates')
  }

  #hint(method: string): CacheHint {
    const kind = listedBy(method)
    return kind ? this.#lists.hint(kind) : NOT_KEPT
  }
}
