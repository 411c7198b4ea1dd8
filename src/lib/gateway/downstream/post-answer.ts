import type {ServerResponse} from 'node:http'
import type {Accepted} from './accept.ts'
import type {EventStore} from './event-store.ts'
import {sendJson} from './json-body.ts'
import {openEventStream, type StreamOptions} from './sse.ts'
import {ResumableStream, type Outgoing} from './resumable-stream.ts'

/** How long the head of a response waits for a quick answer, which then needs no stream. */
const HOLD_MS = 20

export interface PostAnswerInput {
  readonly response: ServerResponse
  readonly accepted: Accepted
  /** How many answers are to come. */
  readonly requests: number
  /** Answers that are there already; undefined for what is no batch. */
  readonly batch: readonly string[] | undefined
  /** Whether the client's revision has streams that begin with an event without data. */
  readonly isPrimed: boolean
  readonly store: EventStore
  readonly streams: StreamOptions
}

/**
 * What one POST is answered with: plain JSON when the answer comes at once or the client takes nothing else, otherwise
 * a stream of events.
 */
export class PostAnswer {
  readonly #input: PostAnswerInput
  readonly #answers: string[]
  readonly #hold: NodeJS.Timeout | undefined
  #stream: ResumableStream | undefined
  #missing: number

  constructor(input: PostAnswerInput) {
    this.#input = input
    this.#missing = input.requests
    this.#answers = [...(input.batch ?? [])]
    const {accepted} = input
    if (!accepted.json) this.stopWaiting()
    else if (accepted.events) this.#hold = setTimeout(stopWaiting, HOLD_MS, this)
    if (this.#missing === 0) this.#finish()
  }

  /** The stream that it has become, if it has. */
  get stream(): ResumableStream | undefined {
    return this.#stream
  }

  /** Whether a client waits for it right now. */
  get isConnected(): boolean {
    return this.#stream ? this.#stream.isConnected : !this.#input.response.destroyed
  }

  /** Whether what is sent reaches the client, now or when it comes back. */
  get isReachable(): boolean {
    return this.isConnected || this.#stream?.isResumable === true
  }

  /** Becomes a stream, unless the client has left. */
  stopWaiting(): void {
    if (!this.#input.response.destroyed) this.#openStream()
  }

  /** Sends an answer. @returns whether the client can get it here */
  answer(outgoing: Outgoing): boolean {
    const {isReachable} = this
    this.#missing -= 1
    if (this.#stream && isReachable) this.#stream.send(outgoing)
    else if (isReachable) this.#answers.push(outgoing.json)
    if (this.#missing === 0) this.#finish()
    return isReachable
  }

  /** Sends what comes before the answer. @returns whether the client can get it here */
  send(outgoing: Outgoing): boolean {
    if (!this.isReachable) return false
    if (!this.#stream && !this.#input.accepted.events) return false
    this.#openStream().send(outgoing)
    return true
  }

  /** One answer less will come. */
  drop(): void {
    this.#missing -= 1
    if (this.#missing === 0) this.#finish()
  }

  /** Nothing more will come. */
  end(): void {
    this.#missing = 0
    this.#finish()
  }

  #openStream(): ResumableStream {
    clearTimeout(this.#hold)
    if (this.#stream) return this.#stream
    const {store, streams, response, isPrimed} = this.#input
    const stream = new ResumableStream(store, streams)
    this.#stream = stream
    stream.connect(response, {isPrimed})
    for (const json of this.#answers.splice(0)) stream.send({json, isDispensable: false})
    return stream
  }

  #finish(): void {
    clearTimeout(this.#hold)
    const {response, streams, batch, accepted} = this.#input
    const {headers} = streams
    if (this.#stream) return this.#stream.end()
    if (response.destroyed || response.writableEnded) return
    const [first] = this.#answers
    if (first !== undefined) {
      sendJson(response, 200, batch ? `[${this.#answers.join(',')}]` : first, headers)
    } else if (accepted.events) {
      // A cancelled request has no answer, and a stream without ids is not asked for again.
      openEventStream(response, streams).end()
    } else response.writeHead(202, headers).end()
  }
}

/** One function for all timers. */
function stopWaiting(answer: PostAnswer): void {
  answer.stopWaiting()
}
