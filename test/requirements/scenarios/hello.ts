import {expect} from 'vitest'
import {httpWire, overHttp, scenario} from '../scenario.ts'

const VERSIONS = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25']

export const hellos = [
  scenario(
    'the server meets the client itself',
    ['hello:client', 'hello:initialized'],
    async ({open}) => {
      const clientInfo = {
        name: 'Ä',
        title: 'An editor',
        version: '0',
        icons: [{src: 'data:,x', sizes: ['any'], theme: 'dark'}],
        websiteUrl: 'https://example.com',
        future: 1,
      }
      const capabilities = {
        roots: {listChanged: false},
        sampling: {tools: {}, context: {}},
        elicitation: {form: {}, url: {}},
        tasks: {requests: {sampling: {createMessage: {}}}},
        extensions: {'io.modelcontextprotocol/ui': {mimeTypes: ['text/html;profile=mcp-app']}},
        experimental: {vendor: {deep: [1]}},
        future: {a: null},
      }
      const params = {clientInfo, _meta: {trace: 1}, future: {b: [0]}}
      const client = await open({capabilities, params})
      await client.call('go')
      const [hello] = await client.seen('initialize')
      const {experimental} = Object(hello?.['params']).capabilities
      expect(hello).toMatchObject({
        params: {
          ...params,
          protocolVersion: '2025-11-25',
          capabilities: {...capabilities, experimental},
        },
      })
      expect(experimental).toMatchObject(capabilities.experimental)
      expect(await client.seen('notifications/initialized')).toHaveLength(1)
    },
  ),
  scenario(
    'the client learns what the server can do and has to say',
    ['hello:capabilities', 'hello:instructions'],
    async ({open}) => {
      const capabilities = {
        tools: {listChanged: true},
        prompts: {listChanged: true},
        resources: {listChanged: true, subscribe: false},
        logging: {},
        extensions: {'vendor.example/ext': {a: [1]}},
        experimental: {vendor: {b: {c: null}}},
        tasks: {list: {}, cancel: {}, requests: {tools: {call: {}}}},
        future: {d: 1},
      }
      const hello = {capabilities, instructions: '# How to\n\nUse `go` — «first».\n'}
      const first = await open({script: {hello}})
      await first.call('go')
      const {hello: answer} = await open({script: {hello}})
      expect(answer['capabilities']).toEqual(capabilities)
      expect(answer['instructions']).toBe(hello.instructions)
    },
  ),
  ...VERSIONS.map(protocolVersion =>
    scenario(`${protocolVersion} is agreed on`, ['version:each'], async ({open}) => {
      const client = await open({params: {protocolVersion}})
      expect(client.hello).toMatchObject({protocolVersion})
      expect(await client.call('go')).toMatchObject({got: {name: 'go'}})
      expect(await client.seen('initialize')).toMatchObject([{params: {protocolVersion}}])
    }),
  ),
  scenario(
    'an unknown version is answered with the newest',
    ['version:unknown'],
    async ({open}) => {
      for (const protocolVersion of ['2019-01-01', '3000-01-01', '', 'x']) {
        const client = await open({params: {protocolVersion}})
        expect(client.hello).toMatchObject({protocolVersion: '2025-11-25'})
      }
    },
  ),
  scenario(
    'an unknown version header is refused',
    ['version:header'],
    async ({open}) => {
      const client = await open()
      const {status, body} = await httpWire(client).fetch('POST', {
        body: JSON.stringify({jsonrpc: '2.0', id: 1, method: 'tools/list'}),
        more: {'mcp-protocol-version': '1999-01-01'},
      })
      await body?.cancel()
      expect(status).toBe(400)
      expect(await client.call('go')).toMatchObject({got: {name: 'go'}})
    },
    overHttp,
  ),
  scenario('a server of an older version serves', ['version:older-server'], async ({open}) => {
    const client = await open({script: {hello: {protocolVersion: '2024-11-05'}}})
    expect(await client.call('go')).toMatchObject({got: {name: 'go'}})
  }),
]

export const sessions = [
  scenario(
    'equal ids and tokens of two sessions are told apart',
    ['session:apart'],
    async ({open, who}) => {
      const say = (method: string, params: object) => ({notify: {method, params: {...params, who}}})
      const client = await open({
        capabilities: {roots: {}},
        script: {
          on: {
            'tools/call': [
              {
                when: {name: 'talk'},
                steps: [
                  {until: 'notifications/lab/go'},
                  say('notifications/progress', {progressToken: '$token', progress: 1}),
                  say('notifications/message', {level: 'info', data: 1}),
                  {ask: {id: 1, method: 'roots/list', params: {who}}},
                ],
              },
            ],
          },
        },
      })
      const params = {name: 'talk', arguments: {who}, _meta: {progressToken: 0}}
      const called = client.request({id: 0, method: 'tools/call', params})
      await client.seen('tools/call')
      await client.send({method: 'notifications/lab/go'})
      const {id, message} = await client.asked('roots/list')
      expect(message).toMatchObject({params: {who}})
      await client.send({id, result: {roots: [], who}})
      expect(await called).toMatchObject({
        id: 0,
        result: {got: {arguments: {who}}, answers: [{id: 1, result: {who}}]},
      })
      expect(client.paramsOf('notifications/progress')).toEqual([
        {progressToken: 0, progress: 1, who},
      ])
      expect(client.paramsOf('notifications/message')).toEqual([{level: 'info', data: 1, who}])
    },
  ),
  scenario(
    'what one session cancels goes on in another',
    ['session:own-cancel'],
    async ({open}) => {
      const script = {
        on: {'tools/call': [{when: {name: 'wait'}, steps: [{until: 'notifications/lab/go'}]}]},
      }
      const [mine, other] = [await open({script}), await open({script})]
      const wait = {id: 'same', method: 'tools/call', params: {name: 'wait'}}
      const going = other.request(wait)
      await mine.send(wait)
      await Promise.all([mine.seen('tools/call'), other.seen('tools/call')])
      await mine.send({method: 'notifications/cancelled', params: {requestId: 'same'}})
      await mine.seen('notifications/cancelled')
      await other.send({method: 'notifications/lab/go'})
      expect(await going).toMatchObject({id: 'same', result: {got: {name: 'wait'}}})
    },
  ),
  scenario(
    'updates and log levels are those of the own session',
    ['session:own-subscriptions', 'logging:own-level'],
    async ({open}) => {
      const method = 'notifications/resources/updated'
      const script = {
        on: {
          'resources/list': [{result: {resources: [{uri: 'x:1', name: 'x'}]}}],
          'resources/subscribe': [{result: {}}],
          'logging/setLevel': [{result: {}}],
          'tools/call': [
            {
              when: {name: 'update'},
              steps: [{alone: true as const, notify: {method, params: {uri: 'x:1'}}}],
            },
          ],
        },
      }
      const [mine, other] = [await open({script}), await open({script})]
      await mine.ask('resources/subscribe', {uri: 'x:1'})
      await mine.ask('logging/setLevel', {level: 'error'})
      await other.ask('logging/setLevel', {level: 'debug'})
      await mine.call('update')
      await mine.notice(method)
      await other.call('go')
      expect(other.paramsOf(method)).toEqual([])
      expect(await mine.seen('logging/setLevel')).toMatchObject([{params: {level: 'error'}}])
      expect(await other.seen('logging/setLevel')).toMatchObject([{params: {level: 'debug'}}])
    },
  ),
  scenario(
    'a session that was ended is not found, and one that nobody has neither',
    ['session:end', 'session:id'],
    async ({open}) => {
      const client = await open()
      await client.call('go')
      const wire = httpWire(client)
      const status = async (id: string | undefined) => {
        const headers = {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
        }
        const answer = await fetch(wire.url, {
          method: 'POST',
          headers: {...headers, ...(id !== undefined && {'mcp-session-id': id})},
          body: JSON.stringify({jsonrpc: '2.0', id: 1, method: 'tools/list'}),
        })
        await answer.body?.cancel()
        return answer.status
      }
      expect(await status(wire.session)).toBe(200)
      await client[Symbol.asyncDispose]()
      expect(await status(wire.session)).toBe(404)
      expect(await status('nobody')).toBe(404)
      expect(await status(undefined)).toBe(400)
    },
    overHttp,
  ),
]
