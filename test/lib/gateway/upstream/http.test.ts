import {createServer as createHttpServer} from 'node:http'
import {createServer} from 'node:net'
import {describe, expect, test} from 'vitest'
import * as z from 'zod'
import {sendHttp} from '../../../../src/lib/gateway/upstream/http.ts'
import {StreamAgent} from '../../../../src/lib/gateway/upstream/stream-agent.ts'
import {plainDuplex} from '../../../support/plain-duplex.ts'

/** A server that sends these bytes to everybody, whatever is asked. */
async function serverThatSays(bytes: string): Promise<{readonly port: number} & AsyncDisposable> {
  const server = createServer(socket => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end(bytes))
  })
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve))
  const {port} = z.object({port: z.number()}).parse(server.address())
  return {
    port,
    [Symbol.asyncDispose]: () => new Promise(resolve => void server.close(() => resolve())),
  }
}

const request = () => ({
  method: 'GET',
  headers: new Headers(),
  signal: new AbortController().signal,
})

describe('sendHttp', () => {
  test.each([
    ['docker-mcp', {}],
    ['mine/1', {'User-Agent': 'mine/1'}],
  ])('says who asks: %s', async (name, headers) => {
    const names: unknown[] = []
    const server = createHttpServer((incoming, response) => {
      names.push(incoming.headers['user-agent'])
      response.end()
    })
    await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve))
    const {port} = z.object({port: z.number()}).parse(server.address())
    await sendHttp(`http://127.0.0.1:${port}/`, {...request(), headers: new Headers(headers)})
    expect(names).toEqual([name])
    server.closeAllConnections()
    server.close()
  })

  test.each(['101', '600', '999', '0'])('rejects an answer with status %s', async status => {
    const upgrade = status === '101' ? 'Connection: upgrade\r\nUpgrade: other\r\n' : ''
    await using server = await serverThatSays(`HTTP/1.1 ${status} odd\r\n${upgrade}\r\n`)
    const asked = sendHttp(`http://127.0.0.1:${server.port}/`, request())
    await expect(asked).rejects.toBeInstanceOf(Error)
  })

  test.each(['101', '999'])('and so over a stream that is no socket: %s', async status => {
    const upgrade = status === '101' ? 'Connection: upgrade\r\nUpgrade: other\r\n' : ''
    await using server = await serverThatSays(`HTTP/1.1 ${status} odd\r\n${upgrade}\r\n`)
    const agent = new StreamAgent(() => plainDuplex(server.port))
    const asked = sendHttp('http://localhost:1/', {...request(), agent})
    await expect(asked).rejects.toThrow(`it answers with HTTP status ${status}`)
    agent.destroy()
  })

  test('passes over what is only informational', async () => {
    const early = 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(40)
    await using server = await serverThatSays(`${early}HTTP/1.1 200 OK\r\n\r\nhello`)
    const answer = await sendHttp(`http://127.0.0.1:${server.port}/`, request())
    expect(await answer.text()).toBe('hello')
  })
})
