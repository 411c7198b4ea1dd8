import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {accessOf, type AccessControl} from '../../../src/lib/model/access.ts'

const READS = {name: 'get', annotations: {readOnlyHint: true}}

/** What of three tools a client may use. */
function usable(control: AccessControl | undefined, client?: string): readonly string[] {
  const access = accessOf(control, client)
  const all = [
    {server: 'github', tool: 'get_issue', prefix: 'gh'},
    {server: 'github', tool: 'create_issue', prefix: 'gh'},
    {server: 'files', tool: 'get_file'},
  ]
  return all.filter(one => access.allowsTool(one)).map(({server, tool}) => `${server}:${tool}`)
}

const ALL = ['github:get_issue', 'github:create_issue', 'files:get_file']

describe('accessOf', () => {
  test.each<[string, AccessControl | undefined, string | undefined, readonly string[]]>([
    ['no rules', undefined, 'ci', ALL],
    ['empty rules', {}, 'ci', ALL],
    ['a closed gateway', {defaultPolicy: 'deny'}, undefined, []],
    [
      'a closed gateway, a client without rules',
      {defaultPolicy: 'deny', clients: {ci: {}}},
      'ci',
      [],
    ],
    [
      'a closed gateway, a client that only has what it may not',
      {defaultPolicy: 'deny', clients: {ci: {deniedTools: ['x'], readOnly: false}}},
      'ci',
      [],
    ],
    [
      'a closed gateway, a client with a server',
      {defaultPolicy: 'deny', clients: {ci: {allowedServers: ['github']}}},
      'ci',
      ALL.slice(0, 2),
    ],
    [
      'a closed gateway that allows a server to all',
      {defaultPolicy: 'deny', allowedServers: ['github']},
      'ci',
      [],
    ],
    ['another client’s rules', {clients: {ci: {allowedServers: []}}}, undefined, ALL],
    ['a name that the rules do not know', {clients: {ci: {allowedServers: []}}}, 'me', []],
    ['a name where the rules know none', {clients: {}}, 'me', ALL],
    ['a name that is empty', {clients: {ci: {allowedServers: []}}}, '', ALL],
    ['a name that objects have', {defaultPolicy: 'deny', clients: {}}, 'constructor', []],
    ['no server at all', {clients: {ci: {allowedServers: []}}}, 'ci', []],
    ['a tool of a server', {allowedTools: ['github:get_*']}, undefined, ['github:get_issue']],
    ['tools by their names', {allowedTools: ['get_*']}, undefined, [ALL[0], ALL[2]].map(String)],
    ['all of a server', {allowedTools: ['files:*']}, undefined, ['files:get_file']],
    [
      'forbidden before allowed',
      {allowedServers: ['*'], deniedServers: ['git*']},
      'ci',
      ['files:get_file'],
    ],
    ['a forbidden tool', {deniedTools: ['create_issue']}, 'ci', [ALL[0], ALL[2]].map(String)],
    ['one of a server', {deniedTools: ['files:get_*']}, 'ci', ALL.slice(0, 2)],
    [
      'one by the name that is shown',
      {deniedTools: ['gh__create_issue']},
      'ci',
      [ALL[0], ALL[2]].map(String),
    ],
    [
      'one by its server’s name',
      {deniedTools: ['github__create*']},
      'ci',
      [ALL[0], ALL[2]].map(String),
    ],
    [
      'the narrower of both',
      {
        allowedServers: ['github', 'files'],
        clients: {ci: {allowedTools: ['*:get_*'], deniedServers: ['files']}},
      },
      'ci',
      ['github:get_issue'],
    ],
  ])('with %s', (_what, control, client, tools) => {
    expect(usable(control, client)).toEqual(tools)
  })

  test('allows a tool by its server, whatever other servers call theirs', () => {
    const access = accessOf({allowedTools: ['github:get']}, undefined)
    expect(access.allowsTool({server: 'evil', tool: 'github:get'})).toBe(false)
    expect(access.allowsTool({server: 'github', tool: 'get'})).toBe(true)
    expect(access.mayUse('evil')).toBe(false)
    expect(access.mayUse('github')).toBe(true)
  })

  test('allows of a reader what says that it reads, and nothing that says nothing', () => {
    const access = accessOf({clients: {ci: {readOnly: true}}}, 'ci')
    expect(access.allowsDefinition(READS)).toBe(true)
    for (const definition of [
      undefined,
      {name: 'get'},
      {name: 'get', annotations: {readOnlyHint: 'true'}},
      {name: 'get', annotations: {readOnlyHint: false}},
      {name: 'get', annotations: null},
    ]) {
      expect(access.allowsDefinition(definition)).toBe(false)
      expect(accessOf({}, 'ci').allowsDefinition(definition)).toBe(true)
    }
  })

  test('is never wider for a client than for everybody', () => {
    const word = fc.stringMatching(/^[ab*:]{0,4}$/)
    const list = fc.option(fc.array(word, {maxLength: 3}), {nil: undefined})
    const rules = fc.record({
      allowedServers: list,
      deniedServers: list,
      allowedTools: list,
      deniedTools: list,
    })
    fc.assert(
      fc.property(rules, rules, word, word, (top, own, server, tool) => {
        const narrow = accessOf({...top, clients: {ci: own}}, 'ci')
        const wide = accessOf(top, 'ci')
        const one = {server, tool}
        expect(!narrow.allowsTool(one) || wide.allowsTool(one)).toBe(true)
        expect(!narrow.allowsTool(one) || narrow.mayUse(server)).toBe(true)
        expect(!narrow.mayUse(server) || wide.mayUse(server)).toBe(true)
      }),
    )
  })

  test('reads globs as they are usually read', () => {
    const glob = fc.stringMatching(/^[ab.*]{0,6}$/)
    fc.assert(
      fc.property(glob, fc.stringMatching(/^[ab.]{0,8}$/), (pattern, server) => {
        const usual = new RegExp(
          `^${pattern.replaceAll('.', String.raw`\.`).replaceAll('*', '.*')}$`,
        )
        const access = accessOf({allowedServers: [pattern]}, undefined)
        expect(access.mayUse(server)).toBe(usual.test(server))
      }),
      {numRuns: 2000},
    )
  })

  test('has one key for the same rules', () => {
    const control: AccessControl = {clients: {a: {allowedServers: ['x']}, b: {}}}
    expect(accessOf(control, 'b').key).toBe(accessOf(control, undefined).key)
    expect(accessOf(control, 'a').key).not.toBe(accessOf(control, 'b').key)
  })
})
