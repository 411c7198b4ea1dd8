import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {
  FRAME,
  FrameFault,
  FrameReader,
  frameOf,
  MAX_PAYLOAD,
} from '../../../src/lib/egress/frames.ts'

const type = fc.constantFrom(...Object.values(FRAME))
const frame = fc.record({
  type,
  stream: fc.integer({min: 0, max: 0xff_ff}),
  payload: fc.uint8Array({maxLength: 40}).map(bytes => Buffer.from(bytes)),
})

/** The frames in these bytes, cut into pieces of these sizes, in turn. */
const readAll = (bytes: Buffer, sizes: readonly number[]) => {
  const reader = new FrameReader()
  const frames = []
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? bytes.length
    frames.push(...reader.read(bytes.subarray(at, at + size)))
    at += size
  }
  return frames
}

const header = (first: number, second: number, length: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes[0] = first
  bytes[1] = second
  bytes.writeUInt32LE(length, 4)
  return bytes
}

describe('frames', () => {
  test('are laid out as the relay has them', () => {
    const bytes = frameOf(FRAME.open, 0x0102, Buffer.from([127, 1, 0, 1, 1, 187]))
    expect(bytes.toString('hex')).toBe('02000201060000007f01000101bb')
  })

  test('are the same however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(frame, {maxLength: 12}),
        fc.array(fc.integer({min: 1, max: 20})),
        (frames, sizes) => {
          const bytes = Buffer.concat(
            frames.map(each => frameOf(each.type, each.stream, each.payload)),
          )
          expect(readAll(bytes, sizes)).toEqual(frames)
        },
      ),
    )
  })

  test('may be as large as they may be, in any pieces', () => {
    const payload = Buffer.alloc(MAX_PAYLOAD, 'x')
    const bytes = Buffer.concat([frameOf(FRAME.data, 1, payload), frameOf(FRAME.end, 1)])
    const [data, end, ...others] = readAll(bytes, [7, 40_000])
    expect(data?.payload.equals(payload)).toBe(true)
    expect(end).toEqual({type: FRAME.end, stream: 1, payload: Buffer.alloc(0)})
    expect(others).toEqual([])
  })

  test.each([
    ['a payload that is too large', header(FRAME.data, 0, MAX_PAYLOAD + 1)],
    ['a payload of 4 GB', header(FRAME.data, 0, 0xff_ff_ff_ff)],
    ['no zero where one belongs', header(FRAME.data, 1, 1)],
  ])('are none with %s, as soon as that is seen', (_name, bytes) => {
    expect(() => readAll(bytes, [8])).toThrow(FrameFault)
    expect(() => readAll(bytes, [1])).toThrow(FrameFault)
  })
})
