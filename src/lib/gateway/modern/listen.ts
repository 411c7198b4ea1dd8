import {pause} from '../../base/async.ts'
import type {JsonObject} from '../../base/json.ts'
import {changedKind, ListChanges} from '../relay/list-changes.ts'
import type {Kind} from '../relay/pages.ts'
import {
  failure,
  notification,
  result,
  RPC,
  type Notification,
  type Response,
} from '../wire/jsonrpc.ts'
import {META, withMeta} from '../wire/meta.ts'
import {Backoff, LISTENS} from '../relay/backoff.ts'
import type {Exchange} from './exchange.ts'
import {
  asksForLists,
  honouredPart,
  noticesOf,
  othersIn,
  readFilter,
  wants,
  type Filter,
} from './filter.ts'
import type {ViewLink} from './view-link.ts'

/** How long the servers may take before the client is told what is honoured without them. */
const ACKNOWLEDGE_MS = 5000
/** What is kept of notices that come before the acknowledgement. */
const MOST_EARLY = 1000

/** Where a client that listens is told from. */
export interface ListenInput {
  /** Whether the gateway has one server now: what is not known here passes both ways as it is. */
  readonly isOnly: boolean
  /** The servers that may have something to tell now, and what each is to be asked for, in its own words. */
  readonly split: (filter: JsonObject) => ReadonlyMap<ViewLink, JsonObject>
  /** Tells when that is different. */
  readonly splits: (onChange: () => void) => Disposable
  /** A server's notice in the client's words; undefined when it is none of the client's business. */
  readonly toClient: (server: string, notice: Notification) => Notification | undefined
  /** Tells of the lists of the gateway that change otherwise. */
  readonly changes: (onChange: (kind: Kind) => void) => Disposable
  /** Aborted when the gateway ends. */
  readonly stop: AbortSignal
  /** Waits for some milliseconds, or until the signal aborts. */
  readonly pause?: ((milliseconds: number, signal: AbortSignal) => Promise<void>) | undefined
}

/**
 * Serves `subscriptions/listen` of one client (MCP 2026-07-28, subscriptions): an acknowledgement first, then what the
 * servers tell of. A server that tells no more is asked again; what may have changed in between is announced.
 * @returns the answer when the gateway ends, or a refusal
 * @throws the signal's reason when the client leaves
 */
export async function listen(exchange: Exchange, input: ListenInput): Promise<Response> {
  const {id, params} = exchange.request
  const filter = readFilter(params, input.isOnly)
  if (typeof filter === 'string') return failure(id, RPC.invalidParams, filter)
  exchange.signal.throwIfAborted()
  const over = new AbortController()
  const end = () => over.abort()
  const signals = [exchange.signal, input.stop]
  for (const signal of signals) signal.addEventListener('abort', end, {once: true})
  if (input.stop.aborted) end()
  try {
    await new Listening(exchange, input, filter).serve(over.signal)
  } finally {
    end()
    for (const signal of signals) signal.removeEventListener('abort', end)
  }
  exchange.signal.throwIfAborted()
  return result(id, {resultType: 'complete', _meta: {[META.subscription]: id}})
}

/** What one server honours. */
interface Honoured {
  /** What it would tell, as the client would hear it. */
  readonly told: readonly Notification[]
  /** Members of the filter that are not known here, in the server's words. */
  readonly others: JsonObject
}

/** One client that listens. */
class Listening {
  readonly #exchange: Exchange
  readonly #input: ListenInput
  readonly #filter: Filter
  readonly #lists: ListChanges
  /** The servers that are asked to tell; aborted when they are not served any more. */
  readonly #watched = new Map<ViewLink, AbortController>()
  /** What came before the acknowledgement; undefined after it. */
  #early: Notification[] | undefined = []

  constructor(exchange: Exchange, input: ListenInput, filter: Filter) {
    this.#exchange = exchange
    this.#input = input
    this.#filter = filter
    this.#lists = new ListChanges(method => {
      // Nobody says here when a list is asked for: what changes from now on is news again.
      const kind = changedKind(method)
      if (kind) this.#lists.asked(kind)
      this.#tell(notification(method))
    })
  }

  /** Tells the client what there is to tell, until the signal is aborted. */
  async serve(signal: AbortSignal): Promise<void> {
    using _changes = this.#input.changes(kind => this.#listChanged(kind))
    using _lists = {[Symbol.dispose]: () => this.#lists.close()}
    using _splits = this.#input.splits(() => void this.#watchAll(signal))
    await this.#acknowledge(this.#watchAll(signal), signal)
    await aborted(signal)
  }

  /**
   * Has the servers tell that are served now, and no others.
   * @returns what those honour at first that were not asked before
   */
  #watchAll(signal: AbortSignal): readonly Promise<Honoured>[] {
    const parts = this.#input.split(this.#filter)
    for (const [link, stop] of this.#watched) {
      if (parts.has(link)) continue
      stop.abort()
      this.#watched.delete(link)
    }
    return [...parts].flatMap(([link, part]) => {
      if (this.#watched.has(link)) return []
      const stop = new AbortController()
      this.#watched.set(link, stop)
      return [this.#watch(link, part, AbortSignal.any([signal, stop.signal]))]
    })
  }

  /**
   * Has a server tell of changes for as long as the client listens.
   * @returns what it honours at first
   */
  #watch(link: ViewLink, part: Filter, signal: AbortSignal): Promise<Honoured> {
    return new Promise(resolve => {
      void this.#follow(link, {part, onHonoured: resolve}, signal)
    })
  }

  async #follow(
    link: ViewLink,
    {part, onHonoured}: {part: Filter; onHonoured: (honoured: Honoured) => void},
    signal: AbortSignal,
  ): Promise<void> {
    const tell = (notice: Notification) => this.#hear(link.server, notice)
    const backoff = new Backoff(LISTENS, () => performance.now())
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      const watch = await link.watch(part, tell, signal).catch(() => undefined)
      const notices = watch ? noticesOf(watch.honoured, part) : []
      if (isFirst) {
        const told = notices.flatMap(notice => this.#inClientsWords(link.server, notice))
        onHonoured({told, others: this.#othersOf(watch?.honoured ?? {})})
      } else for (const notice of notices) tell(notice)
      if (watch) backoff.begun()
      await watch?.ended
      // For its lists alone no server is started again.
      if (asksForLists(part)) await link.whenOpen(signal).catch(() => undefined)
      await (this.#input.pause ?? pause)(backoff.lost(), signal)
    }
  }

  /** Says what is honoured, before anything else. A server that takes long adds its notices later. */
  async #acknowledge(watched: readonly Promise<Honoured>[], signal: AbortSignal): Promise<void> {
    const told: Notification[] = []
    let others: JsonObject = {}
    const all = Promise.all(
      watched.map(async one => {
        const honoured = await one
        told.push(...honoured.told)
        others = {...others, ...honoured.others}
      }),
    )
    const done = new AbortController()
    await Promise.race([all, pause(ACKNOWLEDGE_MS, AbortSignal.any([signal, done.signal]))])
    done.abort()
    if (signal.aborted) return
    const early = this.#early ?? []
    this.#early = undefined
    const notifications = {...others, ...honouredPart(this.#filter, told)}
    this.#tell(notification('notifications/subscriptions/acknowledged', {notifications}))
    for (const notice of early) this.#tell(notice)
  }

  #listChanged(kind: Kind): void {
    const announced = kind === 'templates' ? 'resources' : kind
    const notice = notification(`notifications/${announced}/list_changed`)
    if (wants(this.#filter, notice)) this.#lists.add(kind)
  }

  #hear(server: string, notice: Notification): void {
    for (const told of this.#translated(server, notice)) {
      const kind = changedKind(told.method)
      if (kind && !this.#input.isOnly) this.#lists.add(kind)
      // The only server's own word makes that of the gateway superfluous.
      else if (!kind || this.#lists.isNews(kind)) this.#tell(told)
    }
  }

  /** Members that the client asked for and that only it and its server know. */
  #othersOf(honoured: JsonObject): JsonObject {
    const others = Object.entries(othersIn(honoured))
    return Object.fromEntries(others.filter(([key]) => Object.hasOwn(this.#filter, key)))
  }

  /** What a server honours says nothing of its lists yet. */
  #inClientsWords(server: string, notice: Notification): readonly Notification[] {
    return changedKind(notice.method) ? [notice] : this.#translated(server, notice)
  }

  /** A notice as the client may hear it: none, or one. */
  #translated(server: string, notice: Notification): readonly Notification[] {
    if (!wants(this.#filter, notice)) return []
    const told = this.#input.toClient(server, notice)
    return told ? [told] : []
  }

  #tell(notice: Notification): void {
    if (this.#early) {
      if (this.#early.length < MOST_EARLY) this.#early.push(notice)
      return
    }
    const {request} = this.#exchange
    this.#exchange.notify(withMeta(notice, {[META.subscription]: request.id}))
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), {once: true}))
}
