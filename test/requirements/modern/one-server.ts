import {randomUUID} from 'node:crypto'
import {expect} from 'vitest'
import type {JsonObject} from '../../../src/lib/base/json.ts'
import {META} from '../../../src/lib/gateway/wire/meta.ts'
import {Inbox} from '../../support/inbox.ts'
import {ask, pluck, post} from './client.ts'
import type {ModernScenario} from './scenario.ts'

const TASKS = {extensions: {'io.modelcontextprotocol/tasks': {}}}
const ELICITATION = {elicitation: {}}
const SIMPLE = {name: 'test_simple_text', arguments: {}}
const WATCHED = 'test://watched-resource'
const LISTS = ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list']
const REMOVED = [
  'ping',
  'logging/setLevel',
  'resources/subscribe',
  'tasks/list',
  'com.example/none',
]

/** What holds of one server of the modern era, with a gateway in front of it or without. */
export const oneServer: readonly ModernScenario[] = [
  {
    title: 'a client finds out what the server is, and calls it',
    verifies: ['modern:discover', 'modern:result', 'modern:id', 'modern:no-session'],
    async run({url}) {
      // Of a server that takes long to start, it is not said at first what it says of itself.
      await expect
        .poll(() => ask(url, 'server/discover'))
        .toMatchObject({
          resultType: 'complete',
          supportedVersions: expect.arrayContaining(['2026-07-28']),
          capabilities: {tools: {}, prompts: {}, resources: {}},
          instructions: 'Call any tool; all of them are for tests.',
        })
      const ids = [0, '0', 1.5, '', 'x'] as const
      const replies = await Promise.all(ids.map(id => post(url, 'tools/call', SIMPLE, {id})))
      for (const [nth, {answer, headers, status}] of replies.entries()) {
        expect(answer).toMatchObject({
          id: ids[nth],
          result: {resultType: 'complete', _meta: {[META.server]: expect.any(Object)}},
        })
        expect([status, headers.get('mcp-session-id')]).toEqual([200, null])
      }
      const headers = {'mcp-protocol-version': '2026-07-28'}
      for (const method of ['GET', 'DELETE']) {
        expect((await fetch(url, {method, headers})).status).toBe(405)
      }
    },
  },
  {
    title: 'headers must say what the body says',
    verifies: ['modern:header-mismatch', 'modern:param-header'],
    async run({url}) {
      const others = [
        {'mcp-method': 'tools/list'},
        {'mcp-method': ''},
        {'mcp-name': 'test_image_content'},
        {'mcp-name': ''},
        {'mcp-protocol-version': '2025-11-25'},
      ]
      for (const headers of others) {
        const {status, answer} = await post(url, 'tools/call', SIMPLE, {headers})
        expect([status, answer]).toMatchObject([400, {id: 1, error: {code: -32020}}])
      }
      await ask(url, 'tools/list')
      const params = {name: 'test_with_header', arguments: {region: 'eu', other: 'ü'}}
      const called = await ask(url, 'tools/call', params, {headers: {'mcp-param-region': 'eu'}})
      expect(called['content']).toMatchObject([{text: JSON.stringify(params.arguments)}])
      for (const region of ['us', '']) {
        const headers = {'mcp-param-region': region}
        const {status, answer} = await post(url, 'tools/call', params, {headers})
        expect([status, answer]).toMatchObject([400, {error: {code: -32020}}])
      }
    },
  },
  {
    title: 'what cannot be understood is refused',
    verifies: ['modern:version', 'modern:meta', 'modern:unknown-method'],
    async run({url}) {
      const headers = {'mcp-protocol-version': '2099-01-01'}
      const meta = {[META.version]: '2099-01-01'}
      const future = await post(url, 'tools/list', {}, {headers, meta})
      expect([future.status, future.answer]).toMatchObject([
        400,
        {
          error: {
            code: -32022,
            data: {requested: '2099-01-01', supported: expect.arrayContaining(['2026-07-28'])},
          },
        },
      ])
      const bare = await post(url, 'tools/list', {}, {wholeMeta: {[META.version]: '2026-07-28'}})
      expect([bare.status, bare.answer]).toMatchObject([400, {error: {code: -32602}}])
      for (const method of REMOVED) {
        const {status, answer} = await post(url, method)
        expect([method, status, answer]).toMatchObject([method, 404, {error: {code: -32601}}])
      }
    },
  },
  {
    title: 'what nobody has is refused',
    verifies: ['modern:unknown-resource'],
    async run({url}) {
      const {answer} = await post(url, 'resources/read', {uri: 'test://nowhere'})
      expect(answer).toMatchObject({error: {code: -32602}})
    },
  },
  {
    title: 'answers say how long they may be kept',
    verifies: ['modern:caching'],
    async run({url}) {
      const results = await Promise.all([
        ...[...LISTS, 'server/discover'].map(method => ask(url, method)),
        ask(url, 'resources/read', {uri: 'test://static-text'}),
      ])
      for (const result of results) {
        expect(result).toMatchObject({
          ttlMs: expect.any(Number),
          cacheScope: expect.stringMatching(/^(public|private)$/),
        })
      }
    },
  },
  {
    title: 'log messages come to those who name a level, from that level on',
    verifies: ['modern:no-log'],
    async run({url}) {
      const params = {name: 'test_logging_tool', arguments: {}}
      expect((await post(url, 'tools/call', params)).notices).toEqual([])
      const meta = {[META.logLevel]: 'warning'}
      const {notices} = await post(url, 'tools/call', params, {meta})
      expect(pluck([...notices], 'params')).toMatchObject([{level: 'warning'}, {level: 'error'}])
    },
  },
  {
    title: 'a client that leaves has cancelled',
    verifies: ['modern:cancel'],
    async run({url, stderr}) {
      const label = randomUUID()
      const leaving = new AbortController()
      const arrived = new Inbox<JsonObject>()
      const params = {name: 'test_wait', arguments: {label}}
      const meta = {progressToken: label}
      const call = post(url, 'tools/call', params, {signal: leaving.signal, meta}, arrived)
      await arrived.find(({method}) => method === 'notifications/progress')
      leaving.abort()
      await expect(call).rejects.toThrow('aborted')
      await stderr.find(line => line.includes(`${label} is cancelled`))
    },
  },
  {
    title: 'a server asks, and gets the answer',
    verifies: ['modern:ask', 'modern:state', 'modern:incapable'],
    async run({url}) {
      const params = {name: 'test_input_required_result_tampered_state', arguments: {}}
      const asked = await ask(url, 'tools/call', params, {capabilities: ELICITATION})
      const {inputRequests, requestState} = asked
      expect(asked).toMatchObject({resultType: 'input_required', requestState: expect.any(String)})
      const content = {ok: true}
      const answers = Object.keys(Object(inputRequests)).map(key => [
        key,
        {action: 'accept', content},
      ])
      const inputResponses = Object.fromEntries(answers)
      const retry = {...params, inputResponses, requestState: requestState ?? ''}
      const own = {capabilities: ELICITATION, id: 2}
      const done = await ask(url, 'tools/call', retry, own)
      expect(JSON.stringify(done)).toContain('state-ok')
      const forged = {
        ...retry,
        requestState: `${typeof requestState === 'string' ? requestState : ''}x`,
      }
      const refused = await post(url, 'tools/call', forged, {...own, id: 3})
      expect(refused.answer).toMatchObject({error: {code: -32602}})
      const incapable = await post(url, 'tools/call', params)
      expect([incapable.status, incapable.answer]).toMatchObject([
        400,
        {error: {code: -32021, data: {requiredCapabilities: {elicitation: {}}}}},
      ])
    },
  },
  {
    title: 'a client listens',
    verifies: ['modern:listen', 'modern:listen-only'],
    async run({url}) {
      const leaving = new AbortController()
      const {signal} = leaving
      const [text, number] = [new Inbox<JsonObject>(), new Inbox<JsonObject>()]
      const filter = {resourceSubscriptions: [WATCHED]}
      const lists = {toolsListChanged: true}
      const listens = [
        post(url, 'subscriptions/listen', {notifications: filter}, {id: '7', signal}, text),
        post(url, 'subscriptions/listen', {notifications: lists}, {id: 7, signal}, number),
      ]
      await Promise.all([text.find(() => true), number.find(() => true)])
      await ask(url, 'tools/call', {name: 'test_change_watched_resource', arguments: {}})
      const updated = await text.find(({method}) => method === 'notifications/resources/updated')
      expect(updated).toMatchObject({params: {uri: WATCHED, _meta: {[META.subscription]: '7'}}})
      for (const present of [true, false]) {
        const params = {name: 'test_trigger_tool_change', arguments: {present}}
        await ask(url, 'tools/call', params)
      }
      const method = 'notifications/tools/list_changed'
      const changed = await number.find(item => item['method'] === method)
      expect(changed).toMatchObject({params: {_meta: {[META.subscription]: 7}}})
      const acknowledged = 'notifications/subscriptions/acknowledged'
      expect(text.items.map(item => item['method'])).toEqual([acknowledged, updated['method']])
      expect([text.items[0], number.items[0]]).toMatchObject([
        {params: {notifications: filter, _meta: {[META.subscription]: '7'}}},
        {method: acknowledged, params: {notifications: lists, _meta: {[META.subscription]: 7}}},
      ])
      leaving.abort()
      await Promise.allSettled(listens)
    },
  },
  {
    title: 'a call becomes a task',
    verifies: ['modern:task'],
    async run({url}) {
      const params = {name: 'slow_compute', arguments: {seconds: 600, label: 'x'}}
      const made = await ask(url, 'tools/call', params, {capabilities: TASKS})
      expect(made).toMatchObject({resultType: 'task', status: 'working'})
      const taskId = made['taskId'] ?? ''
      const own = {capabilities: TASKS}
      expect(await ask(url, 'tasks/get', {taskId}, own)).toMatchObject({taskId, status: 'working'})
      await ask(url, 'tasks/cancel', {taskId}, own)
      expect(await ask(url, 'tasks/get', {taskId}, own)).toMatchObject({status: 'cancelled'})
    },
  },
  {
    title: 'skills are found and read',
    verifies: ['modern:skills'],
    async run({url}) {
      const {skills} = await ask(url, 'skills/list')
      const uri = 'skill://test-skill/SKILL.md'
      expect(skills).toMatchObject([{uri}])
      expect(await ask(url, 'skills/get', {uri})).toMatchObject({skill: {uri}})
      const directory = {uri: 'skill://test-skill/scripts'}
      const {resources} = await ask(url, 'resources/directory/read', directory)
      expect(pluck(resources, 'uri')).toEqual(['skill://test-skill/scripts/hello.sh'])
    },
  },
]
