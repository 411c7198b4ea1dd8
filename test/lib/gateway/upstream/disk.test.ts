import {Duplex} from 'node:stream'
import {afterEach, beforeEach, describe, expect, test, vi} from 'vitest'
import type {Engine} from '../../../../src/lib/engine/engine.ts'
import {watchDisk} from '../../../../src/lib/gateway/upstream/disk.ts'
import {engineWith} from '../../../support/engine-with.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const MIB = 1024 ** 2
const LOOK_MS = 2000

/** Watches a container that has written so much at each look. */
function watching(writtenBytes: Engine['writtenBytes']) {
  const full: string[] = []
  const engine = engineWith(new Duplex(), [], {writtenBytes})
  const watch = watchDisk({engine, id: 'any', limit: 10 * MIB}, why => full.push(why))
  return {full, watch}
}

describe('watchDisk', () => {
  test('tells once, with both numbers, when there is more than may be', async () => {
    const sizes = [MIB, 10 * MIB, 11 * MIB]
    const {full, watch} = watching(async () => sizes.shift() ?? 0)
    await vi.advanceTimersByTimeAsync(2 * LOOK_MS)
    expect(full).toEqual([])
    await vi.advanceTimersByTimeAsync(3 * LOOK_MS)
    expect(full).toEqual(['wrote 11 MB to its disk, and may write 10 MB'])
    expect(sizes).toEqual([])
    watch[Symbol.dispose]()
  })

  test('asks again when the engine cannot tell, one question at a time', async () => {
    const answers = [
      () => Promise.reject(new Error('busy')),
      async () => undefined,
      async () => 20 * MIB,
    ]
    const {full, watch} = watching(() => answers.shift()?.() ?? new Promise(() => undefined))
    await vi.advanceTimersByTimeAsync(3 * LOOK_MS)
    expect(full).toHaveLength(1)
    watch[Symbol.dispose]()
  })

  test('is over when it is told so, also in the middle of a question', async () => {
    const late = Promise.withResolvers<number>()
    const {full, watch} = watching(() => late.promise)
    await vi.advanceTimersByTimeAsync(LOOK_MS)
    watch[Symbol.dispose]()
    late.resolve(20 * MIB)
    await vi.advanceTimersByTimeAsync(LOOK_MS)
    expect(full).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })
})
