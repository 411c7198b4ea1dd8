import {expect} from 'vitest'
import {scenario} from '../scenario.ts'
import {from, namesOf, tool} from './several.ts'

/** The result of a list of tools with these names. */
const toolList = (...list: string[]) => ({
  tools: list.map(name => ({name, inputSchema: {type: 'object'}})),
})

/** How the tools and prompts of several servers are called. */
export const names = [
  scenario(
    'tools of the same name are told apart',
    ['many:names', 'many:only-names'],
    async ({open}) => {
      const same = {
        name: 'same',
        title: 'same',
        description: 'same',
        inputSchema: {type: 'object'},
        annotations: {title: 'same'},
        _meta: {name: 'same'},
        future: {name: 'same'},
      }
      const list = {'tools/list': [{result: {tools: [same]}}]}
      const client = await open({
        scripts: {
          one: {on: {...list, 'tools/call': [tool('same', {result: from('one')})]}},
          two: {on: {...list, 'tools/call': [tool('same', {result: from('two')})]}},
        },
      })
      expect(await client.ask('tools/list')).toEqual({tools: [same, {...same, name: 'two__same'}]})
      expect(await client.call('same')).toEqual(from('one'))
      expect(await client.call('two__same')).toEqual(from('two'))
    },
  ),
  scenario(
    'prompts of the same name are told apart',
    ['many:names', 'many:only-names'],
    async ({open}) => {
      const prompt = {name: 'p', title: 'p', arguments: [{name: 'p'}], future: 'p'}
      const script = (server: string) => ({
        on: {
          'prompts/list': [{result: {prompts: [prompt]}}],
          'prompts/get': [{when: {name: 'p'}, result: {messages: [], from: server}}],
        },
      })
      const client = await open({scripts: {one: script('one'), two: script('two')}})
      expect(await client.ask('prompts/list')).toEqual({
        prompts: [prompt, {...prompt, name: 'two__p'}],
      })
      expect(await client.ask('prompts/get', {name: 'p'})).toMatchObject({from: 'one'})
      expect(await client.ask('prompts/get', {name: 'two__p'})).toMatchObject({from: 'two'})
    },
  ),
  scenario('names are what model APIs take', ['many:valid-names'], async ({open}) => {
    const odd = ['a.b/c', 'a_b_c', 'ä ö', 'x'.repeat(65), `${'x'.repeat(64)}y`, 'plain']
    const script = (server: string) => ({
      on: {'tools/call': odd.map(name => tool(name, {result: {...from(server), name}}))},
    })
    const client = await open({scripts: {one: script('one'), two: script('two')}})
    const shown = await namesOf(client, 'tools/list', 'tools')
    expect(new Set(shown).size).toBe(shown.length)
    for (const name of shown) expect(name).toMatch(/^[a-zA-Z0-9_-]{1,64}$/)
    const reached = new Set<string>()
    for (const name of shown) {
      const answer = await client.call(name, {method: 'initialize', times: 1})
      reached.add(`${JSON.stringify(answer['from'])} ${JSON.stringify(answer['name'])}`)
    }
    for (const server of ['one', 'two']) {
      for (const name of odd) expect(reached).toContain(`"${server}" ${JSON.stringify(name)}`)
    }
  }),
  scenario('a name that was shown keeps its owner', ['many:stable-names'], async ({open}) => {
    const method = 'notifications/tools/list_changed'
    const client = await open({
      scripts: {
        one: {
          on: {
            'tools/list': [
              {times: 1, result: toolList('change')},
              {result: toolList('change', 'own')},
            ],
            'tools/call': [
              tool('change', {steps: [{alone: true, notify: {method}}]}),
              tool('own', {result: from('one')}),
            ],
          },
        },
        two: {
          on: {
            'tools/list': [{result: toolList('own')}],
            'tools/call': [tool('own', {result: from('two')})],
          },
        },
      },
    })
    expect(await namesOf(client, 'tools/list', 'tools')).toEqual(['change', 'own'])
    await client.call('change')
    await client.notice(method)
    expect(await namesOf(client, 'tools/list', 'tools')).toEqual(['change', 'one__own', 'own'])
    expect(await client.call('own')).toEqual(from('two'))
    expect(await client.call('one__own')).toEqual(from('one'))
  }),
]
