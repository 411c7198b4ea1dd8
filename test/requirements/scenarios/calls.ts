import {expect} from 'vitest'
import type {JsonObject} from '../../../src/lib/base/json.ts'
import {scenario} from '../scenario.ts'

const ANNOTATIONS = {audience: ['user', 'assistant'], priority: 0, future: 1}
const CONTENT = [
  {type: 'text', text: '', annotations: ANNOTATIONS, _meta: {a: 1}},
  {type: 'image', data: 'iVBORw0KGgo=', mimeType: 'image/png', future: 1},
  {type: 'audio', data: 'not base64 !', mimeType: 'audio/wav'},
  {
    type: 'resource_link',
    uri: 'ui://x/ä?b#c',
    name: 'x',
    title: 'X',
    size: 0,
    icons: [{src: 'data:,', future: 1}],
    annotations: ANNOTATIONS,
    future: 1,
  },
  {
    type: 'resource',
    resource: {uri: 'file:///a', text: '', annotations: ANNOTATIONS, _meta: {a: 1}, future: 1},
    future: 1,
  },
  {type: 'resource', resource: {uri: 'file:///b', blob: 'AA==', mimeType: 'a/b'}},
  {type: 'hologram', light: [1, null]},
]

/** What comes back for each of these as the result of a call. */
const RESULTS: readonly (readonly [
  id: 'tools:content' | 'tools:structured' | 'tools:is-error',
  JsonObject,
])[] = [
  ['tools:content', {content: CONTENT, _meta: {a: 1}}],
  ['tools:structured', {content: [], structuredContent: {a: [{b: null}]}, future: 1}],
  ['tools:structured', {content: [], structuredContent: [1, 'two']}],
  ['tools:is-error', {content: [{type: 'text', text: 'no'}], isError: true, structuredContent: {}}],
]

const ERRORS = [
  {code: -32602, message: 'Bad «params»', data: {deep: [null, {a: 1}]}},
  {code: -32603, message: ''},
  {code: -32002, message: 'Resource not found', data: {uri: 'x:1'}},
  {code: 1, message: 'plain', data: 'text'},
  {code: 0, message: 'zero', data: 0},
  {code: -32601, message: 'no such method here', data: [false]},
]

/** Requests whose errors are the server's. */
const REFUSED: readonly (readonly [method: string, params: JsonObject])[] = [
  ['tools/call', {name: 'refuse'}],
  ['prompts/get', {name: 'refuse'}],
  ['resources/read', {uri: 'x:refuse'}],
  ['resources/subscribe', {uri: 'x:refuse'}],
  [
    'completion/complete',
    {ref: {type: 'ref/prompt', name: 'refuse'}, argument: {name: 'a', value: ''}},
  ],
  ['vendor/refuse', {}],
]

export const calls = [
  scenario('arguments arrive as they are, or not at all', ['tools:arguments'], async ({open}) => {
    const client = await open()
    for (const args of [{}, {a: null, b: [0, {}], 'c d': '', name: 'other', uri: 'x'}]) {
      expect(await client.ask('tools/call', {name: 'go', arguments: args})).toMatchObject({
        got: {name: 'go', arguments: args},
      })
    }
    expect((await client.ask('tools/call', {name: 'go'}))['got']).toEqual({name: 'go'})
  }),
  ...RESULTS.map(([id, result], index) =>
    scenario(`the result ${index + 1} of a tool arrives as it is`, [id], async ({open}) => {
      const client = await open({script: {on: {'tools/call': [{when: {name: 'give'}, result}]}}})
      expect(await client.call('give')).toEqual(result)
    }),
  ),
  scenario('a prompt is given', ['prompts:get'], async ({open}) => {
    const result = {
      description: 'd',
      messages: [
        {role: 'user', content: {type: 'text', text: 'ä'}},
        ...CONTENT.map(content => ({role: 'assistant', content, future: 1})),
      ],
      _meta: {a: 1},
      future: 1,
    }
    const client = await open({
      script: {
        on: {'prompts/get': [{when: {name: 'p', arguments: {no: '1'}}, result}]},
      },
    })
    const params = {name: 'p', arguments: {a: '', b: 'ü'}, _meta: {b: 1}, future: 1}
    expect(await client.ask('prompts/get', params)).toMatchObject({got: params})
    expect(await client.ask('prompts/get', {name: 'p', arguments: {no: '1'}})).toEqual(result)
  }),
  scenario('resources are read by any URI', ['resources:read'], async ({open}) => {
    const uris = ['x:listed', 't://a/b?c=d', 'ui://mentioned/x#y', 'file:///ä%20b', 'urn:x', 'odd']
    const contents = [
      {uri: 'x:other', text: '', mimeType: 'text/plain', _meta: {a: 1}, annotations: ANNOTATIONS},
      {uri: 'x:other/2', blob: 'AA==', future: 1},
    ]
    const client = await open({
      script: {
        on: {
          'resources/list': [{result: {resources: [{uri: 'x:listed', name: 'x'}]}}],
          'resources/templates/list': [
            {result: {resourceTemplates: [{uriTemplate: 't://{+path}{?c}', name: 't'}]}},
          ],
          'resources/read': uris.map(uri => ({when: {uri}, result: {contents, about: uri}})),
        },
      },
    })
    for (const uri of uris) {
      expect(await client.ask('resources/read', {uri})).toEqual({contents, about: uri})
    }
  }),
  scenario(
    'subscriptions go to the server, updates to the client',
    ['resources:subscribe'],
    async ({open}) => {
      const uri = 'x://ä/b?c'
      const method = 'notifications/resources/updated'
      const update = {method, params: {uri, title: 'X', _meta: {a: 1}, future: 1}}
      const client = await open({
        script: {
          on: {
            'resources/list': [{result: {resources: [{uri, name: 'x'}]}}],
            'resources/subscribe': [{result: {_meta: {a: 1}}}],
            'resources/unsubscribe': [{result: {}}],
            'tools/call': [{when: {name: 'update'}, steps: [{alone: true, notify: update}]}],
          },
        },
      })
      const params = {uri, _meta: {b: 1}, future: 1}
      expect(await client.ask('resources/subscribe', params)).toEqual({_meta: {a: 1}})
      expect(await client.seen('resources/subscribe')).toMatchObject([{params}])
      await client.call('update')
      expect((await client.notice(method)).message).toEqual({jsonrpc: '2.0', ...update})
      expect(await client.ask('resources/unsubscribe', params)).toEqual({})
      expect(await client.seen('resources/unsubscribe')).toMatchObject([{params}])
    },
  ),
  ...(
    [
      ['completion:prompt', {type: 'ref/prompt', name: 'p', title: 'P', future: 1}],
      ['completion:resource', {type: 'ref/resource', uri: 'x:{id}', future: 1}],
    ] as const
  ).map(([id, ref]) =>
    scenario(`${ref.type} is completed`, [id], async ({open}) => {
      const completion = {values: ['a', ''], total: 100, hasMore: true, future: 1}
      const client = await open({
        script: {
          on: {
            'prompts/list': [{result: {prompts: [{name: 'p'}]}}],
            'resources/templates/list': [
              {result: {resourceTemplates: [{uriTemplate: 'x:{id}', name: 'x'}]}},
            ],
            'completion/complete': [{result: {completion, _meta: {a: 1}}}],
          },
        },
      })
      const params = {
        ref,
        argument: {name: 'id', value: '', future: 1},
        context: {arguments: {other: 'ä'}, future: 1},
        _meta: {b: 1},
        future: 1,
      }
      expect(await client.ask('completion/complete', params)).toEqual({completion, _meta: {a: 1}})
      expect(await client.seen('completion/complete')).toMatchObject([{params}])
    }),
  ),
  scenario('logs of any kind arrive', ['logging:message'], async ({open}) => {
    const said = [
      {level: 'debug', data: null},
      {level: 'emergency', logger: '', data: ['a', {b: 1}], _meta: {a: 1}},
      {level: 'notice', logger: 'db/query', data: 'ä\n', future: 1},
    ]
    const steps = said.map(params => ({notify: {method: 'notifications/message', params}}))
    const client = await open({script: {on: {'tools/call': [{when: {name: 'log'}, steps}]}}})
    await client.call('log')
    expect(client.paramsOf('notifications/message')).toEqual(said)
  }),
  scenario('log levels reach the server', ['logging:level'], async ({open}) => {
    const client = await open({script: {on: {'logging/setLevel': [{result: {}}]}}})
    await client.call('go')
    const levels = ['error', 'debug', 'error'].map(level => ({level, future: 1}))
    for (const params of levels) expect(await client.ask('logging/setLevel', params)).toEqual({})
    expect(await client.seen('logging/setLevel', 3)).toMatchObject(levels.map(params => ({params})))
  }),
  scenario('errors arrive as they are, whatever was asked', ['error:verbatim'], async ({open}) => {
    for (const error of ERRORS) {
      const client = await open({
        script: {
          on: {
            'prompts/list': [{result: {prompts: [{name: 'refuse'}]}}],
            'resources/list': [{result: {resources: [{uri: 'x:refuse', name: 'x'}]}}],
            ...Object.fromEntries(REFUSED.map(([method, when]) => [method, [{when, error}]])),
          },
        },
      })
      for (const [method, params] of REFUSED) {
        expect(await client.refusal(method, params)).toEqual(error)
      }
      await client[Symbol.asyncDispose]()
    }
  }),
  scenario('errors keep members that no schema knows', ['error:members'], async ({open}) => {
    const error = {code: -32000, message: 'x', future: {a: [1]}}
    const client = await open({script: {on: {'tools/call': [{when: {name: 'refuse'}, error}]}}})
    expect(await client.refusal('tools/call', {name: 'refuse'})).toEqual(error)
  }),
]
