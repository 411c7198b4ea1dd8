import {once} from 'node:events'
import {createServer, type ServerResponse} from 'node:http'
import {connect} from 'node:net'
import {afterEach, expect, test, vi} from 'vitest'
import * as z from 'zod'
import {openEventStream} from '../../../../src/lib/gateway/downstream/sse.ts'
import {request} from '../../../../src/lib/gateway/wire/jsonrpc.ts'

afterEach(() => {
  vi.useRealTimers()
})

const UNREAD = 8 * 1024 * 1024

/** An event stream to a client that does not read it. */
async function openUnread() {
  vi.useFakeTimers({toFake: ['setInterval', 'clearInterval']})
  const server = createServer()
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve))
  const {port} = z.object({port: z.number()}).parse(server.address())
  const client = connect(port, '127.0.0.1')
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  client.pause()
  const [, response]: [unknown, ServerResponse] = z
    .tuple([z.unknown(), z.custom<ServerResponse>()])
    .parse(await once(server, 'request'))
  const errors: unknown[] = []
  response.on('error', error => errors.push(error))
  return {
    stream: openEventStream(response, {headers: {}, maxMessageBytes: 64 * 1024 * 1024}),
    response,
    errors,
    async [Symbol.asyncDispose]() {
      client.destroy()
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

const large = request(1, 'roots/list', {ballast: 'x'.repeat(UNREAD)})

test('a stream is not written to after its end, however long the client takes to read', async () => {
  await using unread = await openUnread()
  unread.stream.send(large)
  unread.stream.end()
  const waiting = unread.response.writableLength
  unread.stream.send(large)
  vi.advanceTimersByTime(60_000)
  await new Promise(setImmediate)
  expect(unread.errors).toEqual([])
  expect(unread.response.writableLength).toBeLessThanOrEqual(waiting)
  expect(vi.getTimerCount()).toBe(0)
})

test('a stream that is quiet says that it lives; one that is not read says nothing more', async () => {
  await using unread = await openUnread()
  const written = vi.spyOn(unread.response, 'write')
  vi.advanceTimersByTime(15_000)
  await new Promise(setImmediate)
  vi.advanceTimersByTime(15_000)
  expect(written.mock.calls).toEqual([[': keep-alive\n\n'], [': keep-alive\n\n']])
  unread.stream.send(large)
  written.mockClear()
  vi.advanceTimersByTime(60_000)
  expect(written.mock.calls).toEqual([])
})
