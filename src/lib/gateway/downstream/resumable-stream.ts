import type {ServerResponse} from 'node:http'
import type {EventStore, StoredEvent} from './event-store.ts'
import {openEventStream, type EventStream, type StreamOptions} from './sse.ts'

/** A message with its text, which is made once however often it is sent. */
export interface Outgoing {
  readonly json: string
  readonly isDispensable: boolean
}

/** One stream of a session over all the connections that carry it, one at a time. */
export class ResumableStream {
  readonly number: number
  readonly #store: EventStore
  readonly #options: StreamOptions
  #connection: EventStream | undefined
  /** The number of the newest event, and of the newest that was given to a connection. */
  #last = 0
  #sent = 0
  #isPrimed = false

  constructor(store: EventStore, options: StreamOptions) {
    this.#store = store
    this.#options = options
    this.number = store.open()
  }

  get isConnected(): boolean {
    return this.#connection?.isOpen === true
  }

  /** Whether a client can have seen an id to come back with. */
  get isResumable(): boolean {
    return this.#isPrimed || this.#sent > 0
  }

  /** Whether it ever had a connection. */
  get wasConnected(): boolean {
    return this.#connection !== undefined
  }

  /** Begins on a connection with everything that no connection was given yet. */
  connect(response: ServerResponse, {isPrimed = false} = {}): void {
    this.#isPrimed ||= isPrimed
    const primeId = isPrimed ? this.#store.idOf(this.number, this.#sent) : undefined
    const unsent = this.#sent < this.#last ? this.#store.after(this.number, this.#sent) : []
    this.#carryOn(response, unsent, primeId)
  }

  /** Goes on on a new connection with the events that its client missed; an older connection is ended. */
  resume(response: ServerResponse, missed: readonly StoredEvent[]): void {
    this.#carryOn(response, missed)
  }

  /** Sends a message, now or to the next connection. */
  send({json, isDispensable}: Outgoing): void {
    const id = this.#store.append(this.number, json)
    this.#last += 1
    if (!this.isConnected) return
    this.#connection?.write(json, {id, isDispensable})
    this.#sent = this.#last
  }

  /** Ends the stream; what it had can still be resumed. */
  end(): void {
    this.#connection?.end()
    this.#store.end(this.number)
  }

  #carryOn(response: ServerResponse, events: readonly StoredEvent[], primeId?: string): void {
    this.#connection?.end()
    this.#connection = openEventStream(response, this.#options, primeId)
    this.#sent = this.#last
    // Bounded by the store; leaving one out would be a gap that nobody sees.
    for (const {id, data} of events) this.#connection.write(data, {id, isDispensable: false})
  }
}
