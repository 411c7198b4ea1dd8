import {creditOf, DONE, FRAME, FrameFault, MAX_PAYLOAD, RESET, WINDOW} from './frames.ts'
import type {Frame, FrameType} from './frames.ts'
import {SocketFace} from './socket-face.ts'

/** What a stream needs of the relay that it is part of. */
export interface StreamLink {
  /** The port inside that is being connected to; undefined for a connection that came from inside. */
  readonly port?: number
  readonly send: (type: FrameType, payload?: Buffer) => void
  /** Both sides have closed: its number may be used again. */
  readonly onFree: () => void
}

/** Given back in such portions, so that there is one frame of credit for many of data. */
const CREDIT_STEP = WINDOW / 2

interface Outgoing {
  readonly rest: Buffer
  readonly done: (error?: Error) => void
}

/**
 * One connection of a container. Ending one that came from inside is a half close; destroying it before both sides have ended is a reset,
 * which the program sees as one. It holds at most twice the window of data that nobody reads, in whatever pieces that
 * came. Emits `connect` when a connection into the container stands.
 */
export class RelayStream extends SocketFace {
  readonly #link: StreamLink
  #isConnecting: boolean
  /** Bytes that may be sent. */
  #credit = WINDOW
  #outgoing: Outgoing | undefined
  #hasSentEnd = false
  #hasSentClose = false
  /** Bytes that may still come. */
  #window = WINDOW
  /** Bytes that were passed on, and for which no credit was given yet. */
  #owed = 0
  /** What came while nobody read, in one piece: many small ones would take many times their size. */
  #backlog: Buffer | undefined
  #backlogLength = 0
  #isAskedFor = false
  #hasEnd = false
  #hasClose = false

  constructor(link: StreamLink) {
    super({
      // With 1, node keeps one piece and leaves the others here, where they are put together.
      readableHighWaterMark: 1,
      writableHighWaterMark: WINDOW,
      // As node's own: who connects does not want half a connection, who takes one decides himself.
      allowHalfOpen: link.port === undefined,
    })
    this.#link = link
    this.#isConnecting = link.port !== undefined
    // A reset is an end like others, and must not end the process when nobody listens for it.
    this.on('error', () => {})
  }

  /**
   * Takes a frame of this stream.
   * @throws FrameFault when the relay may not send it now
   */
  takeFrame({type, payload}: Frame): void {
    const reason = type === FRAME.close ? reasonIn(payload) : undefined
    if (this.#hasSentClose) {
      // What the relay sent before it had our last frame. Only its own last one counts.
      if (reason !== undefined) this.#link.onFree()
      return
    }
    if (this.#hasClose) throw new FrameFault('a stream goes on behind its end')
    if (reason !== undefined) this.#takeClose(reason)
    else if (this.#isConnecting) this.#takeConnected(type, payload)
    else if (type === FRAME.data) this.#takeData(payload)
    else if (type === FRAME.end) this.#takeEnd(payload)
    else if (type === FRAME.credit) this.#takeCredit(payload)
    else throw new FrameFault('a stream is connected twice')
  }

  override _read(): void {
    if (this.#backlog) {
      const piece = this.#backlog.subarray(0, this.#backlogLength)
      this.#backlog = undefined
      this.#backlogLength = 0
      this.#pass(piece)
      if (this.#hasEnd) this.push(null)
    } else this.#isAskedFor = true
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.#outgoing = {rest: chunk, done}
    this.touch()
    this.#flush()
  }

  override _final(done: () => void): void {
    this.#hasSentEnd = true
    this.#link.send(FRAME.end)
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const isDone = error === null && this.readableEnded && this.#hasSentEnd
    this.#hasSentClose = true
    this.#link.send(FRAME.close, Buffer.of(isDone ? DONE : RESET))
    if (this.#hasClose) this.#link.onFree()
    this.#backlog = undefined
    const outgoing = this.#outgoing
    this.#outgoing = undefined
    super._destroy(error, done)
    outgoing?.done(error ?? resetError())
  }

  #takeClose(reason: number): void {
    this.#hasClose = true
    if (this.#isConnecting) this.destroy(refusedError(this.#link.port))
    else if (reason === RESET || !this.#hasEnd || !this.#hasSentEnd) this.destroy(resetError())
    // Otherwise all has been said, and what is left to be read still is.
  }

  #takeConnected(type: number, payload: Buffer): void {
    if (type !== FRAME.connected || payload.length > 0) {
      throw new FrameFault('a stream is used before it is connected')
    }
    this.#isConnecting = false
    this.emit('connect')
  }

  #takeData(payload: Buffer): void {
    if (payload.length === 0 || payload.length > this.#window || this.#hasEnd) {
      throw new FrameFault('a stream brings data that nobody gave credit for')
    }
    this.#window -= payload.length
    this.touch()
    if (this.#isAskedFor) {
      this.#isAskedFor = false
      this.#pass(payload)
      return
    }
    this.#backlog ??= Buffer.allocUnsafe(WINDOW)
    this.#backlogLength += payload.copy(this.#backlog, this.#backlogLength)
  }

  #takeEnd(payload: Buffer): void {
    if (payload.length > 0 || this.#hasEnd) throw new FrameFault('a stream ends twice')
    this.#hasEnd = true
    if (!this.#backlog) this.push(null)
  }

  #takeCredit(payload: Buffer): void {
    const bytes = payload.length === 4 ? payload.readUInt32LE() : Infinity
    if (this.#credit + bytes > WINDOW) throw new FrameFault('a stream is given too much credit')
    this.#credit += bytes
    this.#flush()
  }

  /** Gives data to who reads here, and the relay the credit to send more. */
  #pass(piece: Buffer): void {
    this.#owed += piece.length
    if (this.#owed >= CREDIT_STEP && !this.#hasEnd) {
      this.#link.send(FRAME.credit, creditOf(this.#owed))
      this.#window += this.#owed
      this.#owed = 0
    }
    this.push(piece)
  }

  /** Sends as much as there is credit for. */
  #flush(): void {
    while (this.#outgoing && this.#credit > 0) {
      const {rest, done} = this.#outgoing
      const piece = rest.subarray(0, Math.min(this.#credit, MAX_PAYLOAD))
      if (piece.length > 0) this.#link.send(FRAME.data, piece)
      this.#credit -= piece.length
      const left = rest.subarray(piece.length)
      this.#outgoing = left.length > 0 ? {rest: left, done} : undefined
      if (left.length === 0) done()
    }
  }
}

function reasonIn(payload: Buffer): number {
  const [reason] = payload
  if (payload.length === 1 && (reason === DONE || reason === RESET)) return reason
  throw new FrameFault('a stream is closed without a reason')
}

function resetError(): Error {
  return Object.assign(new Error('the connection was reset'), {code: 'ECONNRESET'})
}

function refusedError(port: number | undefined): Error {
  const message = `nothing listens at port ${port} inside the container`
  return Object.assign(new Error(message), {code: 'ECONNREFUSED'})
}
