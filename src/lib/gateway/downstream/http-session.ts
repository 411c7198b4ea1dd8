import type {ServerResponse} from 'node:http'
import type {Downstream} from '../relay/session-input.ts'
import {isResponse, type Id, type Message} from '../wire/jsonrpc.ts'
import {isDispensable, openEventStream, type EventStream} from './sse.ts'

/** Messages that wait for a client to open its stream; older notifications give way first. */
const LONGEST_QUEUE = 1000
const LARGEST_QUEUE_BYTES = 4 * 1024 * 1024

/**
 * The client's end of one session over streamable HTTP (MCP 2025-11-25, transports): each message goes out on
 * exactly one stream, what belongs to a request on that request's own. When that one is lost, the request is not
 * cancelled; the rest of it goes to the stream that the client opened by GET, which is all there is of resuming.
 */
export class HttpDownstream implements Downstream {
  readonly #headers: Readonly<Record<string, string>>
  /** What is being answered; without a stream when the connection was lost. */
  readonly #requests = new Map<Id, EventStream | undefined>()
  readonly #waiting: {readonly message: Message; readonly bytes: number}[] = []
  #waitingBytes = 0
  #standalone: EventStream | undefined
  #isClosed = false

  constructor(sessionId: string) {
    this.#headers = {'mcp-session-id': sessionId}
  }

  /** Whether a client is listening or waiting right now. */
  get isBusy(): boolean {
    return (
      this.#standalone !== undefined || [...this.#requests.values()].some(own => own !== undefined)
    )
  }

  /** Whether a request with this id is still being answered. */
  isAnswering(id: Id): boolean {
    return this.#requests.has(id)
  }

  send(message: Message, about?: Id): void {
    if (this.#isClosed) return
    const own = about === undefined ? undefined : this.#requests.get(about)
    if (own) own.send(message)
    else this.#sendAlone(message)
    if (isResponse(message) && about !== undefined) this.drop(about)
  }

  drop(about: Id): void {
    this.#requests.get(about)?.end()
    this.#requests.delete(about)
  }

  /** Opens the stream that the answer to a request, and all that belongs to it, goes out on. */
  openRequestStream(id: Id, response: ServerResponse): void {
    const stream = openEventStream(response, this.#headers)
    this.#requests.set(id, stream)
    onGone(response, () => {
      if (this.#requests.get(id) === stream) this.#requests.set(id, undefined)
    })
  }

  /** Opens the stream for everything that belongs to no request; one that was open before is ended. */
  openStandalone(response: ServerResponse): void {
    this.#standalone?.end()
    const stream = openEventStream(response, this.#headers)
    this.#standalone = stream
    onGone(response, () => {
      if (this.#standalone === stream) this.#standalone = undefined
    })
    this.#waitingBytes = 0
    for (const {message} of this.#waiting.splice(0)) this.#sendAlone(message)
  }

  /** Ends all streams for good. */
  close(): void {
    this.#isClosed = true
    for (const id of this.#requests.keys()) this.drop(id)
    this.#standalone?.end()
    this.#waiting.length = 0
  }

  #sendAlone(message: Message): void {
    if (this.#standalone) return this.#standalone.send(message)
    // An answer whose stream is lost has nobody to go to.
    if (isResponse(message)) return
    const bytes = Buffer.byteLength(JSON.stringify(message))
    this.#waiting.push({message, bytes})
    this.#waitingBytes += bytes
    while (this.#waiting.length > LONGEST_QUEUE || this.#waitingBytes > LARGEST_QUEUE_BYTES) {
      const oldest = this.#waiting.findIndex(waiting => isDispensable(waiting.message))
      const [dropped] = this.#waiting.splice(Math.max(0, oldest), 1)
      this.#waitingBytes -= dropped?.bytes ?? 0
    }
  }
}

/** Whoever has left already will not leave once more. */
function onGone(response: ServerResponse, then: () => void): void {
  if (response.destroyed) then()
  else response.once('close', then)
}
