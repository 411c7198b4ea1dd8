import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'

import {quietPorts} from '../support/quiet-ports.ts'
import {builds, isLinux} from './builds.ts'
import {
  ANSWER,
  CLOSE,
  CONNECT,
  CREDIT,
  credit,
  DATA,
  dial,
  DONE,
  END,
  frameOf,
  MADE,
  OPEN,
  READY,
  RESET,
  startRelay,
  toPort,
} from './relay-process.ts'

const bytes = (maxLength: number) => fc.uint8Array({maxLength}).map(array => Buffer.from(array))
/** Those that are open, those that may be, and the borders. */
const streams = fc.constantFrom(1, 1, 2, 2, 3, 200, MADE, MADE, MADE + 1, MADE + 55)
const anyStream = fc.oneof(streams, fc.constantFrom(0, 201, MADE - 1, MADE + 56, 0xffff))

/** Frames that keep the rules more often than not, to get far; `port` is where the relay itself listens. */
const frames = (port: number) =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .tuple(streams, bytes(300))
        .map(([id, data]) => frameOf(DATA, id, Buffer.concat([data, Buffer.of(1)]))),
    },
    {weight: 1, arbitrary: streams.map(id => frameOf(DATA, id, Buffer.alloc(60_000)))},
    {weight: 2, arbitrary: streams.map(id => frameOf(END, id))},
    {
      weight: 4,
      arbitrary: fc
        .tuple(streams, fc.nat(100_000))
        .map(([id, n]) => frameOf(CREDIT, id, credit(n))),
    },
    {
      weight: 3,
      arbitrary: fc
        .tuple(streams, fc.constantFrom(DONE, RESET))
        .map(([id, reason]) => frameOf(CLOSE, id, reason)),
    },
    {
      weight: 4,
      arbitrary: fc
        .tuple(fc.constantFrom(MADE, MADE + 1, MADE + 55), fc.constantFrom(port, 0))
        .map(([id, to]) => frameOf(CONNECT, id, toPort(to))),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom(0, 1, 63, 64), bytes(30))
        .map(([slot, data]) => frameOf(ANSWER, slot, data)),
    },
  )

describe.runIf(isLinux).each(builds)('whatever a relay gets ($name)', build => {
  const numRuns = build.name === 'checked' ? 150 : 75

  test('that is no frame ends it with a line', async () => {
    const noise = fc.oneof(
      bytes(200),
      fc
        .array(
          fc
            .tuple(fc.nat(12), anyStream, bytes(8))
            .map(([type, id, data]) => frameOf(type, id, data)),
        )
        .map(parts => Buffer.concat(parts)),
    )
    const property = fc.asyncProperty(noise, async input => {
      await using relay = startRelay(build, [])
      relay.write(input)
      relay.end()
      expectOrderly(await relay.ended())
    })
    await fc.assert(property, {numRuns})
  })

  test('while programs use it, it goes on or ends with a line', async () => {
    const [port = 0] = await quietPorts(1)
    const property = fc.asyncProperty(fc.array(frames(port), {maxLength: 60}), async inputs => {
      await using relay = startRelay(build, [port])
      await relay.frame(READY, 0)
      for (const stream of [1, 2]) {
        const socket = await dial(port)
        await relay.frame(OPEN, stream)
        // Talks and listens, until one of them goes.
        socket.write(Buffer.alloc(100_000, stream))
        if (stream === 1) socket.resume()
      }
      for (const input of inputs) relay.write(input)
      relay.end()
      expectOrderly(await relay.ended())
    })
    await fc.assert(property, {numRuns})
  })
})

function expectOrderly({
  code,
  signal,
  stderr,
}: {
  code: number | null
  signal: string | null
  stderr: string
}): void {
  expect(signal).toBeNull()
  const line = 'relay: the gateway sent a frame that breaks the rules\n'
  expect([`0 `, `1 ${line}`]).toContain(`${code} ${stderr}`)
}
