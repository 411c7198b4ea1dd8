import {expect} from 'vitest'
import type {Id} from '../../../src/lib/gateway/wire/jsonrpc.ts'
import {scenario, throughGateway} from '../scenario.ts'

const IDS: readonly Id[] = [
  0,
  '0',
  0.5,
  '',
  1,
  '1',
  -7,
  'text',
  '日本',
  9007199254740991,
  '__proto__',
]

/** A tool that waits until its client says that it may go on, or until it is told to stop. */
const WAITS = {'tools/call': [{when: {name: 'wait'}, steps: [{until: 'notifications/lab/go'}]}]}

export const ids = [
  scenario(
    'every text or number is an id of its own, all at once',
    ['id:types'],
    async ({open}) => {
      const client = await open({script: {on: WAITS}})
      const answers = IDS.map(id =>
        client.request({id, method: 'tools/call', params: {name: 'wait', arguments: {id}}}),
      )
      await client.seen('tools/call', IDS.length)
      await client.send({method: 'notifications/lab/go'})
      for (const [index, id] of IDS.entries()) {
        expect(await answers[index]).toMatchObject({id, result: {got: {arguments: {id}}}})
      }
    },
  ),
  scenario(
    'the server gets its answers under the ids that it chose',
    ['id:server-types'],
    async ({open}) => {
      const client = await open({
        capabilities: {roots: {}},
        script: {
          on: {
            'tools/call': [
              {
                when: {name: 'ask'},
                steps: IDS.map(id => ({
                  ask: {id, method: 'roots/list', params: {about: [id]}},
                  leave: true as const,
                })),
              },
              {when: {name: 'told'}, steps: [{until: 'tools/call'}]},
            ],
          },
        },
      })
      await client.call('ask')
      for (const index of IDS.keys()) {
        const {id, message} = await client.asked('roots/list', index)
        expect(message).toMatchObject({params: {about: [IDS[index]]}})
        await client.send({id, result: {roots: [], about: IDS[index] ?? null}})
      }
      const answered = IDS.map(id => ({jsonrpc: '2.0', id, result: {roots: [], about: id}}))
      expect(await client.seen('answer', IDS.length)).toMatchObject(answered)
    },
  ),
  scenario('an id is used again after its answer', ['id:reuse'], async ({open}) => {
    const client = await open()
    for (const round of [0, 1, 2]) {
      const params = {name: 'go', arguments: {round}}
      const {result} = await client.request({id: 'again', method: 'tools/call', params}, round)
      expect(result).toMatchObject({got: params})
    }
  }),
  scenario(
    'a second request with the same id is refused, the first one is answered',
    ['id:duplicate'],
    async ({open}) => {
      const client = await open({script: {on: WAITS}})
      const wait = {id: 'same', method: 'tools/call', params: {name: 'wait'}}
      const first = client.request(wait, 1)
      await client.seen('tools/call')
      expect(await client.request(wait)).toMatchObject({id: 'same', error: {code: -32600}})
      await client.send({method: 'notifications/lab/go'})
      expect(await first).toMatchObject({result: {got: {name: 'wait'}}})
      expect(await client.seen('tools/call', 1)).not.toContainEqual(
        expect.objectContaining({params: {name: 'wait', second: true}}),
      )
    },
    throughGateway,
  ),
  scenario(
    'answers to what nobody asked are dropped on both sides',
    ['id:unknown-answer'],
    async ({open}) => {
      const client = await open({
        script: {
          on: {
            'tools/call': [
              {when: {name: 'odd'}, steps: [{raw: {jsonrpc: '2.0', id: 'nobody', result: {}}}]},
            ],
          },
        },
      })
      await client.send({id: 'nobody', result: {}})
      await client.send({id: 7, error: {code: 1, message: 'for nobody'}})
      expect(await client.call('odd')).toMatchObject({got: {name: 'odd'}})
      expect(await client.call('go')).toMatchObject({got: {name: 'go'}})
    },
  ),
]
