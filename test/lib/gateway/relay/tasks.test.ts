import * as fc from 'fast-check'
import {describe, expect, test, vi} from 'vitest'
import type {JsonObject} from '../../../../src/lib/base/json.ts'
import {NamedTasks} from '../../../../src/lib/gateway/relay/tasks.ts'
import {notification, request, result} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {connectedClient, type FakeClient} from '../../../support/fake-client.ts'
import {fakeServer, type FakeScript, type FakeServer} from '../../../support/fake-upstream.ts'

const related = (taskId: string): JsonObject => ({
  'io.modelcontextprotocol/related-task': {taskId, more: 1},
})

/** A server whose tool `go` makes a task with this id. */
function worker(taskId: string, answers: FakeScript['answers'] = {}): FakeServer {
  return fakeServer({
    hello: {capabilities: {tools: {}, tasks: {list: {}, cancel: {}}}},
    answers: {
      'tools/list': {tools: [{name: 'go'}]},
      'tools/call': {task: {taskId, status: 'working', more: 1}, _meta: related(taskId)},
      'tasks/get': ({params}) => ({taskId, status: 'working', got: params ?? {}}),
      'tasks/cancel': ({params}) => ({taskId, status: 'cancelled', got: params ?? {}}),
      'tasks/result': ({params}) => ({content: [], got: params ?? {}, _meta: related(taskId)}),
      'tasks/list': {tasks: [{taskId, status: 'working'}]},
      ...answers,
    },
  })
}

/** Makes a task at each of two servers, `a` and `b`, whose ids are the same. */
async function twoTasks(
  servers: {a: FakeServer; b: FakeServer} = {a: worker('1'), b: worker('1')},
  capabilities: JsonObject = {},
): Promise<{client: FakeClient; servers: {a: FakeServer; b: FakeServer}}> {
  const client = await connectedClient({servers}, {capabilities})
  await client.ask('tools/call', {name: 'go', task: {}})
  await client.ask('tools/call', {name: 'b__go', task: {}})
  return {client, servers}
}

describe('tasks of several servers', () => {
  test('are told apart by their ids only where two are the same', async () => {
    const client = await connectedClient({servers: {a: worker('1'), b: worker('1')}})
    expect(await client.ask('tools/call', {name: 'go', task: {}})).toEqual({
      task: {taskId: '1', status: 'working', more: 1},
      _meta: related('1'),
    })
    expect(await client.ask('tools/call', {name: 'b__go', task: {}})).toEqual({
      task: {taskId: 'b~1', status: 'working', more: 1},
      _meta: related('b~1'),
    })
    expect(client.warnings).toEqual([
      expect.stringMatching(/^several servers have the tool go/),
      'several servers have a task of the same id: that of b is shown with its name',
    ])
  })

  test.each(['tasks/get', 'tasks/cancel'])('%s reaches the server of the task', async method => {
    const {client} = await twoTasks()
    expect(await client.ask(method, {taskId: 'b~1', _meta: related('b~1'), more: 1})).toMatchObject(
      {taskId: 'b~1', got: {taskId: '1', _meta: related('1'), more: 1}},
    )
    expect(await client.ask(method, {taskId: '1'})).toMatchObject({
      taskId: '1',
      got: {taskId: '1'},
    })
  })

  test('give their results under the id that the client knows, in the answer to their own request', async () => {
    const b = worker('1', {
      'tasks/result': ({id}, upstream) => {
        upstream.say(request('ask', 'elicitation/create', {_meta: related('1')}))
        void upstream
          .answerTo('ask')
          .then(answer => upstream.say(result(id, {content: [], answer, _meta: related('1')})))
        return undefined
      },
    })
    const {client} = await twoTasks({a: worker('1'), b}, {elicitation: {}})
    const answer = client.send(request('r', 'tasks/result', {taskId: 'b~1'}))
    const asked = await client.asked('elicitation/create')
    expect(client.arrived.items.at(-1)?.about).toBe('r')
    expect(asked.params).toEqual({_meta: related('b~1')})
    client.session.receive(result(asked.id, {action: 'accept', _meta: related('b~1')}))
    expect(await answer).toEqual(
      result('r', {
        content: [],
        answer: result('ask', {action: 'accept', _meta: related('1')}),
        _meta: related('b~1'),
      }),
    )
  })

  test('have news, and news that belong to them', async () => {
    const {client, servers} = await twoTasks()
    const upstream = await servers.b.start()
    upstream.say(notification('notifications/tasks/status', {taskId: '1', status: 'completed'}))
    upstream.say(notification('notifications/vendor', {taskId: '1', _meta: related('1')}))
    expect((await client.notice('notifications/tasks/status')).params).toEqual({
      taskId: 'b~1',
      status: 'completed',
    })
    expect((await client.notice('notifications/vendor')).params).toEqual({
      taskId: '1',
      _meta: related('b~1'),
    })
  })

  test('are known from news alone', async () => {
    const b = worker('2')
    const client = await connectedClient({servers: {a: worker('1'), b}})
    await client.ask('tools/list')
    const upstream = await b.start()
    upstream.say(notification('notifications/tasks/status', {taskId: '2'}))
    expect(await client.ask('tasks/get', {taskId: '2'})).toMatchObject({got: {taskId: '2'}})
  })

  test.each(['tasks/get', 'tasks/result', 'tasks/cancel'])(
    '%s is refused for a task that nobody has told of',
    async method => {
      const {client, servers} = await twoTasks()
      for (const taskId of ['2', 'c~1', '', 5, undefined]) {
        expect(await client.refusal(method, {taskId})).toMatchObject({code: -32602})
      }
      expect(servers.a.starts[0]?.methods).not.toContain(method)
    },
  )
})

describe('the list of tasks', () => {
  test('has those of all servers that list theirs, all pages, in configured order', async () => {
    const pages = worker('1', {
      'tasks/list': ({params}) =>
        params?.['cursor'] === ''
          ? {tasks: [{taskId: '2'}], nextCursor: ''}
          : {tasks: [{taskId: '1', status: 'working'}, null], nextCursor: ''},
    })
    const unable = fakeServer({
      hello: {capabilities: {tasks: {}}},
      answers: {'tasks/list': {tasks: [{taskId: 'never asked for'}]}},
    })
    const client = await connectedClient({servers: {unable, a: worker('1'), b: pages}})
    await client.ask('tools/list')
    const expected = {
      tasks: [{taskId: '1', status: 'working'}, {taskId: 'b~1', status: 'working'}, {taskId: '2'}],
    }
    expect(await client.ask('tasks/list')).toEqual(expected)
    expect(await client.ask('tasks/list')).toEqual(expected)
    expect(await client.ask('tasks/get', {taskId: '2'})).toMatchObject({got: {taskId: '2'}})
  })

  test('does without a server that refuses, or is too slow', async () => {
    const refusing = fakeServer({hello: {capabilities: {tools: {}, tasks: {list: {}}}}})
    const slow = worker('2', {'tasks/list': () => undefined})
    const client = await connectedClient({
      servers: {refusing, slow, a: worker('1')},
      patienceMs: 50,
    })
    await client.ask('tools/list')
    expect(await client.ask('tasks/list')).toMatchObject({tasks: [{taskId: '1'}]})
    const upstream = await slow.start()
    const {id} = await upstream.request('tasks/list')
    expect((await upstream.call('notifications/cancelled')).params).toMatchObject({requestId: id})
  })

  test('ends with a server that always has another page', async () => {
    let count = 0
    const endless = worker('1', {
      'tasks/list': () => ({tasks: [{taskId: `${++count}`}], nextCursor: `${count}`}),
    })
    const client = await connectedClient({servers: {endless, b: fakeServer()}})
    await client.ask('tools/list')
    const {tasks} = await client.ask('tasks/list')
    expect(tasks).toHaveLength(100)
  })

  test('is not known where no server has one, and starts none', async () => {
    const plain = fakeServer({hello: {capabilities: {}}})
    const client = await connectedClient({servers: {plain, other: plain}})
    expect(await client.refusal('tasks/list')).toMatchObject({code: -32601})
    const known = {a: {capabilities: {tasks: {list: {}}}}}
    const a = worker('1')
    const later = await connectedClient({servers: {a, plain}, known})
    expect(await later.ask('tasks/list')).toEqual({tasks: []})
    expect(a.attempts).toBe(0)
  })
})

test('a single server is sent everything about tasks as it is', async () => {
  const only = worker('1')
  const client = await connectedClient({servers: {only}})
  const params = {taskId: 'anything', cursor: 'x', _meta: related('y')}
  expect(await client.ask('tasks/get', params)).toMatchObject({got: params})
  expect(await client.ask('tasks/list', params)).toMatchObject({tasks: [{taskId: '1'}]})
  const upstream = await only.start()
  expect((await upstream.call('tasks/list')).params).toEqual(params)
})

/** Two servers of which the first has had the client make a task `t`. */
async function clientTask() {
  const servers = {a: worker('1'), b: worker('1')}
  const client = await connectedClient({servers}, {capabilities: {sampling: {}, tasks: {}}})
  await client.ask('tools/list')
  const [a, b] = [await servers.a.start(), await servers.b.start()]
  a.say(request('s', 'sampling/createMessage', {task: {}}))
  const {id} = await client.asked('sampling/createMessage')
  client.session.receive(result(id, {task: {taskId: 't'}}))
  expect(await a.answerTo('s')).toEqual(result('s', {task: {taskId: 't'}}))
  return {client, a, b}
}

describe('tasks at the client', () => {
  test('can be asked about by the server that had them made', async () => {
    const {client, a} = await clientTask()
    for (const method of ['tasks/get', 'tasks/result', 'tasks/cancel']) {
      a.say(request(method, method, {taskId: 't'}))
      const {id, params} = await client.asked(method)
      expect(params).toEqual({taskId: 't'})
      client.session.receive(result(id, {method}))
      expect(await a.answerTo(method)).toEqual(result(method, {method}))
    }
  })

  test('are hidden from other servers', async () => {
    const {client, b} = await clientTask()
    for (const method of ['tasks/get', 'tasks/result', 'tasks/cancel']) {
      b.say(request(method, method, {taskId: 't'}))
      expect(await b.answerTo(method)).toMatchObject({error: {code: -32602}})
    }
    b.say(request('list', 'tasks/list'))
    const {id} = await client.asked('tasks/list')
    client.session.receive(result(id, {tasks: [{taskId: 't'}, {taskId: 'u'}, 5], more: 1}))
    expect(await b.answerTo('list')).toEqual(result('list', {tasks: [{taskId: 'u'}, 5], more: 1}))
  })

  test('are listed for the server that had them made', async () => {
    const {client, a} = await clientTask()
    a.say(request('list', 'tasks/list'))
    const {id} = await client.asked('tasks/list')
    client.session.receive(result(id, {tasks: [{taskId: 't'}]}))
    expect(await a.answerTo('list')).toEqual(result('list', {tasks: [{taskId: 't'}]}))
  })

  test('have news for that server alone', async () => {
    const {client, a, b} = await clientTask()
    const news = notification('notifications/tasks/status', {taskId: 't', status: 'completed'})
    client.session.receive(notification('notifications/tasks/status', {taskId: 'unknown'}))
    client.session.receive(news)
    client.session.receive(notification('notifications/vendor'))
    expect(await a.call('notifications/tasks/status')).toEqual(news)
    await b.call('notifications/vendor')
    expect(a.methods.filter(method => method === 'notifications/tasks/status')).toHaveLength(1)
    expect(b.methods).not.toContain('notifications/tasks/status')
  })

  test('are nobody’s any more when that server has ended', async () => {
    const {client, a, b} = await clientTask()
    a.end()
    await vi.waitFor(() => expect(client.failed).toHaveLength(1))
    b.say(request('g', 'tasks/get', {taskId: 't'}))
    const {id} = await client.asked('tasks/get')
    client.session.receive(result(id, {}))
    expect(await b.answerTo('g')).toEqual(result('g', {}))
  })

  test('of a single server are its own, known or not', async () => {
    const only = worker('1')
    const client = await connectedClient({servers: {only}})
    await client.ask('tools/list')
    const news = notification('notifications/tasks/status', {taskId: 'unknown'})
    client.session.receive(news)
    const upstream = await only.start()
    expect(await upstream.call('notifications/tasks/status')).toEqual(news)
  })
})

describe('task ids that name their server', () => {
  test('lead back to it, whatever the names and ids are', () => {
    const name = fc.string({minLength: 1}).map(text => text.toWellFormed())
    fc.assert(
      fc.property(
        fc.uniqueArray(name, {minLength: 1}),
        fc.nat(),
        fc.string(),
        (servers, nth, own) => {
          const ids = new NamedTasks(servers)
          const server = servers[nth % servers.length] ?? ''
          expect(ids.find(ids.expose(server, own))).toEqual({server, own})
        },
      ),
    )
  })

  test('of servers that are not here are nobody’s', () => {
    expect(new NamedTasks(['a']).find('b~1')).toBeUndefined()
    expect(new NamedTasks(['a']).find('1')).toBeUndefined()
  })
})
