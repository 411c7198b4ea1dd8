import * as fc from 'fast-check'
import {afterEach, beforeEach, describe, expect, test, vi} from 'vitest'
import {type Shelf, Standby, type Waiting} from '../../../../src/lib/gateway/upstream/standby.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const MIB = 1024 ** 2
const MINUTE = 60_000
const never = new AbortController().signal

/** Something that can wait, and what became of it. */
class Thing implements Waiting {
  readonly server: string
  readonly key: string
  readonly gone: Promise<void>
  ends = 0
  die: () => void = () => undefined

  constructor(server: string, key: string) {
    this.server = server
    this.key = key
    this.gone = new Promise(resolve => {
      this.die = resolve
    })
  }

  async end(): Promise<void> {
    this.ends += 1
    this.die()
  }
}

/** A standby with things that take ten milliseconds to make. */
function lab({memoryMiB = 1024} = {}) {
  const made: Thing[] = []
  const keys = new Map<string, string>()
  const state = {isBusy: false, isBroken: false}
  const standby = new Standby<Thing>({
    memoryBytes: memoryMiB * MIB,
    isBusy: () => state.isBusy,
  })
  const keyOf = (server: string) => keys.get(server) ?? 'first'
  const shelf = (server: string, min: number, max: number): Shelf<Thing> => ({
    server,
    size: {min, max},
    usedMs: 5 * MINUTE,
    make: async signal => {
      await new Promise(resolve => setTimeout(resolve, 10))
      signal.throwIfAborted()
      if (state.isBroken) throw new Error('not today')
      const thing = new Thing(server, keyOf(server))
      made.push(thing)
      return thing
    },
  })
  const start = (one: Shelf<Thing>, signal = never) => standby.take(one, keyOf(one.server), signal)
  const take = (one: Shelf<Thing>, signal = never) => {
    standby.used(one)
    return start(one, signal)
  }
  const alive = () => made.filter(({ends}) => ends === 0)
  return {standby, made, alive, keys, state, shelf, start, take}
}

const settle = () => vi.advanceTimersByTimeAsync(1000)

describe('Standby', () => {
  test('has nothing of a server that is started to see what it can do, until somebody uses it', async () => {
    const {standby, made, alive, shelf, start} = lab()
    const one = shelf('one', 0, 2)
    for (let starts = 0; starts < 3; starts += 1) expect(await start(one)).toBeUndefined()
    await settle()
    expect(made).toEqual([])
    standby.used(one)
    await settle()
    expect(alive()).toHaveLength(1)
  })

  test('has nothing of a server that nobody uses, one of a server that is, and none again later', async () => {
    const {standby, made, alive, shelf, take} = lab()
    const one = shelf('one', 0, 1)
    standby.keep(one)
    await settle()
    expect(made).toEqual([])
    expect(await take(one)).toBeUndefined()
    await settle()
    expect(alive()).toHaveLength(1)
    const [first] = made
    expect(await take(one)).toBe(first)
    await settle()
    expect(made).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(5 * MINUTE)
    expect(made.map(({ends}) => ends)).toEqual([0, 1])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('always has the least, and more only up to the most', async () => {
    const {standby, made, alive, shelf, take} = lab()
    const one = shelf('one', 1, 3)
    standby.keep(one)
    await settle()
    expect(made).toHaveLength(1)
    for (let missed = 0; missed < 6; missed += 1) await take(one)
    await settle()
    expect(made).toHaveLength(4)
    await vi.advanceTimersByTimeAsync(5 * MINUTE)
    // The one that was taken lives on.
    expect(alive()).toHaveLength(2)
  })

  test('makes none while somebody waits for a start', async () => {
    const {standby, made, state, shelf} = lab()
    state.isBusy = true
    standby.keep(shelf('one', 2, 2))
    await settle()
    expect(made).toEqual([])
    state.isBusy = false
    await settle()
    expect(made).toHaveLength(2)
  })

  test('ends those that are not as they must be', async () => {
    const {standby, made, keys, shelf, take} = lab()
    const one = shelf('one', 2, 2)
    standby.keep(one)
    await settle()
    keys.set('one', 'second')
    expect(await take(one)).toBeUndefined()
    expect(made.map(({ends}) => ends)).toEqual([1, 1])
    await settle()
    expect(await take(one)).toMatchObject({key: 'second', ends: 0})
  })

  test('lets one wait for the one that is being made, and the next one make its own', async () => {
    const {standby, made, shelf, take} = lab()
    const one = shelf('one', 1, 1)
    standby.keep(one)
    await vi.advanceTimersByTimeAsync(55)
    expect(made).toEqual([])
    const first = take(one)
    expect(await take(one)).toBeUndefined()
    await vi.advanceTimersByTimeAsync(10)
    expect(await first).toBe(made[0])
  })

  test('keeps one for the next when whoever waited for it has gone', async () => {
    const {standby, made, shelf, take} = lab()
    const one = shelf('one', 1, 1)
    standby.keep(one)
    await vi.advanceTimersByTimeAsync(55)
    const session = new AbortController()
    const first = take(one, session.signal)
    session.abort(new Error('over'))
    await expect(first).rejects.toThrow('over')
    await vi.advanceTimersByTimeAsync(10)
    expect(await take(one)).toBe(made[0])
    expect(made).toHaveLength(1)
  })

  test('says that there is none when the one that was waited for could not be made', async () => {
    const {standby, state, shelf, take} = lab()
    const one = shelf('one', 1, 1)
    state.isBroken = true
    standby.keep(one)
    await vi.advanceTimersByTimeAsync(55)
    const first = take(one)
    await vi.advanceTimersByTimeAsync(10)
    expect(await first).toBeUndefined()
  })

  test('replaces what ends by itself, three times in a minute', async () => {
    const {standby, made, alive, shelf} = lab()
    standby.keep(shelf('one', 1, 1))
    for (let death = 0; death < 10; death += 1) {
      await settle()
      made.at(-1)?.die()
    }
    expect(made).toHaveLength(3)
    expect(alive()).toEqual([])
    await vi.advanceTimersByTimeAsync(MINUTE)
    expect(alive()).toHaveLength(1)
  })

  test('ends what was used the longest ago when there is no more room', async () => {
    const {alive, shelf, take} = lab({memoryMiB: 23})
    const servers = ['a', 'b', 'c'].map(name => shelf(name, 0, 1))
    for (const server of servers) {
      await take(server)
      await settle()
    }
    expect(alive().map(({server}) => server)).toEqual(['b', 'c'])
  })

  test('gives the room first to those that are always to have some, in their order', async () => {
    const {standby, alive, shelf, take} = lab({memoryMiB: 16})
    await take(shelf('used', 0, 1))
    await settle()
    for (const name of ['a', 'b', 'c']) standby.keep(shelf(name, 1, 1))
    await settle()
    expect(alive().map(({server}) => server)).toEqual(['a', 'b'])
    await take(shelf('used', 0, 1))
    await settle()
    expect(alive().map(({server}) => server)).toEqual(['a', 'b'])
  })

  test('has none without memory for it', async () => {
    const {standby, made, shelf} = lab({memoryMiB: 7})
    standby.keep(shelf('one', 1, 1))
    await settle()
    expect(made).toEqual([])
  })

  test('flushes one server, also what is being made of it, and makes its least anew', async () => {
    const {standby, made, alive, shelf} = lab()
    standby.keep(shelf('one', 2, 2))
    standby.keep(shelf('two', 1, 1))
    await vi.advanceTimersByTimeAsync(65)
    expect(made).toHaveLength(1)
    const flushed = standby.flush('one')
    await vi.advanceTimersByTimeAsync(10)
    await flushed
    expect(made[0]?.ends).toBe(1)
    await settle()
    expect(
      alive()
        .map(({server}) => server)
        .toSorted(),
    ).toEqual(['one', 'one', 'two'])
  })

  test('ends everything with the gateway, and begins nothing any more', async () => {
    const {standby, made, alive, shelf, take} = lab()
    standby.keep(shelf('one', 2, 2))
    await vi.advanceTimersByTimeAsync(65)
    const over = standby[Symbol.asyncDispose]()
    await vi.advanceTimersByTimeAsync(10)
    await over
    expect(made).toHaveLength(1)
    expect(alive()).toEqual([])
    expect(await take(shelf('one', 2, 2))).toBeUndefined()
    await settle()
    expect(made).toHaveLength(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('loses none, ends none twice and never has more than there is room for', async () => {
    const step = fc.oneof(
      fc.record({kind: fc.constant('take'), server: fc.constantFrom('a', 'b', 'c')}),
      fc.record({kind: fc.constant('die'), at: fc.nat(9)}),
      fc.record({kind: fc.constant('wait'), ms: fc.constantFrom(1, 10, 60, 1000, 400_000)}),
      fc.record({kind: fc.constant('change'), server: fc.constantFrom('a', 'b', 'c')}),
      fc.record({kind: fc.constant('flush'), server: fc.constantFrom('a', 'b', 'c')}),
      fc.record({kind: fc.constant('abort'), server: fc.constantFrom('a', 'b', 'c')}),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, {maxLength: 40}), fc.nat(5), async (steps, room) => {
        const {standby, made, alive, keys, shelf, take} = lab({memoryMiB: 8 * room})
        const shelves = new Map([
          ['a', shelf('a', 0, 2)],
          ['b', shelf('b', 1, 1)],
          ['c', shelf('c', 0, 4)],
        ])
        const taken = new Set<Thing>()
        const tries: Promise<void>[] = []
        const mistakes: string[] = []
        const errors: unknown[] = []
        const ask = (server: string, signal?: AbortSignal) => {
          const one = shelves.get(server)
          if (!one) return
          tries.push(own(take(one, signal), server))
        }
        const own = async (given: Promise<Thing | undefined>, server: string) => {
          const [result] = await Promise.allSettled([given])
          if (result.status === 'rejected') {
            errors.push(result.reason)
          } else if (result.value) {
            mistakes.push(...(taken.has(result.value) ? ['given twice'] : []))
            mistakes.push(...(result.value.server === server ? [] : ["another server's"]))
            taken.add(result.value)
          }
        }
        for (const next of steps) {
          if (next.kind === 'take') ask(next.server)
          else if (next.kind === 'abort') {
            const session = new AbortController()
            ask(next.server, session.signal)
            session.abort(Object.assign(new Error('gone'), {name: 'Gone'}))
          } else if (next.kind === 'die') made[next.at]?.die()
          else if (next.kind === 'change') keys.set(next.server, `${made.length}`)
          else if (next.kind === 'flush') tries.push(standby.flush(next.server))
          else await vi.advanceTimersByTimeAsync(next.ms)
          const waiting = alive().filter(thing => !taken.has(thing))
          expect(waiting.length).toBeLessThanOrEqual(room)
        }
        const over = standby[Symbol.asyncDispose]()
        await vi.advanceTimersByTimeAsync(20)
        await Promise.all([...tries, over])
        expect(mistakes).toEqual([])
        for (const error of errors) expect(error).toMatchObject({name: 'Gone'})
        for (const thing of made) expect(thing.ends).toBe(taken.has(thing) ? 0 : 1)
        expect(vi.getTimerCount()).toBe(0)
      }),
    )
  })
})
