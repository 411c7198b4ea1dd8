import {expect} from 'vitest'
import type {JsonObject} from '../../../src/lib/base/json.ts'
import type {LabAnswer, LabStep} from '../../support/lab-client.ts'
import {scenario} from '../scenario.ts'
import {namesOf, SEEN_BY_TWO, tool} from './several.ts'

/** One page of prompts. */
const page = (server: string, cursor: string | null, nextCursor?: string): LabAnswer => ({
  when: {cursor},
  result: {
    prompts: [{name: `${server}-${cursor ?? 'first'}`}],
    ...(nextCursor !== undefined && {nextCursor}),
  },
})

/** Writes a log message. */
const log = (params: JsonObject): LabStep => ({
  notify: {method: 'notifications/message', params: {level: 'info', data: 1, ...params}},
})

/** What several servers say as one. */
export const together = [
  scenario(
    'capabilities and instructions are those of all servers',
    ['many:capabilities', 'many:instructions'],
    async ({open}) => {
      const scripts = {
        one: {
          hello: {
            capabilities: {tools: {}, logging: {}, experimental: {'one.example/x': {a: 1}}},
            instructions: 'First do `one`.',
          },
        },
        two: {
          hello: {
            capabilities: {tools: {}, prompts: {}, extensions: {'two.example/x': {b: [2]}}},
            instructions: 'Then do `two`.',
          },
        },
      }
      const first = await open({scripts})
      await first.ask('tools/list')
      const {hello: answer} = await open({scripts})
      expect(answer['capabilities']).toEqual({
        tools: {listChanged: true},
        prompts: {listChanged: true},
        resources: {listChanged: true},
        logging: {},
        experimental: {'one.example/x': {a: 1}},
        extensions: {'two.example/x': {b: [2]}},
      })
      expect(answer['instructions']).toMatch(
        /\bone\b[^]*First do `one`\.[^]*\btwo\b[^]*Then do `two`\./,
      )
    },
  ),
  scenario('lists hold all pages of all servers', ['many:pages'], async ({open}) => {
    const client = await open({
      scripts: {
        one: {
          on: {'prompts/list': [page('one', null, 'b'), page('one', 'b', ''), page('one', '')]},
        },
        two: {
          on: {'prompts/list': [page('two', null, ''), page('two', '', 'c'), page('two', 'c')]},
        },
      },
    })
    expect(await namesOf(client, 'prompts/list', 'prompts')).toEqual([
      'one-first',
      'one-b',
      'one-',
      'two-first',
      'two-',
      'two-c',
    ])
  }),
  scenario('a log message tells its server', ['many:logger'], async ({open}) => {
    const steps = [log({}), log({logger: 'db/x', future: 1})]
    const script = {on: {'tools/call': [tool('log', {steps})]}}
    const client = await open({scripts: {one: script, two: script}})
    await client.call('log')
    await client.call('two__log')
    expect(client.paramsOf('notifications/message')).toEqual([
      {level: 'info', data: 1, logger: 'one'},
      {level: 'info', data: 1, logger: 'one/db/x', future: 1},
      {level: 'info', data: 1, logger: 'two'},
      {level: 'info', data: 1, logger: 'two/db/x', future: 1},
    ])
  }),
  scenario(
    'levels and notifications reach every server',
    ['many:level', 'many:notifications'],
    async ({open}) => {
      const client = await open({capabilities: {roots: {listChanged: true}}})
      await client.ask('logging/setLevel', {level: 'debug'})
      await client.ask('tools/list')
      for (const seen of ['seen', SEEN_BY_TWO]) await client.seen('logging/setLevel', 1, seen)
      await client.ask('logging/setLevel', {level: 'error'})
      const methods = ['notifications/roots/list_changed', 'notifications/vendor/news']
      for (const method of methods) await client.send({method, params: {a: 1}})
      for (const seen of ['seen', SEEN_BY_TWO]) {
        expect(await client.seen('logging/setLevel', 2, seen)).toMatchObject([
          {params: {level: 'debug'}},
          {params: {level: 'error'}},
        ])
        for (const method of methods) {
          expect(await client.seen(method, 1, seen)).toMatchObject([{method, params: {a: 1}}])
        }
      }
    },
  ),
  scenario(
    'changes in quick succession are announced once',
    ['many:list-changed'],
    async ({open}) => {
      const kinds = ['tools', 'prompts', 'resources'].map(
        kind => `notifications/${kind}/list_changed`,
      )
      const steps = [...kinds, ...kinds, ...kinds].map(
        method => ({alone: true, notify: {method}}) as const,
      )
      const script = {on: {'tools/call': [tool('change', {steps})]}}
      const client = await open({scripts: {one: script, two: script}})
      await client.ask('tools/list')
      await client.call('change')
      for (const method of kinds) await client.notice(method)
      await client.call('go')
      await client.call('two__go')
      for (const method of kinds) expect(client.paramsOf(method)).toHaveLength(1)
    },
  ),
]
