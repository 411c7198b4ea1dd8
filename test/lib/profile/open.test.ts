import {mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import * as fc from 'fast-check'
import {afterEach, beforeEach, describe, expect, test} from 'vitest'
import {leftOut} from '../../../src/lib/catalog/store.ts'
import {statePaths} from '../../../src/lib/files/paths.ts'
import {parseCatalog} from '../../../src/lib/model/catalog.ts'
import type {JsonObject} from '../../../src/lib/base/json.ts'
import type {ProfileInput} from '../../../src/lib/profile/choice.ts'
import {documentObject, profileText} from '../../../src/lib/profile/documents.ts'
import {openServers} from '../../../src/lib/profile/open.ts'
import {findCredential, readProfileText} from '../../../src/lib/profile/profile-file.ts'
import {exportProfile} from '../../../src/lib/profile/share.ts'
import {useProfile} from '../../../src/lib/profile/store.ts'

const TOKEN = `ghp_${'a1'.repeat(18)}`

let folder: string
let input: ProfileInput

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'docker-mcp-open-'))
  const paths = statePaths({configFlag: folder, env: {}})
  await mkdir(paths.profilesDir, {recursive: true})
  const registry = {git: {image: 'mcp/git', description: 'Git'}, web: {image: 'mcp/web'}}
  const {catalog} = parseCatalog({name: 'docker-mcp', registry}, 'embedded')
  input = {paths, cwd: folder, embedded: async () => catalog, settings: async () => ({})}
})

afterEach(() => rm(folder, {recursive: true, force: true}))

async function write(servers: readonly JsonObject[], id = 'dev'): Promise<void> {
  const file = join(input.paths.profilesDir, `${id}.yaml`)
  await writeFile(file, profileText(documentObject({id, name: id, servers})))
}

describe('openServers', () => {
  test('gives the servers of a profile, which win over those of catalogs', async () => {
    await write([
      {name: 'git', config: {path: '/x'}, tools: ['log']},
      {image: 'other/web:2'},
      {snapshot: {server: {name: 'own', image: 'mine/own'}}},
      {name: 'far', endpoint: 'https://mcp.example.com'},
      {name: 'nobody'},
    ])
    const {profile, servers, catalogs} = await openServers(input, {profile: 'dev'})
    expect(profile).toMatchObject({
      id: 'dev',
      enabled: ['git', 'web', 'own', 'far', 'nobody'],
      config: new Map(Object.entries({git: {path: '/x'}, web: {}, own: {}, far: {}, nobody: {}})),
      tools: new Map([['git', ['log']]]),
    })
    expect(Object.fromEntries(servers)).toMatchObject({
      git: {image: 'mcp/git', description: 'Git'},
      web: {image: 'other/web:2'},
      own: {image: 'mine/own'},
      far: {remote: {url: 'https://mcp.example.com'}},
    })
    expect([...servers.keys()].toSorted()).toEqual(['far', 'git', 'own', 'web'])
    expect(catalogs.origins.get('own')).toBe('profile:dev')
    expect(catalogs.origins.get('git')).toBe('docker-mcp')
  })

  test('leaves a server out whose entry in the profile is wrong, also where a catalog has one', async () => {
    await write([{snapshot: {server: {name: 'git', image: 'x', allowHosts: ['nowhere']}}}])
    const {servers, catalogs, profile} = await openServers(input, {profile: 'dev'})
    expect(profile.enabled).toEqual(['git'])
    expect(servers.has('git')).toBe(false)
    expect(leftOut(catalogs).get('git')).toMatch(/allowHosts\.0 "nowhere" has no port/)
  })

  test('takes a file for the default profile, when there is one', async () => {
    await writeFile(input.paths.registry, 'registry:\n  git: {ref: ""}\n')
    expect((await openServers(input)).profile.enabled).toEqual(['git'])
    await write([{name: 'web'}], 'default')
    expect((await openServers(input)).profile.enabled).toEqual(['web'])
    const {registry} = input.paths
    const {profile} = await openServers(input, {registry: [registry]})
    expect(profile.enabled).toEqual(['git'])
  })

  test('says so when the profile in use is gone', async () => {
    await useProfile(input.paths, 'gone')
    await expect(openServers(input)).rejects.toMatchObject({
      code: 'PROFILE_UNKNOWN',
      message: 'the profile "gone" is in use, and its file is gone',
    })
    await expect(openServers(input, {profileFile: './none.yaml'})).rejects.toMatchObject({
      code: 'FILE_MISSING',
    })
  })
})

describe('findCredential', () => {
  test.each([
    [{servers: [{config: {a: {b: [1, TOKEN]}}}]}, ['servers', '0', 'config', 'a', 'b', '1']],
    [
      {servers: [{snapshot: {server: {env: [{name: 'T', value: TOKEN}]}}}]},
      ['servers', '0', 'snapshot', 'server', 'env', '0', 'value'],
    ],
    [
      {servers: [{snapshot: {server: {description: TOKEN, secrets: [{example: TOKEN}]}}}]},
      undefined,
    ],
    [{servers: [{config: {url: 'https://example.com', n: 1, on: true, none: null}}]}, undefined],
  ])('finds in %j the place %j', async (value, path) => {
    expect((await findCredential(value))?.path).toEqual(path)
  })

  test('keeps a default profile from being exported that has one', async () => {
    await writeFile(input.paths.registry, 'registry:\n  git: {ref: ""}\n')
    await writeFile(input.paths.config, `git:\n  token: ${TOKEN}\n`)
    const file = join(folder, 'out.yaml')
    const error: unknown = await exportProfile(input, 'default', file).catch(
      (reason: unknown) => reason,
    )
    expect(error).toMatchObject({code: 'FILE_INVALID'})
    expect(String(error)).toContain('servers.0.config.token')
    expect(String(error)).not.toContain(TOKEN)
    await expect(readFile(file)).rejects.toMatchObject({code: 'ENOENT'})
  })
})

describe('profileText', () => {
  const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/)
  const value = fc.oneof(
    fc.stringMatching(/^[ -~]{0,12}$/),
    fc.integer(),
    fc.boolean(),
    fc.array(fc.integer(), {maxLength: 3}),
  )
  const servers = fc.uniqueArray(
    fc.record({
      name: word,
      config: fc.dictionary(word, value, {maxKeys: 3}),
      tools: fc.array(word, {maxLength: 3}),
    }),
    {selector: ({name}) => name, maxLength: 4},
  )

  test('reads back as what it was written from', async () => {
    await fc.assert(
      fc.asyncProperty(servers, async elements => {
        const text = profileText(documentObject({id: 'x', name: 'X', servers: elements}))
        const {document} = await readProfileText(text, 'a test')
        expect(document.servers).toMatchObject(elements)
        expect(document.servers.map(({written}) => written)).toEqual(elements)
      }),
    )
  })
})
