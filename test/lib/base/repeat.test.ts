import {describe, expect, test} from 'vitest'
import {repeatedly} from '../../../src/lib/base/repeat.ts'

const never = () => new Promise<never>(() => undefined)

describe('repeatedly', () => {
  test('gives one outcome after the other, and never runs a task twice at once', async () => {
    const stop = new AbortController()
    let running = 0
    let most = 0
    let count = 0
    const task = async () => {
      running += 1
      most = Math.max(most, running)
      await new Promise(resolve => setImmediate(resolve))
      running -= 1
      return (count += 1)
    }
    const seen: number[] = []
    for await (const outcome of repeatedly(task, 0, stop.signal)) {
      seen.push(outcome)
      if (outcome === 20) stop.abort()
    }
    expect(seen).toEqual(Array.from({length: 20}, (_, index) => index + 1))
    expect(most).toBe(1)
  })

  test('ends while it rests', async () => {
    const stop = new AbortController()
    const seen: string[] = []
    for await (const outcome of repeatedly(async () => 'seen', 1e8, stop.signal)) {
      seen.push(outcome)
      setImmediate(() => stop.abort())
    }
    expect(seen).toEqual(['seen'])
  })

  test('ends without a task that does not end, which is told so', async () => {
    const stop = new AbortController()
    let told: AbortSignal | undefined
    const seen: never[] = []
    const task = (signal: AbortSignal) => {
      told = signal
      setImmediate(() => stop.abort())
      return never()
    }
    for await (const outcome of repeatedly(task, 0, stop.signal)) seen.push(outcome)
    expect(seen).toEqual([])
    expect(told?.aborted).toBe(true)
  })

  test('does nothing when it was stopped before', async () => {
    const outcomes = repeatedly(() => Promise.reject(new Error('it ran')), 0, AbortSignal.abort())
    expect(await outcomes.next()).toEqual({done: true, value: undefined})
  })

  test('passes on what the task throws', async () => {
    const outcomes = repeatedly(
      () => Promise.reject(new Error('broken')),
      0,
      new AbortController().signal,
    )
    await expect(outcomes.next()).rejects.toThrow('broken')
  })
})
