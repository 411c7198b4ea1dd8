import {afterEach, beforeEach, expect, test, vi} from 'vitest'
import {Backoff, LISTENS, RESTARTS} from '../../../../src/lib/gateway/relay/backoff.ts'

beforeEach(() => {
  vi.useFakeTimers({toFake: ['performance']})
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

test('waits longer each time, until the server has told for a while', () => {
  const backoff = new Backoff(LISTENS, () => performance.now())
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
  expect(new Backoff(LISTENS, () => performance.now()).lost()).toBe(800)
})

test('lets a server come back at once, and then after 1, 2, 4, 8, 16 and 30 s', () => {
  const backoff = new Backoff(RESTARTS, () => performance.now())
  const pauses = Array.from({length: 8}, () => {
    backoff.begun()
    const milliseconds = backoff.lost()
    vi.advanceTimersByTime(milliseconds)
    expect(backoff.leftMs).toBe(0)
    backoff.tried()
    return milliseconds
  })
  expect(pauses).toEqual([0, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
})

test('forgets the losses of a server that ran for 10 s, or that nobody wanted for a minute', () => {
  const backoff = new Backoff(RESTARTS, () => performance.now())
  for (let loss = 0; loss < 4; loss += 1) backoff.lost()
  expect(backoff.leftMs).toBe(4000)
  vi.advanceTimersByTime(64_000)
  backoff.tried()
  expect(backoff.lost()).toBe(8000)
  vi.advanceTimersByTime(68_001)
  backoff.tried()
  expect([backoff.lost(), backoff.lost()]).toEqual([0, 1000])
  backoff.begun()
  vi.advanceTimersByTime(10_000)
  expect(backoff.lost()).toBe(0)
})
