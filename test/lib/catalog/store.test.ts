import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, test} from 'vitest'
import {remarks} from '../../../src/lib/catalog/remarks.ts'
import {removeCatalog} from '../../../src/lib/catalog/manage.ts'
import {catalogDocument, catalogRows, findCatalog} from '../../../src/lib/catalog/show.ts'
import {
  leftOut,
  loadCatalogs,
  type BrokenCatalog,
  type CatalogInput,
} from '../../../src/lib/catalog/store.ts'
import {statePaths} from '../../../src/lib/files/paths.ts'
import {parseCatalog} from '../../../src/lib/model/catalog.ts'

let folder: string
let input: CatalogInput

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'docker-mcp-catalogs-'))
  const paths = statePaths({configFlag: folder, env: {}})
  await mkdir(paths.catalogsDir, {recursive: true})
  const {catalog} = parseCatalog(
    {
      name: 'docker-mcp',
      displayName: 'Embedded',
      registry: {fetch: {image: 'mcp/fetch', title: 'old'}},
    },
    'embedded',
  )
  input = {paths, cwd: folder, embedded: async () => catalog, settings: async () => ({})}
})

afterEach(() => rm(folder, {recursive: true, force: true}))

async function save(file: string, text: string): Promise<void> {
  await writeFile(join(input.paths.dir, file), text)
}

describe('loadCatalogs', () => {
  test('gives the embedded catalog when the user has none', async () => {
    const {loaded, servers, origins} = await loadCatalogs(input)
    expect(loaded.map(({source}) => source)).toEqual(['embedded'])
    expect([...servers.keys()]).toEqual(['fetch'])
    expect(origins.get('fetch')).toBe('docker-mcp')
  })

  test('lets catalogs of catalog.json win over the embedded one', async () => {
    await save('catalog.json', '{"catalogs": {"docker-mcp": {}, "team": {"displayName": "Team"}}}')
    await save(
      'catalogs/team.yaml',
      'name: team\nregistry:\n  fetch: {image: team/fetch}\n  own: {image: team/own}\n',
    )
    const {servers, origins} = await loadCatalogs(input)
    expect(servers.get('fetch')?.image).toBe('team/fetch')
    expect(origins.get('fetch')).toBe('team')
    expect([...servers.keys()]).toEqual(['fetch', 'own'])
  })

  test('puts a downloaded docker-mcp file over the embedded catalog of that name', async () => {
    await save('catalogs/docker-mcp.yaml', 'registry:\n  time: {image: mcp/time}\n')
    const {servers} = await loadCatalogs(input)
    expect([...servers.keys()]).toEqual(['fetch', 'time'])
  })

  test('reads named catalogs instead, and additional ones over them', async () => {
    await save('one.yaml', 'registry:\n  a: {image: x/a}\n  b: {image: x/b}\n')
    await save('catalogs/two.yaml', 'registry:\n  b: {image: y/b}\n')
    const {servers} = await loadCatalogs(input, {catalogs: ['./mcp/one.yaml'], additional: ['two']})
    expect([...servers].map(([name, {image}]) => `${name} ${image}`)).toEqual(['a x/a', 'b y/b'])
  })

  test.each([
    ['a name without a file', 'nowhere', 'CATALOG_UNKNOWN', /nowhere\.yaml does not exist/],
    ['an address without TLS', 'http://example.test/c.yaml', 'ADDRESS_REFUSED', /over http/],
  ])('refuses %s', async (_what, name, code, message) => {
    await expect(loadCatalogs(input, {catalogs: [name]})).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
      hint: expect.any(String),
    })
  })

  test('names file, line and column of a malformed catalog', async () => {
    await save('catalogs/bad.yaml', 'registry:\n  a: {image: [}\n')
    await expect(loadCatalogs(input, {catalogs: ['bad']})).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: expect.stringContaining(`${join(input.paths.catalogsDir, 'bad.yaml')}:2:`),
    })
  })

  test('does without a catalog of catalog.json that cannot be read, and says so', async () => {
    await save('catalog.json', '{"catalogs": {"gone": {}, "team": {}, "torn": {}}}')
    await save('catalogs/team.yaml', 'registry:\n  own: {image: team/own}\n')
    await save('catalogs/torn.yaml', 'registry: {')
    await save('catalogs/docker-mcp.yaml', 'registry: 5')
    const said: string[] = []
    const told = {...input, onBroken: ({line}: BrokenCatalog) => said.push(line)}
    const catalogs = await loadCatalogs(told)
    expect([...catalogs.servers.keys()]).toEqual(['fetch', 'own'])
    expect(catalogs.broken.map(({name}) => name)).toEqual(['docker-mcp', 'gone', 'torn'])
    expect(said.toSorted()).toEqual([
      expect.stringMatching(/^the catalog docker-mcp is left out: .*"registry" is not a map/),
      expect.stringMatching(/^the catalog gone .* does not exist; .*: docker mcp catalog rm gone$/),
      expect.stringMatching(/^the catalog torn .*torn\.yaml:1:.*: docker mcp catalog rm torn$/),
    ])
    expect(catalogRows(catalogs)).toMatchObject([
      {name: 'docker-mcp', source: 'embedded'},
      {name: 'team'},
      {name: 'docker-mcp', problem: expect.any(String)},
      {name: 'gone', problem: expect.stringContaining('does not exist')},
      {name: 'torn', servers: 0, source: join(input.paths.catalogsDir, 'torn.yaml')},
    ])
    for (const selection of [{catalogs: ['gone']}, {additional: ['gone']}]) {
      await expect(loadCatalogs(input, selection)).rejects.toMatchObject({
        code: 'CATALOG_UNKNOWN',
        hint: expect.stringContaining('docker mcp catalog rm gone'),
      })
    }
    await expect(findCatalog(input, 'torn')).rejects.toMatchObject({code: 'FILE_INVALID'})
    await removeCatalog(input, 'gone')
    expect((await loadCatalogs(input)).broken.map(({name}) => name)).toEqual(['docker-mcp', 'torn'])
  })

  test.each(['[]', '{"catalogs": 3}', '{'])('refuses a catalog.json of %s', async text => {
    await save('catalog.json', text)
    await expect(loadCatalogs(input)).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: expect.stringContaining(input.paths.catalogIndex),
    })
  })

  test('keeps the other servers of a catalog with a bad one', async () => {
    await save('catalogs/mixed.yaml', 'registry:\n  good: {image: x/good}\n  bad: {image: 7}\n')
    const catalogs = await loadCatalogs(input, {catalogs: ['mixed']})
    const {servers, problems} = catalogs
    expect([...servers.keys()]).toEqual(['good'])
    expect(problems.map(({server}) => server)).toEqual(['bad'])
    expect([...leftOut(catalogs).values()]).toEqual([
      expect.stringContaining('bad is left out: image'),
    ])
  })
})

describe('remarks', () => {
  test('says of the servers that are to run what means nothing, each once', async () => {
    const entry = '{image: x, foo: 1, "b\\nar": 2, disableNetwork: true, connectTo: [db]}'
    await save('catalogs/one.yaml', `registry:\n  a: ${entry}\n  b: ${entry}\n`)
    const catalogs = await loadCatalogs(input, {catalogs: ['one'], additional: ['one']})
    const place = join(input.paths.catalogsDir, 'one.yaml:2')
    expect(remarks(catalogs, ['a', 'a', 'nowhere'])).toEqual([
      `the catalog entry of a has keys that mean nothing here: foo (${place}), b?ar (${place})`,
      `the catalog entry of a: connectTo has no effect: disableNetwork is true (${place})`,
    ])
  })

  test('says nothing of an entry that another catalog replaces', async () => {
    await save('catalogs/one.yaml', 'registry:\n  a: {image: x, foo: 1}\n')
    await save('catalogs/two.yaml', 'registry:\n  a: {image: y}\n')
    const catalogs = await loadCatalogs(input, {catalogs: ['one', 'two']})
    expect(remarks(catalogs, ['a'])).toEqual([])
    const turned = await loadCatalogs(input, {catalogs: ['two', 'one']})
    expect(remarks(turned, ['a'])).toHaveLength(1)
  })

  test('shortens a list of keys that is long, and keys that are', async () => {
    const keys = ['k'.repeat(99), ...Array.from({length: 11}, (_, index) => `key${index}`)]
    const entry = JSON.stringify({image: 'x', ...Object.fromEntries(keys.map(key => [key, 1]))})
    await save('catalogs/one.yaml', `registry:\n  a: ${entry}\n`)
    const [line] = remarks(await loadCatalogs(input, {catalogs: ['one']}), ['a'])
    expect(line).toMatch(/: k{60}… \(.*:2\), key0 \(.*, key8 \(\S+:2\) and 2 more$/)
  })
})

describe('findCatalog', () => {
  test('gives catalogs of one name as one document', async () => {
    await save('catalogs/docker-mcp.yaml', 'registry:\n  time: {image: mcp/time, title: Time}\n')
    const {catalog} = await findCatalog(input, 'docker-mcp')
    expect(catalogDocument(catalog)).toEqual({
      version: 3,
      name: 'docker-mcp',
      displayName: 'Embedded',
      registry: {
        fetch: {image: 'mcp/fetch', title: 'old'},
        time: {image: 'mcp/time', title: 'Time'},
      },
    })
  })

  test('names the nearest catalog for a misspelt one', async () => {
    await expect(findCatalog(input, 'docker-mpc')).rejects.toMatchObject({
      code: 'CATALOG_UNKNOWN',
      hint: expect.stringContaining('docker-mcp'),
    })
  })
})
