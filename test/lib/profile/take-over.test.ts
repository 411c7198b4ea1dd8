import {chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile} from 'node:fs/promises'
import {DatabaseSync} from 'node:sqlite'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, test} from 'vitest'
import {savedCatalogs, savedFile} from '../../../src/lib/catalog/saved.ts'
import {loadCatalogs} from '../../../src/lib/catalog/store.ts'
import {statePaths, type StatePaths} from '../../../src/lib/files/paths.ts'
import {parseYamlMap} from '../../../src/lib/files/yaml.ts'
import {takeOver} from '../../../src/lib/profile/take-over.ts'

const GIT = {name: 'git', image: 'mcp/git', tools: [{name: 'git_log'}]}
const ELEMENT = {
  type: 'image',
  config: {path: '/src'},
  secrets: 'default',
  tools: null,
  image: 'mcp/git@sha256:1',
  snapshot: {server: GIT},
}

let paths: StatePaths

beforeEach(async () => {
  const dir = await mkdtemp(join(tmpdir(), 'docker-mcp-over-'))
  paths = statePaths({configFlag: dir, env: {HOME: join(dir, 'home')}})
  await mkdir(paths.dir, {recursive: true})
})

afterEach(() => rm(paths.dockerConfigDir, {recursive: true, force: true}))

interface Content {
  readonly version?: number
  readonly dirty?: boolean
  readonly profiles?: readonly {id: string; name: string; servers: string}[]
  readonly catalogs?: readonly string[]
}

/** The shape of version 6 of docker's database. */
function writeDatabase({version = 6, dirty = false, profiles = [], catalogs = []}: Content): void {
  const database = new DatabaseSync(paths.database)
  database.exec(`
    CREATE TABLE schema_migrations (version uint64, dirty bool);
    CREATE TABLE working_set (id TEXT PRIMARY KEY, name TEXT, servers TEXT, secrets TEXT);
    CREATE TABLE catalog (ref TEXT PRIMARY KEY, digest TEXT, title TEXT, source TEXT, last_updated DATETIME);
    CREATE TABLE catalog_server (id INTEGER PRIMARY KEY, server_type TEXT, tools TEXT, source TEXT, image TEXT,
      endpoint TEXT, snapshot TEXT, catalog_ref TEXT REFERENCES catalog(ref) ON DELETE CASCADE);
  `)
  database.prepare('INSERT INTO schema_migrations VALUES (?, ?)').run(version, dirty ? 1 : 0)
  for (const {id, name, servers} of profiles) {
    database.prepare('INSERT INTO working_set VALUES (?, ?, ?, ?)').run(id, name, servers, '{}')
  }
  for (const ref of catalogs) {
    database
      .prepare('INSERT INTO catalog VALUES (?, ?, ?, ?, ?)')
      .run(ref, 'ab12', 'Team', `oci:${ref}`, '2026-01-02T03:04:05Z')
    database
      .prepare('INSERT INTO catalog_server (server_type, snapshot, catalog_ref) VALUES (?, ?, ?)')
      .run('image', JSON.stringify({server: GIT}), ref)
  }
  database.close()
}

function profile(id: string, servers: unknown = [ELEMENT]) {
  return {id, name: id.toUpperCase(), servers: JSON.stringify(servers)}
}

async function profileFiles(): Promise<readonly string[]> {
  const names = await readdir(paths.profilesDir).catch(() => [])
  return names.filter(name => name.endsWith('.yaml')).toSorted()
}

async function readProfile(id: string) {
  return parseYamlMap(await readFile(join(paths.profilesDir, `${id}.yaml`), 'utf8'), id)
}

describe('takeOver', () => {
  test('says and does nothing where docker keeps nothing', async () => {
    expect(await takeOver(paths)).toEqual([])
    expect(await readdir(paths.dir)).toEqual([])
  })

  test('takes profiles and catalogs over, once, and leaves the database as it is', async () => {
    writeDatabase({profiles: [profile('dev'), profile('default')], catalogs: ['org/team:latest']})
    const before = await readFile(paths.database)
    await chmod(paths.database, 0o400)
    expect(await takeOver(paths)).toEqual([
      `> what docker's own plugin keeps in ${paths.database} is taken over, this once:`,
      '> catalog org/team:latest, 1 server; where it and another catalog have one, the other counts',
      '> profile default, 1 server',
      '> profile dev, 1 server',
    ])
    const {tools: _, ...element} = ELEMENT
    expect(await readProfile('dev')).toMatchObject({id: 'dev', name: 'DEV', servers: [element]})
    expect(await savedCatalogs(paths)).toMatchObject([
      {name: 'org/team:latest', displayName: 'Team', url: 'oci:org/team:latest', digest: 'ab12'},
    ])
    const catalog = await readFile(savedFile(paths, 'org/team:latest'), 'utf8')
    expect(parseYamlMap(catalog, 'catalog')).toMatchObject({registry: {git: GIT}})
    await rm(join(paths.profilesDir, 'dev.yaml'))
    expect(await takeOver(paths)).toEqual([])
    expect(await profileFiles()).toEqual(['default.yaml'])
    expect(await readFile(paths.database)).toEqual(before)
    const names = await readdir(paths.dir)
    expect(names.filter(name => name.startsWith('mcp-toolkit'))).toEqual(['mcp-toolkit.db'])
  })

  test('is done once when several programs begin at the same time', async () => {
    writeDatabase({profiles: [profile('dev')]})
    const all = await Promise.all([takeOver(paths), takeOver(paths), takeOver(paths)])
    expect(all.filter(lines => lines.length > 0)).toHaveLength(1)
    expect(await profileFiles()).toEqual(['dev.yaml'])
  })

  test('replaces nothing, and hides no server that is enabled here', async () => {
    await mkdir(paths.profilesDir)
    await writeFile(join(paths.profilesDir, 'dev.yaml'), 'id: dev\nname: Mine\n')
    await writeFile(paths.registry, 'registry:\n  fetch: {ref: ""}\n')
    writeDatabase({profiles: [profile('dev'), profile('default')]})
    expect((await takeOver(paths)).slice(1)).toEqual([
      '> profile default, 1 server, as docker_default; choose it with: docker mcp profile use docker_default',
      '! profile dev is left out: there is one of that id here',
    ])
    expect(await readProfile('dev')).toEqual({id: 'dev', name: 'Mine'})
    expect(await profileFiles()).toEqual(['dev.yaml', 'docker_default.yaml'])
  })

  test('leaves credentials behind, and tells their keys', async () => {
    const token = `ghp_${'a1'.repeat(18)}`
    const servers = [{...ELEMENT, config: {path: '/src', token, list: ['x', token]}}]
    writeDatabase({profiles: [profile('dev', servers)]})
    const lines = await takeOver(paths)
    expect(lines).toContain(
      '! servers.0.config.token of it looked like a credential and is left out',
    )
    expect(lines.join('\n')).not.toContain(token)
    expect(await readProfile('dev')).toMatchObject({
      servers: [{config: {path: '/src', list: ['x']}}],
    })
  })

  test('takes over what it can when a row is wrong', async () => {
    writeDatabase({
      profiles: [
        {id: 'broken', name: 'B', servers: '{'},
        {id: '../../up', name: 'Up', servers: '[]'},
        {id: '..', name: '..', servers: '[]'},
        profile('dev'),
      ],
    })
    const lines = await takeOver(paths)
    expect(lines).toContainEqual(expect.stringMatching(/^! profile broken is left out: .*JSON/))
    expect(lines).toContain('! profile .. is left out: no id can be made of its name')
    expect(await profileFiles()).toEqual(['dev.yaml', 'up.yaml'])
  })

  test('leaves out one row and one element that are wrong, and takes the others', async () => {
    const foreign = {...ELEMENT, type: 'vm', image: 'x/y', snapshot: {server: {name: 'odd'}}}
    writeDatabase({profiles: [profile('dev', [foreign, ELEMENT])], catalogs: ['org/team:latest']})
    const database = new DatabaseSync(paths.database)
    database.exec(
      "INSERT INTO catalog_server (server_type, snapshot, catalog_ref) VALUES ('image', '{', 'org/team:latest')",
    )
    database.close()
    expect((await takeOver(paths)).slice(1)).toEqual([
      expect.stringMatching(/^> catalog org\/team:latest, 1 server;/),
      '! 1 server of it cannot be read, and left out',
      '> profile dev, 1 server',
      expect.stringMatching(/^! a server of it is left out: odd type must be one of/),
    ])
    expect(await readProfile('dev')).toMatchObject({servers: [{image: ELEMENT.image}]})
    expect(await takeOver(paths)).toEqual([])
  })

  test('tries again what was in the way for now, and is silent of what it has taken already', async () => {
    writeDatabase({profiles: [profile('dev'), profile('ops')], catalogs: ['org/team:latest']})
    await mkdir(join(paths.profilesDir, 'ops.yaml'), {recursive: true})
    const first = await takeOver(paths)
    expect(first).toContain('> profile dev, 1 server')
    expect(first.at(-1)).toMatch(/^! profile ops is left out: cannot read .* it is a folder/)
    await rm(join(paths.profilesDir, 'ops.yaml'), {recursive: true})
    expect((await takeOver(paths)).slice(1)).toEqual(['> profile ops, 1 server'])
    expect(await takeOver(paths)).toEqual([])
  })

  test('does not say that nothing was taken over when only that cannot be noted', async () => {
    writeDatabase({profiles: [profile('dev')]})
    const marker = join(paths.profilesDir, 'taken-over.json')
    await mkdir(join(marker, 'x'), {recursive: true})
    const lines = await takeOver(paths)
    expect(lines).toContain('> profile dev, 1 server')
    expect(lines.join('\n')).not.toContain('nothing is taken over')
    expect((await takeOver(paths)).join('\n')).not.toContain('there is one of that id')
  })

  test('changes no server that there is', async () => {
    writeDatabase({catalogs: ['org/team:latest']})
    await takeOver(paths)
    const embedded = {
      name: 'docker-mcp',
      servers: new Map([['git', {name: 'git', image: 'mine/git'}]]),
    }
    const {servers, origins} = await loadCatalogs({
      paths,
      cwd: '/',
      embedded: async () => embedded,
      settings: async () => ({}),
    })
    expect(servers.get('git')?.image).toBe('mine/git')
    expect(origins.get('git')).toBe('docker-mcp')
  })

  test('finds the database in the home when docker has another folder', async () => {
    writeDatabase({profiles: [profile('dev')]})
    await mkdir(join(paths.homeDatabase, '..'), {recursive: true})
    await rename(paths.database, paths.homeDatabase)
    expect((await takeOver(paths))[0]).toContain(paths.homeDatabase)
    expect(await profileFiles()).toEqual(['dev.yaml'])
  })

  test.each([
    ['newer', {version: 7}, /newer version \(7\)/],
    ['left half way', {dirty: true}, /half way/],
  ])(
    'takes nothing over of a database that is %s, and says it once',
    async (_, content, message) => {
      writeDatabase({...content, profiles: [profile('dev')]})
      expect(await takeOver(paths)).toEqual([expect.stringMatching(message)])
      expect(await takeOver(paths)).toEqual([])
      expect(await profileFiles()).toEqual([])
    },
  )

  test('tries again when a database that it could not read has changed', async () => {
    await writeFile(paths.database, 'not a database at all, but long enough to have a header')
    expect(await takeOver(paths)).toEqual([expect.stringMatching(/no database that can be read/)])
    await rm(paths.database)
    writeDatabase({profiles: [profile('dev')]})
    expect(await takeOver(paths)).toHaveLength(2)
    expect(await profileFiles()).toEqual(['dev.yaml'])
  })

  test('waits for a writer that is not done', async () => {
    writeDatabase({profiles: [profile('dev')]})
    const writer = new DatabaseSync(paths.database)
    writer.exec("PRAGMA journal_mode = WAL; DELETE FROM working_set WHERE id = 'dev'")
    expect(await takeOver(paths)).toEqual([expect.stringMatching(/is not done with/)])
    writer.close()
    expect(await takeOver(paths)).toEqual([])
  })
})
