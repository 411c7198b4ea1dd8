import {once} from 'node:events'
import {duplexPair} from 'node:stream'
import type {Duplex} from 'node:stream'
import {afterEach, beforeEach, describe, expect, test, vi} from 'vitest'
import {createEgress} from '../../../src/lib/egress/egress.ts'

const HEAD_MS = 60_000
const HEAD = 'GET http://evil.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n'

beforeEach(() => {
  vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
})
afterEach(() => {
  vi.useRealTimers()
})

/** A program's connection to the proxy of a container that may go nowhere, and what came back on it. */
const connect = () => {
  const egress = createEgress({server: 'time', rules: [], pins: new Map(), onDenied: () => {}})
  const [program, ours] = duplexPair()
  egress.accept(ours, {address: '127.0.0.1', port: 3128})
  let heard = ''
  program.on('data', chunk => (heard += chunk))
  return {egress, program, ours, heard: () => heard}
}

const untilAnswered = (program: Duplex): Promise<unknown> => once(program, 'data')

describe('a connection to the proxy', () => {
  test.each(['', 'GET http://evil.test/ HTTP/1.1\r\nHost: ev'])(
    'ends when no whole head comes on it: %j',
    async beginning => {
      const {egress, program, ours} = connect()
      program.write(beginning)
      vi.advanceTimersByTime(HEAD_MS - 1)
      expect(ours.destroyed).toBe(false)
      vi.advanceTimersByTime(1)
      expect(ours.destroyed).toBe(true)
      expect(vi.getTimerCount()).toBe(0)
      egress[Symbol.dispose]()
    },
  )

  test('has as long again for the head of the next request', async () => {
    const {egress, program, ours, heard} = connect()
    for (const _turn of [1, 2]) {
      vi.advanceTimersByTime(HEAD_MS - 1)
      program.write(HEAD)
      await untilAnswered(program)
    }
    expect(heard().match(/403 Forbidden/g)).toHaveLength(2)
    expect(ours.destroyed).toBe(false)
    program.write('GET')
    vi.advanceTimersByTime(HEAD_MS)
    expect(ours.destroyed).toBe(true)
    egress[Symbol.dispose]()
  })

  test('has all the time that it likes behind CONNECT', async () => {
    const {egress, program, heard} = connect()
    program.write('CONNECT evil.test:80 HTTP/1.1\r\nHost: evil.test\r\n\r\n')
    await untilAnswered(program)
    expect(heard()).toMatch('403 Forbidden')
    expect(vi.getTimerCount()).toBe(0)
    egress[Symbol.dispose]()
  })

  test('has one limit for all requests that come at once', async () => {
    const {egress, program, heard} = connect()
    program.write(HEAD + HEAD)
    while (heard().match(/403 Forbidden/g)?.length !== 2) await untilAnswered(program)
    expect(vi.getTimerCount()).toBe(1)
    egress[Symbol.dispose]()
  })

  test('leaves no timer behind when it ends', async () => {
    const {egress, ours} = connect()
    expect(vi.getTimerCount()).toBe(1)
    const closed = once(ours, 'close')
    egress[Symbol.dispose]()
    await closed
    expect(vi.getTimerCount()).toBe(0)
  })
})
