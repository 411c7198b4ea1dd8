import {describe, expect, test, vi} from 'vitest'
import {InFlight} from '../../../../src/lib/gateway/relay/in-flight.ts'
import {Leaving} from '../../../../src/lib/gateway/relay/leaving.ts'

/** A way to a server, with what it was told when it was ended. */
class Way {
  readonly ends: (string | undefined)[] = []
  readonly calls = new InFlight()
  failures = 0

  idle(): Promise<void> {
    return this.calls.idle()
  }

  async close(what?: string): Promise<void> {
    this.ends.push(what)
    if (this.ends.length <= this.failures) throw new Error('it cannot be ended')
  }
}

describe('a way to a server that is served no more', () => {
  test('ends as soon as it has answered what it was asked', async () => {
    const way = new Way()
    const answer = Promise.withResolvers<string>()
    const asked = way.calls.during(() => answer.promise)
    const over = new Leaving<Way>().add(way, 'was changed')
    expect(way.ends).toEqual([])
    answer.resolve('at last')
    expect(await asked).toBe('at last')
    await over
    expect(way.ends).toEqual(['was changed'])
  })

  test('counts every call, also one that fails', async () => {
    const way = new Way()
    const [one, other] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const asked = [way.calls.during(() => one.promise), way.calls.during(() => other.promise)]
    const over = new Leaving<Way>().add(way, 'was taken out')
    one.reject(new Error('refused'))
    await expect(asked[0]).rejects.toThrow('refused')
    expect(way.ends).toEqual([])
    other.resolve()
    await over
    expect(way.ends).toEqual(['was taken out'])
  })

  test('waits as long as a call may take', async () => {
    vi.useFakeTimers()
    try {
      const way = new Way()
      way.calls.begin()
      const over = new Leaving<Way>().add(way, 'was changed')
      await vi.advanceTimersByTimeAsync(3_600_000)
      expect(way.ends).toEqual([])
      way.calls.end()
      await over
      expect(way.ends).toEqual(['was changed'])
    } finally {
      vi.useRealTimers()
    }
  })

  test('is ended at once when all end, and tried again when it could not be', async () => {
    const [busy, stubborn] = [new Way(), new Way()]
    busy.calls.begin()
    stubborn.failures = 1
    const leaving = new Leaving<Way>()
    const ends = leaving.add(busy, 'was changed')
    await leaving.add(stubborn, 'was changed')
    await leaving.close()
    expect(busy.ends).toEqual([undefined])
    expect(stubborn.ends).toEqual(['was changed', undefined])
    busy.calls.end()
    await ends
  })

  test('says what keeps it from being ended', async () => {
    const way = new Way()
    way.failures = 2
    const leaving = new Leaving<Way>()
    await leaving.add(way, 'was changed')
    await expect(leaving.close()).rejects.toThrow(AggregateError)
  })
})
