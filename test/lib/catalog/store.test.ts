import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, test} from 'vitest'
import {showCatalog} from '../../../src/lib/catalog/show.ts'
import {leftOut, loadCatalogs, type CatalogInput} from '../../../src/lib/catalog/store.ts'
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
  input = {paths, cwd: folder, embedded: async () => catalog}
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
    ['an address', 'https://example.test/c.yaml', 'NOT_BUILT', /cannot load yet/],
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
    expect(leftOut(catalogs)).toEqual([expect.stringContaining('bad is left out: image')])
  })
})

describe('showCatalog', () => {
  test('shows catalogs of one name as one document', async () => {
    await save('catalogs/docker-mcp.yaml', 'registry:\n  time: {image: mcp/time, title: Time}\n')
    const {servers, document} = await showCatalog(input, 'docker-mcp')
    expect(servers.map(({name, title}) => `${name}: ${title}`)).toEqual([
      'fetch: old',
      'time: Time',
    ])
    expect(document).toMatchObject({
      name: 'docker-mcp',
      displayName: 'Embedded',
      registry: {fetch: {image: 'mcp/fetch'}, time: {image: 'mcp/time'}},
    })
  })

  test('names the nearest catalog for a misspelt one', async () => {
    await expect(showCatalog(input, 'docker-mpc')).rejects.toMatchObject({
      code: 'CATALOG_UNKNOWN',
      hint: expect.stringContaining('docker-mcp'),
    })
  })
})
