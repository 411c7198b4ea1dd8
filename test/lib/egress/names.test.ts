import {afterEach, beforeEach, describe, expect, test, vi} from 'vitest'
import {LoopbackNames} from '../../../src/lib/egress/names.ts'

const numbers = (count: number) => Array.from({length: count}, (_, each) => each)

beforeEach(() => {
  vi.useFakeTimers({toFake: ['performance']})
})
afterEach(() => {
  vi.useRealTimers()
})

describe('LoopbackNames', () => {
  test('gives each name an address of its own, and finds the name again', () => {
    const names = new LoopbackNames()
    expect(names.addressOf('a.test')).toBe('127.1.0.1')
    expect(names.addressOf('b.test')).toBe('127.1.0.2')
    expect(names.addressOf('a.test')).toBe('127.1.0.1')
    expect(names.nameAt('127.1.0.2')).toBe('b.test')
    expect(names.nameAt('127.1.0.3')).toBeUndefined()
    expect(names.nameAt('127.0.0.1')).toBeUndefined()
  })

  test('has addresses for 1024 names, and keeps those that are used', () => {
    const names = new LoopbackNames()
    const addresses = numbers(1025).map(each => names.addressOf(`n${each}.test`))
    expect(new Set(addresses).size).toBe(1025)
    expect(addresses.at(255)).toBe('127.1.1.0')
    expect(addresses.at(1023)).toBe('127.1.4.0')
    expect(addresses.at(1024)).toBeUndefined()
    vi.advanceTimersByTime(599_999)
    expect(names.addressOf('n0.test')).toBe('127.1.0.1')
    expect(names.nameAt('127.1.0.2')).toBe('n1.test')
    vi.advanceTimersByTime(1)
    expect(names.addressOf('n2000.test')).toBe('127.1.4.1')
    expect(names.nameAt('127.1.0.1')).toBe('n0.test')
    expect(names.nameAt('127.1.0.2')).toBe('n1.test')
    expect(names.nameAt('127.1.0.3')).toBeUndefined()
    expect(names.addressOf('n2.test')).toBe('127.1.4.2')
  })
})
