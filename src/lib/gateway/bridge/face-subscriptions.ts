import {objectOf, type Json, type JsonObject} from '../../base/json.ts'
import type {Origin} from '../upstream/upstream.ts'
import {LIST_NOTICES} from '../wire/list-notices.ts'
import {metaOf, META} from '../wire/meta.ts'
import {
  failure,
  isResponse,
  isResult,
  notification,
  request,
  result,
  RPC,
  type ErrorResponse,
  type Id,
  type Message,
  type Notification,
  type Request,
  type Response,
} from '../wire/jsonrpc.ts'

/** Pauses before a lost subscription is opened again; the last one counts for all that follow. */
const RECONNECT_MS = [1000, 5000, 30_000] as const
/** One that lasted longer was not lost because of what is wrong with the server. */
const LASTING_MS = 60_000
/** What a server may take to acknowledge. */
const ACKNOWLEDGED_MS = 30_000
/** All of them are in each filter. */
const MOST_URIS = 1000

export interface FaceSubscriptionsInput {
  /** Sends to the server. */
  readonly send: (message: Request | Notification) => void
  /** Takes what the client is to hear, in the words of its own era. */
  readonly tell: (notice: Notification) => void
  readonly newId: () => Id
  /** Waits for some milliseconds, or until the signal aborts. */
  readonly pause: (milliseconds: number, signal: AbortSignal) => Promise<void>
}

/** One `subscriptions/listen`. */
interface Listening {
  readonly id: Id
  readonly uris: ReadonlySet<string>
  /** By `performance.now()`. */
  readonly since: number
  /** Runs out when the server does not acknowledge. */
  readonly timer: NodeJS.Timeout
}

type Refusal = ErrorResponse['error']

/**
 * What a legacy session hears of changes at a modern server: one `subscriptions/listen` for all list changes and
 * subscribed resources (MCP 2026-07-28, subscriptions). When other resources are wanted, the next one is opened first
 * and the old one left when the server has acknowledged it. One that is lost is opened again.
 */
export class FaceSubscriptions {
  readonly #input: FaceSubscriptionsInput
  #capabilities: JsonObject = {}
  readonly #uris = new Set<string>()
  /** Who waits to hear whether the server honours a URI. */
  readonly #waiting = new Map<string, ((refusal?: Refusal) => void)[]>()
  #active: Listening | undefined
  #opening: Listening | undefined
  /** The filter has changed since the one that is being opened. */
  #isDue = false
  /** The server may have told of changes while nobody listened. */
  #isNews = false
  #lost = 0
  #retry: AbortController | undefined
  #isClosed = false

  constructor(input: FaceSubscriptionsInput) {
    this.#input = input
  }

  /** The session has begun. @param capabilities what the server can do */
  begin(capabilities: JsonObject): void {
    this.#capabilities = capabilities
    if (LIST_NOTICES.some(({kind}) => this.#declares(kind, 'listChanged'))) this.#change()
  }

  /** Answers `resources/subscribe` when it is known whether the server honours it. */
  async subscribe({id, params}: Request): Promise<Response> {
    const uri = params?.['uri']
    if (!this.#declares('resources', 'subscribe')) {
      return failure(id, RPC.methodNotFound, 'the server has no subscriptions to resources')
    }
    if (typeof uri !== 'string') return failure(id, RPC.invalidParams, 'uri is missing')
    if (this.#uris.has(uri) && !this.#waiting.has(uri)) return result(id, {})
    if (this.#uris.size >= MOST_URIS) {
      return failure(id, RPC.internalError, `there are ${MOST_URIS} subscriptions already`)
    }
    this.#uris.add(uri)
    const refusal = await new Promise<Refusal | undefined>(resolve => {
      this.#waiting.set(uri, [...(this.#waiting.get(uri) ?? []), resolve])
      this.#change()
    })
    return refusal ? {jsonrpc: '2.0', id, error: refusal} : result(id, {})
  }

  /** Answers `resources/unsubscribe`. */
  unsubscribe({id, params}: Request): Response {
    const uri = params?.['uri']
    if (typeof uri !== 'string') return failure(id, RPC.invalidParams, 'uri is missing')
    if (this.#uris.delete(uri)) {
      this.#answer(uri, {code: RPC.internalError, message: 'it was given up'})
      this.#change()
    }
    return result(id, {})
  }

  /**
   * Takes a message of the server.
   * @returns whether it belongs to a subscription, whichever: then it is dealt with
   */
  take(message: Message, origin: Origin): boolean {
    if (isResponse(message)) {
      const listening = this.#with(message.id)
      if (listening) this.#end(listening, isResult(message) ? undefined : message.error)
      return listening !== undefined
    }
    if ('id' in message) return false
    const {params} = message
    if (message.method === 'notifications/cancelled') {
      const listening = this.#with(params?.['requestId'])
      if (listening) this.#end(listening, undefined)
      return listening !== undefined
    }
    const {[META.subscription]: id} = metaOf(params)
    const listening = this.#with(id ?? (typeof origin === 'object' ? origin.request : undefined))
    if (!listening) return id !== undefined
    this.#hear(listening, message)
    return true
  }

  /** Nothing is opened any more. */
  close(): void {
    this.#isClosed = true
    this.#retry?.abort()
    clearTimeout(this.#opening?.timer)
  }

  #hear(listening: Listening, message: Notification): void {
    if (message.method === 'notifications/subscriptions/acknowledged') {
      const honoured = message.params?.['notifications']
      if (listening === this.#opening) this.#opened(listening, objectOf(honoured))
    } else if (listening === this.#active) {
      this.#lost = 0
      this.#input.tell(withoutSubscription(message))
    }
  }

  #declares(capability: string, feature: string): boolean {
    return objectOf(this.#capabilities[capability])[feature] === true
  }

  #with(id: Json | undefined): Listening | undefined {
    if (id === undefined) return undefined
    return [this.#active, this.#opening].find(listening => listening?.id === id)
  }

  #change(): void {
    this.#retry?.abort()
    this.#isDue = true
    if (!this.#opening) this.#open()
  }

  /** Opens a subscription to what is wanted now. */
  #open(): void {
    if (this.#isClosed) return
    this.#isDue = false
    const filter = this.#filter()
    if (Object.keys(filter).length === 0) {
      this.#leave(this.#active)
      this.#active = undefined
      return
    }
    const id = this.#input.newId()
    const timer = setTimeout(() => this.#late(id), ACKNOWLEDGED_MS)
    this.#opening = {id, uris: new Set(this.#uris), since: performance.now(), timer}
    this.#input.send(request(id, 'subscriptions/listen', {notifications: filter}))
  }

  #late(id: Id): void {
    const listening = this.#with(id)
    if (!listening) return
    this.#leave(listening)
    this.#refused(listening, LATE)
  }

  #filter(): JsonObject {
    const lists = LIST_NOTICES.filter(({kind}) => this.#declares(kind, 'listChanged'))
    return {
      ...Object.fromEntries(lists.map(({flag}) => [flag, true])),
      ...(this.#uris.size > 0 && {resourceSubscriptions: [...this.#uris]}),
    }
  }

  #opened(listening: Listening, honoured: JsonObject): void {
    clearTimeout(listening.timer)
    this.#opening = undefined
    this.#leave(this.#active)
    this.#active = listening
    const uris = new Set(asArray(honoured['resourceSubscriptions']))
    for (const uri of listening.uris) {
      const refusal = uris.has(uri) ? undefined : NOT_HONOURED
      if (refusal) this.#uris.delete(uri)
      this.#answer(uri, refusal)
    }
    if (this.#isNews) this.#tellAll(listening, honoured)
    if (this.#isDue) this.#open()
  }

  /** What may have changed while nobody listened. */
  #tellAll({uris}: Listening, honoured: JsonObject): void {
    this.#isNews = false
    for (const {flag, method} of LIST_NOTICES) {
      if (honoured[flag] === true) this.#input.tell(notification(method))
    }
    for (const uri of uris) {
      if (!this.#uris.has(uri)) continue
      this.#input.tell(notification('notifications/resources/updated', {uri}))
    }
  }

  #refused({timer, uris}: Listening, refusal: Refusal): void {
    clearTimeout(timer)
    this.#opening = undefined
    for (const uri of uris) {
      if (!this.#waiting.has(uri)) continue
      this.#uris.delete(uri)
      this.#answer(uri, refusal)
    }
    if (this.#isDue) return this.#open()
    const isFinal = refusal.code === RPC.methodNotFound || refusal.code === RPC.invalidParams
    if (this.#active || isFinal) return
    this.#isNews = true
    void this.#again()
  }

  #answer(uri: string, refusal: Refusal | undefined): void {
    const waiting = this.#waiting.get(uri) ?? []
    this.#waiting.delete(uri)
    for (const resolve of waiting) resolve(refusal)
  }

  #leave(listening: Pick<Listening, 'id'> | undefined): void {
    if (!listening) return
    this.#input.send(notification('notifications/cancelled', {requestId: listening.id}))
  }

  #end(listening: Listening, error: Refusal | undefined): void {
    if (listening === this.#opening) return this.#refused(listening, error ?? ENDED)
    this.#active = undefined
    this.#isNews = true
    if (performance.now() - listening.since > LASTING_MS) this.#lost = 0
    if (!this.#opening) void this.#again()
  }

  async #again(): Promise<void> {
    const retry = new AbortController()
    this.#retry = retry
    const milliseconds = RECONNECT_MS[Math.min(this.#lost, RECONNECT_MS.length - 1)] ?? 0
    this.#lost += 1
    await this.#input.pause(milliseconds, retry.signal)
    if (!retry.signal.aborted && !this.#isClosed) this.#change()
  }
}

const ENDED = {code: RPC.internalError, message: 'the server has ended the subscription'}
const LATE = {
  code: RPC.internalError,
  message: `the server did not acknowledge the subscription within ${ACKNOWLEDGED_MS / 1000} s`,
}
const NOT_HONOURED = {
  code: RPC.invalidParams,
  message: 'the server does not tell of changes to this resource',
}

function withoutSubscription(message: Notification): Notification {
  const {_meta, ...params} = message.params ?? {}
  const {[META.subscription]: _, ...meta} = objectOf(_meta)
  return {...message, params: {...params, ...(Object.keys(meta).length > 0 && {_meta: meta})}}
}

function asArray(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : []
}
