import type {Json} from '../../base/json.ts'
import type {Origin} from '../upstream/upstream.ts'
import type {Id, Notification, Request} from '../wire/jsonrpc.ts'
import {META, metaOf} from '../wire/meta.ts'
import {relatedTask} from './places.ts'

/**
 * How it is found out which request in flight a message of a server belongs to. `newest`: by what is likeliest, where
 * all requests are of one client. `certain`: not at all where that is not known for sure, since the requests of
 * several clients are on the same connection.
 */
export type Attribution = 'newest' | 'certain'

/** What matters of a request in flight for what belongs to it. */
export interface InFlight {
  /** The client's request that it is; what the gateway asks for itself has none. */
  readonly about: Id | undefined
  /** The task that it asks for. */
  readonly task: Json | undefined
  /** Whether its client wants to hear the server's log (MCP 2026-07-28, logging). */
  readonly asksLogs: boolean
  /** It stays open to tell of changes (MCP 2026-07-28, subscriptions). */
  readonly isListen: boolean
}

/** What matters of a request that is sent. */
export function inFlight({method, params}: Request, about: Id | undefined): InFlight {
  const isListen = method === 'subscriptions/listen'
  return {
    about,
    task: method.startsWith('tasks/') ? params?.['taskId'] : undefined,
    asksLogs: !isListen && metaOf(params)[META.logLevel] !== undefined,
    isListen,
  }
}

/** Guesses: with several requests in flight, what says nothing of itself belongs to the newest one of the client. */
export class Newest<T extends InFlight & {readonly method: string}> {
  readonly #pending: ReadonlyMap<Id, T>
  #newest: Id | undefined

  constructor(pending: ReadonlyMap<Id, T>) {
    this.#pending = pending
  }

  /** A request of the client was sent. */
  sent(id: Id): void {
    this.#newest = id
  }

  /** Which request in flight a message belongs to; undefined: to none. */
  find({params}: Request | Notification, origin: Origin): T | undefined {
    if (origin === 'alone') return undefined
    if (origin) return this.#pending.get(origin.request)
    const task = relatedTask(params)
    return (task === undefined ? undefined : this.#waitingFor(task)) ?? this.#likeliest()
  }

  #waitingFor(task: string): T | undefined {
    for (const pending of this.#pending.values()) {
      if (pending.method === 'tasks/result' && pending.task === task) return pending
    }
    return undefined
  }

  /** stdio does not say which request a message belongs to: with several in flight, the newest is likeliest. */
  #likeliest(): T | undefined {
    if (this.#newest !== undefined && !this.#pending.has(this.#newest)) {
      this.#newest = undefined
      for (const [id, {about}] of this.#pending) if (about !== undefined) this.#newest = id
    }
    return this.#newest === undefined ? undefined : this.#pending.get(this.#newest)
  }
}

/** Requests that were given up and are kept in mind; with this many, there is no certainty any more anyway. */
const MOST_LEFT = 1000

/** Never guesses. A request that its client gave up counts until it is answered: the server may still work on it. */
export class Certain<T extends InFlight> {
  readonly #pending: ReadonlyMap<Id, T>
  readonly #left = new Set<Id>()
  readonly #leftWithLogs = new Set<Id>()

  constructor(pending: ReadonlyMap<Id, T>) {
    this.#pending = pending
  }

  /** A request was given up, and was not answered. */
  left(id: Id, {asksLogs, isListen}: T): void {
    if (isListen) return
    if (this.#left.size < MOST_LEFT) this.#left.add(id)
    if (asksLogs && this.#leftWithLogs.size < MOST_LEFT) this.#leftWithLogs.add(id)
  }

  /** A request that was given up is answered after all. */
  answered(id: Id): void {
    this.#left.delete(id)
    this.#leftWithLogs.delete(id)
  }

  /** Whether there is a request that the next line of the log could be about. */
  get mayLog(): boolean {
    if (this.#leftWithLogs.size > 0) return true
    for (const {asksLogs} of this.#pending.values()) if (asksLogs) return true
    return false
  }

  /** Which request in flight a message belongs to; undefined when that is not certain. */
  find({method, params}: Notification, origin: Origin): T | undefined {
    if (origin === 'alone') return undefined
    if (method === 'notifications/progress') return this.#ofToken(params?.['progressToken'], origin)
    if (origin) return this.#pending.get(origin.request)
    const subscription = metaOf(params)[META.subscription]
    if (subscription !== undefined) return this.#ofId(subscription)
    const task = relatedTask(params)
    if (task !== undefined) return this.#sole(pending => pending.task === task)
    // A server must not send its log for requests that do not want it.
    if (method !== 'notifications/message') return this.#left.size > 0 ? undefined : this.#sole()
    return this.#leftWithLogs.size > 0 ? undefined : this.#sole(({asksLogs}) => asksLogs)
  }

  /** Tokens are the ids of requests here; one on another request's stream is a mistake of the server. */
  #ofToken(token: Json | undefined, origin: Exclude<Origin, 'alone'>): T | undefined {
    return origin && origin.request !== token ? undefined : this.#ofId(token)
  }

  #ofId(id: Json | undefined): T | undefined {
    return typeof id === 'string' || typeof id === 'number' ? this.#pending.get(id) : undefined
  }

  #sole(fits: (pending: T) => boolean = () => true): T | undefined {
    let sole: T | undefined
    for (const pending of this.#pending.values()) {
      if (pending.isListen || !fits(pending)) continue
      if (sole) return undefined
      sole = pending
    }
    return sole
  }
}
