import {describe, expect, test, vi} from 'vitest'
import type {Json, JsonObject} from '../../../../src/lib/base/json.ts'
import {PluginError} from '../../../../src/lib/base/errors.ts'
import type {Call} from '../../../../src/lib/gateway/pipeline/call.ts'
import {failure, notification} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {connectedClient, type FakeClient} from '../../../support/fake-client.ts'
import {
  fakeServer,
  type FakeAnswer,
  type FakeScript,
  type FakeServer,
} from '../../../support/fake-upstream.ts'

interface Holding {
  readonly uris?: readonly string[]
  readonly templates?: readonly string[]
  /** URIs that can be read without being listed. */
  readonly hidden?: readonly string[]
  readonly more?: FakeScript['answers']
  readonly beforeOpen?: FakeScript['beforeOpen']
}

/** A server with resources; each read gives the server's name. What it does not have is refused with -32002. */
function holder(
  name: string,
  {uris = [], templates = [], hidden = [], more, beforeOpen}: Holding,
): FakeServer {
  const read: FakeAnswer = ({id, params}, upstream) => {
    const uri = params?.['uri']
    if ([...uris, ...hidden].some(own => own === uri)) return {contents: [{uri, text: name}]}
    upstream.say(failure(id, -32002, `${name} does not have it`, {uri}))
    return undefined
  }
  return fakeServer({
    ...(beforeOpen && {beforeOpen}),
    hello: {capabilities: {tools: {}, prompts: {}, resources: {}, completions: {}}},
    answers: {
      'tools/list': {tools: [{name: 'say'}]},
      'prompts/list': {prompts: [{name: 'say'}]},
      'resources/list': {resources: uris.map(uri => ({uri, name}))},
      'resources/templates/list': {
        resourceTemplates: templates.map(uriTemplate => ({uriTemplate, name})),
      },
      'resources/read': read,
      'resources/subscribe': ({params}) => ({did: params ?? {}}),
      'resources/unsubscribe': ({params}) => ({did: params ?? {}}),
      'completion/complete': ({params}) => ({completion: {values: [name]}, got: params ?? {}}),
      ...more,
    },
  })
}

const read = async (client: FakeClient, uri: string): Promise<Json | undefined> =>
  (await client.ask('resources/read', {uri}))['contents']

/** Refuses every request with this error. */
const refusing =
  (code: number, message: string, data?: (params: JsonObject) => JsonObject): FakeAnswer =>
  ({id, params}, upstream) => {
    upstream.say(failure(id, code, message, data?.(params ?? {})))
    return undefined
  }

/** A tool result with these URIs, one in each kind of block. */
const mentioning = (...uris: readonly string[]): JsonObject => ({
  content: uris.flatMap(uri => [
    {type: 'resource_link', uri, name: 'x', more: 1},
    {type: 'resource', resource: {uri, text: 't', annotations: {}}},
    {type: 'text', text: uri, uri},
  ]),
  structuredContent: {uris: [...uris]},
})

const link = (uri: string): JsonObject => ({type: 'resource_link', uri, name: 'x', more: 1})

/** Two servers that list the same URI. */
const sameUris = () => ({
  a: holder('a', {uris: ['file:///x', 'a:1']}),
  b: holder('b', {uris: ['file:///x', 'b:1']}),
})

describe('a resource that two servers list', () => {
  test('is listed once for each, with the scheme that it has', async () => {
    const client = await connectedClient({servers: sameUris()})
    expect(await client.ask('resources/list')).toEqual({
      resources: [
        {uri: 'file:///x', name: 'a'},
        {uri: 'a:1', name: 'a'},
        {uri: 'file://b~/x', name: 'b'},
        {uri: 'b:1', name: 'b'},
      ],
    })
    expect(client.warnings).toEqual([
      'several servers have the resource file:///x: that of b is shown as file://b~/x',
    ])
  })

  test('is read, with or without asking for the list first, in the words of its server', async () => {
    const calls: Call[] = []
    const client = await connectedClient({
      servers: sameUris(),
      govern: send => call => {
        calls.push(call)
        return send(call)
      },
    })
    expect(await read(client, 'file://b~/x')).toEqual([{uri: 'file://b~/x', text: 'b'}])
    expect(await read(client, 'file:///x')).toEqual([{uri: 'file:///x', text: 'a'}])
    expect(calls).toMatchObject([
      {kind: 'resource', server: 'b', name: 'file:///x', request: {params: {uri: 'file:///x'}}},
      {kind: 'resource', server: 'a', name: 'file:///x', request: {params: {uri: 'file:///x'}}},
    ])
  })

  test('is subscribed to, and its news come under the URI that the client knows', async () => {
    const {a, b} = sameUris()
    const client = await connectedClient({servers: {a, b}})
    for (const method of ['resources/subscribe', 'resources/unsubscribe']) {
      expect(await client.ask(method, {uri: 'file://b~/x', more: 1})).toEqual({
        did: {uri: 'file:///x', more: 1},
      })
    }
    const news = notification('notifications/resources/updated', {uri: 'file:///x', more: 1})
    const upstreams = await Promise.all([a.start(), b.start()])
    for (const upstream of upstreams) upstream.say(news)
    expect(await client.notice('notifications/resources/updated', 0)).toMatchObject({
      message: news,
      about: undefined,
    })
    expect(await client.notice('notifications/resources/updated', 1)).toMatchObject({
      params: {uri: 'file://b~/x', more: 1},
      about: undefined,
    })
  })

  test('is completed at its server', async () => {
    const client = await connectedClient({servers: sameUris()})
    const ref = {type: 'ref/resource', uri: 'file://b~/x', more: 1}
    expect(await client.ask('completion/complete', {ref, argument: {}})).toEqual({
      completion: {values: ['b']},
      got: {ref: {...ref, uri: 'file:///x'}, argument: {}},
    })
  })

  test('is refused under the URI that the client knows', async () => {
    const refuse = refusing(-32002, 'gone', ({uri}) => ({uri, more: 1}))
    const answers = {'resources/read': refuse, 'resources/subscribe': refuse}
    const client = await connectedClient({
      servers: {
        a: holder('a', {uris: ['x:1']}),
        b: holder('b', {uris: ['x:1'], more: answers}),
      },
    })
    for (const method of ['resources/read', 'resources/subscribe']) {
      expect(await client.refusal(method, {uri: 'x:b~1'})).toEqual({
        code: -32002,
        message: 'gone',
        data: {uri: 'x:b~1', more: 1},
      })
    }
  })

  test('keeps its URIs when a server before it is late', async () => {
    const gate = Promise.withResolvers<void>()
    const late = holder('late', {uris: ['x:1'], beforeOpen: () => gate.promise})
    const client = await connectedClient({
      servers: {late, a: holder('a', {uris: ['x:1']}), b: holder('b', {uris: ['x:1']})},
      patienceMs: 1,
    })
    const listed = async () => {
      const {resources} = await client.ask('resources/list')
      return Array.isArray(resources) ? resources : []
    }
    expect(await listed()).toEqual([
      {uri: 'x:1', name: 'a'},
      {uri: 'x:b~1', name: 'b'},
    ])
    expect(await read(client, 'x:1')).toEqual([{uri: 'x:1', text: 'a'}])
    gate.resolve()
    await client.notice('notifications/resources/list_changed')
    await vi.waitFor(async () => expect(await listed()).toHaveLength(3))
    expect(await listed()).toEqual([
      {uri: 'x:late~1', name: 'late'},
      {uri: 'x:1', name: 'a'},
      {uri: 'x:b~1', name: 'b'},
    ])
    expect(await read(client, 'x:1')).toEqual([{uri: 'x:1', text: 'a'}])
    expect(await read(client, 'x:late~1')).toEqual([{uri: 'x:late~1', text: 'late'}])
  })
})

/** Two servers that list the same template, and two that list another. */
const sameTemplates = () => ({
  a: holder('a', {templates: ['t://{id}'], hidden: ['t://5']}),
  b: holder('b', {
    templates: ['t://{id}', '{+any}'],
    hidden: ['t://5'],
    more: {'tools/call': mentioning('t://5', 'u://5')},
  }),
  c: holder('c', {templates: ['{+any}']}),
})

describe('a template that two servers list', () => {
  test('is listed once for each', async () => {
    const client = await connectedClient({servers: sameTemplates()})
    expect(await client.ask('resources/templates/list')).toEqual({
      resourceTemplates: [
        {uriTemplate: 't://{id}', name: 'a'},
        {uriTemplate: 't://b~{id}', name: 'b'},
        {uriTemplate: '{+any}', name: 'b'},
        {uriTemplate: 'c~{+any}', name: 'c'},
      ],
    })
    expect(client.warnings).toEqual([
      'several servers have the resource template t://{id}: that of b is shown as t://b~{id}',
    ])
  })

  test('leads to its server when it is filled in', async () => {
    const client = await connectedClient({servers: sameTemplates()})
    expect(await read(client, 't://b~5')).toEqual([{uri: 't://b~5', text: 'b'}])
    expect(await read(client, 't://5')).toEqual([{uri: 't://5', text: 'a'}])
    expect(await client.ask('resources/subscribe', {uri: 'c~t://5'})).toEqual({
      did: {uri: 't://5'},
    })
  })

  test('is completed at its server, filled in or not', async () => {
    const client = await connectedClient({servers: sameTemplates()})
    for (const [uri, own] of [
      ['t://b~{id}', 't://{id}'],
      ['t://b~5', 't://5'],
    ]) {
      const ref = {type: 'ref/resource', uri}
      expect(await client.ask('completion/complete', {ref})).toEqual({
        completion: {values: ['b']},
        got: {ref: {...ref, uri: own}},
      })
    }
    const ref = {type: 'ref/resource', uri: 't://{id}'}
    expect(await client.ask('completion/complete', {ref})).toMatchObject({
      completion: {values: ['a']},
    })
  })

  test('gives its form to what its server mentions', async () => {
    const client = await connectedClient({servers: sameTemplates()})
    await client.ask('resources/templates/list')
    await client.ask('tools/list')
    const {content} = await client.ask('tools/call', {name: 'b__say'})
    expect(content).toMatchObject([
      {uri: 't://b~5'},
      {resource: {uri: 't://b~5'}},
      {uri: 't://5'},
      {uri: 'u://5'},
      {resource: {uri: 'u://5'}},
      {},
    ])
    expect(await read(client, 't://b~5')).toEqual([{uri: 't://b~5', text: 'b'}])
  })
})

describe('a URI that a server mentions', () => {
  test('is changed everywhere when another server lists it, and nowhere else', async () => {
    const messages = [
      {role: 'user', content: link('x:1'), more: 1},
      {role: 'user', content: [link('x:1'), link('x:2')]},
      {role: 'user', content: 'odd'},
    ]
    const b = holder('b', {
      more: {
        'tools/call': {...mentioning('x:1', 'x:2'), _meta: {ui: {resourceUri: 'x:1'}, n: 1}},
        'prompts/get': {messages},
      },
    })
    const client = await connectedClient({servers: {a: holder('a', {uris: ['x:1']}), b}})
    await client.ask('resources/list')
    const mine = mentioning('x:b~1', 'x:2')
    const text = {type: 'text', text: 'x:1', uri: 'x:1'}
    const content = Array.isArray(mine['content']) ? mine['content'] : []
    expect(await client.ask('tools/call', {name: 'b__say'})).toEqual({
      content: content.toSpliced(2, 1, text),
      structuredContent: {uris: ['x:1', 'x:2']},
      _meta: {ui: {resourceUri: 'x:b~1'}, n: 1},
    })
    expect(await client.ask('prompts/get', {name: 'b__say'})).toEqual({
      messages: [
        {...messages[0], content: link('x:b~1')},
        {...messages[1], content: [link('x:b~1'), link('x:2')]},
        messages[2],
      ],
    })
    expect(await client.ask('resources/subscribe', {uri: 'x:b~1'})).toEqual({did: {uri: 'x:1'}})
  })

  test('stays the URI of the server that mentioned it first', async () => {
    const servers = {
      a: holder('a', {uris: ['x:1'], more: {'tools/call': mentioning('y:1')}}),
      b: holder('b', {hidden: ['x:1'], more: {'tools/call': mentioning('x:1', 'y:1')}}),
    }
    const client = await connectedClient({servers})
    await client.ask('tools/call', {name: 'b__say'})
    const {content} = await client.ask('tools/call', {name: 'say'})
    expect(content).toMatchObject([{uri: 'y:a~1'}, {resource: {uri: 'y:a~1'}}, {}])
    expect(await client.ask('resources/list')).toMatchObject({resources: [{uri: 'x:a~1'}]})
    expect(await read(client, 'x:1')).toMatchObject([{text: 'b'}])
    expect(await read(client, 'x:a~1')).toEqual([{uri: 'x:a~1', text: 'a'}])
    expect(client.warnings).toHaveLength(2)
  })

  test('is asked of that server first, and of the others when it is not there', async () => {
    const b = holder('b', {more: {'tools/call': mentioning('x:1')}})
    const servers = {a: holder('a', {hidden: ['x:1']}), b}
    const client = await connectedClient({servers})
    await client.ask('tools/call', {name: 'b__say'})
    expect(await read(client, 'x:1')).toMatchObject([{text: 'a'}])
    expect(b.starts[0]?.methods).toContain('resources/read')
  })

  test('counts less than a template of another server', async () => {
    const a = holder('a', {templates: ['x:{id}'], hidden: ['x:1']})
    const b = holder('b', {hidden: ['x:1', 'x:2'], more: {'tools/call': mentioning('x:1', 'x:2')}})
    const client = await connectedClient({servers: {a, b}})
    await client.ask('resources/templates/list')
    await client.ask('tools/call', {name: 'b__say'})
    expect(await read(client, 'x:1')).toMatchObject([{text: 'a'}])
    expect(await read(client, 'x:2')).toMatchObject([{text: 'b'}])
  })

  test('is found while another server is still starting', async () => {
    const gate = Promise.withResolvers<void>()
    const slow = holder('slow', {beforeOpen: () => gate.promise})
    const b = holder('b', {
      uris: ['x:2'],
      hidden: ['x:1'],
      more: {'tools/call': mentioning('x:1')},
    })
    const client = await connectedClient({servers: {slow, b}, patienceMs: 1})
    await client.ask('resources/list')
    await client.ask('tools/list')
    await client.ask('tools/call', {name: 'say'})
    expect(await read(client, 'x:1')).toMatchObject([{text: 'b'}])
    expect(await read(client, 'x:2')).toMatchObject([{text: 'b'}])
    expect(slow.starts).toEqual([])
    gate.resolve()
    await client.session.close()
  })
})

/** A tool with this in its `_meta`, and one without any. */
const toolsWith = (meta: JsonObject): FakeScript['answers'] => ({
  'tools/list': {tools: [{name: 'show', _meta: {...meta, more: 1}}, {name: 'plain'}]},
})

describe('the user interface of a tool', () => {
  test('is found at the server of the tool, whoever has the same', async () => {
    const ui = 'ui://widget/index.html'
    const servers = {
      a: holder('a', {hidden: [ui], more: toolsWith({ui: {resourceUri: ui, visibility: ['app']}})}),
      b: holder('b', {hidden: [ui], more: toolsWith({'ui/resourceUri': ui, ui: 5})}),
    }
    const client = await connectedClient({servers})
    const other = 'ui://b~widget/index.html'
    expect(await client.ask('tools/list')).toEqual({
      tools: [
        {name: 'show', _meta: {ui: {resourceUri: ui, visibility: ['app']}, more: 1}},
        {name: 'plain'},
        {name: 'b__show', _meta: {'ui/resourceUri': other, ui: 5, more: 1}},
        {name: 'b__plain'},
      ],
    })
    expect(await read(client, ui)).toEqual([{uri: ui, text: 'a'}])
    expect(await read(client, other)).toEqual([{uri: other, text: 'b'}])
  })
})

describe('a resource that nobody is known to have', () => {
  test.each([-32002, -32602, -32601])(
    'is asked of the next server after the error %i',
    async code => {
      const client = await connectedClient({
        servers: {
          a: holder('a', {more: {'resources/read': refusing(code, 'not here')}}),
          b: holder('b', {hidden: ['x:1']}),
        },
      })
      expect(await read(client, 'x:1')).toMatchObject([{text: 'b'}])
      expect(await client.refusal('resources/read', {uri: 'x:2'})).toEqual({
        code,
        message: 'not here',
      })
    },
  )

  test('is not asked of the next server after another error', async () => {
    const refuse = refusing(-32042, 'open this', () => ({elicitations: [{uri: 'x:1'}]}))
    const b = holder('b', {hidden: ['x:1']})
    const client = await connectedClient({
      servers: {a: holder('a', {more: {'resources/read': refuse}}), b},
    })
    expect(await client.refusal('resources/read', {uri: 'x:1'})).toEqual({
      code: -32042,
      message: 'open this',
      data: {elicitations: [{uri: 'x:1'}]},
    })
    expect(b.starts[0]?.methods).not.toContain('resources/read')
  })

  test('is not held up by a server that does not start, though it could once', async () => {
    const broken = fakeServer({
      beforeOpen: () => {
        throw new PluginError('IMAGE_MISSING', 'the image is not there')
      },
    })
    const client = await connectedClient({
      servers: {broken, b: holder('b', {hidden: ['x:1']})},
      known: {broken: {capabilities: {resources: {}}}},
    })
    expect(await read(client, 'x:1')).toMatchObject([{text: 'b'}])
  })
})

test('a single server is sent everything about resources as it is, and asked for nothing else', async () => {
  const only = holder('only', {uris: ['x:1'], more: {'tools/call': mentioning('x:1')}})
  const client = await connectedClient({servers: {only}})
  expect(await read(client, 'x:1')).toMatchObject([{text: 'only'}])
  expect(await client.refusal('resources/read', {uri: 'y'})).toEqual({
    code: -32002,
    message: 'only does not have it',
    data: {uri: 'y'},
  })
  const ref = {type: 'ref/resource', uri: 'anything'}
  expect(await client.ask('completion/complete', {ref})).toMatchObject({got: {ref}})
  expect(only.starts[0]?.methods).not.toContain('resources/list')
})

test('messages of servers are passed on without being changed themselves', async () => {
  const result = mentioning('x:1')
  const tools = [{name: 'say', _meta: {ui: {resourceUri: 'x:1'}}}]
  const before = structuredClone({result, tools})
  const client = await connectedClient({
    servers: {
      a: holder('a', {uris: ['x:1']}),
      b: holder('b', {more: {'tools/call': result, 'tools/list': {tools}}}),
    },
  })
  await client.ask('resources/list')
  expect(await client.ask('tools/list')).toMatchObject({
    tools: [{}, {_meta: {ui: {resourceUri: 'x:b~1'}}}],
  })
  expect(await client.ask('tools/call', {name: 'b__say'})).toMatchObject({
    content: [{uri: 'x:b~1'}, {}, {}],
  })
  expect({result, tools}).toEqual(before)
})
