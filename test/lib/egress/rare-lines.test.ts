import {afterEach, beforeEach, describe, expect, test, vi} from 'vitest'
import {RareLines} from '../../../src/lib/egress/rare-lines.ts'

const numbers = (count: number, from = 0) => Array.from({length: count}, (_, each) => from + each)

beforeEach(() => {
  vi.useFakeTimers({toFake: ['performance', 'setTimeout', 'clearTimeout']})
})
afterEach(() => {
  vi.useRealTimers()
})

describe('RareLines', () => {
  test('writes a line once a minute', () => {
    const lines: string[] = []
    const rare = new RareLines('! time: ', line => lines.push(line))
    for (const _each of numbers(3)) rare.say('refused a')
    rare.say('refused b')
    vi.advanceTimersByTime(59_999)
    rare.say('refused a')
    expect(lines).toEqual(['! time: refused a', '! time: refused b'])
    vi.advanceTimersByTime(1)
    rare.say('refused a')
    expect(lines).toHaveLength(3)
  })

  test('writes 200 different lines in a minute, one that says so, and at its end what is missing', () => {
    const lines: string[] = []
    const rare = new RareLines('', line => lines.push(line))
    for (const each of numbers(1000)) rare.say(`line ${each}`)
    expect(lines).toHaveLength(201)
    expect(lines.at(-1)).toBe('more than 200 such lines in a minute: others are left out')
    vi.advanceTimersByTime(59_999)
    rare.say('another')
    rare.say('line 5')
    expect(lines).toHaveLength(201)
    vi.advanceTimersByTime(1)
    expect(lines.slice(201)).toEqual(['801 more such lines are not shown'])
    vi.advanceTimersByTime(600_000)
    for (const each of numbers(201, 1000)) rare.say(`line ${each}`)
    expect(lines).toHaveLength(403)
    expect(lines[202]).toBe('line 1000')
    vi.advanceTimersByTime(60_000)
    expect(lines.slice(402)).toEqual([
      'more than 200 such lines in a minute: others are left out',
      '1 more such line is not shown',
    ])
  })

  test('says what is missing when it ends, and leaves no timer behind', () => {
    const lines: string[] = []
    const rare = new RareLines('! time: ', line => lines.push(line))
    for (const each of numbers(300)) rare.say(`line ${each}`)
    expect(vi.getTimerCount()).toBe(1)
    rare[Symbol.dispose]()
    expect(vi.getTimerCount()).toBe(0)
    for (const each of numbers(300)) rare.say(`late ${each}`)
    rare[Symbol.dispose]()
    expect(vi.getTimerCount()).toBe(0)
    expect(lines).toHaveLength(202)
    expect(lines.at(-1)).toBe('! time: 100 more such lines are not shown')
  })

  test('says nothing at its end when nothing is missing', () => {
    const lines: string[] = []
    const rare = new RareLines('', line => lines.push(line))
    rare.say('refused a')
    rare[Symbol.dispose]()
    expect(lines).toEqual(['refused a'])
  })
})
