import {expect} from 'vitest'
import type {JsonObject} from '../../../src/lib/base/json.ts'
import type {LabAnswer, LabClient} from '../../support/lab-client.ts'
import {scenario, throughGateway} from '../scenario.ts'

const ICONS = [
  {
    src: 'data:image/png;base64,AA==',
    mimeType: 'image/png',
    sizes: ['48x48'],
    theme: 'light',
    future: 1,
  },
]
const ANNOTATIONS = {
  audience: ['user'],
  priority: 0.5,
  lastModified: '2025-01-01T00:00:00Z',
  future: 1,
}

const TOOLS = [
  {
    name: 'zulu.tool/x',
    title: 'Zulu ✨',
    description: '',
    inputSchema: {
      type: 'object',
      $schema: 'x',
      properties: {a: {$ref: '#/$defs/a'}},
      $defs: {a: {}},
      future: 1,
    },
    outputSchema: {type: 'object', properties: {}},
    annotations: {title: 't', readOnlyHint: false, destructiveHint: true, future: {a: 1}},
    icons: ICONS,
    execution: {taskSupport: 'optional', future: 1},
    _meta: {ui: {resourceUri: 'ui://x/y', visibility: ['model']}, 'ui/resourceUri': 'ui://x/y'},
    future: [null],
  },
  {name: 'alpha', inputSchema: {type: 'object'}},
  {name: 'Ünïcödé tool', inputSchema: {type: 'object'}},
  {name: '_'.repeat(128), inputSchema: {type: 'object'}},
]
const PROMPTS = [
  {
    name: 'p.q',
    title: 'P',
    description: 'd',
    arguments: [{name: 'a', title: 'A', required: false, future: 1}],
    icons: ICONS,
    _meta: {a: 1},
    future: {},
  },
  {name: 'a'},
]
const RESOURCES = [
  {
    uri: 'x://ä?b#c',
    name: 'x',
    title: 'X',
    mimeType: 'a/b',
    size: 0,
    annotations: ANNOTATIONS,
    icons: ICONS,
    _meta: {a: 1},
    future: 1,
  },
  {uri: 'ui://app', name: 'app'},
]
const TEMPLATES = [
  {
    uriTemplate: 't://{+path}{?q*}',
    name: 't',
    annotations: ANNOTATIONS,
    icons: ICONS,
    _meta: {a: 1},
    future: 1,
  },
]

const LISTS: readonly (readonly [method: string, key: string, items: readonly JsonObject[]])[] = [
  ['tools/list', 'tools', TOOLS],
  ['prompts/list', 'prompts', PROMPTS],
  ['resources/list', 'resources', RESOURCES],
  ['resources/templates/list', 'resourceTemplates', TEMPLATES],
]

/** Every list as one page. */
const PLAIN = Object.fromEntries(
  LISTS.map(([method, key, items]): [string, LabAnswer[]] => [
    method,
    [{result: {[key]: [...items]}}],
  ]),
)

/** Follows the cursors to the end. */
async function everyPage(client: LabClient, method: string, key: string): Promise<unknown[]> {
  const items: unknown[] = []
  let params: JsonObject | undefined
  for (;;) {
    const page = await client.ask(method, params)
    items.push(...Object(page[key]))
    const {nextCursor} = page
    if (nextCursor === undefined) return items
    params = {cursor: nextCursor}
  }
}

/** Pages of two items each, reached by these cursors. */
function paged(key: string, cursors: readonly string[]): readonly LabAnswer[] {
  return [null, ...cursors].map((cursor, page) => ({
    when: {cursor},
    result: {
      [key]: [0, 1].map(item => ({name: `${page}-${item}`, uri: `x:${page}-${item}`})),
      ...(page < cursors.length && {nextCursor: cursors[page]}),
    },
  }))
}

const CURSORS = ['', '2', 'ä/+=', '0', ' ']

export const lists = [
  scenario(
    'lists arrive with every member of every item, in order',
    ['tools:definition', 'tools:names', 'prompts:list', 'resources:list'],
    async ({open}) => {
      const client = await open({script: {on: PLAIN}})
      for (const [method, key, items] of LISTS) {
        expect(await everyPage(client, method, key)).toEqual(items)
      }
    },
  ),
  scenario('tools of any name are called', ['tools:names'], async ({open}) => {
    const client = await open({script: {on: PLAIN}})
    for (const {name} of TOOLS) {
      expect(await client.call(name, {})).toMatchObject({got: {name}})
    }
  }),
  scenario('members of a list beside its items arrive', ['list:members'], async ({open}) => {
    const more = {_meta: {a: [1]}, future: {b: null}}
    const on = Object.fromEntries(
      LISTS.map(([method, key, items]) => [method, [{result: {[key]: [...items], ...more}}]]),
    )
    const client = await open({script: {on}})
    for (const [method, key, items] of LISTS) {
      expect(await client.ask(method)).toEqual({[key]: items, ...more})
    }
  }),
  scenario('all pages reach the client', ['list:pages', 'list:empty-cursor'], async ({open}) => {
    const on = Object.fromEntries(LISTS.map(([method, key]) => [method, paged(key, CURSORS)]))
    const client = await open({script: {on}})
    for (const [method, key] of LISTS) {
      const names = (await everyPage(client, method, key)).map(item => Object(item).name)
      expect(names).toEqual([0, 1, 2, 3, 4, 5].flatMap(page => [`${page}-0`, `${page}-1`]))
    }
  }),
  scenario(
    'a cursor that comes again and again ends',
    ['list:repeated-cursor'],
    async ({open}) => {
      const client = await open({
        script: {
          on: {
            'tools/list': [
              {result: {tools: [{name: 'same', inputSchema: {}}], nextCursor: 'same'}},
            ],
          },
        },
      })
      const {tools} = await client.ask('tools/list')
      expect(Object(tools)[0]).toMatchObject({name: 'same'})
    },
    throughGateway,
  ),
  scenario('an unknown cursor is refused', ['list:unknown-cursor'], async ({open}) => {
    const error = {code: -32602, message: 'Invalid cursor'}
    const client = await open({
      script: {
        on: Object.fromEntries(
          LISTS.map(([method, key]) => [
            method,
            [{when: {cursor: 'odd'}, error}, ...paged(key, [])],
          ]),
        ),
      },
    })
    for (const [method] of LISTS) {
      expect(await client.refusal(method, {cursor: 'odd'})).toMatchObject({code: -32602})
    }
  }),
  ...(
    [
      ['tools', 'tools/list'],
      ['prompts', 'prompts/list'],
      ['resources', 'resources/list'],
    ] as const
  ).map(([kind, list]) =>
    scenario(`a change of the ${kind} is announced and seen`, ['list:changed'], async ({open}) => {
      const method = `notifications/${kind}/list_changed`
      const before = [{name: 'change'}, {name: 'old', uri: 'x:1'}]
      const after = [{name: 'new', uri: 'x:2', future: 1}]
      const client = await open({
        script: {
          on: {
            [list]: [{times: 1, result: {[kind]: before}}, {result: {[kind]: after}}],
            'tools/call': [{when: {name: 'change'}, steps: [{alone: true, notify: {method}}]}],
          },
        },
      })
      expect(await client.ask(list)).toMatchObject({[kind]: before})
      await client.call('change')
      await client.notice(method)
      expect(await client.ask(list)).toMatchObject({[kind]: after})
    }),
  ),
]
