import type {ServerResponse} from 'node:http'
import type {Exchange} from '../modern/exchange.ts'
import {Cancelled} from '../relay/connection.ts'
import type {Mirrored} from '../upstream/upstream.ts'
import {isResult, RPC, type Notification, type Request, type Response} from '../wire/jsonrpc.ts'
import {textOf} from '../wire/text.ts'
import type {Accepted} from './accept.ts'
import {sendJson} from './json-body.ts'
import {openEventStream, type EventStream} from './sse.ts'

/**
 * How long the head of a response, which tells what became of the request, waits for that. After it, whoever is on the
 * way must see that the connection is alive.
 */
const HOLD_MS = 15_000

/** The HTTP status of errors that have one of their own (MCP 2026-07-28, streamable HTTP); others are answers. */
const STATUSES: ReadonlyMap<number, number> = new Map([
  [RPC.methodNotFound, 404],
  [RPC.headerMismatch, 400],
  [RPC.missingCapability, 400],
  [RPC.unsupportedVersion, 400],
])

export interface ReplyInput {
  readonly message: Request
  readonly mirrored: Mirrored
  readonly response: ServerResponse
  readonly accepted: Accepted
  /** The largest message that comes from a server. */
  readonly maxMessageBytes: number
}

/**
 * One modern request over HTTP, and what its POST is answered with: plain JSON, or a stream of events from the first
 * notification on. A client that closes the connection has cancelled the request.
 */
export class Reply implements Exchange {
  readonly request: Request
  readonly mirrored: Mirrored
  readonly #input: ReplyInput
  readonly #leaving = new AbortController()
  readonly #onClose = () => this.#leave('the client closed the connection')
  readonly #hold: NodeJS.Timeout | undefined
  #stream: EventStream | undefined
  #isOver = false

  /** @param input with a response whose client has not left */
  constructor(input: ReplyInput) {
    this.#input = input
    this.request = input.message
    this.mirrored = input.mirrored
    input.response.once('close', this.#onClose)
    if (input.accepted.events) this.#hold = setTimeout(stopWaiting, HOLD_MS, this)
  }

  get signal(): AbortSignal {
    return this.#leaving.signal
  }

  notify(message: Notification): void {
    if (!this.#isOver && this.#input.accepted.events) this.stream().send(message)
  }

  /** Sends the answer and ends the response, unless that has happened or the client has left. */
  finish(answer: Response): void {
    if (this.#isOver) return
    this.#end()
    const {response, accepted} = this.#input
    const status = (isResult(answer) ? undefined : STATUSES.get(answer.error.code)) ?? 200
    if (!this.#stream && (accepted.json || status !== 200)) {
      return sendJson(response, status, textOf(answer))
    }
    this.stream().send(answer)
    this.stream().end()
  }

  /** Sends the answer in place of the one that is still to come, which nobody needs to make any more. */
  cutShort(answer: Response, reason: string): void {
    this.finish(answer)
    this.#leaving.abort(new Cancelled({reason}))
  }

  /** The stream that the response is, or becomes now. */
  stream(): EventStream {
    clearTimeout(this.#hold)
    const {response, maxMessageBytes} = this.#input
    this.#stream ??= openEventStream(response, {headers: {}, maxMessageBytes})
    return this.#stream
  }

  #leave(reason: string): void {
    this.#end()
    this.#leaving.abort(new Cancelled({reason}))
  }

  #end(): void {
    this.#isOver = true
    clearTimeout(this.#hold)
    this.#input.response.off('close', this.#onClose)
  }
}

/** One function for all timers. */
function stopWaiting(reply: Reply): void {
  reply.stream()
}
