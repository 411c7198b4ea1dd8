import {expect} from 'vitest'
import type {JsonObject} from '../../../src/lib/base/json.ts'
import {scenario} from '../scenario.ts'
import {from, SEEN_BY_TWO, tool} from './several.ts'

/** A server that completes with its own name. */
const completing = (server: string, capabilities: JsonObject) => ({
  hello: {capabilities: {tools: {}, prompts: {}, resources: {}, ...capabilities}},
  on: {
    'prompts/list': [{result: {prompts: [{name: 'p'}]}}],
    'resources/templates/list': [
      {result: {resourceTemplates: [{uriTemplate: `${server}:{id}`, name: server}]}},
    ],
    'completion/complete': [{result: {completion: {values: [server], total: 1}}}],
  },
})

/** A server that asks the client under an id and a token that the other has, too. */
const asking = (server: string) => ({
  on: {
    'tools/call': [
      tool('ask', {
        steps: [
          {
            ask: {
              id: 1,
              method: 'roots/list',
              params: {server, _meta: {progressToken: 0}},
            },
          },
        ],
      }),
    ],
  },
})

/** Which of several servers a request reaches, and whom its own requests reach. */
export const requests = [
  scenario('completions are the owner’s', ['many:completion'], async ({open}) => {
    const client = await open({
      scripts: {one: completing('one', {}), two: completing('two', {completions: {}})},
    })
    await client.ask('prompts/list')
    const complete = (ref: JsonObject) =>
      client.ask('completion/complete', {ref, argument: {name: 'id', value: ''}, future: 1})
    const done = {completion: {values: ['two'], total: 1}}
    expect(await complete({type: 'ref/prompt', name: 'two__p', future: 1})).toEqual(done)
    expect(await complete({type: 'ref/resource', uri: 'two:{id}'})).toEqual(done)
    expect(await client.seen('completion/complete', 2, SEEN_BY_TWO)).toMatchObject([
      {params: {ref: {type: 'ref/prompt', name: 'p', future: 1}, future: 1}},
      {params: {ref: {type: 'ref/resource', uri: 'two:{id}'}}},
    ])
    expect(await complete({type: 'ref/prompt', name: 'p'})).toEqual({completion: {values: []}})
    expect(await complete({type: 'ref/resource', uri: 'one:{id}'})).toEqual({
      completion: {values: []},
    })
  }),
  scenario('methods of a vendor reach who declared them', ['many:vendor'], async ({open}) => {
    const capabilities = {tools: {}, extensions: {'two.example/skills': {}}}
    const on = {'skills/list': [{result: {skills: ['two']}}]}
    const client = await open({scripts: {one: {}, two: {hello: {capabilities}, on}}})
    await client.ask('tools/list')
    expect(await client.ask('skills/list', {a: 1})).toEqual({skills: ['two']})
    expect(await client.refusal('nobody/knows')).toMatchObject({code: -32601})
    expect(await client.seen('nobody/knows', 0)).toEqual([])
  }),
  scenario(
    'tasks of the same id are told apart',
    ['many:tasks', 'many:task-list'],
    async ({open}) => {
      const capabilities = {tools: {}, tasks: {list: {}, cancel: {}, requests: {tools: {call: {}}}}}
      const script = (server: string) => {
        const task = {taskId: 't', status: 'working', ttl: null, from: server}
        const methods = ['tasks/get', 'tasks/cancel']
        return {
          hello: {capabilities},
          on: {
            'tools/call': [tool('slow', {result: {task}})],
            'tasks/list': [{result: {tasks: [task]}}],
            'tasks/result': [{when: {taskId: 't'}, result: from(server)}],
            ...Object.fromEntries(
              methods.map(method => [method, [{when: {taskId: 't'}, result: task}]]),
            ),
          },
        }
      }
      const client = await open({scripts: {one: script('one'), two: script('two')}})
      const ids: string[] = []
      for (const [name, server] of [
        ['slow', 'one'],
        ['two__slow', 'two'],
      ] as const) {
        const {task} = await client.ask('tools/call', {name, task: {}})
        expect(task).toMatchObject({from: server})
        const {taskId} = Object(task)
        ids.push(taskId)
        for (const method of ['tasks/get', 'tasks/cancel']) {
          expect(await client.ask(method, {taskId})).toMatchObject({taskId, from: server})
        }
        expect(await client.ask('tasks/result', {taskId})).toMatchObject(from(server))
      }
      expect(new Set(ids).size).toBe(2)
      const {tasks} = await client.ask('tasks/list')
      expect(new Set([...Object(tasks)].map(task => task.taskId))).toEqual(new Set(ids))
    },
  ),
  scenario('a cancellation reaches the server that was asked', ['many:cancel'], async ({open}) => {
    const script = {on: {'tools/call': [tool('wait', {steps: [{until: 'notifications/never'}]})]}}
    const client = await open({scripts: {one: script, two: script}})
    await client.ask('tools/list')
    await client.send({id: 'w', method: 'tools/call', params: {name: 'two__wait'}})
    await client.seen('tools/call', 1, SEEN_BY_TWO)
    const params = {requestId: 'w', reason: 'enough'}
    await client.send({method: 'notifications/cancelled', params})
    expect(await client.seen('notifications/cancelled', 1, SEEN_BY_TWO)).toMatchObject([
      {params: {reason: 'enough'}},
    ])
    expect(await client.seen('notifications/cancelled', 0)).toEqual([])
  }),
  scenario(
    'servers that ask under equal ids get their own answers',
    ['many:same-ids'],
    async ({open}) => {
      const client = await open({
        capabilities: {roots: {}},
        scripts: {one: asking('one'), two: asking('two')},
      })
      await client.ask('tools/list')
      const calls = [client.call('ask'), client.call('two__ask')]
      await client.asked('roots/list', 1)
      for (const index of [0, 1]) {
        const {id, message} = await client.asked('roots/list', index)
        const {server, _meta} = Object(message['params'])
        const params = {progressToken: _meta.progressToken, progress: 1, server}
        await client.send({method: 'notifications/progress', params})
        await client.send({id, result: {roots: [], server}})
      }
      expect(await calls[0]).toMatchObject({answers: [{id: 1, result: {server: 'one'}}]})
      expect(await calls[1]).toMatchObject({answers: [{id: 1, result: {server: 'two'}}]})
      expect(await client.seen('notifications/progress')).toMatchObject([
        {params: {progressToken: 0, progress: 1, server: 'one'}},
      ])
      expect(await client.seen('notifications/progress', 1, SEEN_BY_TWO)).toMatchObject([
        {params: {progressToken: 0, progress: 1, server: 'two'}},
      ])
    },
  ),
]
