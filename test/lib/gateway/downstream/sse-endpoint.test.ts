import {once} from 'node:events'
import {request, type OutgoingHttpHeaders} from 'node:http'
import {text} from 'node:stream/consumers'
import {Client} from '@modelcontextprotocol/sdk/client/index.js'
import {SSEClientTransport} from '@modelcontextprotocol/sdk/client/sse.js'
import {
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'
import {describe, expect, test} from 'vitest'
import type {JsonObject} from '../../../../src/lib/base/json.ts'
import {
  LARGEST_MESSAGE_BYTES,
  startHttpEndpoint,
  type HttpEndpoint,
} from '../../../support/http-endpoint.ts'
import {Inbox} from '../../../support/inbox.ts'
import {cut, fetchRaw, send, type RawAnswer} from '../../../support/raw-http.ts'

const TOKEN = 'a-token-that-nobody-guesses-0123456789'

/** A client of the transport that shows every byte. */
class RawSse {
  readonly port: number
  readonly path: string
  readonly stream: Awaited<ReturnType<typeof send>>
  /** The events of the stream as they come, without their end. */
  readonly events: Inbox<string>

  private constructor(input: Pick<RawSse, 'port' | 'path' | 'stream' | 'events'>) {
    this.port = input.port
    this.path = input.path
    this.stream = input.stream
    this.events = input.events
  }

  static async open({port}: HttpEndpoint): Promise<RawSse> {
    const stream = await send({port, path: '/sse', headers: {accept: 'text/event-stream'}})
    const events = new Inbox<string>()
    let rest = ''
    stream.incoming.setEncoding('utf8').on('data', (chunk: string) => {
      const parts = (rest + chunk).split('\n\n')
      rest = parts.pop() ?? ''
      for (const part of parts) events.add(part)
    })
    const first = await events.find(() => true)
    const path = first.replace('event: endpoint\ndata: ', '')
    return new RawSse({port, path, stream, events})
  }

  get id(): string {
    return this.path.replace('/messages?sessionId=', '')
  }

  post(body: unknown, more: OutgoingHttpHeaders = {}): Promise<RawAnswer> {
    const headers = {'content-type': 'application/json', ...more}
    const {port, path} = this
    const sent = typeof body === 'string' ? body : JSON.stringify(body)
    return fetchRaw({port, method: 'POST', path, headers, body: sent})
  }

  async initialize(): Promise<void> {
    const clientInfo = {name: 'raw', version: '1'}
    const params = {protocolVersion: '2024-11-05', capabilities: {roots: {}}, clientInfo}
    await this.post({jsonrpc: '2.0', id: 'init', method: 'initialize', params})
    await this.message('init')
  }

  call(id: number, name: string): Promise<RawAnswer> {
    return this.post({jsonrpc: '2.0', id, method: 'tools/call', params: {name}})
  }

  /** The message with this id. */
  async message(id: number | string): Promise<JsonObject> {
    const head = 'event: message\ndata: '
    const found = await this.events.find(
      event => event.startsWith(head) && JSON.parse(event.slice(head.length)).id === id,
    )
    return JSON.parse(found.slice(head.length))
  }
}

describe('the endpoint of HTTP+SSE', () => {
  test('serves the client of the SDK, which shows its token on both ways', async () => {
    await using endpoint = await startHttpEndpoint({token: TOKEN})
    const client = new Client({name: 'old', version: '1'}, {capabilities: {roots: {}}})
    const logged: unknown[] = []
    client.setNotificationHandler(
      LoggingMessageNotificationSchema,
      ({params}) => void logged.push(params.data),
    )
    client.setRequestHandler(ListRootsRequestSchema, () => ({roots: [{uri: 'file:///here'}]}))
    const requestInit = {headers: {authorization: `Bearer ${TOKEN}`}}
    await client.connect(new SSEClientTransport(new URL('/sse', endpoint.url), {requestInit}))
    expect((await client.listTools()).tools.map(({name}) => name)).toContain('ask')
    const answer = await client.callTool({name: 'ask', arguments: {}})
    expect(JSON.stringify(answer)).toContain('file:///here')
    await client.callTool({name: 'notify', arguments: {count: 3}})
    expect(logged).toEqual(['x', 'x', 'x'])
    await client.close()
    await expect.poll(() => endpoint.closed).toHaveLength(1)
    expect(endpoint.warnings).toEqual([])
  })

  test('does not let a client in without the token, on either way', async () => {
    await using endpoint = await startHttpEndpoint({token: TOKEN})
    const transport = new SSEClientTransport(new URL('/sse', endpoint.url))
    const client = new Client({name: 'old', version: '1'})
    await expect(client.connect(transport)).rejects.toThrow('401')
    const {port} = endpoint
    const headers = {authorization: `Bearer ${TOKEN}`}
    const {incoming} = await send({port, path: '/sse', headers})
    const [first] = await once(incoming.setEncoding('utf8'), 'data')
    const path = String(first).trim().replace('event: endpoint\ndata: ', '')
    expect(path).toMatch(/^\/messages\?sessionId=[\w-]{32}$/)
    expect(await fetchRaw({port, method: 'POST', path})).toMatchObject({status: 401})
  })

  test('names an address of the session first, then takes messages and answers on the stream', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await RawSse.open(endpoint)
    expect(client.stream.incoming.headers['content-type']).toBe('text/event-stream')
    expect(client.events.items).toEqual([`event: endpoint\ndata: ${client.path}`])
    expect(client.id).toMatch(/^[\w-]{32}$/)
    expect(await client.post({jsonrpc: '2.0', id: 1, method: 'ping'})).toMatchObject({
      status: 202,
      body: '',
    })
    expect(await client.message(1)).toEqual({jsonrpc: '2.0', id: 1, result: {}})
    const notice = {jsonrpc: '2.0', method: 'notifications/initialized'}
    expect(await client.post(notice)).toMatchObject({status: 202})
  })

  test('keeps sessions apart', async () => {
    await using endpoint = await startHttpEndpoint()
    const clients = await Promise.all([RawSse.open(endpoint), RawSse.open(endpoint)])
    for (const client of clients) {
      await client.initialize()
      await client.call(1, 'echo')
      expect(JSON.stringify(await client.message(1))).toContain(client.id)
    }
    expect(clients[0].id).not.toBe(clients[1].id)
    expect([...endpoint.ends.keys()]).toEqual(clients.map(({id}) => id))
  })

  test('ends the session with its stream, and cancels what is in flight', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await RawSse.open(endpoint)
    await client.initialize()
    await client.call(1, 'wait')
    const end = () => endpoint.ends.get(client.id)
    await expect.poll(() => end()?.waiting).toHaveLength(1)
    await cut(client.stream)
    await expect.poll(() => endpoint.closed).toEqual([client.id])
    expect(end()?.received.at(-1)).toMatchObject({method: 'notifications/cancelled'})
    expect(await client.call(2, 'echo')).toMatchObject({status: 404})
    expect(endpoint.warnings).toEqual([])
  })

  test('answers what is in flight when it ends, and takes nothing any more', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await RawSse.open(endpoint)
    await client.initialize()
    await client.call(1, 'wait')
    await expect.poll(() => endpoint.ends.get(client.id)?.waiting).toHaveLength(1)
    endpoint.sse[Symbol.dispose]()
    await once(client.stream.incoming, 'end')
    expect(await client.message(1)).toMatchObject({
      error: {message: expect.stringContaining('session ended')},
    })
    for (const path of ['/sse', client.path]) {
      expect(await fetchRaw({port: endpoint.port, path})).toMatchObject({status: 503})
    }
  })

  test.each([
    ['not JSON', '{', 400, -32700],
    ['no message', '{"jsonrpc":"1.0"}', 400, -32600],
    ['a batch', '[]', 400, -32600],
    ['too much', 'x'.repeat(LARGEST_MESSAGE_BYTES + 1), 413, -32600],
  ])('refuses a body that is %s, and takes the next one', async (_, body, status, code) => {
    await using endpoint = await startHttpEndpoint()
    const client = await RawSse.open(endpoint)
    const answer = await client.post(body)
    expect(answer).toMatchObject({status, headers: {'content-type': 'application/json'}})
    expect(JSON.parse(answer.body)).toMatchObject({jsonrpc: '2.0', id: null, error: {code}})
    expect(await client.post({jsonrpc: '2.0', id: 1, method: 'ping'})).toMatchObject({status: 202})
    expect(await client.message(1)).toMatchObject({result: {}})
  })

  test.each(['text/plain', 'application/jsonx', ''])('refuses the content type %j', async type => {
    await using endpoint = await startHttpEndpoint()
    const client = await RawSse.open(endpoint)
    const answer = await client.post('{}', {'content-type': type})
    expect(answer).toMatchObject({status: 415, body: expect.stringContaining('application/json')})
  })

  test.each(['/messages', '/messages?sessionId=', '/messages?sessionId=nobody'])(
    'knows no session at %s',
    async path => {
      await using endpoint = await startHttpEndpoint()
      await RawSse.open(endpoint)
      const headers = {'content-type': 'application/json'}
      const answer = await fetchRaw({
        port: endpoint.port,
        method: 'POST',
        path,
        headers,
        body: '{}',
      })
      expect(answer.status).toBe(404)
      expect(JSON.parse(answer.body)).toMatchObject({
        error: {message: expect.stringContaining('no such session')},
      })
    },
  )

  test.each([
    ['POST', '/sse', 'GET'],
    ['DELETE', '/sse', 'GET'],
    ['GET', '/messages?sessionId=x', 'POST'],
    ['DELETE', '/messages?sessionId=x', 'POST'],
  ])('refuses %s at %s', async (method, path, allow) => {
    await using endpoint = await startHttpEndpoint()
    const answer = await fetchRaw({port: endpoint.port, method, path})
    expect(answer).toMatchObject({status: 405, headers: {allow}})
  })

  test('takes no message for a session that ends while it is sent', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await RawSse.open(endpoint)
    const body = JSON.stringify({jsonrpc: '2.0', id: 1, method: 'ping'})
    const headers = {'content-type': 'application/json', 'content-length': body.length}
    const {port, path} = client
    const arrived = once(endpoint.server, 'request')
    const outgoing = request({port, path, headers, method: 'POST', host: '127.0.0.1', agent: false})
    outgoing.flushHeaders()
    await arrived
    await cut(client.stream)
    await expect.poll(() => endpoint.closed).toHaveLength(1)
    outgoing.end(body)
    const [incoming] = await once(outgoing, 'response')
    expect({status: incoming.statusCode, body: await text(incoming)}).toEqual({
      status: 404,
      body: expect.stringContaining('no such session'),
    })
  })

  test('opens no more than 200 sessions', async () => {
    await using endpoint = await startHttpEndpoint()
    const open = Array.from({length: 200}, () => send({port: endpoint.port, path: '/sse'}))
    const statuses = (await Promise.all(open)).map(({incoming}) => incoming.statusCode)
    expect(new Set(statuses)).toEqual(new Set([200]))
    const more = await fetchRaw({port: endpoint.port, path: '/sse'})
    expect(more).toMatchObject({status: 503, headers: {'retry-after': '60'}})
  })
})
