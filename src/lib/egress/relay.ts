import {EventEmitter, once} from 'node:events'
import type {Duplex} from 'node:stream'
import {FRAME, FrameFault, FrameReader, frameOf, MAX_PACKET, WINDOW} from './frames.ts'
import type {Frame, FrameType} from './frames.ts'
import {RelayStream} from './stream.ts'

export interface RelayInput {
  /** Writes to the relay's stdin, without waiting. */
  readonly send: (frame: Buffer) => void
  /** Bytes that were given to `send` and have not left yet, such as `writableLength` of the stream. */
  readonly unsent: () => number
  /** A program in the container connected to this address of its own. */
  readonly onOpen: (connection: Duplex, local: LocalPlace) => void
  /** A program in the container asks for a name. `answer` may be called once, at once or later, or never. */
  readonly onQuery: (packet: Buffer, answer: (packet: Buffer) => void) => void
  /** The relay breaks the rules. It is closed already and its program is to be ended. Called at most once. */
  readonly onFault: (error: Error) => void
}

/** Where in the container a program connected to. */
export interface LocalPlace {
  readonly address: string
  readonly port: number
}

/** Streams 1 to 200 come from inside, the relay chooses the number. */
const LAST_TAKEN = 200
/** Streams that are made from here. */
const FIRST_MADE = 0x80_00
const MADE = Array.from({length: 56}, (_, index) => FIRST_MADE + index)
/** Programs that wait for the answer to a DNS query. */
const SLOTS = 1024
/**
 * All the data that there can be credit for, twice: while a large write is under way, the relay has read of it, and given
 * credit for, what still counts as unsent. And as many small frames as an honest relay will ever be behind with.
 */
const MAX_UNSENT = 2 * (LAST_TAKEN + MADE.length) * WINDOW + 8 * 1024 * 1024

/**
 * This side of the relay in a container: many connections over one pair of pipes, each with a window of its own in
 * both directions, so that none waits for another. What comes from the container is not trusted: the first frame that
 * breaks the rules closes everything.
 */
export class Relay {
  /** All ports listen. Rejects when the relay is closed before. */
  readonly ready: Promise<void>
  readonly #input: RelayInput
  readonly #reader = new FrameReader()
  readonly #streams = new Map<number, RelayStream>()
  readonly #readiness = Promise.withResolvers<void>()
  /** Says when a stream may be used again. Any number of connections wait for that. */
  readonly #freed = new EventEmitter().setMaxListeners(0)
  #isReady = false
  #closedWith: Error | undefined

  constructor(input: RelayInput) {
    this.#input = input
    this.ready = this.#readiness.promise
    // Who does not wait for it is not to be ended by it.
    this.ready.catch(() => {})
  }

  /** Takes bytes of the relay's stdout, in whatever pieces. They must not be changed afterwards. */
  receive(chunk: Buffer): void {
    if (this.#closedWith) return
    try {
      for (const frame of this.#reader.read(chunk)) {
        this.#take(frame)
        if (this.#closedWith) return
      }
    } catch (error) {
      if (!(error instanceof FrameFault)) throw error
      this.#fail(`the relay in the container does not speak as a relay does: ${error.message}`)
    }
  }

  /**
   * Connects to 127.0.0.1 inside the container. Waits when there are as many connections as there may be at once.
   * @throws an error with the code ECONNREFUSED when nothing listens there; the error that the relay was closed with;
   *   an AbortError
   */
  async connect(port: number, signal?: AbortSignal): Promise<Duplex> {
    const options = signal ? {signal} : {}
    await this.ready
    let id = this.#freeId()
    while (id === undefined && !this.#closedWith) {
      await once(this.#freed, 'freed', options)
      id = this.#freeId()
    }
    if (this.#closedWith) throw this.#closedWith
    signal?.throwIfAborted()
    const stream = this.#makeStream(id ?? FIRST_MADE, port)
    try {
      await once(stream, 'connect', options)
      return stream
    } catch (error) {
      stream.destroy()
      throw error
    }
  }

  /** Resets every connection and sends nothing any more. */
  close(error: Error = new Error('the relay in the container is closed')): void {
    if (this.#closedWith) return
    this.#closedWith = error
    this.#readiness.reject(error)
    for (const stream of this.#streams.values()) stream.destroy(error)
    this.#streams.clear()
    this.#freed.emit('freed')
  }

  #fail(message: string): void {
    const error = new Error(message)
    this.close(error)
    this.#input.onFault(error)
  }

  #take(frame: Frame): void {
    const {type, stream, payload} = frame
    if (type === FRAME.ready) this.#takeReady(frame)
    else if (type === FRAME.open) this.#takeOpen(frame)
    else if (type === FRAME.query) this.#takeQuery(stream, payload)
    else if (isStreamType(type)) this.#streams.get(stream)?.takeFrame(frame)
    else throw new FrameFault(`a frame is of type ${type}`)
  }

  #takeReady({stream, payload}: Frame): void {
    if (stream !== 0 || payload.length > 0 || this.#isReady) throw new FrameFault('a bad READY')
    this.#isReady = true
    this.#readiness.resolve()
  }

  #takeOpen({stream: id, payload}: Frame): void {
    if (id < 1 || id > LAST_TAKEN || payload.length !== 6 || this.#streams.has(id)) {
      throw new FrameFault('a bad OPEN')
    }
    const local = {address: payload.subarray(0, 4).join('.'), port: payload.readUInt16BE(4)}
    this.#input.onOpen(this.#addStream(id), local)
  }

  #takeQuery(slot: number, packet: Buffer): void {
    if (slot >= SLOTS || packet.length === 0 || packet.length > MAX_PACKET) {
      throw new FrameFault('a bad QUERY')
    }
    this.#input.onQuery(packet, answer => this.#send(FRAME.answer, slot, answer))
  }

  #freeId(): number | undefined {
    return MADE.find(id => !this.#streams.has(id))
  }

  #makeStream(id: number, port: number): RelayStream {
    const stream = this.#addStream(id, port)
    const payload = Buffer.alloc(2)
    payload.writeUInt16LE(port)
    this.#send(FRAME.connect, id, payload)
    return stream
  }

  #addStream(id: number, port?: number): RelayStream {
    const stream = new RelayStream({
      ...(port !== undefined && {port}),
      send: (type, payload) => this.#send(type, id, payload),
      onFree: () => {
        this.#streams.delete(id)
        this.#freed.emit('freed')
      },
    })
    this.#streams.set(id, stream)
    return stream
  }

  #send(type: FrameType, stream: number, payload?: Buffer): void {
    if (this.#closedWith) return
    this.#input.send(frameOf(type, stream, payload))
    // An honest relay always reads. One that only asks would have us hold all the answers.
    if (this.#input.unsent() > MAX_UNSENT) this.#fail('the relay in the container does not read')
  }
}

function isStreamType(type: number): boolean {
  return (
    type === FRAME.data ||
    type === FRAME.end ||
    type === FRAME.close ||
    type === FRAME.credit ||
    type === FRAME.connected
  )
}
