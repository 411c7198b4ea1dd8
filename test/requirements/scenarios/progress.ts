import {expect} from 'vitest'
import type {Id} from '../../../src/lib/gateway/wire/jsonrpc.ts'
import type {LabArrival, LabStep} from '../../support/lab-client.ts'
import {overHttp, scenario, throughGateway} from '../scenario.ts'

const TOKENS: readonly Id[] = [0, '0', '', 'token', 1, '1', 9007199254740991]

const progress = (params: object): LabStep => ({
  notify: {method: 'notifications/progress', params: {progressToken: '$token', ...params}},
})
const STEPS = [1, 2, 3].map(step =>
  progress({progress: step / 10, total: 3, message: `step ${step}`, _meta: {step}, more: [step]}),
)
/** Reports progress under a token that the client need not know. */
const late = (token: string): LabStep => ({
  notify: {method: 'notifications/progress', params: {progressToken: token, progress: 1}},
})
const WORKS = {'tools/call': [{when: {name: 'work'}, steps: STEPS}]}

/** The kinds of messages about a request in the order in which they arrived, an answer as `answer`. */
function kinds(arrivals: readonly LabArrival[]): unknown[] {
  return arrivals.map(({message}) => message['method'] ?? 'answer')
}

export const progresses = [
  scenario(
    'progress comes under the token of the request, before its answer and with all it says',
    ['progress:token-types', 'progress:before-answer', 'progress:members'],
    async ({open}) => {
      const client = await open({script: {on: WORKS}})
      for (const progressToken of TOKENS) {
        const before = client.arrived.items.length
        await client.ask('tools/call', {name: 'work', _meta: {progressToken, other: 1}})
        const arrived = client.arrived.items.slice(before)
        expect(kinds(arrived)).toEqual([...STEPS.map(() => 'notifications/progress'), 'answer'])
        expect(arrived.slice(0, 3).map(({message}) => message['params'])).toEqual(
          [1, 2, 3].map(step => ({
            progressToken,
            progress: step / 10,
            total: 3,
            message: `step ${step}`,
            _meta: {step},
            more: [step],
          })),
        )
      }
    },
  ),
  scenario(
    'the progress of several requests in flight is told apart',
    ['progress:several'],
    async ({open}) => {
      const steps: LabStep[] = [{until: 'notifications/lab/go'}, ...STEPS]
      const client = await open({script: {on: {'tools/call': [{when: {name: 'work'}, steps}]}}})
      const answers = TOKENS.map((progressToken, index) =>
        client.request({
          id: `work ${index}`,
          method: 'tools/call',
          params: {name: 'work', _meta: {progressToken}},
        }),
      )
      await client.seen('tools/call', TOKENS.length)
      await client.send({method: 'notifications/lab/go'})
      await Promise.all(answers)
      for (const progressToken of TOKENS) {
        const own = client
          .paramsOf('notifications/progress')
          .filter(params => Object(params)['progressToken'] === progressToken)
        expect(own.map(params => Object(params)['progress'])).toEqual([0.1, 0.2, 0.3])
      }
    },
  ),
  scenario(
    'progress arrives on the stream of its request while another is in flight',
    ['progress:own-stream', 'stream:once'],
    async ({open}) => {
      const client = await open({
        script: {
          on: {
            'tools/call': [
              {when: {name: 'work'}, steps: STEPS},
              {when: {name: 'wait'}, steps: [{until: 'notifications/lab/go'}, ...STEPS]},
            ],
          },
        },
      })
      const call = (id: string, name: string) =>
        client.request({id, method: 'tools/call', params: {name, _meta: {progressToken: id}}})
      const slow = call('slow', 'wait')
      await client.seen('tools/call')
      await call('fast', 'work')
      await client.send({method: 'notifications/lab/go'})
      await slow
      for (const id of ['fast', 'slow']) {
        const own = client.arrived.items.filter(
          ({stream}) => typeof stream === 'object' && stream.request === id,
        )
        expect(kinds(own)).toEqual([...STEPS.map(() => 'notifications/progress'), 'answer'])
        for (const {message} of own.slice(0, 3)) {
          expect(message).toMatchObject({params: {progressToken: id}})
        }
      }
      expect(client.paramsOf('notifications/progress')).toHaveLength(2 * STEPS.length)
    },
    overHttp,
  ),
  scenario(
    'progress of the client reaches the server under the token of the server',
    ['progress:from-client'],
    async ({open}) => {
      const client = await open({
        capabilities: {sampling: {}},
        script: {
          on: {
            'tools/call': TOKENS.map(progressToken => ({
              when: {name: 'ask', arguments: {progressToken}},
              steps: [
                {ask: {method: 'sampling/createMessage', params: {_meta: {progressToken, a: 1}}}},
              ],
            })),
          },
        },
      })
      for (const [index, progressToken] of TOKENS.entries()) {
        const called = client.call('ask', {progressToken})
        const {id, message} = await client.asked('sampling/createMessage', index)
        const {_meta} = Object(message['params'])
        expect(_meta).toEqual({a: 1, progressToken: expect.anything()})
        const params = {progressToken: _meta.progressToken, progress: index, more: {b: 2}}
        await client.send({method: 'notifications/progress', params})
        await client.send({id, result: {}})
        await called
        const heard = await client.seen('notifications/progress', index + 1)
        expect(heard[index]).toMatchObject({params: {progressToken, progress: index, more: {b: 2}}})
      }
    },
  ),
  scenario(
    'progress that is about nothing in flight stays where it is',
    ['progress:late'],
    async ({open}) => {
      const client = await open({
        script: {
          on: {
            'tools/call': [
              {
                when: {name: 'late'},
                steps: [
                  {raw: {jsonrpc: '2.0', id: '$id', result: {content: []}}},
                  progress({progress: 9}),
                ],
                silent: true,
              },
              {when: {name: 'odd'}, steps: [late('nobody'), late('')]},
            ],
          },
        },
      })
      await client.ask('tools/call', {name: 'late', _meta: {progressToken: 'mine'}})
      await client.call('odd')
      await client.call('go')
      expect(client.paramsOf('notifications/progress')).toEqual([])
    },
    throughGateway,
  ),
]
