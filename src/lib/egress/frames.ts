/** What a frame is: what the relay in the container and this side say to each other, see src/native/relay.c. */
export const FRAME = {
  /** From the relay: all its ports listen. */
  ready: 1,
  /** From the relay: a program connected; its local address and port in network order. */
  open: 2,
  data: 3,
  /** No more data from this side. */
  end: 4,
  /** The last frame of this side for the stream: one byte, see {@link DONE} and {@link RESET}. */
  close: 5,
  /** So many more bytes of data may be sent. */
  credit: 6,
  /** From here: to this port of 127.0.0.1 in the container. */
  connect: 7,
  /** From the relay; a failed one is a close. */
  connected: 8,
  /** From the relay: a DNS query; the stream is the slot of who asks. */
  query: 9,
  /** From here: to the asker in that slot. */
  answer: 10,
} as const

export type FrameType = (typeof FRAME)[keyof typeof FRAME]

export const DONE = 0
export const RESET = 1
/** Bytes of data that each side may send on a new stream before it is given credit. */
export const WINDOW = 65_536
export const MAX_PAYLOAD = 65_536
/** Bytes of a DNS packet in a frame. */
export const MAX_PACKET = 1500

const HEADER_BYTES = 8
const NOTHING = Buffer.alloc(0)

export interface Frame {
  readonly type: number
  readonly stream: number
  /** A part of the chunk in which it came, where it came in one. */
  readonly payload: Buffer
}

/** What the relay sent is not what a relay sends: it is somebody else, and is not talked to any more. */
export class FrameFault extends Error {
  override readonly name = 'FrameFault'
}

/** One frame as bytes: type, a zero, stream (16 bits), length (32 bits), all little endian, and the payload. */
export function frameOf(type: FrameType, stream: number, payload: Buffer = NOTHING): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.length)
  frame.writeUInt16LE(type, 0)
  frame.writeUInt16LE(stream, 2)
  frame.writeUInt32LE(payload.length, 4)
  payload.copy(frame, HEADER_BYTES)
  return frame
}

/** A number as the payload of a frame. */
export function creditOf(bytes: number): Buffer {
  const payload = Buffer.allocUnsafe(4)
  payload.writeUInt32LE(bytes)
  return payload
}

/** Cuts the bytes of a relay into frames. What it holds back is less than one frame. */
export class FrameReader {
  readonly #partial = Buffer.allocUnsafe(HEADER_BYTES + MAX_PAYLOAD)
  #held = 0

  /** Adds what is missing up to `size` bytes, and gives what is left of the chunk. */
  #fill(size: number, chunk: Buffer): Buffer {
    const copied = chunk.copy(this.#partial, this.#held, 0, Math.max(size - this.#held, 0))
    this.#held += copied
    return chunk.subarray(copied)
  }

  /**
   * Gives the frames that are complete with this chunk, one by one.
   * @throws FrameFault when a header is none, or announces more than a frame may carry
   */
  *read(chunk: Buffer): Generator<Frame> {
    let rest = chunk
    if (this.#held > 0) {
      rest = this.#fill(HEADER_BYTES, rest)
      if (this.#held < HEADER_BYTES) return
      const size = sizeOf(this.#partial)
      rest = this.#fill(size, rest)
      if (this.#held < size) return
      this.#held = 0
      yield frameIn(Buffer.from(this.#partial.subarray(0, size)))
    }
    while (rest.length >= HEADER_BYTES) {
      const size = sizeOf(rest)
      if (rest.length < size) break
      yield frameIn(rest.subarray(0, size))
      rest = rest.subarray(size)
    }
    this.#held = rest.copy(this.#partial)
  }
}

function sizeOf(header: Buffer): number {
  const length = header.readUInt32LE(4)
  if (header[1] === 0 && length <= MAX_PAYLOAD) return HEADER_BYTES + length
  throw new FrameFault(`a frame begins with ${header.toString('hex', 0, HEADER_BYTES)}`)
}

function frameIn(bytes: Buffer): Frame {
  return {
    type: bytes.readUInt8(0),
    stream: bytes.readUInt16LE(2),
    payload: bytes.subarray(HEADER_BYTES),
  }
}
