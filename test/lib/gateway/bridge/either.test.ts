import {describe, expect, onTestFinished, test, vi} from 'vitest'
import {openEither} from '../../../../src/lib/gateway/bridge/either.ts'
import type {EraMemory} from '../../../../src/lib/gateway/bridge/eras.ts'
import type {JsonObject} from '../../../../src/lib/base/json.ts'
import {notification, request, type Message} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {connectedClient, type FakeClient} from '../../../support/fake-client.ts'
import {
  fakeServer,
  toolScript,
  type FakeAnswer,
  type FakeServer,
} from '../../../support/fake-upstream.ts'
import {Inbox} from '../../../support/inbox.ts'
import {modernServer, refuse} from '../../../support/modern-server.ts'

const tools = {tools: [{name: 'modern one'}]}
const LEGACY = ['initialize', 'notifications/initialized', 'tools/list']
const MODERN = ['server/discover', 'tools/list']

/** What is known of the eras of servers, and all that was learnt. */
class Eras implements EraMemory {
  readonly learnt: string[] = []
  readonly #known: Map<string, boolean>

  constructor(known: Readonly<Record<string, boolean>> = {}) {
    this.#known = new Map(Object.entries(known))
  }

  speaks(_server: string, era: string): boolean | undefined {
    return this.#known.get(era)
  }

  learn(server: string, era: string, speaks: boolean): void {
    this.#known.set(era, speaks)
    this.learnt.push(`${server} ${speaks ? 'speaks' : 'does not speak'} ${era}`)
  }
}

/** A server that can be opened in both eras, over the same connection as over stdio unless another one is given. */
function either(
  server: FakeServer,
  eras: EraMemory,
  modern: FakeServer = server,
  startTimeoutMs = 60_000,
): FakeServer {
  const openers = {legacy: server.open, modern: modern.open, tellsOrigin: false}
  return {...server, open: openEither({server: 'demo', openers, eras, startTimeoutMs})}
}

async function clientOf(server: FakeServer): Promise<FakeClient> {
  const client = await connectedClient({servers: {demo: server}})
  onTestFinished(() => client.session.close())
  return client
}

/** Opens a server without a session, and gives what comes from it. */
async function opened(server: FakeServer) {
  const messages = new Inbox<Message>()
  const {signal} = new AbortController()
  const upstream = await server.open({
    session: 's',
    signal,
    onMessage: message => messages.add(message),
  })
  onTestFinished(async () => upstream[Symbol.asyncDispose]())
  return {upstream, messages}
}

/** A server that was legacy once, and is not any more, or the other way round. */
function refusing(answer: FakeAnswer, method = 'initialize'): FakeServer {
  return fakeServer({answers: {[method]: answer}})
}

const ends: FakeAnswer = (_, upstream) => {
  upstream.end()
  return undefined
}

const modernOne = () => modernServer({answers: {'tools/list': tools}})

describe('a server opened for a legacy client', () => {
  test('is asked in the era of the client first, and that is all when it answers', async () => {
    const eras = new Eras()
    const server = fakeServer(toolScript('one'))
    const client = await clientOf(either(server, eras))
    await client.ask('tools/list')
    expect(server.starts.map(({methods}) => methods)).toEqual([LEGACY])
    expect(eras.learnt).toEqual(['demo speaks legacy'])
  })

  test('is opened in the modern era when it refuses, and at once the next time', async () => {
    const eras = new Eras()
    const server = modernOne()
    expect(await (await clientOf(either(server, eras))).ask('tools/list')).toEqual(tools)
    expect(server.starts.map(({methods}) => methods)).toEqual([['initialize'], MODERN])
    expect(server.starts.map(({isOpen}) => isOpen)).toEqual([false, true])
    expect(eras.learnt).toEqual(['demo speaks modern', 'demo does not speak legacy'])
    expect(await (await clientOf(either(server, eras))).ask('tools/list')).toEqual(tools)
    expect(server.starts.map(({methods}) => methods).slice(2)).toEqual([MODERN])
  })

  test('tells why it refused when it speaks neither era, and nothing is learnt', async () => {
    const eras = new Eras()
    const server = refusing(refuse(-32000, 'no licence'))
    const client = await clientOf(either(server, eras))
    const {message} = await client.refusal('vendor/method')
    expect(message).toContain('refused to start a session: no licence')
    expect(server.starts.map(({methods}) => methods)).toEqual([['initialize'], ['server/discover']])
    expect(server.starts.map(({isOpen}) => isOpen)).toEqual([false, false])
    expect(eras.learnt).toEqual([])
  })

  test('tells why it refused when it cannot be opened once more', async () => {
    const broken = fakeServer({
      beforeOpen: () => {
        throw new Error('no more room')
      },
    })
    const eras = new Eras()
    const client = await clientOf(either(refusing(refuse(-32000, 'no licence')), eras, broken))
    const {message} = await client.refusal('vendor/method')
    expect(message).toContain('no licence')
    expect(broken.attempts).toBe(1)
    expect(eras.learnt).toEqual([])
  })

  test('tells why it refused when it ends in the other era', async () => {
    const modern = refusing((_, upstream) => {
      upstream.end()
      return undefined
    }, 'server/discover')
    const client = await clientOf(either(refusing(refuse(-32000, 'sorry')), new Eras(), modern))
    expect((await client.refusal('vendor/method'))['message']).toContain('sorry')
  })

  test.each<JsonObject>([
    {unreachable: true},
    {httpStatus: 401},
    {httpStatus: 403},
    {httpStatus: 429},
    {httpStatus: 500},
    {httpStatus: 503},
  ])('is not tried in another era when nobody has looked at the message: %j', async data => {
    const answer = refuse(-32603, 'not now', data)
    for (const known of [{}, {legacy: false, modern: true}]) {
      const eras = new Eras(known)
      const legacy = refusing(answer)
      const modern = refusing(answer, 'server/discover')
      const client = await clientOf(either(legacy, eras, modern))
      expect((await client.refusal('vendor/method'))['message']).toContain('not now')
      expect(legacy.attempts + modern.attempts).toBe(1)
      expect(eras.learnt).toEqual([])
    }
  })

  test.each<JsonObject | undefined>([undefined, {httpStatus: 400}, {httpStatus: 404}])(
    'is tried in the modern era when it refuses with %j',
    async data => {
      const legacy = refusing(refuse(-32603, 'what?', data))
      const client = await clientOf(either(legacy, new Eras(), modernOne()))
      expect(await client.ask('tools/list')).toEqual(tools)
    },
  )

  test('is not tried in another era when it ends before it answers', async () => {
    const server = refusing((_, upstream) => {
      upstream.end({stderr: ['out of luck']})
      return undefined
    })
    const client = await clientOf(either(server, new Eras()))
    expect((await client.refusal('vendor/method'))['message']).toContain('out of luck')
    expect(server.attempts).toBe(1)
  })

  test.each<[string, FakeAnswer]>([
    ['refuses', refuse(-32601, 'discover?')],
    [
      'refuses the version for one with sessions',
      refuse(-32022, 'no', {supported: ['2025-06-18']}),
    ],
    [
      'ends',
      (_, upstream) => {
        upstream.end()
        return undefined
      },
    ],
  ])('is found to be a legacy one again when the modern one %s', async (_, answer) => {
    const eras = new Eras({legacy: false, modern: true})
    const script = toolScript('one')
    const server = fakeServer({
      ...script,
      answers: {...script.answers, 'server/discover': answer},
    })
    const client = await clientOf(either(server, eras))
    expect(await client.ask('tools/list')).toMatchObject({tools: [{name: 'one'}]})
    expect(server.starts.map(({methods}) => methods)).toEqual([['server/discover'], LEGACY])
    expect(eras.learnt).toEqual(['demo speaks legacy', 'demo does not speak modern'])
  })

  test.each([-32020, -32021, -32022])('stays modern when it refuses with %i', async code => {
    const eras = new Eras({legacy: false})
    const server = refusing(refuse(code, 'not like this'), 'server/discover')
    const client = await clientOf(either(server, eras))
    expect((await client.refusal('vendor/method'))['message']).toContain('not like this')
    expect(server.attempts).toBe(1)
    expect(eras.learnt).toEqual([])
  })

  test('is opened in the modern era when it ends, but has spoken that one before', async () => {
    const eras = new Eras({modern: true})
    const server = modernServer({answers: {'tools/list': tools, initialize: ends}})
    expect(await (await clientOf(either(server, eras))).ask('tools/list')).toEqual(tools)
    expect(server.starts.map(({methods}) => methods)).toEqual([['initialize'], MODERN])
    expect(eras.learnt).toEqual(['demo speaks modern', 'demo does not speak legacy'])
  })

  test.each([
    ['half of the time to start', 40, 20],
    ['ten seconds', 60_000, 10_000],
  ])(
    'is found to be a legacy one again when it is silent for %s',
    async (_, startTimeoutMs, ms) => {
      vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
      onTestFinished(() => void vi.useRealTimers())
      const eras = new Eras({legacy: false, modern: true})
      const script = toolScript('one')
      const answers = {...script.answers, 'server/discover': () => undefined}
      const server = fakeServer({...script, answers})
      const {upstream, messages} = await opened(either(server, eras, server, startTimeoutMs))
      upstream.send(request(1, 'initialize', {protocolVersion: '2025-11-25'}))
      await (await server.start()).request('server/discover')
      vi.advanceTimersByTime(ms - 1)
      expect(server.attempts).toBe(1)
      vi.advanceTimersByTime(1)
      expect(await messages.find(({id}) => id === 1)).toHaveProperty('result.capabilities')
      expect(server.starts.map(({methods}) => methods)).toEqual([
        ['server/discover'],
        ['initialize'],
      ])
      expect(eras.learnt).toEqual(['demo speaks legacy', 'demo does not speak modern'])
      expect(vi.getTimerCount()).toBe(0)
    },
  )

  test('tells how it ended when it was modern, and is nothing now', async () => {
    const server = fakeServer({
      answers: Object.fromEntries(
        ['server/discover', 'initialize'].map(method => [
          method,
          (_, upstream) => {
            upstream.end({stderr: [`no ${method}`]})
            return undefined
          },
        ]),
      ),
    })
    const client = await clientOf(either(server, new Eras({legacy: false})))
    expect((await client.refusal('vendor/method'))['message']).toContain('no server/discover')
    expect(server.attempts).toBe(2)
  })

  test('gets what was sent while it was opened in its other era, in order', async () => {
    const gate = Promise.withResolvers<void>()
    const modern = modernServer({
      answers: {'tools/call': {content: []}},
      beforeOpen: () => gate.promise,
    })
    const legacy = refusing(refuse(-32601, 'no'))
    const {upstream, messages} = await opened(either(legacy, new Eras(), modern))
    upstream.send(request(1, 'initialize', {protocolVersion: '2025-11-25'}))
    const left = await legacy.start()
    await left.closed
    upstream.send(notification('notifications/one'))
    upstream.send(request(2, 'tools/call', {name: 'two'}))
    gate.resolve()
    await messages.find(({id}) => id === 2)
    expect(messages.items.map(({id}) => id)).toEqual([1, 2])
    const {methods} = await modern.start()
    expect(methods).toEqual(['server/discover', 'notifications/one', 'tools/call'])
  })

  test('hears nothing more of a connection that was left', async () => {
    const legacy = refusing((message, self) => {
      refuse(-32601, 'no')(message, self)
      self.say(notification('notifications/message', {data: 'late'}))
      return undefined
    })
    const {upstream, messages} = await opened(either(legacy, new Eras(), modernOne()))
    upstream.send(request(1, 'initialize', {protocolVersion: '2025-11-25'}))
    await messages.find(({id}) => id === 1)
    expect(messages.items).toHaveLength(1)
  })

  test('leaves nothing behind when it is left before, while and after it is opened in its other era', async () => {
    const gate = Promise.withResolvers<void>()
    const legacy = refusing(refuse(-32601, 'no'))
    const modern = modernServer({beforeOpen: () => gate.promise})
    const {upstream} = await opened(either(legacy, new Eras(), modern))
    upstream.send(request(1, 'initialize', {}))
    await (await legacy.start()).closed
    const disposed = upstream[Symbol.asyncDispose]()
    gate.resolve()
    await disposed
    await upstream.closed
    expect([...legacy.starts, ...modern.starts].filter(({isOpen}) => isOpen)).toEqual([])

    const second = await opened(either(modernOne(), new Eras()))
    await second.upstream[Symbol.asyncDispose]()
    expect(await second.upstream.closed).toMatchObject({what: 'was stopped'})

    const server = modernOne()
    const third = await opened(either(server, new Eras()))
    third.upstream.send(request(1, 'initialize', {protocolVersion: '2025-11-25'}))
    await third.messages.find(({id}) => id === 1)
    await third.upstream[Symbol.asyncDispose]()
    expect(await third.upstream.closed).toMatchObject({what: 'was stopped'})
    expect(server.starts.map(({isOpen}) => isOpen)).toEqual([false, false])
  })

  test('ends when it does not answer in its other era in time', async () => {
    const silent = modernServer({answers: {'server/discover': () => undefined}})
    const servers = {demo: either(silent, new Eras())}
    const client = await connectedClient({servers, startTimeoutMs: 50})
    onTestFinished(() => client.session.close())
    const {message} = await client.refusal('vendor/method')
    expect(message).toContain('did not answer initialize within')
    expect(silent.starts.map(({isOpen}) => isOpen)).toEqual([false, false])
  })

  test('cannot be opened when its first start fails', async () => {
    const server = fakeServer({
      beforeOpen: () => {
        throw new Error('no room')
      },
    })
    await expect(opened(either(server, new Eras()))).rejects.toThrow('no room')
    expect(server.attempts).toBe(1)
  })

  test('is only ever asked in the era of the client when it cannot be modern', async () => {
    const server = refusing(refuse(-32601, 'no'))
    const openers = {legacy: server.open, modern: undefined, tellsOrigin: true}
    const eras = new Eras({legacy: false})
    const client = await clientOf({
      ...server,
      open: openEither({server: 'demo', openers, eras, startTimeoutMs: 1}),
    })
    await client.refusal('vendor/method')
    expect(server.starts.map(({methods}) => methods)).toEqual([['initialize']])
  })
})
