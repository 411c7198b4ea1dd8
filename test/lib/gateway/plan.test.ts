import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {messageOf, PluginError} from '../../../src/lib/base/errors.ts'
import type {JsonObject} from '../../../src/lib/base/json.ts'
import type {CatalogServer} from '../../../src/lib/model/catalog.ts'
import {
  allowsTool,
  buildPlan,
  type PlanInput,
  type PlannedServer,
} from '../../../src/lib/gateway/plan.ts'

const good: CatalogServer = {name: 'good', image: 'mcp/good:1.2'}

/** A plan for these catalog entries, all of them enabled. */
function plan(
  entries: Readonly<Record<string, CatalogServer>>,
  more: Partial<PlanInput> = {},
): readonly PlannedServer[] {
  return buildPlan({
    home: '/home/me',
    names: Object.keys(entries),
    servers: new Map(Object.entries(entries)),
    config: new Map(),
    tools: new Map(),
    refused: new Map(),
    toolFilter: undefined,
    ...more,
  }).servers
}

describe('buildPlan', () => {
  test('says what to start, in the order of the names, each once', () => {
    const servers = plan(
      {
        a: {...good, name: 'a', prefix: 'p', startTimeout: 5, callTimeout: 2.5},
        b: {...good, name: 'b', prefix: '', command: ['{{b.path}}']},
      },
      {names: ['b', 'a', 'b'], config: new Map([['b', {path: '/x'}]])},
    )
    expect(servers).toMatchObject([
      {
        name: 'b',
        prefix: undefined,
        tools: undefined,
        startTimeoutMs: 60_000,
        callTimeoutMs: undefined,
        start: {kind: 'container', name: 'b', image: 'mcp/good:1.2', command: ['/x']},
      },
      {
        name: 'a',
        prefix: 'p',
        startTimeoutMs: 5000,
        callTimeoutMs: 2500,
        start: {kind: 'container', name: 'a'},
      },
    ])
  })

  test('of nothing is empty', () => {
    expect(plan({})).toEqual([])
  })

  const needy: CatalogServer = {
    ...good,
    config: [
      {
        type: 'object',
        required: ['url'],
        properties: {url: {type: 'string'}, n: {type: 'integer'}},
      },
    ],
  }
  const problems: readonly [string, CatalogServer | undefined, JsonObject, string, string][] = [
    ['is in no catalog', undefined, {}, 'SERVER_UNKNOWN', 'odd'],
    ['lacks a value', needy, {}, 'CONFIG_MISSING', 'url is not set'],
    ['has a wrong value', needy, {url: 'u', n: 'x'}, 'CONFIG_MISSING', 'n must be a whole number'],
    ['has a bad address', {name: 'odd', remote: {url: 'ftp://x'}}, {}, 'CATALOG_INVALID', 'odd'],
  ]

  test.each(problems)(
    'keeps the error of a server that %s with that server alone',
    (_what, entry, config, code, words) => {
      const servers = plan(
        {good, ...(entry && {odd: entry})},
        {names: ['odd', 'good'], config: new Map([['odd', config]])},
      )
      expect(servers.map(({name}) => name)).toEqual(['odd', 'good'])
      const start = servers[0]?.start
      expect(start).toBeInstanceOf(PluginError)
      expect(start).toMatchObject({code, message: expect.stringContaining(words)})
      expect(servers[1]?.start).toMatchObject({kind: 'container'})
    },
  )

  test('never shows a configured value in an error', () => {
    const [odd] = plan({odd: needy}, {config: new Map([['odd', {url: ['hunter2'], n: 'hunter2'}]])})
    expect(odd?.start).toBeInstanceOf(PluginError)
    expect(JSON.stringify([odd?.start, messageOf(odd?.start)])).not.toContain('hunter2')
  })

  test('has an answer for every entry and every configuration', () => {
    const anyJson = fc.dictionary(
      fc.constantFrom('type', 'required', 'properties', 'a'),
      fc.jsonValue(),
    )
    const anyText = fc.oneof(fc.string(), fc.constantFrom('{{odd.a}}', '{{odd|x', '}}{{', '$A'))
    const anyEntry = fc.record(
      {
        name: fc.constant('odd'),
        image: fc.string(),
        command: fc.array(anyText),
        env: fc.array(fc.record({name: fc.string(), value: anyText})),
        volumes: fc.array(anyText),
        user: anyText,
        config: fc.array(anyJson.map(value => JSON.parse(JSON.stringify(value)))),
        remote: fc.record({url: anyText}),
        resources: fc.record({limits: fc.record({cpus: fc.string(), memory: fc.string()})}),
      },
      {requiredKeys: ['name']},
    )
    fc.assert(
      fc.property(anyEntry, anyJson, (odd, config) => {
        const values: JsonObject = JSON.parse(JSON.stringify(config))
        const servers = plan({odd, good}, {config: new Map([['odd', values]])})
        expect(servers[0]?.start).toBeDefined()
        expect(servers[1]?.start).toMatchObject({kind: 'container'})
      }),
    )
  })

  test('turns what an entry breaks in this program into an error of its server', () => {
    let deep: JsonObject = {type: 'string'}
    for (let depth = 0; depth < 100_000; depth += 1) {
      deep = {type: 'object', required: ['a'], properties: {a: deep}}
    }
    const [odd, other] = plan({odd: {...good, config: [deep]}, good})
    expect(odd?.start).toMatchObject({code: 'CATALOG_INVALID'})
    expect(other?.start).toMatchObject({kind: 'container'})
  })
})

/** The tools among these that a server `Git` with the image `mcp/git:v1` may show. */
const allowed = (more: Partial<PlanInput>, names: readonly string[]) =>
  plan({Git: {name: 'Git', image: 'mcp/git:v1'}}, more).flatMap(server =>
    names.filter(name => allowsTool(server, name)),
  )

describe('allowsTool', () => {
  const all = ['Log', 'diff', 'other:diff', 'toString']

  test('lets all tools through when nothing is said', () => {
    expect(allowed({}, all)).toEqual(all)
  })

  test.each<[string[], string[]]>([
    [['*'], all],
    [['log'], ['Log']],
    [
      ['LOG', 'Diff'],
      ['Log', 'diff'],
    ],
    [['git:log'], ['Log']],
    [['GIT:DIFF'], ['diff']],
    [['git:*'], all],
    [['mcp/git:v1:log'], ['Log']],
    [['MCP/GIT:V1:*'], all],
    [['other:diff'], ['other:diff']],
    [['other:*'], []],
    [['git:'], []],
    [['mcp/git:diff'], []],
    [[], []],
  ])('--tools %j', (toolFilter, expected) => {
    expect(allowed({toolFilter}, all)).toEqual(expected)
  })

  test('finds the image although the name is how it begins', () => {
    const servers = plan({a: {name: 'a', image: 'a:1'}}, {toolFilter: ['a:1:x']})
    expect(servers.map(server => allowsTool(server, 'x'))).toEqual([true])
  })

  test('takes the names of tools.yaml to the letter, and only for their server', () => {
    expect(allowed({tools: new Map([['Git', ['log', 'diff']]])}, all)).toEqual(['diff'])
    expect(allowed({tools: new Map([['Git', []]])}, all)).toEqual([])
    expect(allowed({tools: new Map([['other', ['x']]])}, all)).toEqual(all)
  })

  test('prefers --tools over tools.yaml', () => {
    const tools = new Map([['Git', ['diff']]])
    expect(allowed({tools, toolFilter: ['log']}, all)).toEqual(['Log'])
  })
})

test('buildPlan says why an entry was left out, and not that there is none', () => {
  const why = 'the catalog entry of a is left out: allowHosts.0 "b" has no port'
  expect(plan({}, {names: ['a'], refused: new Map([['a', why]])})).toMatchObject([
    {name: 'a', start: {code: 'CATALOG_INVALID', message: why}},
  ])
})
