import {describe, expect, onTestFinished, test} from 'vitest'
import type {JsonObject} from '../../../../src/lib/base/json.ts'
import {openLegacyFace} from '../../../../src/lib/gateway/bridge/legacy-face.ts'
import {
  failure,
  isResponse,
  notification,
  request,
  result,
} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {connectedClient, type FakeClient} from '../../../support/fake-client.ts'
import type {FakeAnswer, FakeServer} from '../../../support/fake-upstream.ts'
import {modernServer} from '../../../support/modern-server.ts'

const ALL = {sampling: {}, elicitation: {}, roots: {}}
const done = {content: [{type: 'text', text: 'done'}], resultType: 'complete'}
const elicitation = {method: 'elicitation/create', params: {message: 'Who?', vendor: 1}}
const sampling = {method: 'sampling/createMessage', params: {messages: [], maxTokens: 1}}
const roots = {method: 'roots/list'}

/** A client of a server whose tool answers like this, one answer for each round; the last one for all that follow. */
async function clientOf(
  answers: readonly JsonObject[],
  capabilities: JsonObject = ALL,
): Promise<{client: FakeClient; server: FakeServer}> {
  let round = 0
  const answer: FakeAnswer = () => answers[Math.min(round++, answers.length - 1)]
  const server = modernServer({
    capabilities: {tools: {}, prompts: {}, resources: {}},
    answers: {
      'tools/call': answer,
      'prompts/get': answer,
      'resources/read': answer,
      'completion/complete': answer,
    },
  })
  const open = openLegacyFace(server.open)
  const client = await connectedClient({servers: {modern: {...server, open}}}, {capabilities})
  onTestFinished(() => client.session.close())
  return {client, server}
}

/** An answer that wants input. */
function wants(inputRequests: unknown, requestState?: unknown): JsonObject {
  const parts: unknown = {resultType: 'input_required', inputRequests, requestState}
  return JSON.parse(JSON.stringify(parts)) as JsonObject
}

/** Calls the tool under an id of the client. */
function call(client: FakeClient, id: string, params: JsonObject = {}) {
  return client.send(request(id, 'tools/call', {name: 'one', ...params}))
}

describe('input that a modern server requires', () => {
  test('is asked of a legacy client on the stream of its request, and the request made again with it', async () => {
    const {client, server} = await clientOf([wants({who: elicitation}, 'state 1'), done])
    const answer = call(client, 'call', {arguments: {a: 1}, _meta: {progressToken: 'p'}})
    const asked = await client.asked('elicitation/create')
    expect(asked.params).toEqual(elicitation.params)
    const arrival = client.arrived.items.find(({message}) => message === asked)
    expect(arrival?.about).toBe('call')
    client.session.receive(result(asked.id, {action: 'accept', content: {name: 'me'}}))
    expect(await answer).toEqual(result('call', done))
    const upstream = await server.start()
    const first = await upstream.request('tools/call')
    const second = await upstream.request('tools/call', 1)
    expect(second.id).not.toBe(first.id)
    expect(second.params).toEqual({
      ...first.params,
      inputResponses: {who: {action: 'accept', content: {name: 'me'}}},
      requestState: 'state 1',
    })
  })

  test.each([
    ['sampling/createMessage', sampling, {role: 'assistant', content: [], model: 'm'}],
    ['roots/list', roots, {roots: [{uri: 'file:///a'}]}],
  ])('may be %s', async (method, question, value) => {
    const {client, server} = await clientOf([wants({key: question}), done])
    const answer = call(client, 'call')
    client.session.receive(result((await client.asked(method)).id, value))
    expect(await answer).toEqual(result('call', done))
    const {params} = await (await server.start()).request('tools/call', 1)
    expect(params).toMatchObject({inputResponses: {key: value}})
    expect(params).not.toHaveProperty('requestState')
  })

  test.each([
    ['prompts/get', {name: 'one'}],
    ['resources/read', {uri: 'test://a'}],
  ])('may be required by %s', async (method, params) => {
    const {client} = await clientOf([wants({key: roots}), done])
    const answer = client.ask(method, params)
    client.session.receive(result((await client.asked('roots/list')).id, {roots: []}))
    expect(await answer).toEqual(done)
  })

  test('is complete when every question has its answer, in whichever order they come', async () => {
    const questions = {a: elicitation, b: sampling, ['__proto__']: roots}
    const inputRequests: unknown = JSON.parse(
      JSON.stringify(Object.fromEntries(Object.entries(questions))),
    )
    const {client, server} = await clientOf([wants(inputRequests), done])
    const answer = call(client, 'call')
    const [first, second, third] = await Promise.all([
      client.asked('elicitation/create'),
      client.asked('sampling/createMessage'),
      client.asked('roots/list'),
    ])
    client.session.receive(result(third.id, {roots: []}))
    client.session.receive(result(second.id, {model: 'm'}))
    client.session.receive(result(second.id, {model: 'twice'}))
    const upstream = await server.start()
    expect(upstream.methods.filter(method => method === 'tools/call')).toHaveLength(1)
    client.session.receive(result(first.id, {action: 'decline'}))
    expect(await answer).toEqual(result('call', done))
    const {params} = await upstream.request('tools/call', 1)
    const responses = Object.entries(params?.['inputResponses'] ?? {})
    expect(Object.fromEntries(responses)).toEqual(
      Object.fromEntries([
        ['a', {action: 'decline'}],
        ['b', {model: 'm'}],
        ['__proto__', {roots: []}],
      ]),
    )
  })

  test('takes several rounds, each with its own state and progress under the same token', async () => {
    const {client, server} = await clientOf([
      wants({a: elicitation}, 'state 1'),
      wants({b: elicitation}),
      wants(undefined, 'state 3'),
      done,
    ])
    const answer = call(client, 'call', {_meta: {progressToken: 0}, inputResponses: {old: {}}})
    client.session.receive(result((await client.asked('elicitation/create')).id, {action: 'a'}))
    client.session.receive(result((await client.asked('elicitation/create', 1)).id, {action: 'b'}))
    expect(await answer).toEqual(result('call', done))
    const upstream = await server.start()
    const rounds = await Promise.all([0, 1, 2, 3].map(nth => upstream.request('tools/call', nth)))
    expect(new Set(rounds.map(({id}) => id)).size).toBe(4)
    const {inputResponses: _, ...plain} = rounds[0]?.params ?? {}
    expect(rounds.slice(1).map(({params}) => params)).toEqual([
      {...plain, inputResponses: {a: {action: 'a'}}, requestState: 'state 1'},
      {...plain, inputResponses: {b: {action: 'b'}}},
      {...plain, requestState: 'state 3'},
    ])
  })

  test('has an id when it is a page to open, as legacy clients want it', async () => {
    const params = {mode: 'url', url: 'https://example.com', message: 'Sign in'}
    const own = {...params, elicitationId: 'mine'}
    const {client} = await clientOf([
      wants({a: {method: 'elicitation/create', params}}),
      wants({a: {method: 'elicitation/create', params: own}}),
      done,
    ])
    const answer = call(client, 'call')
    const first = await client.asked('elicitation/create')
    expect(first.params).toEqual({...params, elicitationId: expect.stringMatching(/./)})
    client.session.receive(result(first.id, {action: 'accept'}))
    const second = await client.asked('elicitation/create', 1)
    expect(second.params).toEqual(own)
    client.session.receive(result(second.id, {action: 'accept'}))
    expect(await answer).toEqual(result('call', done))
  })

  test('does not mix with that of another request', async () => {
    const {client} = await clientOf([wants({a: elicitation}), wants({a: elicitation}), done])
    const first = call(client, 'first')
    const one = await client.asked('elicitation/create')
    const second = call(client, 'second')
    const two = await client.asked('elicitation/create', 1)
    expect(client.arrived.items.map(({about}) => about).slice(-2)).toEqual(['first', 'second'])
    client.session.receive(result(two.id, {action: 'accept'}))
    expect(await second).toEqual(result('second', done))
    client.session.receive(result(one.id, {action: 'accept'}))
    expect(await first).toEqual(result('first', done))
  })

  test('counts as given up by the user when the client cannot ask', async () => {
    const {client, server} = await clientOf([wants({a: elicitation, b: elicitation}), done], {})
    expect(await call(client, 'call')).toEqual(result('call', done))
    const {params} = await (await server.start()).request('tools/call', 1)
    const cancel = {action: 'cancel'}
    expect(params).toMatchObject({inputResponses: {a: cancel, b: cancel}})
  })

  test.each([sampling, roots])(
    'fails the request with the error of the client when it does not get %j',
    async question => {
      const {client, server} = await clientOf([wants({a: question, b: elicitation}), done])
      const answer = call(client, 'call')
      const asked = await client.asked(question.method)
      const other = await client.asked('elicitation/create')
      const refusal = failure(asked.id, -1, 'no', {why: 'because'})
      client.session.receive(refusal)
      expect(await answer).toEqual({...refusal, id: 'call'})
      expect(await client.notice('notifications/cancelled')).toMatchObject({
        params: {requestId: other.id},
      })
      client.session.receive(result(other.id, {action: 'accept'}))
      const upstream = await server.start()
      expect(upstream.methods.filter(method => method === 'tools/call')).toHaveLength(1)
    },
  )

  test.each([
    ['sampling', sampling],
    ['roots', roots],
  ])(
    'is not asked for when it is %s, which the client has not declared',
    async (what, question) => {
      const {client} = await clientOf([wants({a: elicitation, b: question})], {elicitation: {}})
      const message = `the server asks for ${what}, which the client has not declared`
      expect(await call(client, 'call')).toEqual(failure('call', -32603, message))
      expect(client.arrived.items.filter(({message: sent}) => !isResponse(sent))).toEqual([])
    },
  )

  test('is withdrawn when the client cancels the request', async () => {
    const {client, server} = await clientOf([wants({a: elicitation})])
    client.session.receive(request('call', 'tools/call', {name: 'one'}))
    const asked = await client.asked('elicitation/create')
    client.session.receive(notification('notifications/cancelled', {requestId: 'call'}))
    const withdrawal = await client.notice('notifications/cancelled')
    expect(withdrawal.params['requestId']).toBe(asked.id)
    client.session.receive(result(asked.id, {action: 'accept'}))
    expect((await server.start()).methods).toEqual(['server/discover', 'tools/call'])
  })

  test('is cancelled in the round that the server works on', async () => {
    let round = 0
    const server = modernServer({
      answers: {'tools/call': () => (round++ === 0 ? wants({a: roots}) : undefined)},
    })
    const open = openLegacyFace(server.open)
    const servers = {modern: {...server, open}}
    const client = await connectedClient({servers}, {capabilities: ALL})
    onTestFinished(() => client.session.close())
    client.session.receive(request('call', 'tools/call', {name: 'one'}))
    client.session.receive(result((await client.asked('roots/list')).id, {roots: []}))
    const upstream = await server.start()
    const second = await upstream.request('tools/call', 1)
    upstream.say(notification('notifications/message', {data: 1}), {request: second.id})
    expect(await client.notice('notifications/message')).toMatchObject({about: 'call'})
    client.session.receive(notification('notifications/cancelled', {requestId: 'call'}))
    const {params} = await upstream.call('notifications/cancelled')
    expect(params['requestId']).toBe(second.id)
  })

  test('ends after so many rounds', async () => {
    const {client, server} = await clientOf([wants(undefined, 'again')])
    expect(await call(client, 'call')).toMatchObject({
      error: {code: -32603, message: 'the server asks for input more than 16 times'},
    })
    const upstream = await server.start()
    expect(upstream.methods.filter(method => method === 'tools/call')).toHaveLength(17)
  })

  test.each([
    ['nothing', undefined, 'not what for'],
    ['a list', [elicitation], 'a form that is none'],
    ['a text', 'elicitation', 'a form that is none'],
    ['what is no object', {a: elicitation, b: 5}, 'a form that is none'],
    ['null', {a: null}, 'a form that is none'],
    ['a method that is no text', {a: {method: 5}}, 'a form that is none'],
    ['params that are no object', {a: {...elicitation, params: [1]}}, 'a form that is none'],
    ['another method', {a: {method: 'tools/call'}}, '"tools/call", which is no input'],
    ['a long method', {a: {method: 'x'.repeat(1e5)}}, `"${'x'.repeat(100)}", which is no input`],
    [
      'too much',
      Object.fromEntries(Array.from({length: 65}, (_, at) => [`${at}`, elicitation])),
      'more than 64 inputs at once',
    ],
  ])('fails the request when the server asks for %s', async (_, inputRequests, why) => {
    const {client} = await clientOf([wants(inputRequests)])
    const answer = await call(client, 'call')
    expect(answer).toMatchObject({error: {code: -32603, message: expect.stringContaining(why)}})
    expect(client.arrived.items.filter(({message}) => !isResponse(message))).toEqual([])
  })

  test('fails a request on which servers must not ask', async () => {
    const {client} = await clientOf([wants({a: elicitation})])
    expect(await client.refusal('completion/complete', {ref: {}})).toMatchObject({code: -32603})
  })
})
