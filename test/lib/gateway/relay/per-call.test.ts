import {describe, expect, test} from 'vitest'
import {OpenTasks} from '../../../../src/lib/gateway/relay/open-tasks.ts'
import {PerCall, type OpenedForCall} from '../../../../src/lib/gateway/relay/per-call.ts'

const AT_ONCE = 64
const WAITING = 1000

function opened(): OpenedForCall {
  return {tasks: new OpenTasks(() => 0), close: async () => undefined}
}

/** Takes every turn there is, until it is told to give them all back. */
function crowded() {
  const perCall = new PerCall<OpenedForCall>('demo')
  const {promise, resolve} = Promise.withResolvers<void>()
  const use = () => promise
  const calls = Array.from({length: AT_ONCE}, () => perCall.run(opened, use))
  return {perCall, use, calls, end: resolve}
}

describe('a call that waits for its turn', () => {
  test('is over as soon as it is cancelled, and nothing is opened for it', async () => {
    const {perCall, calls, end} = crowded()
    const stop = new AbortController()
    let isMade = false
    const make = () => {
      isMade = true
      return opened()
    }
    const waiting = perCall.run(make, async () => undefined, stop.signal)
    stop.abort(new Error('never mind'))
    await expect(waiting).rejects.toBe(stop.signal.reason)
    end()
    await Promise.all(calls)
    await perCall.run(opened, async () => undefined)
    expect(isMade).toBe(false)
  })

  test('is refused when too many do, and those that were cancelled do not count', async () => {
    const {perCall, use, calls, end} = crowded()
    const stop = new AbortController()
    const left = perCall.run(opened, use, stop.signal)
    const waiting = Array.from({length: WAITING - 1}, () => perCall.run(opened, use))
    await expect(perCall.run(opened, use)).rejects.toMatchObject({
      code: 'SERVER_BUSY',
      message: expect.stringMatching(/^server demo: 64 containers .* 1000 more calls wait$/),
      hint: 'try again when other calls are done',
    })
    stop.abort(new Error('never mind'))
    await expect(left).rejects.toBe(stop.signal.reason)
    const after = perCall.run(opened, use)
    end()
    const done = await Promise.all([...calls, ...waiting, after])
    expect(done).toHaveLength(AT_ONCE + WAITING)
    expect(await perCall.run(opened, async () => 'next')).toBe('next')
  })
})
