import {expect} from 'vitest'
import type {Json, JsonObject} from '../../../src/lib/base/json.ts'
import {httpWire, overHttp, scenario} from '../scenario.ts'

/** Deeper than any tool needs, and less than what the gateway refuses. */
const LEVELS = 400

const NUMBERS = [
  0,
  -1,
  0.1,
  0.5,
  1e21,
  -1e-7,
  Number.MAX_SAFE_INTEGER,
  2 ** 53,
  Number.MIN_VALUE,
  Number.MAX_VALUE,
]
const TEXTS = [
  '',
  ' ',
  'Grüße, 世界',
  '👩‍🚀 e\u0301 \u200f',
  '\u2028\u2029\u0000\u0007\\"/\n\r\t',
  '\ud800 alone',
  '{"jsonrpc":"2.0"}\n',
]
const VALUES: Json = {a: null, b: false, c: 0, d: '', e: [], f: {}, g: [null, [], {}]}

/** What a call's arguments are on the way back, the same in the result. */
async function thereAndBack(
  open: () => Promise<{call(name: string, args: JsonObject): Promise<JsonObject>}>,
  value: Json,
): Promise<void> {
  const client = await open()
  const result = await client.call('go', {value})
  expect(JSON.stringify(result['got'])).toBe(JSON.stringify({name: 'go', arguments: {value}}))
}

export const messages = [
  scenario('numbers go there and back', ['message:numbers'], ({open}) =>
    thereAndBack(open, NUMBERS),
  ),
  scenario('text goes there and back', ['message:text'], ({open}) => thereAndBack(open, TEXTS)),
  scenario('empty values go there and back', ['message:values'], ({open}) =>
    thereAndBack(open, VALUES),
  ),
  scenario('members with names of JavaScript go there and back', ['message:names'], ({open}) =>
    thereAndBack(open, JSON.parse('{"__proto__": {"a": 1}, "constructor": 2, "toString": null}')),
  ),
  scenario('two megabytes go there and back', ['message:large'], ({open}) =>
    thereAndBack(open, 'ä'.repeat(1_000_000)),
  ),
  scenario('deeply nested values go there and back', ['message:deep'], ({open}) => {
    const text = '['.repeat(LEVELS) + ']'.repeat(LEVELS)
    return thereAndBack(open, JSON.parse(text))
  }),
  scenario(
    'members that no schema knows go there and back',
    ['message:unknown-members'],
    async ({open}) => {
      const more = {future: {a: [1, null]}, trace: 'x'}
      const _meta = {traceparent: '00-1-2-01', 'vendor.example/x': {deep: [true]}}
      const client = await open({
        script: {
          on: {
            'tools/call': [
              {
                when: {name: 'strange'},
                steps: [
                  {
                    notify: {
                      method: 'notifications/message',
                      params: {level: 'info', data: 1, _meta, more},
                      ...more,
                    },
                  },
                  {ask: {method: 'roots/list', params: {_meta, more}, ...more}},
                ],
              },
              {when: {name: 'answer'}, result: {content: [], _meta, ...more}, more},
            ],
          },
        },
        capabilities: {roots: {}},
      })
      const params = {name: 'strange', arguments: {}, _meta, more}
      const called = client.request({id: 'a', method: 'tools/call', params, ...more})
      const {message, id} = await client.asked('roots/list')
      expect(message).toEqual({
        jsonrpc: '2.0',
        id,
        method: 'roots/list',
        params: {_meta, more},
        ...more,
      })
      const answer = {result: {roots: [], _meta, ...more}, ...more}
      await client.send({id, ...answer})
      const {result} = await called
      expect(result).toMatchObject({
        got: params,
        members: more,
        answers: [{jsonrpc: '2.0', ...answer}],
      })
      expect((await client.notice('notifications/message')).message).toEqual({
        jsonrpc: '2.0',
        method: 'notifications/message',
        params: {level: 'info', data: 1, _meta, more},
        ...more,
      })
      const given = await client.request({id: 'b', method: 'tools/call', params: {name: 'answer'}})
      expect(given).toEqual({
        jsonrpc: '2.0',
        id: 'b',
        result: {content: [], _meta, ...more},
        ...more,
      })
    },
  ),
  scenario(
    'what is no message is refused, and the session goes on',
    ['message:refused'],
    async ({open}) => {
      const client = await open()
      for (const [body, code] of [
        ['{"jsonrpc": "2.0", "id": 1, "method": ', -32700],
        ['{"id": 1, "method": "tools/list"}', -32600],
        ['"text"', -32600],
      ] as const) {
        const answer = await httpWire(client).fetch('POST', {body})
        expect(answer.status).toBe(400)
        expect(await answer.json()).toMatchObject({jsonrpc: '2.0', error: {code}})
      }
      expect(await client.call('go')).toMatchObject({got: {name: 'go'}})
    },
    overHttp,
  ),
]
