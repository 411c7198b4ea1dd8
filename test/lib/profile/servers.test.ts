import {mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, test} from 'vitest'
import {statePaths} from '../../../src/lib/files/paths.ts'
import {parseCatalog} from '../../../src/lib/model/catalog.ts'
import {
  disable,
  enable,
  findServers,
  inspectServer,
  listServers,
  type ServersInput,
} from '../../../src/lib/profile/servers.ts'

const REGISTRY = {
  plain: {image: 'x/plain', description: 'Does one thing. And another.'},
  github: {
    image: 'mcp/github',
    title: 'GitHub',
    description: 'Issues and pull requests',
    secrets: [
      {name: 'github.token', env: 'TOKEN'},
      {name: 'github.extra', env: 'EXTRA', required: false},
    ],
    config: [
      {
        name: 'github',
        type: 'object',
        properties: {host: {type: 'string'}, user: {type: 'string'}},
        required: ['host', 'user'],
      },
    ],
  },
}

let folder: string
let input: ServersInput

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'docker-mcp-servers-'))
  const paths = statePaths({configFlag: folder, env: {}})
  await mkdir(paths.dir, {recursive: true})
  const {catalog} = parseCatalog({name: 'docker-mcp', registry: REGISTRY}, 'embedded')
  input = {
    paths,
    cwd: folder,
    env: {HOME: folder},
    embedded: async () => catalog,
    settings: async () => ({}),
  }
})

afterEach(() => rm(folder, {recursive: true, force: true}))

describe('enable and disable', () => {
  test('switches servers on and off, and says which were so already', async () => {
    expect(await enable(input, ['plain', 'github'])).toEqual({
      enabled: ['plain', 'github'],
      already: [],
    })
    expect(await enable(input, ['plain'])).toEqual({enabled: [], already: ['plain']})
    expect(await disable(input, ['github'])).toEqual(['github'])
    expect((await listServers(input, 'docker-desktop')).rows.map(({name}) => name)).toEqual([
      'plain',
    ])
  })

  test('switches nothing on when one of the names is unknown, and offers the nearest', async () => {
    await expect(enable(input, ['plain', 'githup'])).rejects.toMatchObject({
      code: 'SERVER_UNKNOWN',
      message: 'no catalog has a server named "githup"',
      hint: 'did you mean "github"?',
    })
    await expect(readFile(input.paths.registry, 'utf8')).rejects.toMatchObject({code: 'ENOENT'})
  })

  test('switches off what is on when another name is not', async () => {
    await enable(input, ['plain'])
    await expect(disable(input, ['plain', 'github'])).rejects.toMatchObject({
      code: 'SERVER_UNKNOWN',
      message: 'not enabled: github',
    })
    expect((await listServers(input, 'docker-desktop')).rows).toEqual([])
  })

  test('switches off a server that no catalog has any more', async () => {
    await writeFile(input.paths.registry, 'registry:\n  gone:\n    ref: ""\n')
    expect(await disable(input, ['gone'])).toEqual(['gone'])
  })
})

describe('listServers', () => {
  test('tells what each server still needs', async () => {
    await enable(input, ['plain', 'github'])
    const {rows} = await listServers(input, 'docker-desktop')
    expect(rows).toEqual([
      {
        name: 'plain',
        description: 'Does one thing.',
        secrets: 'none',
        config: 'none',
        oauth: 'none',
      },
      {
        name: 'github',
        description: 'Issues and pull requests',
        secrets: 'required',
        config: 'required',
        oauth: 'none',
      },
    ])
  })

  test('counts secrets of the named files and values of config.yaml', async () => {
    await enable(input, ['github'])
    await writeFile(join(folder, '.env'), 'github.token=abc\n')
    await writeFile(input.paths.config, 'github:\n  host: h\n')
    expect((await listServers(input, './.env')).rows).toMatchObject([
      {secrets: 'done', config: 'partial'},
    ])
    await writeFile(input.paths.config, 'github:\n  host: h\n  user: u\n')
    expect((await listServers(input, './.env')).rows).toMatchObject([{config: 'done'}])
  })

  test('lists an enabled server that no catalog has, and says so', async () => {
    await writeFile(input.paths.registry, 'registry:\n  gone:\n    ref: ""\n')
    expect((await listServers(input, 'docker-desktop')).rows).toMatchObject([
      {name: 'gone', description: '(not in any catalog)'},
    ])
  })
})

describe('findServers', () => {
  test('lists all by name without a query, and says which are on', async () => {
    await enable(input, ['plain'])
    expect(await findServers(input, '', 10)).toMatchObject([
      {name: 'github', enabled: false, catalog: 'docker-mcp'},
      {name: 'plain', enabled: true},
    ])
  })

  test('finds a misspelt server', async () => {
    expect(await findServers(input, 'githb pull', 10)).toMatchObject([{name: 'github'}])
  })
})

describe('inspectServer', () => {
  test('shows the entry with what is set for it', async () => {
    await writeFile(input.paths.config, 'github:\n  host: h\n')
    await writeFile(input.paths.tools, 'github:\n  - list_issues\n')
    expect((await inspectServer(input, 'github', undefined)).facts).toMatchObject({
      name: 'github',
      catalog: 'docker-mcp',
      enabled: false,
      image: 'mcp/github',
      configured: {host: 'h'},
      allowedTools: ['list_issues'],
    })
  })
})
