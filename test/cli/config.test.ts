import {mkdir, readdir, readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {dockerCli, type DockerCli} from '../support/docker-cli.ts'

const CONFIG = '# mine\nnotes: # of the server\n  folder: ~/notes # here\n  n: 5\n'
const fileOf = (cli: DockerCli, name: string) => readFile(join(cli.mcpDir, name), 'utf8')

async function put(cli: DockerCli, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const file = join(cli.mcpDir, name)
    await mkdir(join(file, '..'), {recursive: true})
    await writeFile(file, text)
  }
}

describe('config read, write and reset', () => {
  test('give back what was written, with its comments', async () => {
    await using cli = await dockerCli()
    expect(await cli.mcp('config', 'read')).toBe('')
    await cli.run(['mcp', 'config', 'write', '-'], {stdin: CONFIG})
    expect(await cli.mcp('config', 'read')).toBe(CONFIG)
    expect(JSON.parse(await cli.mcp('config', 'read', '--format', 'json'))).toEqual({
      notes: {folder: '~/notes', n: 5},
    })
  })

  test('keep comments and order of what stays', async () => {
    await using cli = await dockerCli()
    await put(cli, {'config.yaml': CONFIG})
    await cli.mcp('config', 'write', 'notes: {folder: ~/other, n: 5}')
    expect(await fileOf(cli, 'config.yaml')).toBe(CONFIG.replace('~/notes', '~/other'))
    await cli.mcp('config', 'reset')
    expect(await cli.mcp('config', 'read', '--format', 'json')).toBe('{}\n')
    expect(await fileOf(cli, 'config.yaml')).toContain('# mine\n')
  })

  test.each([['reset'], ['write', ''], ['write', '{}']])(
    'leave a map when nothing is set any more, not an empty file: %j',
    async (...words) => {
      await using cli = await dockerCli()
      for (const before of ['notes: {n: 1}\n', 'notes:\n  n: 1\n', ' \n']) {
        await put(cli, {'config.yaml': before})
        await cli.mcp('config', ...words)
        expect(await fileOf(cli, 'config.yaml')).toBe('{}\n')
      }
    },
  )

  test.each([
    ['a: [1', 'the document:1:'],
    ['a: 5', 'the document:1:1: “a” is not a map of values'],
    ['a: {b: 1}\na: {b: 2}', 'the document:2:1: Map keys must be unique'],
    ['[a]', 'the document:1:1: the top is not a map of keys'],
    ['a:\n\t- b', 'the document:2:1:'],
  ])('refuse %j and keep the file byte for byte', async (yaml, says) => {
    await using cli = await dockerCli()
    await put(cli, {'config.yaml': CONFIG})
    const {code, stderr} = await cli.run(['mcp', 'config', 'write', yaml])
    expect({code, stderr}).toEqual({code: 1, stderr: expect.stringContaining(says)})
    expect(await fileOf(cli, 'config.yaml')).toBe(CONFIG)
  })

  test('refuse a credential, and name its key alone', async () => {
    await using cli = await dockerCli()
    const token = `ghp_${'a1'.repeat(18)}`
    const {code, stderr} = await cli.run(['mcp', 'config', 'write', `a: {token: ${token}}`])
    expect(code).toBe(1)
    expect(stderr).toContain('the document:1:5: “a.token” looks like a credential')
    expect(stderr).toContain('docker mcp secret set')
    expect(stderr).not.toContain(token)
    expect(await cli.mcp('config', 'read')).toBe('')
  })

  test('name the file that cannot be edited', async () => {
    await using cli = await dockerCli()
    await put(cli, {'config.yaml': 'a: 1\na: 2\n'})
    const {code, stderr} = await cli.run(['mcp', 'config', 'write', 'b: {}'])
    expect(code).toBe(1)
    expect(stderr).toContain('config.yaml')
    expect(await fileOf(cli, 'config.yaml')).toBe('a: 1\na: 2\n')
  })
})

describe('config dump and restore', () => {
  const FILES = {
    'config.yaml': CONFIG,
    'registry.yaml': '# on\nregistry:\n  notes: {ref: ""}\n',
    'tools.yaml': 'notes: [read] # one\n',
    'catalog.json': '{"catalogs": {"mine": {"displayName": "Mine", "kept": 1}}}\n',
    'catalogs/mine.yaml': 'name: mine\nregistry: {} # none\n',
    'profiles/in-use': 'work\n',
    'profiles/work.yaml': 'version: 1\nid: work\nname: Work\nservers: []\n',
    'mcp-gateway-config.yaml': 'port: 9000 # ours\n',
  }

  test('carry everything to another home, byte for byte', async () => {
    await using one = await dockerCli()
    await using other = await dockerCli()
    await put(one, FILES)
    const dump = await one.mcp('config', 'dump')
    const {stderr} = await other.run(['mcp', 'config', 'restore', '-'], {stdin: dump})
    for (const [name, text] of Object.entries(FILES)) expect(await fileOf(other, name)).toBe(text)
    expect(stderr.match(/^restored /gm)).toHaveLength(Object.keys(FILES).length)
    expect(await other.mcp('config', 'dump')).toBe(dump)
    const again = await other.run(['mcp', 'config', 'restore', '-'], {stdin: dump})
    expect(again.stderr).toBe('everything was so already\n')
  })

  test.each([
    ['not json', 'stdin is not JSON'],
    ['[]', 'stdin is not a dump'],
    ['{"config": 5}', '“config” is not the text of a file'],
    ['{"config": "a: 5"}', 'stdin: config:1:1: “a” is not a map of values'],
    ['{"config": "", "registry": "registry: 5"}', 'stdin: registry:1:1: “registry” is not a map'],
    ['{"catalogFiles": {"../evil.yaml": ""}}', 'no plain file'],
    ['{"catalogFiles": {"a/b.yaml": ""}}', 'no plain file'],
    ['{"profileFiles": {"..\\\\evil.yaml": ""}}', 'no plain file'],
    ['{"profileFiles": {"run.sh": ""}}', 'no plain file'],
    ['{"tokens": "x"}', '“tokens” is no part of a dump'],
    ['{"profileFiles": {"work.yaml": "servers: 5"}}', 'work.yaml:1:1: “servers” must be a list'],
    ['{"gateway": "port: many"}', 'stdin: gateway:1:1: “port” must be a number'],
    ['{"catalogFiles": {"mine.yaml": "name: mine"}}', 'it has no "registry"'],
    ['{"catalog": "{\\"catalogs\\": []}"}', 'stdin: catalog is not a list of catalogs'],
    ['{"catalog": "{\\"catalogs\\": {\\"x\\": {}}}"}', 'names x, and its file is not in the dump'],
    ['{"profileInUse": "../x"}', '“profileInUse” is no profile that there is'],
  ])('refuse %s and change nothing', async (dump, says) => {
    await using cli = await dockerCli()
    await put(cli, FILES)
    const before = await cli.mcp('config', 'dump')
    const {code, stderr} = await cli.run(['mcp', 'config', 'restore', '-'], {stdin: dump})
    expect({code, stderr}).toEqual({code: 1, stderr: expect.stringContaining(says)})
    expect(await cli.mcp('config', 'dump')).toBe(before)
    expect(await readdir(cli.mcpDir)).not.toContain('evil.yaml')
  })

  test('leave alone what the dump does not have, also where docker writes an empty text', async () => {
    await using empty = await dockerCli()
    await using cli = await dockerCli()
    await put(cli, FILES)
    const nothing = await empty.mcp('config', 'dump')
    expect(JSON.parse(nothing)).toEqual({catalogFiles: {}, profileFiles: {}})
    const ofDocker = {config: '', registry: '', catalog: '', catalogFiles: {}, tools: ''}
    for (const stdin of [nothing, JSON.stringify(ofDocker)]) {
      const {stderr} = await cli.run(['mcp', 'config', 'restore', '-'], {stdin})
      expect(stderr).toBe('everything was so already\n')
    }
    for (const [name, text] of Object.entries(FILES)) expect(await fileOf(cli, name)).toBe(text)
  })

  test('put everything back when one file cannot be written', async () => {
    await using one = await dockerCli()
    await using cli = await dockerCli()
    await put(one, FILES)
    const dump = await one.mcp('config', 'dump')
    await put(cli, {'config.yaml': 'a: {b: 1}\n', 'tools.yaml/in-the-way': ''})
    const {code, stderr} = await cli.run(['mcp', 'config', 'restore', '-'], {stdin: dump})
    expect(code).toBe(1)
    expect(stderr).toContain('tools.yaml')
    expect(await fileOf(cli, 'config.yaml')).toBe('a: {b: 1}\n')
  })

  test('two that write at once leave what one of them wrote', async () => {
    await using cli = await dockerCli()
    const texts = ['a: {n: 1}\n', 'b: {n: 2}\n']
    await Promise.all(texts.map(text => cli.mcp('config', 'write', text.trim())))
    const {a, b} = JSON.parse(await cli.mcp('config', 'read', '--format', 'json'))
    expect([JSON.stringify(a), JSON.stringify(b)].filter(Boolean)).toHaveLength(1)
  })
})
