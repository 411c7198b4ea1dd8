import {once} from 'node:events'
import {createServer} from 'node:http'
import {connect} from 'node:net'
import {text} from 'node:stream/consumers'
import {LoggingMessageNotificationSchema} from '@modelcontextprotocol/sdk/types.js'
import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import * as z from 'zod'
import {LARGEST_MESSAGE_BYTES, startHttpEndpoint} from '../../../support/http-endpoint.ts'
import {all, cut, events, fetchRaw, rawEvents, RawClient, send} from '../../../support/raw-http.ts'
import {sdkClient} from '../../../support/sdk-http.ts'

const JSON_BODY = {'content-type': 'application/json'}
const ping = {jsonrpc: '2.0', id: 1, method: 'ping'}

describe('the endpoint with a client of the SDK', () => {
  test('serves lists and calls, and ends the session when it is asked to', async () => {
    await using endpoint = await startHttpEndpoint()
    await using sdk = await sdkClient(endpoint)
    expect(sdk.transport.sessionId).toMatch(/^[\w-]{32}$/)
    const {tools} = await sdk.client.listTools()
    expect(tools.map(({name}) => name)).toEqual(['echo', 'wait', 'notify', 'ask'])
    const {content} = await sdk.client.callTool({name: 'echo', arguments: {a: 1}})
    expect(JSON.stringify(content)).toContain(String(sdk.transport.sessionId))
    await sdk.transport.terminateSession()
    expect(endpoint.closed).toHaveLength(1)
  })

  test('lets the server ask the client in the middle of a call', async () => {
    await using endpoint = await startHttpEndpoint()
    await using sdk = await sdkClient(endpoint, {roots: {}})
    const {content} = await sdk.client.callTool({name: 'ask', arguments: {}})
    expect(JSON.stringify(content)).toContain('file:///mine')
  })

  test('sends what belongs to no request on the stream of its own', async () => {
    await using endpoint = await startHttpEndpoint()
    await using sdk = await sdkClient(endpoint)
    const told = Promise.withResolvers<unknown>()
    sdk.client.setNotificationHandler(LoggingMessageNotificationSchema, ({params}) =>
      told.resolve(params.data),
    )
    await sdk.client.callTool({name: 'echo', arguments: {}})
    const params = {level: 'info', data: 'out of the blue'}
    const [end] = endpoint.ends.values()
    end?.send({jsonrpc: '2.0', method: 'notifications/message', params})
    expect(await told.promise).toBe('out of the blue')
  })
})

describe('a message to the endpoint', () => {
  test.each([
    ['of another type', {'content-type': 'text/plain'}, '{}', 415],
    ['without a type', {}, '{}', 415],
    ['of a type that only begins like JSON', {'content-type': 'application/jsonx'}, '{}', 415],
    ['that is no JSON', JSON_BODY, '{"jsonrpc"', 400],
    ['that is empty', JSON_BODY, '', 400],
    ['that is no message', JSON_BODY, '{"jsonrpc":"1.0","id":1,"method":"ping"}', 400],
    ['with an id that is null', JSON_BODY, '{"jsonrpc":"2.0","id":null,"method":"ping"}', 400],
    ['without a session', JSON_BODY, JSON.stringify(ping), 400],
    ['of an unknown session', {...JSON_BODY, 'mcp-session-id': 'x'}, JSON.stringify(ping), 404],
    [
      'that opens a session under an id of its own',
      {...JSON_BODY, 'mcp-session-id': 'mine'},
      JSON.stringify({...ping, method: 'initialize'}),
      404,
    ],
  ])('%s is refused', async (_, headers, body, status) => {
    await using endpoint = await startHttpEndpoint()
    const answer = await fetchRaw({port: endpoint.port, method: 'POST', headers, body})
    expect(answer.status).toBe(status)
    expect(JSON.parse(answer.body)).toMatchObject({
      jsonrpc: '2.0',
      error: {code: expect.any(Number), message: expect.any(String)},
      id: null,
    })
    expect(answer.headers['mcp-session-id']).toBeUndefined()
  })

  test('may name the charset of its type', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await RawClient.open(endpoint.port, {
      'content-type': 'Application/JSON ; charset=UTF-8',
    })
    expect(await client.call(1, 'echo', {text: 'é ⚓ \u2028'})).toMatchObject([
      {id: 1, result: {content: [{text: expect.stringContaining('é ⚓ \u2028')}]}},
    ])
  })

  test('for a version that is not spoken is refused', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await RawClient.open(endpoint.port)
    for (const version of ['1999-01-01', '2025-11-25, 2025-06-18', '']) {
      const headers = {...client.headers, 'mcp-protocol-version': version}
      const body = JSON.stringify(ping)
      const answer = await fetchRaw({port: endpoint.port, method: 'POST', headers, body})
      expect(answer).toMatchObject({
        status: 400,
        body: expect.stringContaining('MCP-Protocol-Version'),
      })
    }
    const headers = {...client.headers, 'mcp-protocol-version': '2025-06-18'}
    const body = JSON.stringify(ping)
    expect(await fetchRaw({port: endpoint.port, method: 'POST', headers, body})).toMatchObject({
      status: 200,
    })
  })

  test('that expects no answer gets none', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await RawClient.open(endpoint.port)
    const {incoming} = await client.post({jsonrpc: '2.0', method: 'notifications/initialized'})
    expect({status: incoming.statusCode, body: await text(incoming)}).toEqual({
      status: 202,
      body: '',
    })
  })

  test.each(['content-length', 'transfer-encoding'])(
    'that is too large is refused, and the next one is not (%s)',
    async framing => {
      await using endpoint = await startHttpEndpoint()
      const client = await RawClient.open(endpoint.port)
      const body = Buffer.alloc(LARGEST_MESSAGE_BYTES + 1, 'x')
      const size = framing === 'content-length' ? body.length : 'chunked'
      const headers = {...client.headers, [framing]: size}
      const answer = await fetchRaw({port: endpoint.port, method: 'POST', headers, body})
      expect(answer).toMatchObject({
        status: 413,
        body: expect.stringContaining('the body is too large'),
      })
      expect(await client.call(1, 'echo')).toHaveLength(1)
      expect(endpoint.warnings).toEqual([])
    },
  )

  test('with the id of another one under way is refused, whatever became of its stream', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await RawClient.open(endpoint.port)
    await client.call('warm', 'echo')
    const first = await client.startCall(7, 'wait')
    const end = endpoint.ends.get(client.id)
    await expect.poll(() => end?.waiting).toHaveLength(1)
    const second = await client.startCall(7, 'echo')
    expect(second.incoming.statusCode).toBe(400)
    expect(await text(second.incoming)).toContain('this request id is already in use')

    await cut(first)
    const third = await client.startCall(7, 'echo')
    expect(third.incoming.statusCode).toBe(400)
    // The text 7 is another id than the number.
    expect(await client.call('7', 'echo')).toMatchObject([{id: '7'}])
    end?.release('done')
    expect(await client.call(7, 'echo')).toMatchObject([{id: 7}])
  })
})

describe('another method', () => {
  test.each(['PUT', 'PATCH', 'HEAD', 'OPTIONS'])('%s is not allowed', async method => {
    await using endpoint = await startHttpEndpoint()
    const answer = await fetchRaw({port: endpoint.port, method})
    expect(answer).toMatchObject({status: 405, headers: {allow: 'GET, POST, DELETE'}})
  })

  test('GET needs to want a stream, and a session', async () => {
    await using endpoint = await startHttpEndpoint()
    const {port} = endpoint
    expect(await fetchRaw({port})).toMatchObject({status: 406})
    const headers = {accept: 'text/event-stream'}
    expect(await fetchRaw({port, headers})).toMatchObject({status: 400})
    expect(await fetchRaw({port, headers: {...headers, 'mcp-session-id': 'x'}})).toMatchObject({
      status: 404,
    })
  })

  test('DELETE ends the session and its server, once', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await RawClient.open(endpoint.port)
    await client.call(1, 'echo')
    const {incoming} = await client.listen()
    expect(await client.delete()).toMatchObject({status: 204, body: ''})
    expect(endpoint.closed).toEqual([client.id])
    expect(await text(incoming)).toBe('')
    expect(await client.delete()).toMatchObject({status: 404})
    expect((await client.startCall(2, 'echo')).incoming.statusCode).toBe(404)
    expect(await fetchRaw({port: endpoint.port, method: 'DELETE'})).toMatchObject({status: 400})
  })
})

describe('the streams of a session', () => {
  test('are server-sent events that nobody buffers, with one message an event', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await RawClient.open(endpoint.port)
    const {incoming} = await client.startCall(1, 'notify', {count: 2})
    expect(incoming.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'mcp-session-id': client.id,
    })
    const [first, ...rest] = await all(rawEvents(incoming))
    expect(first).toEqual({id: expect.stringMatching(/^[\w-]+$/), retry: '1000', data: ''})
    expect(rest.map(({event}) => event)).toEqual(Array(3).fill('message'))
    expect(rest.map(({data = ''}) => JSON.parse(data))).toMatchObject([
      {method: 'notifications/message', params: {at: 0}},
      {method: 'notifications/message', params: {at: 1}},
      {id: 1, result: {content: [{text: 'told'}]}},
    ])
  })

  test('keep for the next GET what came without one', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await RawClient.open(endpoint.port)
    await client.call(1, 'echo')
    const end = endpoint.ends.get(client.id)
    const say = (data: number) =>
      end?.send({jsonrpc: '2.0', method: 'notifications/message', params: {data}})
    for (let at = 0; at < 1500; at += 1) say(at)
    const {incoming} = await client.listen()
    say(1500)
    const seen: unknown[] = []
    for await (const {params} of events(incoming)) {
      seen.push(z.object({data: z.number()}).parse(params).data)
      if (seen.at(-1) === 1500) break
    }
    // The oldest gave way.
    expect(seen).toEqual(Array.from({length: 1001}, (_, at) => at + 500))
  })

  test('are not kept beyond a bound of bytes', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await RawClient.open(endpoint.port)
    await client.call(1, 'echo')
    const end = endpoint.ends.get(client.id)
    const data = 'x'.repeat(1024 * 1024)
    for (let at = 0; at < 20; at += 1) {
      end?.send({jsonrpc: '2.0', method: 'notifications/message', params: {data, at}})
    }
    const {incoming} = await client.listen()
    const seen: unknown[] = []
    for await (const {params} of events(incoming)) {
      seen.push(z.object({at: z.number()}).parse(params).at)
      if (seen.at(-1) === 19) break
    }
    expect(seen).toEqual([13, 14, 15, 16, 17, 18, 19])
  })

  test('by GET are one: a new one takes over', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await RawClient.open(endpoint.port)
    await client.call(1, 'echo')
    const first = await client.listen()
    const second = await client.listen()
    expect(await text(first.incoming)).toBe('')
    const params = {data: 'to the second'}
    endpoint.ends.get(client.id)?.send({jsonrpc: '2.0', method: 'notifications/message', params})
    const {value} = await events(second.incoming).next()
    expect(value).toMatchObject({params})
  })

  test('of two sessions never carry what belongs to the other', async () => {
    await using endpoint = await startHttpEndpoint()
    const clients = await Promise.all([
      RawClient.open(endpoint.port),
      RawClient.open(endpoint.port),
    ])
    expect(clients[0].id).not.toBe(clients[1].id)
    const call = fc.record({
      from: fc.constantFrom(0, 1),
      // Both use the same ids all the time.
      tool: fc.constantFrom('echo', 'notify'),
      count: fc.nat(3),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(call, {minLength: 2, maxLength: 8}), async calls => {
        const answers = await Promise.all(
          calls.map(async ({from, tool, count}, id) => {
            const client = clients[from] ?? clients[0]
            const messages = await client.call(id, tool, {count, mark: `${client.id}-${id}`})
            return {client, id, tool, count, messages}
          }),
        )
        for (const {client, id, tool, count, messages} of answers) {
          expect(messages.at(-1)).toMatchObject({id})
          expect(messages).toHaveLength(tool === 'notify' ? count + 1 : 1)
          const other = clients.find(({id: own}) => own !== client.id)
          expect(JSON.stringify(messages)).not.toContain(other?.id)
          const own = tool === 'echo' ? `${client.id}-${id}` : 'told'
          expect(JSON.stringify(messages)).toContain(own)
        }
      }),
      {numRuns: 30},
    )
  })
})

describe('sessions', () => {
  const HALF_HOUR = 30 * 60_000

  test('end when nobody has used them for half an hour', async () => {
    let now = 0
    await using endpoint = await startHttpEndpoint({now: () => now})
    const idle = await RawClient.open(endpoint.port)
    const used = await RawClient.open(endpoint.port)
    now = HALF_HOUR
    await used.call(1, 'echo')
    now = HALF_HOUR + 1
    await RawClient.open(endpoint.port)
    await expect.poll(() => endpoint.closed).toEqual([idle.id])
    expect((await idle.startCall(1, 'echo')).incoming.statusCode).toBe(404)
    expect(await used.call(2, 'echo')).toHaveLength(1)
  })

  test('stay while a client listens or waits, and for half an hour after', async () => {
    let now = 0
    await using endpoint = await startHttpEndpoint({now: () => now})
    const listening = await RawClient.open(endpoint.port)
    const waiting = await RawClient.open(endpoint.port)
    const stream = await listening.listen()
    const call = waiting.call(1, 'wait')
    await expect.poll(() => endpoint.ends.get(waiting.id)?.waiting).toHaveLength(1)
    now = 3 * HALF_HOUR
    await RawClient.open(endpoint.port)
    endpoint.ends.get(waiting.id)?.release('at last')
    expect(await call).toHaveLength(1)
    await cut(stream)
    now = 4 * HALF_HOUR
    await RawClient.open(endpoint.port)
    expect(endpoint.closed).toEqual([])
  })

  test('are not endless in number; the one unused for longest makes room, one in use does not', async () => {
    let now = 0
    await using endpoint = await startHttpEndpoint({now: () => (now += 1)})
    const clients: RawClient[] = []
    for (let at = 0; at < 200; at += 1) clients.push(await RawClient.open(endpoint.port))
    const body = JSON.stringify({...ping, method: 'initialize'})
    const ask = {port: endpoint.port, method: 'POST', headers: JSON_BODY, body}
    // Whoever was there a moment ago is only between two requests.
    expect(await fetchRaw(ask)).toMatchObject({status: 503})
    now = 60_000
    await clients[0]?.call(1, 'echo')
    now = 61_000
    const late = await RawClient.open(endpoint.port)
    await expect.poll(() => endpoint.closed).toEqual([clients[1]?.id])
    clients.splice(1, 1, late)
    for (const client of clients) await client.listen()
    expect(await fetchRaw(ask)).toMatchObject({
      status: 503,
      headers: {'retry-after': '60'},
      body: expect.stringContaining('too many sessions'),
    })
    await clients[0]?.delete()
    expect(await fetchRaw(ask)).toMatchObject({status: 200})
  })

  test('answer what is in flight when they are ended', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await RawClient.open(endpoint.port)
    const call = client.call(1, 'wait')
    await expect.poll(() => endpoint.ends.get(client.id)?.waiting).toHaveLength(1)
    await client.delete()
    expect(await call).toMatchObject([{id: 1, error: {message: expect.stringContaining('ended')}}])
  })

  test('open no more and stream no more when the endpoint stops', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await RawClient.open(endpoint.port)
    const {incoming} = await client.listen()
    const call = client.call(1, 'wait')
    await expect.poll(() => endpoint.ends.get(client.id)?.waiting).toHaveLength(1)
    // The head is in, the body is not: it is read when the endpoint has stopped.
    const late = connect(endpoint.port, '127.0.0.1')
    const body = JSON.stringify({...ping, method: 'initialize'})
    late.write(
      `POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
    )
    await once(endpoint.server, 'request')
    endpoint.endpoint[Symbol.dispose]()
    expect(await call).toMatchObject([{id: 1, error: {message: expect.stringContaining('ended')}}])
    expect(await text(incoming)).toBe('')
    late.end(body)
    expect(await text(late)).toContain('the gateway is stopping')
    expect((await client.startCall(2, 'echo')).incoming.statusCode).toBe(503)
  })
})

test('time limits on requests end slow senders, not long answers', async () => {
  await using endpoint = await startHttpEndpoint()
  const server = createServer({connectionsCheckingInterval: 20}, (request, response) => {
    endpoint.endpoint.handle(request, response).catch(() => undefined)
  })
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve))
  try {
    const {port} = z.object({port: z.number()}).parse(server.address())
    const client = await RawClient.open(port)
    const answer = client.call(1, 'wait')
    const {incoming} = await client.listen()
    await expect.poll(() => endpoint.ends.get(client.id)?.waiting).toHaveLength(1)
    // Now that the two streams are open: a request that is only held up on its way is no slow one.
    Object.assign(server, {headersTimeout: 100, requestTimeout: 100})
    const slow = connect(port, '127.0.0.1')
    slow.write('POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n')
    slow.write('Content-Length: 1000000\r\n\r\n{')
    // When the slow one is over, the limits have long been passed by the two streams.
    expect(await text(slow)).toMatch(/^HTTP\/1.1 408 /)
    endpoint.ends.get(client.id)?.release('slowly')
    expect(await answer).toMatchObject([{id: 1}])
    expect(incoming.destroyed).toBe(false)
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

test('the listener has the time limits of Node, which bound slow senders', async () => {
  await using endpoint = await startHttpEndpoint()
  const {headersTimeout, requestTimeout, timeout} = endpoint.server
  expect({headersTimeout, requestTimeout, timeout}).toEqual({
    headersTimeout: 60_000,
    requestTimeout: 300_000,
    timeout: 0,
  })
  const {incoming} = await send({port: endpoint.port, path: '/health'})
  expect(incoming.statusCode).toBe(200)
})
