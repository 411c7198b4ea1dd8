import {afterEach, describe, expect, test} from 'vitest'
import type {JsonObject} from '../../src/lib/base/json.ts'
import {
  isRequest,
  isResponse,
  isUnusable,
  notification,
  request,
  result,
  type Message,
  type Request,
} from '../../src/lib/gateway/wire/jsonrpc.ts'
import {parseMessage} from '../../src/lib/gateway/wire/parse.ts'
import {
  fakeServer,
  toolScript,
  type FakeAnswer,
  type FakeServer,
  type FakeUpstream,
} from '../support/fake-upstream.ts'
import {Inbox} from '../support/inbox.ts'
import {elicit} from '../support/legacy-server.ts'
import {acknowledge, modernServer, onSubscription, refuse} from '../support/modern-server.ts'
import {events, send} from '../support/raw-http.ts'
import {expectUnpolluted} from './hostile.ts'
import {ask, objectOf, posted, startWorld, type World} from './modern-world.ts'

const TOOLS = {resultType: 'complete', tools: [{name: 'go', inputSchema: {type: 'object'}}]}
/** What the tool of the server that does not lie gives. */
const RIGHT = {structuredContent: {called: {name: 'right'}}}
const DONE = {content: [{type: 'text', text: 'done'}]}
const ALL = {tools: {listChanged: true}, prompts: {}, resources: {subscribe: true}}
const ASKS: JsonObject = {
  resultType: 'input_required',
  inputRequests: {a: {method: 'elicitation/create', params: {message: '?', requestedSchema: {}}}},
  requestState: 'again',
}

/** A modern server that is as it should be but for these answers. */
const modern = (answers: Readonly<Record<string, FakeAnswer | JsonObject>>): FakeServer =>
  modernServer({capabilities: ALL, answers: {'tools/list': TOOLS, 'tools/call': DONE, ...answers}})
const legacy = (answers: Readonly<Record<string, FakeAnswer | JsonObject>>): FakeServer =>
  fakeServer({
    hello: {capabilities: {tools: {}, prompts: {}, resources: {}}},
    answers: {...toolScript('go').answers, ...answers},
  })

/** Answers with what is no result. */
function saying(text: string): FakeAnswer {
  return ({id}, upstream) => {
    const message = parseMessage(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${text}}`)
    if (!isUnusable(message)) upstream.say(message)
    return undefined
  }
}

const wrongVersion = (...supported: readonly string[]) =>
  refuse(-32_022, 'not that one', {supported: [...supported], requested: '2026-07-28'})
const never: FakeAnswer = () => undefined

function manyBefore(then: (call: Request, upstream: FakeUpstream) => void): FakeAnswer {
  return (call, upstream) => {
    const method = 'notifications/tools/list_changed'
    for (let at = 0; at < 10_000; at += 1) upstream.say(onSubscription(call.id, method))
    then(call, upstream)
    return undefined
  }
}

function asking(count: number): FakeAnswer {
  return ({id}, upstream) => {
    for (let at = 0; at < count; at += 1) upstream.say(elicit(`${id}-${at}`))
    return undefined
  }
}

const end: FakeAnswer = (_, upstream) => {
  upstream.end()
  return undefined
}

/** A server that is of another era at each of its starts, and ends with each call. */
function changingServer(): FakeServer {
  const servers = [modern({}), legacy({})]
  let starts = 0
  servers.push(modern({'tools/call': end}), legacy({'tools/call': end}))
  return {
    ...fakeServer(),
    open: input => {
      const server = servers[(starts += 1) % servers.length] ?? fakeServer()
      return server.open(input)
    },
  }
}

const LIARS: Readonly<Record<string, () => FakeServer>> = {
  'refuses calls in the version that it discovers': () =>
    modern({'tools/call': wrongVersion('2026-07-28')}),
  'discovers and then wants initialize': () => {
    const answer = wrongVersion('2025-11-25')
    return modern({'tools/call': answer, 'tools/list': answer})
  },
  'answers initialize and then asks as modern servers do': () =>
    legacy({'tools/call': ASKS, 'tools/list': ASKS, 'prompts/get': ASKS, 'resources/read': ASKS}),
  'asks for input for ever': () => modern({'tools/call': ASKS, 'prompts/get': ASKS}),
  'asks for nothing': () => modern({'tools/call': {resultType: 'input_required'}}),
  'asks what nobody may ask': () =>
    modern({
      'tools/call': {
        resultType: 'input_required',
        inputRequests: {a: {method: 'tools/call'}, b: 1, ['__proto__']: null},
      },
    }),
  'gives results of a kind that nobody knows': () =>
    modern({
      'tools/call': {resultType: 'hologram', content: []},
      'tools/list': {...TOOLS, resultType: 7},
    }),
  'gives arrays for results': () =>
    modern({'tools/call': saying('[1]'), 'tools/list': saying('[]')}),
  'gives text for results': () =>
    legacy({'tools/call': saying('"x"'), 'prompts/get': saying('null')}),
  'discovers nonsense': () =>
    modern({'server/discover': {supportedVersions: [1, {}, null], capabilities: 'all'}}),
  'discovers a list of nothing': () => modern({'server/discover': saying('[]')}),
  'answers initialize with nonsense': () =>
    legacy({initialize: {protocolVersion: [], capabilities: [], serverInfo: 1}}),
  'never answers anything': () =>
    fakeServer({
      answers: {initialize: never, 'server/discover': never, 'tools/list': never},
    }),
  'never answers what it is called for': () => modern({'tools/call': never, 'prompts/get': never}),
  'never acknowledges': () => modern({'subscriptions/listen': never}),
  'acknowledges twice, with more than it was asked for': () =>
    modern({
      'subscriptions/listen': (call, upstream) => {
        acknowledge(call, upstream, {toolsListChanged: true, resourceSubscriptions: ['x:1', 2]})
        acknowledge(call, upstream)
        upstream.say(onSubscription('nobody', 'notifications/tools/list_changed'))
        return undefined
      },
    }),
  'ends what it acknowledges': () =>
    modern({
      'subscriptions/listen': (call, upstream) => {
        acknowledge(call, upstream)
        return {}
      },
    }),
  'tells ten thousand things before it acknowledges': () =>
    modern({'subscriptions/listen': manyBefore((call, upstream) => acknowledge(call, upstream))}),
  'tells ten thousand things and never acknowledges': () =>
    modern({'subscriptions/listen': manyBefore(() => undefined)}),
  'asks its clients in requests of its own': () =>
    modern({
      'tools/call': ({id}, upstream) => {
        for (const at of [id, 1, 'q']) upstream.say(request(at, 'roots/list'))
        return DONE
      },
    }),
  'asks a thousand questions': () => legacy({'tools/call': asking(1000)}),
  'asks after its answer': () =>
    legacy({
      'tools/call': (call, upstream) => {
        upstream.say(result(call.id, DONE))
        return asking(10)(call, upstream)
      },
    }),
  'answers what nobody asked': () =>
    modern({
      'tools/call': ({id}, upstream) => {
        for (const other of [Number(id) + 1, Number(id) + 2, String(id), '__proto__']) {
          upstream.say(result(other, {content: [], other: true}))
        }
        return DONE
      },
    }),
  'is of another era at each start': changingServer,
  'ends at each call': () =>
    modern({
      'tools/call': end,
    }),
}

const CAPABILITIES = {elicitation: {form: {}}, sampling: {}, roots: {}}

/** What a modern client is answered to all that it may ask: it has an answer of its own each time. */
async function useAsModern(world: World): Promise<void> {
  const asked: readonly (readonly [string, JsonObject])[] = [
    ['server/discover', {}],
    ['tools/list', {}],
    ['tools/call', {name: 'go'}],
    ['tools/call', {name: 'go'}],
    ['prompts/get', {name: 'go'}],
    ['resources/read', {uri: 'x:1'}],
  ]
  for (const capabilities of [{}, CAPABILITIES]) {
    const all = asked.map(([method, params], id) => ask(world, method, {id, params, capabilities}))
    const answers = await Promise.all(all)
    expect(answers.map(({answer}) => answer['id'])).toEqual(asked.map((_, id) => id))
    for (const {status, messages, result: got} of answers) {
      expect([200, 400, 404]).toContain(status)
      expect(messages.filter(({method}) => method === undefined)).toHaveLength(1)
      expect(Object.keys(objectOf(got['inputRequests'])).length).toBeLessThanOrEqual(32)
      expect(JSON.stringify(messages)).not.toContain('"other":true')
    }
  }
}

/** Listens: it is acknowledged first, whatever the server does, and is told a bounded number of things. */
async function listenOnce({port}: World): Promise<void> {
  const params = {notifications: {toolsListChanged: true, resourceSubscriptions: ['x:1']}}
  const {incoming} = await send(posted(port, 'subscriptions/listen', {params}))
  const stream = events(incoming)
  const {value} = await stream.next()
  expect(value).toMatchObject({method: 'notifications/subscriptions/acknowledged'})
  const {notifications} = objectOf(objectOf(value)['params'])
  expect(Object.keys(params.notifications)).toEqual(
    expect.arrayContaining(Object.keys(objectOf(notifications))),
  )
  incoming.destroy()
}

/** The same with a session, whose client answers all that it is asked. */
async function useAsLegacy({gateway}: World): Promise<void> {
  const arrived = new Inbox<Message>()
  const session = gateway.openSession('legacy', {
    drop: () => undefined,
    send(message) {
      arrived.add(message)
      if (!isRequest(message)) return
      queueMicrotask(() => session.receive(result(message.id, {action: 'accept', content: {}})))
    },
  })
  const clientInfo = {name: 'legacy', version: '1'}
  const hello = {protocolVersion: '2025-11-25', capabilities: CAPABILITIES, clientInfo}
  session.receive(request('hello', 'initialize', hello))
  await arrived.find(({id}) => id === 'hello')
  session.receive(notification('notifications/initialized'))
  session.receive(request('list', 'tools/list'))
  session.receive(request('call', 'tools/call', {name: 'go'}))
  session.receive(request('prompt', 'prompts/get', {name: 'go'}))
  session.receive(request('read', 'resources/read', {uri: 'x:1'}))
  await session.idle()
  await session.close()
  const answers = arrived.items.filter(isResponse).map(({id}) => id)
  expect(answers).toHaveLength(5)
  expect(new Set(answers)).toEqual(new Set(['hello', 'list', 'call', 'prompt', 'read']))
}

afterEach(expectUnpolluted)

describe.concurrent.each(Object.entries(LIARS))('a server that %s', (_, liar) => {
  test.each([
    ['alone', false],
    ['with others', true],
  ])('keeps nobody waiting, and from nothing that is right: %s', async (__, hasOthers) => {
    const others = hasOthers ? {good: fakeServer(toolScript('right'))} : {}
    await using world = await startWorld({
      servers: {liar: liar(), ...others},
      startTimeoutMs: 50,
      callTimeoutMs: 100,
      patienceMs: 50,
    })
    await Promise.all([useAsModern(world), useAsLegacy(world), listenOnce(world)])
    const called = await ask(world, 'tools/call', {params: {name: 'right'}})
    expect(called.answer).toMatchObject({id: 1, ...(hasOthers && {result: RIGHT})})
    expect(world.warnings).toEqual([])
  })
})
