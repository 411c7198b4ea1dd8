import {afterEach, beforeEach, describe, expect, test, vi} from 'vitest'
import {Lives} from '../../../../src/lib/gateway/lives.ts'
import type {LifePolicy} from '../../../../src/lib/gateway/life-policy.ts'
import {
  notification,
  request,
  result,
  type Notification,
} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {META} from '../../../../src/lib/gateway/wire/meta.ts'
import {fakeServer, type FakeScript, type FakeServer} from '../../../support/fake-upstream.ts'
import {Inbox} from '../../../support/inbox.ts'
import {ModernGateway} from '../../../support/modern-caller.ts'
import {FOR_CALLS, LASTING} from '../../../support/server-life.ts'

const IDLE_MS = 300_000
const SLEEPY: LifePolicy = {...LASTING, idleMs: IDLE_MS}

beforeEach(
  () =>
    void vi.useFakeTimers({
      toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'],
    }),
)
afterEach(() => void vi.useRealTimers())

function modern(script: FakeScript = {}): FakeServer {
  return fakeServer({
    ...script,
    answers: {
      'server/discover': {
        supportedVersions: ['2026-07-28'],
        capabilities: {tools: {listChanged: true}, resources: {subscribe: true}},
      },
      'tools/list': {tools: [{name: 'go', inputSchema: {type: 'object'}}]},
      'tools/call': {resultType: 'complete', content: []},
      'subscriptions/listen': ({id, params}, upstream) => {
        const meta = {[META.subscription]: id}
        upstream.say(
          notification('notifications/subscriptions/acknowledged', {
            notifications: params?.['notifications'] ?? {},
            _meta: meta,
          }),
        )
        return undefined
      },
      ...script.answers,
    },
  })
}

/** A server of before 2026-07-28. */
function legacy(script: FakeScript = {}): FakeServer {
  return fakeServer({
    hello: {capabilities: {tools: {listChanged: true}, resources: {subscribe: true}}},
    ...script,
    answers: {
      'tools/list': {tools: [{name: 'go', inputSchema: {type: 'object'}}]},
      'tools/call': {content: []},
      'resources/subscribe': {},
      'resources/unsubscribe': {},
      ...script.answers,
    },
  })
}

function gatewayOf(server: FakeServer, policy: LifePolicy = SLEEPY) {
  const lives = new Lives(Date.now)
  const gateway = new ModernGateway({
    servers: {demo: server},
    life: name => ({policy, life: lives.of(name)}),
    now: () => performance.now(),
  })
  return {gateway, lives}
}

const openOf = (server: FakeServer) => server.starts.filter(({isOpen}) => isOpen).length

/** Listens, and gives what is told, with what makes the client leave. */
function listen(gateway: ModernGateway, notifications: Record<string, true | string[]>) {
  const told = new Inbox<Notification>()
  const leaving = new AbortController()
  const over = gateway
    .call('subscriptions/listen', {notifications}, {signal: leaving.signal}, told)
    .catch(() => undefined)
  return {
    told,
    leave: async () => {
      leaving.abort(new Error('gone'))
      await over
    },
  }
}

describe.each([
  ['a modern', modern],
  ['a legacy', legacy],
] as const)('%s server of modern clients', (_era, make) => {
  test('is ended when nobody uses it, and opened again by the next request', async () => {
    const server = make()
    const {gateway, lives} = gatewayOf(server)
    await gateway.ask('tools/call', {name: 'go'})
    const before = server.attempts
    expect(openOf(server)).toBe(1)
    await vi.advanceTimersByTimeAsync(IDLE_MS)
    expect([openOf(server), lives.report()[0]?.state]).toEqual([0, 'sleeping'])
    await gateway.ask('tools/call', {name: 'go'})
    expect([openOf(server), server.attempts]).toEqual([1, before + 1])
    expect(gateway.failed).toEqual([])
  })

  test('is not started again for those who listen for its lists, who hear of it when it is', async () => {
    const server = make()
    const {gateway} = gatewayOf(server)
    const {told, leave} = listen(gateway, {toolsListChanged: true})
    await told.find(({method}) => method.endsWith('acknowledged'))
    await vi.advanceTimersByTimeAsync(IDLE_MS * 4)
    const before = server.attempts
    expect(openOf(server)).toBe(0)
    await gateway.ask('tools/call', {name: 'go'})
    await vi.advanceTimersByTimeAsync(5000)
    expect(server.attempts).toBe(before + 1)
    await told.find(({method}) => method === 'notifications/tools/list_changed')
    await leave()
  })

  test('is kept by those who listen for a resource', async () => {
    const server = make()
    const {gateway} = gatewayOf(server)
    const {told, leave} = listen(gateway, {resourceSubscriptions: ['a:1']})
    const {params} = await told.find(({method}) => method.endsWith('acknowledged'))
    expect(params?.['notifications']).toEqual({resourceSubscriptions: ['a:1']})
    await vi.advanceTimersByTimeAsync(IDLE_MS * 4)
    expect(openOf(server)).toBe(1)
    await leave()
    await vi.advanceTimersByTimeAsync(IDLE_MS * 2)
    expect(openOf(server)).toBe(0)
  })

  test('gets a container for each call where that is wanted', async () => {
    const server = make()
    const {gateway, lives} = gatewayOf(server, FOR_CALLS)
    await gateway.ask('tools/list')
    await Promise.all([
      gateway.ask('tools/call', {name: 'go'}),
      gateway.ask('tools/call', {name: 'go'}),
    ])
    const calls = server.starts.map(({methods}) => methods.filter(m => m === 'tools/call').length)
    expect(calls.filter(count => count > 0)).toEqual([1, 1])
    await vi.advanceTimersByTimeAsync(2000)
    expect([openOf(server), lives.report()[0]?.state]).toEqual([0, 'sleeping'])
    const before = server.attempts
    await gateway.ask('tools/list')
    expect(server.attempts).toBe(before)
  })

  test('with a container for each call tells nobody of changes', async () => {
    const {gateway} = gatewayOf(make(), FOR_CALLS)
    const {told, leave} = listen(gateway, {resourceSubscriptions: ['a:1']})
    const {params} = await told.find(({method}) => method.endsWith('acknowledged'))
    expect(params?.['notifications']).toEqual({})
    await leave()
  })
})

test('a task of a modern server keeps it', async () => {
  const server = modern({
    answers: {
      'tools/call': {resultType: 'task', taskId: 't1', status: 'working'},
      'tasks/get': {taskId: 't1', status: 'completed', result: {}},
    },
  })
  const {gateway} = gatewayOf(server)
  const {taskId} = await gateway.ask('tools/call', {name: 'go'})
  await vi.advanceTimersByTimeAsync(IDLE_MS * 3)
  expect(openOf(server)).toBe(1)
  await gateway.ask('tasks/get', {taskId: taskId ?? ''})
  await vi.advanceTimersByTimeAsync(IDLE_MS)
  expect(openOf(server)).toBe(0)
})

test('a call that waits for its client keeps a legacy server', async () => {
  const server = legacy({answers: {'tools/call': () => undefined}})
  const {gateway} = gatewayOf(server)
  const capabilities = {elicitation: {form: {}}}
  const answer = gateway.ask('tools/call', {name: 'go'}, {capabilities})
  const upstream = await vi.waitFor(() => {
    const found = server.starts.find(({methods}) => methods.includes('tools/call'))
    if (!found) throw new Error('not called yet')
    return found
  })
  const {id} = await upstream.request('tools/call')
  const requestedSchema = {type: 'object', properties: {}}
  upstream.say(request('q', 'elicitation/create', {message: 'which?', requestedSchema}))
  await vi.advanceTimersByTimeAsync(100)
  expect(await answer).toMatchObject({resultType: 'input_required'})
  await vi.advanceTimersByTimeAsync(IDLE_MS + 60_000)
  expect(upstream.isOpen).toBe(true)
  upstream.say(result(id, {content: []}))
})
