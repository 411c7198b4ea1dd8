import {mkdir, readdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {ensurePythonImage} from '../../scripts/python-image.ts'
import {capture} from '../../scripts/process.ts'
import {Scope} from '../../src/lib/base/scope.ts'
import {freshName, nodeBuilder} from '../support/builder-images.ts'
import {dockerCli} from '../support/docker-cli.ts'

describe('server init', () => {
  test.each([
    ['typescript', nodeBuilder, ['package.json', 'src', 'tsconfig.json']],
    ['python', () => ensurePythonImage(() => undefined), ['mcp_stdio.py', 'server.py']],
  ])(
    'makes a server in %s that is built, listed and called',
    async (language, base, own) => {
      await using scope = new Scope()
      const cli = scope.use(await dockerCli())
      const name = freshName(`init-${language}`)
      const dir = join(cli.home, name)
      const made = await cli.run(['mcp', 'server', 'init', name, '--language', language], {
        cwd: cli.home,
      })
      expect(made).toMatchObject({code: 0, stdout: ''})
      expect(made.stderr.toLowerCase()).toContain(`${name} is written in ${language};`)
      const common = ['.dockerignore', 'Dockerfile', 'README.md', 'catalog.yaml']
      expect((await readdir(dir)).toSorted()).toEqual([...common, ...own].toSorted())
      const image = `localhost/${name}:latest`
      scope.defer(async () => void (await capture('docker', ['image', 'rm', '--force', image])))
      const built = await capture(
        'docker',
        ['build', '--quiet', '--tag', image, '--build-arg', `BASE=${await base()}`, dir],
        {env: {...process.env, DOCKER_BUILDKIT: '0'}, timeout: 300_000},
      )
      expect(built).toMatchObject({code: 0})
      const imported = await cli.run(['mcp', 'catalog', 'import', join(dir, 'catalog.yaml')])
      expect(imported).toMatchObject({code: 0})
      await cli.mcp('server', 'enable', name)
      expect(await cli.mcp('catalog', 'show', name)).toContain(name)
      expect(await cli.mcp('server', 'ls')).toMatch(/^init-\w+-\w+ +- +- +- +Greets people\.$/m)
      expect(await cli.mcp('tools', 'ls')).toBe('1 tools:\n - greet - Greets somebody by name.\n')
      expect(await cli.mcp('tools', 'call', 'greet', 'name=you')).toBe('Hello, you!\n')
      await cli.gone()
    },
    400_000,
  )

  test.each([
    [['Bad_Name'], '"Bad_Name" cannot be the name of a server'],
    [['full'], 'is not empty'],
    [['new', '--name', '../x'], '"../x" cannot be the name of a server'],
    [['new', '--language', 'cobol'], '--language'],
  ])('refuses %j and makes nothing', async (args, says) => {
    await using cli = await dockerCli()
    await mkdir(join(cli.home, 'full'))
    await writeFile(join(cli.home, 'full', 'mine'), '')
    const before = await readdir(cli.home, {recursive: true})
    const {code, stderr} = await cli.run(['mcp', 'server', 'init', ...args], {cwd: cli.home})
    expect({code, stderr}).toEqual({code: 125, stderr: expect.stringContaining(says)})
    expect(await readdir(cli.home, {recursive: true})).toEqual(before)
  })

  test('uses an empty folder that is there', async () => {
    await using cli = await dockerCli()
    const dir = join(cli.home, 'empty')
    await mkdir(dir)
    await cli.run(['mcp', 'server', 'init', '.', '--name', 'mine'], {cwd: dir})
    expect(await readdir(dir)).toContain('catalog.yaml')
  })
})
