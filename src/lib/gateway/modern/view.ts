import {messageOf, PluginError} from '../../base/errors.ts'
import type {JsonObject} from '../../base/json.ts'
import {clientName, type Handler} from '../pipeline/call.ts'
import {pluginFailure} from '../pipeline/explain.ts'
import {NOT_KEPT, type CacheHint} from '../relay/hints.ts'
import {Leaving} from '../relay/leaving.ts'
import type {ClientHello} from '../relay/link.ts'
import {changedKind} from '../relay/list-changes.ts'
import type {Allows, ListedServer} from '../relay/list-state.ts'
import {listedBy, type Kind} from '../relay/pages.ts'
import {Routing} from '../relay/routing.ts'
import type {ServersMemory, SessionEvents} from '../relay/session-input.ts'
import {methodNotFound, type Seal} from '../relay/several.ts'
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
import {REMOVED, ROUTED} from './methods.ts'
import {splitFilter, underAskedName} from './split-filter.ts'
import type {ModernLink} from './view-link.ts'

/** One server as a view needs it. */
export interface ViewServer {
  readonly link: EraLink
  readonly prefix: string | undefined
  readonly allows: Allows
  readonly isDoubtful: boolean
  /** As it is configured it cannot be started. */
  readonly isBroken?: boolean | undefined
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

/**
 * The servers as clients of one kind see them: those with the same authorization and the same capabilities (MCP
 * 2026-07-28: what a server shows may depend on both, but not on the connection). It has no client of its own, and
 * knows nothing of a request once that is answered.
 */
export class View {
  readonly #input: ViewInput
  readonly #routing: Routing<EraLink>
  readonly #leaving = new Leaving<EraLink>()
  readonly #introductions: Introductions
  readonly #warn: (text: string) => void
  readonly #changeListeners = new Set<(kind: Kind) => void>()
  /** Told when the servers are others. */
  readonly #serverListeners = new Set<() => void>()
  /** Servers whose lists may be news that nobody has been told of. */
  readonly #unexplored = new Set<string>()

  constructor(input: ViewInput) {
    const {servers, memory, hello, govern, events, patienceMs, now, seal} = input
    this.#input = input
    this.#warn = onceEach(text => events.onWarning(text))
    this.#introductions = new Introductions(input)
    this.#routing = new Routing({
      servers: servers.map(server => ({...server, ...this.#remembered(server.link.server)})),
      hello,
      memory,
      events,
      helloOf: server => this.#introductions.of(server),
      govern,
      patienceMs,
      now,
      onChange: kind => {
        for (const tell of this.#changeListeners) tell(kind)
      },
      warn: this.#warn,
      seal,
    })
  }

  /**
   * Serves these servers from now on; one with the link that it had is the same. Whoever listens hears of lists that are
   * known to differ; what new servers list is found out by {@link explore}.
   * @returns settles when the links are closed that are not used any more. Never rejects
   */
  async replace(servers: readonly ViewServer[]): Promise<void> {
    const before = new Map(this.#routing.links)
    const known = new Map(this.#routing.lists.servers.map(server => [server.link, server]))
    this.#introductions.replace(servers)
    const routed = servers.map(server => {
      const {link} = server
      const former = known.get(link)
      if (former) return {...former, ...server}
      this.#unexplored.add(link.server)
      const remembered = this.#remembered(link.server)
      // What a server is that has become another one is asked.
      const isTrusted = remembered.isTrusted && !before.has(link.server)
      return {...server, ...remembered, isTrusted}
    })
    const left = this.#routing.replace(routed)
    for (const tell of this.#serverListeners) tell()
    const what = ({server}: EraLink) =>
      this.#routing.links.has(server) ? 'was changed' : 'was taken out'
    await Promise.all(left.map(link => this.#leaving.add(link, what(link))))
  }

  /** Finds out what servers list that have come or changed, so that whoever listens hears of it. Never rejects. */
  async explore(): Promise<void> {
    const names = [...this.#unexplored]
    this.#unexplored.clear()
    await Promise.all(names.map(name => this.#routing.lists.explore(name, undefined)))
  }

  /** Whether this is the link to its server that is used now. */
  has(link: EraLink): boolean {
    return this.#routing.has(link)
  }

  /** The link to a server that is used now. */
  link(server: string): EraLink | undefined {
    return this.#routing.links.get(server)
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
    for (const link of this.#routing.links.values()) if (link.isWaiting) return true
    return false
  }

  /** Passes on to every server that is open what a client says to nobody in particular. */
  notify(message: Notification): void {
    for (const link of this.#routing.links.values()) link.notify(message)
  }

  /** A server's notice as clients of this view are to see it. */
  toClient(server: string, notice: Notification): Notification {
    return this.#routing.router.toClient(server, notice)
  }

  /** What is remembered of a server was learnt of another one. */
  distrust(server: string): void {
    this.#routing.lists.distrust(server)
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
    this.#routing.lists.refresh(server, {isReopened: false})
  }

  /** A legacy server was opened once more: whatever it lists may have changed. */
  reopened(server: string): void {
    this.#routing.lists.refresh(server, {isReopened: true})
  }

  /** The same as `opened` for a modern server: its changes are heard of from now on, until the signal is aborted. */
  openedModern(link: ModernLink, until: AbortSignal): void {
    const {server, hello = {}} = link
    this.opened(server, hello)
    const changed = (kind: Kind) => this.#outdated(server, kind)
    const signal = AbortSignal.any([this.#input.stop, until])
    void follow(link, listFilter(hello), {changed, signal}) // never rejects
  }

  /** Ends what was opened for this view alone. */
  async close(): Promise<void> {
    const ends = [...this.#routing.links.values()].map(link => link.close())
    await Promise.all([...ends, this.#leaving.close()])
  }

  async #answer(message: Request, exchange: Exchange): Promise<Response> {
    const {signal, mirrored} = exchange
    const {method} = message
    if (method === 'server/discover') return this.#introductions.answer(message, signal)
    if (method === 'subscriptions/listen') return this.#listen(message, exchange)
    if (REMOVED.has(method)) return methodNotFound(message)
    // Whose method it is, only what the servers have declared can tell.
    if (!ROUTED.has(method) && !this.#routing.isAlone) await this.#introductions.heard()
    const client = clientName(metaOf(message.params)[META.client])
    const caller = {session: this.#input.id, client}
    return this.#routing.router.answer(message, {caller, signal, mirrored})
  }

  /** Its notices carry the client's own id, and so does its answer until it is given the key's. */
  async #listen({id, params}: Request, exchange: Exchange): Promise<Response> {
    const routing = this.#routing
    const filter = readFilter(params, routing.isAlone)
    const own = typeof filter === 'string' ? {} : filter
    const {signal} = exchange
    const split = () =>
      splitFilter(own, [...routing.links.keys()], {router: routing.router, signal})
    let parts = await split()
    const answer = await listen(exchange, {
      get isOnly() {
        return routing.isAlone
      },
      split: () =>
        new Map(
          [...routing.links.values()].flatMap(link => {
            const part = parts.get(link.server)
            return part ? [[link, part.filter] as const] : []
          }),
        ),
      splits: onChange =>
        this.#onServers(async () => {
          parts = await split()
          onChange()
        }),
      toClient: (server, notice) =>
        underAskedName(parts.get(server), notice) ?? routing.router.toClient(server, notice),
      changes: onChange => this.#onChange(onChange),
      stop: this.#input.stop,
    })
    return {...answer, id}
  }

  #remembered(
    server: string,
  ): Pick<ListedServer, 'remembered' | 'guesses' | 'isUnknown'> & {isTrusted: boolean} {
    const known = this.#input.memory.recall(server, this.#input.hello)
    this.#introductions.remember(server, known)
    const {lists: remembered, guesses, isTrusted, hello} = known
    return {remembered, guesses, isTrusted, isUnknown: !hello}
  }

  /** @param listener rejects when its client has left */
  #onServers(listener: () => Promise<void>): Disposable {
    const told = () => void listener().catch(() => undefined)
    this.#serverListeners.add(told)
    return {[Symbol.dispose]: () => void this.#serverListeners.delete(told)}
  }

  #onChange(listener: (kind: Kind) => void): Disposable {
    this.#changeListeners.add(listener)
    return {[Symbol.dispose]: () => void this.#changeListeners.delete(listener)}
  }

  #outdated(server: string, kind: Kind): void {
    this.#routing.lists.forget(server, kind)
    if (kind === 'resources') this.#routing.lists.forget(server, 'templates')
  }

  #hint(method: string): CacheHint {
    const kind = listedBy(method)
    return kind ? this.#routing.lists.hint(kind) : NOT_KEPT
  }
}
