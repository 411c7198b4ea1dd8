import {PassThrough} from 'node:stream'
import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {serveStdio} from '../../../../src/lib/gateway/downstream/stdio.ts'
import {LARGEST_MESSAGE_BYTES} from '../../../../src/lib/gateway/wire/lines.ts'
import {Session} from '../../../../src/lib/gateway/relay/session.ts'
import {fixedMemory} from '../../../support/memory.ts'

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

  test('refuses a message that is too large, and takes the next one', async () => {
    const {stdin, written, warnings} = start()
    const piece = Buffer.alloc(1024 * 1024, 'x')
    for (let sent = 0; sent <= LARGEST_MESSAGE_BYTES; sent += piece.length) stdin.write(piece)
    stdin.write(`\n${ping(1)}`)
    await expect.poll(() => written).toEqual([pong(1)])
    expect(warnings).toEqual([
      `! a message of ${LARGEST_MESSAGE_BYTES + piece.length} bytes on stdin was refused`,
    ])
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
