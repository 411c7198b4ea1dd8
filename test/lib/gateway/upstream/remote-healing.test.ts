import {randomUUID} from 'node:crypto'
import {createServer, type IncomingMessage, type ServerResponse} from 'node:http'
import type {AddressInfo, Socket} from 'node:net'
import {McpServer} from '@modelcontextprotocol/sdk/server/mcp.js'
import {StreamableHTTPServerTransport} from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import {SSEServerTransport} from '@modelcontextprotocol/sdk/server/sse.js'
import {afterEach, describe, expect, test} from 'vitest'
import {RemoteUpstream} from '../../../../src/lib/gateway/upstream/remote.ts'
import {AutoUpstream} from '../../../../src/lib/gateway/upstream/remote-auto.ts'
import {SseUpstream} from '../../../../src/lib/gateway/upstream/remote-sse.ts'
import type {RemoteInput} from '../../../../src/lib/gateway/upstream/remote-wire.ts'
import type {Upstream} from '../../../../src/lib/gateway/upstream/upstream.ts'
import {
  notification,
  request,
  result,
  type Message,
} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {Inbox} from '../../../support/inbox.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

type Handler = (incoming: IncomingMessage, response: ServerResponse, body: string) => void

async function listen(handler: Handler): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => handler(incoming, response, Buffer.concat(chunks).toString()))
  })
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve))
  closers.push(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => void server.close(resolve))
  })
  // oxlint-disable-next-line no-unsafe-type-assertion
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
}

interface Seen {
  readonly method: string
  readonly session: string | undefined
}

/** The SDK's server, one for each session, whose sessions can be forgotten. */
async function sdkServer(forgetting: (response: ServerResponse) => void): Promise<{
  url: string
  seen: Seen[]
  calls: string[]
  forget: () => void
}> {
  const seen: Seen[] = []
  const calls: string[] = []
  const sessions = new Map<string, StreamableHTTPServerTransport>()
  const url = await listen((incoming, response, body) => {
    const id = [incoming.headers['mcp-session-id']].flat()[0]
    const message: unknown = body === '' ? {} : JSON.parse(body)
    const method = /"method":"([^"]*)"/u.exec(body)?.[1] ?? incoming.method ?? ''
    seen.push({method, session: id})
    const known = id === undefined ? undefined : sessions.get(id)
    if (id !== undefined && !known) return forgetting(response)
    void serve(known, {incoming, response, message})
  })
  async function serve(
    known: StreamableHTTPServerTransport | undefined,
    {
      incoming,
      response,
      message,
    }: {incoming: IncomingMessage; response: ServerResponse; message: unknown},
  ): Promise<void> {
    const transport = known ?? (await open())
    await transport.handleRequest(incoming, response, message)
  }
  async function open(): Promise<StreamableHTTPServerTransport> {
    const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: id => void sessions.set(id, transport),
    })
    const server = new McpServer(
      {name: 'far', version: '1'},
      {capabilities: {logging: {}, resources: {subscribe: true}}},
    )
    server.registerTool('note', {description: 'notes that it was called'}, async extra => {
      calls.push(extra.sessionId ?? '')
      return {content: [{type: 'text', text: 'noted'}]}
    })
    await server.connect(transport)
    return transport
  }
  return {url, seen, calls, forget: () => sessions.clear()}
}

/** A server that is plain Node: answers what it is told to. */
async function plainServer(
  answer: (
    method: string,
    asked: {id: unknown; session: string | undefined; response: ServerResponse},
  ) => void,
): Promise<{url: string; seen: Seen[]}> {
  const seen: Seen[] = []
  const url = await listen((incoming, response, body) => {
    const session = [incoming.headers['mcp-session-id']].flat()[0]
    if (incoming.method !== 'POST') return void response.writeHead(405).end()
    const method = /"method":"([^"]*)"/u.exec(body)?.[1] ?? ''
    const id: unknown = /"id":("[^"]*"|\d+)/u.exec(body)?.[1]?.replaceAll('"', '')
    seen.push({method, session})
    answer(method, {id: Number(id) || id, session, response})
  })
  return {url, seen}
}

const HELLO = {
  protocolVersion: '2025-11-25',
  capabilities: {tools: {}},
  serverInfo: {name: 'p', version: '1'},
}

function answerHello(
  {id, response}: {id: unknown; response: ServerResponse},
  session: string,
  hello: object = HELLO,
): void {
  response.writeHead(200, {'content-type': 'application/json', 'mcp-session-id': session})
  response.end(JSON.stringify({jsonrpc: '2.0', id, result: hello}))
}

function connect(
  url: string,
  make: (input: RemoteInput) => Upstream = input => new RemoteUpstream(input),
): {upstream: Upstream; inbox: Inbox<Message>; warnings: string[]} {
  const inbox = new Inbox<Message>()
  const warnings: string[] = []
  const upstream = make({
    url,
    headers: [['x-api-key', 'top-secret']],
    server: 'far',
    maxMessageBytes: 64 * 1024,
    warn: text => warnings.push(text),
    redact: text => text.replaceAll('top-secret', '[secret]'),
    onMessage: message => inbox.add(message),
  })
  closers.push(async () => upstream[Symbol.asyncDispose]())
  return {upstream, inbox, warnings}
}

const INITIALIZE = request(1, 'initialize', {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: {name: 'test', version: '1'},
})
const hasId = (id: number) => (message: Message) => 'id' in message && message.id === id
const call = (id: number) => request(id, 'tools/call', {name: 'note', arguments: {}})

async function begin({
  upstream,
  inbox,
}: {
  upstream: Upstream
  inbox: Inbox<Message>
}): Promise<void> {
  upstream.send(INITIALIZE)
  await inbox.find(hasId(1))
  upstream.send(notification('notifications/initialized'))
}

const times = (seen: readonly Seen[], wanted: string) =>
  seen.filter(({method}) => method === wanted).length

describe('a session that the server has forgotten', () => {
  test.each([
    ['404', (response: ServerResponse) => void response.writeHead(404).end()],
    [
      '400 and words of its own',
      (response: ServerResponse) =>
        void response
          .writeHead(400, {'content-type': 'application/json'})
          .end(
            '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Bad Request: No valid session ID"}}',
          ),
    ],
    [
      '400 and a line of text',
      (response: ServerResponse) =>
        void response.writeHead(400, {'content-type': 'text/plain'}).end('Invalid session ID\n'),
    ],
  ])('is begun anew once for all calls, each of which runs once: %s', async (_how, forgetting) => {
    const {url, seen, calls, forget} = await sdkServer(forgetting)
    const far = connect(url)
    await begin(far)
    far.upstream.send(call(2))
    await far.inbox.find(hasId(2))
    forget()
    const ids = Array.from({length: 20}, (_, index) => index + 10)
    for (const id of ids) far.upstream.send(call(id))
    const answers = await Promise.all(ids.map(id => far.inbox.find(hasId(id))))
    for (const answer of answers) {
      expect(answer).toMatchObject({result: {content: [{text: 'noted'}]}})
    }
    expect(times(seen, 'initialize')).toBe(2)
    expect(calls).toHaveLength(21)
    expect(new Set(calls).size).toBe(2)
    expect(far.warnings).toEqual(['server far had forgotten the session; a new one was begun'])
  })

  test('gets what was set in it again, and tells what may have changed', async () => {
    const logged: string[] = []
    let session = 'one'
    const {url, seen} = await plainServer((method, asked) => {
      const hello = {...HELLO, capabilities: {tools: {}, logging: {}, resources: {subscribe: true}}}
      if (method === 'initialize') return answerHello(asked, session, hello)
      if (asked.session !== session) return void asked.response.writeHead(404).end()
      if (asked.id === undefined) return void asked.response.writeHead(202).end()
      logged.push(`${session} ${method}`)
      asked.response.writeHead(200, {'content-type': 'application/json'})
      asked.response.end(JSON.stringify({jsonrpc: '2.0', id: asked.id, result: {}}))
    })
    const far = connect(url)
    await begin(far)
    far.upstream.send(request(2, 'logging/setLevel', {level: 'debug'}))
    far.upstream.send(request(3, 'resources/subscribe', {uri: 'a:1'}))
    far.upstream.send(request(4, 'resources/subscribe', {uri: 'a:2'}))
    await Promise.all([2, 3, 4].map(id => far.inbox.find(hasId(id))))
    far.upstream.send(request(5, 'resources/unsubscribe', {uri: 'a:2'}))
    await far.inbox.find(hasId(5))
    session = 'two'
    far.upstream.send(request(6, 'tools/list'))
    expect(await far.inbox.find(hasId(6))).toMatchObject({result: {}})
    await far.inbox.find(message => message['method'] === 'notifications/resources/updated')
    const notices = far.inbox.items.flatMap(message => ('method' in message ? [message] : []))
    expect(notices).toEqual([
      notification('notifications/tools/list_changed'),
      notification('notifications/resources/list_changed'),
      notification('notifications/resources/updated', {uri: 'a:1'}),
    ])
    expect(logged.filter(line => line.startsWith('two')).toSorted()).toEqual([
      'two logging/setLevel',
      'two resources/subscribe',
      'two tools/list',
    ])
    expect(times(seen, 'notifications/initialized')).toBe(2)
  })

  test('leaves a call alone that is at work in it', async () => {
    let session = 'one'
    const atWork = Promise.withResolvers<ServerResponse>()
    const {url} = await plainServer((method, asked) => {
      if (method === 'initialize') return answerHello(asked, session)
      if (asked.session !== session) return void asked.response.writeHead(404).end()
      if (asked.id === 7) return atWork.resolve(asked.response)
      asked.response.writeHead(200, {'content-type': 'application/json'})
      asked.response.end(JSON.stringify({jsonrpc: '2.0', id: asked.id, result: {}}))
    })
    const far = connect(url)
    await begin(far)
    far.upstream.send(call(7))
    const response = await atWork.promise
    session = 'two'
    far.upstream.send(call(8))
    await far.inbox.find(hasId(8))
    response.writeHead(200, {'content-type': 'application/json'})
    response.end(JSON.stringify(result(7, {late: true})))
    expect(await far.inbox.find(hasId(7))).toEqual(result(7, {late: true}))
  })

  test('is over with a server that has become another, which may be asked again', async () => {
    let session = 'one'
    let hello: object = HELLO
    const {url} = await plainServer((method, asked) => {
      if (method === 'initialize') return answerHello(asked, session, hello)
      if (asked.session !== session) return void asked.response.writeHead(404).end()
      asked.response.writeHead(202).end()
    })
    const far = connect(url)
    await begin(far)
    session = 'two'
    hello = {...HELLO, capabilities: {prompts: {}}}
    far.upstream.send(call(7))
    far.upstream.send(call(8))
    const {what, refused} = await far.upstream.closed
    expect(what).toBe('has ended the session')
    expect([...(refused ?? [])]).toContain(7)
    expect(far.inbox.items.some(hasId(7))).toBe(false)
  })

  test('is not begun over and over with a server that keeps none', async () => {
    const {url, seen} = await plainServer((method, asked) => {
      if (method === 'initialize') return answerHello(asked, 'one')
      if (asked.id === undefined) return void asked.response.writeHead(202).end()
      asked.response.writeHead(404).end()
    })
    const far = connect(url)
    await begin(far)
    far.upstream.send(call(7))
    expect(await far.inbox.find(hasId(7))).toMatchObject({
      error: {message: expect.stringMatching(/^server far: .* forgets every session at once$/u)},
    })
    expect(times(seen, 'initialize')).toBe(2)
    expect(times(seen, 'tools/call')).toBe(2)
  })
})

describe('a refusal', () => {
  test('that is the answer to the request itself is passed on, and the request sent once', async () => {
    const {url, seen} = await plainServer((method, asked) => {
      if (method === 'initialize') return answerHello(asked, 'one')
      if (asked.id === undefined) return void asked.response.writeHead(202).end()
      const error = {code: -32_602, message: 'no such session in the calendar'}
      asked.response.writeHead(404, {'content-type': 'application/json'})
      asked.response.end(JSON.stringify({jsonrpc: '2.0', id: asked.id, error}))
    })
    const far = connect(url)
    await begin(far)
    far.upstream.send(call(7))
    expect(await far.inbox.find(hasId(7))).toMatchObject({
      id: 7,
      error: {code: -32_602, message: 'no such session in the calendar'},
    })
    expect([times(seen, 'initialize'), times(seen, 'tools/call')]).toEqual([1, 1])
  })

  test.each([
    ['Not top-secret\r\nfor you', 'HTTP status 403: Not [secret]'],
    [`a\u202eb${'x'.repeat(300)}`, `HTTP status 403: a?b${'x'.repeat(197)}`],
    ['{"error": "invalid_token"}', 'HTTP status 403: invalid_token'],
    ['{"result": {}}', 'HTTP status 403'],
    ['<!doctype html>\n<title>No</title>', 'HTTP status 403'],
  ])('is told with the first line of what the server says: %j', async (body, words) => {
    const {url} = await plainServer((_method, {response}) => {
      response.writeHead(403, {'content-type': 'text/plain'}).end(body)
    })
    const far = connect(url)
    far.upstream.send(INITIALIZE)
    const answer = await far.inbox.find(hasId(1))
    expect(answer).toMatchObject({error: {data: {httpStatus: 403}}})
    expect(JSON.stringify(answer)).toContain(`answered with ${words}"`)
  })

  test('of a session each time is told with what the server says of it', async () => {
    const {url} = await plainServer((method, asked) => {
      if (method === 'initialize') return answerHello(asked, 'one')
      if (asked.id === undefined) return void asked.response.writeHead(202).end()
      asked.response.writeHead(404).end('session expired')
    })
    const far = connect(url)
    await begin(far)
    far.upstream.send(call(7))
    expect(await far.inbox.find(hasId(7))).toMatchObject({
      error: {message: expect.stringMatching(/forgets every session at once: session expired$/u)},
    })
  })
})

test('a session whose stream is refused with 400 is begun anew', async () => {
  let session = 'one'
  const streams: ServerResponse[] = []
  const begun = Promise.withResolvers<void>()
  const url = await listen((incoming, response, body) => {
    const id: unknown = /"id":("[^"]*"|\d+)/u.exec(body)?.[1]?.replaceAll('"', '')
    if (body.includes('"initialize"')) {
      if (session === 'two') begun.resolve()
      return answerHello({id: Number(id) || id, response}, session)
    }
    if (incoming.headers['mcp-session-id'] !== session) {
      return void response.writeHead(400, {'content-type': 'text/plain'}).end('Unknown session')
    }
    if (incoming.method !== 'GET') return void response.writeHead(202).end()
    response.writeHead(200, {'content-type': 'text/event-stream'}).write(': here\n\n')
    streams.push(response)
    if (streams.length > 1) return
    session = 'two'
    response.end()
  })
  const far = connect(url)
  await begin(far)
  await begun.promise
})

describe('a call that the server may have done', () => {
  test.each([
    ['breaks the connection', (response: ServerResponse) => void response.destroy()],
    [
      'breaks a stream',
      (response: ServerResponse) =>
        void response
          .writeHead(200, {'content-type': 'text/event-stream'})
          .write(': so\n\n', () => response.destroy()),
    ],
    ['answers 200 with nothing', (response: ServerResponse) => void response.writeHead(200).end()],
    ['answers 202', (response: ServerResponse) => void response.writeHead(202).end()],
    ['answers 204', (response: ServerResponse) => void response.writeHead(204).end()],
    ['answers 500', (response: ServerResponse) => void response.writeHead(500).end()],
    [
      'answers another request',
      (response: ServerResponse) =>
        void response
          .writeHead(200, {'content-type': 'application/json'})
          .end(JSON.stringify(result(99, {}))),
    ],
  ])('is no success and not sent again when it %s', async (_how, end) => {
    const {url, seen} = await plainServer((method, asked) => {
      if (method === 'initialize') return answerHello(asked, 'one')
      if (asked.id === undefined) return void asked.response.writeHead(202).end()
      end(asked.response)
    })
    const far = connect(url)
    await begin(far)
    far.upstream.send(call(7))
    expect(await far.inbox.find(hasId(7))).toMatchObject({
      error: {
        message: expect.stringMatching(/^server far: .*; it may have done what it was asked/u),
        data: {server: 'far', reason: 'SERVER_ENDED'},
      },
    })
    expect(times(seen, 'tools/call')).toBe(1)
  })
})

describe('a redirect', () => {
  test.each([307, 308])(
    'of %i to the same origin is followed with message and headers',
    async status => {
      const keys: unknown[] = []
      const url = await listen((incoming, response, body) => {
        if (incoming.url === '/mcp')
          return void response.writeHead(status, {location: '/mcp/'}).end()
        keys.push(incoming.headers['x-api-key'])
        response.writeHead(200, {'content-type': 'application/json'})
        response.end(JSON.stringify(result(1, {got: body.includes('initialize')})))
      })
      const far = connect(url)
      far.upstream.send(INITIALIZE)
      expect(await far.inbox.find(hasId(1))).toEqual(result(1, {got: true}))
      expect(keys).toEqual(['top-secret'])
    },
  )

  test.each([
    [301, '/mcp/', /loses the message: write http:\/\/127.0.0.1:\d+\/mcp\/ as url/u],
    [303, '/mcp/', /loses the message/u],
    [
      307,
      'http://127.0.0.2:9/x?y',
      /redirects to http:\/\/127.0.0.2:9\/x, and headers are not sent/u,
    ],
    [308, 'http://', /to what is no address/u],
    [307, '/mcp', /more than 5 times/u],
  ])('of %i to %s is refused with what to change', async (status, location, why) => {
    const url = await listen((_incoming, response) => {
      response.writeHead(status, {location}).end()
    })
    const far = connect(url)
    far.upstream.send(INITIALIZE)
    expect(await far.inbox.find(hasId(1))).toMatchObject({
      error: {message: expect.stringMatching(why)},
    })
  })
})

const auto = (told: string[]) => (input: RemoteInput) =>
  new AutoUpstream(input, transport => void told.push(transport))

describe('a server whose transport nobody says', () => {
  test('is spoken to over streamable HTTP', async () => {
    const told: string[] = []
    const {url} = await sdkServer(response => void response.writeHead(404).end())
    const far = connect(url, auto(told))
    await begin(far)
    far.upstream.send(call(2))
    expect(await far.inbox.find(hasId(2))).toMatchObject({result: {content: [{text: 'noted'}]}})
    expect(told).toEqual(['streamable'])
  })

  test.each([404, 405, 400])('is spoken to over HTTP+SSE when it answers %i', async status => {
    const told: string[] = []
    const transports = new Map<string, SSEServerTransport>()
    const url = await listen((incoming, response, body) => {
      if (incoming.method === 'GET') {
        const transport = new SSEServerTransport('/messages', response)
        transports.set(transport.sessionId, transport)
        const server = new McpServer({name: 'old', version: '1'})
        server.registerTool('note', {}, async () => ({content: [{type: 'text', text: 'noted'}]}))
        return void server.connect(transport)
      }
      const id = new URL(incoming.url ?? '/', 'http://x').searchParams.get('sessionId')
      const transport = transports.get(id ?? '')
      if (transport) return void transport.handlePostMessage(incoming, response, JSON.parse(body))
      response.writeHead(status, {'content-type': 'application/json'})
      response.end(
        '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Method not allowed."}}',
      )
    })
    const far = connect(url, auto(told))
    await begin(far)
    far.upstream.send(call(2))
    expect(await far.inbox.find(hasId(2))).toMatchObject({result: {content: [{text: 'noted'}]}})
    expect(told).toEqual(['sse'])
  })

  test.each([404, 401])('fails with what it said first when it answers %i to all', async status => {
    const methods: unknown[] = []
    const url = await listen((incoming, response) => {
      methods.push(incoming.method)
      response.writeHead(status).end()
    })
    const far = connect(url, auto([]))
    far.upstream.send(INITIALIZE)
    expect(await far.inbox.find(hasId(1))).toMatchObject({
      error: {
        message: expect.stringContaining(`HTTP status ${status}`),
        data: {httpStatus: status},
      },
    })
    expect(methods).toEqual(status === 401 ? ['POST'] : ['POST', 'GET'])
  })
})

test.each([
  [404, ''],
  [400, 'Could not find session for ID: 5'],
])('a session over HTTP+SSE that the server has forgotten ends: %i %s', async (status, words) => {
  const url = await listen((incoming, response) => {
    if (incoming.method === 'POST') return void response.writeHead(status).end(words)
    response.writeHead(200, {'content-type': 'text/event-stream'})
    response.write('event: endpoint\ndata: /messages\n\n')
  })
  const far = connect(url, input => new SseUpstream(input))
  far.upstream.send(call(7))
  expect(await far.upstream.closed).toMatchObject({
    what: 'has ended the session',
    refused: new Set([7]),
  })
})

test('over HTTP+SSE requests that are not taken hold back no other', async () => {
  const held: ServerResponse[] = []
  let stream: ServerResponse | undefined
  const url = await listen((incoming, response, body) => {
    if (incoming.method === 'GET') {
      stream = response.writeHead(200, {'content-type': 'text/event-stream'})
      return void response.write('event: endpoint\ndata: /messages\n\n')
    }
    if (!body.includes('"id":8,')) return void held.push(response)
    response.writeHead(202).end()
    stream?.write(`data: ${JSON.stringify(result(8, {}))}\n\n`)
  })
  const far = connect(url, input => new SseUpstream(input))
  // More than anybody would wait for one after another.
  const ids = Array.from({length: 24}, (_, index) => index + 20)
  for (const id of ids) far.upstream.send(call(id))
  far.upstream.send(call(8))
  expect(await far.inbox.find(hasId(8))).toEqual(result(8, {}))
  await expect.poll(() => held.length).toBe(ids.length)
})
