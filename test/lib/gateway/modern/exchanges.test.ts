import {describe, expect, test, vi} from 'vitest'
import type {JsonObject} from '../../../../src/lib/base/json.ts'
import {compose, type Handler} from '../../../../src/lib/gateway/pipeline/call.ts'
import {checkHeaders} from '../../../../src/lib/gateway/pipeline/check-headers.ts'
import {failure, notification, type Notification} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import type {OpenUpstream} from '../../../../src/lib/gateway/upstream/upstream.ts'
import {META, metaOf} from '../../../../src/lib/gateway/wire/meta.ts'
import {fakeServer, toolScript, type FakeScript} from '../../../support/fake-upstream.ts'
import {Inbox} from '../../../support/inbox.ts'
import {ModernGateway} from '../../../support/modern-caller.ts'

/** A modern server with these tools, each of which answers with what it was called with. */
function modernScript(tools: readonly string[], more: FakeScript['answers'] = {}): FakeScript {
  return {
    answers: {
      // It does not know the handshake.
      initialize: (message, upstream) => {
        upstream.say(failure(message.id, -32601, 'no initialize here'))
        return undefined
      },
      'server/discover': {
        resultType: 'complete',
        supportedVersions: ['2026-07-28'],
        capabilities: {tools: {}, resources: {}},
        ttlMs: 60_000,
        cacheScope: 'public',
        _meta: {[META.server]: {name: 'modern', version: '1'}},
      },
      'tools/list': {
        resultType: 'complete',
        tools: tools.map(name => ({name, inputSchema: {type: 'object'}})),
        ttlMs: 1000,
        cacheScope: 'public',
      },
      'tools/call': ({params}) => ({
        resultType: 'complete',
        content: [],
        structuredContent: {called: params ?? {}},
      }),
      ...more,
    },
  }
}

const modern = (tools: readonly string[], more: FakeScript['answers'] = {}) =>
  fakeServer(modernScript(tools, more))

const govern = (send: Handler) => compose([checkHeaders()], send)

const names = (list: unknown) =>
  Array.isArray(list) ? list.map((item: JsonObject) => item['name']) : []

describe('one modern server', () => {
  test('answers for itself, and gets what the client has said', async () => {
    const server = modern(['go'])
    const gateway = new ModernGateway({servers: {one: server}})
    const answer = await gateway.ask(
      'tools/call',
      {name: 'go', arguments: {x: 1}},
      {meta: {'com.example/more': 2}},
    )
    expect(answer).toEqual({
      resultType: 'complete',
      content: [],
      structuredContent: {
        called: {
          name: 'go',
          arguments: {x: 1},
          _meta: {
            [META.version]: '2026-07-28',
            [META.capabilities]: {},
            'com.example/more': 2,
          },
        },
      },
    })
  })

  test('is discovered as it is, but for the revisions of the gateway', async () => {
    const gateway = new ModernGateway({servers: {one: modern(['go'])}})
    expect(await gateway.ask('server/discover')).toMatchObject({
      supportedVersions: ['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'],
      ttlMs: 60_000,
      cacheScope: 'public',
      _meta: {[META.server]: {name: 'modern'}},
    })
  })

  test('serves clients that can different things in one process', async () => {
    const server = modern(['go'])
    const gateway = new ModernGateway({servers: {one: server}})
    await Promise.all([
      gateway.ask('tools/call', {name: 'go'}),
      gateway.ask('tools/call', {name: 'go'}, {capabilities: {sampling: {}}}),
      gateway.ask('tools/call', {name: 'go'}, {capabilities: {roots: {}}}),
    ])
    expect(server.attempts).toBe(1)
  })

  test('passes on what clients say to nobody in particular, but no notices of the other era', async () => {
    const server = modern(['go'])
    const gateway = new ModernGateway({servers: {one: server}})
    const said = notification('vendor/said', {a: 1})
    // Nobody is there to hear it.
    gateway.exchanges.notify(said)
    await gateway.ask('tools/call', {name: 'go'})
    gateway.exchanges.notify(notification('notifications/roots/list_changed'))
    gateway.exchanges.notify(said)
    const {received} = await server.start()
    await received.find(({method}) => method === 'vendor/said')
    const heard = received.items.filter(message => 'method' in message && !('id' in message))
    expect(heard).toEqual([said])
  })

  test('keeps the progress of callers with equal ids and tokens apart', async () => {
    const server = modern(['go'], {'tools/call': () => undefined})
    const gateway = new ModernGateway({servers: {one: server}})
    const [first, second] = [new Inbox<Notification>(), new Inbox<Notification>()]
    const meta = {progressToken: 'p'}
    const calls = [first, second].map(inbox =>
      gateway.call('tools/call', {name: 'go'}, {meta}, inbox),
    )
    const upstream = await server.start()
    for (const nth of [0, 1]) {
      const {id, params} = await upstream.request('tools/call', nth)
      const {progressToken = null} = metaOf(params)
      upstream.say(notification('notifications/progress', {progressToken, progress: nth}))
      upstream.say({jsonrpc: '2.0', id, result: {resultType: 'complete', nth}})
    }
    expect(await Promise.all(calls)).toMatchObject([
      {id: 1, result: {nth: 0}},
      {id: 1, result: {nth: 1}},
    ])
    for (const [nth, inbox] of [first, second].entries()) {
      expect(inbox.items).toEqual([
        notification('notifications/progress', {progressToken: 'p', progress: nth}),
      ])
    }
  })

  test('is told that a client is gone', async () => {
    const server = modern(['go'], {'tools/call': () => undefined})
    const gateway = new ModernGateway({servers: {one: server}})
    const leaving = new AbortController()
    const call = gateway.call('tools/call', {name: 'go'}, {signal: leaving.signal})
    const upstream = await server.start()
    const {id} = await upstream.request('tools/call')
    leaving.abort(new Error('gone'))
    await expect(call).rejects.toThrow('gone')
    expect((await upstream.call('notifications/cancelled')).params).toMatchObject({requestId: id})
  })
})

describe('one legacy server', () => {
  test('is found out, remembered, and its answers are made modern', async () => {
    const server = fakeServer(toolScript('go'))
    const gateway = new ModernGateway({servers: {one: server}})
    const list = await gateway.ask('tools/list')
    expect(list).toMatchObject({
      resultType: 'complete',
      tools: [{name: 'go'}],
      ttlMs: 0,
      cacheScope: 'private',
    })
    expect(Object.fromEntries(gateway.eras)).toEqual({'one modern': false, 'one legacy': true})
    const called = await gateway.ask('tools/call', {name: 'go'}, {meta: {'com.example/x': 1}})
    // What only modern revisions know does not reach it.
    expect(called).toMatchObject({
      structuredContent: {called: {name: 'go', _meta: {'com.example/x': 1}}},
    })
  })

  test('is not asked what modern revisions do not have', async () => {
    const server = fakeServer(toolScript('go'))
    const gateway = new ModernGateway({servers: {one: server}})
    const removed = ['ping', 'logging/setLevel', 'resources/subscribe', 'tasks/list', 'initialize']
    const answers = await Promise.all(removed.map(method => gateway.call(method)))
    for (const answer of answers) expect(answer).toMatchObject({error: {code: -32601}})
    expect(server.attempts).toBe(0)
  })
})

describe('several servers of both eras', () => {
  test('are listed together, kept no longer than the shortest-lived list', async () => {
    const servers = {new: modern(['go', 'more']), old: fakeServer(toolScript('go'))}
    const gateway = new ModernGateway({servers})
    const list = await gateway.ask('tools/list')
    expect(names(list['tools'])).toEqual(['go', 'more', 'old__go'])
    expect(list).toMatchObject({ttlMs: 0, cacheScope: 'private', resultType: 'complete'})
    const called = await gateway.ask('tools/call', {name: 'old__go'})
    expect(called).toMatchObject({structuredContent: {called: {name: 'go'}}})
  })

  test('are listed for as long as they all say', async () => {
    const servers = {a: modern(['go']), b: modern(['go'])}
    const gateway = new ModernGateway({servers})
    expect(await gateway.ask('tools/list')).toMatchObject({ttlMs: 1000, cacheScope: 'public'})
    gateway.now = 400
    expect(await gateway.ask('tools/list')).toMatchObject({ttlMs: 600})
    const [a, b] = await Promise.all([servers.a.start(), servers.b.start()])
    const asked = () =>
      [a, b].map(({methods}) => methods.filter(one => one === 'tools/list').length)
    expect(asked()).toEqual([1, 1])
    gateway.now = 1000
    expect(await gateway.ask('tools/list')).toMatchObject({ttlMs: 1000})
    expect(asked()).toEqual([2, 2])
  })

  test('own tasks whose ids name them, before and after a restart of the gateway', async () => {
    const task = {
      'tools/call': {resultType: 'task', taskId: '7', status: 'working'},
      'tasks/get': ({params}: {params?: JsonObject}) => ({
        resultType: 'complete',
        taskId: params?.['taskId'],
        status: 'completed',
      }),
    }
    const open = () =>
      new ModernGateway({servers: {a: modern(['go'], task), b: modern(['go'], task)}})
    const made = await open().ask('tools/call', {name: 'b__go'})
    expect(made).toMatchObject({resultType: 'task', taskId: 'b~7'})
    const later = open()
    expect(await later.ask('tasks/get', {taskId: 'b~7'})).toMatchObject({taskId: 'b~7'})
    expect(await later.call('tasks/get', {taskId: '7'})).toMatchObject({error: {code: -32602}})
  })

  test('that ask for more get the answer, whoever else could have the resource', async () => {
    const asks = {
      'resources/list': {resultType: 'complete', resources: [], ttlMs: 0, cacheScope: 'public'},
      'resources/templates/list': {
        resultType: 'complete',
        resourceTemplates: [],
        ttlMs: 0,
        cacheScope: 'public',
      },
    }
    const no = {...asks}
    const yes = {
      ...asks,
      'resources/read': ({params}: {params?: JsonObject}) =>
        params?.['requestState'] === 'mine'
          ? {resultType: 'complete', contents: [{uri: 'x:y', text: 'all'}]}
          : {resultType: 'input_required', requestState: 'mine'},
    }
    const servers = {a: modern([], no), b: modern([], yes)}
    const gateway = new ModernGateway({servers})
    const {requestState} = await gateway.ask('resources/read', {uri: 'x:y'})
    expect(requestState).not.toBe('mine')
    const asked = {uri: 'x:y', requestState: requestState as string}
    expect(await gateway.ask('resources/read', asked)).toMatchObject({contents: [{text: 'all'}]})
    const forged = [
      {...asked, uri: 'x:z'},
      {uri: 'x:y', requestState: 'mine'},
    ]
    for (const params of forged) {
      expect(await gateway.call('resources/read', params)).toMatchObject({error: {code: -32602}})
    }
  })

  test('that fail leave the others as they are', async () => {
    const broken = fakeServer({
      beforeOpen() {
        throw new Error('no such image')
      },
    })
    const gateway = new ModernGateway({servers: {broken, good: modern(['go'])}})
    expect(names((await gateway.ask('tools/list'))['tools'])).toEqual(['go'])
    expect(gateway.failed).toMatchObject([{server: 'broken'}])
  })
})

test('a server that is of another era after its restart is found out again', async () => {
  const scripts = [modernScript(['go']), toolScript('go'), toolScript('go')]
  const starts = scripts.map(script => fakeServer(script))
  let attempts = 0
  const server = {
    ...fakeServer(),
    open: (input: Parameters<OpenUpstream>[0]) => {
      const start = starts[Math.min(attempts, starts.length - 1)]
      attempts += 1
      return start ? start.open(input) : Promise.reject(new Error('no more starts'))
    },
  }
  const gateway = new ModernGateway({servers: {one: server}})
  await gateway.ask('tools/call', {name: 'go'})
  const upstream = await starts[0]?.start()
  upstream?.end()
  await vi.waitFor(() => expect(gateway.failed).toHaveLength(1))
  expect(await gateway.ask('tools/call', {name: 'go'})).toMatchObject({content: []})
  expect(gateway.eras.get('one modern')).toBe(false)
})

test('a storm of kinds of clients keeps no more than so many views, and serves all', async () => {
  const server = modern(['go'])
  const gateway = new ModernGateway({servers: {one: server}})
  for (let nth = 0; nth < 100; nth += 1) {
    const capabilities = {experimental: {[`kind-${nth}`]: {}}}
    expect(await gateway.ask('tools/call', {name: 'go'}, {capabilities})).toMatchObject({
      content: [],
    })
  }
  expect(server.attempts).toBe(1)
})

test('capabilities larger than any client has are refused, since they are kept', async () => {
  const server = modern(['go'])
  const gateway = new ModernGateway({servers: {one: server}})
  const capabilities = {experimental: {x: {text: 'x'.repeat(20_000)}}}
  expect(await gateway.call('tools/call', {name: 'go'}, {capabilities})).toMatchObject({
    error: {code: -32602},
  })
  expect(server.attempts).toBe(0)
})

test('what several servers say of themselves is asked again when it must not be kept any longer', async () => {
  let version = 1
  const discover = () => ({
    resultType: 'complete',
    supportedVersions: ['2026-07-28'],
    capabilities: {tools: {}},
    instructions: `version ${version}`,
    ttlMs: 1000,
    cacheScope: 'public',
  })
  const servers = {a: modern(['go'], {'server/discover': discover}), b: modern(['go'])}
  const gateway = new ModernGateway({servers})
  const instructions = async () => (await gateway.ask('server/discover'))['instructions']
  expect(await instructions()).toContain('version 1')
  version = 2
  gateway.now = 999
  expect(await instructions()).toContain('version 1')
  gateway.now = 1000
  expect(await instructions()).toContain('version 2')
})

test('the definition of a tool counts for a minute when its server does not say for how long', async () => {
  let region = true
  const list = () => ({
    resultType: 'complete',
    ttlMs: 0,
    cacheScope: 'public',
    tools: [
      {
        name: 'go',
        inputSchema: {
          type: 'object',
          properties: {region: {type: 'string', ...(region && {'x-mcp-header': 'Region'})}},
        },
      },
    ],
  })
  const gateway = new ModernGateway({servers: {one: modern(['go'], {'tools/list': list})}, govern})
  const call = () =>
    gateway.call('tools/call', {name: 'go', arguments: {region: 'eu'}}, {mirrored: new Map()})
  expect(await call()).toMatchObject({error: {code: -32020}})
  region = false
  gateway.now = 59_999
  expect(await call()).toMatchObject({error: {code: -32020}})
  gateway.now = 60_000
  expect(await call()).toMatchObject({result: {resultType: 'complete'}})
})
