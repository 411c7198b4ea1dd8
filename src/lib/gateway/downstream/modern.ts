import type {IncomingMessage, ServerResponse} from 'node:http'
import {messageOf} from '../../base/errors.ts'
import {oneLine} from '../../base/one-line.ts'
import type {Exchange} from '../modern/exchange.ts'
import {
  failure,
  isRequest,
  isResponse,
  RPC,
  type Message,
  type Notification,
  type Response,
} from '../wire/jsonrpc.ts'
import {acceptedForms} from './accept.ts'
import {refusalOf} from './admission.ts'
import {requestHeaders} from './mirror-headers.ts'
import {Reply, type ReplyInput} from './modern-reply.ts'
import {refuse, refuseInvalid} from './refusals.ts'

/** Each is work at a server. */
const MOST_CALLS = 2000
/** Each is a stream that is held open for as long as its client likes: those leave the calls their room. */
const MOST_LISTENS = 500

/** What a client asks to be told of, for as long as it likes. */
export const LISTEN = 'subscriptions/listen'

/** The notice by which a client gives up a request, where the end of a connection does not say it. */
export const CANCELLED = 'notifications/cancelled'

export interface ModernInput {
  readonly answer: (exchange: Exchange) => Promise<Response>
  /** Takes what a client says that is no request, and concerns none. */
  readonly notify: (message: Notification) => void
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
  readonly #calls = new Set<Reply>()
  readonly #listens = new Set<Reply>()

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
    if (!isRequest(message)) {
      response.writeHead(202).end()
      // Over HTTP, who closes the connection has cancelled.
      if (message.method !== CANCELLED) this.#input.notify(message)
      return
    }
    const accepted = acceptedForms(request.headers.accept)
    this.#admit({message, response, accepted, mirrored: headers.parameters})
  }

  /**
   * Answers what is under way, so that no client waits for what will not come. What clients listen to is left to end as
   * the gateway ends it.
   */
  [Symbol.dispose](): void {
    const reason = 'the gateway is stopping'
    for (const reply of this.#calls) {
      reply.cutShort(failure(reply.request.id, RPC.internalError, reason), reason)
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
    const [open, most] =
      method === LISTEN ? [this.#listens, MOST_LISTENS] : [this.#calls, MOST_CALLS]
    if (open.size >= most) {
      response.setHeader('retry-after', '1')
      const error = {code: RPC.internalError, message: `${most} of these are under way already`}
      return refuse(response, 503, error, id)
    }
    // Nobody is left to be answered.
    if (response.destroyed) return
    const {maxMessageBytes} = this.#input
    void this.#serve(new Reply({...posted, maxMessageBytes}), open)
  }

  /** Never rejects. A request counts until its work has ended, however its client has left. */
  async #serve(reply: Reply, open: Set<Reply>): Promise<void> {
    open.add(reply)
    reply.finish(await answerTo(reply, this.#input))
    open.delete(reply)
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
