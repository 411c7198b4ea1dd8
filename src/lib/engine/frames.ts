import type {Duplex} from 'node:stream'
import {messageOf, PluginError, systemCode} from '../base/errors.ts'

/** Where the payloads go, in the pieces in which they came. */
export interface FrameSinks {
  /** A promise stops the reading until it is settled, down to the writing program. */
  readonly stdout: (chunk: Buffer) => void | Promise<void>
  readonly stderr: (chunk: Buffer) => void
}

const HEADER_BYTES = 8
const STDOUT = 1
const STDERR = 2
/** What the engine itself has to say about the stream (moby's stdcopy calls it systemerr). */
const ENGINE_ERROR = 3

/**
 * Reads docker's attach stream to its end and sorts it into stdout and stderr. Each frame is a header (1 byte
 * stream type, 3 zero bytes, 4 bytes length, big-endian) and its payload: Docker Engine API, "Attach to a
 * container". Resolves when the stream ends, which is how a container's death is seen, or when this side destroys
 * it. The stream is destroyed afterwards.
 * @throws PluginError ENGINE_FAILED when the bytes are not such frames or end within one; ENGINE_UNREACHABLE when
 * the connection breaks; and whatever a sink throws
 */
export async function splitFrames(socket: Duplex, sinks: FrameSinks): Promise<void> {
  const header = Buffer.alloc(HEADER_BYTES)
  let headerFilled = 0
  let payloadLeft = 0
  for await (const chunk of chunksOf(socket)) {
    let offset = 0
    while (offset < chunk.length) {
      if (payloadLeft === 0) {
        const copied = chunk.copy(header, headerFilled, offset)
        offset += copied
        headerFilled += copied
        if (headerFilled < HEADER_BYTES) break
        headerFilled = 0
        payloadLeft = payloadLength(header)
        continue
      }
      const payload = chunk.subarray(offset, offset + payloadLeft)
      offset += payload.length
      payloadLeft -= payload.length
      if (header[0] === STDOUT) {
        const pause = sinks.stdout(payload)
        // Waiting costs a turn of the microtask queue per piece, so only when the sink asks for it.
        if (pause) await pause
      } else sinks.stderr(payload)
    }
  }
  if (socket.readableEnded && (headerFilled > 0 || payloadLeft > 0)) {
    throw new PluginError('ENGINE_FAILED', 'the output of the container ends within a frame', {
      hint: 'the engine or something between was stopped; see whether `docker info` answers',
    })
  }
}

async function* chunksOf(socket: Duplex): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of socket) yield chunk
  } catch (error) {
    // This is how a stream ends that this side destroyed.
    if (systemCode(error) === 'ERR_STREAM_PREMATURE_CLOSE') return
    throw new PluginError(
      'ENGINE_UNREACHABLE',
      `the connection to the container broke: ${messageOf(error)}`,
      {hint: 'see whether `docker info` answers', cause: error},
    )
  }
}

function payloadLength(header: Buffer): number {
  const [type, ...padding] = header.subarray(0, 4)
  const known = type === STDOUT || type === STDERR || type === ENGINE_ERROR
  if (known && padding.every(byte => byte === 0)) return header.readUInt32BE(4)
  throw new PluginError(
    'ENGINE_FAILED',
    `the output of the container is not framed as docker frames it: a header reads ${header.toString('hex')}`,
    {
      hint: 'was the container made with a terminal (Tty), or is something between that changes bytes?',
    },
  )
}
