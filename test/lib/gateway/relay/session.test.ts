import {describe, expect, onTestFinished, test, vi} from 'vitest'
import type {JsonObject} from '../../../../src/lib/base/json.ts'
import {
  failure,
  isRequest,
  notification,
  request,
  result,
  type Id,
} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {connectedClient, FakeClient} from '../../../support/fake-client.ts'
import {fakeServer, toolScript, type FakeScript} from '../../../support/fake-upstream.ts'

/** One tool `x` whose calls only the test answers. */
const silent: FakeScript = {
  hello: {capabilities: {tools: {}}},
  answers: {'tools/list': {tools: [{name: 'x'}]}, 'tools/call': () => undefined},
}

const call = (id: Id, more: JsonObject = {}) => request(id, 'tools/call', {name: 'x', ...more})

describe('the start of a session', () => {
  test('is answered at once, before any server is started', async () => {
    const server = fakeServer()
    const client = new FakeClient({servers: {a: server}})
    expect(await client.initialize()).toMatchObject({
      protocolVersion: '2025-11-25',
      serverInfo: {name: 'docker-mcp-gateway', version: '1.2.3'},
    })
    expect(server.attempts).toBe(0)
  })

  test('tells what is remembered of the servers', async () => {
    const known = {a: {capabilities: {prompts: {}}, instructions: 'Be kind.'}}
    const client = new FakeClient({servers: {a: fakeServer()}, known})
    expect(await client.initialize()).toMatchObject({
      capabilities: {prompts: {listChanged: true}},
      instructions: 'Be kind.',
    })
  })

  test('comes before everything but a ping', async () => {
    const server = fakeServer(silent)
    const client = new FakeClient({servers: {a: server}})
    expect(await client.ask('ping')).toEqual({})
    for (const method of ['tools/list', 'tools/call', 'logging/setLevel', 'vendor/x']) {
      expect(await client.refusal(method)).toMatchObject({code: -32600})
    }
    client.session.receive(notification('notifications/roots/list_changed'))
    client.session.receive(result('g-1', {}))
    expect(server.attempts).toBe(0)
  })

  test('happens once', async () => {
    const client = await connectedClient({servers: {}})
    expect(await client.refusal('initialize')).toMatchObject({code: -32600})
  })

  test('without params is one with nothing known of the client', async () => {
    const server = fakeServer(toolScript('x'))
    const client = new FakeClient({servers: {a: server}})
    expect(await client.ask('initialize')).toMatchObject({protocolVersion: '2025-11-25'})
    await client.ask('tools/list')
    const upstream = await server.start()
    expect((await upstream.call('initialize')).params).toEqual({protocolVersion: '2025-11-25'})
  })

  test('is told to a server once', async () => {
    const server = fakeServer(toolScript('x'))
    const client = await connectedClient({servers: {a: server}})
    await client.ask('tools/list')
    client.session.receive(notification('notifications/initialized'))
    client.session.receive(notification('notifications/vendor'))
    const upstream = await server.start()
    await upstream.call('notifications/vendor')
    expect(upstream.methods).toEqual([
      'initialize',
      'notifications/initialized',
      'tools/list',
      'notifications/vendor',
    ])
  })
})

describe('requests', () => {
  test('of two sessions with equal ids and tokens get their own answers', async () => {
    const server = fakeServer(silent)
    const clients = await Promise.all([1, 2].map(() => connectedClient({servers: {a: server}})))
    for (const [index, client] of clients.entries()) {
      const answer = client.send(call(0, {_meta: {progressToken: 0}, who: index}))
      const upstream = await server.start(index)
      const {id, params} = await upstream.request('tools/call')
      expect(params).toMatchObject({who: index})
      upstream.say(notification('notifications/progress', {progressToken: id, progress: index}))
      upstream.say(result(id, {who: index}))
      expect(await answer).toEqual(result(0, {who: index}))
      const progress = await client.notice('notifications/progress')
      expect(progress).toMatchObject({params: {progressToken: 0, progress: index}, about: 0})
    }
    expect(server.attempts).toBe(2)
  })

  test('with the id of one in flight are refused, and the first is still answered', async () => {
    const server = fakeServer(silent)
    const client = await connectedClient({servers: {a: server}})
    client.session.receive(call('0'))
    client.session.receive(call(0))
    const upstream = await server.start()
    const [first, second] = [
      await upstream.request('tools/call', 0),
      await upstream.request('tools/call', 1),
    ]
    expect(await client.send(call('0'))).toMatchObject({id: '0', error: {code: -32600}})
    upstream.say(result(second.id, {n: 2}))
    upstream.say(result(first.id, {n: 1}))
    const answered = await client.arrived.find(({message}) => message['result'] !== undefined, 2)
    expect(answered).toEqual({message: result('0', {n: 1}), about: '0'})
    const again = client.send(call('0'))
    upstream.say(result((await upstream.request('tools/call', 2)).id, {n: 3}))
    expect(await again).toEqual(result('0', {n: 3}))
  })

  test('get an error with the reason when a server cannot be started and nothing explains it', async () => {
    const server = fakeServer(silent)
    const client = await connectedClient({servers: {a: server}})
    const refused = client.send(call(1))
    const upstream = await server.start()
    await upstream.request('tools/call')
    upstream.end()
    expect(await refused).toMatchObject({
      id: 1,
      error: {code: -32603, data: {reason: 'SERVER_ENDED'}},
    })
    expect(client.failed).toMatchObject([{server: 'a'}])
  })

  test('get an error when something unforeseen is thrown', async () => {
    const client = await connectedClient({
      servers: {a: fakeServer(toolScript('x'))},
      govern: () => () => Promise.reject(new TypeError('unforeseen')),
    })
    expect(await client.send(call(1))).toEqual(failure(1, -32603, 'unforeseen'))
  })
})

describe('cancelling', () => {
  test('reaches the server under its id and leaves the request without an answer', async () => {
    const server = fakeServer(silent)
    const client = await connectedClient({servers: {a: server}})
    client.session.receive(call('c'))
    const upstream = await server.start()
    const {id} = await upstream.request('tools/call')
    const reason = {reason: 'enough', vendor: 1}
    client.session.receive(notification('notifications/cancelled', {requestId: 'c', ...reason}))
    expect((await upstream.call('notifications/cancelled')).params).toEqual({
      requestId: id,
      ...reason,
    })
    upstream.say(result(id, {late: true}))
    await client.ask('ping')
    expect(client.dropped).toEqual(['c'])
    expect(client.arrived.items.filter(({message}) => message['id'] === 'c')).toEqual([])
  })

  test('of a list leaves it without an answer, and the servers go on', async () => {
    const server = fakeServer({
      hello: {capabilities: {tools: {}}},
      answers: {'tools/list': () => undefined},
    })
    const client = await connectedClient({servers: {a: server, b: fakeServer(toolScript())}})
    client.session.receive(request('l', 'tools/list'))
    const upstream = await server.start()
    const {id} = await upstream.request('tools/list')
    client.session.receive(notification('notifications/cancelled', {requestId: 'l'}))
    upstream.say(result(id, {tools: [{name: 'x'}]}))
    expect(await client.ask('tools/list')).toEqual({tools: [{name: 'x'}]})
    expect(client.dropped).toEqual(['l'])
    expect(client.arrived.items.filter(({message}) => message['id'] === 'l')).toEqual([])
    expect(upstream.methods).not.toContain('notifications/cancelled')
  })

  test.each([{}, {requestId: null}, {requestId: 'unknown'}, {requestId: 1}])(
    'of what is not in flight does nothing: %j',
    async params => {
      const server = fakeServer(silent)
      const client = await connectedClient({servers: {a: server}})
      client.session.receive(call('1'))
      const upstream = await server.start()
      await upstream.request('tools/call')
      client.session.receive(notification('notifications/cancelled', params))
      client.session.receive(notification('notifications/vendor'))
      await upstream.call('notifications/vendor')
      expect(upstream.methods).not.toContain('notifications/cancelled')
      expect(client.dropped).toEqual([])
    },
  )
})

describe('requests of a server', () => {
  const able = {capabilities: {sampling: {}, elicitation: {}, roots: {}}}

  test.each(['sampling/createMessage', 'elicitation/create', 'roots/list', 'vendor/ask'])(
    '%s goes to the client under an id and a token of the gateway, and the answer back',
    async method => {
      const server = fakeServer(silent)
      const client = await connectedClient({servers: {a: server}}, able)
      client.session.receive(call('c'))
      const upstream = await server.start()
      await upstream.request('tools/call')
      const params = {future: [1], _meta: {progressToken: 0, x: 1}}
      upstream.say(request(0, method, params))
      const asked = await client.asked(method)
      expect(asked.id).not.toBe(0)
      expect(asked.params).toEqual({future: [1], _meta: {progressToken: asked.id, x: 1}})
      expect(client.arrived.items.at(-1)?.about).toBe('c')
      client.session.receive(
        notification('notifications/progress', {progressToken: asked.id, progress: 1}),
      )
      client.session.receive({...result(asked.id, {content: [1]}), vendor: 1})
      expect((await upstream.call('notifications/progress')).params).toEqual({
        progressToken: 0,
        progress: 1,
      })
      expect(await upstream.answerTo(0)).toEqual({...result(0, {content: [1]}), vendor: 1})
    },
  )

  test('go to their own session only, equal ids or not', async () => {
    const server = fakeServer(toolScript('x'))
    const clients = await Promise.all(
      [1, 2].map(() => connectedClient({servers: {a: server}}, able)),
    )
    for (const [index, client] of clients.entries()) {
      await client.ask('tools/list')
      const upstream = await server.start(index)
      upstream.say(request('s', 'roots/list'))
      const {id} = await client.asked('roots/list')
      client.session.receive(result(id, {roots: [index]}))
      expect(await upstream.answerTo('s')).toEqual(result('s', {roots: [index]}))
    }
    for (const client of clients) {
      expect(client.arrived.items.filter(({message}) => isRequest(message))).toHaveLength(1)
    }
  })

  test('get the error of the client to the letter', async () => {
    const server = fakeServer(toolScript('x'))
    const client = await connectedClient({servers: {a: server}}, able)
    await client.ask('tools/list')
    const upstream = await server.start()
    upstream.say(request(1, 'elicitation/create'))
    const {id} = await client.asked('elicitation/create')
    const error = {code: -1, message: 'the user rejected it', data: {a: 1}}
    client.session.receive({jsonrpc: '2.0', id, error})
    expect(await upstream.answerTo(1)).toEqual({jsonrpc: '2.0', id: 1, error})
  })

  test('for what the client cannot do are refused here', async () => {
    const server = fakeServer(toolScript('x'))
    const client = await connectedClient({servers: {a: server}}, {capabilities: {roots: {}}})
    await client.ask('tools/list')
    const upstream = await server.start()
    for (const method of ['sampling/createMessage', 'elicitation/create']) {
      upstream.say(request(method, method))
      expect(await upstream.answerTo(method)).toMatchObject({error: {code: -32601}})
    }
    upstream.say(request('r', 'roots/list'))
    await client.asked('roots/list')
  })

  test('that the server gives up are cancelled at the client, under its id', async () => {
    const server = fakeServer(silent)
    const client = await connectedClient({servers: {a: server}}, able)
    client.session.receive(call('c'))
    const upstream = await server.start()
    await upstream.request('tools/call')
    upstream.say(request('s', 'sampling/createMessage'))
    const {id} = await client.asked('sampling/createMessage')
    upstream.say(notification('notifications/cancelled', {requestId: 's', reason: 'late'}))
    const cancelled = await client.notice('notifications/cancelled')
    expect(cancelled).toMatchObject({params: {requestId: id, reason: 'late'}, about: 'c'})
    client.session.receive(result(id, {}))
    upstream.say(notification('notifications/cancelled', {requestId: 's'}))
    await client.ask('ping')
    expect(upstream.received.items.filter(message => message['id'] === 's')).toEqual([])
    expect(
      client.arrived.items.filter(({message}) => message['method'] === 'notifications/cancelled'),
    ).toHaveLength(1)
  })

  test('are cancelled at the client when the server dies, and never answered to its successor', async () => {
    const server = fakeServer({
      ...toolScript('x'),
      hello: {capabilities: {tools: {}, sampling: {}}},
    })
    const client = await connectedClient({servers: {a: server}}, able)
    await client.ask('tools/list')
    const first = await server.start()
    first.say(request(1, 'sampling/createMessage'))
    const {id} = await client.asked('sampling/createMessage')
    first.end()
    const {params} = await client.notice('notifications/cancelled')
    expect(params).toEqual({requestId: id, reason: 'the server has ended'})
    await client.ask('tools/call', {name: 'x'})
    client.session.receive(result(id, {for: 'the dead'}))
    await client.ask('tools/call', {name: 'x'})
    const second = await server.start(1)
    expect(second.received.items.filter(message => 'result' in message)).toEqual([])
  })

  test('a ping is answered without the client', async () => {
    const server = fakeServer(toolScript('x'))
    const client = await connectedClient({servers: {a: server}})
    await client.ask('tools/list')
    const upstream = await server.start()
    upstream.say(request('p', 'ping'))
    expect(await upstream.answerTo('p')).toEqual(result('p', {}))
    expect(client.arrived.items.filter(({message}) => isRequest(message))).toEqual([])
  })
})

describe('notifications', () => {
  test('of a server reach the client as they are, with the request that they are likely about', async () => {
    const server = fakeServer(silent)
    const client = await connectedClient({servers: {a: server}})
    client.session.receive(call('c'))
    const upstream = await server.start()
    await upstream.request('tools/call')
    for (const method of ['notifications/message', 'notifications/vendor', 'constructor']) {
      const message = {...notification(method, {level: 'info', data: [1], x: null}), more: 1}
      upstream.say(message)
      expect(client.arrived.items.at(-1)).toEqual({message, about: 'c'})
    }
  })

  test('of the client reach every server that is open', async () => {
    const servers = {a: fakeServer(toolScript('x')), b: fakeServer(toolScript('y'))}
    const client = await connectedClient({servers})
    await client.ask('tools/list')
    const message = notification('notifications/roots/list_changed', {vendor: 1})
    client.session.receive(message)
    for (const server of [servers.a, servers.b]) {
      const upstream = await server.start()
      expect(await upstream.call('notifications/roots/list_changed')).toEqual(message)
    }
  })

  test('of changed lists are gathered into one for each kind', async () => {
    const servers = {a: fakeServer(toolScript('x')), b: fakeServer(toolScript('y'))}
    const client = await connectedClient({servers})
    await client.ask('tools/list')
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    onTestFinished(() => void vi.useRealTimers())
    for (const kind of ['tools', 'tools', 'resources', 'resources']) {
      for (const server of [servers.a, servers.b]) {
        server.starts[0]?.say(notification(`notifications/${kind}/list_changed`))
      }
    }
    const announced = () => client.arrived.items.flatMap(({message}) => message['method'] ?? [])
    vi.advanceTimersByTime(10_000)
    expect(announced()).toEqual([
      'notifications/tools/list_changed',
      'notifications/resources/list_changed',
    ])
    servers.a.starts[0]?.say(notification('notifications/prompts/list_changed'))
    vi.advanceTimersByTime(10_000)
    expect(announced()).toHaveLength(3)
  })

  test('of a changed list make the servers be asked again', async () => {
    let names = ['x']
    const server = fakeServer({
      ...silent,
      answers: {'tools/list': () => ({tools: names.map(name => ({name}))})},
    })
    const client = await connectedClient({servers: {a: server}})
    await client.ask('tools/list')
    names = ['y']
    server.starts[0]?.say(notification('notifications/tools/list_changed'))
    await client.notice('notifications/tools/list_changed')
    expect(await client.ask('tools/list')).toEqual({tools: [{name: 'y'}]})
  })
})

describe('the log level', () => {
  const logging: FakeScript = {
    hello: {capabilities: {tools: {}, logging: {}}},
    answers: {'tools/list': {tools: []}, 'logging/setLevel': {}},
  }

  test('reaches the servers that are open, those that are opened later, and those that start again', async () => {
    const gate = Promise.withResolvers<void>()
    const later = fakeServer({...logging, beforeOpen: () => gate.promise})
    const early = fakeServer(logging)
    const client = await connectedClient({servers: {early, later}, patienceMs: 1})
    await client.ask('tools/list')
    expect(await client.ask('logging/setLevel', {level: 'debug', x: 1})).toEqual({})
    gate.resolve()
    for (const server of [early, later]) {
      const upstream = await server.start()
      expect((await upstream.call('logging/setLevel')).params).toEqual({level: 'debug', x: 1})
    }
    early.starts[0]?.end()
    await vi.waitFor(() => expect(client.failed).toHaveLength(1))
    early.starts[0]?.say(notification('notifications/tools/list_changed'))
    client.session.receive(request('l', 'tools/list'))
    const again = await early.start(1)
    expect((await again.call('logging/setLevel')).params).toEqual({level: 'debug', x: 1})
    await client.session.close()
  })

  test('is not told to a server that has no log', async () => {
    const server = fakeServer(toolScript('x'))
    const client = await connectedClient({servers: {a: server, b: fakeServer(toolScript())}})
    await client.ask('logging/setLevel', {level: 'debug'})
    await client.ask('tools/list')
    await client.ask('logging/setLevel', {level: 'error'})
    await client.ask('tools/call', {name: 'x'})
    expect(server.starts[0]?.methods).not.toContain('logging/setLevel')
  })
})

describe('the end of a session', () => {
  test('can wait for what is in flight, answered or cancelled', async () => {
    const server = fakeServer(silent)
    const client = await connectedClient({servers: {a: server}})
    await client.session.idle()
    const answered = client.send(call('first'))
    client.session.receive(call('second'))
    const upstream = await server.start()
    const first = await upstream.request('tools/call')
    const idle = vi.fn<() => void>()
    const waiting = client.session.idle().then(idle)
    upstream.say(result(first.id, {}))
    await answered
    expect(idle).not.toHaveBeenCalled()
    client.session.receive(notification('notifications/cancelled', {requestId: 'second'}))
    await waiting
    expect(idle).toHaveBeenCalledOnce()
  })

  test('ends its servers, cancels what is in flight, and tells the client', async () => {
    const server = fakeServer(silent)
    const client = await connectedClient({servers: {a: server}})
    const answer = client.send(call('c'))
    const upstream = await server.start()
    const {id} = await upstream.request('tools/call')
    await client.session.close()
    expect(await answer).toEqual(
      failure(
        'c',
        -32603,
        'the session ended before the answer came, and what was asked may have been done; look before you ask again',
      ),
    )
    expect((await upstream.call('notifications/cancelled')).params).toMatchObject({requestId: id})
    expect(upstream.disposals).toBe(1)
    expect(client.isClosed).toBe(true)
    expect(client.failed).toEqual([])
  })

  test('leaves no timer behind and says nothing any more', async () => {
    const server = fakeServer(toolScript('x'))
    const slow = fakeServer({beforeOpen: () => gate.promise})
    const gate = Promise.withResolvers<void>()
    const client = await connectedClient({servers: {a: server, slow}, patienceMs: 1})
    await client.ask('tools/list')
    const upstream = await server.start()
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    onTestFinished(() => void vi.useRealTimers())
    upstream.say(notification('notifications/tools/list_changed'))
    const before = client.arrived.items.length
    const closing = client.session.close()
    gate.resolve()
    await closing
    upstream.say(notification('notifications/message'))
    upstream.say(notification('notifications/tools/list_changed'))
    upstream.say(request(1, 'vendor/ask'))
    client.session.receive(request('p', 'ping'))
    client.session.receive(request('t', 'tools/list'))
    expect(vi.getTimerCount()).toBe(0)
    await Promise.resolve()
    expect(client.arrived.items).toHaveLength(before)
    expect(slow.starts[0]?.isOpen).toBe(false)
  })

  test('comes for every server, also when one of them cannot be ended', async () => {
    const servers = {a: fakeServer(toolScript('x')), b: fakeServer(toolScript('y'))}
    const client = await connectedClient({servers})
    await client.ask('tools/list')
    const stuck = await servers.a.start()
    stuck[Symbol.asyncDispose] = () => Promise.reject(new Error('stuck'))
    await expect(client.session.close()).rejects.toMatchObject({errors: [{message: 'stuck'}]})
    expect(servers.b.starts[0]?.isOpen).toBe(false)
    expect(client.isClosed).toBe(true)
  })
})
