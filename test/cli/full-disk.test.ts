import {mkdir, readdir, readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {capture} from '../../scripts/process.ts'
import {Scope} from '../../src/lib/base/scope.ts'
import {dockerCli} from '../support/docker-cli.ts'

/** So much that the disk is full however much each file takes of it. */
const LARGE = 'x'.repeat(60_000)
const FILES = {
  'registry.yaml': '# on\nregistry:\n  memory: {ref: ""}\n',
  'config.yaml': '# set\nnotes: {n: 1}\n',
  'tools.yaml': 'memory: [read_graph]\n',
  'catalog.json': '{"catalogs": {"mine": {}}}\n',
  'catalogs/mine.yaml': 'name: mine\nregistry: {}\n',
  'profiles/work.yaml': 'version: 1\nid: work\nname: Work\nservers: []\n',
  'mcp-gateway-config.yaml': 'logLevel: info # ours\n',
}

test.each([
  ['server', 'enable', 'everything'],
  ['profile', 'create', '--name', 'New', '--server', 'everything'],
  ['profile', 'use', 'work'],
  ['catalog', 'create', 'new', '--server', 'catalog://docker-mcp/memory'],
  ['catalog', 'rm', 'docker-mcp'],
  ['catalog', 'fork', 'docker-mcp', 'ours'],
  ['config', 'write', `notes: {n: 2, text: ${LARGE}}`],
])('a full disk leaves everything as it was: %s %s', async (...args) => {
  await using scope = new Scope()
  const cli = scope.use(await dockerCli())
  await mkdir(cli.mcpDir, {recursive: true})
  const mounted = await capture('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', cli.mcpDir])
  expect(mounted).toMatchObject({code: 0})
  scope.defer(async () => void (await capture('umount', ['--lazy', cli.mcpDir])))
  for (const [name, text] of Object.entries(FILES)) {
    await mkdir(join(cli.mcpDir, name, '..'), {recursive: true})
    await writeFile(join(cli.mcpDir, name), text)
  }
  await fill(join(cli.mcpDir, 'filling'))
  const before = await filesIn(cli.mcpDir)
  const {code, stdout, stderr} = await cli.run(['mcp', ...args])
  expect({code, stdout}).toEqual({code: 1, stdout: ''})
  expect(stderr).toMatch(/no space|ENOSPC|disk/i)
  expect(await filesIn(cli.mcpDir)).toEqual(before)
})

async function fill(file: string): Promise<void> {
  const refused = writeFile(file, LARGE.repeat(4))
  await expect(refused).rejects.toMatchObject({code: 'ENOSPC'})
}

async function filesIn(dir: string): Promise<ReadonlyMap<string, string>> {
  const names = await readdir(dir, {recursive: true, withFileTypes: true})
  const files = names
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
  return new Map(
    await Promise.all(
      files.toSorted().map(async file => [file, await readFile(file, 'utf8')] as const),
    ),
  )
}
