import {expect} from 'vitest'
import type {JsonObject} from '../../../src/lib/base/json.ts'
import type {LabClient, LabHello} from '../../support/lab-client.ts'
import {scenario, throughGateway, type Party} from '../scenario.ts'

const CAPABILITIES = {
  sampling: {tools: {}, context: {}},
  elicitation: {form: {}, url: {}},
  roots: {listChanged: true},
}

/** A client whose tool `ask` makes this request of the client. */
const asker = (method: string, params?: JsonObject): LabHello => ({
  capabilities: CAPABILITIES,
  script: {
    on: {'tools/call': [{when: {name: 'ask'}, steps: [{ask: {method, ...(params && {params})}}]}]},
  },
})

/** Has the server ask, answers, and shows that both ends had everything. */
async function exchange(
  {open}: Party,
  asked: {readonly method: string; readonly params?: JsonObject},
  answer: JsonObject,
): Promise<LabClient> {
  const {method, params} = asked
  const client = await open(asker(method, params))
  const called = client.call('ask')
  const {id, message} = await client.asked(method)
  expect(message).toEqual({jsonrpc: '2.0', id, ...asked})
  await client.send({id, ...answer})
  const {answers} = await called
  expect(answers).toEqual([{jsonrpc: '2.0', id: expect.anything(), ...answer}])
  return client
}

const SAMPLING = {
  messages: [
    {
      role: 'user',
      content: [
        {type: 'text', text: 'hi', _meta: {a: 1}},
        {type: 'image', data: 'AA==', mimeType: 'image/png'},
      ],
    },
    {
      role: 'assistant',
      content: {type: 'tool_use', id: 't1', name: 'weather', input: {city: 'Köln'}},
    },
    {role: 'user', content: [{type: 'tool_result', toolUseId: 't1', content: [], isError: false}]},
  ],
  modelPreferences: {hints: [{name: 'fast'}], costPriority: 0, vendor: true},
  systemPrompt: '',
  includeContext: 'thisServer',
  temperature: 0,
  maxTokens: 5,
  stopSequences: [],
  metadata: {vendor: {x: [1]}},
  tools: [
    {
      name: 'weather',
      inputSchema: {type: 'object'},
      execution: {taskSupport: 'optional'},
      vendor: 1,
    },
  ],
  toolChoice: {mode: 'required', vendor: 2},
  future: {},
}

const SCHEMA = {
  type: 'object',
  properties: {
    name: {type: 'string', default: 'x', format: 'email'},
    color: {type: 'string', oneOf: [{const: 'r', title: 'Red'}]},
    many: {type: 'array', items: {type: 'string', enum: ['a']}, default: ['a']},
  },
  required: ['name'],
  vendor: true,
}

const URL_PARAMS = {
  mode: 'url',
  message: 'Sign in',
  url: 'https://example.com/a?b=c&d=%20#e',
  elicitationId: 'e-1',
  future: [1],
}

export const asking = [
  scenario(
    'sampling goes to the client and back, with tools and lists of content',
    ['sampling:params', 'sampling:answer'],
    async party => {
      const content = [
        {type: 'text', text: 'a', annotations: {priority: 0.5}},
        {type: 'tool_use', id: 't2', name: 'weather', input: {}, _meta: {b: 2}},
      ]
      const result = {role: 'assistant', model: 'm', stopReason: 'toolUse', content, future: null}
      await exchange(party, {method: 'sampling/createMessage', params: SAMPLING}, {result})
    },
  ),
  scenario(
    'a client that refuses is heard word for word',
    ['sampling:error', 'error:members'],
    async party => {
      const error = {code: -1, message: 'User rejected', data: {why: ['no', null]}, future: 1}
      await exchange(party, {method: 'sampling/createMessage', params: SAMPLING}, {error})
    },
  ),
  ...[
    {action: 'accept', content: {name: 'a@b.c', many: [], color: 'r'}, _meta: {a: 1}},
    {action: 'decline'},
    {action: 'cancel', future: {}},
  ].map(result =>
    scenario(`a form is answered with ${result.action}`, ['elicitation:form'], async party => {
      const params = {mode: 'form', message: 'Who?', requestedSchema: SCHEMA, future: 1}
      await exchange(party, {method: 'elicitation/create', params}, {result})
    }),
  ),
  scenario(
    'an elicitation with a URL and the notice of its completion arrive',
    ['elicitation:url', 'elicitation:complete'],
    async ({open}) => {
      const method = 'notifications/elicitation/complete'
      const client = await open({
        capabilities: CAPABILITIES,
        script: {
          on: {
            'tools/call': [
              {
                when: {name: 'ask'},
                steps: [{ask: {method: 'elicitation/create', params: URL_PARAMS}}],
              },
              {
                when: {name: 'later'},
                steps: [{alone: true, notify: {method, params: {elicitationId: 'e-1', future: 1}}}],
              },
            ],
          },
        },
      })
      const called = client.call('ask')
      const {id, message} = await client.asked('elicitation/create')
      expect(message).toMatchObject({params: URL_PARAMS})
      await client.send({id, result: {action: 'accept'}})
      expect(await called).toMatchObject({answers: [{result: {action: 'accept'}}]})
      await client.call('later')
      const {message: notice} = await client.notice(method)
      expect(notice['params']).toEqual({elicitationId: 'e-1', future: 1})
    },
  ),
  scenario(
    'the error that asks for a URL arrives with its elicitations',
    ['elicitation:required', 'error:verbatim'],
    async ({open}) => {
      const data = {elicitations: [URL_PARAMS, {...URL_PARAMS, elicitationId: 'e-2'}], future: {}}
      const error = {code: -32042, message: 'This needs a sign-in', data}
      const client = await open({
        capabilities: CAPABILITIES,
        script: {on: {'tools/call': [{when: {name: 'refuse'}, error}]}},
      })
      expect(await client.refusal('tools/call', {name: 'refuse'})).toEqual(error)
    },
  ),
  scenario('roots go to the server', ['roots:list'], async party => {
    const roots = [{uri: 'file:///a%20b', name: 'Ä', _meta: {a: 1}, future: 1}, {uri: 'file:///c'}]
    await exchange(party, {method: 'roots/list'}, {result: {roots, _meta: {b: 2}}})
  }),
  scenario('a change of the roots reaches the server', ['roots:changed'], async ({open}) => {
    const client = await open({capabilities: CAPABILITIES})
    await client.call('go')
    const method = 'notifications/roots/list_changed'
    await client.send({method, params: {_meta: {a: 1}}})
    expect(await client.seen(method)).toEqual([{jsonrpc: '2.0', method, params: {_meta: {a: 1}}}])
  }),
  scenario(
    'a server is refused what the client cannot do',
    ['client:incapable'],
    async ({open}) => {
      const methods = ['sampling/createMessage', 'elicitation/create', 'roots/list']
      const steps = methods.map(method => ({ask: {method, params: {}}}))
      const client = await open({script: {on: {'tools/call': [{when: {name: 'ask'}, steps}]}}})
      const {answers} = await client.call('ask')
      expect(answers).toMatchObject(methods.map(() => ({error: {code: -32601}})))
      for (const method of methods) expect(client.paramsOf(method)).toEqual([])
    },
    throughGateway,
  ),
  scenario('a server asks outside of every request', ['server:asks-alone'], async ({open}) => {
    const client = await open({
      capabilities: CAPABILITIES,
      script: {
        on: {
          'tools/call': [
            {
              when: {name: 'ask'},
              steps: [{alone: true, leave: true, ask: {id: 'a', method: 'roots/list'}}],
            },
          ],
        },
      },
    })
    await client.call('ask')
    const {id} = await client.asked('roots/list')
    await client.send({id, result: {roots: [{uri: 'file:///x'}]}})
    expect(await client.seen('answer')).toMatchObject([
      {id: 'a', result: {roots: [{uri: 'file:///x'}]}},
    ])
  }),
  scenario('pings are answered on both sides', ['ping:client', 'ping:server'], async ({open}) => {
    const client = await open({
      script: {
        on: {
          'tools/call': [
            {when: {name: 'ping'}, steps: [{ask: {id: 0, method: 'ping'}}]},
            {when: {name: 'wait'}, steps: [{until: 'notifications/lab/go'}]},
          ],
        },
      },
    })
    const slow = client.request({id: 'slow', method: 'tools/call', params: {name: 'wait'}})
    await client.seen('tools/call')
    expect(await client.request({id: 0, method: 'ping'})).toEqual({
      jsonrpc: '2.0',
      id: 0,
      result: {},
    })
    await client.send({method: 'notifications/lab/go'})
    await slow
    expect(await client.call('ping')).toMatchObject({answers: [{id: 0, result: {}}]})
  }),
]
