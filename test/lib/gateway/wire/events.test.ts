import * as fc from 'fast-check'
import {createParser} from 'eventsource-parser'
import {describe, expect, test} from 'vitest'
import {readEvents, readText} from '../../../../src/lib/gateway/wire/events.ts'

function bodyOf(bytes: Buffer, places: readonly number[]): ReadableStream<Uint8Array> {
  const ends = [...places.map(place => place % (bytes.length + 1)), bytes.length]
  const chunks = ends
    .toSorted((a, b) => a - b)
    .map((end, index, all) => bytes.subarray(all[index - 1] ?? 0, end))
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk)
      controller.close()
    },
  })
}

/** What comes out of a stream: the data of events, and the ends of what was too large. */
async function read(text: string, maxBytes: number, places: readonly number[] = []) {
  const out: unknown[] = []
  await readEvents(bodyOf(Buffer.from(text), places), maxBytes, {
    onEvent: ({event, data}) => out.push(event === undefined ? data : [event, data]),
    onOversize: oversize => out.push(oversize),
  })
  return out
}

const anyPlaces = fc.array(fc.nat(2000), {maxLength: 30})
const line = fc.oneof(
  fc.constantFrom('', '', ': comment', 'event: x', 'id: 3', 'data', 'data:', 'nonsense'),
  fc.string({unit: 'binary', maxLength: 20}).map(text => {
    const oneLine = text.replaceAll(/[\r\n]/g, '').toWellFormed()
    return `data: ${oneLine}`
  }),
)
const lines = (ends: readonly string[]) =>
  fc
    .array(fc.tuple(line, fc.constantFrom(...ends)), {maxLength: 40})
    .map(all => all.flat().join(''))

const TOO_LARGE = {bytes: expect.any(Number), head: expect.any(String), tail: expect.any(String)}

describe('readEvents', () => {
  test.each([[['\n']], [['\r\n']], [['\r']], [['\n', '\r\n', '\r']]])(
    'reads as the standard says with line ends %j, however the bytes are cut',
    async ends => {
      await fc.assert(
        fc.asyncProperty(lines(ends), anyPlaces, async (text, places) => {
          const expected: unknown[] = []
          const parser = createParser({
            onEvent: ({event, data}) => expected.push(event === undefined ? data : [event, data]),
          })
          parser.feed(text.replaceAll(/\r\n|\r/g, '\n'))
          expect(await read(text, 100_000, places)).toEqual(expected)
        }),
      )
    },
  )

  test('leaves out an event that is too large, and only that one', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.boolean(), {maxLength: 8}),
        fc.constantFrom('\n', '\r\n', '\r'),
        anyPlaces,
        async (large, end, places) => {
          const texts = large.map((isLarge, at) => `${at}-${'x'.repeat(isLarge ? 300 : 20)}-${at}`)
          const text = texts.map(data => `event: message${end}data: ${data}${end}${end}`).join('')
          const out = await read(text, 200, places)
          expect(out).toEqual(texts.map((data, at) => (large[at] ? TOO_LARGE : ['message', data])))
        },
      ),
    )
  })

  test('keeps the ends of the data alone', async () => {
    const data = {jsonrpc: '2.0', result: {text: 'x'.repeat(3000)}, id: 7}
    const pretty = JSON.stringify(data, undefined, 2).replaceAll('\n', '\ndata: ')
    const [oversize] = await read(`id: 1\nevent: message\ndata: ${pretty}\nretry: 5\n\n`, 200)
    expect(oversize).toMatchObject({
      head: expect.stringMatching(/^\{\n {2}"jsonrpc": "2.0",\n/),
      tail: expect.stringMatching(/ {2}"id": 7\n\}\n+$/),
    })
  })

  test('does not wait for the next event with the one that is whole', async () => {
    let send: ((text: string) => void) | undefined
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        send = text => controller.enqueue(Buffer.from(text))
      },
    })
    const arrived = Promise.withResolvers<string>()
    const reading = readEvents(body, 100, {
      onEvent: ({data}) => arrived.resolve(data),
      onOversize: () => undefined,
    })
    reading.catch(() => undefined)
    send?.('data: now\r\n\r\n')
    expect(await arrived.promise).toBe('now')
  })
})

describe('readText', () => {
  test('gives the whole body, or nothing when it is too long', async () => {
    const text = 'é'.repeat(100)
    expect(await readText(bodyOf(Buffer.from(text), [3, 77]), 200)).toBe(text)
    expect(await readText(bodyOf(Buffer.from(text), [3, 77]), 199)).toBeUndefined()
    expect(await readText(null, 199)).toBe('')
  })
})
