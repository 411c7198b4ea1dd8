import {describe, expect, onTestFinished, test, vi} from 'vitest'
import type {JsonObject} from '../../../../src/lib/base/json.ts'
import {FaceSubscriptions} from '../../../../src/lib/gateway/bridge/face-subscriptions.ts'
import {openLegacyFace} from '../../../../src/lib/gateway/bridge/legacy-face.ts'
import {
  failure,
  notification,
  request,
  result,
  type Notification,
  type Request,
} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {connectedClient, type FakeClient} from '../../../support/fake-client.ts'
import type {FakeAnswer, FakeServer, FakeUpstream} from '../../../support/fake-upstream.ts'
import {Inbox} from '../../../support/inbox.ts'
import {acknowledge, modernServer, onSubscription, refuse} from '../../../support/modern-server.ts'

const LISTEN = 'subscriptions/listen'
const CHANGES = {
  tools: {listChanged: true},
  prompts: {listChanged: true},
  resources: {listChanged: true, subscribe: true},
}
const ALL_LISTS = {toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true}
const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged'
const CANCELLED = 'notifications/cancelled'
const UPDATED = 'notifications/resources/updated'
const TOOLS = 'notifications/tools/list_changed'

interface Pause {
  readonly milliseconds: number
  readonly end: () => void
}

interface Scene {
  readonly client: FakeClient
  readonly server: FakeServer
  readonly upstream: FakeUpstream
  /** The pauses before a lost subscription is opened again, which the test ends. */
  readonly pauses: Inbox<Pause>
}

/** A legacy client with an open session at a modern server. */
async function scene(
  script: {capabilities?: JsonObject; listen?: FakeAnswer} = {},
): Promise<Scene> {
  const pauses = new Inbox<Pause>()
  const server = modernServer({
    capabilities: script.capabilities ?? CHANGES,
    answers: {
      'tools/list': {tools: []},
      'resources/list': {resources: []},
      ...(script.listen && {[LISTEN]: script.listen}),
    },
  })
  const open = openLegacyFace(
    server.open,
    (milliseconds, signal) =>
      new Promise(resolve => {
        signal.addEventListener('abort', () => resolve(), {once: true})
        pauses.add({milliseconds, end: resolve})
      }),
  )
  const client = await connectedClient({servers: {modern: {...server, open}}})
  onTestFinished(() => client.session.close())
  await client.ask('resources/list')
  return {client, server, upstream: await server.start(), pauses}
}

function listens({methods}: FakeUpstream): number {
  return methods.filter(method => method === LISTEN).length
}

function filterOf({params}: Request): unknown {
  return params?.['notifications']
}

/** Makes the server answer something, so that all that it said before has arrived. */
async function settled(client: FakeClient): Promise<void> {
  await client.refusal('vendor/nothing')
}

function noticesOf({arrived}: FakeClient, method: string): unknown[] {
  return arrived.items.filter(({message}) => message['method'] === method)
}

describe('the subscription of a legacy session at a modern server', () => {
  test('is opened for the lists whose changes the server declares, and passes them on as old notices', async () => {
    const {client, upstream} = await scene({
      capabilities: {tools: {listChanged: true}, prompts: {listChanged: false}, resources: {}},
    })
    const {id, ...listen} = await upstream.request(LISTEN)
    expect(filterOf({id, ...listen})).toEqual({toolsListChanged: true})
    upstream.say(onSubscription(id, TOOLS, {vendor: 1}), {request: id})
    expect(await client.notice(TOOLS)).toEqual({
      message: notification(TOOLS, {vendor: 1}),
      about: undefined,
      params: {vendor: 1},
    })
  })

  test('is not opened for a server that tells of nothing', async () => {
    const {client, upstream} = await scene({capabilities: {resources: {}, tools: {}}})
    await settled(client)
    expect(listens(upstream)).toBe(0)
  })

  test('is opened anew for each resource, and the old one left once the new one is acknowledged', async () => {
    const {client, upstream} = await scene()
    const first = await upstream.request(LISTEN)
    expect(filterOf(first)).toEqual(ALL_LISTS)
    expect(await client.ask('resources/subscribe', {uri: 'test://a'})).toEqual({})
    const second = await upstream.request(LISTEN, 1)
    expect(filterOf(second)).toEqual({...ALL_LISTS, resourceSubscriptions: ['test://a']})
    expect((await upstream.call(CANCELLED)).params).toEqual({requestId: first.id})
    upstream.say(onSubscription(first.id, UPDATED, {uri: 'test://late'}))
    upstream.say(onSubscription(second.id, UPDATED, {uri: 'test://a'}))
    expect((await client.notice(UPDATED)).message).toEqual(notification(UPDATED, {uri: 'test://a'}))
    expect(await client.ask('resources/subscribe', {uri: 'test://a'})).toEqual({})
    expect(await client.ask('resources/unsubscribe', {uri: 'test://a'})).toEqual({})
    expect(filterOf(await upstream.request(LISTEN, 2))).toEqual(ALL_LISTS)
    expect(listens(upstream)).toBe(3)
  })

  test('goes on while the next one is not acknowledged yet, and is followed by one with all that came meanwhile', async () => {
    let count = 0
    const {client, upstream} = await scene({
      listen: (listen, self) => (++count === 2 ? undefined : acknowledge(listen, self)),
    })
    const first = await upstream.request(LISTEN)
    const subscribed = ['a', 'b', 'c'].map(name =>
      client.ask('resources/subscribe', {uri: `test://${name}`}),
    )
    const second = await upstream.request(LISTEN, 1)
    upstream.say(onSubscription(first.id, TOOLS))
    await client.notice(TOOLS)
    await settled(client)
    expect(listens(upstream)).toBe(2)
    acknowledge(second, upstream)
    expect(await Promise.all(subscribed)).toEqual([{}, {}, {}])
    expect(filterOf(await upstream.request(LISTEN, 2))).toMatchObject({
      resourceSubscriptions: ['test://a', 'test://b', 'test://c'],
    })
  })

  test('is left when nothing is subscribed to any more', async () => {
    const {client, upstream} = await scene({capabilities: {resources: {subscribe: true}}})
    await client.ask('resources/subscribe', {uri: 'test://a'})
    await client.ask('resources/unsubscribe', {uri: 'test://a'})
    const {id} = await upstream.request(LISTEN)
    expect((await upstream.call(CANCELLED)).params).toEqual({requestId: id})
    await client.ask('resources/unsubscribe', {uri: 'test://a'})
    await settled(client)
    expect(listens(upstream)).toBe(1)
  })

  test('tells the client which resource the server does not honour', async () => {
    const {client, upstream} = await scene({
      listen: (listen, self) => acknowledge(listen, self, {resourceSubscriptions: ['test://a']}),
    })
    expect(await client.ask('resources/subscribe', {uri: 'test://a'})).toEqual({})
    const refusal = await client.refusal('resources/subscribe', {uri: 'test://b'})
    expect(refusal).toMatchObject({code: -32602})
    await client.refusal('resources/subscribe', {})
    await client.refusal('resources/unsubscribe', {})
    await client.ask('resources/subscribe', {uri: 'test://a'})
    expect(listens(upstream)).toBe(3)
  })

  test('tells the client why the server refuses, and keeps what there was', async () => {
    let count = 0
    const {client, upstream} = await scene({
      listen: (listen, self) =>
        ++count === 1 ? acknowledge(listen, self) : refuse(-32000, 'full')(listen, self),
    })
    const first = await upstream.request(LISTEN)
    const refusal = await client.refusal('resources/subscribe', {uri: 'test://a'})
    expect(refusal).toEqual({code: -32000, message: 'full'})
    upstream.say(onSubscription(first.id, TOOLS))
    await client.notice(TOOLS)
    expect(upstream.methods).not.toContain(CANCELLED)
  })

  test.each([-32601, -32602])('is not tried again when it is refused with %i', async code => {
    const {client, upstream, pauses} = await scene({listen: refuse(code, 'no')})
    await upstream.request(LISTEN)
    await settled(client)
    expect(pauses.items).toEqual([])
  })

  test.each([
    ['its result', (id: Request['id']) => result(id, {})],
    ['an error', (id: Request['id']) => failure(id, -32603, 'lost', {unreachable: true})],
    ['a withdrawal', (id: Request['id']) => notification(CANCELLED, {requestId: id})],
  ])(
    'is opened again after the server has ended it with %s, and tells once of what may have changed',
    async (_, end) => {
      const {client, upstream, pauses} = await scene()
      await client.ask('resources/subscribe', {uri: 'test://a'})
      await client.ask('tools/list')
      const {id} = await upstream.request(LISTEN, 1)
      upstream.say(end(id))
      const pause = await pauses.find(() => true)
      expect(pause.milliseconds).toBe(1000)
      await settled(client)
      expect(listens(upstream)).toBe(2)
      pause.end()
      expect(filterOf(await upstream.request(LISTEN, 2))).toEqual({
        ...ALL_LISTS,
        resourceSubscriptions: ['test://a'],
      })
      await client.notice(UPDATED)
      expect(noticesOf(client, UPDATED)).toEqual([
        {message: notification(UPDATED, {uri: 'test://a'}), about: undefined},
      ])
      expect(client.arrived.items.map(({message}) => message['method'])).toEqual(
        expect.arrayContaining([TOOLS, 'notifications/prompts/list_changed']),
      )
    },
  )

  test('waits longer each time when it is lost again and again, and not once it has told something', async () => {
    const {upstream, pauses, client} = await scene()
    for (const [nth, milliseconds] of [1000, 5000, 30_000, 30_000].entries()) {
      const {id} = await upstream.request(LISTEN, nth)
      upstream.say(result(id, {}))
      const pause = await pauses.find(() => true, nth)
      expect(pause.milliseconds).toBe(milliseconds)
      pause.end()
    }
    const {id} = await upstream.request(LISTEN, 4)
    await settled(client)
    upstream.say(onSubscription(id, TOOLS))
    upstream.say(result(id, {}))
    expect((await pauses.find(() => true, 4)).milliseconds).toBe(1000)
  })

  test('is tried again when the server cannot be reached at first', async () => {
    let count = 0
    const {upstream, pauses, client} = await scene({
      listen: (listen, self) =>
        ++count === 1 ? refuse(-32603, 'away')(listen, self) : acknowledge(listen, self),
    })
    ;(await pauses.find(() => true)).end()
    await upstream.request(LISTEN, 1)
    await client.notice(TOOLS)
  })

  test('does not wait when the client subscribes while it is lost', async () => {
    const {client, upstream, pauses} = await scene()
    upstream.say(result((await upstream.request(LISTEN)).id, {}))
    await pauses.find(() => true)
    expect(await client.ask('resources/subscribe', {uri: 'test://a'})).toEqual({})
    await settled(client)
    expect(listens(upstream)).toBe(2)
  })

  test('is given up when the server does not acknowledge it', async () => {
    const {client, upstream} = await scene({
      capabilities: {resources: {subscribe: true}},
      listen: () => undefined,
    })
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const refusal = client.refusal('resources/subscribe', {uri: 'test://a'})
    const {id} = await upstream.request(LISTEN)
    vi.advanceTimersByTime(30_000)
    expect(await refusal).toMatchObject({code: -32603})
    expect((await upstream.call(CANCELLED)).params).toEqual({requestId: id})
  })

  test('has so many resources and no more', async () => {
    const sent: (Request | Notification)[] = []
    const subscriptions = new FaceSubscriptions({
      send: message => void sent.push(message),
      tell: () => undefined,
      newId: () => 'one',
      pause: () => Promise.resolve(),
    })
    onTestFinished(() => subscriptions.close())
    subscriptions.begin({resources: {subscribe: true}})
    const uris = Array.from({length: 1001}, (_, at) => `test://${at}`)
    const asked = uris.map(uri =>
      subscriptions.subscribe(request(uri, 'resources/subscribe', {uri})),
    )
    subscriptions.take(onSubscription('one', ACKNOWLEDGED, sent[0]?.params), 'alone')
    expect(sent[1]?.params?.['notifications']).toEqual({resourceSubscriptions: uris.slice(0, 1000)})
    expect(await asked[1000]).toMatchObject({error: {code: -32603}})
  })

  test('forgets a resource that is given up before the server has acknowledged it', async () => {
    const {client, upstream} = await scene({
      capabilities: {resources: {subscribe: true}},
      listen: () => undefined,
    })
    const subscribed = client.refusal('resources/subscribe', {uri: 'test://a'})
    const first = await upstream.request(LISTEN)
    expect(await client.ask('resources/unsubscribe', {uri: 'test://a'})).toEqual({})
    expect(await subscribed).toMatchObject({code: -32603})
    acknowledge(first, upstream)
    expect((await upstream.call(CANCELLED)).params).toEqual({requestId: first.id})
  })

  test('ends with the session, also while it waits', async () => {
    const {client, upstream, pauses} = await scene()
    upstream.say(result((await upstream.request(LISTEN)).id, {}))
    const pause = await pauses.find(() => true)
    await client.session.close()
    pause.end()
    await Promise.resolve()
    expect(listens(upstream)).toBe(1)
    expect(upstream.isOpen).toBe(false)
  })
})
