import {describe, expect, test} from 'vitest'
import type {JsonObject} from '../../../../src/lib/base/json.ts'
import {PluginError} from '../../../../src/lib/base/errors.ts'
import type {Call, Handler} from '../../../../src/lib/gateway/pipeline/call.ts'
import {failure, result} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {connectedClient} from '../../../support/fake-client.ts'
import {
  fakeServer,
  toolScript,
  type FakeScript,
  type FakeServer,
} from '../../../support/fake-upstream.ts'

/** A server that cannot be started. */
const broken = (): FakeServer =>
  fakeServer({
    beforeOpen: () => {
      throw new PluginError('IMAGE_MISSING', 'the image is not there', {hint: 'pull it'})
    },
  })

/** A server with one resource; what it does not have it refuses with its own name. */
function resourceScript(name: string, uri: string, more: JsonObject = {}): FakeScript {
  return {
    hello: {capabilities: {resources: {subscribe: true}}},
    answers: {
      'resources/list': {resources: [{uri, name}]},
      'resources/templates/list': more,
      'resources/read': ({id, params}, upstream) => {
        if (params?.['uri'] !== 'secret:1') return {contents: [{uri: params?.['uri'], text: name}]}
        upstream.say(failure(id, -32002, `${name} does not know it`))
        return undefined
      },
      'resources/subscribe': {},
    },
  }
}

describe('tools', () => {
  test('are listed from all servers in configured order, members that nobody knows included', async () => {
    const tool = {name: 'x', title: 'X', _meta: {ui: 1}, future: [null]}
    const client = await connectedClient({
      servers: {
        b: fakeServer({
          hello: {capabilities: {tools: {}}},
          answers: {'tools/list': {tools: [tool]}},
        }),
        a: fakeServer(toolScript('x', 'y')),
      },
    })
    const {tools} = await client.ask('tools/list')
    expect(tools).toMatchObject([tool, {name: 'a__x'}, {name: 'y'}])
  })

  test('are called under the name that the server knows, everything else unchanged', async () => {
    const servers = {a: fakeServer(toolScript('x')), b: fakeServer(toolScript('x'))}
    const client = await connectedClient({servers, prefixes: {b: 'p'}})
    const {tools} = await client.ask('tools/list')
    expect(tools).toMatchObject([{name: 'x'}, {name: 'p__x'}])
    const params = {name: 'p__x', arguments: {a: {b: null}}, _meta: {trace: 1}, future: 2}
    expect(await client.ask('tools/call', params)).toMatchObject({
      structuredContent: {called: {...params, name: 'x'}},
    })
    expect(servers.a.starts[0]?.methods).not.toContain('tools/call')
  })

  test('can be called without asking for the list first', async () => {
    const client = await connectedClient({servers: {a: fakeServer(toolScript('x'))}})
    expect(await client.ask('tools/call', {name: 'x'})).toHaveProperty('structuredContent')
  })

  test('can be called when a server has got them since the list', async () => {
    let names = ['x']
    const server = fakeServer({
      ...toolScript('x'),
      answers: {
        ...toolScript('x').answers,
        'tools/list': () => ({tools: names.map(name => ({name}))}),
      },
    })
    const client = await connectedClient({servers: {a: server}})
    await client.ask('tools/list')
    names = ['x', 'y']
    const upstream = await server.start()
    upstream.say({jsonrpc: '2.0', method: 'notifications/tools/list_changed'})
    expect(await client.ask('tools/call', {name: 'y'})).toHaveProperty('structuredContent')
  })

  test.each([undefined, 5, '', 'nothing', '__proto__', 'constructor'])(
    'are refused under a name that nobody has: %j',
    async name => {
      const client = await connectedClient({
        servers: {a: fakeServer(toolScript('x')), b: fakeServer(toolScript('y'))},
      })
      expect(await client.refusal('tools/call', {name})).toMatchObject({
        code: -32602,
        message: expect.stringMatching(/^Unknown tool: /),
      })
    },
  )

  test('are refused with the names that may have been meant', async () => {
    const servers = {
      a: fakeServer(toolScript('read_file', 'write_file', 'list')),
      b: fakeServer(toolScript('y')),
    }
    const client = await connectedClient({servers})
    expect(await client.refusal('tools/call', {name: 'readfile'})).toEqual({
      code: -32602,
      message: 'Unknown tool: readfile; near to it: read_file',
    })
  })

  test('are refused with the servers that may have them but have not answered', async () => {
    const client = await connectedClient({
      servers: {a: fakeServer(toolScript('x')), down: broken()},
    })
    expect(await client.refusal('tools/call', {name: 'zzz'})).toMatchObject({
      message: 'Unknown tool: zzz; no answer yet from: down',
    })
  })

  test('that are not allowed are neither listed nor called', async () => {
    const server = fakeServer(toolScript('x', 'y'))
    const client = await connectedClient({servers: {a: server}, allows: tool => tool === 'x'})
    expect(await client.ask('tools/list')).toMatchObject({tools: [{name: 'x'}]})
    expect(await client.refusal('tools/call', {name: 'y'})).toMatchObject({code: -32602})
    expect(server.starts[0]?.methods).not.toContain('tools/call')
  })

  test('come in one page', async () => {
    const client = await connectedClient({
      servers: {a: fakeServer(toolScript('x')), b: fakeServer(toolScript('y'))},
    })
    expect(await client.ask('tools/list', {cursor: null})).not.toHaveProperty('nextCursor')
    for (const method of ['tools/list', 'resources/list']) {
      expect(await client.refusal(method, {cursor: ''})).toMatchObject({code: -32602})
    }
  })
})

describe('governed calls', () => {
  test('go through the pipeline with the name and the message that the server gets', async () => {
    const calls: Call[] = []
    const govern = (send: Handler): Handler => {
      return call => {
        calls.push(call)
        return send(call)
      }
    }
    const server = fakeServer({
      ...resourceScript('a', 'r:1'),
      hello: {capabilities: {tools: {}, prompts: {}, resources: {}, completions: {}}},
      answers: {
        ...resourceScript('a', 'r:1').answers,
        'tools/list': {tools: [{name: 'x'}]},
        'tools/call': {},
        'prompts/list': {prompts: [{name: 'p'}]},
        'prompts/get': {},
      },
    })
    const client = await connectedClient({servers: {a: server}, prefixes: {a: 'q'}, govern})
    await client.ask('tools/call', {name: 'q__x'})
    await client.ask('prompts/get', {name: 'q__p'})
    await client.ask('resources/read', {uri: 'r:1'})
    await client.ask('resources/subscribe', {uri: 'r:1'})
    await client.ask('tools/list')
    expect(calls).toMatchObject([
      {kind: 'tool', server: 'a', name: 'x', request: {params: {name: 'x'}}},
      {kind: 'prompt', server: 'a', name: 'p', request: {params: {name: 'p'}}},
      {kind: 'resource', server: 'a', name: 'r:1', request: {params: {uri: 'r:1'}}},
    ])
    expect(calls[0]?.caller).toEqual({session: 'session', client: 'tester'})
  })
})

describe('prompts', () => {
  test('are listed and asked for like tools', async () => {
    const script: FakeScript = {
      hello: {capabilities: {prompts: {}}},
      answers: {
        'prompts/list': {prompts: [{name: 'x'}]},
        'prompts/get': ({params}) => ({got: params ?? {}}),
      },
    }
    const client = await connectedClient({servers: {a: fakeServer(script), b: fakeServer(script)}})
    expect(await client.ask('prompts/list')).toEqual({prompts: [{name: 'x'}, {name: 'b__x'}]})
    expect(await client.ask('prompts/get', {name: 'b__x', arguments: {a: '1'}})).toEqual({
      got: {name: 'x', arguments: {a: '1'}},
    })
    expect(await client.refusal('prompts/get', {name: 'y'})).toMatchObject({
      code: -32602,
      message: 'Unknown prompt: y; near to it: x',
    })
  })
})

describe('resources', () => {
  test('are listed from all servers, templates as well', async () => {
    const templates = {resourceTemplates: [{uriTemplate: 'a:{id}', name: 't'}]}
    const client = await connectedClient({
      servers: {
        a: fakeServer(resourceScript('a', 'a:1', templates)),
        b: fakeServer(resourceScript('b', 'b:1')),
        c: fakeServer(toolScript('x')),
      },
    })
    expect(await client.ask('resources/list')).toEqual({
      resources: [
        {uri: 'a:1', name: 'a'},
        {uri: 'b:1', name: 'b'},
      ],
    })
    expect(await client.ask('resources/templates/list')).toEqual(templates)
  })

  test('are read from the server that lists them, else from the one whose template fits', async () => {
    const client = await connectedClient({
      servers: {
        a: fakeServer(resourceScript('a', 'a:1', {resourceTemplates: [{uriTemplate: '{+x}'}]})),
        b: fakeServer(resourceScript('b', 'b:1')),
        c: fakeServer(resourceScript('c', 'c:1', {resourceTemplates: [{uriTemplate: 'c:{id}'}]})),
      },
    })
    const read = async (uri: string) => (await client.ask('resources/read', {uri}))['contents']
    expect(await read('b:1')).toMatchObject([{text: 'b'}])
    expect(await read('c:9')).toMatchObject([{text: 'c'}])
    expect(await read('d:9')).toMatchObject([{text: 'a'}])
  })

  test('are never asked of another server when one lists them', async () => {
    const other = fakeServer(resourceScript('other', 'o:1'))
    const servers = {other, owner: fakeServer(resourceScript('owner', 'secret:1'))}
    const client = await connectedClient({servers})
    expect(await client.refusal('resources/read', {uri: 'secret:1'})).toMatchObject({
      code: -32002,
      message: 'owner does not know it',
    })
    expect(other.starts[0]?.methods).not.toContain('resources/read')
  })

  test('that nobody lists are asked of every server that has resources, in order', async () => {
    const knowing = fakeServer({
      ...resourceScript('b', 'b:1'),
      answers: {
        ...resourceScript('b', 'b:1').answers,
        'resources/read': {contents: [{text: 'found'}]},
      },
    })
    const plain = fakeServer(toolScript('x'))
    const client = await connectedClient({
      servers: {
        plain,
        down: broken(),
        a: fakeServer(resourceScript('a', 'a:1')),
        knowing,
        last: fakeServer(resourceScript('last', 'l:1')),
      },
    })
    expect(await client.ask('resources/read', {uri: 'secret:1'})).toEqual({
      contents: [{text: 'found'}],
    })
    expect(plain.starts[0]?.methods).not.toContain('resources/read')
  })

  test('that nobody has are refused in the words of the likeliest server', async () => {
    const servers = {
      a: fakeServer(resourceScript('a', 'a:1')),
      b: fakeServer(resourceScript('b', 'b:1', {resourceTemplates: [{uriTemplate: '{+x}'}]})),
    }
    const client = await connectedClient({servers})
    expect(await client.refusal('resources/read', {uri: 'secret:1'})).toMatchObject({
      code: -32002,
      message: 'b does not know it',
    })
  })

  test('that there is nobody to ask for are refused, with the servers that have not answered', async () => {
    const servers = {down: broken(), a: fakeServer(toolScript('x'))}
    const client = await connectedClient({servers})
    expect(await client.refusal('resources/read', {uri: 'x:1'})).toEqual({
      code: -32602,
      message: 'Unknown resource: x:1; no answer yet from: down',
    })
  })

  test('can be subscribed to, and their news reach the client outside of any request', async () => {
    const server = fakeServer({
      ...resourceScript('a', 'a:1'),
      answers: {...resourceScript('a', 'a:1').answers, 'prompts/list': () => undefined},
    })
    const client = await connectedClient({servers: {a: server}})
    expect(await client.ask('resources/subscribe', {uri: 'a:1', future: 1})).toEqual({})
    const upstream = await server.start()
    expect((await upstream.call('resources/subscribe')).params).toEqual({uri: 'a:1', future: 1})
    upstream.say({jsonrpc: '2.0', method: 'notifications/resources/updated', params: {uri: 'a:1'}})
    const news = await client.notice('notifications/resources/updated')
    expect(news).toMatchObject({params: {uri: 'a:1'}, about: undefined})
    expect(await client.refusal('resources/unsubscribe', {uri: 'a:1'})).toMatchObject({
      code: -32601,
    })
  })
})

describe('completion', () => {
  const script: FakeScript = {
    hello: {capabilities: {prompts: {}, resources: {}, completions: {}}},
    answers: {
      'prompts/list': {prompts: [{name: 'x'}]},
      'resources/list': {resources: []},
      'resources/templates/list': {resourceTemplates: [{uriTemplate: 'a:{id}'}]},
      'completion/complete': ({params}) => ({completion: {values: []}, got: params ?? {}}),
    },
  }
  const rest = {argument: {name: 'n', value: 'v'}, context: {arguments: {a: 'b'}}, future: 1}

  test('of a prompt goes to its server, under the name there', async () => {
    const servers = {a: fakeServer(script), b: fakeServer(script)}
    const client = await connectedClient({servers})
    const ref = {type: 'ref/prompt', name: 'b__x', title: 't'}
    expect(await client.ask('completion/complete', {ref, ...rest})).toMatchObject({
      got: {ref: {...ref, name: 'x'}, ...rest},
    })
    expect(servers.a.starts[0]?.methods).not.toContain('completion/complete')
  })

  test('of a template goes to the server that has it', async () => {
    const servers = {other: fakeServer(resourceScript('o', 'o:1')), a: fakeServer(script)}
    const client = await connectedClient({servers})
    const ref = {type: 'ref/resource', uri: 'a:{id}'}
    expect(await client.ask('completion/complete', {ref, ...rest})).toMatchObject({
      got: {ref, ...rest},
    })
  })

  test('of what nobody has, or whose server cannot, is empty', async () => {
    const unable = {...script, hello: {capabilities: {prompts: {}}}}
    const servers = {a: fakeServer(unable), b: fakeServer({hello: {capabilities: {}}})}
    const client = await connectedClient({servers})
    for (const name of ['x', 'unknown', undefined]) {
      expect(await client.ask('completion/complete', {ref: {type: 'ref/prompt', name}})).toEqual({
        completion: {values: []},
      })
    }
  })

  test('without a reference is refused', async () => {
    const client = await connectedClient({servers: {a: fakeServer(script), b: fakeServer(script)}})
    expect(await client.refusal('completion/complete', {})).toMatchObject({code: -32602})
  })
})

describe('the log of several servers', () => {
  test('tells which server a line is of', async () => {
    const servers = {a: fakeServer(toolScript('x')), b: fakeServer(toolScript('y'))}
    const client = await connectedClient({servers})
    await client.ask('tools/list')
    const upstream = await servers.b.start()
    for (const logger of [undefined, '', 'db']) {
      const params = {level: 'info', data: [1], ...(logger !== undefined && {logger})}
      upstream.say({jsonrpc: '2.0', method: 'notifications/message', params})
    }
    const logged = client.arrived.items.map(({message}) => message['params']).filter(Boolean)
    expect(logged).toEqual(['b', 'b', 'b/db'].map(logger => ({level: 'info', data: [1], logger})))
  })

  test('is told apart only where there are several', async () => {
    const server = fakeServer(toolScript('x'))
    const client = await connectedClient({servers: {a: server}})
    await client.ask('tools/list')
    const upstream = await server.start()
    const message = {
      jsonrpc: '2.0',
      method: 'notifications/message',
      params: {logger: 'l'},
    } as const
    upstream.say(message)
    expect((await client.notice('notifications/message')).message).toBe(message)
  })
})

describe('names that two servers have', () => {
  test('are told of once for each kind', async () => {
    const script: FakeScript = {
      hello: {capabilities: {tools: {}, prompts: {}}},
      answers: {
        'tools/list': {tools: [{name: 'x'}, {name: 'y'}]},
        'prompts/list': {prompts: [{name: 'x'}]},
      },
    }
    const client = await connectedClient({servers: {a: fakeServer(script), b: fakeServer(script)}})
    for (const method of ['tools/list', 'tools/list', 'prompts/list']) await client.ask(method)
    expect(client.warnings).toEqual([
      'several servers have the tool x: that of b is shown as b__x',
      'several servers have the prompt x: that of b is shown as b__x',
    ])
  })

  test('are not worth a word when a prefix keeps them apart', async () => {
    const servers = {a: fakeServer(toolScript('x')), b: fakeServer(toolScript('x'))}
    const client = await connectedClient({servers, prefixes: {b: 'p'}})
    await client.ask('tools/list')
    expect(client.warnings).toEqual([])
  })
})

describe('what is not governed', () => {
  test('becomes an error with the server and the reason when the server is gone', async () => {
    const server = fakeServer({
      ...resourceScript('a', 'a:1'),
      answers: {...resourceScript('a', 'a:1').answers, 'resources/subscribe': () => undefined},
    })
    const client = await connectedClient({servers: {a: server}})
    const refused = client.refusal('resources/subscribe', {uri: 'a:1'})
    const upstream = await server.start()
    await upstream.call('resources/subscribe')
    upstream.end()
    expect(await refused).toEqual({
      code: -32603,
      message:
        'server a ended with exit code 3 (it may have done what it was asked: look, and then ask again)',
      data: {server: 'a', reason: 'SERVER_ENDED'},
    })
  })

  test('becomes an error that names the server when the refusal does not', async () => {
    const client = await connectedClient({servers: {a: broken()}})
    expect(await client.refusal('vendor/anything')).toEqual({
      code: -32603,
      message: 'server a: the image is not there (pull it)',
      data: {server: 'a', reason: 'IMAGE_MISSING'},
    })
  })
})

/** A server with these capabilities that answers every method in `answers` with what it was sent. */
const vendor = (capabilities: JsonObject, answers: FakeScript['answers'] = {}): FakeServer =>
  fakeServer({
    hello: {capabilities: {tools: {}, ...capabilities}},
    answers: {
      'tools/list': {tools: [{name: 'x'}]},
      'skills/get': ({params}) => ({got: params ?? null}),
      'other/do': ({params}) => ({got: params ?? null}),
      ...answers,
    },
  })

const skills = {extensions: {'io.modelcontextprotocol/skills': {}}}

describe('methods that nobody here knows', () => {
  test('reach the only server', async () => {
    const server = fakeServer({answers: {'vendor/do': ({params}) => ({did: params ?? {}})}})
    const client = await connectedClient({servers: {a: server}})
    expect(await client.ask('vendor/do', {x: 1})).toEqual({did: {x: 1}})
    expect(await client.refusal('constructor')).toMatchObject({
      code: -32601,
      message: 'no constructor here',
    })
  })

  test('reach the server that declared them, as they are', async () => {
    const servers = {a: vendor({}), b: vendor(skills)}
    const client = await connectedClient({servers})
    await client.ask('tools/list')
    expect(await client.ask('skills/get', {name: 'y', more: 1})).toEqual({
      got: {name: 'y', more: 1},
    })
    expect(await client.ask('skills/get')).toEqual({got: null})
    expect(servers.a.starts[0]?.methods).not.toContain('skills/get')
  })

  test('reach a server that is not started yet, by what is remembered of it', async () => {
    const b = vendor(skills)
    const client = await connectedClient({
      servers: {a: vendor({}), b},
      known: {b: {capabilities: skills}},
    })
    expect(await client.ask('skills/get', {name: 'y'})).toEqual({got: {name: 'y'}})
    expect(b.attempts).toBe(1)
  })

  test('reach the one that is named of several that declared them, else the first', async () => {
    const answers = {'skills/get': {got: 'a'}}
    const client = await connectedClient({
      servers: {a: vendor(skills, answers), b: vendor(skills), c: vendor({})},
    })
    expect(await client.ask('skills/get', {name: 'b__x', more: 1})).toEqual({
      got: {name: 'x', more: 1},
    })
    for (const name of ['x', 'c__x', 'unknown', 5]) {
      expect(await client.ask('skills/get', {name})).toEqual({got: 'a'})
    }
  })

  test('reach the server whose tool, prompt, resource or task is named when nobody declared them', async () => {
    const mine = {
      'prompts/list': {prompts: [{name: 'p'}]},
      'resources/list': {resources: [{uri: 'x:1'}]},
      'tools/call': {task: {taskId: '1'}},
    }
    const capable = {prompts: {}, resources: {}, tasks: {}}
    const servers = {a: vendor(capable, mine), b: vendor(capable, mine)}
    const client = await connectedClient({servers})
    const got = async (params: JsonObject) => (await client.ask('other/do', params))['got']
    expect(await got({name: 'b__p'})).toEqual({name: 'p'})
    expect(await got({name: 'b__x'})).toEqual({name: 'x'})
    expect(await got({uri: 'x:b~1', taskId: 'y'})).toEqual({uri: 'x:1', taskId: 'y'})
    await client.ask('tools/call', {name: 'x'})
    await client.ask('tools/call', {name: 'b__x'})
    expect(await got({taskId: 'b~1', name: 'nobody'})).toEqual({taskId: '1', name: 'nobody'})
    expect(servers.a.starts[0]?.methods).not.toContain('other/do')
    for (const params of [{name: 'z'}, {uri: 'y:1'}, {taskId: '2'}, {name: 5}, {}]) {
      expect(await client.refusal('other/do', params)).toMatchObject({code: -32601})
    }
  })

  test('are refused when several servers may be meant, or none is there', async () => {
    for (const servers of [{a: fakeServer(), b: fakeServer()}, {}]) {
      const client = await connectedClient({servers})
      expect(await client.refusal('vendor/do')).toEqual({
        code: -32601,
        message: 'Method not found: vendor/do',
      })
    }
  })
})

test('an answer that is late for a list is not waited for by a call that knows its server', async () => {
  const gate = Promise.withResolvers<void>()
  const slow = fakeServer({...toolScript('s'), beforeOpen: () => gate.promise})
  const client = await connectedClient({
    servers: {slow, a: fakeServer(toolScript('x'))},
    patienceMs: 1,
  })
  expect(await client.ask('tools/list')).toMatchObject({tools: [{name: 'x'}]})
  expect(await client.ask('tools/call', {name: 'x'})).toHaveProperty('structuredContent')
  expect(slow.starts).toHaveLength(0)
  gate.resolve()
  await client.notice('notifications/tools/list_changed')
  expect(await client.ask('tools/list')).toMatchObject({tools: [{name: 's'}, {name: 'x'}]})
  await client.session.close()
})

test('a client gets no answer to what it cancelled while the next server was asked', async () => {
  const held = fakeServer({
    ...resourceScript('a', 'a:1'),
    answers: {...resourceScript('a', 'a:1').answers, 'resources/read': () => undefined},
  })
  const next = fakeServer(resourceScript('b', 'b:1'))
  const client = await connectedClient({servers: {held, next}})
  client.session.receive({
    jsonrpc: '2.0',
    id: 'r',
    method: 'resources/read',
    params: {uri: 'x:1'},
  })
  const upstream = await held.start()
  const {id} = await upstream.request('resources/read')
  client.session.receive({
    jsonrpc: '2.0',
    method: 'notifications/cancelled',
    params: {requestId: 'r'},
  })
  upstream.say(result(id, {}))
  await client.ask('ping')
  expect(client.dropped).toEqual(['r'])
  expect(next.starts[0]?.methods).not.toContain('resources/read')
})
