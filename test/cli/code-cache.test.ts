import {execFile} from 'node:child_process'
import {mkdir, readdir, readFile, stat, symlink, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {describe, expect, test} from 'vitest'
import {dockerCli, PROGRAM, type DockerCli} from '../support/docker-cli.ts'

const run = promisify(execFile)

/** One whose compiled code is nobody else's. */
async function alone(): Promise<{
  cli: DockerCli
  mcp: Run
  kept: () => Promise<readonly string[]>
}> {
  const cli = await dockerCli()
  const cache = join(cli.home, 'own-cache')
  const env = {XDG_CACHE_HOME: cache}
  return {
    cli,
    mcp: (args, program = PROGRAM) => cli.run(args, {program, env}),
    kept: async () => {
      const names = await readdir(join(cache, 'docker-mcp', 'code'), {recursive: true})
      return names.map(name => join(cache, 'docker-mcp', 'code', name)).toSorted()
    },
  }
}

type Run = (args: readonly string[], program?: string) => ReturnType<DockerCli['run']>

describe('compiled code', () => {
  test('is kept for each command that succeeds, for the user alone, and taken by the next', async () => {
    const {cli, mcp, kept} = await alone()
    await using _ = cli
    await mcp(['server', 'ls'])
    await mcp(['version'])
    expect((await mcp(['server', 'lss'])).code).toBe(125)
    const [folder = '', ...files] = await kept()
    expect(files.map(file => file.slice(folder.length + 1))).toEqual(['server.ls', 'version'])
    const before = await Promise.all(files.map(file => stat(file)))
    expect(before.map(({mode}) => mode & 0o777)).toEqual([0o600, 0o600])
    expect((await mcp(['server', 'ls'])).code).toBe(0)
    const after = await Promise.all(files.map(file => stat(file)))
    expect(after.map(({ino}) => ino)).toEqual(before.map(({ino}) => ino))
  })

  test.for([
    ['cut', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
    ['empty', () => Buffer.alloc(0)],
    ['a hole', (bytes: Buffer) => Buffer.alloc(bytes.length)],
    ['of another V8', (bytes: Buffer) => Buffer.from(bytes).fill(7, 4, 8)],
  ] as const)('that is %s is made anew', async ([, damage]) => {
    const {cli, mcp, kept} = await alone()
    await using _ = cli
    await mcp(['version'])
    const [, file = ''] = await kept()
    const good = await readFile(file)
    await writeFile(file, damage(good))
    const {code, stderr} = await mcp(['version'])
    expect({code, stderr}).toEqual({code: 0, stderr: ''})
    expect((await readFile(file)).length).toBeGreaterThan(good.length / 2)
    expect(await readFile(file)).not.toEqual(damage(good))
  })

  test('is of one text of the program: another of the same length has its own, and the old one goes', async () => {
    const {cli, mcp, kept} = await alone()
    await using _ = cli
    const root = join(cli.home, 'copy')
    await mkdir(root)
    for (const part of ['bin', 'dist', 'package.json']) {
      await run('cp', ['-r', join(PROGRAM, '..', '..', part), join(root, part)])
    }
    await symlink(join(PROGRAM, '..', '..', 'node_modules'), join(root, 'node_modules'))
    const program = join(root, 'bin', 'docker-mcp')
    const {stdout} = await mcp(['version'], program)
    const before = await kept()
    const file = join(root, 'dist', 'main.cjs')
    const text = await readFile(file, 'latin1')
    const version = `"${stdout.trim()}"`
    const other = `"${stdout.trim().replace(/^\d/, '9')}"`
    const digest = /[0-9a-f]{64}\n$/.exec(text)?.[0] ?? ''
    await writeFile(
      file,
      text.replaceAll(version, other).replace(digest, digest.replace(/^.{8}/, '01234567')),
      'latin1',
    )
    expect(`"${(await mcp(['version'], program)).stdout.trim()}"`).toBe(other)
    const after = await kept()
    expect(after).toHaveLength(before.length)
    expect(after[0]).not.toBe(before[0])
  })

  test('is done without where no folder can be made', async () => {
    const {cli, mcp} = await alone()
    await using _ = cli
    await writeFile(join(cli.home, 'own-cache'), 'a file is in the way')
    const {code, stderr} = await mcp(['version'])
    expect({code, stderr}).toEqual({code: 0, stderr: ''})
  })
})
