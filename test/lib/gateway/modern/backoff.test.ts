import {afterEach, beforeEach, expect, test, vi} from 'vitest'
import {Backoff} from '../../../../src/lib/gateway/modern/backoff.ts'

beforeEach(() => {
  vi.useFakeTimers({toFake: ['performance']})
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

test('waits longer each time, until the server has told for a while', () => {
  const backoff = new Backoff()
  const lostAfter = (milliseconds: number) => {
    backoff.begun()
    vi.advanceTimersByTime(milliseconds)
    return backoff.lost()
  }
  expect([backoff.lost(), lostAfter(9999), lostAfter(0), lostAfter(0)]).toEqual([
    1000, 5000, 30_000, 30_000,
  ])
  expect([lostAfter(10_000), backoff.lost()]).toEqual([1000, 5000])
})

test('differs by up to a fifth, so that not all ask at once', () => {
  vi.spyOn(Math, 'random').mockReturnValue(0)
  expect(new Backoff().lost()).toBe(800)
})
