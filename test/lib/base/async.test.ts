import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {
  limitConcurrency,
  pause,
  unlessAborted,
  untilAborted,
  withDeadline,
} from '../../../src/lib/base/async.ts'

describe('limitConcurrency', () => {
  test('never runs more tasks at once than there are slots, and runs them all in order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({min: 1, max: 5}),
        fc.array(fc.boolean(), {maxLength: 20}),
        fc.scheduler(),
        async (slots, outcomes, scheduler) => {
          const inTurn = limitConcurrency(slots)
          const started: number[] = []
          let running = 0
          let most = 0
          const tasks = outcomes.map((succeeds, index) =>
            inTurn(async () => {
              started.push(index)
              running += 1
              most = Math.max(most, running)
              await scheduler.schedule(Promise.resolve())
              running -= 1
              if (!succeeds) throw new Error(`task ${index}`)
              return index
            }),
          )
          const settled = Promise.allSettled(tasks)
          await scheduler.waitIdle()
          expect((await settled).map(({status}) => status)).toEqual(
            outcomes.map(succeeds => (succeeds ? 'fulfilled' : 'rejected')),
          )
          expect(most).toBeLessThanOrEqual(slots)
          expect(started).toEqual(outcomes.map((_, index) => index))
        },
      ),
    )
  })

  test('gives each task its own outcome', async () => {
    const inTurn = limitConcurrency(1)
    const failing = inTurn(() => Promise.reject(new Error('no')))
    await expect(failing).rejects.toThrow('no')
    expect(await inTurn(async () => 'yes')).toBe('yes')
  })
})

describe('withDeadline', () => {
  test('gives what the task gives and leaves no timer behind', async () => {
    const before = timers()
    expect(await withDeadline(Promise.resolve(7), 60_000, () => new Error('late'))).toBe(7)
    expect(timers()).toBe(before)
  })

  test('passes the failure of the task on and leaves no timer behind', async () => {
    const before = timers()
    const task = Promise.reject(new Error('broken'))
    await expect(withDeadline(task, 60_000, () => new Error('late'))).rejects.toThrow('broken')
    expect(timers()).toBe(before)
  })

  test('throws what onTimeout makes when the task takes longer', async () => {
    const never = new Promise<void>(() => undefined)
    await expect(withDeadline(never, 1, () => new Error('late'))).rejects.toThrow('late')
  })
})

function timers(): number {
  return process.getActiveResourcesInfo().filter(kind => kind === 'Timeout').length
}

describe('a wait for a turn', () => {
  test('ends with the signal, and leaves the turn to the next one', async () => {
    const inTurn = limitConcurrency(1)
    const first = Promise.withResolvers<void>()
    const stop = new AbortController()
    const ran: string[] = []
    const running = inTurn(() => first.promise)
    const left = inTurn(async () => ran.push('left'), stop.signal)
    const stays = inTurn(async () => ran.push('stays'))
    stop.abort(new Error('no longer'))
    await expect(left).rejects.toBe(stop.signal.reason)
    await expect(inTurn(async () => ran.push('late'), stop.signal)).rejects.toThrow('no longer')
    first.resolve()
    await Promise.all([running, stays])
    expect(ran).toEqual(['stays'])
  })

  test('is over when the task runs: the signal does not take its turn away', async () => {
    const inTurn = limitConcurrency(1)
    const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<number>()]
    const begun = Promise.withResolvers<void>()
    const stop = new AbortController()
    const running = inTurn(() => first.promise)
    const next = inTurn(() => {
      begun.resolve()
      return second.promise
    }, stop.signal)
    first.resolve()
    await Promise.all([running, begun.promise])
    stop.abort(new Error('no longer'))
    second.resolve(2)
    expect(await next).toBe(2)
  })
})

describe('what waits with a signal', () => {
  const reason = new Error('no longer')

  test('gives the outcome of the task when it comes first', async () => {
    const {signal} = new AbortController()
    expect(await unlessAborted(Promise.resolve(1), signal)).toBe(1)
    await expect(unlessAborted(Promise.reject(reason), signal)).rejects.toBe(reason)
  })

  test('rejects with the reason of the signal, also of one that was aborted before', async () => {
    const stop = new AbortController()
    const waiting = unlessAborted(new Promise(() => undefined), stop.signal)
    const until = untilAborted(stop.signal)
    stop.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    await expect(unlessAborted(new Promise(() => undefined), stop.signal)).rejects.toBe(reason)
    expect(await until).toBeUndefined()
  })

  test('goes on with a task whose turn has come', async () => {
    const stop = new AbortController()
    const task = Promise.withResolvers<number>()
    const waiting = limitConcurrency(1)(() => task.promise, stop.signal)
    stop.abort(reason)
    task.resolve(2)
    expect(await waiting).toBe(2)
  })

  test.each([true, false])('ends a pause early (ref: %j)', async ref => {
    const stop = new AbortController()
    const paused = pause(86_400_000, stop.signal, {ref})
    stop.abort(reason)
    expect(await paused).toBeUndefined()
    expect(await pause(86_400_000, stop.signal, {ref})).toBeUndefined()
  })
})
