import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {limitConcurrency, withDeadline} from '../../../src/lib/base/async.ts'

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
