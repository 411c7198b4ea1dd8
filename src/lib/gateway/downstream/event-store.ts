import {randomBytes} from 'node:crypto'

/** What one session keeps for clients that come back, whichever bound is reached first. */
const MOST_EVENTS = 1000
/** Of text, as it is sent. */
export const MOST_STORED_BYTES = 8 * 1024 * 1024
const LONGEST_MS = 5 * 60_000
/** Streams that have ended and are still known, so that nothing to resume differs from an unknown id. */
const MOST_ENDED = 1000

/** One event as it is sent. */
export interface StoredEvent {
  readonly id: string
  readonly data: string
}

/** What a client that comes back gets. */
export interface Resumption {
  readonly stream: number
  /** What came after the event that it saw last. */
  readonly events: readonly StoredEvent[]
}

interface Kept extends StoredEvent {
  readonly stream: number
  readonly sequence: number
  readonly bytes: number
  readonly at: number
}

interface Stream {
  /** The number of the newest event, counted from 1; 0 before it. */
  last: number
  /** The number of the newest event that is no longer kept. */
  evicted: number
  isEnded: boolean
}

/**
 * The events of one session's streams, kept for a while, so that a client that lost a connection gets what it missed
 * (MCP 2025-11-25, transports, resumability). Ids are unique in the session, and tell apart from other sessions'.
 */
export class EventStore {
  readonly #now: () => number
  readonly #tag = randomBytes(6).toString('hex')
  readonly #streams = new Map<number, Stream>()
  readonly #ended: number[] = []
  /** Oldest first, of all streams. */
  readonly #events: Kept[] = []
  #bytes = 0
  #opened = 0

  /** @param now milliseconds from any fixed point */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Begins a stream. @returns its number */
  open(): number {
    const stream = ++this.#opened
    this.#streams.set(stream, {last: 0, evicted: 0, isEnded: false})
    return stream
  }

  /** Keeps an event of a stream that has not ended. @returns its id */
  append(stream: number, data: string): string {
    const own = this.#streams.get(stream)
    if (!own || own.isEnded) throw new Error(`stream ${stream} is not open`)
    const sequence = ++own.last
    const id = this.idOf(stream, sequence)
    const bytes = Buffer.byteLength(data)
    this.#events.push({id, data, stream, sequence, bytes, at: this.#now()})
    this.#bytes += bytes
    this.#evict()
    return id
  }

  /** The id of a stream's event; number 0 stands for the place before the first. */
  idOf(stream: number, sequence: number): string {
    return `${this.#tag}-${stream}-${sequence}`
  }

  /** What is kept of a stream after its event of this number, even if some of it is gone. */
  after(stream: number, sequence: number): readonly StoredEvent[] {
    this.#evict()
    return this.#events.filter(event => event.stream === stream && event.sequence > sequence)
  }

  /**
   * Finds what a client missed.
   * @param id the last event that it saw
   * @returns undefined for an id that was never given in this session, and when something that came after it is gone
   */
  resume(id: string): Resumption | undefined {
    const [, tag, stream = 0, sequence = 0] = /^(\w+)-(\d{1,15})-(\d{1,15})$/.exec(id) ?? []
    const number = Number(stream)
    const seen = Number(sequence)
    if (tag !== this.#tag || id !== this.idOf(number, seen)) return undefined
    const events = this.after(number, seen)
    const own = this.#streams.get(number)
    if (!own || seen < own.evicted || seen > own.last) return undefined
    return {stream: number, events}
  }

  /** Nothing more will come on a stream; what it had can still be resumed. */
  end(stream: number): void {
    const own = this.#streams.get(stream)
    if (!own || own.isEnded) return
    own.isEnded = true
    this.#ended.push(stream)
    const forgotten = this.#ended.length > MOST_ENDED ? this.#ended.shift() : undefined
    if (forgotten !== undefined) this.#streams.delete(forgotten)
  }

  /** Lets go of what is too old. */
  expire(): void {
    this.#evict()
  }

  #evict(): void {
    const oldest = this.#now() - LONGEST_MS
    for (;;) {
      const [first] = this.#events
      // The newest is kept, however large it is: it may be the answer that a client comes back for.
      if (!first || (this.#events.length === 1 && first.at >= oldest)) return
      const isTooMuch = this.#events.length > MOST_EVENTS || this.#bytes > MOST_STORED_BYTES
      if (!isTooMuch && first.at >= oldest) return
      this.#events.shift()
      this.#bytes -= first.bytes
      const own = this.#streams.get(first.stream)
      if (own) own.evicted = first.sequence
    }
  }
}
