import {describe, expect, onTestFinished, test} from 'vitest'
import type {JsonObject} from '../../../../src/lib/base/json.ts'
import {openLegacyFace} from '../../../../src/lib/gateway/bridge/legacy-face.ts'
import {
  notification,
  request,
  result,
  type Message,
  type Request,
} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {META, metaOf} from '../../../../src/lib/gateway/wire/meta.ts'
import {connectedClient} from '../../../support/fake-client.ts'
import type {FakeServer} from '../../../support/fake-upstream.ts'
import {Inbox} from '../../../support/inbox.ts'
import {modernServer, refuse} from '../../../support/modern-server.ts'

const tools = {tools: [{name: 'one', inputSchema: {type: 'object'}}]}
const called = {content: [], resultType: 'complete', vendor: 1}

/** A legacy client of a modern server. */
async function clientOf(server: FakeServer, hello: JsonObject = {}) {
  const open = openLegacyFace(server.open)
  const client = await connectedClient({servers: {modern: {...server, open}}}, hello)
  onTestFinished(() => client.session.close())
  return client
}

/** The face of a server without a session in front of it. */
async function bareFace(server: FakeServer) {
  const messages = new Inbox<Message>()
  const open = openLegacyFace(server.open)
  const {signal} = new AbortController()
  const face = await open({session: 's', signal, onMessage: message => messages.add(message)})
  onTestFinished(async () => face[Symbol.asyncDispose]())
  const answer = (message: Request) => {
    face.send(message)
    return messages.find(({id}) => id === message.id)
  }
  return {face, answer}
}

/** A modern server with a tool that gives its request. */
function echoServer(capabilities: JsonObject = {tools: {}}) {
  return modernServer({
    capabilities,
    answers: {
      'tools/list': tools,
      'tools/call': ({params}) => ({...called, structuredContent: {...params}}),
    },
  })
}

/** The `_meta` that came with the call of a tool. */
function metaIn({structuredContent}: JsonObject): unknown {
  return structuredContent instanceof Object && '_meta' in structuredContent
    ? structuredContent._meta
    : undefined
}

describe('the face of a modern server', () => {
  test('lets a legacy client list and call, and gives it answers as they came', async () => {
    const server = echoServer()
    const client = await clientOf(server)
    expect(await client.ask('tools/list')).toEqual(tools)
    expect(await client.ask('tools/call', {name: 'one'})).toMatchObject(called)
    const upstream = await server.start()
    expect(upstream.methods).toEqual(['server/discover', 'tools/list', 'tools/call'])
  })

  test('says of the server what it says of itself', async () => {
    const server = modernServer({
      capabilities: {tools: {listChanged: false}, extensions: {x: {}}},
      discovered: {vendor: [1]},
    })
    const {answer} = await bareFace(server)
    const hello = {protocolVersion: '2025-03-26', capabilities: {}}
    expect(await answer(request(1, 'initialize', hello))).toMatchObject({
      result: {
        protocolVersion: '2025-03-26',
        capabilities: {tools: {listChanged: false}, extensions: {x: {}}},
        serverInfo: {name: 'modern', version: '7'},
        instructions: 'Be kind.',
        vendor: [1],
      },
    })
  })

  test('takes the name of the server from wherever it stands', async () => {
    const named = modernServer({discovered: {_meta: {}, serverInfo: {name: 'b', version: '2'}}})
    const nameless = modernServer({discovered: {_meta: {}}})
    expect(await (await bareFace(named)).answer(request(1, 'initialize'))).toMatchObject({
      result: {serverInfo: {name: 'b', version: '2'}},
    })
    const answer = await (await bareFace(nameless)).answer(request(1, 'initialize'))
    expect(answer['result']).not.toHaveProperty('serverInfo')
  })

  test('tells the server with every request what the client is and can', async () => {
    const clientInfo = {name: 'c', version: '1', vendor: true}
    const capabilities = {sampling: {}, vendor: {a: 1}}
    const client = await clientOf(echoServer(), {clientInfo, capabilities})
    const own = {[META.client]: clientInfo, [META.capabilities]: capabilities, trace: 'x'}
    const answer = await client.ask('tools/call', {name: 'one', _meta: {trace: 'x'}})
    expect(metaIn(answer)).toEqual({...own, [META.version]: '2026-07-28'})
  })

  test('keeps the log level and tells it with every request from then on', async () => {
    const client = await clientOf(echoServer({tools: {}, logging: {}}))
    expect(metaIn(await client.ask('tools/call', {name: 'one'}))).not.toHaveProperty([
      META.logLevel,
    ])
    expect(await client.ask('logging/setLevel', {level: 'warning'})).toEqual({})
    const answer = await client.ask('tools/call', {name: 'one'})
    expect(metaIn(answer)).toHaveProperty([META.logLevel], 'warning')
    expect(await client.refusal('logging/setLevel', {level: 'loud'})).toMatchObject({code: -32602})
  })

  test('answers pings itself, and refuses levels and subscriptions that the server has not', async () => {
    const server = modernServer({capabilities: {resources: {}}})
    const {face, answer} = await bareFace(server)
    await answer(request(1, 'initialize', {protocolVersion: '2025-11-25'}))
    face.send(notification('notifications/initialized'))
    expect(await answer(request(2, 'ping'))).toEqual(result(2, {}))
    const level = await answer(request(3, 'logging/setLevel', {level: 'info'}))
    expect(level).toMatchObject({error: {code: -32601}})
    const subscribed = await answer(request(4, 'resources/subscribe', {uri: 'test://a'}))
    expect(subscribed).toMatchObject({error: {code: -32601}})
    expect((await server.start()).methods).toEqual(['server/discover'])
  })

  test('passes progress and logs on to the request that they belong to', async () => {
    const server = modernServer({
      capabilities: {tools: {}, logging: {}},
      answers: {'tools/call': () => undefined},
    })
    const client = await clientOf(server)
    const params = {name: 'one', _meta: {progressToken: 'mine'}}
    client.session.receive(request('call', 'tools/call', params))
    const upstream = await server.start()
    const {id, params: sent} = await upstream.request('tools/call')
    const {progressToken} = metaOf(sent)
    upstream.say(notification('notifications/progress', {progressToken, progress: 1}), {
      request: id,
    })
    upstream.say(notification('notifications/message', {level: 'info', data: 1}), {request: id})
    upstream.say(notification('notifications/message', {level: 'info', data: 2}), {request: 'no'})
    const progress = await client.notice('notifications/progress')
    expect(progress).toMatchObject({about: 'call', params: {progressToken: 'mine', progress: 1}})
    expect(await client.notice('notifications/message')).toMatchObject({about: 'call'})
    const logs = client.arrived.items.filter(
      ({message}) => message['method'] === 'notifications/message',
    )
    expect(logs).toHaveLength(1)
  })

  test('passes a cancelled request on, and nothing that modern servers do not take', async () => {
    const server = modernServer({answers: {'tools/call': () => undefined}})
    const client = await clientOf(server)
    client.session.receive(request('call', 'tools/call', {name: 'one'}))
    const upstream = await server.start()
    const {id} = await upstream.request('tools/call')
    for (const method of ['roots/list_changed', 'progress', 'tasks/status', 'vendor']) {
      client.session.receive(notification(`notifications/${method}`, {progressToken: 1}))
    }
    client.session.receive(
      notification('notifications/cancelled', {requestId: 'call', reason: 'enough'}),
    )
    expect(await upstream.call('notifications/cancelled')).toMatchObject({
      params: {requestId: id, reason: 'enough'},
    })
    expect(upstream.methods).toEqual([
      'server/discover',
      'tools/call',
      'notifications/vendor',
      'notifications/cancelled',
    ])
  })

  test('drops requests of the server and withdrawals, which modern servers do not make', async () => {
    const server = modernServer({answers: {'tools/call': () => undefined}})
    const client = await clientOf(server, {capabilities: {roots: {}}})
    client.session.receive(request('call', 'tools/call', {name: 'one'}))
    const upstream = await server.start()
    const {id} = await upstream.request('tools/call')
    upstream.say(request(1, 'roots/list'))
    upstream.say(notification('notifications/cancelled', {requestId: id}))
    upstream.say({jsonrpc: '2.0', id, result: called})
    upstream.say({jsonrpc: '2.0', id, result: {second: true}})
    await client.arrived.find(({message}) => message['id'] === 'call')
    expect(client.arrived.items.map(({message}) => message['id'])).toEqual([1, 'call'])
  })

  test('asks again in a version that the server names', async () => {
    let asked = 0
    const server = modernServer({
      answers: {
        'server/discover': (message, upstream) => {
          asked += 1
          if (asked > 1) return {supportedVersions: ['2026-07-28'], capabilities: {tools: {}}}
          const data = {supported: ['2030-01-01', '2026-07-28'], requested: '2026-07-28'}
          return refuse(-32022, 'not today', data)(message, upstream)
        },
        'tools/list': tools,
      },
    })
    expect(await (await clientOf(server)).ask('tools/list')).toEqual(tools)
    expect(asked).toBe(2)
  })

  test.each([
    ['again and again', {supported: ['2026-07-28']}, 2],
    ['naming none that is spoken here', {supported: ['2030-01-01']}, 1],
    ['naming none at all', undefined, 1],
  ])('passes on that a server refuses the version, %s', async (_, data, times) => {
    const server = modernServer({answers: {'server/discover': refuse(-32022, 'not today', data)}})
    const client = await clientOf(server)
    const {message} = await client.refusal('vendor/method')
    expect(message).toContain('refused to start a session: not today')
    expect((await server.start()).methods).toHaveLength(times)
  })

  test.each([[['2030-01-01']], ['2026-07-28'], [undefined]])(
    'does not start a session with a server that speaks %j',
    async supportedVersions => {
      const client = await clientOf(modernServer({discovered: {supportedVersions}}))
      const {message} = await client.refusal('vendor/method')
      expect(message).toContain('the server speaks no version that we speak')
    },
  )

  test('tells when the server ends', async () => {
    const server = modernServer({answers: {'tools/call': () => undefined}})
    const client = await clientOf(server)
    const answer = client.refusal('vendor/method')
    const upstream = await server.start()
    await upstream.request('server/discover')
    upstream.end()
    expect(await answer).toMatchObject({code: -32603})
    expect(client.failed).toMatchObject([{server: 'modern'}])
  })
})
