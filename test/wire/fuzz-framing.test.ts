import {Duplex} from 'node:stream'
import * as fc from 'fast-check'
import {afterEach, describe, expect, test} from 'vitest'
import {Redaction} from '../../src/lib/gateway/redaction.ts'
import {speakStdio} from '../../src/lib/gateway/upstream/container.ts'
import {parkContainer} from '../../src/lib/gateway/upstream/parked.ts'
import type {Upstream} from '../../src/lib/gateway/upstream/upstream.ts'
import {parseMessages} from '../../src/lib/gateway/wire/batch.ts'
import {readEvents, readText} from '../../src/lib/gateway/wire/events.ts'
import {isUnusable, type Message} from '../../src/lib/gateway/wire/jsonrpc.ts'
import {parseMessage} from '../../src/lib/gateway/wire/parse.ts'
import {anyPlan, engineWith} from '../support/engine-with.ts'
import {anyBytes, anyCuts, cutAt, expectUnpolluted} from './hostile.ts'

const NEWLINE = Buffer.from('\n')

/** A container whose program prints these bytes, and what the gateway makes of them. */
async function containerThatPrints(chunks: readonly Buffer[]): Promise<{
  upstream: Upstream
  messages: Message[]
  removed: string[]
}> {
  const messages: Message[] = []
  const removed: string[] = []
  const stream = new Duplex({
    read: () => undefined,
    write: (_chunk, _encoding, done) => done(),
  })
  const engine = engineWith(stream, removed, {wait: async () => ({exitCode: 3})})
  const {signal} = new AbortController()
  const upstream = speakStdio(await parkContainer(engine, anyPlan('any'), signal), {
    server: 'any',
    maxMessageBytes: 1024 * 1024,
    warn: () => undefined,
    onMessage: message => void messages.push(message),
    onStderr: () => undefined,
    redaction: new Redaction(),
  })
  for (const chunk of chunks) stream.push(chunk)
  stream.push(null)
  return {upstream, messages, removed}
}

/** A piece of output as docker's attach stream carries it. */
function frame([type, payload]: readonly [number, Buffer]): Buffer {
  const header = Buffer.alloc(8)
  header[0] = type
  header.writeUInt32BE(payload.length, 4)
  return Buffer.concat([header, payload])
}

function isFine(message: Message): boolean {
  return !isUnusable(parseMessage(JSON.stringify(message)))
}

/** The messages that stand in these lines; the last may want its newline. */
function messagesIn(bytes: Buffer): readonly Message[] {
  const lines = bytes.toString().split('\n').slice(0, -1)
  return lines.flatMap(parseMessages)
}

const anyFrames = fc.array(fc.tuple(fc.constantFrom(1, 1, 1, 2, 3), anyBytes), {maxLength: 8})

afterEach(expectUnpolluted)

describe('a container', () => {
  test('whose stream is not what docker sends is ended and removed, with a reason', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyFrames.map(frames => Buffer.concat(frames.map(frame))),
        anyBytes,
        anyCuts,
        async (start, bytes, cuts) => {
          const chunks = cutAt(Buffer.concat([start, bytes]), cuts)
          const {upstream, messages, removed} = await containerThatPrints(chunks)
          expect((await upstream.closed).what).toMatch(
            /^(ended with exit code 3|the output of the container (ends within a frame|is not framed))/,
          )
          expect(messages.every(isFine)).toBe(true)
          await upstream[Symbol.asyncDispose]()
          expect(removed).toEqual(['the-container'])
        },
      ),
      {numRuns: 300},
    )
  })

  test('is heard in all messages that it prints between anything else, however they are cut', async () => {
    await fc.assert(
      fc.asyncProperty(anyFrames, anyCuts, async (frames, cuts) => {
        const ended = frames.map(
          ([type, bytes]) => [type, Buffer.concat([bytes, NEWLINE])] as const,
        )
        const stdout = Buffer.concat(ended.flatMap(([type, bytes]) => (type === 1 ? [bytes] : [])))
        const {upstream, messages} = await containerThatPrints(
          cutAt(Buffer.concat(ended.map(frame)), cuts),
        )
        expect(await upstream.closed).toMatchObject({what: 'ended with exit code 3'})
        expect(messages).toEqual(messagesIn(stdout))
      }),
      {numRuns: 300},
    )
  })
})

/** A body that comes in these pieces. */
function bodyOf(chunks: readonly Buffer[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk)
      controller.close()
    },
  })
}

/** Every event's data, and how many were too large. */
async function eventsIn(chunks: readonly Buffer[], maxBytes: number): Promise<unknown[]> {
  const seen: unknown[] = []
  let lost = 0
  await readEvents(bodyOf(chunks), maxBytes, {
    onEvent: ({data}) => seen.push(data),
    onOversize: () => (lost += 1),
  })
  return [...seen, lost]
}

/** Bytes like a stream of server-sent events. */
const anyEvents = fc
  .array(
    fc.oneof(
      anyBytes.map(bytes => Buffer.concat([Buffer.from('data: '), bytes, Buffer.from('\n\n')])),
      fc
        .constantFrom(
          'data',
          'data:',
          'event: __proto__',
          'id: \u0000',
          'retry: 1e9',
          ': x',
          '\ufeff',
        )
        .chain(line =>
          fc.constantFrom('\n', '\r', '\r\n', '\n\n').map(end => Buffer.from(line + end)),
        ),
      anyBytes,
    ),
    {maxLength: 8},
  )
  .map(parts => Buffer.concat(parts))

describe('a body from a server', () => {
  test('holds the same events however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(anyEvents, anyCuts, async (bytes, cuts) => {
        const whole = await eventsIn([bytes], 1_000_000)
        expect(whole.at(-1)).toBe(0)
        expect(
          await eventsIn(
            cutAt(bytes, cuts).filter(({length}) => length > 0),
            1_000_000,
          ),
        ).toEqual(whole)
      }),
      {numRuns: 500},
    )
  })

  test('is read to its bound and no further', async () => {
    await fc.assert(
      fc.asyncProperty(anyBytes, anyCuts, fc.nat(60), async (bytes, cuts, most) => {
        const chunks = cutAt(bytes, cuts)
        const text = await readText(bodyOf(chunks.filter(({length}) => length > 0)), most)
        expect(text === undefined).toBe(bytes.length > most)
      }),
      {numRuns: 300},
    )
  })
})
