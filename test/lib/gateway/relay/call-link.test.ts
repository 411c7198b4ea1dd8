import {describe, expect, test, vi} from 'vitest'
import {Lives} from '../../../../src/lib/gateway/lives.ts'
import {notification, request, result} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {connectedClient, type FakeClientInput} from '../../../support/fake-client.ts'
import {fakeServer, type FakeScript, type FakeServer} from '../../../support/fake-upstream.ts'
import {FOR_CALLS} from '../../../support/server-life.ts'

/** A client at a server of which every call gets a container of its own. */
async function client(script: FakeScript, more: Partial<FakeClientInput> = {}) {
  const server = fakeServer({
    hello: {capabilities: {tools: {}, resources: {subscribe: true}, logging: {}}},
    ...script,
    answers: {
      'tools/list': {tools: [{name: 'go', inputSchema: {type: 'object'}}]},
      'tools/call': {content: []},
      'logging/setLevel': {},
      ...script.answers,
    },
  })
  const lives = new Lives(Date.now)
  const life = () => ({policy: FOR_CALLS, life: lives.of('demo')})
  const made = await connectedClient({servers: {demo: server}, life, ...more})
  return {client: made, server, lives}
}

/** The starts that were asked for this, and whether each has ended. */
function startsFor(server: FakeServer, method: string): boolean[] {
  return server.starts.filter(({methods}) => methods.includes(method)).map(({isOpen}) => !isOpen)
}

describe('a server with a container for each call', () => {
  test('gets one for every call, which ends behind the answer', async () => {
    const {
      client: one,
      server,
      lives,
    } = await client({
      answers: {'prompts/get': {messages: []}, 'resources/read': {contents: []}},
    })
    await Promise.all([one.ask('tools/call', {name: 'go'}), one.ask('tools/call', {name: 'go'})])
    await one.ask('prompts/get', {name: 'p'})
    await one.ask('resources/read', {uri: 'a:1'})
    await vi.waitFor(() => {
      expect(startsFor(server, 'tools/call')).toEqual([true, true])
      expect(startsFor(server, 'prompts/get')).toEqual([true])
      expect(startsFor(server, 'resources/read')).toEqual([true])
    })
    expect(server.attempts).toBe(4)
    expect(lives.report()[0]).toMatchObject({state: 'sleeping', restarts: 0})
    expect(one.failed).toEqual([])
  })

  test('is asked for all its lists in one container, which ends soon, and once', async () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    try {
      const {client: one, server} = await client({
        answers: {
          'resources/list': {resources: []},
          'resources/templates/list': {resourceTemplates: []},
        },
      })
      await Promise.all([one.ask('tools/list'), one.ask('resources/list')])
      await one.ask('tools/list')
      expect(server.attempts).toBe(1)
      expect(server.starts[0]?.methods.filter(method => method === 'tools/list')).toHaveLength(1)
      await vi.advanceTimersByTimeAsync(2000)
      expect(server.starts[0]?.isOpen).toBe(false)
      await one.ask('tools/list')
      expect(server.attempts).toBe(1)
    } finally {
      vi.useRealTimers()
    }
  })

  test('is told the level of the log in every container', async () => {
    const {client: one, server} = await client({})
    await one.ask('logging/setLevel', {level: 'error'})
    await one.ask('tools/call', {name: 'go'})
    const called = server.starts.find(({methods}) => methods.includes('tools/call'))
    expect((await called?.call('logging/setLevel'))?.params).toEqual({level: 'error'})
  })

  test('asks and tells in its calls, and hears the answers', async () => {
    const {client: one, server} = await client({answers: {'tools/call': () => undefined}})
    const answer = one.ask('tools/call', {name: 'go', _meta: {progressToken: 'p'}})
    const upstream = await server.start()
    const {id, params} = await upstream.request('tools/call')
    const token = Object(params?.['_meta'])['progressToken']
    upstream.say(notification('notifications/progress', {progressToken: token, progress: 1}))
    expect((await one.notice('notifications/progress')).params).toMatchObject({progressToken: 'p'})
    upstream.say(request('q', 'ping'))
    await upstream.answerTo('q')
    upstream.say(result(id, {content: []}))
    expect(await answer).toEqual({content: []})
  })

  test('has no subscriptions, and says so', async () => {
    const {client: one, server} = await client({answers: {'resources/subscribe': {}}})
    expect(await one.refusal('resources/subscribe', {uri: 'a:1'})).toMatchObject({
      code: -32601,
      message: expect.stringContaining('server demo runs for one call at a time (ephemeral)'),
    })
    expect(server.attempts).toBe(0)
  })

  test('keeps the container of a task until nobody asks for it any more', async () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    try {
      const {client: one, server} = await client({
        answers: {
          'tools/call': {task: {taskId: 't1', status: 'working'}},
          'tasks/get': {taskId: 't1', status: 'completed'},
          'tasks/result': {content: []},
        },
      })
      await one.ask('tools/call', {name: 'go', task: {}})
      await one.ask('tasks/get', {taskId: 't1'})
      await vi.advanceTimersByTimeAsync(60_000)
      await one.ask('tasks/result', {taskId: 't1'})
      expect(server.attempts).toBe(1)
      await vi.advanceTimersByTimeAsync(300_000)
      expect(server.starts[0]?.isOpen).toBe(false)
    } finally {
      vi.useRealTimers()
    }
  })

  test('is started for the next call whatever has become of the last one', async () => {
    let calls = 0
    const {client: one, server} = await client({
      answers: {
        'tools/call': (_request, upstream) => {
          calls += 1
          if (calls === 20) return {content: []}
          upstream.end()
          return undefined
        },
      },
    })
    for (let lost = 1; lost < 20; lost += 1) {
      expect(await one.refusal('tools/call', {name: 'go'})).toMatchObject({
        message: expect.stringContaining('server demo ended with exit code 3'),
      })
    }
    expect(await one.ask('tools/call', {name: 'go'})).toEqual({content: []})
    expect(server.attempts).toBe(20)
  })

  test('is waited for when it does not start, by all calls together', async () => {
    const {client: one, server} = await client({
      beforeOpen: () => {
        throw new Error('no')
      },
    })
    const calls = Array.from({length: 10}, () => one.refusal('tools/call', {name: 'go'}))
    await Promise.all(calls)
    expect(server.attempts).toBe(10)
    // They have failed together, and that is the answer for a second.
    await one.refusal('tools/call', {name: 'go'})
    expect(server.attempts).toBe(10)
    one.now = 1000
    await one.refusal('tools/call', {name: 'go'})
    expect(server.attempts).toBe(11)
  })

  test('ends with its session, calls in flight included', async () => {
    const {client: one, server} = await client({answers: {'tools/call': () => undefined}})
    void one.refusal('tools/call', {name: 'go'})
    const upstream = await server.start()
    await upstream.request('tools/call')
    await one.session.close()
    expect(upstream.isOpen).toBe(false)
    expect(server.attempts).toBe(1)
  })

  test('never runs more than 64 at once', async () => {
    const {client: one, server} = await client({answers: {'tools/call': () => undefined}})
    const answers = Array.from({length: 70}, () => one.ask('tools/call', {name: 'go'}))
    await server.start(63)
    expect(server.attempts).toBe(64)
    for (let nth = 0; nth < 70; nth += 1) {
      const upstream = await server.start(nth)
      const {id} = await upstream.request('tools/call')
      upstream.say(result(id, {nth}))
    }
    expect((await Promise.all(answers)).length).toBe(70)
    await vi.waitFor(() => expect(server.starts.filter(({isOpen}) => isOpen)).toEqual([]))
  })
})
