import {PassThrough} from 'node:stream'
import * as fc from 'fast-check'
import {describe, expect, test, vi} from 'vitest'
import {serveStdio} from '../../../../src/lib/gateway/downstream/stdio.ts'
import {Session} from '../../../../src/lib/gateway/relay/session.ts'
import {fixedMemory} from '../../../support/memory.ts'

const LARGEST_MESSAGE_BYTES = 64 * 1024

/** A session without servers, served over two streams. */
function start() {
  const stdin = new PassThrough()
  const written: string[] = []
  const warnings: string[] = []
  const stop = new AbortController()
  const session = serveStdio({
    stdin,
    write: line => void written.push(line),
    warn: text => void warnings.push(text),
    maxMessageBytes: LARGEST_MESSAGE_BYTES,
    signal: stop.signal,
    openSession: downstream =>
      new Session({
        id: 'stdio',
        version: '1',
        servers: [],
        memory: fixedMemory(),
        downstream,
        govern: send => send,
        patienceMs: 1000,
        now: () => 0,
        events: {onOpened: () => {}, onFailed: () => {}, onListed: () => {}, onWarning: () => {}},
        onClose: () => {},
      }),
  })
  return {stdin, written, warnings, session, stop}
}

const ping = (id: number | string) => `${JSON.stringify({jsonrpc: '2.0', id, method: 'ping'})}\n`
const pong = (id: number | string) => `${JSON.stringify({jsonrpc: '2.0', id, result: {}})}\n`

describe('serveStdio', () => {
  test('answers each line with a line', async () => {
    const {stdin, written} = start()
    stdin.write(ping(1) + ping('two'))
    await expect.poll(() => written).toEqual([pong(1), pong('two')])
  })

  test('takes messages in whatever pieces they come', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(60), {maxLength: 20}), async cuts => {
        const {stdin, written} = start()
        const bytes = Buffer.from(`${ping('é⚓')}\r\n\n${ping(2)}`)
        let at = 0
        for (const size of cuts) stdin.write(bytes.subarray(at, (at += size)))
        stdin.write(bytes.subarray(at))
        await expect.poll(() => written, {interval: 1}).toEqual([pong('é⚓'), pong(2)])
      }),
      {numRuns: 50},
    )
  })

  test.each([
    ['junk', 'not JSON'],
    ['[{"jsonrpc":"2.0","id":1,"method":"ping"}]', 'batches are not taken'],
    ['{"jsonrpc":"1.0","id":1,"method":"ping"}', 'not a JSON-RPC 2.0 message'],
    ['{"jsonrpc":"2.0","id":null,"method":"ping"}', 'needs a method'],
    ['{"jsonrpc":"2.0","id":{},"method":"ping"}', 'needs a method'],
    ['{"jsonrpc":"2.0","id":true,"method":"ping"}', 'needs a method'],
    ['null', 'not a JSON-RPC 2.0 message'],
  ])('says on the log that %s is no message, and goes on', async (line, reason) => {
    const {stdin, written, warnings} = start()
    stdin.write(`${line}\n${ping(9)}`)
    await expect.poll(() => written).toEqual([pong(9)])
    expect(warnings).toEqual([
      expect.stringMatching(new RegExp(`^! a line on stdin is no message: ${reason}`)),
    ])
  })

  test('answers a bad message whose id can be read', async () => {
    const {stdin, written} = start()
    stdin.write('{"jsonrpc":"2.0","id":7,"method":"ping","params":[1]}\n')
    await expect.poll(() => written).toHaveLength(1)
    expect(JSON.parse(written[0] ?? '')).toMatchObject({id: 7, error: {code: -32600}})
  })

  const ballast = 'x'.repeat(LARGEST_MESSAGE_BYTES)
  test.each([
    ['nothing in it', ballast, null, -32600],
    ['an id in front', {jsonrpc: '2.0', id: 7, method: 'ping', params: {ballast}}, 7, -32600],
    ['an id at the end', {method: 'ping', params: {ballast}, jsonrpc: '2.0', id: 'é'}, 'é', -32600],
    ['no id', {jsonrpc: '2.0', method: 'notifications/x', params: {ballast}}, null, -32600],
  ])(
    'refuses a message that is too large with %s, and takes the next one',
    async (_, message, id, code) => {
      const {stdin, written, warnings} = start()
      const line = JSON.stringify(message)
      stdin.write(line)
      stdin.write(`\n${ping(1)}`)
      await expect.poll(() => written).toHaveLength(2)
      const text = `the message has ${Buffer.byteLength(line)} bytes, more than the ${LARGEST_MESSAGE_BYTES} that --max-message-size allows`
      expect(JSON.parse(written[0] ?? '')).toEqual({
        jsonrpc: '2.0',
        id,
        error: {code, message: text},
      })
      expect(written[1]).toBe(pong(1))
      expect(warnings).toEqual([`! a line on stdin was refused: ${text}`])
    },
  )

  test('tells the server when the answer of the client is too large', async () => {
    const {stdin, written, session} = start()
    const received = vi.spyOn(session, 'receive')
    stdin.write(`${JSON.stringify({jsonrpc: '2.0', id: 3, result: {ballast}})}\n`)
    await expect.poll(() => received.mock.calls).toHaveLength(1)
    expect(received.mock.calls[0]).toMatchObject([{id: 3, error: {code: -32603}}])
    expect(written).toEqual([])
  })

  test('reads no more when it is stopped, so that an open stdin keeps nobody', async () => {
    const {stdin, written, stop} = start()
    stdin.write(ping(1))
    await expect.poll(() => written).toEqual([pong(1)])
    stop.abort()
    stdin.write(ping(2))
    expect(stdin.isPaused()).toBe(true)
    expect(stdin.listenerCount('data')).toBe(0)
    expect(written).toEqual([pong(1)])
  })

  test('outlives a stdin that breaks', async () => {
    const {stdin} = start()
    stdin.destroy(new Error('read EIO'))
    await expect.poll(() => stdin.closed).toBe(true)
    expect(stdin.errored).toMatchObject({message: 'read EIO'})
  })
})
