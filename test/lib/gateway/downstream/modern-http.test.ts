import {once} from 'node:events'
import {connect} from 'node:net'
import {text} from 'node:stream/consumers'
import * as fc from 'fast-check'
import {afterEach, describe, expect, test, vi} from 'vitest'
import {isJsonObject, type JsonObject} from '../../../../src/lib/base/json.ts'
import type {Exchange} from '../../../../src/lib/gateway/modern/exchange.ts'
import {Cancelled} from '../../../../src/lib/gateway/relay/connection.ts'
import {
  failure,
  notification,
  result,
  type Notification,
  type Response,
} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {encodeHeaderValue} from '../../../../src/lib/gateway/wire/mirror.ts'
import {startHttpEndpoint, type HttpEndpoint} from '../../../support/http-endpoint.ts'
import {Inbox} from '../../../support/inbox.ts'
import {all, cut, events, fetchRaw, send, type RawAnswer} from '../../../support/raw-http.ts'

const VERSION = '2026-07-28'
const META = {
  'io.modelcontextprotocol/protocolVersion': VERSION,
  'io.modelcontextprotocol/clientCapabilities': {},
}

/** One exchange as the gateway sees it, and how it ends. */
interface Asked {
  readonly exchange: Exchange
  readonly resolve: (answer: Response) => void
  readonly reject: (error: Error) => void
}

/** An endpoint whose exchanges a test answers itself. */
async function start(): Promise<{
  endpoint: HttpEndpoint
  asked: Inbox<Asked>
  told: Notification[]
}> {
  const asked = new Inbox<Asked>()
  const told: Notification[] = []
  const endpoint = await startHttpEndpoint({
    notify: message => void told.push(message),
    answer(exchange) {
      const {promise, resolve, reject} = Promise.withResolvers<Response>()
      asked.add({exchange, resolve, reject})
      return promise
    },
  })
  return {endpoint, asked, told}
}

/** An endpoint that answers each exchange by this. */
function answering(
  answer: (exchange: Exchange) => Response | Promise<Response>,
): Promise<HttpEndpoint> {
  return startHttpEndpoint({answer: async exchange => answer(exchange)})
}

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

/** A request as it goes out; a header that is undefined is left out. */
function posting(
  port: number,
  {id = 1, method, params = {}}: {id?: string | number; method: string; params?: JsonObject},
  more: Headers = {},
) {
  const name = params['name'] ?? params['uri']
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': VERSION,
    'mcp-method': method,
    'mcp-name': typeof name === 'string' ? encodeHeaderValue(name) : undefined,
    ...more,
  }
  const present = Object.entries(headers).filter(([, value]) => value !== undefined)
  const body = JSON.stringify({jsonrpc: '2.0', id, method, params: {_meta: META, ...params}})
  return {port, method: 'POST', headers: Object.fromEntries(present), body}
}

const call = (name: string, id: string | number = 1) => ({id, method: 'tools/call', params: {name}})
const errorOf = ({body}: RawAnswer) => JSON.parse(body).error
const progress = (at: number) => notification('notifications/progress', {progressToken: 1, at})

function reasonOf({signal}: Exchange): unknown {
  return signal.reason instanceof Cancelled ? signal.reason.params : signal.reason
}

afterEach(() => void vi.useRealTimers())

describe('a request without a session', () => {
  test('gets one JSON body when its answer is the first thing to say', async () => {
    await using endpoint = await answering(({request}) => result(request.id, {text: 'é ⚓'}))
    const answer = await fetchRaw(posting(endpoint.port, call('x', 'seven')))
    expect(answer.status).toBe(200)
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(answer.body)),
    })
    expect(answer.headers).not.toHaveProperty('mcp-session-id')
    expect(JSON.parse(answer.body)).toEqual(result('seven', {text: 'é ⚓'}))
  })

  test('is passed on as it came, with the parameters that are in headers', async () => {
    const {endpoint, asked} = await start()
    await using _ = endpoint
    const headers = {'Mcp-Param-Region': ' us-west1 ', 'MCP-PARAM-N': '=?base64?YQ==?=', 'x-n': '1'}
    const sending = fetchRaw(posting(endpoint.port, call('x', '1'), headers))
    const {exchange, resolve} = await asked.find(() => true)
    expect(exchange.request).toEqual({
      jsonrpc: '2.0',
      id: '1',
      method: 'tools/call',
      params: {_meta: META, name: 'x'},
    })
    expect([...(exchange.mirrored ?? [])]).toEqual([
      ['mcp-param-region', 'us-west1'],
      ['mcp-param-n', '=?base64?YQ==?='],
    ])
    resolve(result('1', {}))
    expect((await sending).status).toBe(200)
  })

  test('needs no session, and whatever session it names is ignored', async () => {
    await using endpoint = await answering(({request}) => result(request.id, {}))
    const headers = {'mcp-session-id': 'nobody', 'last-event-id': 'x-1-1'}
    const answer = await fetchRaw(posting(endpoint.port, {method: 'tools/list'}, headers))
    expect(answer.status).toBe(200)
    expect(answer.headers).not.toHaveProperty('mcp-session-id')
  })

  test.each([
    [-32601, 404],
    [-32020, 400],
    [-32021, 400],
    [-32022, 400],
    [-32602, 200],
    [-32603, 200],
    [7, 200],
  ])('that fails with %d has the status %d', async (code, status) => {
    await using endpoint = await answering(({request}) => failure(request.id, code, 'no', {a: 1}))
    for (const accept of ['application/json, text/event-stream', 'application/json', undefined]) {
      const answer = await fetchRaw(posting(endpoint.port, {method: 'some/thing'}, {accept}))
      expect(answer.status).toBe(status)
      expect(JSON.parse(answer.body)).toEqual(failure(1, code, 'no', {a: 1}))
    }
    const alone = {accept: 'text/event-stream'}
    expect((await fetchRaw(posting(endpoint.port, {method: 'x'}, alone))).status).toBe(status)
  })

  test('becomes a stream with its first notification, and ends with the answer', async () => {
    const {endpoint, asked} = await start()
    await using _ = endpoint
    const sending = send(posting(endpoint.port, call('x')))
    const {exchange, resolve} = await asked.find(() => true)
    exchange.notify(progress(1))
    const {incoming} = await sending
    expect(incoming.statusCode).toBe(200)
    expect(incoming.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    })
    exchange.notify(progress(2))
    // Its status is out already.
    resolve(failure(1, -32601, 'no'))
    const expected = [progress(1), progress(2), failure(1, -32601, 'no')]
    expect(await all(events(incoming))).toEqual(expected)
    exchange.notify(progress(3))
    expect(exchange.signal.aborted).toBe(false)
  })

  test('that takes long becomes a stream, so that its connection is seen to live', async () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval']})
    const {endpoint, asked} = await start()
    await using _ = endpoint
    const sending = send(posting(endpoint.port, call('x')))
    const {resolve} = await asked.find(() => true)
    vi.advanceTimersByTime(15_000)
    const {incoming} = await sending
    vi.advanceTimersByTime(15_000)
    incoming.setEncoding('utf8')
    expect(String((await once(incoming, 'data'))[0])).toBe(': keep-alive\n\n')
    resolve(result(1, {}))
    expect(await text(incoming)).toBe(`event: message\ndata: ${JSON.stringify(result(1, {}))}\n\n`)
  })

  test('of a client that takes JSON alone gets its answer, and no notifications', async () => {
    await using endpoint = await answering(exchange => {
      exchange.notify(progress(1))
      return result(exchange.request.id, {})
    })
    const json = {accept: 'application/json'}
    const answer = await fetchRaw(posting(endpoint.port, call('x'), json))
    expect(answer.headers['content-type']).toBe('application/json')
    expect(JSON.parse(answer.body)).toEqual(result(1, {}))
  })

  test('of a client that takes events alone gets its answer as one', async () => {
    await using endpoint = await answering(({request}) => result(request.id, {}))
    const {incoming} = await send(posting(endpoint.port, call('x'), {accept: 'text/event-stream'}))
    expect(incoming.headers['content-type']).toBe('text/event-stream')
    expect(await all(events(incoming))).toEqual([result(1, {})])
  })

  test.each([
    ['takes neither form', 'text/html', {method: 'tools/list'}],
    ['listens, but takes no events', 'application/json', {method: 'subscriptions/listen'}],
  ])('of a client that %s is refused', async (_, accept, message) => {
    await using endpoint = await answering(({request}) => result(request.id, {}))
    const answer = await fetchRaw(posting(endpoint.port, message, {accept}))
    expect(answer.status).toBe(406)
    expect(JSON.parse(answer.body)).toMatchObject({id: 1, error: {code: -32600}})
  })

  test('of another client may have the same id', async () => {
    const {endpoint, asked} = await start()
    await using _ = endpoint
    const both = ['a', 'b'].map(name => fetchRaw(posting(endpoint.port, call(name))))
    for (const name of ['b', 'a']) {
      const own = await asked.find(({exchange}) => exchange.request.params?.['name'] === name)
      own.resolve(result(1, {name}))
    }
    const answers = (await Promise.all(both)).map(({body}) => JSON.parse(body).result.name)
    expect(answers).toEqual(['a', 'b'])
  })

  test('that nobody could answer is an error, and the reason is for the log', async () => {
    await using endpoint = await answering(() => Promise.reject(new Error('the\nreason')))
    const answer = await fetchRaw(posting(endpoint.port, call('x')))
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.body)).toEqual(
      failure(1, -32603, 'the gateway failed on this request'),
    )
    expect(endpoint.warnings).toEqual([expect.stringMatching(/^! .*the.reason$/)])
  })

  test('may have a large answer', async () => {
    const data = 'ü'.repeat(200_000)
    await using endpoint = await answering(({request}) => result(request.id, {data}))
    const answer = await fetchRaw(posting(endpoint.port, call('x')))
    expect(JSON.parse(answer.body)).toEqual(result(1, {data}))
    expect(answer.headers['content-length']).toBe(String(Buffer.byteLength(answer.body)))
  })
})

describe('what comes without a session and is no request', () => {
  const headers = {'content-type': 'application/json', 'mcp-protocol-version': VERSION}
  const post = (port: number, body: unknown) =>
    fetchRaw({port, method: 'POST', headers, body: JSON.stringify(body)})

  test.each([
    ['dropped', 'notifications/cancelled', []],
    ['passed on', 'vendor/said', [notification('vendor/said', {requestId: 5})]],
  ])('is accepted and %s when it is %s', async (_what, method, heard) => {
    const {endpoint, asked, told} = await start()
    await using _ = endpoint
    const sending = fetchRaw(posting(endpoint.port, call('x', 5)))
    const {exchange, resolve} = await asked.find(() => true)
    const answer = await post(endpoint.port, notification(method, {requestId: 5}))
    expect(answer).toMatchObject({status: 202, body: ''})
    expect(told).toEqual(heard)
    expect(exchange.signal.aborted).toBe(false)
    resolve(result(5, {}))
    expect((await sending).status).toBe(200)
  })

  test.each([
    ['a batch', [{jsonrpc: '2.0', id: 1, method: 'ping'}], -32600, null],
    ['an answer', {jsonrpc: '2.0', id: 1, result: {}}, -32600, null],
    ['no message', {}, -32600, null],
    ['no message, but with an id', {jsonrpc: '2.0', id: 4, method: 4}, -32600, 4],
  ])('is refused when it is %s', async (_, body, code, id) => {
    await using endpoint = await answering(({request}) => result(request.id, {}))
    const answer = await post(endpoint.port, body)
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.body)).toMatchObject({id, error: {code}})
  })

  test('is refused when it is a notification of a revision that is not spoken', async () => {
    await using endpoint = await answering(({request}) => result(request.id, {}))
    const _meta = {...META, 'io.modelcontextprotocol/protocolVersion': '2027-01-01'}
    const answer = await post(endpoint.port, notification('x', {_meta}))
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.body)).toMatchObject({id: null, error: {code: -32022}})
  })

  test.each(['GET', 'DELETE'])('is refused when it is a %s', async method => {
    await using endpoint = await answering(({request}) => result(request.id, {}))
    const {port} = endpoint
    const more = {accept: 'text/event-stream', 'mcp-session-id': 'x'}
    const answer = await fetchRaw({port, method, headers: {...headers, ...more}})
    expect(answer).toMatchObject({status: 405, headers: {allow: 'POST'}})
    expect((await fetchRaw({port, method, headers: more})).status).toBe(404)
  })
})

describe('headers that say something else than the body', () => {
  const list = {method: 'tools/list'}

  test.each<[string, Parameters<typeof posting>[1], Headers]>([
    ['another method', list, {'mcp-method': 'prompts/list'}],
    ['the method in other letters', list, {'mcp-method': 'TOOLS/LIST'}],
    ['no method', list, {'mcp-method': undefined}],
    ['an empty method', list, {'mcp-method': ''}],
    ['two methods', list, {'mcp-method': ['tools/list', 'tools/list']}],
    ['two methods in one', {method: 'a, b'}, {'mcp-method': ['a', 'b']}],
    ['another revision', list, {'mcp-protocol-version': '2025-11-25'}],
    ['no revision', list, {'mcp-protocol-version': undefined}],
    ['two revisions', list, {'mcp-protocol-version': [VERSION, VERSION]}],
    ['another name', call('a'), {'mcp-name': 'b'}],
    ['no name', call('a'), {'mcp-name': undefined}],
    ['the name in other letters', call('a'), {'mcp-name': 'A'}],
    ['the name twice', call('a'), {'mcp-name': ['a', 'a']}],
    ['two names in one', call('a, b'), {'mcp-name': ['a', 'b']}],
    ['the name with percent signs', call('a b'), {'mcp-name': 'a%20b'}],
    ['the name beyond ASCII', call('grün'), {'mcp-name': 'grün'}],
    ['the name in broken base64', call('Hello'), {'mcp-name': '=?base64?SGVsbG8?='}],
    ['a name where there is none', {method: 'resources/read'}, {'mcp-name': 'file:///x'}],
    ['a parameter twice', call('a'), {'mcp-param-x': ['1', '1']}],
  ])('such as %s are refused', async (_, message, headers) => {
    await using endpoint = await answering(({request}) => result(request.id, {}))
    const answer = await fetchRaw(posting(endpoint.port, message, headers))
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.body)).toMatchObject({id: 1})
    expect(errorOf(answer)).toEqual({
      code: -32020,
      message: expect.stringMatching(/^Header mismatch: /),
    })
  })

  test.each<[string, Parameters<typeof posting>[1], Headers]>([
    ['spaces around them', call('a'), {'mcp-name': '  a\t'}],
    ['names in other letters', call('a'), {'mcp-name': undefined, 'MCP-NAME': 'a'}],
    ['more encoding than is needed', call('a'), {'mcp-name': '=?base64?YQ==?='}],
    ['names where none is needed', list, {'mcp-name': 'whatever'}],
    ['the name of a resource', {method: 'resources/read', params: {uri: 'a:ü'}}, {}],
    ['no name where the body has none', {method: 'tools/call'}, {}],
  ])('in spelling alone, such as %s, are taken', async (_, message, headers) => {
    await using endpoint = await answering(({request}) => result(request.id, {}))
    expect((await fetchRaw(posting(endpoint.port, message, headers))).status).toBe(200)
  })

  test('come after what is missing, and the method after the revision', async () => {
    await using endpoint = await answering(({request}) => result(request.id, {}))
    const spoken = {'mcp-protocol-version': VERSION}
    const bad = {'mcp-protocol-version': '2026-07-29', 'mcp-method': 'other'}
    const bare = {...list, params: {_meta: {}}}
    const known = await fetchRaw(posting(endpoint.port, bare, {...bad, ...spoken}))
    expect(errorOf(known)).toMatchObject({code: -32602})
    const unspoken = await fetchRaw(posting(endpoint.port, bare, bad))
    expect(errorOf(unspoken)).toMatchObject({code: -32022, data: {requested: '2026-07-29'}})
    const _meta = {...META, 'io.modelcontextprotocol/protocolVersion': '2026-07-29'}
    const unknown = await fetchRaw(posting(endpoint.port, {...list, params: {_meta}}, bad))
    expect(errorOf(unknown)).toMatchObject({code: -32022})
  })
})

describe('a client that leaves', () => {
  test('before its answer has cancelled the request', async () => {
    const {endpoint, asked} = await start()
    await using _ = endpoint
    const outgoing = send(posting(endpoint.port, call('x'))).catch(() => undefined)
    const socketOf = once(endpoint.server, 'request')
    const {exchange, resolve} = await asked.find(() => true)
    const [, response] = await socketOf
    response.socket.destroy()
    await once(exchange.signal, 'abort')
    expect(reasonOf(exchange)).toEqual({reason: 'the client closed the connection'})
    exchange.notify(progress(1))
    resolve(result(1, {}))
    await outgoing
    expect(endpoint.warnings).toEqual([])
  })

  test('in the middle of a stream has cancelled the request', async () => {
    const {endpoint, asked} = await start()
    await using _ = endpoint
    const sending = send(posting(endpoint.port, {method: 'subscriptions/listen'}))
    const {exchange, reject} = await asked.find(() => true)
    exchange.notify(progress(1))
    const aborted = once(exchange.signal, 'abort')
    await cut(await sending)
    await aborted
    exchange.notify(progress(2))
    reject(new Error('nobody is there'))
    expect((await fetchRaw({port: endpoint.port, path: '/health'})).status).toBe(200)
    expect(endpoint.warnings).toEqual([])
  })

  test('with several requests on one connection has cancelled them all', async () => {
    const {endpoint, asked} = await start()
    await using _ = endpoint
    const socket = connect(endpoint.port, '127.0.0.1')
    for (const id of [1, 2, 3]) {
      const {headers, body} = posting(endpoint.port, call('x', id))
      const lines = Object.entries({...headers, host: 'localhost', 'content-length': body.length})
      const head = lines.map(([name, value]) => `${name}: ${String(value)}\r\n`).join('')
      socket.write(`POST /mcp HTTP/1.1\r\n${head}\r\n${body}`)
    }
    const third = await asked.find(({exchange}) => exchange.request.id === 3)
    socket.destroy()
    await expect.poll(() => asked.items.every(({exchange}) => exchange.signal.aborted)).toBe(true)
    third.resolve(result(3, {}))
    expect(endpoint.warnings).toEqual([])
  })

  test('after its answer has cancelled nothing', async () => {
    const {endpoint, asked} = await start()
    await using _ = endpoint
    const sending = fetchRaw(posting(endpoint.port, call('x')))
    const {exchange, resolve} = await asked.find(() => true)
    resolve(result(1, {}))
    await sending
    await fetchRaw({port: endpoint.port, path: '/health'})
    expect(exchange.signal.aborted).toBe(false)
  })

  test('without reading loses notifications, and then its connection', async () => {
    const {endpoint, asked} = await start()
    await using _ = endpoint
    const sending = send(posting(endpoint.port, call('x')))
    const {exchange, resolve} = await asked.find(() => true)
    const data = 'x'.repeat(1024 * 1024)
    for (let at = 0; at < 50; at += 1) exchange.notify(notification('n', {at, data}))
    const {incoming} = await sending
    const answer = result(1, {data: 'y'.repeat(20 * 1024 * 1024)})
    resolve(answer)
    const got = await all(events(incoming)).catch((error: Error) => [error.message])
    expect(got.length).toBeLessThan(50)
    expect(got).not.toContainEqual(answer)
  })
})

describe('more requests than can be', () => {
  test('under way at once are told to come again', async () => {
    const {endpoint, asked} = await start()
    await using _ = endpoint
    const sent = Array.from({length: 2000}, (_each, id) =>
      fetchRaw(posting(endpoint.port, call('x', id))),
    )
    await expect.poll(() => asked.items.length).toBe(2000)
    const answer = await fetchRaw(posting(endpoint.port, call('x', 'late')))
    expect(answer).toMatchObject({status: 503, headers: {'retry-after': '1'}})
    expect(JSON.parse(answer.body)).toMatchObject({id: 'late', error: {code: -32603}})
    const [first] = asked.items
    first?.resolve(result(first.exchange.request.id, {}))
    await Promise.race(sent)
    const last = fetchRaw(posting(endpoint.port, call('x', 'last')))
    await asked.find(({exchange}) => exchange.request.id === 'last')
    endpoint.endpoint[Symbol.dispose]()
    expect(errorOf(await last)).toMatchObject({message: 'the gateway is stopping'})
    await Promise.all(sent)
  })
})

describe('a gateway that stops', () => {
  test('answers what is under way, and takes no more', async () => {
    const {endpoint, asked} = await start()
    await using _ = endpoint
    const plain = fetchRaw(posting(endpoint.port, call('plain')))
    const streamed = fetchRaw(posting(endpoint.port, call('streamed')))
    const open = await asked.find(({exchange}) => exchange.request.params?.['name'] === 'streamed')
    const other = await asked.find(({exchange}) => exchange.request.params?.['name'] === 'plain')
    open.exchange.notify(progress(1))
    endpoint.endpoint[Symbol.dispose]()
    const stopping = failure(1, -32603, 'the gateway is stopping')
    expect(JSON.parse((await plain).body)).toEqual(stopping)
    expect((await streamed).body).toContain(`data: ${JSON.stringify(stopping)}\n\n`)
    expect(reasonOf(open.exchange)).toEqual({reason: 'the gateway is stopping'})
    // What comes after that is for nobody.
    other.resolve(result(1, {}))
    expect((await fetchRaw(posting(endpoint.port, call('x')))).status).toBe(503)
    expect(endpoint.warnings).toEqual([])
  })

  test('ends what clients listen to with the answer that is made for it', async () => {
    const {endpoint, asked} = await start()
    await using _ = endpoint
    const sending = send(posting(endpoint.port, {method: 'subscriptions/listen'}))
    const {exchange, resolve} = await asked.find(() => true)
    exchange.notify(progress(1))
    const {incoming} = await sending
    endpoint.endpoint[Symbol.dispose]()
    expect(exchange.signal.aborted).toBe(false)
    resolve(result(1, {done: true}))
    expect(await all(events(incoming))).toEqual([progress(1), result(1, {done: true})])
  })
})

describe('whatever comes without a session', () => {
  const odd = fc.oneof(
    fc.constantFrom(undefined, '', VERSION, '2025-11-25', 'tools/call', 'x', '=?base64?eA==?='),
    fc.string({unit: fc.integer({min: 0x20, max: 0x7e}).map(code => String.fromCharCode(code))}),
    fc.string({unit: fc.integer({min: 0xa0, max: 0xff}).map(code => String.fromCharCode(code))}),
  )
  const mostly = (usual: string) =>
    fc.oneof({weight: 4, arbitrary: fc.constant(usual)}, {weight: 1, arbitrary: odd})
  const anyHeaders = fc.record({
    accept: mostly('application/json, text/event-stream'),
    'mcp-protocol-version': mostly(VERSION),
    'mcp-method': mostly('tools/call'),
    'mcp-name': mostly('x'),
    'mcp-param-x': odd,
    'mcp-session-id': odd,
  })
  const anyMeta = fc.oneof(
    {weight: 4, arbitrary: fc.constant(META)},
    {weight: 1, arbitrary: fc.dictionary(fc.constantFrom(...Object.keys(META)), fc.jsonValue())},
    {weight: 1, arbitrary: fc.jsonValue()},
  )
  const anyBody = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        jsonrpc: fc.constant('2.0'),
        id: fc.oneof(fc.integer(), fc.string()),
        method: fc.constantFrom('tools/call', 'tools/list', 'server/discover', 'ping'),
        params: fc.record({name: fc.constantFrom('x', 'y', 7), _meta: anyMeta}),
      }),
    },
    {weight: 1, arbitrary: fc.jsonValue()},
  )

  test('is answered once, under its own id or none', async () => {
    await using endpoint = await answering(exchange => {
      const {id, method} = exchange.request
      if (method === 'tools/list') exchange.notify(progress(1))
      return result(id, {})
    })
    await fc.assert(
      fc.asyncProperty(anyHeaders, anyBody, async (headers, body) => {
        const present = Object.entries(headers).filter(([, value]) => value !== undefined)
        const {incoming} = await send({
          port: endpoint.port,
          method: 'POST',
          headers: {'content-type': 'application/json', ...Object.fromEntries(present)},
          body: JSON.stringify(body),
        })
        expect([200, 202, 400, 404, 406]).toContain(incoming.statusCode)
        const got = incoming.statusCode === 202 ? [] : await all(events(incoming))
        const answers = got.filter(({method}) => method === undefined)
        expect(answers).toHaveLength(incoming.statusCode === 202 ? 0 : 1)
        const own = isJsonObject(body) ? body['id'] : undefined
        for (const {id} of answers) expect([own, null]).toContain(id)
        incoming.resume()
      }),
      {numRuns: 400},
    )
    expect(endpoint.warnings).toEqual([])
  })
})
