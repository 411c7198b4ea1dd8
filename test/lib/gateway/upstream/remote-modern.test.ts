import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import {text} from 'node:stream/consumers'
import {afterEach, describe, expect, test} from 'vitest'
import {isJsonObject, type JsonObject} from '../../../../src/lib/base/json.ts'
import type {RemoteInput} from '../../../../src/lib/gateway/upstream/remote-wire.ts'
import {RemoteModern} from '../../../../src/lib/gateway/upstream/remote-modern.ts'
import type {Origin} from '../../../../src/lib/gateway/upstream/upstream.ts'
import {
  classify,
  failure,
  isRequest,
  isResponse,
  isUnusable,
  notification,
  request,
  result,
  type Message,
  type Request,
} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {META} from '../../../../src/lib/gateway/wire/meta.ts'
import {Inbox} from '../../../support/inbox.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

/** A POST as the server has got it. */
interface Post {
  readonly message: Message
  readonly headers: IncomingHttpHeaders
  readonly incoming: IncomingMessage
  readonly response: ServerResponse
}

/** A server on the loopback, and everything that was posted to it. */
async function serve(
  answer: (post: Post) => unknown,
): Promise<{url: string; posts: Inbox<Post>; calls: () => unknown[]}> {
  const posts = new Inbox<Post>()
  const server = createServer((incoming, response) => {
    void take(incoming, response)
  })
  async function take(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const message = classify(JSON.parse(await text(incoming)))
    if (isUnusable(message)) throw new Error(message.reason)
    const post = {message, headers: incoming.headers, incoming, response}
    posts.add(post)
    answer(post)
  }
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
  return {
    url: `http://127.0.0.1:${address.port}/mcp`,
    posts,
    calls: () => posts.items.map(({message}) => message['method']),
  }
}

function json(response: ServerResponse, message: JsonObject, status = 200): void {
  response.writeHead(status, {'content-type': 'application/json'}).end(JSON.stringify(message))
}

const event = (message: JsonObject) => `data: ${JSON.stringify(message)}\n\n`

function stream(response: ServerResponse, ...messages: JsonObject[]): ServerResponse {
  response.writeHead(200, {'content-type': 'text/event-stream'})
  for (const message of messages) response.write(event(message))
  return response
}

const MAX = 64 * 1024

interface Received {
  readonly message: Message
  readonly origin: Origin
}

function connect(
  url: string,
  input: Partial<RemoteInput> = {},
): {upstream: RemoteModern; received: Inbox<Received>; warnings: string[]} {
  const received = new Inbox<Received>()
  const warnings: string[] = []
  const upstream = new RemoteModern({
    url,
    headers: [],
    server: 'far',
    maxMessageBytes: MAX,
    warn: line => warnings.push(line),
    redact: line => line.replaceAll('top-secret', '[secret]'),
    onMessage: (message, origin) => received.add({message, origin}),
    ...input,
  })
  closers.push(async () => upstream[Symbol.asyncDispose]())
  return {upstream, received, warnings}
}

const _meta = {
  [META.version]: '2026-07-28',
  [META.client]: {name: 'test', version: '1'},
  [META.capabilities]: {},
}
const ask = (id: number | string, method: string, params: JsonObject = {}): Request =>
  request(id, method, {...params, _meta})
const call = (id: number, name: string, args: JsonObject = {}): Request =>
  ask(id, 'tools/call', {name, arguments: args})
const answers =
  (id: number | string) =>
  ({message}: Received) =>
    isResponse(message) && message.id === id
/** What was answered to the request with this id. */
const answerTo = async (received: Inbox<Received>, id: number | string): Promise<Message> =>
  (await received.find(answers(id))).message

const idOf = ({message}: Post) => (isRequest(message) ? message.id : 0)
const tool = (name: string, properties: JsonObject = {}): JsonObject => ({
  name,
  inputSchema: {type: 'object', properties},
})
const REGION = {region: {type: 'string', 'x-mcp-header': 'Region'}}
const DONE = {content: [], resultType: 'complete'}
const cursorOf = ({message}: Post): unknown =>
  isJsonObject(message['params']) ? message['params']['cursor'] : undefined

const headersOf = async (posts: Inbox<Post>, id: number): Promise<IncomingHttpHeaders> =>
  (await posts.find(post => idOf(post) === id)).headers
/** Lists the tools on pages of one, and answers every call. */
const listing =
  (tools: readonly JsonObject[]) =>
  (post: Post): void => {
    const at = Number(cursorOf(post) ?? 0)
    const more = at + 1 < tools.length ? {nextCursor: String(at + 1)} : {}
    const page = {tools: tools.slice(at, at + 1), ...more}
    json(post.response, result(idOf(post), post.message['method'] === 'tools/list' ? page : DONE))
  }

describe('a request to a modern server over HTTP', () => {
  test('says in headers what servers want there, and has no session', async () => {
    const {url, posts} = await serve(post => {
      post.response.setHeader('mcp-session-id', 'none of ours')
      json(post.response, result(idOf(post), DONE))
    })
    const {upstream, received} = connect(url, {headers: [['Authorization', 'Bearer top-secret']]})
    upstream.send(ask(1, 'resources/read', {uri: 'file:///ä'}))
    await answerTo(received, 1)
    upstream.send(ask(2, 'server/discover'))
    expect(await received.find(answers(2))).toEqual({
      message: result(2, DONE),
      origin: {request: 2},
    })
    const [read, discover] = posts.items
    expect(read?.message).toEqual(ask(1, 'resources/read', {uri: 'file:///ä'}))
    expect(read?.incoming.method).toBe('POST')
    expect(read?.headers).toMatchObject({
      authorization: 'Bearer top-secret',
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'resources/read',
      'mcp-name': '=?base64?ZmlsZTovLy/DpA==?=',
    })
    expect(discover?.headers).toMatchObject({'mcp-method': 'server/discover'})
    expect(discover?.headers).not.toHaveProperty('mcp-name')
    expect(discover?.headers).not.toHaveProperty('mcp-session-id')
    expect(posts.items).toHaveLength(2)
  })

  test('gets what comes before its answer, as it comes', async () => {
    const {url, posts} = await serve(({response}) => {
      stream(response, notification('notifications/progress', {progress: 1}))
    })
    const {upstream, received} = connect(url)
    upstream.send(ask('a', 'prompts/get', {name: 'p'}))
    const {message, origin} = await received.find(() => true)
    expect(message).toEqual(notification('notifications/progress', {progress: 1}))
    expect(origin).toEqual({request: 'a'})
    posts.items[0]?.response.end(event(result('a', DONE)))
    expect(await answerTo(received, 'a')).toEqual(result('a', DONE))
  })

  test.each([400, 404, 500])(
    'is answered with the error that comes with status %i, word for word',
    async status => {
      const error = {code: -32_022, message: 'no', data: {supported: ['2026-07-28']}, more: 1}
      const {url} = await serve(({response}) => {
        json(response, {jsonrpc: '2.0', error}, status)
      })
      const {upstream, received} = connect(url)
      upstream.send(ask(1, 'tools/list'))
      expect(await answerTo(received, 1)).toEqual({jsonrpc: '2.0', id: 1, error})
    },
  )

  test.each([401, 403, 429, 500, 503])(
    'is told by status %i when it asks what the server is, whatever else that says',
    async httpStatus => {
      const {url} = await serve(({response}) => {
        json(response, failure(1, -32_601, 'passing'), httpStatus)
      })
      const {upstream, received} = connect(url)
      upstream.send(ask(1, 'server/discover'))
      expect(await answerTo(received, 1)).toMatchObject({
        error: {code: -32_603, data: {httpStatus}},
      })
    },
  )

  test.each(['server/discover', 'tools/list', 'resources/read', 'com.example/more'])(
    'carries the headers that its client has made of params, for %s as for calls',
    async method => {
      const {url, posts} = await serve(post => json(post.response, result(idOf(post), DONE)))
      const {upstream, received} = connect(url)
      const mirrored = new Map([
        ['mcp-param-region', 'eu'],
        ['authorization', 'theirs'],
      ])
      upstream.send(ask(1, method, {uri: 'a:b'}), mirrored)
      await answerTo(received, 1)
      const {headers} = await posts.find(() => true)
      expect(headers).toMatchObject({'mcp-param-region': 'eu'})
      expect(headers['authorization']).not.toBe('theirs')
    },
  )

  test.each([
    [400, ''],
    [404, '<html>top-secret'],
    [429, '{"jsonrpc": "2.0", "id": 1, "result": {}}'],
  ])('fails with the status when %i comes without such an error', async (status, body) => {
    const {url, posts} = await serve(({response}) => {
      response.writeHead(status, {'retry-after': '0'}).end(body)
    })
    const {upstream, received} = connect(url)
    upstream.send(ask(1, 'server/discover'))
    const why = `server far: ${new URL(url).origin} answered with HTTP status ${status}`
    const data = {server: 'far', reason: 'TOOL_FAILED', httpStatus: status}
    expect(await answerTo(received, 1)).toEqual(failure(1, -32_603, why, data))
    expect(posts.items).toHaveLength(1)
  })

  test('fails when the server cannot be reached, without a secret in the words', async () => {
    const {upstream, received} = connect('http://127.0.0.1:1/mcp', {redact: () => '[redacted]'})
    upstream.send(ask(1, 'server/discover'))
    expect(await answerTo(received, 1)).toEqual(
      failure(1, -32_603, '[redacted]', {server: 'far', reason: 'TOOL_FAILED', unreachable: true}),
    )
  })

  test('is left when it is cancelled, and nothing is sent', async () => {
    const {url, posts} = await serve(post => {
      if (idOf(post) === 1) stream(post.response, notification('notifications/progress'))
      else json(post.response, result(idOf(post), DONE))
    })
    const {upstream, received} = connect(url)
    upstream.send(ask(1, 'prompts/get', {name: 'p'}))
    await received.find(() => true)
    const [post] = posts.items
    const left = new Promise(resolve => post?.response.once('close', resolve))
    upstream.send(notification('notifications/cancelled', {requestId: 1}))
    await left
    upstream.send(ask(2, 'server/discover'))
    await answerTo(received, 2)
    expect(posts.items).toHaveLength(2)
    expect(received.items.some(answers(1))).toBe(false)
  })

  test('is left when the server is disposed of, which alone closes it', async () => {
    const {url, posts} = await serve(({response}) => {
      stream(response, notification('notifications/progress'))
    })
    const {upstream, received} = connect(url)
    upstream.send(ask(1, 'subscriptions/listen'))
    await received.find(() => true)
    const left = new Promise(resolve => posts.items[0]?.response.once('close', resolve))
    await upstream[Symbol.asyncDispose]()
    await left
    expect(await upstream.closed).toEqual({what: 'was left', stderr: [], junk: undefined})
    expect(received.items).toHaveLength(1)
  })
})

test('a notification is posted, an answer is not, and nobody hears of their fate', async () => {
  const {url, posts} = await serve(post => {
    if (isRequest(post.message)) json(post.response, result(idOf(post), DONE))
    else post.response.writeHead(500).end('no')
  })
  const {upstream, received} = connect(url)
  upstream.send(result(7, {}))
  upstream.send(notification('notifications/vendor', {_meta}))
  await posts.find(() => true)
  upstream.send(ask(1, 'server/discover'))
  await answerTo(received, 1)
  expect(posts.items[0]?.headers).toMatchObject({
    'mcp-method': 'notifications/vendor',
    'mcp-protocol-version': '2026-07-28',
  })
  expect(posts.items).toHaveLength(2)
  expect(received.items).toHaveLength(1)
})

describe('a hostile server', () => {
  test('that never ends a stream behind the answer is left', async () => {
    const {url, posts} = await serve(({response}) => {
      stream(response, result(1, DONE), result(1, {late: true}), notification('notifications/late'))
    })
    const {upstream, received} = connect(url)
    upstream.send(ask(1, 'server/discover'))
    expect(await answerTo(received, 1)).toEqual(result(1, DONE))
    await new Promise(resolve => posts.items[0]?.response.once('close', resolve))
    expect(received.items).toHaveLength(1)
  })

  const ended = 'ended its answer before the result'
  test.each<[string, (response: ServerResponse) => unknown, string]>([
    ['answers another request', response => json(response, result(2, DONE)), ended],
    ['answers another on a stream', response => stream(response, result('1', DONE)).end(), ended],
    ['asks back', response => stream(response, request(1, 'roots/list')).end(), ended],
    ['sends no message', response => response.writeHead(200).end('<html>'), ended],
    ['sends nothing', response => response.writeHead(202).end(), ended],
  ])('that %s has not answered', async (_case, answer, why) => {
    const {url} = await serve(({response}) => answer(response))
    const {upstream, received} = connect(url)
    upstream.send(ask(1, 'server/discover'))
    expect(await answerTo(received, 1)).toEqual(
      failure(1, -32_603, `server far: ${new URL(url).origin} ${why}`, {
        server: 'far',
        reason: 'SERVER_ENDED',
      }),
    )
    expect(received.items).toHaveLength(1)
  })

  test('that breaks off a stream has not answered', async () => {
    const {url} = await serve(({response}) => {
      stream(response).write(': on it\n', () => response.destroy())
    })
    const {upstream, received} = connect(url)
    upstream.send(ask(1, 'server/discover'))
    expect(await answerTo(received, 1)).toMatchObject({
      error: {message: expect.stringContaining('broke off its answer')},
    })
  })

  test('that sends a huge head has not answered', async () => {
    const {url} = await serve(({response}) => {
      response.writeHead(200, {'x-huge': 'x'.repeat(1024 * 1024)}).end()
    })
    const {upstream, received} = connect(url)
    upstream.send(ask(1, 'server/discover'))
    expect(await answerTo(received, 1)).toMatchObject({
      error: {code: -32_603, data: {unreachable: true}},
    })
  })

  test.each<[string, (response: ServerResponse, message: JsonObject) => unknown]>([
    ['body', json],
    ['event', (response, message) => stream(response, message).end()],
  ])('that answers with too large a %s is answered for', async (_case, answer) => {
    const {url} = await serve(({response}) => answer(response, result(1, {huge: 'x'.repeat(MAX)})))
    const {upstream, received} = connect(url)
    upstream.send(ask(1, 'server/discover'))
    expect(await answerTo(received, 1)).toMatchObject({
      error: {code: -32_603, message: expect.stringContaining('--max-message-size')},
    })
  })
})

describe('the headers of a call', () => {
  const HASTY = tool('hasty', {
    ...REGION,
    deep: {type: 'object', properties: {n: {type: 'integer', 'x-mcp-header': 'N'}}},
  })

  test('come from a list that has gone by', async () => {
    const {url, posts, calls} = await serve(listing([HASTY]))
    const {upstream, received} = connect(url)
    upstream.send(ask(1, 'tools/list'))
    expect(await answerTo(received, 1)).toEqual(result(1, {tools: [HASTY]}))
    upstream.send(call(2, 'hasty', {region: ' us', deep: {n: 42}, other: 'x'}))
    await answerTo(received, 2)
    expect(await headersOf(posts, 2)).toMatchObject({
      'mcp-name': 'hasty',
      'mcp-param-region': '=?base64?IHVz?=',
      'mcp-param-n': '42',
    })
    expect(calls()).toEqual(['tools/list', 'tools/call'])
  })

  test('come from a list of our own where none has gone by, which is asked for once', async () => {
    const {url, posts, calls} = await serve(listing([tool('other'), HASTY]))
    const {upstream, received} = connect(url)
    upstream.send(call(1, 'hasty', {region: 'eu'}))
    upstream.send(call(2, 'hasty', {region: 'us', deep: {n: null}}))
    upstream.send(call(3, 'nobody'))
    for (const id of [1, 2, 3]) await answerTo(received, id)
    expect(await headersOf(posts, 1)).toMatchObject({'mcp-param-region': 'eu'})
    expect(await headersOf(posts, 2)).toMatchObject({'mcp-param-region': 'us'})
    expect(await headersOf(posts, 2)).not.toHaveProperty('mcp-param-n')
    expect(calls().filter(method => method === 'tools/list')).toHaveLength(2)
    expect(posts.items[0]?.message).toEqual(ask('own-1', 'tools/list'))
    expect(posts.items[1]?.message).toEqual(ask('own-2', 'tools/list', {cursor: '1'}))
    expect(received.items).toHaveLength(3)
  })

  test('are those of the client where nothing is known, without a list', async () => {
    const {url, posts, calls} = await serve(listing([HASTY]))
    const {upstream, received} = connect(url, {headers: [['Mcp-Param-Tenant', 'ours']]})
    const mirrored = new Map([
      ['mcp-param-region', '=?base64?IHVz?='],
      ['mcp-param-tenant', 'theirs'],
      ['authorization', 'theirs'],
    ])
    upstream.send(call(1, 'hasty', {region: ' us'}), mirrored)
    await answerTo(received, 1)
    const headers = await headersOf(posts, 1)
    expect(headers).toMatchObject({
      'mcp-param-region': '=?base64?IHVz?=',
      'mcp-param-tenant': 'ours',
    })
    expect(headers).not.toHaveProperty('authorization')
    expect(calls()).toEqual(['tools/call'])
  })

  test('are those of the body where the client says something else, and unknown ones pass', async () => {
    const {url, posts} = await serve(listing([HASTY]))
    const {upstream, received} = connect(url)
    upstream.send(ask(1, 'tools/list'))
    await answerTo(received, 1)
    const mirrored = new Map([
      ['mcp-param-region', 'us'],
      ['mcp-param-n', '1'],
      ['mcp-param-else', 'x'],
    ])
    upstream.send(call(2, 'hasty', {region: 'eu'}), mirrored)
    await answerTo(received, 2)
    const headers = await headersOf(posts, 2)
    expect(headers).toMatchObject({'mcp-param-region': 'eu', 'mcp-param-else': 'x'})
    expect(headers).not.toHaveProperty('mcp-param-n')
  })

  test('are made again, once, when the server refuses them', async () => {
    let tools = [tool('hasty')]
    const {url, posts, calls} = await serve(post => {
      const isRefused =
        post.message['method'] === 'tools/call' && post.headers['mcp-param-region'] !== 'eu'
      if (!isRefused) return listing(tools)(post)
      tools = [tool('hasty', REGION)]
      json(post.response, failure(idOf(post), -32_020, 'no'), 400)
    })
    const {upstream, received} = connect(url)
    upstream.send(call(1, 'hasty', {region: 'eu'}))
    expect(await answerTo(received, 1)).toEqual(result(1, DONE))
    expect(calls()).toEqual(['tools/list', 'tools/call', 'tools/list', 'tools/call'])
    upstream.send(call(2, 'hasty', {region: 'us'}))
    expect(await answerTo(received, 2)).toEqual(failure(2, -32_020, 'no'))
    expect(posts.items).toHaveLength(7)
    expect(received.items).toHaveLength(2)
  })

  test('come from a new list when the server says that it has changed', async () => {
    const {url, calls} = await serve(post => {
      if (post.message['method'] !== 'subscriptions/listen') return listing([HASTY])(post)
      stream(post.response, notification('notifications/tools/list_changed'))
    })
    const {upstream, received} = connect(url)
    upstream.send(call(1, 'hasty'))
    await answerTo(received, 1)
    upstream.send(ask(2, 'subscriptions/listen'))
    await received.find(({message}) => !isResponse(message))
    upstream.send(call(3, 'hasty'))
    await answerTo(received, 3)
    expect(calls()).toEqual([
      'tools/list',
      'tools/call',
      'subscriptions/listen',
      'tools/list',
      'tools/call',
    ])
  })

  test('do not wait for a list whose pages repeat or cannot be had', async () => {
    let lists = 0
    const {url, calls} = await serve(post => {
      if (post.message['method'] === 'tools/call')
        return json(post.response, result(idOf(post), DONE))
      lists += 1
      json(post.response, result(idOf(post), {tools: 'none', nextCursor: String(lists % 3)}))
    })
    const {upstream, received} = connect(url)
    upstream.send(call(1, 'constructor', JSON.parse('{"__proto__": 1}')))
    await answerTo(received, 1)
    expect(calls()).toEqual([...Array.from({length: 4}, () => 'tools/list'), 'tools/call'])
  })

  test('do not wait for a list whose pages have no end for ever', async () => {
    let lists = 0
    const {url} = await serve(post => {
      if (post.message['method'] === 'tools/call')
        return json(post.response, result(idOf(post), DONE))
      lists += 1
      json(post.response, result(idOf(post), {tools: [], nextCursor: `page ${lists}`}))
    })
    const {upstream, received} = connect(url)
    upstream.send(call(1, 'any'))
    expect(await answerTo(received, 1)).toEqual(result(1, DONE))
    expect(lists).toBe(100)
  })

  test('are not waited for by a call that is cancelled', async () => {
    const {url, posts, calls} = await serve(post => {
      if (post.message['method'] === 'server/discover')
        json(post.response, result(idOf(post), DONE))
    })
    const {upstream, received} = connect(url)
    upstream.send(call(1, 'hasty'))
    await posts.find(() => true)
    upstream.send(notification('notifications/cancelled', {requestId: 1}))
    upstream.send(ask(2, 'server/discover'))
    await answerTo(received, 2)
    expect(calls()).toEqual(['tools/list', 'server/discover'])
    expect(received.items).toHaveLength(1)
  })
})

test('tools with invalid annotations are left out of lists, and each is warned of once', async () => {
  const bad = tool('b\nad', {a: {type: 'number', 'x-mcp-header': 'A'}})
  const page = {
    tools: [tool('first'), bad, 7, tool('last', REGION)],
    ttlMs: 5,
    resultType: 'complete',
  }
  const {url} = await serve(post => {
    stream(post.response, result(idOf(post), page)).end()
  })
  const {upstream, received, warnings} = connect(url)
  for (const id of [1, 2]) {
    upstream.send(ask(id, 'tools/list'))
    expect(await answerTo(received, id)).toEqual(
      result(id, {...page, tools: [tool('first'), 7, tool('last', REGION)]}),
    )
  }
  expect(warnings).toEqual([
    'the tool b?ad of server far is left out: x-mcp-header "A" stands at what is no string, integer or boolean',
  ])
})
