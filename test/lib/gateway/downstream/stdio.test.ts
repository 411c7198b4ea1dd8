import {PassThrough} from 'node:stream'
import * as fc from 'fast-check'
import {describe, expect, test, vi} from 'vitest'
import {serveStdio} from '../../../../src/lib/gateway/downstream/stdio.ts'
import {Session} from '../../../../src/lib/gateway/relay/session.ts'
import type {Downstream} from '../../../../src/lib/gateway/relay/session-input.ts'
import {notification, request, result} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {fixedMemory} from '../../../support/memory.ts'

const LARGEST_MESSAGE_BYTES = 64 * 1024

/** A session without servers, served over two streams. */
function start() {
  const stdin = new PassThrough()
  const written: string[] = []
  const warnings: string[] = []
  const stop = new AbortController()
  const end: {client: Downstream | undefined; unread: number; stuck: number} = {
    client: undefined,
    unread: 0,
    stuck: 0,
  }
  const {session} = serveStdio({
    stdin,
    write: line => void written.push(line),
    unreadBytes: () => end.unread,
    notify: () => undefined,
    onStuck: () => void (end.stuck += 1),
    answer: async exchange => result(exchange.request.id, {}),
    warn: text => void warnings.push(text),
    maxMessageBytes: LARGEST_MESSAGE_BYTES,
    signal: stop.signal,
    openSession: downstream => {
      end.client = downstream
      return new Session({
        id: 'stdio',
        version: '1',
        servers: [],
        memory: fixedMemory(),
        downstream,
        govern: send => send,
        patienceMs: 1000,
        now: () => 0,
        events: {
          onOpened: () => {},
          onFailed: () => {},
          onListed: () => {},
          onTools: () => {},
          onWarning: () => {},
        },
        onClose: () => {},
      })
    },
  })
  return {stdin, written, warnings, session, stop, end}
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
    ['{"jsonrpc":"1.0","id":1,"method":"ping"}', 'not a JSON-RPC 2.0 message'],
    ['{"jsonrpc":"2.0","id":null,"method":"ping"}', 'needs a method'],
    ['{"jsonrpc":"2.0","id":{},"method":"ping"}', 'needs a method'],
    ['{"jsonrpc":"2.0","id":true,"method":"ping"}', 'needs a method'],
    ['null', 'not a JSON-RPC 2.0 message'],
  ])('answers and says on the log that %s is no message, and goes on', async (line, reason) => {
    const {stdin, written, warnings} = start()
    stdin.write(`${line}\n${ping(9)}`)
    await expect.poll(() => written).toHaveLength(2)
    expect(JSON.parse(written[0] ?? '')).toMatchObject({
      id: null,
      error: {message: expect.stringMatching(new RegExp(`^${reason}`))},
    })
    expect(written[1]).toBe(pong(9))
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

/** A session that has negotiated this version. */
async function started(protocolVersion: string) {
  const own = start()
  const params = {protocolVersion, capabilities: {}, clientInfo: {name: 'test', version: '1'}}
  own.stdin.write(`${JSON.stringify(request('init', 'initialize', params))}\n`)
  await expect.poll(() => own.written.splice(0)).toHaveLength(1)
  return own
}

const line = (value: unknown) => `${JSON.stringify(value)}\n`

describe('a batch over stdio', () => {
  test('is answered by one, on one line', async () => {
    const {stdin, written} = await started('2025-03-26')
    const batch = [request(1, 'ping'), notification('x'), request('two', 'ping'), {junk: true}]
    stdin.write(line(batch) + ping(3))
    await expect.poll(() => written).toHaveLength(2)
    const answers = written.map(text => JSON.parse(text))
    expect(answers.find(Array.isArray)).toEqual([
      {jsonrpc: '2.0', error: {code: -32600, message: 'not a JSON-RPC 2.0 message'}, id: null},
      result(1, {}),
      result('two', {}),
    ])
    expect(answers).toContainEqual(result(3, {}))
  })

  test('is answered for what was not cancelled', async () => {
    const {stdin, written, end} = await started('2025-03-26')
    const cancelled = notification('notifications/cancelled', {requestId: 1})
    stdin.write(line([request(1, 'ping'), request(2, 'ping'), cancelled]))
    await expect.poll(() => written).toEqual([line([result(2, {})])])
    // What belongs to no batch goes out by itself.
    end.client?.send(result(1, {}), 1)
    expect(written.at(-1)).toBe(line(result(1, {})))
  })

  test('with an id that a batch still waits for is refused', async () => {
    const {stdin, written} = await started('2025-03-26')
    stdin.write(line([request(1, 'tools/list'), request(2, 'ping')]) + line([request(1, 'ping')]))
    await expect.poll(() => written).toHaveLength(2)
    expect(JSON.parse(written[0] ?? '')).toMatchObject({
      id: null,
      error: {message: 'a request id in it is already in use'},
    })
    expect(JSON.parse(written[1] ?? '')).toMatchObject([{id: 2}, {id: 1, result: {tools: []}}])
  })

  test('with the id of a single request that is being answered is refused', async () => {
    const {stdin, written} = await started('2025-03-26')
    stdin.write(line(request(1, 'tools/list')) + line([request(1, 'ping')]))
    await expect.poll(() => written).toHaveLength(2)
    expect(JSON.parse(written[0] ?? '')).toMatchObject({id: null, error: {code: -32600}})
    expect(JSON.parse(written[1] ?? '')).toMatchObject({id: 1, result: {tools: []}})
  })

  test('of nothing that wants an answer gets none', async () => {
    const {stdin, written} = await started('2025-03-26')
    stdin.write(line([notification('x'), result('g-1', {})]) + ping(1))
    await expect.poll(() => written).toEqual([pong(1)])
  })

  test.each([
    ['that is empty', '2025-03-26', [], 'the batch is empty'],
    ['that opens a session', '2025-03-26', [request(1, 'initialize')], 'initialize is sent by'],
    ['in a later revision', '2025-06-18', [request(1, 'ping')], 'batches are not taken'],
  ])('%s is refused, and the next line is not', async (_, version, batch, why) => {
    const {stdin, written, warnings} = await started(version)
    stdin.write(line(batch) + ping(9))
    await expect.poll(() => written).toHaveLength(2)
    expect(JSON.parse(written[0] ?? '')).toEqual({
      jsonrpc: '2.0',
      error: {code: -32600, message: expect.stringContaining(why)},
      id: null,
    })
    expect(written[1]).toBe(pong(9))
    expect(warnings).toEqual([expect.stringContaining(why)])
  })
})

describe('a client that does not read', () => {
  const notice = notification('notifications/message')
  const question = request('q', 'roots/list')

  test('loses notifications, not requests and answers', () => {
    const {written, end} = start()
    end.unread = 4 * 1024 * 1024
    end.client?.send(notice)
    end.unread += 1
    for (const message of [notice, question, result(1, {})]) end.client?.send(message)
    expect(written).toEqual([line(notice), line(question), line(result(1, {}))])
    end.unread = 0
    end.client?.send(notice)
    expect(written.at(-1)).toBe(line(notice))
  })

  test('is given up, once, when all that it must get is too much', () => {
    const {written, end, warnings} = start()
    end.unread = 12 * 1024 * 1024 + 2 * LARGEST_MESSAGE_BYTES + 1
    for (let at = 0; at < 3; at += 1) end.client?.send(question)
    expect(written).toEqual([line(question)])
    expect(end.stuck).toBe(1)
    expect(warnings).toEqual(['! the client does not read what it is sent: its session ends'])
  })
})
