import {execFile} from 'node:child_process'
import {mkdir, readFile, symlink} from 'node:fs/promises'
import {join} from 'node:path'
import {promisify} from 'node:util'

import {describe, expect, test} from 'vitest'

import packageJson from '../../package.json' with {type: 'json'}
import {LOADERS} from '../../src/commands/index.ts'
import {pluginMetadata} from '../../src/lib/plugin/metadata.ts'
import {dockerCli, PROGRAM} from '../support/docker-cli.ts'

const run = promisify(execFile)

describe('docker', () => {
  test('lists the plugin and takes its metadata', async () => {
    await using cli = await dockerCli()
    const {stdout} = await cli.run(['--help'])
    expect(stdout).toMatch(/^ {2}mcp\* +Docker MCP Plugin$/m)
    const format = '{{range .ClientInfo.Plugins}}{{.Name}} {{.Version}} {{.Err}}\n{{end}}'
    const info = await cli.run(['info', '--format', format])
    expect(info.stdout).toContain(`mcp ${packageJson.version} <nil>`)
  })

  test.for([
    [['help', 'mcp'], 'Usage:  docker mcp COMMAND'],
    [['mcp', '--help'], 'Usage:  docker mcp COMMAND'],
    [['mcp', '-h'], 'Usage:  docker mcp COMMAND'],
    [['mcp', 'help'], 'Usage:  docker mcp COMMAND'],
    [['mcp'], 'Usage:  docker mcp COMMAND'],
    [['mcp', 'server'], 'Usage:  docker mcp server COMMAND'],
    [['mcp', 'help', 'server', 'ls'], 'Usage:  docker mcp server ls [FLAGS]'],
    [['help', 'mcp', 'server', 'list'], 'Usage:  docker mcp server ls [FLAGS]'],
    [['mcp', '--version'], packageJson.version],
    [['mcp', '-v'], packageJson.version],
  ] as const)('%s answers on stdout', async ([args, first]) => {
    await using cli = await dockerCli()
    const {code, stdout, stderr} = await cli.run(args)
    expect({code, stderr, first: stdout.split('\n')[0]}).toEqual({code: 0, stderr: '', first})
  })
})

describe('the launcher', () => {
  test('answers with the metadata of this version, like the program itself', async () => {
    const {stdout} = await run(PROGRAM, ['docker-cli-plugin-metadata'])
    expect(stdout).toBe(`${pluginMetadata(packageJson.version)}\n`)
    expect(JSON.parse(stdout)).toMatchObject({SchemaVersion: '0.1.0', Version: packageJson.version})
  })

  test.for([
    ['without docker', ['server', 'ls']],
    ['with the plugin word', ['mcp', 'server', 'ls']],
    ['with flags of docker', ['--debug', 'mcp', 'server', 'ls']],
  ] as const)('works alone: %s', async ([, args]) => {
    await using cli = await dockerCli()
    await cli.mcp('server', 'enable', 'memory')
    const {code, stdout} = await cli.run(args, {program: PROGRAM})
    expect(code).toBe(0)
    expect(stdout).toContain('memory')
  })

  test('is found through relative and repeated links', async () => {
    await using cli = await dockerCli()
    const folder = join(cli.home, 'bin')
    await mkdir(folder)
    await symlink('../docker/cli-plugins/docker-mcp', join(folder, 'one'))
    await symlink('one', join(folder, 'two'))
    const {stdout} = await cli.run(['version'], {program: join(folder, 'two')})
    expect(stdout).toBe(`${packageJson.version}\n`)
  })

  test('says that Node is missing, or that the project is not built', async () => {
    await using cli = await dockerCli()
    const folder = join(cli.home, 'copy', 'bin')
    await mkdir(folder, {recursive: true})
    for (const file of ['docker-mcp', 'docker-mcp.cjs', 'load.cjs']) {
      await run('cp', [join(PROGRAM, '..', file), folder])
    }
    const program = join(folder, 'docker-mcp')
    const node = await cli.run(['version'], {program, env: {PATH: '/nowhere'}})
    expect(node).toMatchObject({code: 1, stdout: ''})
    expect(node.stderr).toContain('needs Node.js 22')
    const path = `${join(process.execPath, '..')}:${cli.env['PATH']}`
    const build = await cli.run(['version'], {program, env: {PATH: path}})
    expect(build).toMatchObject({code: 1, stdout: ''})
    expect(build.stderr).toContain('npm ci && npm run build')
  })
})

describe("docker's global flags before mcp", () => {
  test.for([
    ['-D', ['-D']],
    ['--log-level', ['--log-level', 'debug']],
    ['-c', ['-c', 'default']],
    ['--context', ['--context=default']],
    ['-H', ['-H', 'unix:///var/run/docker.sock']],
    ['--tls=false', ['--tls=false']],
  ] as const)('%s is taken', async ([, globals]) => {
    await using cli = await dockerCli()
    await cli.mcp('server', 'enable', 'everything')
    const {code, stdout} = await cli.run([...globals, 'mcp', 'server', 'ls', '--format', 'json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject([{name: 'everything'}])
  })

  test('a context that does not exist is named, with those that do', async () => {
    await using cli = await dockerCli()
    const {code, stderr} = await cli.run(['-c', 'nowhere', 'mcp', 'server', 'status'])
    expect(code).not.toBe(0)
    expect(stderr).toContain('nowhere')
  })

  test('-D shows where an error comes from', async () => {
    await using cli = await dockerCli()
    const {stderr} = await cli.run(['-D', 'mcp', 'server', 'inspect', 'nothing'])
    expect(stderr).toContain('PluginError: ')
    const plain = await cli.run(['mcp', 'server', 'inspect', 'nothing'])
    expect(plain.stderr).not.toContain('PluginError')
  })
})

const read = (folder: string) => readFile(join(folder, 'mcp', 'registry.yaml'), 'utf8')

describe('the state', () => {
  test('moves with DOCKER_CONFIG and with --config', async () => {
    await using cli = await dockerCli()
    const other = join(cli.home, 'other')
    await mkdir(join(other, 'cli-plugins'), {recursive: true})
    await symlink(PROGRAM, join(other, 'cli-plugins', 'docker-mcp'))
    await cli.mcp('server', 'enable', 'memory')
    await cli.run(['mcp', 'server', 'enable', 'fetch'], {env: {DOCKER_CONFIG: other}})
    await cli.run(['--config', other, 'mcp', 'server', 'enable', 'time'])
    expect(await read(cli.configDir)).toMatch(/memory/)
    expect(await read(cli.configDir)).not.toMatch(/fetch|time/)
    expect(await read(other)).toMatch(/fetch[\s\S]*time/)
  })
})

describe('--help', () => {
  test.for(Object.keys(LOADERS))('of %s has a summary, the usage and an example', async id => {
    await using cli = await dockerCli()
    const words = id.split(':')
    const text = await cli.mcp(...words, '--help')
    const [usage, blank, summary] = text.split('\n')
    expect(usage).toMatch(new RegExp(`^Usage:  docker mcp ${words.join(' ')}( |$)`))
    expect(blank).toBe('')
    expect(summary).toMatch(/^[a-z]/)
    expect(text).toMatch(
      new RegExp(`^Examples:\\n(?: {2}# .*\\n)? {2}docker mcp ${words.join(' ')}`, 'm'),
    )
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  })
})

describe('completion', () => {
  test.for([
    [['s'], ['secret\t', 'server\t']],
    [['server', 'en'], ['enable\tswitch servers on']],
    [['server', 'enable', 'everyth'], ['everything\tEverything (sample)']],
    [['server', 'disable', ''], ['memory\t']],
    [
      ['server', 'ls', '--format', ''],
      ['human', 'json', 'yaml'],
    ],
    [['server', 'ls', '--fo'], ['--format\thow to print']],
    [['gateway', 'run', '--servers', 'sequ'], ['sequentialthinking\tSequential Thinking (sample)']],
    [
      ['gateway', 'run', '--watch='],
      ['true', 'false'],
    ],
    [['catalog', 'show', ''], ['docker-mcp']],
    [['catalogs', 'show', ''], ['docker-mcp']],
    [['nonsense', ''], []],
  ] as const)('of %s offers %s', async ([words, offered]) => {
    await using cli = await dockerCli()
    await cli.mcp('server', 'enable', 'memory')
    const {code, stdout} = await cli.run(['__complete', 'mcp', ...words])
    expect(code).toBe(0)
    const lines = stdout.split('\n').filter(line => line !== '')
    expect(lines.at(-1)).toMatch(/^:\d+$/)
    const answers = lines.slice(0, -1)
    expect(answers.map(line => line.trimEnd())).toEqual(offered.map(line => line.trimEnd()))
  })

  test('offers nothing, and no error, when a file is broken', async () => {
    await using cli = await dockerCli()
    await cli.write('registry.yaml', 'registry: [')
    const {code, stdout, stderr} = await cli.run(['__complete', 'mcp', 'server', 'disable', ''])
    expect({code, stdout}).toEqual({code: 0, stdout: ':4\n'})
    expect(stderr).not.toContain('registry')
  })
})
