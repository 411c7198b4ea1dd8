import {randomBytes} from 'node:crypto'
import type {IncomingMessage, ServerResponse} from 'node:http'
import {messageOf} from '../../base/errors.ts'
import type {Session} from '../relay/session.ts'
import type {Downstream} from '../relay/session-input.ts'
import {isUsable, parseIncoming, whyNoBatch} from '../wire/batch.ts'
import {modernVersion} from '../wire/era.ts'
import {isUnusable} from '../wire/jsonrpc.ts'
import {readPosted} from './body.ts'
import {MCP_PATH, MESSAGES_PATH, pathOf, SSE_PATH} from './paths.ts'
import {refuse, refuseInvalid, refuseModern, refuseUnavailable} from './refusals.ts'
import {openEventStream, type EventStream} from './sse.ts'

/** Each holds a stream open, so none of them is idle and could make room for another. */
const MOST_SESSIONS = 200

interface Entry {
  readonly session: Session
  readonly stream: EventStream
}

export interface SseInput {
  readonly openSession: (id: string, downstream: Downstream) => Session
  /** The largest message that is taken. */
  readonly maxMessageBytes: number
  readonly warn: (text: string) => void
}

/**
 * The HTTP+SSE transport of MCP 2024-11-05, which some clients still speak: GET opens a stream that names the address
 * for the client's messages, and carries everything else. The session ends with its stream.
 */
export class SseEndpoint implements Disposable {
  readonly #input: SseInput
  readonly #sessions = new Map<string, Entry>()
  #isStopped = false

  constructor(input: SseInput) {
    this.#input = input
  }

  /**
   * Answers one HTTP request that has passed the guards.
   * @throws the connection's error when the client leaves while it sends
   */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#isStopped) return refuseUnavailable(response, 'the gateway is stopping')
    if (pathOf(request) === SSE_PATH) return this.#open(request, response)
    return this.#post(request, response)
  }

  /** Ends every session and opens no more. Whoever made the sessions waits for their ends. */
  [Symbol.dispose](): void {
    this.#isStopped = true
    for (const id of this.#sessions.keys()) void this.#end(id) // never rejects
  }

  #open(request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== 'GET') {
      response.setHeader('allow', 'GET')
      return refuseInvalid(response, 405, `use GET here; streamable HTTP is at ${MCP_PATH}`)
    }
    if (this.#sessions.size >= MOST_SESSIONS) {
      response.setHeader('retry-after', '60')
      return refuseUnavailable(response, 'too many sessions are open')
    }
    // 192 bits that nobody can guess: the id is all that tells a session's owner from others with the same token.
    const id = randomBytes(24).toString('base64url')
    const stream = openEventStream(response, {
      headers: {},
      maxMessageBytes: this.#input.maxMessageBytes,
    })
    response.write(`event: endpoint\ndata: ${MESSAGES_PATH}?sessionId=${id}\n\n`)
    const session = this.#input.openSession(id, {
      send: message => stream.send(message),
      drop: () => undefined,
    })
    this.#sessions.set(id, {session, stream})
    const gone = () => void this.#end(id) // never rejects
    // Whoever has left already will not leave once more.
    if (response.destroyed) gone()
    else response.once('close', gone)
  }

  async #post(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'POST') {
      response.setHeader('allow', 'POST')
      return refuseInvalid(response, 405, 'use POST')
    }
    const id = new URLSearchParams(request.url?.split('?')[1]).get('sessionId') ?? ''
    if (!this.#sessions.has(id)) return refuseUnknown(response)
    const body = await readPosted(request, response, this.#input.maxMessageBytes)
    if (body === undefined) return
    // Reading took its time: the stream may be gone, and the session with it.
    const entry = this.#sessions.get(id)
    if (!entry) return refuseUnknown(response)
    this.#take(body, entry.session, response)
  }

  #take(body: string, session: Session, response: ServerResponse): void {
    const incoming = parseIncoming(body)
    const elements = Array.isArray(incoming) ? incoming : [incoming]
    if (Array.isArray(incoming)) {
      const why = whyNoBatch(incoming, session.protocolVersion)
      if (why !== undefined) return refuseInvalid(response, 400, why)
    }
    const bad = elements.find(isUnusable)
    if (bad) return refuse(response, 400, {code: bad.code, message: bad.reason}, bad.id)
    const messages = elements.filter(isUsable)
    const modern = modernVersion(messages[0], {hasSession: true})
    if (modern !== undefined) return refuseModern(response, messages[0], modern)
    response.writeHead(202).end()
    for (const message of messages) session.receive(message)
  }

  async #end(id: string): Promise<void> {
    const entry = this.#sessions.get(id)
    if (!entry) return
    this.#sessions.delete(id)
    // What is in flight is answered at once, while the stream is still there.
    const closing = entry.session.close()
    entry.stream.end()
    await closing.catch((error: unknown) => {
      this.#input.warn(`! a session did not end cleanly: ${messageOf(error)}`)
    })
  }
}

function refuseUnknown(response: ServerResponse): void {
  refuseInvalid(response, 404, `no such session: open one with GET ${SSE_PATH}`)
}
