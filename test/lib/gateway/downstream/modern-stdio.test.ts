import {once} from 'node:events'
import {PassThrough} from 'node:stream'
import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {isJsonObject, type JsonObject} from '../../../../src/lib/base/json.ts'
import {serveStdio} from '../../../../src/lib/gateway/downstream/stdio.ts'
import type {Exchange} from '../../../../src/lib/gateway/modern/exchange.ts'
import {Cancelled} from '../../../../src/lib/gateway/relay/connection.ts'
import {Session} from '../../../../src/lib/gateway/relay/session.ts'
import {
  failure,
  notification,
  request,
  result,
  type Id,
  type Message,
  type Notification,
  type Response,
} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {fakeServer} from '../../../support/fake-upstream.ts'
import {Inbox} from '../../../support/inbox.ts'
import {fixedMemory} from '../../../support/memory.ts'
import {lasting} from '../../../support/server-life.ts'

const _meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}
const HELLO = request('hello', 'initialize', {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: {name: 'c', version: '1'},
})

interface Asked {
  readonly exchange: Exchange
  readonly resolve: (answer: Response) => void
  readonly reject: (error: Error) => void
}

/** A client of both eras; the test answers its modern requests, and a server whose tool never answers the others. */
function start(answer?: (exchange: Exchange) => Promise<Response>) {
  const stdin = new PassThrough()
  const written = new Inbox<JsonObject>()
  const asked = new Inbox<Asked>()
  const told: Notification[] = []
  const warnings: string[] = []
  const end = {unread: 0}
  const server = fakeServer({
    hello: {capabilities: {tools: {}}},
    answers: {
      'tools/list': {tools: [{name: 'slow', inputSchema: {type: 'object'}}]},
      'tools/call': ({params}) => (params?.['name'] === 'slow' ? undefined : {content: []}),
    },
  })
  const client = serveStdio({
    stdin,
    write: line => written.add(JSON.parse(line)),
    unreadBytes: () => end.unread,
    onStuck: () => undefined,
    warn: text => void warnings.push(text),
    notify: message => void told.push(message),
    maxMessageBytes: 64 * 1024,
    answer:
      answer ??
      (exchange => {
        const {promise, resolve, reject} = Promise.withResolvers<Response>()
        asked.add({exchange, resolve, reject})
        return promise
      }),
    openSession: downstream =>
      new Session({
        id: 'stdio',
        version: '1',
        servers: [
          {
            name: 'alpha',
            prefix: undefined,
            allows: () => true,
            open: server.open,
            startTimeoutMs: 60_000,
            ...lasting(),
          },
        ],
        memory: fixedMemory(),
        downstream,
        govern: send => send,
        patienceMs: 60_000,
        now: () => 0,
        events: {
          onOpened: () => {},
          onFailed: () => {},
          onListed: () => {},
          onTools: () => {},
          onWarning: () => {},
        },
        onClose: () => {},
      }),
  })
  const say = (...messages: readonly Message[]) => {
    for (const message of messages) stdin.write(`${JSON.stringify(message)}\n`)
  }
  return {client, say, stdin, written, asked, told, warnings, end}
}

const ask = (id: Id, method = 'tools/call', params: JsonObject = {}) =>
  request(id, method, {_meta, ...params})
const cancel = (requestId: Id, more: JsonObject = {}) =>
  notification('notifications/cancelled', {requestId, ...more})
const refused = (id: Id) => failure(id, -32600, 'this id is already in use')
const byId = (id: Id) => (message: JsonObject) => message['id'] === id
const exchangeOf =
  (id: Id) =>
  ({exchange}: Asked) =>
    exchange.request.id === id
const progress = (at: number) => notification('notifications/progress', {progressToken: 1, at})

function reasonOf({signal}: Exchange): unknown {
  return signal.reason instanceof Cancelled ? signal.reason.params : signal.reason
}

describe('a request without a session, over stdio', () => {
  test('is passed on as it came, and what belongs to it comes before its answer', async () => {
    const {say, written, asked} = start()
    say(ask('one', 'tools/call', {name: 'x'}))
    const {exchange, resolve} = await asked.find(exchangeOf('one'))
    expect(exchange.request).toEqual(ask('one', 'tools/call', {name: 'x'}))
    expect(exchange.mirrored).toBeUndefined()
    exchange.notify(progress(1))
    resolve(result('one', {content: []}))
    await written.find(byId('one'))
    exchange.notify(progress(2))
    expect(written.items).toEqual([progress(1), result('one', {content: []})])
    expect(exchange.signal.aborted).toBe(false)
  })

  test('loses notifications that the client does not read', async () => {
    const {say, written, asked, end} = start()
    say(ask(1))
    const {exchange, resolve} = await asked.find(exchangeOf(1))
    end.unread = 4 * 1024 * 1024 + 1
    exchange.notify(progress(1))
    resolve(result(1, {}))
    await written.find(byId(1))
    expect(written.items).toEqual([result(1, {})])
  })

  test('may use an id again that has been answered, and one of another type', async () => {
    const {say, written, asked} = start()
    say(ask(1), ask('1'))
    for (const id of [1, '1']) {
      const {resolve} = await asked.find(exchangeOf(id))
      resolve(result(id, {}))
      await written.find(byId(id))
    }
    say(ask(1))
    const again = await asked.find(exchangeOf(1), 1)
    again.resolve(result(1, {again: true}))
    expect(await written.find(byId(1), 1)).toEqual(result(1, {again: true}))
  })

  test('that nobody could answer is an error, and the reason is for the log', async () => {
    const {say, written, asked, warnings} = start()
    say(ask(1))
    const {reject} = await asked.find(exchangeOf(1))
    reject(new Error('the reason'))
    expect(await written.find(byId(1))).toMatchObject({error: {code: -32603}})
    expect(warnings).toEqual([expect.stringContaining('the reason')])
  })

  test.each([
    [
      'without capabilities',
      {'io.modelcontextprotocol/protocolVersion': '2026-07-28'},
      {code: -32602, message: expect.stringContaining('clientCapabilities')},
    ],
    [
      'with a revision that is no text',
      {..._meta, 'io.modelcontextprotocol/protocolVersion': 7},
      {code: -32602, message: expect.stringContaining('protocolVersion')},
    ],
    [
      'that names no revision',
      {'io.modelcontextprotocol/clientCapabilities': {}},
      {code: -32602, message: expect.stringContaining('protocolVersion')},
    ],
    [
      'of a revision with sessions',
      {..._meta, 'io.modelcontextprotocol/protocolVersion': '2025-11-25'},
      {
        code: -32022,
        message: 'MCP 2025-11-25 begins with initialize',
        data: {
          supported: ['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'],
          requested: '2025-11-25',
        },
      },
    ],
    [
      'of a revision that is not spoken',
      {..._meta, 'io.modelcontextprotocol/protocolVersion': '2027-01-01'},
      {
        code: -32022,
        message: 'MCP 2027-01-01 is not spoken here',
        data: {
          supported: ['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'],
          requested: '2027-01-01',
        },
      },
    ],
  ])('%s is refused, and a session can follow', async (_, own, error) => {
    const {say, written, asked} = start()
    say(request('probe', 'tools/list', {_meta: own}), HELLO)
    expect(await written.find(byId('probe'))).toEqual({jsonrpc: '2.0', id: 'probe', error})
    expect(await written.find(byId('hello'))).toHaveProperty('result.protocolVersion')
    expect(asked.items).toEqual([])
  })

  test('is refused when it asks what is spoken without saying more', async () => {
    const {say, written} = start()
    say(request('probe', 'server/discover'))
    expect(await written.find(byId('probe'))).toMatchObject({error: {code: -32602}})
  })

  test('is refused under an id that is in use, in whatever era', async () => {
    const {say, written, asked} = start()
    say(HELLO)
    await written.find(byId('hello'))
    say(request(1, 'tools/call', {name: 'slow'}), ask(1), ask(2), ask(2), request(2, 'ping'))
    await written.find(byId(2), 1)
    expect(written.items.slice(1)).toEqual([refused(1), refused(2), refused(2)])
    expect(asked.items).toHaveLength(1)
  })

  test('is refused when too many are under way', async () => {
    const {say, written, asked} = start()
    for (let id = 0; id < 2000; id += 1) say(ask(id))
    say(ask('late'), ask('listen', 'subscriptions/listen'))
    expect(await written.find(byId('late'))).toMatchObject({error: {code: -32603}})
    expect((await asked.find(exchangeOf('listen'))).exchange.signal.aborted).toBe(false)
    expect(asked.items).toHaveLength(2001)
    const [first] = asked.items
    first?.resolve(result(first.exchange.request.id, {}))
    await written.find(byId(0))
    say(ask('next'))
    const {exchange} = await asked.find(exchangeOf('next'))
    expect(exchange.signal.aborted).toBe(false)
  })
})

describe('more than a hundred listens', () => {
  test('are refused, and take no room from calls', async () => {
    const {say, written, asked} = start()
    for (let id = 0; id < 101; id += 1) say(ask(id, 'subscriptions/listen'))
    say(ask('call'))
    await asked.find(exchangeOf('call'))
    expect(written.items).toEqual([expect.objectContaining(refusal(100))])
    say(cancel(0), ask('next', 'subscriptions/listen'))
    await asked.find(exchangeOf('next'))
  })
})

const refusal = (id: Id) => ({id, error: expect.objectContaining({code: -32603})})

describe('a cancelled request', () => {
  test('is given up with the reason, and not answered', async () => {
    const {client, say, written, asked} = start()
    say(ask(1), ask('1'))
    const {exchange, resolve} = await asked.find(exchangeOf(1))
    const other = await asked.find(exchangeOf('1'))
    const aborted = once(exchange.signal, 'abort')
    say(cancel(1, {_meta, reason: 'enough'}))
    await aborted
    expect(reasonOf(exchange)).toEqual({_meta, requestId: 1, reason: 'enough'})
    exchange.notify(progress(1))
    resolve(result(1, {}))
    other.resolve(result('1', {}))
    await client.idle()
    expect(written.items).toEqual([result('1', {})])
    expect(other.exchange.signal.aborted).toBe(false)
  })

  test('frees its id at once, and its late answer is for nobody', async () => {
    const {say, written, asked} = start()
    say(ask(1))
    const first = await asked.find(exchangeOf(1))
    say(cancel(1), ask(1))
    const second = await asked.find(exchangeOf(1), 1)
    first.resolve(result(1, {at: 'first'}))
    second.resolve(result(1, {at: 'second'}))
    await written.find(byId(1))
    expect(written.items).toEqual([result(1, {at: 'second'})])
  })

  test('of a session is cancelled there', async () => {
    const {client, say, written, warnings} = start()
    say(HELLO)
    await written.find(byId('hello'))
    say(request(1, 'tools/call', {name: 'slow'}))
    await expect.poll(() => client.session.isServing(1)).toBe(true)
    say(cancel(1))
    await client.idle()
    expect(written.items).toHaveLength(1)
    expect(warnings).toEqual([])
  })

  test('that nobody knows changes nothing', async () => {
    const {say, written, asked, told, warnings} = start()
    say(
      cancel(1, {_meta}),
      notification('notifications/cancelled', {_meta, requestId: {}}),
      notification('notifications/cancelled', {_meta}),
      request(2, 'ping'),
    )
    await written.find(byId(2))
    expect(written.items).toEqual([result(2, {})])
    expect(asked.items).toEqual([])
    expect(told).toEqual([])
    expect(warnings).toEqual([])
  })
})

const notice = (params?: JsonObject) => notification('vendor/said', params)

describe('a notice of another kind', () => {
  const unspoken = {..._meta, 'io.modelcontextprotocol/protocolVersion': '2027-01-01'}

  test('is passed on, also when it says nothing of itself and there is no session', async () => {
    const {say, written, told} = start()
    say(notice({_meta}), notice(), notice({_meta: unspoken}), request(1, 'ping'))
    await written.find(byId(1))
    expect(told).toEqual([notice({_meta}), notice()])
  })

  test('belongs to the session when there is one, unless it says something else', async () => {
    const {say, written, told} = start()
    say(HELLO, notice(), notice({_meta}), request(1, 'ping'))
    await written.find(byId(1))
    expect(told).toEqual([notice({_meta})])
  })
})

describe('a client of both eras', () => {
  test.each([
    {..._meta, 'io.modelcontextprotocol/protocolVersion': '2025-11-25'},
    {'io.modelcontextprotocol/clientCapabilities': {}},
  ])('is answered in its session when it says no more than %j of itself', async own => {
    const {say, written, asked} = start()
    say(HELLO, request(1, 'ping', {_meta: own}))
    expect(await written.find(byId(1))).toEqual(result(1, {}))
    expect(asked.items).toEqual([])
  })

  test('is answered in both', async () => {
    const {say, written, asked} = start()
    say(HELLO, ask(1), request(2, 'tools/list'))
    const {resolve} = await asked.find(exchangeOf(1))
    expect(await written.find(byId(2))).toMatchObject({result: {tools: [{name: 'slow'}]}})
    resolve(result(1, {}))
    expect(await written.find(byId(1))).toEqual(result(1, {}))
  })

  test('is idle when it waits for nothing in either, listening not counted', async () => {
    const {client, say, written, asked} = start()
    await client.idle()
    say(ask('listen', 'subscriptions/listen'), ask(1), ask(2))
    const [first, second] = [await asked.find(exchangeOf(1)), await asked.find(exchangeOf(2))]
    let isIdle = false
    const idle = client.idle().then(() => (isIdle = true))
    first.resolve(result(1, {}))
    await written.find(byId(1))
    expect(isIdle).toBe(false)
    second.resolve(result(2, {}))
    await idle
    expect(written.items).toEqual([result(1, {}), result(2, {})])
  })
})

describe('a gateway that stops', () => {
  test('answers what is under way, and leaves what is listened to for its own end', async () => {
    const {client, say, written, asked} = start()
    say(ask('listen', 'subscriptions/listen'), ask(1))
    const listening = await asked.find(exchangeOf('listen'))
    const {exchange, resolve} = await asked.find(exchangeOf(1))
    client[Symbol.dispose]()
    expect(reasonOf(exchange)).toEqual({reason: 'the gateway is stopping'})
    expect(listening.exchange.signal.aborted).toBe(false)
    resolve(result(1, {}))
    listening.resolve(result('listen', {}))
    await written.find(byId('listen'))
    expect(written.items).toEqual([
      failure(1, -32603, 'the gateway is stopping'),
      result('listen', {}),
    ])
  })
})

describe('whatever a client of both eras says', () => {
  const anyId = fc.constantFrom(0, 1, '1', 'a', -0.5, '')
  const anyMeta = fc.oneof(
    {weight: 4, arbitrary: fc.constant(_meta)},
    {weight: 1, arbitrary: fc.dictionary(fc.constantFrom(...Object.keys(_meta)), fc.jsonValue())},
    {weight: 1, arbitrary: fc.jsonValue()},
  )
  const anyMessage = fc.oneof(
    fc.record({
      id: anyId,
      method: fc.constantFrom('tools/call', 'server/discover', 'ping', 'initialize'),
      params: fc.record({_meta: anyMeta}),
    }),
    fc.record({
      method: fc.constantFrom('notifications/cancelled', 'notifications/progress'),
      params: fc.record({_meta: anyMeta, requestId: fc.oneof(anyId, fc.jsonValue())}),
    }),
    fc.record({id: anyId, result: fc.record({_meta: anyMeta})}),
  )

  test('each request is answered once, unless it is cancelled', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyMessage, {maxLength: 20}), async messages => {
        const {client, stdin, written, say} = start(async ({request: {id}}) => result(id, {}))
        for (const message of messages) {
          stdin.write(`${JSON.stringify({jsonrpc: '2.0', ...message})}\n`)
        }
        say(request('the end', 'ping'))
        await written.find(byId('the end'))
        await client.idle()
        const asked = messages.filter(message => 'id' in message && 'method' in message).length
        const cancelled = messages.filter(
          message => 'method' in message && message.method === 'notifications/cancelled',
        )
        const answers = written.items.filter(message => message['method'] === undefined)
        expect(answers.length - 1).toBeLessThanOrEqual(asked)
        expect(answers.length - 1).toBeGreaterThanOrEqual(asked - cancelled.length)
        for (const answer of answers) {
          expect([isJsonObject(answer['result']), isJsonObject(answer['error'])]).toContain(true)
        }
        await client.session.close()
      }),
      {numRuns: 300},
    )
  })
})
