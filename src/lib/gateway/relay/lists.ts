import type {JsonObject} from '../../base/json.ts'
import {nameTable, type Listed, type NameTable, type OwnedItem, type Owner} from '../directory.ts'
import {isSame, newState, setItems, type ListedServer, type ListState} from './list-state.ts'
import {narrowest, NOT_KEPT, type CacheHint} from './hints.ts'
import {fetchList, type Items, type Kind, type WholeList} from './pages.ts'

export type NamedKind = 'tools' | 'prompts'

export interface ListsOptions {
  /** How long a list waits for a server of which nothing is known; one that answers later is a change. */
  readonly patienceMs: number
  /** A server's answer differs from what the last list showed of it. */
  readonly onChange: (kind: Kind) => void
  /** A server answered a list. @param shown how many of the items clients may see */
  readonly onListed: (server: string, list: {kind: Kind; items: Items; shown: number}) => void
  /** The name that an item was shown under in earlier sessions. */
  readonly nameOf: (kind: NamedKind, owner: Owner) => string | undefined
  /** Names were given out. */
  readonly onNamed: (kind: NamedKind, shown: Iterable<readonly [string, Owner]>) => void
  /** A server that runs did not give a list. */
  readonly onRefused: (error: unknown) => void
  /** Milliseconds from any fixed point. */
  readonly now: () => number
}

/** For so long a tool's definition is good enough to look at calls by, whatever the server says of its list. */
const DEFINITION_MS = 60_000

/** What a list waits for a server whose last start failed. */
export const SHORT_PATIENCE_MS = 1000

/**
 * What the servers of one session list: remembered from earlier sessions, asked in parallel, all pages, kept until
 * the server says they changed.
 */
export class Lists {
  readonly #options: ListsOptions
  readonly #states: Readonly<Record<Kind, readonly ListState[]>>
  readonly #tables = new Map<NamedKind, {table: NameTable; of: readonly Items[]}>()
  /** Servers that a list has gone out without; the next ones do not wait for them, until they have answered. */
  readonly #slow = new Set<string>()
  #turn = 0

  constructor(servers: readonly ListedServer[], options: ListsOptions) {
    this.#options = options
    const states = (kind: Kind) => servers.map(server => newState(server, kind))
    this.#states = {
      tools: states('tools'),
      prompts: states('prompts'),
      resources: states('resources'),
      templates: states('templates'),
    }
  }

  /**
   * Gives what is known of a list, and has every server asked that has not answered yet. Those of which nothing is
   * known, or only what they said has changed, are waited for until patience is over. One that fails keeps what is
   * remembered of it; it is asked again the next time.
   * @param options `isShown`: the client gets it, and is told when any of it turns out to be otherwise
   */
  async collect(kind: Kind, {isShown}: {isShown: boolean}): Promise<readonly Listed[]> {
    const states = this.#states[kind]
    for (const state of states) if (this.#keptFor(state) <= 0) this.#outdate(state)
    if (isShown) for (const state of states) state.waiting += 1
    await Promise.all(states.map(state => this.#answered(state)))
    if (isShown) {
      for (const state of states) {
        state.waiting -= 1
        state.shown = state.visible
      }
    }
    return this.known(kind)
  }

  /** What is known now, without asking anybody. */
  known(kind: Kind): readonly Listed[] {
    return this.#states[kind].map(({server, visible}) => ({
      server: server.link.server,
      prefix: server.prefix,
      items: visible,
    }))
  }

  /** The servers of which a list is not known, because they are slow or do not start. */
  unanswered(kind: Kind): readonly string[] {
    return this.#states[kind]
      .filter(({items}) => items === undefined)
      .map(({server}) => server.link.server)
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
    const ready = link.ready().then(
      () => undefined,
      () => undefined,
    )
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
    const listed = await this.collect(kind, options)
    const before = this.#tables.get(kind)
    const of = listed.map(({items}) => items)
    if (before && of.every((items, index) => items === before.of[index])) return before.table
    const claimed = (owner: Owner) => this.#options.nameOf(kind, owner)
    const table = nameTable(listed, {before: before?.table, claimed})
    this.#tables.set(kind, {table, of})
    this.#options.onNamed(kind, table.owners)
    return table
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
    return this.#tables.get(kind)?.table
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

  /** Waits until a server has given a list, if it has not yet; no longer than patience allows. */
  async asked(server: string, kind: Kind): Promise<void> {
    const state = this.#state(server, kind)
    if (state) await this.#answered(state)
  }

  /**
   * A server is there, perhaps again: it is asked once more for what it was asked before, and for what a list had to
   * do without. What differs is a change.
   */
  refresh(server: string, {isReopened}: {isReopened: boolean}): void {
    for (const kind of ['tools', 'prompts', 'resources', 'templates'] as const) {
      const state = this.#state(server, kind)
      if (!state) continue
      const isMissing = state.items === undefined && state.shown !== undefined && !state.asked
      const isOld = isReopened && state.items !== undefined && state.asked !== undefined
      if (!isMissing && !isOld) continue
      state.asked = undefined
      state.isRemembered = true
      void this.#askQuietly(state)
    }
  }

  /** Takes a whole list that a client got from its only server directly. */
  keep(server: string, kind: Kind, list: WholeList): void {
    const state = this.#state(server, kind)
    if (!state) return
    state.asked ??= Promise.resolve()
    state.shown = undefined
    this.#keep(state, ++this.#turn, list)
    state.shown = state.visible
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

  async #answered(state: ListState): Promise<void> {
    const answer = this.#askQuietly(state)
    if (state.items !== undefined && state.stale < state.turn) return
    if (await isInTime(answer, this.#patience(state))) return
    this.#slow.add(state.server.link.server)
  }

  #patience({server}: ListState): number {
    const {patienceMs} = this.#options
    if (this.#slow.has(server.link.server)) return 0
    return server.isDoubtful ? Math.min(patienceMs, SHORT_PATIENCE_MS) : patienceMs
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

  /** An answer that was asked for before a change may arrive after the one that was asked for since. */
  #keep(state: ListState, turn: number, {items, hint}: WholeList): void {
    if (state.turn > turn) return
    state.turn = turn
    state.hint = hint
    state.since = this.#options.now()
    // The same list keeps being the same object, and what was made of it stays good.
    if (!isSame(state.items, items)) setItems(state, items)
    state.isRemembered = false
    this.#slow.delete(state.server.link.server)
    const {kind, server, shown, visible, waiting} = state
    this.#options.onListed(server.link.server, {kind, items, shown: visible.length})
    // Whoever waits gets it; whoever has got something else is told.
    if (shown !== undefined && waiting === 0 && !isSame(shown, visible)) {
      this.#options.onChange(kind)
    }
  }
}

/** Waits for an answer until patience is over. */
export async function isInTime(answer: Promise<unknown>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>(resolve => {
    timer = setTimeout(() => resolve(false), milliseconds)
  })
  try {
    return await Promise.race([answer.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}
