import {objectOf, type Json} from '../../base/json.ts'
import type {Origin} from '../upstream/upstream.ts'
import type {Id, Notification, Request} from '../wire/jsonrpc.ts'
import {META, metaOf} from '../wire/meta.ts'
import {relatedTask} from './places.ts'

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
  /** Whose request it is, as that client says itself, in a text to compare with others. */
  readonly client: string
}

/** What matters of a request that is sent. */
export function inFlight({method, params}: Request, about: Id | undefined): InFlight {
  const isListen = method === 'subscriptions/listen'
  const meta = metaOf(params)
  const {name, version} = objectOf(meta[META.client])
  return {
    about,
    task: method.startsWith('tasks/') ? params?.['taskId'] : undefined,
    asksLogs: !isListen && meta[META.logLevel] !== undefined,
    isListen,
    client: JSON.stringify([name, version, meta[META.capabilities]]),
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
/** A request that was given up and is not answered by then never will be: servers need not answer it. */
const LEFT_MS = 60_000
/** What a server may still say about a request that it has answered comes within this time. */
const QUIET_MS = 2000

/** Notices that come by `subscriptions/listen` alone (MCP 2026-07-28, subscriptions). */
const OF_LISTENS: ReadonlySet<string> = new Set([
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
  'notifications/resources/updated',
])

/**
 * Never guesses: the requests of several clients are on the same connection, and what is not known for sure to be
 * about one of them belongs to none. A request that its client gave up counts until it is answered, or for a minute:
 * the server may still work on it.
 */
export class Certain<T extends InFlight> {
  readonly #pending: ReadonlyMap<Id, T>
  readonly #now: () => number
  /** Whose each request is that was given up, and since when; the oldest first. */
  readonly #left = new Map<Id, {readonly client: string; readonly at: number}>()
  /** The request that no other client's or own request was beside since it was sent. */
  #alone: Id | undefined
  /** Who was answered last, when that was, and when anybody else was before. */
  #last = {client: '', at: -Infinity, othersAt: -Infinity}

  /** @param now milliseconds, from any fixed point */
  constructor(pending: ReadonlyMap<Id, T>, now: () => number) {
    this.#pending = pending
    this.#now = now
  }

  /** A request was sent. What the gateway asks for itself is about nobody. */
  sent(id: Id, {about, isListen}: T): void {
    if (isListen || about === undefined) return
    this.#forgetLeft()
    this.#alone = this.#left.size === 0 && this.#clientsRequests() === 1 ? id : undefined
  }

  /** A request was given up, and was not answered. */
  left(id: Id, {isListen, client}: T): void {
    if (isListen) return
    this.#left.set(id, {client, at: this.#now()})
    const [oldest] = this.#left.keys()
    if (this.#left.size > MOST_LEFT && oldest !== undefined) this.#left.delete(oldest)
  }

  /** A request is answered; one without its data was given up, if it ever was one. */
  answered(id: Id, request: T | undefined): void {
    const whose = request ?? this.#left.get(id)
    this.#left.delete(id)
    if (!whose || request?.isListen || (request && request.about === undefined)) return
    const {client, at, othersAt} = this.#last
    const isSame = client === whose.client
    this.#last = {client: whose.client, at: this.#now(), othersAt: isSame ? othersAt : at}
  }

  /** Which request in flight a message belongs to; undefined when that is not certain. */
  find({method, params}: Notification, origin: Origin): T | undefined {
    if (origin === 'alone') return undefined
    if (method === 'notifications/progress') return this.#ofToken(params?.['progressToken'], origin)
    if (origin) return this.#pending.get(origin.request)
    const subscription = metaOf(params)[META.subscription]
    if (subscription !== undefined) return this.#ofId(subscription)
    const task = relatedTask(params)
    if (task !== undefined) return this.#only(pending => pending.task === task)
    if (OF_LISTENS.has(method)) return undefined
    return method === 'notifications/message' ? this.#logging() : this.#sole()
  }

  /**
   * Whose a line of the log is: nothing in it says so (MCP 2026-07-28, logging). A server may log also for requests
   * that do not want it, which it must not, and may write a line when the answer it is about has already been sent.
   */
  #logging(): T | undefined {
    const sole = this.#sole()
    if (!sole?.asksLogs || this.#alone === undefined) return undefined
    if (sole !== this.#pending.get(this.#alone)) return undefined
    const {client, at, othersAt} = this.#last
    const othersEnd = client === sole.client ? othersAt : at
    return this.#now() - othersEnd >= QUIET_MS ? sole : undefined
  }

  #forgetLeft(): void {
    const oldest = this.#now() - LEFT_MS
    for (const [id, {at}] of this.#left) {
      if (at > oldest) return
      this.#left.delete(id)
    }
  }

  #clientsRequests(): number {
    let count = 0
    for (const {about, isListen} of this.#pending.values()) {
      if (!isListen && about !== undefined) count += 1
    }
    return count
  }

  /** Tokens are the ids of requests here; one on another request's stream is a mistake of the server. */
  #ofToken(token: Json | undefined, origin: Exclude<Origin, 'alone'>): T | undefined {
    return origin && origin.request !== token ? undefined : this.#ofId(token)
  }

  #ofId(id: Json | undefined): T | undefined {
    return typeof id === 'string' || typeof id === 'number' ? this.#pending.get(id) : undefined
  }

  /** The request that is all that the server works on. */
  #sole(): T | undefined {
    this.#forgetLeft()
    return this.#left.size > 0 ? undefined : this.#only(() => true)
  }

  #only(fits: (pending: T) => boolean): T | undefined {
    let sole: T | undefined
    for (const pending of this.#pending.values()) {
      if (pending.isListen || !fits(pending)) continue
      if (sole) return undefined
      sole = pending
    }
    return sole
  }
}
