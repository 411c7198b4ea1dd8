import {mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, test} from 'vitest'
import {addServers, createCatalog, removeServers} from '../../../src/lib/catalog/edit.ts'
import {catalogName, findName} from '../../../src/lib/catalog/identity.ts'
import {changeCatalogs, savedCatalogs, savedFile} from '../../../src/lib/catalog/saved.ts'
import {statePaths, type StatePaths} from '../../../src/lib/files/paths.ts'

let folder: string
let paths: StatePaths

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'docker-mcp-edit-'))
  paths = statePaths({configFlag: folder, env: {}})
})
afterEach(() => rm(folder, {recursive: true, force: true}))

const server = (name: string) => ({name, entry: {image: `x/${name}`}})

/** All files of the state folder, with their texts. */
async function state(): Promise<Readonly<Record<string, string>>> {
  const names = await readdir(paths.dir, {recursive: true, withFileTypes: true})
  const files = names
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
  return Object.fromEntries(
    await Promise.all(files.map(async file => [file, await readFile(file, 'utf8')] as const)),
  )
}

describe('names of catalogs', () => {
  test.each([
    ['mine', 'mine'],
    ['Mine and yours', 'Mine and yours'],
    ['org/team', 'org/team:latest'],
    ['docker.io/org/team:1', 'org/team:1'],
    ['docker.io/library/team', 'team:latest'],
    ['registry.example:5000/a/b', 'registry.example:5000/a/b:latest'],
  ])('%s is %s', (written, name) => {
    expect(catalogName(written)).toBe(name)
  })

  test.each([
    '',
    '..',
    '../x',
    'a/../b',
    '/etc',
    '.x',
    'a\\b',
    'a\0b',
    'a\nb',
    '-x',
    'x'.repeat(300),
    `org/${'x'.repeat(260)}`,
    'con',
    'NUL',
    'aux.team',
    'Com1',
    'lpt9.x/y',
  ])('%j is none', written => {
    expect(() => catalogName(written)).toThrow(expect.objectContaining({code: 'USAGE'}))
  })

  test('are found as they are kept, with or without the tag latest', () => {
    const known = ['mine', 'org/team:latest', 'org/team:2']
    expect(findName('mine', known)).toBe('mine')
    expect(findName('mine:latest', known)).toBe('mine')
    expect(findName('org/team', known)).toBe('org/team:latest')
    expect(findName('index.docker.io/org/team:2', known)).toBe('org/team:2')
    expect(findName('org/team:3', known)).toBeUndefined()
    expect(findName('../mine', known)).toBeUndefined()
  })

  test('are said shortly where they are none', () => {
    expect(() => catalogName('x/'.repeat(5000))).toThrow(/^.{1,120}$/)
  })

  test('are never a way out of the folder', () => {
    for (const name of ['../../x', '/etc/passwd', 'C:\\x', 'a/b:c', '..', 'CON|x']) {
      const file = savedFile(paths, name)
      expect(file.startsWith(join(paths.catalogsDir, '/'))).toBe(true)
      expect(file.slice(paths.catalogsDir.length + 1)).not.toMatch(/[\\/:|]/)
    }
  })
})

describe('catalogs that many change at once', () => {
  test('lose nothing', async () => {
    await createCatalog(paths, {name: 'mine'}, [], {replace: false})
    const names = Array.from({length: 8}, (_, at) => `s${at}`)
    await Promise.all([
      ...names.map(name => addServers(paths, 'mine', [server(name)], {replace: false})),
      ...names.map(name => createCatalog(paths, {name}, [], {replace: false})),
    ])
    const {registry} = await import('../../../src/lib/files/yaml.ts').then(async yaml =>
      yaml.parseYamlMap(await readFile(savedFile(paths, 'mine'), 'utf8'), 'mine'),
    )
    expect(Object.keys(Object(registry)).toSorted()).toEqual(names)
    expect((await savedCatalogs(paths)).map(({name}) => name).toSorted()).toEqual(
      ['mine', ...names].toSorted(),
    )
  })
})

describe('what cannot be done leaves everything as it was', () => {
  const refused: readonly (readonly [string, string, () => Promise<unknown>])[] = [
    [
      'a catalog that is there',
      'CATALOG_EXISTS',
      () => createCatalog(paths, {name: 'mine'}, [], {replace: false}),
    ],
    [
      'a server that is there',
      'CATALOG_EXISTS',
      () => addServers(paths, 'mine', [server('a')], {replace: false}),
    ],
    [
      'a server that cannot be one',
      'CATALOG_INVALID',
      () => addServers(paths, 'mine', [{name: 'b', entry: {image: 3}}], {replace: true}),
    ],
    [
      'a server with a key that is nearly one',
      'CATALOG_INVALID',
      () =>
        addServers(paths, 'mine', [{name: 'b', entry: {image: 'x', allowhosts: []}}], {
          replace: true,
        }),
    ],
    [
      'a name that no server can have',
      'CATALOG_INVALID',
      () => addServers(paths, 'mine', [{name: '../b', entry: {image: 'x'}}], {replace: true}),
    ],
    ['a catalog that is not there', 'CATALOG_UNKNOWN', () => removeServers(paths, 'min', ['a'])],
    ['a server that is not there', 'SERVER_UNKNOWN', () => removeServers(paths, 'mine', ['b'])],
    [
      'the catalog of the program',
      'USAGE',
      () => addServers(paths, 'docker-mcp', [server('b')], {replace: true}),
    ],
  ]
  test.each(refused)('%s', async (_what, code, attempt) => {
    await createCatalog(paths, {name: 'mine'}, [server('a')], {replace: false})
    const before = await state()
    await expect(attempt()).rejects.toMatchObject({code})
    expect(await state()).toEqual(before)
  })

  test.each(['Docker-MCP', 'DOCKER-MCP'])(
    'the file of the catalog of the program: %s',
    async name => {
      await createCatalog(paths, {name: 'mine'}, [], {replace: false})
      const before = await state()
      await expect(createCatalog(paths, {name}, [], {replace: false})).rejects.toMatchObject({
        code: 'CATALOG_EXISTS',
        message: expect.stringContaining('docker-mcp'),
      })
      expect(await state()).toEqual(before)
    },
  )

  const texts: readonly (readonly [string, string])[] = [
    ['a key twice', 'registry:\n  a: {image: x/a}\n  a: {image: x/b}\n'],
    ['a tab', 'registry:\n\ta: {image: x/a}\n'],
    ['an alias of nothing', 'registry: {a: *b}\n'],
    ['two documents', 'registry: {}\n---\nregistry: {}\n'],
  ]
  test.each(texts)('in a file with %s', async (_what, text) => {
    await createCatalog(paths, {name: 'mine'}, [], {replace: false})
    await writeFile(savedFile(paths, 'mine'), text)
    const before = await state()
    await expect(addServers(paths, 'mine', [server('a')], {replace: false})).rejects.toMatchObject({
      code: 'FILE_INVALID',
    })
    expect(await state()).toEqual(before)
  })

  test('when catalog.json cannot be written after the text was', async () => {
    await createCatalog(paths, {name: 'mine'}, [server('a')], {replace: false})
    const before = await state()
    const failing = changeCatalogs(paths, async ({save}) => {
      // Nothing can be put in the place of a folder.
      await rm(paths.catalogIndex)
      await mkdir(join(paths.catalogIndex, 'in-the-way'), {recursive: true})
      await save({name: 'mine'}, 'registry: {}\n')
    })
    await expect(failing).rejects.toMatchObject({code: 'FILE_DENIED'})
    await rm(paths.catalogIndex, {recursive: true})
    await writeFile(paths.catalogIndex, before[paths.catalogIndex] ?? '')
    expect(await state()).toEqual(before)
  })
})
