import type {IncomingMessage, ServerResponse} from 'node:http'
import {messageOf} from '../../base/errors.ts'
import {oneLine} from '../../base/one-line.ts'
import type {Exchange} from '../modern/exchange.ts'
import {failure, isRequest, isResponse, RPC, type Message, type Response} from '../wire/jsonrpc.ts'
import {acceptedForms} from './accept.ts'
import {refusalOf} from './admission.ts'
import {requestHeaders} from './mirror-headers.ts'
import {Reply, type ReplyInput} from './modern-reply.ts'
import {refuse, refuseInvalid} from './refusals.ts'

/** Each is work at a server, or a stream that is held open. */
const MOST_OPEN = 2000

/** What a client asks to be told of, for as long as it likes. */
export const LISTEN = 'subscriptions/listen'

export interface ModernInput {
  readonly answer: (exchange: Exchange) => Promise<Response>
  /** The largest message that comes from a server. */
  readonly maxMessageBytes: number
  readonly warn: (text: string) => void
}

/**
 * Answers clients of revisions without sessions over streamable HTTP (MCP 2026-07-28): every POST carries one message
 * with all that is to be known about it, and is answered by itself.
 */
export class ModernEndpoint implements Disposable {
  readonly #input: ModernInput
  readonly #open = new Set<Reply>()

  constructor(input: ModernInput) {
    this.#input = input
  }

  /** Takes the message that was posted. */
  take(message: Message, request: IncomingMessage, response: ServerResponse): void {
    if (isResponse(message)) {
      return refuseInvalid(response, 400, 'answers are not taken: nothing was asked')
    }
    const headers = requestHeaders(request)
    const refusal = refusalOf(message, headers)
    if (refusal) return refuse(response, 400, refusal, isRequest(message) ? message.id : null)
    // Over HTTP there is nothing that a client could have to say: who closes the connection has cancelled.
    if (!isRequest(message)) return void response.writeHead(202).end()
    const accepted = acceptedForms(request.headers.accept)
    this.#admit({message, response, accepted, mirrored: headers.parameters})
  }

  /**
   * Answers what is under way, so that no client waits for what will not come. What clients listen to is left to end as
   * the gateway ends it.
   */
  [Symbol.dispose](): void {
    const reason = 'the gateway is stopping'
    for (const reply of this.#open) {
      const {id, method} = reply.request
      if (method !== LISTEN) reply.cutShort(failure(id, RPC.internalError, reason), reason)
    }
  }

  #admit(posted: Omit<ReplyInput, 'maxMessageBytes'>): void {
    const {message, response, accepted} = posted
    const {id, method} = message
    if (!accepted.events && (!accepted.json || method === LISTEN)) {
      const wanted = method === LISTEN ? 'text/event-stream' : 'application/json, text/event-stream'
      const error = {code: RPC.invalidRequest, message: `${method} needs Accept: ${wanted}`}
      return refuse(response, 406, error, id)
    }
    if (this.#open.size >= MOST_OPEN) {
      response.setHeader('retry-after', '1')
      const error = {code: RPC.internalError, message: 'too many requests are under way'}
      return refuse(response, 503, error, id)
    }
    // Nobody is left to be answered.
    if (response.destroyed) return
    const {maxMessageBytes} = this.#input
    void this.#serve(new Reply({...posted, maxMessageBytes}))
  }

  /** Never rejects. A request counts until its work has ended, however its client has left. */
  async #serve(reply: Reply): Promise<void> {
    this.#open.add(reply)
    reply.finish(await answerTo(reply, this.#input))
    this.#open.delete(reply)
  }
}

/** The answer to a request, which is an error when there is none. Never rejects. */
export async function answerTo(
  exchange: Exchange,
  {answer, warn}: Pick<ModernInput, 'answer' | 'warn'>,
): Promise<Response> {
  try {
    return await answer(exchange)
  } catch (error) {
    // Whoever has left was told why by himself.
    if (!exchange.signal.aborted) warn(`! a request was not answered: ${oneLine(messageOf(error))}`)
    const {id} = exchange.request
    return failure(id, RPC.internalError, 'the gateway failed on this request')
  }
}
