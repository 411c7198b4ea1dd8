import {expect} from 'vitest'
import type {LabStep} from '../../support/lab-client.ts'
import {scenario, throughGateway} from '../scenario.ts'

const RELATED = {_meta: {'io.modelcontextprotocol/related-task': {taskId: 't/1 ä'}}}
const TASK = {
  taskId: 't/1 ä',
  status: 'working',
  statusMessage: '…',
  createdAt: '2025-11-25T10:30:00Z',
  lastUpdatedAt: '2025-11-25T10:40:00Z',
  ttl: null,
  pollInterval: 0,
  future: 1,
}
const {taskId} = TASK
const TASKS = {
  tasks: {list: {}, cancel: {}, requests: {tools: {call: {}}}},
  tools: {listChanged: true},
}

export const tasks = [
  scenario(
    'a task is created, followed, listed and cancelled',
    ['task:create', 'task:follow'],
    async ({open}) => {
      const done = {content: [{type: 'text', text: 'done'}], ...RELATED}
      const question: LabStep = {
        ask: {method: 'elicitation/create', params: {message: '?', ...RELATED}},
      }
      const client = await open({
        capabilities: {elicitation: {}},
        script: {
          hello: {capabilities: TASKS},
          on: {
            'tools/call': [{when: {name: 'slow'}, result: {task: TASK, _meta: {a: 1}}}],
            'tasks/get': [{result: TASK}],
            'tasks/list': [{result: {tasks: [TASK], nextCursor: ''}}],
            'tasks/result': [{steps: [question], result: done}],
            'tasks/cancel': [{result: {...TASK, status: 'cancelled'}}],
          },
        },
      })
      const params = {name: 'slow', arguments: {}, task: {ttl: 60_000, future: 1}}
      expect(await client.ask('tools/call', params)).toEqual({task: TASK, _meta: {a: 1}})
      expect(await client.seen('tools/call')).toMatchObject([{params}])
      expect(await client.ask('tasks/get', {taskId})).toEqual(TASK)
      expect(await client.ask('tasks/list')).toMatchObject({tasks: [TASK]})
      const result = client.ask('tasks/result', {taskId})
      const {id, message} = await client.asked('elicitation/create')
      expect(message).toMatchObject({params: RELATED})
      await client.send({id, result: {action: 'decline', ...RELATED}})
      expect(await result).toEqual(done)
      expect(await client.seen('answer')).toMatchObject([{result: {action: 'decline', ...RELATED}}])
      expect(await client.ask('tasks/cancel', {taskId})).toEqual({...TASK, status: 'cancelled'})
      expect(await client.seen('tasks/cancel')).toMatchObject([{params: {taskId}}])
    },
  ),
  scenario('notices of the status of a task arrive', ['task:status'], async ({open}) => {
    const method = 'notifications/tasks/status'
    const client = await open({
      script: {
        hello: {capabilities: TASKS},
        on: {
          'tools/call': [
            {
              when: {name: 'slow'},
              result: {task: TASK},
              steps: [{alone: true, notify: {method, params: {...TASK, ...RELATED}}}],
            },
          ],
        },
      },
    })
    expect(await client.ask('tools/call', {name: 'slow', task: {}})).toEqual({task: TASK})
    expect((await client.notice(method)).message['params']).toEqual({...TASK, ...RELATED})
  }),
  scenario('a server follows a task of the client', ['task:at-client'], async ({open}) => {
    const methods = ['tasks/get', 'tasks/result', 'tasks/cancel']
    const steps: LabStep[] = [
      {
        ask: {
          method: 'sampling/createMessage',
          params: {messages: [], maxTokens: 1, task: {ttl: 1}},
        },
      },
      ...methods.map(method => ({ask: {method, params: {taskId, future: 1}}})),
    ]
    const client = await open({
      capabilities: {sampling: {}, tasks: {requests: {sampling: {createMessage: {}}}, cancel: {}}},
      script: {on: {'tools/call': [{when: {name: 'ask'}, steps}]}},
    })
    const called = client.call('ask')
    const created = await client.asked('sampling/createMessage')
    expect(created.message).toMatchObject({params: {task: {ttl: 1}}})
    await client.send({id: created.id, result: {task: TASK}})
    for (const method of methods) {
      const {id, message} = await client.asked(method)
      expect(message['params']).toEqual({taskId, future: 1})
      await client.send({id, result: {...TASK, method}})
    }
    expect(await called).toMatchObject({
      answers: [{result: {task: TASK}}, ...methods.map(method => ({result: {...TASK, method}}))],
    })
  }),
]

export const vendors = [
  scenario(
    'methods of a vendor go both ways',
    ['vendor:request', 'vendor:from-server'],
    async ({open}) => {
      const params = {a: [null], _meta: {b: 1}}
      const client = await open({
        script: {
          on: {
            'vendor/do': [{steps: [{ask: {method: 'vendor.example/ask', params}}]}],
            'vendor/list': [{result: {nextCursor: '', items: [1]}}],
          },
        },
      })
      const done = client.ask('vendor/do', params)
      const {id, message} = await client.asked('vendor.example/ask')
      expect(message['params']).toEqual(params)
      await client.send({id, result: {c: [2]}})
      expect(await done).toMatchObject({got: params, answers: [{result: {c: [2]}}]})
      expect(await client.ask('vendor/list', {cursor: ''})).toEqual({nextCursor: '', items: [1]})
    },
  ),
  scenario('notifications of a vendor go both ways', ['vendor:notification'], async ({open}) => {
    const method = 'notifications/vendor.example/news'
    const notice = {method, params: {a: [null], _meta: {b: 1}}}
    const client = await open({
      script: {on: {'tools/call': [{when: {name: 'tell'}, steps: [{notify: notice}]}]}},
    })
    await client.call('tell')
    expect((await client.notice(method)).message).toEqual({jsonrpc: '2.0', ...notice})
    await client.send(notice)
    expect(await client.seen(method)).toEqual([{jsonrpc: '2.0', ...notice}])
  }),
]

/** Answers under any id. */
const answer = (id: string | number, text: string): LabStep => ({
  raw: {jsonrpc: '2.0', id, result: {content: [], text}},
})

export const broken = [
  scenario(
    'the first of two answers counts, and one under a wrong id counts for nobody',
    ['broken:twice', 'broken:wrong-id'],
    async ({open}) => {
      const client = await open({
        script: {
          on: {
            'tools/call': [
              {
                when: {name: 'stutter'},
                silent: true,
                steps: [
                  answer('nobody', 'x'),
                  answer(12345, 'y'),
                  answer('$id', 'first'),
                  answer('$id', 'second'),
                ],
              },
            ],
          },
        },
      })
      const params = {name: 'stutter'}
      const {result} = await client.request({id: 'once', method: 'tools/call', params})
      expect(result).toEqual({content: [], text: 'first'})
      expect(await client.call('go')).toMatchObject({got: {name: 'go'}})
      const answers = client.arrived.items.filter(
        ({message}) => 'text' in Object(message['result']),
      )
      expect(answers).toHaveLength(1)
    },
    throughGateway,
  ),
]
