import {expect, vi} from 'vitest'
import {META} from '../../../src/lib/gateway/wire/meta.ts'
import type {JsonObject} from '../../../src/lib/base/json.ts'
import {Inbox} from '../../support/inbox.ts'
import {ask, pluck, post} from './client.ts'
import type {ModernScenario} from './scenario.ts'

const ELICITATION = {elicitation: {}}

/** What holds of the servers `one` (modern) and `two` (of either era), which are otherwise the same. */
export const severalServers: readonly ModernScenario[] = [
  {
    title: 'tools of both are called, with their headers',
    verifies: ['several:names', 'several:param-header', 'several:unknown-name', 'several:pages'],
    async run({url}) {
      const {tools} = await ask(url, 'tools/list')
      const names = ['test_with_header', 'two__test_with_header']
      expect(pluck(tools, 'name')).toEqual(expect.arrayContaining(names))
      for (const name of names) {
        const params = {name, arguments: {region: 'eu'}}
        const own = {headers: {'mcp-param-region': 'eu'}}
        const {content} = await ask(url, 'tools/call', params, own)
        expect(content).toMatchObject([{text: '{"region":"eu"}'}])
        const others = [{'mcp-param-region': 'us'}, {...own.headers, 'mcp-name': 'x'}]
        for (const headers of others) {
          const {status, answer} = await post(url, 'tools/call', params, {headers})
          expect([status, answer]).toMatchObject([400, {error: {code: -32020}}])
        }
      }
      const cursor = await post(url, 'tools/list', {cursor: 'nobody gave it'})
      expect(cursor.answer).toMatchObject({error: {code: -32602}})
      const near = await post(url, 'tools/call', {name: 'two__test_with_headers'})
      expect(near.answer).toMatchObject({
        error: {code: -32602, message: expect.stringContaining('two__test_with_header')},
      })
    },
  },
  {
    title: 'they are discovered as one',
    verifies: ['several:discover', 'several:caching'],
    async run({url}) {
      const discovered = await ask(url, 'server/discover')
      expect(discovered).toMatchObject({
        capabilities: {
          tools: {listChanged: true},
          extensions: {
            'io.modelcontextprotocol/tasks': {},
            'io.modelcontextprotocol/skills': {directoryRead: true},
          },
        },
        instructions: expect.stringMatching(/# Server one\n[^]*# Server two\n/),
        ttlMs: 0,
      })
    },
  },
  {
    title: 'resources of the same URI are read and listened for',
    verifies: ['several:same-uri', 'several:list-changed'],
    async run({url}) {
      const {resources} = await ask(url, 'resources/list')
      const uris = ['test://watched-resource', 'test://two~watched-resource']
      expect(pluck(resources, 'uri')).toEqual(expect.arrayContaining(uris))
      const leaving = new AbortController()
      const told = new Inbox<JsonObject>()
      const notifications = {resourceSubscriptions: uris, promptsListChanged: true}
      const own = {id: 'l', signal: leaving.signal}
      const listen = post(url, 'subscriptions/listen', {notifications}, own, told)
      const acknowledged = await told.find(() => true)
      expect(acknowledged).toMatchObject({params: {notifications}})
      const tools = ['test_change_watched_resource', 'two__test_change_watched_resource']
      for (const [nth, name] of tools.entries()) {
        const {content} = await ask(url, 'tools/call', {name, arguments: {}})
        const uri = uris[nth] ?? ''
        const method = 'notifications/resources/updated'
        expect(await told.find(item => item['method'] === method, nth)).toMatchObject({
          params: {uri, _meta: {[META.subscription]: 'l'}},
        })
        const {contents} = await ask(url, 'resources/read', {uri})
        expect(contents).toMatchObject([{uri, text: pluck(content, 'text')[0]}])
      }
      for (const [nth, prefix] of ['', 'two__'].entries()) {
        const params = {name: `${prefix}test_trigger_prompt_change`, arguments: {present: true}}
        await ask(url, 'tools/call', params)
        await told.find(({method}) => method === 'notifications/prompts/list_changed', nth)
        const {prompts} = await ask(url, 'prompts/list')
        expect(pluck(prompts, 'name')).toContain(`${prefix}test_extra_prompt`)
      }
      leaving.abort()
      await Promise.allSettled([listen])
    },
  },
  {
    title: 'each gets the answers to what it has asked',
    verifies: ['several:ask'],
    async run({url}) {
      const asked = [
        ['tools/call', {name: 'test_elicitation', arguments: {message: 'Who?'}}],
        ['tools/call', {name: 'two__test_elicitation', arguments: {message: 'Who?'}}],
        ['resources/read', {uri: 'test://asks-first'}],
        ['resources/read', {uri: 'test://two~asks-first'}],
      ] as const
      await ask(url, 'resources/list')
      const content = {username: 'otter', name: 'otter', email: 'otter@example.com'}
      for (const [method, params] of asked) {
        const own = {capabilities: ELICITATION}
        const {inputRequests, requestState} = await ask(url, method, params, own)
        const keys = Object.keys(Object(inputRequests))
        const inputResponses = Object.fromEntries(
          keys.map(key => [key, {action: 'accept', content}]),
        )
        const retry = {...params, inputResponses, ...(requestState !== undefined && {requestState})}
        const done = await ask(url, method, retry, {...own, id: 2})
        expect(JSON.stringify(done)).toContain('otter')
      }
    },
  },
  {
    title: 'log messages and tasks tell their servers',
    verifies: ['several:logger', 'several:task'],
    async run({url}) {
      for (const [server, prefix] of [
        ['one', ''],
        ['two', 'two__'],
      ] as const) {
        const meta = {[META.logLevel]: 'error'}
        const params = {name: `${prefix}test_logging_tool`, arguments: {}}
        const logger: unknown = expect.stringMatching(new RegExp(`^${server}(/|$)`))
        const logged = async () => {
          const {notices} = await post(url, 'tools/call', params, {meta})
          expect(pluck([...notices], 'params')).toMatchObject([{level: 'error', logger}])
        }
        // While the last call of a client that can do other things is not two seconds ago, there is no log over stdio.
        await vi.waitFor(logged, {timeout: 60_000, interval: 500})
      }
      const capabilities = {extensions: {'io.modelcontextprotocol/tasks': {}}}
      const params = {name: 'slow_compute', arguments: {seconds: 600, label: 'x'}}
      const {taskId = ''} = await ask(url, 'tools/call', params, {capabilities})
      expect(taskId).toMatch(/^one~/)
      await ask(url, 'tasks/cancel', {taskId}, {capabilities})
      const task = await ask(url, 'tasks/get', {taskId}, {capabilities})
      expect(task).toMatchObject({taskId, status: 'cancelled'})
    },
  },
]

/** What holds of two modern servers that are otherwise the same. */
export const twoModern: readonly ModernScenario[] = [
  {
    title: 'skills of both are found and read',
    verifies: ['several:skills'],
    async run({url}) {
      const uris = ['skill://test-skill/SKILL.md', 'skill://two~/test-skill/SKILL.md']
      const {skills} = await ask(url, 'skills/list')
      expect(pluck(skills, 'uri')).toEqual(uris)
      for (const uri of uris) {
        expect(await ask(url, 'skills/get', {uri})).toMatchObject({skill: {uri}})
        expect(await ask(url, 'resources/read', {uri})).toMatchObject({contents: [{uri}]})
        const scripts = uri.replace('SKILL.md', 'scripts')
        const inside = await ask(url, 'resources/directory/read', {uri: scripts})
        expect(pluck(inside['resources'], 'uri')).toEqual([`${scripts}/hello.sh`])
      }
    },
  },
]
