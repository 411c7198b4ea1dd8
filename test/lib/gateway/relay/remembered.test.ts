import {describe, expect, onTestFinished, test, vi} from 'vitest'
import type {JsonObject} from '../../../../src/lib/base/json.ts'
import {notification, result} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {connectedClient, type FakeClient} from '../../../support/fake-client.ts'
import {fakeServer, toolScript, type FakeServer} from '../../../support/fake-upstream.ts'

const CHANGED = 'notifications/tools/list_changed'
const tool = (name: string) => ({name, inputSchema: {type: 'object'}})
const remembered = {tools: [tool('x')]}

/** A server whose start waits for `release`. */
function gated(...names: readonly string[]): FakeServer & {release: () => void} {
  const gate = Promise.withResolvers<void>()
  const server = fakeServer({...toolScript(...names), beforeOpen: () => gate.promise})
  return Object.assign(server, {release: () => gate.resolve()})
}

function changes(client: FakeClient): number {
  return client.arrived.items.filter(({message}) => message['method'] === CHANGED).length
}

/** Names in `tools/list`. */
async function tools(client: FakeClient): Promise<unknown[]> {
  const {tools: listed} = await client.ask('tools/list')
  return Array.isArray(listed) ? listed.map(item => Object(item).name) : []
}

/** Timers do not run by themselves; what is to happen after all of them has happened. */
function useTimers(): void {
  vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout', 'performance']})
  onTestFinished(() => void vi.useRealTimers())
}

describe('what is remembered of servers', () => {
  test('is listed at once, and again as the same when the servers have said the same', async () => {
    useTimers()
    const [a, b] = [gated('x'), gated('y')]
    const client = await connectedClient({
      servers: {a, b},
      remembered: {a: remembered, b: {tools: [tool('y')]}},
    })
    expect(await tools(client)).toEqual(['x', 'y'])
    for (const server of [a, b]) {
      server.release()
      await (await server.start()).call('tools/list')
    }
    await vi.advanceTimersByTimeAsync(60_000)
    expect(changes(client)).toBe(0)
    expect(await tools(client)).toEqual(['x', 'y'])
  })

  test('is followed by one change however many servers list something else', async () => {
    useTimers()
    const [a, b] = [gated('x', 'new'), gated()]
    const client = await connectedClient({
      servers: {a, b},
      remembered: {a: remembered, b: {tools: [tool('y')]}},
    })
    expect(await tools(client)).toEqual(['x', 'y'])
    for (const server of [a, b]) {
      server.release()
      await (await server.start()).call('tools/list')
    }
    await vi.advanceTimersByTimeAsync(60_000)
    expect(changes(client)).toBe(1)
    expect(await tools(client)).toEqual(['x', 'new'])
    await vi.advanceTimersByTimeAsync(60_000)
    expect(changes(client)).toBe(1)
  })

  test('stays listed when the server does not start, and a call says why it fails', async () => {
    const fails = fakeServer({
      beforeOpen: () => {
        throw new Error('no such image')
      },
    })
    const client = await connectedClient({
      servers: {fails, good: fakeServer(toolScript('g'))},
      remembered: {fails: remembered},
    })
    expect(await tools(client)).toEqual(['x', 'g'])
    await vi.waitFor(() => expect(client.failed).toHaveLength(1))
    expect(await tools(client)).toEqual(['x', 'g'])
    expect(await client.refusal('tools/call', {name: 'x'})).toMatchObject({
      message: expect.stringContaining('no such image'),
    })
  })

  test('starts nobody for a list when it is good enough, and is confirmed by the first call', async () => {
    useTimers()
    const [a, b] = [fakeServer(toolScript('x', 'new')), fakeServer(toolScript('y'))]
    const client = await connectedClient({
      servers: {a, b},
      remembered: {a: remembered, b: {tools: [tool('y')]}},
      isTrusted: true,
    })
    expect(await tools(client)).toEqual(['x', 'y'])
    expect(await tools(client)).toEqual(['x', 'y'])
    expect(client.opened).toEqual([])
    await client.ask('tools/call', {name: 'x'})
    expect(client.opened).toEqual(['a'])
    await vi.advanceTimersByTimeAsync(60_000)
    expect(changes(client)).toBe(1)
    expect(await tools(client)).toEqual(['x', 'new', 'y'])
    expect(client.opened).toEqual(['a'])
  })

  test('starts the only server neither, and asks it itself once it is there', async () => {
    const client = await connectedClient({
      servers: {a: fakeServer(toolScript('x', 'new'))},
      remembered: {a: remembered},
      isTrusted: true,
    })
    expect(await tools(client)).toEqual(['x'])
    expect(client.opened).toEqual([])
    await client.ask('tools/call', {name: 'x'})
    expect(await tools(client)).toEqual(['x', 'new'])
  })

  test('is asked for again when it was learnt of another image', async () => {
    useTimers()
    const client = await connectedClient({
      servers: {a: fakeServer(toolScript('x', 'new')), b: fakeServer(toolScript('y'))},
      remembered: {a: remembered, b: {tools: [tool('y')]}},
      isTrusted: true,
    })
    expect(await tools(client)).toEqual(['x', 'y'])
    client.session.distrust('a')
    await vi.waitFor(() => expect(client.opened).toEqual(['a']))
    await vi.advanceTimersByTimeAsync(60_000)
    expect(changes(client)).toBe(1)
    expect(await tools(client)).toEqual(['x', 'new', 'y'])
    expect(client.opened).toEqual(['a'])
  })

  test('does not decide what a call may hold: that server may be another one today', async () => {
    const definitions: unknown[] = []
    const server = gated('x')
    const client = await connectedClient({
      servers: {a: server, b: fakeServer(toolScript('g'))},
      remembered: {a: remembered},
      govern: send => call => {
        definitions.push(call.definition)
        return send(call)
      },
    })
    await tools(client)
    const early = client.ask('tools/call', {name: 'x'})
    server.release()
    await early
    await tools(client)
    await client.ask('tools/call', {name: 'x'})
    expect(definitions).toEqual([undefined, tool('x')])
  })

  test('leaves a server of which nothing is known, and which failed before, little time', async () => {
    useTimers()
    const silent = fakeServer({...toolScript('s'), beforeOpen: () => new Promise(() => undefined)})
    const client = await connectedClient({
      servers: {silent, good: fakeServer(toolScript('g'))},
      doubtful: ['silent'],
      patienceMs: 10_000,
    })
    const listed = tools(client)
    await vi.advanceTimersByTimeAsync(1000)
    expect(await listed).toEqual(['g'])
  })

  test('a silent server is waited for once, not at every list', async () => {
    useTimers()
    const silent = fakeServer({...toolScript('s'), beforeOpen: () => new Promise(() => undefined)})
    const client = await connectedClient({
      servers: {silent, good: fakeServer(toolScript('g'))},
      patienceMs: 10_000,
    })
    const first = tools(client)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await first).toEqual(['g'])
    const second = tools(client)
    await vi.advanceTimersByTimeAsync(0)
    expect(await second).toEqual(['g'])
  })
})

describe('a call', () => {
  test('does not wait for a silent server when its name is known from earlier', async () => {
    const silent = fakeServer({...toolScript('s'), beforeOpen: () => new Promise(() => undefined)})
    const client = await connectedClient({
      servers: {silent, good: fakeServer(toolScript('g'))},
      remembered: {good: {tools: [tool('g')]}},
      names: {'good g': 'g'},
    })
    expect(await client.ask('tools/call', {name: 'g'})).toMatchObject({
      structuredContent: {called: {name: 'g'}},
    })
  })

  test('is not held to a schema that its server has taken back', async () => {
    const definitions: unknown[] = []
    const server = fakeServer(toolScript('x'))
    const client = await connectedClient({
      servers: {a: server, b: fakeServer(toolScript('y'))},
      govern: send => call => {
        definitions.push(call.definition)
        return send(call)
      },
    })
    await tools(client)
    server.starts[0]?.say(notification(CHANGED))
    await client.ask('tools/call', {name: 'x'})
    await tools(client)
    await client.ask('tools/call', {name: 'x'})
    expect(definitions).toEqual([undefined, tool('x')])
  })
})

describe('a list change', () => {
  test('is announced when a server that did not start is there later, whatever it was started for', async () => {
    useTimers()
    let broken = true
    const late = fakeServer({
      ...toolScript('l'),
      beforeOpen: () => {
        if (broken) throw new Error('no')
      },
    })
    const client = await connectedClient({servers: {late, good: fakeServer(toolScript('g'))}})
    expect(await tools(client)).toEqual(['g'])
    broken = false
    client.now = 5000
    await client.ask('prompts/list')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(changes(client)).toBe(1)
    expect(await tools(client)).toEqual(['l', 'g'])
  })

  test('is not announced again before the client has asked', async () => {
    useTimers()
    const server = fakeServer(toolScript('x'))
    const client = await connectedClient({servers: {a: server, b: fakeServer(toolScript('y'))}})
    await tools(client)
    const [upstream] = server.starts
    for (let time = 0; time < 3; time += 1) {
      upstream?.say(notification(CHANGED))
      await vi.advanceTimersByTimeAsync(60_000)
    }
    expect(changes(client)).toBe(1)
    await tools(client)
    upstream?.say(notification(CHANGED))
    await vi.advanceTimersByTimeAsync(60_000)
    expect(changes(client)).toBe(2)
  })

  test('of a single server comes once when it also differs from what is remembered', async () => {
    useTimers()
    const server = gated('x', 'new')
    const client = await connectedClient({servers: {a: server}, remembered: {a: remembered}})
    expect(await tools(client)).toEqual(['x'])
    server.release()
    const upstream = await server.start()
    await upstream.call('tools/list')
    await vi.advanceTimersByTimeAsync(60_000)
    upstream.say(notification(CHANGED))
    await vi.advanceTimersByTimeAsync(60_000)
    expect(changes(client)).toBe(1)
    await tools(client)
    upstream.say(notification(CHANGED))
    expect(changes(client)).toBe(2)
  })

  test('of a single server that was started again is announced', async () => {
    useTimers()
    let names = ['x']
    const server = fakeServer({
      hello: {capabilities: {tools: {}}},
      answers: {'tools/list': () => ({tools: names.map(tool)}), 'tools/call': {}},
    })
    const client = await connectedClient({servers: {a: server}})
    expect(await tools(client)).toEqual(['x'])
    names = ['x', 'more']
    server.starts[0]?.end()
    await vi.waitFor(() => expect(client.failed).toHaveLength(1))
    await client.ask('tools/call', {name: 'x'})
    await vi.advanceTimersByTimeAsync(60_000)
    expect(changes(client)).toBe(1)
  })
})

describe('a server that runs and refuses a list', () => {
  test('is left out, and that is said once', async () => {
    const locked = {code: -32000, message: 'database is locked'}
    const refusing = fakeServer({
      hello: {capabilities: {tools: {}}},
      answers: {
        'tools/list': ({id}, upstream) => {
          upstream.say({jsonrpc: '2.0', id, error: locked})
          return undefined
        },
      },
    })
    const client = await connectedClient({servers: {refusing, good: fakeServer(toolScript('g'))}})
    expect(await tools(client)).toEqual(['g'])
    expect(await tools(client)).toEqual(['g'])
    expect(client.warnings).toEqual(['server refusing refused tools/list: database is locked'])
  })
})

describe('what a client says before a server is open', () => {
  test('reaches it behind the handshake, the log level first', async () => {
    const server = gated('x')
    const script = {...toolScript('x'), hello: {capabilities: {tools: {}, logging: {}}}}
    const logging = fakeServer({...script, answers: {...script.answers, 'logging/setLevel': {}}})
    const client = await connectedClient({servers: {a: logging, b: server}})
    client.session.receive(notification('notifications/acme/hi', {a: 1}))
    await client.ask('logging/setLevel', {level: 'debug'})
    server.release()
    await client.ask('tools/call', {name: 'x'})
    expect(logging.starts[0]?.methods.slice(0, 4)).toEqual([
      'initialize',
      'notifications/initialized',
      'logging/setLevel',
      'notifications/acme/hi',
    ])
  })

  test('is refused when it is no log level', async () => {
    const client = await connectedClient({
      servers: {a: fakeServer(toolScript('x')), b: fakeServer(toolScript('y'))},
    })
    expect(await client.refusal('logging/setLevel', {level: 'loud'})).toMatchObject({code: -32602})
  })
})

describe('a single server', () => {
  const paged = {
    hello: {capabilities: {tools: {}}},
    answers: {
      'tools/list': ({params}: {params?: JsonObject}) =>
        params?.['cursor'] === ''
          ? {tools: [tool('y')], _meta: {page: 2}}
          : {tools: [tool('x')], nextCursor: '', _meta: {page: 1}},
    },
  }

  test('gives its own pages, with everything in them', async () => {
    const client = await connectedClient({servers: {a: fakeServer(paged)}})
    expect(await client.ask('tools/list')).toEqual({
      tools: [tool('x')],
      nextCursor: '',
      _meta: {page: 1},
    })
    expect(await client.ask('tools/list', {cursor: ''})).toEqual({
      tools: [tool('y')],
      _meta: {page: 2},
    })
  })

  test('is remembered to have what a client has read page by page', async () => {
    const definitions: unknown[] = []
    const client = await connectedClient({
      servers: {a: fakeServer({...paged, answers: {...paged.answers, 'tools/call': {}}})},
      govern: send => call => {
        definitions.push(call.definition)
        return send(call)
      },
    })
    await client.ask('tools/list')
    await client.ask('tools/call', {name: 'y'})
    await client.ask('tools/list', {cursor: ''})
    await client.ask('tools/call', {name: 'y'})
    expect(definitions).toEqual([undefined, tool('y')])
  })

  test('is listed from memory only until it is there', async () => {
    useTimers()
    const server = gated('x', 'new')
    const client = await connectedClient({servers: {a: server}, remembered: {a: remembered}})
    expect(await tools(client)).toEqual(['x'])
    server.release()
    await (await server.start()).call('tools/list')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(changes(client)).toBe(1)
    expect(await tools(client)).toEqual(['x', 'new'])
  })

  test('that was never seen has empty lists of what it cannot do, and levels without effect', async () => {
    const client = await connectedClient({servers: {a: fakeServer(toolScript('x'))}})
    expect(await client.ask('prompts/list')).toEqual({prompts: []})
    expect(await client.ask('resources/templates/list')).toEqual({resourceTemplates: []})
    expect(await client.ask('logging/setLevel', {level: 'info'})).toEqual({})
  })

  test('that is known answers for itself, but for lists of what another one may have later', async () => {
    const client = await connectedClient({
      servers: {a: fakeServer(toolScript('x'))},
      known: {a: {capabilities: {tools: {}}}},
    })
    await tools(client)
    expect(await client.ask('prompts/list')).toEqual({prompts: []})
    expect(await client.refusal('logging/setLevel', {level: 'info'})).toMatchObject({code: -32601})
  })

  test('that does not start has an empty list, and calls say why', async () => {
    const fails = fakeServer({
      beforeOpen: () => {
        throw new Error('no such image')
      },
    })
    const client = await connectedClient({servers: {fails}})
    expect(await client.ask('tools/list')).toEqual({tools: []})
    expect(await client.refusal('prompts/get', {name: 'x'})).toMatchObject({
      message: expect.stringContaining('no such image'),
    })
  })

  test('passes its own list changes on as they are, each of them', async () => {
    const server = fakeServer(toolScript('x'))
    const client = await connectedClient({servers: {a: server}})
    await tools(client)
    const upstream = await server.start()
    const notice = {...notification(CHANGED, {_meta: {why: 1}}), vendor: 2}
    upstream.say(notice)
    upstream.say(notice)
    await client.notice(CHANGED, 1)
    expect(client.arrived.items.map(({message}) => message)).toContainEqual(notice)
  })

  test('answers for itself when it is asked for a tool that it does not have, or a method', async () => {
    const server = fakeServer({...toolScript('x'), answers: {'tools/call': () => undefined}})
    const client = await connectedClient({servers: {a: server}})
    const refused = client.refusal('tools/call', {name: 'nothing'})
    const upstream = await server.start()
    const {id} = await upstream.request('tools/call')
    upstream.say({jsonrpc: '2.0', id, error: {code: 7, message: 'mine', data: [1], vendor: 2}})
    expect(await refused).toEqual({code: 7, message: 'mine', data: [1], vendor: 2})
    expect(await client.refusal('acme/unknown')).toMatchObject({message: 'no acme/unknown here'})
  })

  test('that is no more than its allowed tools lists no others and calls none', async () => {
    const server = fakeServer(toolScript('x', 'y'))
    const client = await connectedClient({servers: {a: server}, allows: name => name === 'x'})
    expect(await tools(client)).toEqual(['x'])
    expect(await client.refusal('tools/call', {name: 'y'})).toEqual({
      code: -32602,
      message: 'Unknown tool: y',
    })
  })
})

describe('a server that was started again', () => {
  const script = {
    hello: {capabilities: {tools: {}, resources: {subscribe: true}}},
    answers: {
      'tools/list': {tools: [tool('x')]},
      'tools/call': {},
      'resources/list': {resources: [{uri: 'x:1'}, {uri: 'x:2'}]},
      'resources/subscribe': {},
      'resources/unsubscribe': {},
    },
  }

  test('is subscribed to again, and the client is told to look', async () => {
    const server = fakeServer(script)
    const client = await connectedClient({servers: {a: server, b: fakeServer(toolScript('y'))}})
    await client.ask('resources/subscribe', {uri: 'x:1'})
    await client.ask('resources/subscribe', {uri: 'x:2'})
    await client.ask('resources/unsubscribe', {uri: 'x:2'})
    server.starts[0]?.end()
    await vi.waitFor(() => expect(client.failed).toHaveLength(1))
    await client.ask('tools/list')
    await client.ask('tools/call', {name: 'x'})
    const again = await server.start(1)
    expect((await again.call('resources/subscribe')).params).toEqual({uri: 'x:1'})
    const {params, about} = await client.notice('notifications/resources/updated')
    expect({params, about}).toEqual({params: {uri: 'x:1'}, about: undefined})
    expect(again.methods.filter(method => method === 'resources/subscribe')).toHaveLength(1)
  })

  test('is asked for its lists again, and what differs is announced', async () => {
    useTimers()
    let names = ['x']
    const server = fakeServer({
      ...script,
      answers: {...script.answers, 'tools/list': () => ({tools: names.map(tool)})},
    })
    const client = await connectedClient({servers: {a: server, b: fakeServer(toolScript('y'))}})
    expect(await tools(client)).toEqual(['x', 'y'])
    names = ['x', 'more']
    server.starts[0]?.end()
    await vi.waitFor(() => expect(client.failed).toHaveLength(1))
    await client.ask('tools/call', {name: 'x'})
    await vi.advanceTimersByTimeAsync(60_000)
    expect(changes(client)).toBe(1)
    expect(await tools(client)).toEqual(['x', 'more', 'y'])
  })

  test('gets the request that it refused because it no longer knew the session', async () => {
    const server = fakeServer({
      ...script,
      answers: {...script.answers, 'tools/call': () => undefined},
    })
    const client = await connectedClient({servers: {a: server}})
    const answer = client.ask('tools/call', {name: 'x'})
    const first = await server.start(0)
    const {id} = await first.request('tools/call')
    first.end({what: 'has ended the session', refused: new Set([id])})
    const second = await server.start(1)
    const again = await second.request('tools/call')
    second.say(result(again.id, {second: true}))
    expect(await answer).toEqual({second: true})
  })
})
