import {once} from 'node:events'
import type {IncomingMessage, ServerResponse} from 'node:http'
import {connect, type Socket} from 'node:net'
import {promisify} from 'node:util'
import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {startHttpEndpoint, type HttpEndpoint} from '../../../support/http-endpoint.ts'
import {events, RawClient} from '../../../support/raw-http.ts'

/** What a client sends from its first byte to its last, with the session's id in it. */
function exchange(client: RawClient, method: 'POST' | 'GET' | 'DELETE', message: object): string {
  const body = method === 'POST' ? JSON.stringify(message) : ''
  return [
    `${method} /mcp HTTP/1.1`,
    'Host: localhost',
    'Accept: application/json, text/event-stream',
    'Content-Type: application/json',
    `Mcp-Session-Id: ${client.id}`,
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n')
}

async function open({port}: HttpEndpoint): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

/** The responses of the gateway, so that a test can see how much waits in them. */
function responsesOf({server}: HttpEndpoint): ServerResponse[] {
  const responses: ServerResponse[] = []
  server.on('request', (_: IncomingMessage, response: ServerResponse) => responses.push(response))
  return responses
}

describe('a client that leaves', () => {
  const leaving = fc.record({
    method: fc.constantFrom('POST' as const, 'GET' as const, 'DELETE' as const),
    tool: fc.constantFrom('echo', 'wait', 'notify', 'ask'),
    /** How much of the request it sends, in thousandths. */
    part: fc.nat(1000),
    /** Whether it waits for the first bytes of an answer. */
    reads: fc.boolean(),
    how: fc.constantFrom('destroy' as const, 'resetAndDestroy' as const, 'end' as const),
  })

  test('at any point, in any way, ends neither the gateway nor the sessions of others', async () => {
    await using endpoint = await startHttpEndpoint()
    const staying = await RawClient.open(endpoint.port)
    const standalone = await staying.listen()
    let id = 0
    await fc.assert(
      fc.asyncProperty(fc.array(leaving, {minLength: 1, maxLength: 6}), async clients => {
        await Promise.all(
          clients.map(async ({method, tool, part, reads, how}) => {
            const client = await RawClient.open(endpoint.port)
            const params = {name: tool, arguments: {count: 3, size: 1000}}
            const message = {jsonrpc: '2.0', id: 1, method: 'tools/call', params}
            const bytes = exchange(client, method, message)
            const sent = bytes.slice(0, Math.ceil((bytes.length * part) / 1000))
            const socket = await open(endpoint)
            socket.write(sent)
            if (reads && sent.length === bytes.length) await once(socket, 'data')
            socket[how]()
            endpoint.ends.get(client.id)?.release('to nobody')
          }),
        )
        id += 1
        expect(await staying.call(id, 'echo')).toMatchObject([{id}])
      }),
      {numRuns: 40},
    )
    expect(standalone.incoming.destroyed).toBe(false)
    expect(endpoint.warnings).toEqual([])
  })

  test('and never comes back leaves no connection and no busy session', async () => {
    let now = 0
    await using endpoint = await startHttpEndpoint({now: () => now})
    const client = await RawClient.open(endpoint.port)
    const call = await client.startCall(1, 'wait')
    const stream = await client.listen()
    await expect.poll(() => endpoint.ends.get(client.id)?.waiting).toHaveLength(1)
    call.outgoing.destroy()
    stream.outgoing.destroy()
    const connections = promisify(endpoint.server.getConnections.bind(endpoint.server))
    await expect.poll(() => connections()).toBe(0)
    now = 31 * 60_000
    await RawClient.open(endpoint.port)
    await expect.poll(() => endpoint.closed).toEqual([client.id])
  })
})

describe('a client that does not read', () => {
  test('loses notifications, and gets its answer when it reads again', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await RawClient.open(endpoint.port)
    await client.call(0, 'echo')
    const responses = responsesOf(endpoint)
    const {incoming} = await client.startCall(1, 'notify', {count: 3000, size: 64 * 1024})
    await expect.poll(() => responses[0]?.writableEnded).toBe(true)
    const waiting = responses[0]?.writableLength ?? 0
    expect(waiting).toBeGreaterThan(1024 * 1024)
    expect(waiting).toBeLessThan(5 * 1024 * 1024)
    const places: unknown[] = []
    let last: unknown
    for await (const message of events(incoming)) {
      last = message
      if (typeof message['params'] === 'object') places.push(Object(message['params'])['at'])
    }
    expect(last).toMatchObject({id: 1, result: {content: [{text: 'told'}]}})
    expect(places.length).toBeLessThan(3000)
    // What came first is there, in order and without a gap.
    expect(places).toEqual(places.map((_, at) => at))
  })

  test('loses its stream when even what must not be dropped is too much', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await RawClient.open(endpoint.port)
    await client.call(0, 'echo')
    const responses = responsesOf(endpoint)
    const {incoming} = await client.listen()
    const end = endpoint.ends.get(client.id)
    const ballast = 'x'.repeat(1024 * 1024)
    for (let at = 0; at < 150; at += 1) {
      end?.send({jsonrpc: '2.0', id: at, method: 'roots/list', params: {ballast}})
    }
    expect(responses[0]?.destroyed).toBe(true)
    // The session is still there, and so is everybody else.
    expect(await client.call(1, 'echo')).toMatchObject([{id: 1}])
    incoming.destroy()
  })

  test('does not hold up what others get', async () => {
    await using endpoint = await startHttpEndpoint()
    const deaf = await RawClient.open(endpoint.port)
    const other = await RawClient.open(endpoint.port)
    const {outgoing} = await deaf.startCall(1, 'notify', {count: 1000, size: 64 * 1024})
    expect(await other.call(1, 'notify', {count: 5})).toHaveLength(6)
    outgoing.destroy()
  })
})
