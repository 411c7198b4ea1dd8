import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {idOfName, parseProfile} from '../../../src/lib/model/profile-document.ts'

const SNAPSHOT = {server: {name: 'git', image: 'mcp/git', tools: [{name: 'git_log'}]}}

function parsed(value: unknown) {
  const profile = parseProfile(value)
  if ('wrong' in profile) throw new Error(JSON.stringify(profile.wrong))
  return profile
}

describe('parseProfile', () => {
  test('reads what docker exports, in YAML and in JSON', () => {
    const element = {
      type: 'image',
      image: 'mcp/git@sha256:1',
      config: {path: '/src'},
      secrets: 'default',
      tools: ['git_log'],
      snapshot: SNAPSHOT,
    }
    const of = (more: object) =>
      parsed({
        version: 1,
        id: 'dev',
        name: 'Dev',
        servers: [{...element, ...more}],
        secrets: {default: {provider: 'docker-desktop-store'}},
      })
    for (const profile of [of({catalog_ref: 'a/b:1'}), of({catalogRef: 'a/b:1'})]) {
      expect(profile).toMatchObject({
        document: {
          id: 'dev',
          name: 'Dev',
          servers: [
            {
              name: 'git',
              type: 'image',
              config: {path: '/src'},
              tools: ['git_log'],
              catalogRef: 'a/b:1',
              entry: {name: 'git', image: 'mcp/git'},
            },
          ],
        },
        unknown: [],
        problems: [],
      })
    }
  })

  test('takes no list of tools as all, and an empty one as none', () => {
    const servers = [{name: 'a'}, {name: 'b', tools: null}, {name: 'c', tools: []}]
    expect(parsed({servers}).document.servers.map(({tools}) => tools)).toEqual([
      undefined,
      undefined,
      [],
    ])
  })

  test.each([
    [{image: 'ghcr.io/org/some-server:1.2@sha256:0'}, 'some-server'],
    [{image: 'localhost:5000/x'}, 'x'],
    [{endpoint: 'https://mcp.example.com/mcp'}, 'mcp.example.com'],
    [{snapshot: SNAPSHOT, image: 'other/x'}, 'git'],
    [{name: 'mine', snapshot: SNAPSHOT}, 'mine'],
  ])('calls %j by the name %j', (element, name) => {
    expect(parsed({servers: [element]}).document.servers[0]?.name).toBe(name)
  })

  test('keeps a profile whose entry is wrong, without that entry', () => {
    const servers = [{snapshot: {server: {name: 'bad', image: 1}}}, {name: 'good'}]
    const {document, problems} = parsed({servers})
    expect(document.servers.map(({name, entry}) => [name, entry])).toEqual([
      ['bad', undefined],
      ['good', undefined],
    ])
    expect(problems).toMatchObject([{kind: 'invalid', server: 'bad', path: 'image'}])
  })

  test('tells of keys that mean nothing', () => {
    expect(parsed({note: 1, servers: [{name: 'a', colour: 'red'}]}).unknown).toMatchObject([
      {path: ['note']},
      {path: ['servers', '0', 'colour']},
    ])
  })

  test.each([
    [[], [], /expected object/i],
    [{version: 2}, ['version'], /must be 1/],
    [{servers: {}}, ['servers'], /must be a list/],
    [{servers: [{}]}, ['servers', '0'], /has no name/],
    [{servers: [{name: 'a'}, {name: 'a'}]}, ['servers', '1'], /second server named "a"/],
    [{servers: [{name: 'a', type: 'x'}]}, ['servers', '0', 'type'], /must be one of/],
    [{servers: [{name: 'a', tools: 'all'}]}, ['servers', '0', 'tools'], /list of tool names/],
    [{servers: [{name: 'a', config: []}]}, ['servers', '0', 'config'], /must be a map/],
    // docker's plugin reads JSON keys in any case: this would be a second choice of tools.
    [{servers: [{name: 'a', Tools: []}]}, ['servers', '0', 'Tools'], /did you mean tools/],
    [{servers: [{name: 'a', 'catalog-ref': 'x'}]}, ['servers', '0', 'catalog-ref'], /catalog_ref/],
  ])('refuses %j', (value, path, message) => {
    const profile = parseProfile(value)
    expect(profile).toEqual({
      wrong: [{path, message: expect.stringMatching(message)}].map(one =>
        expect.objectContaining(one),
      ),
    })
  })

  test('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.anything({maxDepth: 4}), value => {
        expect(parseProfile(value)).toBeTypeOf('object')
        expect(parseProfile({servers: [value]})).toBeTypeOf('object')
      }),
    )
  })
})

describe('idOfName', () => {
  test.each([
    ['Dev', 'dev'],
    ['My  team: tools', 'my_team_tools'],
    ['-- x --', 'x'],
    ['ÄÖ', ''],
  ])('makes of %j the id %j', (name, id) => {
    expect(idOfName(name)).toBe(id)
  })

  test('makes what stays as it is', () => {
    fc.assert(
      fc.property(fc.string(), name => {
        expect(idOfName(name)).toMatch(/^[a-z0-9_]*$/)
        expect(idOfName(idOfName(name))).toBe(idOfName(name))
      }),
    )
  })
})
