import type {JsonObject} from '../../base/json.ts'
import type {Exchange} from '../modern/exchange.ts'
import {Cancelled} from '../relay/connection.ts'
import {
  failure,
  RPC,
  type Id,
  type Message,
  type Notification,
  type Request,
} from '../wire/jsonrpc.ts'
import {refusalOf} from './admission.ts'
import {answerTo, CANCELLED, LISTEN, type ModernInput} from './modern.ts'

/** Each is work at a server. */
const MOST_CALLS = 2000
/** What one client may listen to at the same time; that leaves the calls their room. */
const MOST_LISTENS = 100

export interface StdioExchangesInput extends Pick<ModernInput, 'answer' | 'notify' | 'warn'> {
  /** Takes messages for the client. */
  readonly send: (message: Message) => void
}

/** The requests of revisions without sessions that a client has under way over stdio (MCP 2026-07-28, stdio). */
export class StdioExchanges implements Disposable {
  readonly #input: StdioExchangesInput
  /** A string and a number are different ids. */
  readonly #inFlight = new Map<Id, StdioExchange>()
  /** Those of them that nobody waits for an answer of. */
  readonly #listens = new Set<StdioExchange>()
  readonly #waiting: (() => void)[] = []

  constructor(input: StdioExchangesInput) {
    this.#input = input
  }

  /** Whether a request with this id is being answered. */
  isServing(id: Id): boolean {
    return this.#inFlight.has(id)
  }

  /** Takes a request, under an id that is not in use. */
  take(request: Request): void {
    const {send} = this.#input
    const isListen = request.method === LISTEN
    const open = isListen ? this.#listens.size : this.#inFlight.size - this.#listens.size
    const most = isListen ? MOST_LISTENS : MOST_CALLS
    const refusal = refusalOf(request)
    if (refusal) {
      const {code, message, data} = refusal
      send(failure(request.id, code, message, data))
    } else if (open >= most) {
      const why = `${most} of these are under way already`
      send(failure(request.id, RPC.internalError, why))
    } else void this.#serve(new StdioExchange(request, send))
  }

  /** Takes a notice that concerns no request; one of a revision that is not spoken is dropped. */
  hear(message: Notification): void {
    if (!refusalOf(message)) this.#input.notify(message)
  }

  /**
   * Gives up the request that a notice names; it is not answered.
   * @returns false for a notice of anything else
   */
  cancel({method, params = {}}: Notification): boolean {
    if (method !== CANCELLED) return false
    const id = params['requestId']
    const exchange =
      typeof id === 'string' || typeof id === 'number' ? this.#inFlight.get(id) : undefined
    if (!exchange) return false
    exchange.end(params)
    this.#forget(exchange)
    return true
  }

  /** Settles when no answer is to come; clients may listen for as long as they like. */
  async idle(): Promise<void> {
    if (!this.#isIdle) await new Promise<void>(resolve => this.#waiting.push(resolve))
  }

  /** Answers what is under way; what the client listens to is left to end as the gateway ends it. */
  [Symbol.dispose](): void {
    const reason = 'the gateway is stopping'
    for (const exchange of this.#inFlight.values()) {
      if (this.#listens.has(exchange)) continue
      this.#input.send(failure(exchange.request.id, RPC.internalError, reason))
      exchange.end({reason})
      this.#forget(exchange)
    }
  }

  get #isIdle(): boolean {
    return this.#inFlight.size === this.#listens.size
  }

  /** Never rejects. */
  async #serve(exchange: StdioExchange): Promise<void> {
    this.#inFlight.set(exchange.request.id, exchange)
    if (exchange.request.method === LISTEN) this.#listens.add(exchange)
    const answer = await answerTo(exchange, this.#input)
    // Its id may belong to another one by now.
    if (exchange.signal.aborted) return
    exchange.close()
    this.#input.send(answer)
    this.#forget(exchange)
  }

  #forget(exchange: StdioExchange): void {
    this.#inFlight.delete(exchange.request.id)
    this.#listens.delete(exchange)
    if (this.#waiting.length === 0 || !this.#isIdle) return
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

class StdioExchange implements Exchange {
  readonly request: Request
  readonly #send: (message: Message) => void
  readonly #leaving = new AbortController()
  #isOver = false

  constructor(request: Request, send: (message: Message) => void) {
    this.request = request
    this.#send = send
  }

  get signal(): AbortSignal {
    return this.#leaving.signal
  }

  notify(message: Notification): void {
    if (!this.#isOver) this.#send(message)
  }

  /** Nothing more is said about it. */
  close(): void {
    this.#isOver = true
  }

  /** Gives it up. @param params of the notice about that */
  end(params: JsonObject): void {
    this.close()
    this.#leaving.abort(new Cancelled(params))
  }
}
