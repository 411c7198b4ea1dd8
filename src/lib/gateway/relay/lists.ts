import type {JsonObject} from '../../base/json.ts'
import type {Listed, NameTable, OwnedItem} from '../directory.ts'
import {
  confirm,
  guess,
  isSame,
  isUnanswered,
  newState,
  patience,
  setItems,
  type ListedServer,
  type ListsByKind,
  type ListState,
} from './list-state.ts'
import {succeed} from './list-succession.ts'
import {narrowest, NOT_KEPT, type CacheHint} from './hints.ts'
import {isInTime} from './in-time.ts'
import {ShownNames, type NamedKind, type ShownNamesInput} from './shown-names.ts'
import {fetchList, type Items, type Kind, type WholeList} from './pages.ts'

export interface ListsOptions extends ShownNamesInput {
  /** How long a list waits for a server of which nothing is known; one that answers later is a change. */
  readonly patienceMs: number
  /** A server's answer differs from what the last list showed of it. */
  readonly onChange: (kind: Kind) => void
  /** A server answered a list. @param shown how many of the items clients may see */
  readonly onListed: (server: string, list: {kind: Kind; items: Items; shown: number}) => void
  /** The client gets the tools that these servers list. */
  readonly onTools: (listed: readonly Listed[]) => void
  /** A server that runs did not give a list. */
  readonly onRefused: (error: unknown) => void
  /** Milliseconds from any fixed point. */
  readonly now: () => number
}

/** For so long a tool's definition is good enough to look at calls by, whatever the server says of its list. */
const DEFINITION_MS = 60_000

const ALL = ['tools', 'prompts', 'resources', 'templates'] as const

/**
 * What the servers of one session list: remembered from earlier sessions, asked in parallel, all pages, kept until
 * the server says they changed.
 */
export class Lists {
  readonly #options: ListsOptions
  readonly #states: Record<Kind, readonly ListState[]>
  readonly #names: ShownNames
  /** Servers that a list has gone out without; the next ones do not wait for them, until they have answered. */
  readonly #slow = new Set<string>()
  /** Servers of which something else is remembered than what they are. */
  readonly #distrusted = new Set<string>()
  #turn = 0

  constructor(servers: readonly ListedServer[], options: ListsOptions) {
    this.#options = options
    this.#names = new ShownNames(options)
    const states = (kind: Kind) => servers.map(server => newState(server, kind))
    this.#states = {
      tools: states('tools'),
      prompts: states('prompts'),
      resources: states('resources'),
      templates: states('templates'),
    }
  }

  /**
   * Gives what is known of a list, and has every server asked that has not answered yet, but for those that rest and
   * whose memory is good enough. Those of which nothing is known, or only what they said has changed, are waited for
   * until patience is over, or they fail; then what they listed to other clients will do. One that fails keeps what is
   * remembered of it; it is asked again the next time.
   * @param options `isShown`: the client gets it, and is told when any of it turns out to be otherwise
   */
  async collect(kind: Kind, {isShown}: {isShown: boolean}): Promise<readonly Listed[]> {
    const states = this.#states[kind]
    for (const state of states) if (this.#keptFor(state) <= 0) this.#outdate(state)
    if (isShown) for (const state of states) state.waiting += 1
    const awake = states.filter(state => !this.#rests(state))
    await Promise.all(awake.map(state => this.#answered(state)))
    for (const state of this.#states[kind]) guess(state)
    if (isShown) {
      for (const state of states) state.waiting -= 1
      // The servers may have become others meanwhile.
      for (const state of this.#states[kind]) state.shown = state.visible
    }
    const known = this.known(kind)
    if (isShown && kind === 'tools') this.#options.onTools(known)
    return known
  }

  /** Those that it lists now, in configured order. */
  get servers(): readonly ListedServer[] {
    return this.#states.tools.map(({server}) => server)
  }

  /** What is known now, without asking anybody. */
  known(kind: Kind): readonly Listed[] {
    return this.#states[kind].map(({server, visible}) => ({
      server: server.link.server,
      prefix: server.prefix,
      items: visible,
    }))
  }

  /** The servers of which a list is not known, or only guessed, because they are slow or do not start. */
  unanswered(kind: Kind): readonly string[] {
    return this.#states[kind].filter(isUnanswered).map(({server}) => server.link.server)
  }

  /**
   * Whether a list is better asked of the only server directly, because it is there, or because nothing is known of
   * the list and the server comes before patience is over.
   */
  async isDirect(kind: Kind): Promise<boolean> {
    const [state] = this.#states[kind]
    if (!state) return false
    const {link} = state.server
    if (link.isOpen || state.items !== undefined) return link.isOpen
    const ready = link.ready().catch(() => undefined)
    if (!(await isInTime(ready, this.#patience(state)))) this.#slow.add(link.server)
    return link.isOpen
  }

  /** Whether the server itself has given this list in this session, and not said since that it has changed. */
  isConfirmed(server: string, kind: Kind): boolean {
    const state = this.#state(server, kind)
    return state?.items !== undefined && !state.isRemembered && state.stale < state.turn
  }

  /** A tool as its server has listed it in this session; what is only remembered may be another one today. */
  definition(server: string, tool: string): JsonObject | undefined {
    const state = this.#state(server, 'tools')
    if (!state?.items || !this.isConfirmed(server, 'tools')) return undefined
    // Nobody says when it changes: it is not gone by for ever, nor asked for with every call.
    if (this.#keptFor(state, DEFINITION_MS) <= 0) {
      this.#outdate(state)
      return undefined
    }
    state.byName ??= new Map(state.items.map(item => [item['name'], item]))
    return state.byName.get(tool)
  }

  /** The exposed names, from what every server lists. */
  async table(kind: NamedKind, options: {isShown: boolean}): Promise<NameTable> {
    return this.#names.of(kind, await this.collect(kind, options))
  }

  /** Whose a name is that clients know from earlier sessions, as far as servers need not be waited for to tell. */
  claimed(kind: NamedKind, exposed: string): OwnedItem | undefined {
    for (const {server, items} of this.known(kind)) {
      for (const item of items) {
        const {name} = item
        if (typeof name !== 'string') continue
        if (this.#options.nameOf(kind, {server, name}) === exposed) return {server, name, item}
      }
    }
    return undefined
  }

  /** The exposed names as they were last made, for a call that must not wait; undefined before the first. */
  shown(kind: NamedKind): NameTable | undefined {
    return this.#names.shown(kind)
  }

  /**
   * Lists these servers from now on. A server with the link that it had is the same; any other is to be asked, see
   * {@link explore}. What is known to differ is a change.
   */
  replace(servers: readonly ListedServer[]): void {
    const before = this.servers
    this.#names.replace(before, servers)
    for (const kind of ALL) {
      const {states, differs} = succeed(this.#states[kind], servers, kind)
      this.#states[kind] = states
      if (differs) this.#options.onChange(kind)
    }
    const stays = new Set(before.map(({link}) => link))
    for (const {link} of servers) if (!stays.has(link)) this.#slow.delete(link.server)
  }

  /**
   * Asks a server that was not there before, or has become another one, for what it may list otherwise than clients
   * were shown, without waiting for anybody to ask. What differs is a change. Never rejects.
   * @param known what others have heard of it meanwhile: then it need not be asked
   */
  async explore(server: string, known: ListsByKind | undefined): Promise<void> {
    const states = ALL.flatMap(kind => this.#state(server, kind) ?? [])
    const unasked = states.filter(({shown, asked}) => shown !== undefined && !asked)
    await Promise.all(
      unasked.map(async state => {
        const items = known?.[state.kind]
        if (!items) return this.#rests(state) ? undefined : this.#askQuietly(state)
        setItems(state, items)
        state.isRemembered = true
        this.#compare(state)
      }),
    )
  }

  /** The only server's names were shown as they are; from now on there may be others besides. */
  keepOwnNames(): void {
    for (const kind of ['tools', 'prompts'] as const) this.#names.keepOwn(kind, this.known(kind))
  }

  /** A server said that a list has changed: it is asked again, and until then its last answer counts. */
  forget(server: string, kind: Kind): void {
    const state = this.#state(server, kind)
    if (!state) return
    this.#outdate(state)
    // The client hears of it from the server.
    state.shown = undefined
  }

  /** How long what is known of a list may be kept by whoever gets it now, and by whom. */
  hint(kind: Kind): CacheHint {
    const hints = this.#states[kind].map(state => ({
      cacheScope: state.hint?.cacheScope ?? NOT_KEPT.cacheScope,
      ttlMs: state.hint ? this.#keptFor(state) : NOT_KEPT.ttlMs,
    }))
    return narrowest(hints)
  }

  /**
   * Waits until a server has given a list in this session, if it has not yet.
   * @param options `isNeeded`: the server is started for it, however long that takes; else no longer than patience allows
   * @throws PluginError when the list is needed, and cannot be had
   */
  async asked(server: string, kind: Kind, {isNeeded}: {isNeeded: boolean}): Promise<void> {
    const state = this.#state(server, kind)
    if (state) await (isNeeded ? this.#ask(state) : this.#answered(state))
  }

  /**
   * A server is there, perhaps again: it is asked once more for what it was asked before, and for what a list had to
   * do without. What differs is a change.
   */
  refresh(server: string, {isReopened}: {isReopened: boolean}): void {
    for (const kind of ALL) {
      const state = this.#state(server, kind)
      if (!state) continue
      const isMissing = state.items === undefined && state.shown !== undefined && !state.asked
      const isOld = isReopened && state.items !== undefined && state.asked !== undefined
      const isUnconfirmed = state.isRemembered && state.shown !== undefined && !state.asked
      if (!isMissing && !isOld && !isUnconfirmed) continue
      state.asked = undefined
      state.isRemembered = true
      void this.#askQuietly(state)
    }
  }

  /** What is remembered of a server was learnt of another one: it is asked for what a list has shown of it. */
  distrust(server: string): void {
    this.#distrusted.add(server)
    this.refresh(server, {isReopened: false})
  }

  /** Takes a whole list that a client got from its only server directly. */
  keep(server: string, kind: Kind, list: WholeList): void {
    const state = this.#state(server, kind)
    if (!state) return
    state.asked ??= Promise.resolve()
    state.shown = undefined
    this.#keep(state, ++this.#turn, list)
    state.shown = state.visible
    if (kind === 'tools') this.#options.onTools(this.known(kind))
  }

  /** Milliseconds for which the items may still be kept. */
  #keptFor({hint, since, items}: ListState, leastMs = 0): number {
    if (!hint || items === undefined) return Infinity
    return Math.max(hint.ttlMs, leastMs) - (this.#options.now() - since)
  }

  /** It is asked again the next time, and waited for. */
  #outdate(state: ListState): void {
    state.asked = undefined
    state.stale = this.#turn
  }

  #state(server: string, kind: Kind): ListState | undefined {
    return this.#states[kind].find(state => state.server.link.server === server)
  }

  /** Whether what is remembered will do, so that the server need not be started for a list. */
  #rests(state: ListState): boolean {
    const {server, isRemembered, stale, turn} = state
    const isGood = server.isTrusted === true && !this.#distrusted.has(server.link.server)
    return isGood && isRemembered && !isUnanswered(state) && stale < turn && !server.link.isOpen
  }

  async #answered(state: ListState): Promise<void> {
    const answer = this.#askQuietly(state)
    if (state.items !== undefined && state.stale < state.turn) return
    if (await isInTime(answer, this.#patience(state))) return
    this.#slow.add(state.server.link.server)
  }

  #patience(state: ListState): number {
    return this.#slow.has(state.server.link.server) ? 0 : patience(state, this.#options.patienceMs)
  }

  /** Whoever opens a server reports why it does not start; that it refuses a list is reported here. */
  #askQuietly(state: ListState): Promise<void> {
    return this.#ask(state).catch((error: unknown) => {
      if (state.server.link.isOpen) this.#options.onRefused(error)
    })
  }

  #ask(state: ListState): Promise<void> {
    if (state.asked) return state.asked
    const turn = ++this.#turn
    const {kind, server} = state
    const answer = fetchList(server.link, kind).then(
      list => this.#keep(state, turn, list),
      (error: unknown) => {
        if (state.asked === answer) state.asked = undefined
        throw error
      },
    )
    state.asked = answer
    return answer
  }

  /**
   * An answer that was asked for before a change may arrive after the one that was asked for since, or from a server
   * that is served no more.
   */
  #keep(state: ListState, turn: number, {items, hint}: WholeList): void {
    if (state.turn > turn || !this.#states[state.kind].includes(state)) return
    state.turn = turn
    state.hint = hint
    state.since = this.#options.now()
    confirm(state, items)
    this.#slow.delete(state.server.link.server)
    const {kind, server, visible} = state
    const kept = state.items ?? items
    this.#options.onListed(server.link.server, {kind, items: kept, shown: visible.length})
    this.#compare(state)
  }

  /** Whoever waits gets what is known now; whoever has got something else is told. */
  #compare({kind, shown, visible, waiting}: ListState): void {
    if (shown !== undefined && waiting === 0 && !isSame(shown, visible)) {
      this.#options.onChange(kind)
    }
  }
}
