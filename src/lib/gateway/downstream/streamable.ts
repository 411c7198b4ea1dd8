import {randomBytes} from 'node:crypto'
import type {IncomingMessage, ServerResponse} from 'node:http'
import {messageOf} from '../../base/errors.ts'
import {LEGACY_VERSIONS} from '../relay/hello.ts'
import type {Session} from '../relay/session.ts'
import type {Downstream} from '../relay/session-input.ts'
import {isRequest, isUnusable, parseMessage, RPC, type Message} from '../wire/jsonrpc.ts'
import {readBody} from './body.ts'
import {HttpDownstream} from './http-session.ts'
import {refuse, whyUnusable} from './refusals.ts'

/** A session without a request or an open stream for this long is ended, and its containers with it. */
const IDLE_MS = 30 * 60_000
const SWEEP_MS = 60_000
const MOST_SESSIONS = 200

interface Entry {
  readonly session: Session
  readonly downstream: HttpDownstream
  usedAt: number
}

export interface StreamableInput {
  readonly openSession: (id: string, downstream: Downstream) => Session
  /** Milliseconds from any fixed point. */
  readonly now: () => number
  readonly warn: (text: string) => void
}

/**
 * The one endpoint of MCP's streamable HTTP transport (2025-03-26 to 2025-11-25): POST for messages, GET for the
 * stream of what belongs to no request, DELETE to end the session.
 */
export class StreamableEndpoint implements Disposable {
  readonly #input: StreamableInput
  readonly #sessions = new Map<string, Entry>()
  readonly #sweep: NodeJS.Timeout
  #isStopped = false

  constructor(input: StreamableInput) {
    this.#input = input
    this.#sweep = setInterval(() => this.#endIdle(), SWEEP_MS)
    this.#sweep.unref()
  }

  /**
   * Answers one HTTP request that has passed the guards.
   * @throws the connection's error when the client leaves while it sends
   */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#isStopped) return refuseStopping(response)
    switch (request.method) {
      case 'POST':
        return this.#post(request, response)
      case 'GET':
        return this.#get(request, response)
      case 'DELETE':
        return this.#delete(request, response)
      default:
        response.setHeader('allow', 'GET, POST, DELETE')
        return invalid(response, 405, 'use POST, GET or DELETE')
    }
  }

  /** Ends every session and opens no more. Whoever made the sessions waits for their ends. */
  [Symbol.dispose](): void {
    this.#isStopped = true
    clearInterval(this.#sweep)
    for (const id of this.#sessions.keys()) void this.#end(id) // never rejects
  }

  async #post(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const type = request.headers['content-type'] ?? ''
    if (!/^application\/json\s*(;|$)/i.test(type)) {
      return invalid(response, 415, 'the body must be application/json')
    }
    const body = await readBody(request)
    if (body === undefined) return invalid(response, 413, 'the body is too large')
    // Reading took its time.
    if (this.#isStopped) return refuseStopping(response)
    const message = parseMessage(body)
    if (isUnusable(message)) {
      return refuse(response, 400, {code: message.code, message: whyUnusable(body, message)})
    }
    const entry = this.#entryFor(request, response, message)
    if (!entry) return
    if (!isRequest(message)) response.writeHead(202).end()
    else if (entry.downstream.isAnswering(message.id)) {
      return invalid(response, 400, 'this request id is already in use')
    } else entry.downstream.openRequestStream(message.id, response)
    entry.session.receive(message)
  }

  #get(request: IncomingMessage, response: ServerResponse): void {
    if (!(request.headers.accept ?? '').includes('text/event-stream')) {
      return invalid(response, 406, 'GET needs Accept: text/event-stream')
    }
    this.#known(request, response)?.downstream.openStandalone(response)
  }

  async #delete(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = sessionId(request)
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
    if (!opening || sessionId(request) !== undefined) return this.#known(request, response)
    this.#endIdle()
    if (this.#sessions.size >= MOST_SESSIONS && !this.#endOldest()) {
      response.setHeader('retry-after', '60')
      refuse(response, 503, {code: RPC.internalError, message: 'too many sessions are open'})
      return undefined
    }
    // 192 bits that nobody can guess: the id is all that tells a session's owner from others with the same token.
    const id = randomBytes(24).toString('base64url')
    const downstream = new HttpDownstream(id)
    const session = this.#input.openSession(id, downstream)
    const entry = {session, downstream, usedAt: this.#input.now()}
    this.#sessions.set(id, entry)
    return entry
  }

  /** The session that a request names; otherwise the request is answered. A missing id is 400, an unknown one 404. */
  #known(request: IncomingMessage, response: ServerResponse): Entry | undefined {
    const version = request.headers['mcp-protocol-version']
    if (version !== undefined && !LEGACY_VERSIONS.some(known => known === version)) {
      invalid(response, 400, `MCP-Protocol-Version ${String(version)} is not spoken here`)
      return undefined
    }
    const id = sessionId(request)
    if (id === undefined) {
      invalid(response, 400, 'Mcp-Session-Id is missing: start with initialize')
      return undefined
    }
    const entry = this.#sessions.get(id)
    if (!entry) invalid(response, 404, 'no such session: start with initialize')
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
    const free = [...this.#sessions].filter(([, {downstream}]) => !downstream.isBusy)
    const [oldest] = free.toSorted(([, a], [, b]) => a.usedAt - b.usedAt)
    if (oldest) void this.#end(oldest[0]) // never rejects
    return oldest !== undefined
  }

  #endIdle(): void {
    const now = this.#input.now()
    for (const [id, entry] of this.#sessions) {
      if (entry.downstream.isBusy) entry.usedAt = now
      else if (now - entry.usedAt > IDLE_MS) void this.#end(id) // never rejects
    }
  }
}

function sessionId(request: IncomingMessage): string | undefined {
  const id = request.headers['mcp-session-id']
  return typeof id === 'string' ? id : undefined
}

function invalid(response: ServerResponse, status: number, message: string): void {
  refuse(response, status, {code: RPC.invalidRequest, message})
}

function refuseStopping(response: ServerResponse): void {
  refuse(response, 503, {code: RPC.internalError, message: 'the gateway is stopping'})
}
