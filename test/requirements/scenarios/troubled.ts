import {createHash, randomUUID} from 'node:crypto'
import {expect} from 'vitest'
import {scenario} from '../scenario.ts'
import {namesOf} from './several.ts'

/** What holds of a server `one` beside `slow`, which answers when it is told to, and `gone`, which is not there. */
export const troubledServers = [
  scenario(
    'servers that fail leave the lists of the others whole',
    ['many:failing'],
    async ({open}) => {
      const error = {code: -32603, message: 'no'}
      const lists: readonly (readonly [method: string, key: string])[] = [
        ['prompts/list', 'prompts'],
        ['resources/list', 'resources'],
        ['resources/templates/list', 'resourceTemplates'],
      ]
      const client = await open({
        scripts: {
          one: {
            on: Object.fromEntries(
              lists.map(([method, key]) => [
                method,
                [{result: {[key]: [{name: 'x', uri: 'x:1'}]}}],
              ]),
            ),
          },
          slow: {on: Object.fromEntries(lists.map(([method]) => [method, [{error}]]))},
        },
      })
      for (const [method, key] of lists) {
        expect(await client.ask(method)).toMatchObject({[key]: [{name: 'x'}]})
      }
    },
  ),
  scenario('what comes late is announced', ['many:silent'], async ({open}) => {
    // Of this test alone: what the server listed to other clients before is shown while it is silent.
    const test = createHash('sha256').update(expect.getState().currentTestName ?? '')
    const name = `late-${test.digest('hex').slice(0, 8)}`
    const result = {tools: [{name, inputSchema: {type: 'object'}}]}
    const client = await open({
      scripts: {
        one: {},
        slow: {
          on: {'tools/list': [{steps: [{until: 'notifications/lab/go'}], result}]},
          // A client like no other before it: of others, the gateway remembers what was listed.
          for: randomUUID(),
        },
      },
    })
    const first = await namesOf(client, 'tools/list', 'tools')
    expect(first).toEqual(expect.arrayContaining(['go', 'seen']))
    expect(first).not.toContain(name)
    await client.send({method: 'notifications/lab/go'})
    await client.notice('notifications/tools/list_changed')
    expect(await namesOf(client, 'tools/list', 'tools')).toEqual(['go', 'seen', name])
  }),
  scenario('initialize waits for nobody', ['many:initialize', 'many:silent'], async ({open}) => {
    const client = await open({scripts: {one: {}, slow: {hello: null}}})
    expect(client.hello).toMatchObject({serverInfo: {name: 'docker-mcp-gateway'}})
    const names = await namesOf(client, 'tools/list', 'tools')
    expect(names).toEqual(expect.arrayContaining(['go', 'seen']))
  }),
]
