import {randomUUID} from 'node:crypto'
import {
  createServer,
  type IncomingMessage,
  type Server as HttpServer,
  type ServerResponse,
} from 'node:http'
import {McpServer} from '@modelcontextprotocol/sdk/server/mcp.js'
import {SSEServerTransport} from '@modelcontextprotocol/sdk/server/sse.js'
import {StreamableHTTPServerTransport} from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import {afterEach, describe, expect, test, vi} from 'vitest'
import {isJsonObject} from '../../../../src/lib/base/json.ts'
import {FLEET_DEFAULTS} from '../../../support/engine-with.ts'
import {createFleet} from '../../../../src/lib/gateway/upstream/fleet.ts'
import {RemoteUpstream} from '../../../../src/lib/gateway/upstream/remote.ts'
import type {RemoteInput} from '../../../../src/lib/gateway/upstream/remote-wire.ts'
import {SseUpstream} from '../../../../src/lib/gateway/upstream/remote-sse.ts'
import type {Origin, Upstream} from '../../../../src/lib/gateway/upstream/upstream.ts'
import {
  notification,
  request,
  result,
  type Message,
} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import type {RemoteSpec} from '../../../../src/lib/model/server.ts'
import {plainDuplex} from '../../../support/plain-duplex.ts'
import {secretsOf} from '../../../support/secrets.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

type Handler = (request: IncomingMessage, response: ServerResponse) => void

async function listen(handler: Handler): Promise<string> {
  const server: HttpServer = createServer(handler)
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve)
  })
  closers.push(async () => {
    server.closeAllConnections()
    await new Promise(resolve => {
      server.close(resolve)
    })
  })
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return `http://127.0.0.1:${address.port}/mcp`
}

function mcpServer(): McpServer {
  const server = new McpServer({name: 'far', version: '1'}, {capabilities: {logging: {}}})
  server.registerTool('slow', {description: 'sends a log line first'}, async extra => {
    await extra.sendNotification({
      method: 'notifications/message',
      params: {level: 'info', data: 'on it'},
    })
    return {content: [{type: 'text', text: 'done'}]}
  })
  return server
}

const MAX = 64 * 1024

/** An upstream with everything that it has received, and a way to wait for a message. */
function connect(
  make: (input: RemoteInput) => Upstream,
  input: {url: string; headers?: RemoteInput['headers']},
): {
  upstream: Upstream
  received: Message[]
  /** Where each of them came from. */
  origins: Origin[]
  warnings: string[]
  next: (matches: (message: Message) => boolean) => Promise<Message>
} {
  const received: Message[] = []
  const origins: Origin[] = []
  const warnings: string[] = []
  const waiting: {matches: (message: Message) => boolean; resolve: (message: Message) => void}[] =
    []
  const upstream = make({
    url: input.url,
    headers: input.headers ?? [],
    server: 'far',
    maxMessageBytes: MAX,
    warn: text => warnings.push(text),
    redact: text => text.replaceAll('top-secret', '[secret]'),
    onMessage(message, origin) {
      received.push(message)
      origins.push(origin)
      for (const wait of waiting) if (wait.matches(message)) wait.resolve(message)
    },
  })
  closers.push(async () => upstream[Symbol.asyncDispose]())
  return {
    upstream,
    received,
    origins,
    warnings,
    next: matches =>
      new Promise(resolve => {
        const found = received.find(matches)
        if (found) resolve(found)
        else waiting.push({matches, resolve})
      }),
  }
}

const INITIALIZE = request(1, 'initialize', {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: {name: 'test', version: '1'},
})
const hasId = (id: number) => (message: Message) => 'id' in message && message.id === id

/** The SDK's server over streamable HTTP, with the requests that it has seen. */
async function streamableServer(): Promise<{
  url: string
  seen: IncomingMessage[]
  forget: () => void
}> {
  const seen: IncomingMessage[] = []
  let transport: StreamableHTTPServerTransport | undefined
  const url = await listen((incoming, response) => {
    seen.push(incoming)
    const id = incoming.headers['mcp-session-id']
    if (id !== undefined && id !== transport?.sessionId) return void response.writeHead(404).end()
    void serve(incoming, response)
  })
  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!transport) {
      transport = new StreamableHTTPServerTransport({sessionIdGenerator: randomUUID})
      await mcpServer().connect(transport)
    }
    await transport.handleRequest(incoming, response)
  }
  return {url, seen, forget: () => (transport = undefined)}
}

const lateAnswer = (id: number) => JSON.stringify(result(id, {late: true}))

/** What a server can do about a client that comes back for the rest of its answer. */
interface Comeback {
  readonly writeRest: (events: string) => void
  /** Breaks the connection of a stream that has begun. */
  readonly cut: () => void
  readonly refuse: () => void
}

/** A server that says something to each request, then closes the stream. Its clients come back to `onComeback`. */
async function closingServer(
  onComeback: (comeback: Comeback, time: number) => void,
): Promise<{url: string; resumed: unknown[]; posts: () => number}> {
  const resumed: unknown[] = []
  let posts = 0
  const url = await listen((incoming, response) => {
    const stream = () => response.writeHead(200, {'content-type': 'text/event-stream'})
    if (incoming.method === 'POST') {
      posts += 1
      const early = JSON.stringify(notification('early'))
      return void stream().end(`retry: 1\nid: a\ndata: ${early}\n\n`)
    }
    resumed.push(incoming.headers['last-event-id'])
    onComeback(
      {
        writeRest: events => void stream().end(events),
        cut: () => void stream().write(': so\n\n', () => response.destroy()),
        refuse: () => void response.writeHead(400).end(),
      },
      resumed.length,
    )
  })
  return {url, resumed, posts: () => posts}
}

async function sseServer(): Promise<string> {
  const transports = new Map<string, SSEServerTransport>()
  return listen((incoming, response) => {
    if (incoming.method === 'GET') {
      const transport = new SSEServerTransport('/messages', response)
      transports.set(transport.sessionId, transport)
      void mcpServer().connect(transport)
      return
    }
    const id = new URL(incoming.url ?? '/', 'http://x').searchParams.get('sessionId') ?? ''
    void transports.get(id)?.handlePostMessage(incoming, response)
  })
}

/** Connects as into a container: to a stream that is no socket. */
const connectTo = (url: string) => () => plainDuplex(Number(new URL(url).port))

describe.each([
  [
    'streamable HTTP',
    async () => (await streamableServer()).url,
    (input: RemoteInput) => new RemoteUpstream(input),
  ],
  ['HTTP+SSE', sseServer, (input: RemoteInput) => new SseUpstream(input)],
  [
    'streamable HTTP and connections of our own',
    async () => (await streamableServer()).url,
    (input: RemoteInput) => new RemoteUpstream({...input, connect: connectTo(input.url)}),
  ],
  [
    'HTTP+SSE and connections of our own',
    sseServer,
    (input: RemoteInput) => new SseUpstream({...input, connect: connectTo(input.url)}),
  ],
] as const)('a server over %s', (_name, serve, make) => {
  test('answers, with what belongs to the answer before it', async () => {
    const {upstream, received, next} = connect(make, {url: await serve()})
    upstream.send(INITIALIZE)
    expect(await next(hasId(1))).toMatchObject({result: {serverInfo: {name: 'far'}}})
    upstream.send(notification('notifications/initialized'))
    upstream.send(request(2, 'tools/call', {name: 'slow', arguments: {}}))
    expect(await next(hasId(2))).toMatchObject({result: {content: [{text: 'done'}]}})
    const methods = received.map(message => ('method' in message ? message.method : 'result'))
    expect(methods).toEqual(['result', 'notifications/message', 'result'])
  })

  test('is left when it is disposed of', async () => {
    const {upstream, next} = connect(make, {url: await serve()})
    upstream.send(INITIALIZE)
    await next(hasId(1))
    await upstream[Symbol.asyncDispose]()
    expect(await upstream.closed).toMatchObject({what: 'was left'})
  })

  test('sends the headers of the entry, and never follows a redirect with them', async () => {
    const elsewhere: IncomingMessage[] = []
    const other = await listen((incoming, response) => {
      elsewhere.push(incoming)
      response.end()
    })
    const seen: IncomingMessage[] = []
    const url = await listen((incoming, response) => {
      seen.push(incoming)
      response.writeHead(307, {location: other}).end()
    })
    const headers = [['x-api-key', 'top-secret']] as const
    const {upstream, next} = connect(make, {url, headers})
    upstream.send(INITIALIZE)
    await Promise.race([next(hasId(1)), upstream.closed])
    expect(seen[0]?.headers['x-api-key']).toBe('top-secret')
    expect(elsewhere).toEqual([])
  })
})

const make = (input: RemoteInput) => new RemoteUpstream(input)
const ballast = 'x'.repeat(MAX)
const said = (data: string) => notification('notifications/message', {data})
const event = (message: unknown) => `event: message\ndata: ${JSON.stringify(message)}\n\n`
const TOO_LARGE = {
  error: {code: -32603, message: expect.stringMatching(/server far .*--max-message-size/)},
}

describe('RemoteUpstream', () => {
  test('keeps the session and the version on every message, and ends the session', async () => {
    const {url, seen} = await streamableServer()
    const {upstream, next} = connect(make, {url})
    upstream.send(INITIALIZE)
    await next(hasId(1))
    upstream.send(notification('notifications/initialized'))
    upstream.send(request(2, 'tools/list'))
    await next(hasId(2))
    await expect.poll(() => seen.map(({method}) => method)).toContain('GET')
    await upstream[Symbol.asyncDispose]()
    const later = seen.slice(1)
    expect(
      later.map(({method}) => method).toSorted((a = '', b = '') => a.localeCompare(b)),
    ).toEqual(['DELETE', 'GET', 'POST', 'POST'])
    for (const {headers} of later) {
      expect(headers['mcp-session-id']).toMatch(/.+/)
      expect(headers['mcp-protocol-version']).toBe('2025-11-25')
    }
  })

  test.each([
    [
      'an error in the body',
      400,
      '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no"}}',
      {code: -32000, message: 'no'},
    ],
    [
      'a page',
      503,
      '<html>top-secret</html>',
      {message: expect.stringContaining('HTTP status 503'), data: {httpStatus: 503}},
    ],
    [
      'nothing where an answer should be',
      200,
      '',
      {message: expect.stringContaining('before the result')},
    ],
  ])('answers for a server that answers with %s', async (_what, status, body, error) => {
    const url = await listen((_incoming, response) => {
      response.writeHead(status, {'content-type': 'application/json'}).end(body)
    })
    const {upstream, next} = connect(make, {url})
    upstream.send(INITIALIZE)
    const answer = await next(hasId(1))
    expect(answer).toMatchObject({error})
    expect(JSON.stringify(answer)).not.toContain('top-secret')
  })

  test('does not let a message that hangs hold back the next ones for ever', async () => {
    const url = await listen((incoming, response) => {
      let body = ''
      incoming.on('data', (chunk: Buffer) => (body += chunk.toString()))
      incoming.on('end', () => {
        if (body.includes('"hangs"')) return
        response.writeHead(200, {'content-type': 'application/json'})
        response.end('{"jsonrpc":"2.0","id":7,"result":{}}')
      })
    })
    const {upstream, next} = connect(make, {url})
    upstream.send(notification('hangs'))
    upstream.send(request(7, 'ping'))
    expect(await next(hasId(7))).toMatchObject({result: {}})
  })

  test.each([
    ['a body', 'application/json', JSON.stringify({jsonrpc: '2.0', id: 7, result: {ballast}}), []],
    ['an event', 'text/event-stream', event({jsonrpc: '2.0', id: 7, result: {ballast}}), []],
    [
      "an event whose id stands behind, after another that is nobody's answer",
      'text/event-stream',
      event({jsonrpc: '2.0', method: 'x', params: {ballast}}) +
        event({result: {ballast}, jsonrpc: '2.0', id: 7}),
      [expect.stringMatching(/^a message of server far .*left out$/)],
    ],
  ])('answers for a server whose answer is too large: %s', async (_what, type, body, lost) => {
    const url = await listen((incoming, response) => {
      incoming.resume().once('end', () => {
        response.writeHead(200, {'content-type': type}).end(body)
      })
    })
    const {upstream, next, received, warnings} = connect(make, {url})
    upstream.send(request(7, 'tools/call', {name: 'x'}))
    expect(await next(hasId(7))).toMatchObject(TOO_LARGE)
    expect(warnings).toEqual(lost)
    expect(received).toHaveLength(1)
  })

  test('goes on with a stream after an event that is too large', async () => {
    const url = await listen((incoming, response) => {
      incoming.resume()
      if (incoming.method === 'POST') return void response.writeHead(202).end()
      response.writeHead(200, {'content-type': 'text/event-stream'})
      response.write(event({jsonrpc: '2.0', method: 'x', params: {ballast}}))
      response.write(event({jsonrpc: '2.0', id: 9, method: 'ping'}))
    })
    const {upstream, next, warnings} = connect(make, {url})
    upstream.send(notification('notifications/initialized'))
    expect(await next(hasId(9))).toMatchObject({method: 'ping'})
    expect(warnings).toHaveLength(1)
  })

  test('leaves the stream of a request that was cancelled', async () => {
    const begun = Promise.withResolvers<void>()
    const gone = Promise.withResolvers<void>()
    const url = await listen((incoming, response) => {
      let body = ''
      incoming.on('data', (chunk: Buffer) => (body += chunk.toString()))
      incoming.on('end', () => {
        if (body.includes('cancelled')) return void response.writeHead(202).end()
        response.writeHead(200, {'content-type': 'text/event-stream'}).flushHeaders()
        response.once('close', gone.resolve)
        begun.resolve()
      })
    })
    const {upstream, received} = connect(make, {url})
    upstream.send(request(7, 'tools/call', {name: 'x'}))
    await begun.promise
    upstream.send(notification('notifications/cancelled', {requestId: 7}))
    await gone.promise
    expect(received).toEqual([])
  })

  test('takes up an answer behind the last event, as often as the server closes its stream', async () => {
    const {url, resumed} = await closingServer(({writeRest}, time) => {
      if (time === 1) return writeRest('retry: 1\nid: b\ndata: \n\n')
      writeRest(`id: c\ndata: ${lateAnswer(7)}\n\n`)
    })
    const {upstream, received, next} = connect(make, {url})
    upstream.send(request(7, 'tools/call', {name: 'x'}))
    await next(hasId(7))
    expect(received).toEqual([notification('early'), result(7, {late: true})])
    expect(resumed).toEqual(['a', 'b'])
  })

  test('takes up an answer whose connection was cut', async () => {
    const {url, resumed} = await closingServer(({writeRest, cut}, time) => {
      if (time === 1) return cut()
      writeRest(`id: c\ndata: ${lateAnswer(7)}\n\n`)
    })
    const {upstream, next} = connect(make, {url})
    upstream.send(request(7, 'tools/call', {name: 'x'}))
    expect(await next(hasId(7))).toMatchObject({result: {late: true}})
    expect(resumed).toEqual(['a', 'a'])
  })

  test('gives up an answer that is cut over and over', async () => {
    const {url, resumed} = await closingServer(({cut}) => cut())
    const {upstream, next} = connect(make, {url})
    upstream.send(request(7, 'tools/call', {name: 'x'}))
    expect(await next(hasId(7))).toMatchObject({
      error: {message: expect.stringContaining('cannot be reached')},
    })
    expect(resumed).toEqual(['a', 'a', 'a', 'a'])
  })

  test('says that an answer has ended when the server has nothing to go on with', async () => {
    const {url} = await closingServer(({refuse}) => refuse())
    const {upstream, next} = connect(make, {url})
    upstream.send(request(7, 'tools/call', {name: 'x'}))
    expect(await next(hasId(7))).toMatchObject({
      error: {message: expect.stringContaining('before the result')},
    })
  })

  test('does not come back for an answer that was cancelled', async () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    closers.push(async () => void vi.useRealTimers())
    const {url, resumed, posts} = await closingServer(({writeRest}) => {
      writeRest(`id: c\ndata: ${lateAnswer(8)}\n\n`)
    })
    const {upstream, received, next} = connect(make, {url})
    upstream.send(request(7, 'tools/call', {name: 'x'}))
    upstream.send(notification('notifications/cancelled', {requestId: 7}))
    upstream.send(request(8, 'tools/call', {name: 'y'}))
    const answer = next(hasId(8))
    // The third is sent when the notification has been taken.
    while (posts() < 3) await new Promise(resolve => void setImmediate(resolve))
    while (!received.some(hasId(8))) await vi.advanceTimersByTimeAsync(100)
    expect(await answer).toMatchObject({result: {late: true}})
    expect(resumed).toEqual(['a'])
  })

  test('tells on which stream a message came, also where that was taken up again', async () => {
    const url = await listen((incoming, response) => {
      let body = ''
      incoming.on('data', (chunk: Buffer) => (body += chunk.toString()))
      incoming.on('end', () => {
        if (body.includes('initialized')) return void response.writeHead(202).end()
        response.writeHead(200, {'content-type': 'text/event-stream'})
        const last = incoming.headers['last-event-id']
        if (body !== '') response.end(`retry: 1\nid: a\n${event(said('early'))}`)
        else if (last === 'a') response.end(event(said('late')) + event(result(7, {})))
        else response.write(event(said('of nobody')))
      })
    })
    const {upstream, received, origins, next} = connect(make, {url})
    upstream.send(request(7, 'tools/call', {name: 'x'}))
    await next(hasId(7))
    upstream.send(notification('notifications/initialized'))
    await next(({params}) => isJsonObject(params) && params['data'] === 'of nobody')
    expect(received).toEqual([said('early'), said('late'), result(7, {}), said('of nobody')])
    const own = {request: 7}
    expect(origins).toEqual([own, own, own, 'alone'])
  })

  test('goes on with the stream of other messages where it was lost, or from now on where that is forgotten', async () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    closers.push(async () => void vi.useRealTimers())
    const asked: unknown[] = []
    const url = await listen(({method, headers}, response) => {
      if (method !== 'GET') return void response.writeHead(202).end()
      const last = headers['last-event-id']
      asked.push(last)
      if (last === 'b') return void response.writeHead(400).end()
      const id = last === undefined ? (asked.length === 1 ? 'a' : 'c') : 'b'
      const message = JSON.stringify(notification('notifications/message', {data: id}))
      response.writeHead(200, {'content-type': 'text/event-stream'})
      response.end(`id: ${id}\ndata: ${message}\n\n`)
    })
    const {upstream, received} = connect(make, {url})
    upstream.send(notification('notifications/initialized'))
    while (received.length < 3) await vi.advanceTimersByTimeAsync(1000)
    // It goes on after these as long as nobody ends it.
    const params = received.slice(0, 3).map(message => message['params'])
    expect(params).toEqual([{data: 'a'}, {data: 'b'}, {data: 'c'}])
    expect(asked.slice(0, 4)).toEqual([undefined, 'a', 'b', undefined])
  })

  test('asks no more for a stream of other messages where there is none', async () => {
    const methods: (string | undefined)[] = []
    const url = await listen((incoming, response) => {
      methods.push(incoming.method)
      const type = incoming.method === 'GET' ? 'text/html' : 'application/json'
      response.writeHead(200, {'content-type': type}).end('{"jsonrpc":"2.0","id":7,"result":{}}')
    })
    const {upstream, next} = connect(make, {url})
    upstream.send(notification('notifications/initialized'))
    await expect.poll(() => methods).toContain('GET')
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    closers.push(async () => void vi.useRealTimers())
    for (let minutes = 0; minutes < 3; minutes += 1) await vi.advanceTimersByTimeAsync(60_000)
    upstream.send(request(7, 'ping'))
    await next(hasId(7))
    expect(methods.filter(method => method === 'GET')).toHaveLength(1)
  })

  test('says why a server cannot be reached', async () => {
    const url = await listen(() => undefined)
    await closers.pop()?.()
    const {upstream, next} = connect(make, {url})
    upstream.send(INITIALIZE)
    expect(await next(hasId(1))).toMatchObject({
      error: {message: expect.stringContaining('ECONNREFUSED'), data: {unreachable: true}},
    })
  })
})

describe('a batch of a server', () => {
  const told = notification('notifications/message', {level: 'info', data: 'on it'})
  const batch = JSON.stringify([told, 'junk', {jsonrpc: '2.0', id: 1, result: {}}])

  test.each([
    ['JSON', 'application/json', batch],
    ['an event', 'text/event-stream', `data: ${batch}\n\n`],
  ])('that is %s is taken message by message', async (_, type, body) => {
    const url = await listen((_incoming, response) => {
      response.writeHead(200, {'content-type': type}).end(body)
    })
    const {upstream, received, next} = connect(input => new RemoteUpstream(input), {url})
    upstream.send(INITIALIZE)
    expect(await next(hasId(1))).toMatchObject({result: {}})
    expect(received).toMatchObject([told, {id: 1}])
  })

  test('on the stream of HTTP+SSE is taken message by message', async () => {
    const url = await listen((incoming, response) => {
      if (incoming.method === 'POST') return void response.writeHead(202).end()
      response.writeHead(200, {'content-type': 'text/event-stream'})
      response.write(`event: endpoint\ndata: /mcp\n\ndata: ${batch}\n\n`)
    })
    const {received, next} = connect(input => new SseUpstream(input), {url})
    await next(hasId(1))
    expect(received).toMatchObject([told, {id: 1}])
  })
})

describe('SseUpstream', () => {
  test('answers for a server whose answer is too large, and goes on with the stream', async () => {
    const url = await listen((incoming, response) => {
      incoming.resume()
      if (incoming.method === 'POST') return void response.writeHead(202).end()
      response.writeHead(200, {'content-type': 'text/event-stream'})
      response.write('event: endpoint\ndata: /messages\n\n')
      response.write(event({jsonrpc: '2.0', id: 7, result: {ballast}}))
      response.write(event({jsonrpc: '2.0', id: 8, result: {}}))
    })
    const {next, warnings} = connect(input => new SseUpstream(input), {url})
    expect(await next(hasId(8))).toMatchObject({result: {}})
    expect(await next(hasId(7))).toMatchObject(TOO_LARGE)
    expect(warnings).toEqual([])
  })

  test('posts to no other host than its own', async () => {
    const url = await listen((_incoming, response) => {
      response.writeHead(200, {'content-type': 'text/event-stream'})
      response.write('event: endpoint\ndata: http://127.0.0.2:1/steal\n\n')
    })
    const {upstream} = connect(input => new SseUpstream(input), {url})
    upstream.send(INITIALIZE)
    expect((await upstream.closed).what).toContain('another host')
  })
})

const spec = (url: string, transport: 'streamable' | 'sse'): RemoteSpec => ({
  kind: 'remote',
  name: 'far',
  url,
  transport,
  headers: [{name: 'authorization', parts: [{text: 'Bearer '}, {reference: 'FAR_TOKEN'}]}],
  longLived: false,
  ephemeral: false,
  limits: {},
  requiredConfig: [],
  secrets: [{name: 'far.token', env: 'FAR_TOKEN', required: true}],
  secretNames: ['far.token'],
})
const fleetWith = (values: Readonly<Record<string, string>>) =>
  createFleet({
    ...FLEET_DEFAULTS,
    engine: () => Promise.reject(new Error('no engine is needed')),
    owner: 'test',
    secrets: secretsOf(values),
  })
const opening = () => {
  const answer = Promise.withResolvers<Message>()
  const signal = new AbortController().signal
  return {session: 's', signal, onMessage: answer.resolve, answer: answer.promise}
}

describe('a remote server of a catalog', () => {
  test('gets its secret in the header where the entry wants it, without any engine', async () => {
    const {url, seen} = await streamableServer()
    const open = fleetWith({'far.token': 'top-secret'}).openers(spec(url, 'streamable')).legacy
    const asked = opening()
    const upstream = await open(asked)
    closers.push(async () => upstream[Symbol.asyncDispose]())
    upstream.send(INITIALIZE)
    expect(await asked.answer).toMatchObject({result: {serverInfo: {name: 'far'}}})
    expect(seen[0]?.headers.authorization).toBe('Bearer top-secret')
  })

  test('gets its secret in the modern era, too, which HTTP+SSE does not have', async () => {
    let asked: IncomingMessage | undefined
    const url = await listen((incoming, response) => {
      asked = incoming
      response.writeHead(200, {'content-type': 'application/json'})
      response.end(JSON.stringify(result(1, {modern: true})))
    })
    const fleet = fleetWith({'far.token': 'top-secret'})
    expect(fleet.openers(spec(url, 'sse'))).toMatchObject({modern: undefined, tellsOrigin: false})
    const {modern, tellsOrigin} = fleet.openers(spec(url, 'streamable'))
    expect(tellsOrigin).toBe(true)
    const opened = opening()
    const upstream = await modern?.(opened)
    closers.push(async () => upstream?.[Symbol.asyncDispose]())
    upstream?.send(request(1, 'server/discover'))
    expect(await opened.answer).toEqual(result(1, {modern: true}))
    expect(asked?.headers).toMatchObject({
      authorization: 'Bearer top-secret',
      'mcp-method': 'server/discover',
    })
  })

  test.each(['streamable', 'sse'] as const)(
    'is not opened over %s without its secret',
    async transport => {
      const open = fleetWith({}).openers(spec('http://127.0.0.1:9/mcp', transport)).legacy
      await expect(open(opening())).rejects.toMatchObject({
        code: 'SECRET_MISSING',
        message: expect.stringContaining('far.token'),
      })
    },
  )
})
