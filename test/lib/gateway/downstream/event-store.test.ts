import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {EventStore} from '../../../../src/lib/gateway/downstream/event-store.ts'

const MEGABYTE = 1024 * 1024
const FIVE_MINUTES = 5 * 60_000

/** What a test does to a store: an event for one of the streams, the end of one, a new one, or time that passes. */
const step = fc.oneof(
  {weight: 12, arbitrary: fc.record({kind: fc.constant('event' as const), stream: fc.nat(3)})},
  {weight: 1, arbitrary: fc.record({kind: fc.constant('end' as const), stream: fc.nat(3)})},
  {weight: 2, arbitrary: fc.record({kind: fc.constant('wait' as const), ms: fc.nat(FIVE_MINUTES)})},
)

interface Given {
  readonly stream: number
  readonly id: string
  readonly data: string
  readonly at: number
}

/** Runs the steps on a store, and remembers all that it ever gave. */
function run(steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[]) {
  let now = 0
  const store = new EventStore(() => now)
  const streams = [store.open(), store.open(), store.open(), store.open()]
  const given: Given[] = []
  for (const one of steps) {
    if (one.kind === 'wait') now += one.ms
    else {
      const stream = streams[one.stream] ?? 0
      if (one.kind === 'end') {
        store.end(stream)
        streams[one.stream] = store.open()
      } else {
        const data = `${stream}: ${given.length}`
        given.push({stream, id: store.append(stream, data), data, at: now})
      }
    }
  }
  return {store, given, now}
}

describe('the events of a session', () => {
  test('have ids that differ, whatever their streams', () => {
    fc.assert(
      fc.property(fc.array(step, {maxLength: 200}), steps => {
        const {given} = run(steps)
        expect(new Set(given.map(({id}) => id)).size).toBe(given.length)
      }),
    )
  })

  test('are replayed from any id as exactly what came after it on its stream, or not at all', () => {
    fc.assert(
      fc.property(fc.array(step, {maxLength: 200}), steps => {
        const {store, given, now} = run(steps)
        for (const {id, stream} of given) {
          const at = given.findIndex(one => one.id === id)
          const tail = given.slice(at + 1).filter(one => one.stream === stream)
          const isWhole = tail.every(one => now - one.at <= FIVE_MINUTES)
          expect(store.resume(id)?.events.map(({data}) => data)).toEqual(
            isWhole ? tail.map(({data}) => data) : undefined,
          )
        }
      }),
    )
  })

  test('are replayed from the place before the first', () => {
    const store = new EventStore(() => 0)
    const stream = store.open()
    store.append(store.open(), 'another')
    store.append(stream, 'first')
    expect(store.resume(store.idOf(stream, 0))).toMatchObject({stream, events: [{data: 'first'}]})
  })

  test('are not more than a thousand', () => {
    const store = new EventStore(() => 0)
    const stream = store.open()
    const ids = Array.from({length: 1500}, (_, at) => store.append(stream, String(at)))
    expect(store.after(stream, 0).map(({data}) => Number(data))).toEqual(
      Array.from({length: 1000}, (_, at) => at + 500),
    )
    expect(store.resume(ids[499] ?? '')?.events).toHaveLength(1000)
    expect(store.resume(ids[498] ?? '')).toBeUndefined()
  })

  test('are not more than eight megabytes, of all streams together', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({min: 1, max: 5}), {maxLength: 20}), sizes => {
        const store = new EventStore(() => 0)
        const streams = [store.open(), store.open()]
        for (const [at, size] of sizes.entries()) {
          store.append(streams[at % 2] ?? 0, 'é'.repeat((size * MEGABYTE) / 2))
        }
        const kept = streams.flatMap(stream => store.after(stream, 0))
        const bytes = kept.reduce((sum, {data}) => sum + Buffer.byteLength(data), 0)
        expect(bytes).toBeLessThanOrEqual(8 * MEGABYTE)
        // One more would not have fitted.
        const next = sizes[sizes.length - kept.length - 1] ?? Infinity
        expect(bytes + next * MEGABYTE).toBeGreaterThan(8 * MEGABYTE)
      }),
      {numRuns: 20},
    )
  })

  test('too large to be kept with others is kept alone, as it may be the answer', () => {
    const store = new EventStore(() => 0)
    const stream = store.open()
    const before = store.append(stream, 'small')
    const large = store.append(stream, 'x'.repeat(9 * MEGABYTE))
    expect(store.resume(before)?.events.map(({id}) => id)).toEqual([large])
    const after = store.append(stream, 'small')
    expect(store.resume(before)).toBeUndefined()
    expect(store.resume(large)?.events.map(({id}) => id)).toEqual([after])
  })

  test('are let go of after five minutes, and the newest id still has its place', () => {
    let now = 0
    const store = new EventStore(() => now)
    const stream = store.open()
    const first = store.append(stream, 'first')
    const second = store.append(stream, 'second')
    now = FIVE_MINUTES + 1
    store.expire()
    expect(store.resume(first)).toBeUndefined()
    expect(store.resume(second)).toEqual({stream, events: []})
    store.append(stream, 'third')
    expect(store.resume(second)).toMatchObject({events: [{data: 'third'}]})
  })

  test('are not found by an id that was never given, or by one of another session', () => {
    const store = new EventStore(() => 0)
    const stream = store.open()
    const id = store.append(stream, 'one')
    const other = new EventStore(() => 0)
    const foreign = other.append(other.open(), 'one')
    const wrong = [
      foreign,
      store.idOf(stream, 2),
      store.idOf(stream + 1, 0),
      `${id}0`,
      `${id} `,
      id.toUpperCase(),
      id.replace(/-(\d+)$/, '-0$1'),
      id.replace(/-(\d+)$/, '--$1'),
      '',
      '-',
      '__proto__-1-1',
    ].filter(one => one !== id)
    for (const one of wrong)
      expect({one, found: store.resume(one)}).toEqual({one, found: undefined})
    fc.assert(
      fc.property(fc.string(), text => {
        expect(store.resume(text)).toBeUndefined()
      }),
    )
  })
})

describe('a stream that has ended', () => {
  test('can still be resumed, and takes no more', () => {
    const store = new EventStore(() => 0)
    const stream = store.open()
    const id = store.append(stream, 'one')
    store.append(stream, 'two')
    store.end(stream)
    store.end(stream)
    expect(store.resume(id)).toMatchObject({events: [{data: 'two'}]})
    expect(() => store.append(stream, 'three')).toThrow('is not open')
  })

  test('is forgotten when a thousand others have ended after it', () => {
    const store = new EventStore(() => 0)
    const stream = store.open()
    const id = store.append(stream, 'one')
    store.end(stream)
    for (let at = 0; at < 999; at += 1) store.end(store.open())
    expect(store.resume(id)).toBeDefined()
    store.end(store.open())
    expect(store.resume(id)).toBeUndefined()
  })
})
