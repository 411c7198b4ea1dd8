import {once} from 'node:events'
import {createServer, connect as dial, type Socket} from 'node:net'
import {Duplex} from 'node:stream'
import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {splitFrames} from '../../../src/lib/engine/frames.ts'

const frame = (type: number, payload: Buffer): Buffer => {
  const header = Buffer.alloc(8)
  header[0] = type
  header.writeUInt32BE(payload.length, 4)
  return Buffer.concat([header, payload])
}

/** A stream that gives these chunks, one by one, and then ends. */
const streamOf = (chunks: readonly Buffer[]): Duplex => {
  const left = [...chunks]
  return new Duplex({
    read() {
      this.push(left.shift() ?? null)
    },
    write(_chunk, _encoding, done) {
      done()
    },
  })
}

const collect = async (chunks: readonly Buffer[]) => {
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  await splitFrames(streamOf(chunks), {
    stdout: chunk => void stdout.push(chunk),
    stderr: chunk => void stderr.push(chunk),
  })
  return {stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString()}
}

const socketPair = async (): Promise<{near: Socket; far: Socket; close: () => void}> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const near = dial(address.port, '127.0.0.1')
  const [far] = await once(server, 'connection')
  near.on('error', () => {})
  far.on('error', () => {})
  const close = () => {
    near.destroy()
    far.destroy()
    server.close()
  }
  return {near, far, close}
}

describe('splitFrames', () => {
  test('gives the same payloads however the bytes are cut', async () => {
    const frames = fc.array(
      fc.record({
        type: fc.constantFrom(1, 2),
        payload: fc.uint8Array({maxLength: 40}).map(bytes => Buffer.from(bytes)),
      }),
      {maxLength: 12},
    )
    await fc.assert(
      fc.asyncProperty(frames, fc.array(fc.integer({min: 1, max: 20})), async (list, sizes) => {
        const bytes = Buffer.concat(list.map(each => frame(each.type, each.payload)))
        const chunks: Buffer[] = []
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const size = sizes.length === 0 ? bytes.length : (sizes[turn % sizes.length] ?? 1)
          chunks.push(bytes.subarray(at, at + size))
          at += size
        }
        const payloads = (type: number) =>
          Buffer.concat(list.filter(each => each.type === type).map(each => each.payload))
        expect(await collect(chunks)).toEqual({
          stdout: payloads(1).toString(),
          stderr: payloads(2).toString(),
        })
      }),
    )
  })

  test('passes payloads on in the pieces in which they come, without copying', async () => {
    const bytes = frame(1, Buffer.from('abcdef'))
    const chunks = [bytes.subarray(0, 10), bytes.subarray(10)]
    const pieces: Buffer[] = []
    await splitFrames(streamOf(chunks), {
      stdout: piece => void pieces.push(piece),
      stderr: () => {},
    })
    expect(pieces.map(String)).toEqual(['ab', 'cdef'])
    expect(pieces.every(piece => piece.buffer === bytes.buffer)).toBe(true)
  })

  test("puts the engine's own complaint with stderr", async () => {
    expect(await collect([frame(3, Buffer.from('daemon error'))])).toEqual({
      stdout: '',
      stderr: 'daemon error',
    })
  })

  test.each([
    ['another stream type', Buffer.from([9, 0, 0, 0, 0, 0, 0, 1, 65])],
    ['stdin', Buffer.from([0, 0, 0, 0, 0, 0, 0, 1, 65])],
    ['bytes where zeros belong', Buffer.from([1, 0, 7, 0, 0, 0, 0, 1, 65])],
    ['plain text', Buffer.from('{"jsonrpc":"2.0"}\n')],
  ])('refuses a header with %s', async (_what, bytes) => {
    await expect(collect([bytes])).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      message: expect.stringContaining('not framed'),
    })
  })

  test.each([3, 8, 10])('reports a stream that ends after %i bytes of a frame', async length => {
    const bytes = frame(1, Buffer.from('abcdef')).subarray(0, length)
    await expect(collect([bytes])).rejects.toMatchObject({code: 'ENGINE_FAILED'})
  })

  test('stops reading while a stdout sink is busy, so the writer has to wait', async () => {
    const {near, far, close} = await socketPair()
    try {
      const total = 64 * 1024 * 1024
      const piece = frame(1, Buffer.alloc(64 * 1024 - 8))
      let written = 0
      const write = () => {
        while (written < total) {
          written += piece.length
          if (!far.write(piece)) return
        }
        far.end()
      }
      far.on('drain', write)
      const {promise: blocked, resolve: release} = Promise.withResolvers<void>()
      const {promise: firstPiece, resolve: reached} = Promise.withResolvers<void>()
      let received = 0
      const done = splitFrames(near, {
        stdout: chunk => {
          received += chunk.length
          reached()
          return blocked
        },
        stderr: () => {},
      })
      write()
      await firstPiece
      // The writer stands still when the kernel's buffers are full: nothing moves over many turns of the loop.
      for (
        let still = 0, before = -1;
        still < 200;
        before = far.bytesWritten - far.writableLength
      ) {
        await new Promise(resolve => setImmediate(resolve))
        still = far.bytesWritten - far.writableLength === before ? still + 1 : 0
      }
      expect(received).toBeLessThanOrEqual(64 * 1024)
      expect(written).toBeLessThan(total / 2)
      release()
      await done
      expect(received).toBe((written / piece.length) * (piece.length - 8))
    } finally {
      close()
    }
  })

  test('ends when the other side ends', async () => {
    const {near, far, close} = await socketPair()
    try {
      const output: string[] = []
      const done = splitFrames(near, {
        stdout: chunk => void output.push(chunk.toString()),
        stderr: () => {},
      })
      far.end(frame(1, Buffer.from('last words')))
      await done
      expect(output.join('')).toBe('last words')
      expect(near.destroyed).toBe(true)
    } finally {
      close()
    }
  })

  test('ends when this side destroys the stream, also within a frame', async () => {
    const {near, far, close} = await socketPair()
    try {
      const done = splitFrames(near, {stdout: () => void near.destroy(), stderr: () => {}})
      far.write(frame(1, Buffer.from('abcdef')).subarray(0, 10))
      await expect(done).resolves.toBeUndefined()
    } finally {
      close()
    }
  })

  test('reports a connection that breaks', async () => {
    const {near, far, close} = await socketPair()
    try {
      const done = splitFrames(near, {stdout: () => void far.resetAndDestroy(), stderr: () => {}})
      far.write(frame(1, Buffer.from('abcdef')))
      await expect(done).rejects.toMatchObject({code: 'ENGINE_UNREACHABLE'})
    } finally {
      close()
    }
  })

  test('hands on what a sink throws and lets go of the stream', async () => {
    const stream = streamOf([frame(1, Buffer.from('a'))])
    const failure = new Error('sink')
    const sinks = {stdout: () => Promise.reject(failure), stderr: () => {}}
    await expect(splitFrames(stream, sinks)).rejects.toBe(failure)
    expect(stream.destroyed).toBe(true)
  })
})
