import type {ServerResponse} from 'node:http'
import type {Downstream} from '../relay/session-input.ts'
import {isRequest, isResponse, type Id, type Message} from '../wire/jsonrpc.ts'
import {textOf} from '../wire/text.ts'
import type {Accepted} from './accept.ts'
import {EventStore} from './event-store.ts'
import {PostAnswer} from './post-answer.ts'
import {ResumableStream} from './resumable-stream.ts'
import {openEventStream, type StreamOptions} from './sse.ts'
import {isDispensable} from './unread.ts'

/** The first revision whose streams begin with an event without data. */
const PRIMED_SINCE = '2025-11-25'

/** What a POST asks for. */
export interface Posted {
  /** Of the requests in it. */
  readonly ids: readonly Id[]
  readonly accepted: Accepted
  /** What the session has negotiated; undefined before that. */
  readonly version: string | undefined
  /** For a batch: the answers to what in it was no message. */
  readonly batch?: readonly string[]
}

export interface HttpDownstreamOptions {
  /** Milliseconds from any fixed point. */
  readonly now: () => number
  readonly maxMessageBytes: number
}

/**
 * The client's end of one session over streamable HTTP (MCP 2025-11-25, transports): each message goes out on
 * exactly one stream, what belongs to a request on that request's own.
 *
 * A request whose connection is lost goes on. When its client has seen an event id there, the rest waits for it
 * to come back with that id; only requests of servers go to the client's own stream, if it ever opened one, because a
 * client that does not come back would leave the server waiting. Without an id there is no coming back, and all goes to
 * the client's own stream.
 */
export class HttpDownstream implements Downstream {
  readonly #streams: StreamOptions
  readonly #store: EventStore
  /** The stream that the client opens by GET, for everything that belongs to no request. */
  readonly #standalone: ResumableStream
  /** By the requests that are being answered. */
  readonly #exchanges = new Map<Id, PostAnswer>()
  #isClosed = false

  constructor(sessionId: string, {now, maxMessageBytes}: HttpDownstreamOptions) {
    this.#streams = {headers: {'mcp-session-id': sessionId}, maxMessageBytes}
    this.#store = new EventStore(now)
    this.#standalone = new ResumableStream(this.#store, this.#streams)
  }

  /** Whether a client is listening or waiting right now. */
  get isBusy(): boolean {
    if (this.#standalone.isConnected) return true
    for (const exchange of this.#exchanges.values()) if (exchange.isConnected) return true
    return false
  }

  /** How many requests are being answered. */
  get inFlight(): number {
    return this.#exchanges.size
  }

  /** Whether a request with this id is still being answered. */
  isAnswering(id: Id): boolean {
    return this.#exchanges.has(id)
  }

  send(message: Message, about?: Id): void {
    if (this.#isClosed) return
    const outgoing = {json: textOf(message), isDispensable: isDispensable(message)}
    const exchange = about === undefined ? undefined : this.#exchanges.get(about)
    if (exchange && about !== undefined && isResponse(message)) {
      this.#exchanges.delete(about)
      // An answer whose stream is lost for good has nobody to go to but a client that listens.
      if (!exchange.answer(outgoing) && this.#standalone.isConnected)
        this.#standalone.send(outgoing)
    } else if (!exchange || this.#goesAlone(message, exchange) || !exchange.send(outgoing)) {
      this.#standalone.send(outgoing)
    }
  }

  drop(about: Id): void {
    this.#exchanges.get(about)?.drop()
    this.#exchanges.delete(about)
  }

  /** Answers a POST: what belongs to its requests, the answers last, goes out on this response. */
  openExchange(response: ServerResponse, {ids, accepted, version, batch}: Posted): void {
    const exchange = new PostAnswer({
      response,
      accepted,
      requests: ids.length,
      batch,
      isPrimed: version !== undefined && version >= PRIMED_SINCE,
      store: this.#store,
      streams: this.#streams,
    })
    for (const id of ids) this.#exchanges.set(id, exchange)
  }

  /** Opens the stream for everything that belongs to no request; one that was open before is ended. */
  openStandalone(response: ServerResponse): void {
    this.#standalone.connect(response)
  }

  /**
   * Goes on with a stream after an event that the client has seen.
   * @returns whether that can be done without a gap; otherwise the response is untouched
   */
  resume(lastEventId: string, response: ServerResponse): boolean {
    const found = this.#store.resume(lastEventId)
    if (!found) return false
    const stream = this.#streamNumbered(found.stream)
    if (stream) stream.resume(response, found.events)
    else if (found.events.length === 0) {
      // Says "do not come back" to readers of event streams (HTML standard, 9.2.3).
      response.writeHead(204, this.#streams.headers).end()
    } else {
      const connection = openEventStream(response, this.#streams)
      for (const {id, data} of found.events) connection.write(data, {id, isDispensable: false})
      connection.end()
    }
    return true
  }

  /** Lets go of what nobody came back for in time. */
  expire(): void {
    this.#store.expire()
  }

  /** Ends all streams for good. */
  close(): void {
    this.#isClosed = true
    for (const exchange of new Set(this.#exchanges.values())) exchange.end()
    this.#exchanges.clear()
    this.#standalone.end()
  }

  #goesAlone(message: Message, exchange: PostAnswer): boolean {
    return isRequest(message) && !exchange.isConnected && this.#standalone.wasConnected
  }

  /** A stream to which more may come. */
  #streamNumbered(number: number): ResumableStream | undefined {
    if (number === this.#standalone.number) return this.#standalone
    for (const {stream} of this.#exchanges.values()) if (stream?.number === number) return stream
    return undefined
  }
}
