import {afterEach, describe, expect, test} from 'vitest'
import {isJsonObject, type Json, type JsonObject} from '../../src/lib/base/json.ts'
import {isResponse, notification, request, result} from '../../src/lib/gateway/wire/jsonrpc.ts'
import {connectedClient, type FakeClient} from '../support/fake-client.ts'
import {fakeServer, toolScript, type FakeAnswer, type FakeScript} from '../support/fake-upstream.ts'
import {governed} from './governed.ts'
import {expectUnpolluted, INHERITED} from './hostile.ts'

const EVERYTHING = {tools: {}, prompts: {}, resources: {}, completions: {}, logging: {}}

/** A client of a server that answers like this, and of one behind it that has the tool `right`. */
function clientOf(
  answers: Readonly<Record<string, FakeAnswer | JsonObject>>,
  more: FakeScript = {},
): Promise<FakeClient> {
  const bad = fakeServer({hello: {capabilities: EVERYTHING}, answers, ...more})
  // Nobody in memory needs a timer's turn to answer, unless it never does.
  const options = {patienceMs: 1, startTimeoutMs: 1, govern: governed}
  return connectedClient({servers: {bad, good: fakeServer(toolScript('right'))}, ...options})
}

async function toolsOf(client: FakeClient): Promise<readonly JsonObject[]> {
  const {tools} = await client.ask('tools/list')
  return Array.isArray(tools) ? tools.filter(isJsonObject) : []
}

async function expectGoodServer(client: FakeClient): Promise<void> {
  expect((await toolsOf(client)).map(({name}) => name)).toContain('right')
  expect(await client.ask('tools/call', {name: 'right'})).toMatchObject({
    structuredContent: {called: {name: 'right'}},
  })
  await client.session.close()
}

const CALL: FakeAnswer = ({params}) => ({content: [], structuredContent: {called: params ?? {}}})

/** Objects inside each other, this many. */
function nested(levels: number): JsonObject {
  let schema: JsonObject = {type: 'object'}
  for (let level = 0; level < levels; level += 1) schema = {type: 'object', properties: {a: schema}}
  return schema
}

afterEach(expectUnpolluted)

describe('a server whose lists are not what they should be', () => {
  test.for<readonly [string, Json]>([
    ['no list', null],
    ['a list of no objects', [null, 1, 'tool', [], true]],
    ['tools without a name', [{}, {name: ''}, {name: 1}, {name: null}, {name: {}}, {title: 'x'}]],
    ['an object with numbers', {0: {name: 'x'}, length: 1}],
  ])('lists nothing with %s, and keeps nobody from listing', async ([, tools]) => {
    const client = await clientOf({'tools/list': {tools}})
    expect(await toolsOf(client)).toHaveLength(1)
    await expectGoodServer(client)
  })

  test('is listed with what is right in its list', async () => {
    const tools = [null, 1, [], {name: 'fine'}, {name: ''}, 'tool', {title: 'x'}, {name: 'too'}]
    const client = await clientOf({'tools/list': {tools}})
    expect((await toolsOf(client)).map(({name}) => name)).toEqual(['fine', 'too', 'right'])
    await expectGoodServer(client)
  })

  test('can call its tools what every object has, and each is called by its own name', async () => {
    const tools = INHERITED.map(name => ({name, inputSchema: {type: 'object'}}))
    const client = await clientOf({'tools/list': {tools}, 'tools/call': CALL})
    expect((await toolsOf(client)).map(({name}) => name)).toEqual([...INHERITED, 'right'])
    for (const name of INHERITED) {
      expect(await client.ask('tools/call', {name})).toMatchObject({
        structuredContent: {called: {name}},
      })
    }
    await expectGoodServer(client)
  })

  test.for(INHERITED)('has no tool, prompt or resource %s that it did not list', async name => {
    const client = await clientOf({'tools/list': {tools: []}, 'prompts/list': {prompts: []}})
    expect((await client.refusal('tools/call', {name}))['code']).toBe(-32602)
    expect((await client.refusal('prompts/get', {name}))['code']).toBe(-32602)
    expect((await client.refusal(name))['code']).toBe(-32601)
    const ref = {type: 'ref/prompt', name}
    const argument = {name: '__proto__', value: ''}
    expect(await client.ask('completion/complete', {ref, argument})).toEqual({
      completion: {values: []},
    })
    await expectGoodServer(client)
  })

  test('can have a name of 10 kB, twice the same one, and one that somebody else has', async () => {
    const long = 'x'.repeat(10_000)
    const tools = [long, long, 'right'].map(name => ({name}))
    const client = await clientOf({'tools/list': {tools}, 'tools/call': CALL})
    const [first, ...others] = (await toolsOf(client)).map(({name}) => name)
    expect(others).toEqual(['right', 'good__right'])
    expect(await client.ask('tools/call', {name: first})).toMatchObject({
      structuredContent: {called: {name: long}},
    })
    await expectGoodServer(client)
  })

  test('can have 100,000 tools, each of which can be called', async () => {
    const tools = Array.from({length: 100_000}, (_, at) => ({name: `tool-${at}`}))
    const client = await clientOf({'tools/list': {tools}, 'tools/call': CALL})
    expect(await toolsOf(client)).toHaveLength(100_001)
    expect(await client.ask('tools/call', {name: 'tool-99999'})).toMatchObject({
      structuredContent: {called: {name: 'tool-99999'}},
    })
    expect((await client.refusal('tools/call', {name: 'nobody'}))['code']).toBe(-32602)
    await client.session.close()
  })

  test.for<readonly [string, Json]>([
    ['no schema', null],
    ['a schema of another kind', 'object'],
    ['a schema that is nested 250 times', nested(250)],
    ['a pattern that takes for ever', {properties: {a: {type: 'string', pattern: '^(a+)+$'}}}],
    ['a pattern that is none', {properties: {a: {type: 'string', pattern: '('}}}],
    ['a reference to itself', {$ref: '#'}],
    ['a reference in a circle', {$ref: '#/$defs/a', $defs: {a: {$ref: '#/$defs/a'}}}],
    ['a reference to elsewhere', {$ref: 'http://127.0.0.1:1/schema.json'}],
    ['a reference to nothing', {$ref: '#/$defs/none'}],
    ['members that every object has', JSON.parse('{"properties":{"__proto__":{"type":"string"}}}')],
    ['required members of another kind', {required: {length: 1}, properties: []}],
    ['another draft', {$schema: 'http://example.com/none', type: ['object', 7]}],
  ])('can have a tool with %s, which is listed as it is', async ([, inputSchema]) => {
    const tools = [{name: 'odd', inputSchema}]
    const client = await clientOf({'tools/list': {tools}, 'tools/call': CALL})
    expect(await toolsOf(client)).toContainEqual({name: 'odd', inputSchema})
    const params = {name: 'odd', arguments: {a: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'}}
    expect(isResponse(await client.send(request('call', 'tools/call', params)))).toBe(true)
    await expectGoodServer(client)
  })

  test('is asked for a thousand pages of a list that never ends, and no more', async () => {
    let pages = 0
    const endless: FakeAnswer = () => {
      pages += 1
      return {tools: [{name: `tool-${pages}`}], nextCursor: `page-${pages}`}
    }
    const client = await connectedClient({
      servers: {
        bad: fakeServer({hello: {capabilities: {tools: {}}}, answers: {'tools/list': endless}}),
        good: fakeServer(toolScript('right')),
      },
    })
    expect(await toolsOf(client)).toHaveLength(1001)
    expect(pages).toBe(1000)
    await expectGoodServer(client)
  })

  test('does not keep a list waiting with a page that never comes', async () => {
    const client = await clientOf({'tools/list': () => undefined})
    expect(await toolsOf(client)).toEqual([{name: 'right', inputSchema: {type: 'object'}}])
    await expectGoodServer(client)
  })
})

describe('a server that greets with something else', () => {
  test.for<readonly [string, JsonObject | undefined]>([
    ['nothing', undefined],
    ['an empty object', {}],
    ['capabilities that are a list', {capabilities: [{tools: {}}]}],
    ['capabilities of another kind', {capabilities: {tools: 1, prompts: 'x', resources: [null]}}],
    ['members that every object has', JSON.parse('{"capabilities":{"__proto__":{"polluted":1}}}')],
    ['another protocol', {protocolVersion: {}, serverInfo: [], capabilities: {tools: {}}}],
    ['instructions of another kind', {capabilities: {tools: {}}, instructions: {a: 1}}],
  ])('keeps nobody from being served: %s', async ([, hello]) => {
    const client = await clientOf({}, {hello})
    await client.ask('prompts/list')
    await client.ask('resources/list')
    await expectGoodServer(client)
    // What it said is remembered for the next client's greeting.
    const next = await connectedClient({servers: {}, known: hello ? {bad: hello} : {}})
    expect(await next.ask('ping')).toEqual({})
    await next.session.close()
  })
})

describe('a server that answers what it was not asked', () => {
  test('answers nobody else: not twice, not early, not in another session', async () => {
    const server = fakeServer({
      hello: {capabilities: {tools: {}}},
      answers: {'tools/list': {tools: [{name: 'wait'}]}, 'tools/call': () => undefined},
    })
    const [one, two] = [
      await connectedClient({servers: {server}}, {capabilities: {roots: {}}}),
      await connectedClient({servers: {server}}, {capabilities: {roots: {}}}),
    ]
    for (const client of [one, two]) await client.ask('tools/list')
    const call = request('call', 'tools/call', {name: 'wait', _meta: {progressToken: 'mine'}})
    const answer = one.send(call)
    two.session.receive(call)
    const [first, second] = [await server.start(0), await server.start(1)]
    const {id} = await first.request('tools/call')
    await second.request('tools/call')
    // Early answers, to everything that may yet be asked, and progress on everything.
    for (let guess = 0; guess < 50; guess += 1) {
      if (guess !== id) first.say(result(guess, {guess}))
      first.say(result(String(guess), {guess}))
      const progress = {progress: guess, progressToken: String(guess)}
      first.say(notification('notifications/progress', progress))
    }
    first.say(result(id, {right: true}))
    first.say(result(id, {right: false}))
    expect((await answer)['result']).toEqual({right: true})
    // Progress on what is done.
    first.say(notification('notifications/progress', {progress: 1, progressToken: id}))
    expect(one.arrived.items.filter(({message}) => message['id'] === 'call')).toHaveLength(1)
    expect(one.arrived.items.filter(({message}) => 'method' in message)).toEqual([])
    first.say(request('r', 'roots/list'))
    await one.asked('roots/list')
    expect(two.arrived.items.filter(({message}) => message['id'] === 'call')).toEqual([])
    expect(two.arrived.items.filter(({message}) => 'method' in message)).toEqual([])
    await one.session.close()
    await two.session.close()
  })
})
