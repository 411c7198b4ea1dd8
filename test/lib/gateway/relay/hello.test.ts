import * as fc from 'fast-check'
import {InitializeResultSchema} from '@modelcontextprotocol/sdk/types.js'
import {describe, expect, test} from 'vitest'
import type {JsonObject} from '../../../../src/lib/base/json.ts'
import {
  gatewayHello,
  LEGACY_VERSIONS,
  ON_NAMES,
  negotiateVersion,
} from '../../../../src/lib/gateway/relay/hello.ts'

/** What every client is told that there may be: servers come and go. */
const LISTED = {
  tools: {listChanged: true},
  prompts: {listChanged: true},
  resources: {listChanged: true},
}

/** What a gateway with these servers answers; `undefined` is one that was never seen. */
function helloOf(...hellos: readonly (JsonObject | undefined)[]): JsonObject {
  return gatewayHello({
    protocolVersion: '2025-11-25',
    version: '1.2.3',
    servers: hellos.map((hello, index) => ({name: `s${index}`, hello})),
  })
}

const capabilitiesOf = (...capabilities: readonly JsonObject[]) =>
  helloOf(...capabilities.map(own => ({capabilities: own})))['capabilities']

describe('negotiateVersion', () => {
  test.each(LEGACY_VERSIONS)('speaks %s when the client asks for it', version => {
    expect(negotiateVersion(version)).toBe(version)
  })

  test.each(['2026-07-28', '2024-10-07', '', 'constructor', undefined, null, 5, {}])(
    'offers the newest when the client asks for %j',
    asked => {
      expect(negotiateVersion(asked)).toBe('2025-11-25')
    },
  )
})

describe('gatewayHello', () => {
  test('introduces the gateway', () => {
    expect(helloOf()).toEqual({
      protocolVersion: '2025-11-25',
      capabilities: LISTED,
      serverInfo: {name: 'docker-mcp-gateway', title: 'Docker MCP Gateway', version: '1.2.3'},
    })
  })

  test('offers what any server can do, and list changes of all that it lists', () => {
    expect(
      capabilitiesOf(
        {tools: {}, resources: {subscribe: false}, experimental: {a: {x: 1}}},
        {prompts: {listChanged: false}, resources: {subscribe: true}, logging: {}},
        {completions: {}, experimental: {a: {x: 2, y: 2}, b: {}}, vendor: {}},
      ),
    ).toEqual({
      tools: {listChanged: true},
      prompts: {listChanged: true},
      resources: {listChanged: true, subscribe: true},
      logging: {},
      completions: {},
      experimental: {a: {x: 1, y: 2}, b: {}},
      vendor: {},
    })
  })

  test('takes a server that was never seen to be able to do anything', () => {
    expect(helloOf(undefined, {capabilities: {}})['capabilities']).toEqual({
      tools: {listChanged: true},
      prompts: {listChanged: true},
      resources: {listChanged: true, subscribe: true},
      logging: {},
      completions: {},
    })
  })

  test('offers the tasks of all servers', () => {
    const tasks = {list: {}, requests: {tools: {call: {}}}}
    expect(capabilitiesOf({tasks: {cancel: {}}}, {}, {tasks})).toMatchObject({
      tasks: {cancel: {}, ...tasks},
    })
    expect(capabilitiesOf({}, {})).not.toHaveProperty('tasks')
  })

  test('stays readable for clients, whatever a server says of itself', () => {
    const names = ['tools', 'prompts', 'resources', 'logging', 'completions', 'experimental']
    const members = ['subscribe', 'listChanged', '__proto__', 'x']
    const odd = fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom(...members), fc.jsonValue()))
    const anyHello = fc.record(
      {
        capabilities: fc.oneof(
          fc.dictionary(fc.constantFrom(...names, '__proto__', 'vendor'), odd),
          fc.jsonValue(),
        ),
        instructions: fc.jsonValue(),
      },
      {requiredKeys: []},
    )
    fc.assert(
      fc.property(fc.array(anyHello, {minLength: 1, maxLength: 3}), hellos => {
        const text = JSON.stringify(
          helloOf(...hellos.map(hello => JSON.parse(JSON.stringify(hello)))),
        )
        expect(InitializeResultSchema.safeParse(JSON.parse(text)).error).toBeUndefined()
      }),
    )
  })

  test('passes on what a single server says to the model, to the letter', () => {
    const instructions = `Use me.\n${'x'.repeat(5000)}`
    expect(helloOf({capabilities: {}, instructions})['instructions']).toBe(instructions)
  })

  test('puts what several servers say under their names, each cut to a bearable length', () => {
    const text = helloOf(
      {instructions: 'First.'},
      {instructions: ' \n'},
      {instructions: 5},
      {instructions: 'y'.repeat(4001)},
    )['instructions']
    expect(text).toBe(
      `${ON_NAMES}\n\n# Server s0\n\nFirst.\n\n# Server s3\n\n${'y'.repeat(4000)}\n[cut]`,
    )
  })

  test('gives each of many servers a smaller share of the instructions', () => {
    const many = Array.from({length: 100}, () => ({instructions: 'y'.repeat(4000)}))
    const text = helloOf(...many)['instructions']
    expect(
      JSON.stringify(text)
        .match(/y+/g)
        ?.map(({length}) => length),
    ).toContain(320)
    expect(JSON.stringify(text).length).toBeLessThan(40_000)
  })

  test('introduces a single server as itself, with list changes, in no newer version than its own', () => {
    const serverInfo = {name: 'own', version: '9', vendor: 1}
    const own = {tools: {x: 1}, logging: {}, vendor: true}
    expect(
      helloOf({protocolVersion: '2025-06-18', capabilities: own, serverInfo, _meta: {a: 1}}),
    ).toEqual({
      protocolVersion: '2025-06-18',
      capabilities: {...LISTED, tools: {x: 1, listChanged: true}, logging: {}, vendor: true},
      serverInfo,
      _meta: {a: 1},
    })
    expect(helloOf({protocolVersion: '2099-01-01', capabilities: {}})).toMatchObject({
      protocolVersion: '2025-11-25',
      serverInfo: {name: 'docker-mcp-gateway'},
    })
  })

  test('has no instructions when no server has any', () => {
    expect(helloOf({capabilities: {}})).not.toHaveProperty('instructions')
    expect(helloOf({capabilities: {}}, undefined)).not.toHaveProperty('instructions')
  })
})
