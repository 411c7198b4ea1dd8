import {readFileSync} from 'node:fs'
import {describe, expect, test} from 'vitest'
import {catalogText} from '../../../src/lib/catalog/edit.ts'
import {searchable} from '../../../src/lib/catalog/search-catalogs.ts'
import {searchServers} from '../../../src/lib/catalog/search.ts'
import {readChecked} from '../../../src/lib/catalog/checked.ts'
import {catalogDocument} from '../../../src/lib/catalog/show.ts'
import {parseYamlMap} from '../../../src/lib/files/yaml.ts'
import {limitsSchema, serverSchema} from '../../../src/lib/model/catalog-schema.ts'
import {manyServers} from '../../support/many-servers.ts'

const FOLDER = new URL('../../fixtures/catalogs/', import.meta.url)

async function load(file: string) {
  const text = readFileSync(new URL(file, FOLDER), 'utf8')
  return {text, ...(await readChecked(text, {file, stateDir: '/nowhere'}))}
}

/** Each line of the file that has this text, from 1. */
function lineOf(text: string, words: string): number {
  return text.split('\n').findIndex(line => line.includes(words)) + 1
}

describe('a catalog with every key', () => {
  test('uses every key of the format', async () => {
    const {catalog} = await load('every-field-v3.yaml')
    const used = new Set([...catalog.servers.values()].flatMap(server => Object.keys(server)))
    expect([...used]).toEqual(expect.arrayContaining(Object.keys(serverSchema.shape)))
    const limits = catalog.servers.get('container')?.resources?.limits
    // `cpu` is the other name of `cpus`.
    expect(Object.keys({cpu: 1, ...limits}).toSorted()).toEqual(
      Object.keys(limitsSchema.shape).toSorted(),
    )
  })

  test('is read whole; only keys that are none are told, with the file and the line', async () => {
    const {text, catalog, problems} = await load('every-field-v3.yaml')
    expect([...catalog.servers.keys()]).toEqual([
      'container',
      'offline',
      'remote',
      'older-remote',
      'tools-alone',
    ])
    expect(problems.map(({kind, server, path, place}) => [kind, server, path, place])).toEqual([
      ['unknown', 'container', 'licence', `every-field-v3.yaml:${lineOf(text, 'licence:')}`],
      ['unknown', 'container', 'x-team', `every-field-v3.yaml:${lineOf(text, 'x-team:')}`],
      ['unknown', 'remote', 'remote.retries', `every-field-v3.yaml:${lineOf(text, 'retries:')}`],
    ])
  })

  test('of the older version is read without a word', async () => {
    const {catalog, problems} = await load('every-field-v2.yaml')
    expect(problems).toEqual([])
    expect([...catalog.servers.keys()]).toEqual(['search', 'with-login', 'empty-keys'])
    expect(catalog.servers.get('with-login')?.oauth?.providers).toEqual([
      {provider: 'login', secret: 'login.personal_access_token', env: 'LOGIN_TOKEN'},
    ])
    expect(catalog.servers.get('empty-keys')).toEqual({
      name: 'empty-keys',
      type: 'server',
      image: 'mcp/empty',
      secrets: [],
      longLived: false,
    })
  })

  test.each(['every-field-v3.yaml', 'every-field-v2.yaml'])(
    'of %s reads back as it was written',
    async file => {
      const {catalog} = await load(file)
      const text = catalogText(catalogDocument(catalog))
      const again = await readChecked(text, {file: 'again.yaml', stateDir: '/nowhere'})
      expect(again.catalog).toEqual(catalog)
    },
  )

  test('keeps unknown keys, in the entry and when it is written again', async () => {
    const {catalog} = await load('every-field-v3.yaml')
    const registry = parseYamlMap(catalogText(catalogDocument(catalog)), 'x')['registry']
    expect(registry).toMatchObject({
      container: {licence: 'MIT', 'x-team': {contact: 'someone'}},
      remote: {remote: {retries: 3}},
    })
  })

  test('is found by what its servers are for', async () => {
    const {catalog} = await load('every-field-v3.yaml')
    const all = [...catalog.servers.values()].map(searchable)
    const first = async (query: string) => (await searchServers(all, query, 1))[0]?.name
    expect(await first('devops')).toBe('container')
    expect(await first('convert')).toBe('tools-alone')
    expect(await first('somewhere else')).toBe('remote')
  })
})

describe('a catalog of three hundred servers', () => {
  test('is read whole and without a word', async () => {
    const text = catalogText(manyServers())
    const {catalog, problems} = await readChecked(text, {file: 'many.yaml', stateDir: '/nowhere'})
    expect(catalog.servers.size).toBe(300)
    expect(problems).toEqual([])
    expect(catalogText(catalogDocument(catalog)).length).toBeGreaterThan(text.length / 2)
  })
})
