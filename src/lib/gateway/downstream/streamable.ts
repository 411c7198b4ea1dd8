import {randomBytes} from 'node:crypto'
import type {IncomingMessage, ServerResponse} from 'node:http'
import {messageOf} from '../../base/errors.ts'
import type {Exchange} from '../modern/exchange.ts'
import {LEGACY_VERSIONS} from '../relay/hello.ts'
import type {Session} from '../relay/session.ts'
import type {Downstream} from '../relay/session-input.ts'
import {isUsable, parseIncoming, refusalText, whyNoBatch, type Incoming} from '../wire/batch.ts'
import {isModernVersion, modernVersion} from '../wire/era.ts'
import {
  isRequest,
  isUnusable,
  RPC,
  type Message,
  type Notification,
  type Response,
} from '../wire/jsonrpc.ts'
import {acceptedForms, formsFor} from './accept.ts'
import {readPosted} from './body.ts'
import {HttpDownstream, type Posted} from './http-session.ts'
import {ModernEndpoint} from './modern.ts'
import {refuse, refuseInvalid, refuseUnavailable} from './refusals.ts'

/** A session without a request or an open stream for this long is ended, and its containers with it. */
const IDLE_MS = 30 * 60_000
const SWEEP_MS = 60_000
const MOST_SESSIONS = 200
/** A session that was used since is not ended to make room: its client is only between two requests. */
const REST_MS = 60_000
/** A client that leaves its requests behind does not end them. */
const MOST_REQUESTS = 1000

const VERSION = 'mcp-protocol-version'

interface Entry {
  readonly session: Session
  readonly downstream: HttpDownstream
  usedAt: number
}

export interface StreamableInput {
  readonly openSession: (id: string, downstream: Downstream) => Session
  /** Answers one request of a client whose revision has no sessions. */
  readonly answer: (exchange: Exchange) => Promise<Response>
  /** Takes what such a client says that is no request, and concerns none. */
  readonly notify: (message: Notification) => void
  /** Milliseconds from any fixed point. */
  readonly now: () => number
  /** The largest message that is taken. */
  readonly maxMessageBytes: number
  readonly warn: (text: string) => void
}

/**
 * The one endpoint of MCP's streamable HTTP transport. From 2025-03-26 to 2025-11-25: POST for messages, GET for the
 * stream of what belongs to no request, DELETE to end the session. Since 2026-07-28: POST alone, without sessions.
 */
export class StreamableEndpoint implements Disposable {
  readonly #input: StreamableInput
  readonly #sessions = new Map<string, Entry>()
  readonly #modern: ModernEndpoint
  readonly #sweep: NodeJS.Timeout
  #isStopped = false

  constructor(input: StreamableInput) {
    this.#input = input
    this.#modern = new ModernEndpoint(input)
    this.#sweep = setInterval(() => this.#endIdle(), SWEEP_MS)
    this.#sweep.unref()
  }

  /**
   * Answers one HTTP request that has passed the guards.
   * @throws the connection's error when the client leaves while it sends
   */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#isStopped) return refuseUnavailable(response, 'the gateway is stopping')
    const {method} = request
    if (method === 'POST') return this.#post(request, response)
    if ((method === 'GET' || method === 'DELETE') && isModern(request)) {
      response.setHeader('allow', 'POST')
      return refuseInvalid(response, 405, 'use POST: this revision has no sessions')
    }
    switch (method) {
      case 'GET':
        return this.#get(request, response)
      case 'DELETE':
        return this.#delete(request, response)
      default:
        response.setHeader('allow', 'GET, POST, DELETE')
        return refuseInvalid(response, 405, 'use POST, GET or DELETE')
    }
  }

  /**
   * Answers what is under way, ends every session and takes no more. Whoever made the sessions waits for their ends.
   */
  [Symbol.dispose](): void {
    this.#isStopped = true
    this.#modern[Symbol.dispose]()
    clearInterval(this.#sweep)
    for (const id of this.#sessions.keys()) void this.#end(id) // never rejects
  }

  async #post(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readPosted(request, response, this.#input.maxMessageBytes)
    if (body === undefined) return
    // Reading took its time.
    if (this.#isStopped) return refuseUnavailable(response, 'the gateway is stopping')
    const incoming = parseIncoming(body)
    if (Array.isArray(incoming)) return this.#batch(incoming, request, response)
    if (isUnusable(incoming)) {
      const {code, reason, id} = incoming
      return refuse(response, 400, {code, message: reason}, id)
    }
    const modern = modernVersion(incoming, {
      header: header(request, VERSION),
      hasSession: header(request, 'mcp-session-id') !== undefined,
    })
    if (modern === undefined) this.#message(incoming, request, response)
    else this.#modern.take(incoming, request, response)
  }

  #message(message: Message, request: IncomingMessage, response: ServerResponse): void {
    const accepted = acceptedForms(request.headers.accept)
    if (isRequest(message) && !accepted.json && !accepted.events) return notAcceptable(response)
    const entry = this.#entryFor(request, response, message)
    if (!entry) return
    if (!isRequest(message)) response.writeHead(202).end()
    else {
      const {id, method} = message
      const posted = {ids: [id], accepted: formsFor(method, accepted)}
      if (!openExchange(entry, response, posted)) return
    }
    entry.session.receive(message)
  }

  #batch(elements: readonly Incoming[], request: IncomingMessage, response: ServerResponse): void {
    if (isModern(request)) {
      return refuseInvalid(response, 400, 'batches are not taken: send one message at a time')
    }
    const accepted = acceptedForms(request.headers.accept)
    if (!accepted.json && !accepted.events) return notAcceptable(response)
    const entry = this.#known(request, response)
    if (!entry) return
    const why = whyNoBatch(elements, entry.session.protocolVersion)
    if (why !== undefined) return refuseInvalid(response, 400, why)
    const messages = elements.filter(isUsable)
    const ids = messages.filter(isRequest).map(({id}) => id)
    const batch = elements.filter(isUnusable).map(refusalText)
    if (ids.length + batch.length === 0) response.writeHead(202).end()
    else if (!openExchange(entry, response, {ids, accepted, batch})) return
    for (const message of messages) entry.session.receive(message)
  }

  #get(request: IncomingMessage, response: ServerResponse): void {
    if (!(request.headers.accept ?? '').includes('text/event-stream')) {
      return refuseInvalid(response, 406, 'GET needs Accept: text/event-stream')
    }
    const downstream = this.#known(request, response)?.downstream
    if (!downstream) return
    // Readers of event streams have an empty id before the first one (HTML standard, 9.2.4).
    const last = header(request, 'last-event-id') || undefined
    if (last === undefined) downstream.openStandalone(response)
    else if (!downstream.resume(last, response)) {
      refuseInvalid(response, 400, 'Last-Event-ID: nothing can be resumed after this event')
    }
  }

  async #delete(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = header(request, 'mcp-session-id')
    if (!this.#known(request, response) || id === undefined) return
    await this.#end(id)
    response.writeHead(204).end()
  }

  #entryFor(
    request: IncomingMessage,
    response: ServerResponse,
    message: Message,
  ): Entry | undefined {
    const opening = isRequest(message) && message.method === 'initialize'
    if (!opening || header(request, 'mcp-session-id') !== undefined)
      return this.#known(request, response)
    this.#endIdle()
    if (this.#sessions.size >= MOST_SESSIONS && !this.#endOldest()) {
      response.setHeader('retry-after', '60')
      refuse(response, 503, {code: RPC.internalError, message: 'too many sessions are open'})
      return undefined
    }
    // 192 bits that nobody can guess: the id is all that tells a session's owner from others with the same token.
    const id = randomBytes(24).toString('base64url')
    const downstream = new HttpDownstream(id, this.#input)
    const session = this.#input.openSession(id, downstream)
    const entry = {session, downstream, usedAt: this.#input.now()}
    this.#sessions.set(id, entry)
    return entry
  }

  /** The session that a request names; otherwise the request is answered. A missing id is 400, an unknown one 404. */
  #known(request: IncomingMessage, response: ServerResponse): Entry | undefined {
    const version = header(request, VERSION)
    if (version !== undefined && !LEGACY_VERSIONS.some(known => known === version)) {
      refuseInvalid(response, 400, `MCP-Protocol-Version ${version} is not spoken here`)
      return undefined
    }
    const id = header(request, 'mcp-session-id')
    if (id === undefined) {
      refuseInvalid(response, 400, 'Mcp-Session-Id is missing: start with initialize')
      return undefined
    }
    const entry = this.#sessions.get(id)
    if (!entry) refuseInvalid(response, 404, 'no such session: start with initialize')
    else entry.usedAt = this.#input.now()
    return entry
  }

  async #end(id: string): Promise<void> {
    const entry = this.#sessions.get(id)
    if (!entry) return
    this.#sessions.delete(id)
    // What is in flight is answered at once, while its streams are still there.
    const closing = entry.session.close()
    entry.downstream.close()
    await closing.catch((error: unknown) => {
      this.#input.warn(`! a session did not end cleanly: ${messageOf(error)}`)
    })
  }

  /** Makes room: clients that went without a word must not keep others out. */
  #endOldest(): boolean {
    const now = this.#input.now()
    const free = [...this.#sessions].filter(
      ([, {downstream, usedAt}]) => !downstream.isBusy && now - usedAt >= REST_MS,
    )
    const [oldest] = free.toSorted(([, a], [, b]) => a.usedAt - b.usedAt)
    if (oldest) void this.#end(oldest[0]) // never rejects
    return oldest !== undefined
  }

  #endIdle(): void {
    const now = this.#input.now()
    for (const [id, entry] of this.#sessions) {
      entry.downstream.expire()
      if (entry.downstream.isBusy) entry.usedAt = now
      else if (now - entry.usedAt > IDLE_MS) void this.#end(id) // never rejects
    }
  }
}

/** Makes the response the place for these requests' answers. @returns false when it had to be a refusal */
function openExchange(
  {session, downstream}: Entry,
  response: ServerResponse,
  posted: Omit<Posted, 'version'>,
): boolean {
  const {ids} = posted
  if (ids.some(id => downstream.isAnswering(id))) {
    refuseInvalid(response, 400, 'this request id is already in use')
    return false
  }
  if (downstream.inFlight + ids.length > MOST_REQUESTS) {
    refuse(response, 503, {code: RPC.internalError, message: 'too many requests are under way'})
    return false
  }
  downstream.openExchange(response, {...posted, version: session.protocolVersion})
  return true
}

function notAcceptable(response: ServerResponse): void {
  refuseInvalid(response, 406, 'POST needs Accept: application/json, text/event-stream')
}

/** Whether a request names a revision without sessions in its head. */
function isModern(request: IncomingMessage): boolean {
  const version = header(request, VERSION)
  return version !== undefined && isModernVersion(version)
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' ? value : undefined
}
