import {once} from 'node:events'
import {chmod, mkdir, readFile} from 'node:fs/promises'
import {createServer} from 'node:net'
import {join} from 'node:path'

import {describe, expect, test} from 'vitest'
import * as z from 'zod'

import {dockerCli, type DockerCli, type Outcome} from '../support/docker-cli.ts'

const failureSchema = z.strictObject({
  error: z.strictObject({code: z.string(), message: z.string(), hint: z.string().optional()}),
})

/** Root may read everything; without these capabilities it may not. Other users are refused as they are. */
function runUnprivileged(
  cli: DockerCli,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Outcome> {
  if (process.getuid?.() !== 0) return cli.run(args, {env})
  const drop = '--bounding-set=-dac_override,-dac_read_search'
  return cli.run([drop, 'docker', ...args], {program: 'setpriv', env})
}

describe('a command line that is not one of ours', () => {
  test.for([
    [['foo'], 'docker mcp has no command "foo"', 'docker mcp --help'],
    [
      ['server', 'enabel', 'x'],
      'no command "server enabel"',
      'did you mean: docker mcp server enable',
    ],
    [['serv'], 'no command "serv"', 'did you mean: docker mcp server'],
    [['--bogus'], 'docker mcp has no flag --bogus', 'flags stand after the command'],
    [['server', 'ls', '--frmat', 'json'], 'has no flag --frmat', 'did you mean --format?'],
    [['server', 'ls', '--format', 'xml'], '--format=xml', 'docker mcp server ls --help'],
    [['server', 'ls', '--format'], '--format expects one of', 'docker mcp server ls --help'],
    [['server', 'ls', 'more'], 'takes no argument "more"', 'docker mcp server ls --help'],
    [
      ['server', 'enable'],
      'enable needs SERVER',
      'for example: docker mcp server enable everything',
    ],
    [['tools', 'call'], 'tools call needs TOOL', 'for example: docker mcp tools call echo'],
    [
      ['tools', 'ls', '--gateway-arg=--bad'],
      '--gateway-arg has no flag --bad',
      'gateway run --help',
    ],
    [['gateway', 'run', '--port', 'x'], '--port: Expected an integer', 'gateway run --help'],
    [['gateway', 'run', '--port', '8811'], '--port has no meaning', 'add --transport streaming'],
    [
      ['gateway', 'run', '--transport', 'pigeon'],
      'no transport "pigeon"',
      'stdio, streaming or sse',
    ],
    [['gateway', 'run', '--watch=maybe'], '--watch=maybe', 'use --watch=true or --watch=false'],
    [['gateway', 'run', '--cpus', 'x'], '"x" is not a number of processors', '0.5'],
    [['gateway', 'run', '--memory', 'x'], '"x" is not', '2'],
    [['gateway', 'run', '--max-message-size', '1Kb'], '"1Kb" is not a size', '64Mb'],
    [
      ['gateway', 'run', '--transport', 'sse', '--tls-cert', 'c.pem'],
      '--tls-cert needs --tls-key',
      'add --tls-key <file>',
    ],
    [
      ['gateway', 'run', '--transport=sse', '--host=0.0.0.0', '--allow-unauthenticated'],
      'everyone who reaches it could use these servers',
      'leave --allow-unauthenticated out',
    ],
    [
      ['gateway', 'run', '--servers=a', '--enable-all-servers'],
      'exclude each other',
      'leave one of them out',
    ],
  ] as const)('%s exits 125 and says what to type', async ([args, what, next]) => {
    await using cli = await dockerCli()
    const {code, stdout, stderr} = await cli.run(['mcp', ...args])
    expect({code, stdout}).toEqual({code: 125, stdout: ''})
    const [first, second] = stderr.split('\n')
    expect(first).toContain(what)
    expect(second).toContain(next)
  })
})

describe('a name that does not exist', () => {
  test.for([
    [['server', 'enable', 'everthing'], 'SERVER_UNKNOWN', 'did you mean "everything"'],
    [['server', 'inspect', 'githbu'], 'SERVER_UNKNOWN', 'did you mean "github"'],
    [['server', 'install', 'xyzzy'], 'SERVER_UNKNOWN', 'docker mcp server search'],
    [['server', 'disable', 'memory'], 'SERVER_UNKNOWN', 'docker mcp server ls'],
    [['catalog', 'show', 'docker-mpc'], 'CATALOG_UNKNOWN', 'did you mean "docker-mcp"'],
    [['tools', 'call', 'echo'], 'TOOL_UNKNOWN', 'enable a server first'],
  ] as const)('%s exits 1 and suggests one', async ([args, code, next]) => {
    await using cli = await dockerCli()
    const failed = await cli.run(['mcp', ...args])
    expect(failed).toMatchObject({code: 1, stdout: ''})
    expect(failed.stderr).toContain(next)
    const json = await cli.run(['mcp', ...args], {env: {DOCKER_MCP_FORMAT: 'json'}})
    expect(json).toMatchObject({code: 1, stderr: ''})
    expect(failureSchema.parse(JSON.parse(json.stdout)).error.code).toBe(code)
  })

  test('keeps all of the servers named with it from being enabled', async () => {
    await using cli = await dockerCli()
    const failed = await cli.run(['mcp', 'server', 'enable', 'memory', 'nothing-like-it'])
    expect(failed.code).toBe(1)
    expect(JSON.parse(await cli.mcp('server', 'ls', '--format', 'json'))).toEqual([])
  })
})

describe('a failure with --format json', () => {
  test.for([
    [['server', 'inspect', 'nothing', '--format', 'json'], 1, 'SERVER_UNKNOWN'],
    [['server', 'ls', '--format=json', '--bad'], 125, 'USAGE'],
    [['nonsense', '--format', 'json'], 125, 'USAGE'],
  ] as const)(
    '%s prints one JSON value on stdout, and nothing else',
    async ([args, code, name]) => {
      await using cli = await dockerCli()
      const failed = await cli.run(['mcp', ...args])
      expect(failed).toMatchObject({code, stderr: ''})
      expect(failureSchema.parse(JSON.parse(failed.stdout)).error.code).toBe(name)
    },
  )
})

const BROKEN = 'registry:\n  memory:\n    ref: ""\n   fetch: [\n'

describe('a file that is not YAML', () => {
  test.for([
    ['registry.yaml', ['server', 'ls']],
    ['registry.yaml', ['server', 'enable', 'everything']],
    ['registry.yaml', ['server', 'disable', 'memory']],
    ['registry.yaml', ['server', 'reset']],
    ['registry.yaml', ['gateway', 'run']],
    ['config.yaml', ['server', 'ls']],
    ['config.yaml', ['gateway', 'run']],
    ['tools.yaml', ['gateway', 'run', '--dry-run']],
    ['catalogs/docker-mcp.yaml', ['gateway', 'run', '--catalog', 'docker-mcp']],
  ] as const)('%s stops %s with its place, and stays as it is', async ([file, args]) => {
    await using cli = await dockerCli()
    const path = await cli.write(file, BROKEN)
    const failed = await cli.run(['mcp', ...args])
    expect(failed).toMatchObject({code: 1, stdout: ''})
    expect(failed.stderr).toMatch(/^\S+\.yaml:\d+:\d+: /)
    expect(failed.stderr).toContain(`${path}:4:`)
    expect(await readFile(path, 'utf8')).toBe(BROKEN)
  })

  test.for([[['server', 'enable', 'memory']], [['catalog', 'show']]] as const)(
    'catalogs/docker-mcp.yaml is left out of %s with its place, and stays as it is',
    async ([args]) => {
      await using cli = await dockerCli()
      const path = await cli.write('catalogs/docker-mcp.yaml', BROKEN)
      const {code, stderr} = await cli.run(['mcp', ...args])
      expect(code).toBe(0)
      expect(stderr).toMatch(/^! the catalog docker-mcp is left out: /)
      expect(stderr).toContain(`${path}:4:`)
      expect(await readFile(path, 'utf8')).toBe(BROKEN)
    },
  )

  test('catalog.json is named, and stays as it is', async () => {
    await using cli = await dockerCli()
    const path = await cli.write('catalog.json', '{"catalogs": ')
    const failed = await cli.run(['mcp', 'catalog', 'ls'])
    expect(failed).toMatchObject({code: 1, stdout: ''})
    expect(failed.stderr).toContain(path)
    expect(await readFile(path, 'utf8')).toBe('{"catalogs": ')
  })
})

describe('an engine that does not answer', () => {
  test.for([
    ['a socket that does not exist', async (cli: DockerCli) => `unix://${cli.home}/no.sock`],
    ['a folder', async (cli: DockerCli) => `unix://${cli.home}`],
    ['a port that refuses', async () => 'tcp://127.0.0.1:1'],
  ] as const)('%s: every command that needs it says so in one message', async ([, endpoint]) => {
    await using cli = await dockerCli()
    const host = await endpoint(cli)
    await cli.mcp('server', 'enable', 'everything')
    const commands = [
      ['server', 'status'],
      ['server', 'install', 'everything'],
      ['gateway', 'run', '--dry-run'],
      ['gateway', 'run', '--transport', 'streaming', '--port', '0'],
      ['tools', 'ls'],
      ['tools', 'call', 'echo'],
    ]
    for (const command of commands) {
      const failed = await cli.run(['mcp', ...command], {env: {DOCKER_HOST: host}})
      expect(failed.code, `for ${command.join(' ')}`).toBe(1)
      // What is known of the servers without an engine is shown all the same.
      expect(failed.stdout).toMatch(command[1] === 'status' ? /everything +unknown/ : /^$/)
      expect(failed.stderr).toContain(host)
      expect(failed.stderr).toMatch(/docker (info|context|ps)|DOCKER_HOST|dockerd/i)
    }
    const byFlag = await cli.run(['-H', host, 'mcp', 'server', 'status', '--format', 'json'])
    expect(byFlag.code).toBe(1)
    expect(byFlag.stderr).toContain(host)
    expect(JSON.parse(byFlag.stdout)).toMatchObject([{name: 'everything', state: 'unknown'}])
  })

  test('keeps nobody from looking at catalogs and from changing what is enabled', async () => {
    await using cli = await dockerCli()
    const env = {DOCKER_HOST: `unix://${cli.home}/no.sock`}
    for (const command of [
      ['server', 'enable', 'memory'],
      ['server', 'ls'],
      ['server', 'search', 'web'],
      ['catalog', 'ls'],
      ['server', 'disable', 'memory'],
      ['version'],
    ]) {
      const done = await cli.run(['mcp', ...command], {env})
      expect(done.code, `${command.join(' ')}: ${done.stderr}`).toBe(0)
    }
  })
})

describe('a port that is taken', () => {
  test('is named, with what to do, before any server is started', async () => {
    await using cli = await dockerCli()
    await cli.mcp('server', 'enable', 'everything')
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const address = other.address()
    try {
      const port = address !== null && typeof address === 'object' ? String(address.port) : ''
      const flags = ['--transport', 'streaming', '--port', port]
      const failed = await cli.run(['mcp', 'gateway', 'run', ...flags])
      expect(failed).toMatchObject({code: 1, stdout: ''})
      expect(failed.stderr).toContain(`port ${port} on 127.0.0.1 is in use`)
      expect(failed.stderr).toContain('--port')
      expect(await cli.containers()).toEqual([])
    } finally {
      other.close()
    }
  })
})

describe('a file that this user may not use', () => {
  test.for([
    [['server', 'ls'], 'cannot read'],
    [['server', 'enable', 'everything'], 'cannot read'],
    [['gateway', 'run'], 'cannot read'],
  ] as const)('%s names it and says that permission is denied', async ([args, what]) => {
    await using cli = await dockerCli()
    await cli.mcp('server', 'enable', 'memory')
    const path = join(cli.mcpDir, 'registry.yaml')
    const before = await readFile(path, 'utf8')
    await chmod(path, 0o000)
    const failed = await runUnprivileged(cli, ['mcp', ...args])
    expect(failed).toMatchObject({code: 1, stdout: ''})
    expect(failed.stderr).toContain(`${what} ${path}: permission denied`)
    await chmod(path, 0o600)
    expect(await readFile(path, 'utf8')).toBe(before)
  })

  test('a state folder that cannot be written is named', async () => {
    await using cli = await dockerCli()
    await mkdir(cli.mcpDir, {recursive: true})
    await chmod(cli.mcpDir, 0o500)
    const failed = await runUnprivileged(cli, ['mcp', 'server', 'enable', 'memory'])
    await chmod(cli.mcpDir, 0o700)
    expect(failed).toMatchObject({code: 1, stdout: ''})
    expect(failed.stderr).toMatch(new RegExp(`^cannot \\w+ ${cli.mcpDir}/.*: permission denied`))
  })

  test('an engine socket that cannot be reached is named', async () => {
    await using cli = await dockerCli()
    const folder = join(cli.home, 'private')
    await mkdir(folder, {mode: 0o000})
    const env = {DOCKER_HOST: `unix://${folder}/docker.sock`}
    const failed = await runUnprivileged(cli, ['mcp', 'server', 'status'], env)
    await chmod(folder, 0o700)
    expect(failed.code).toBe(1)
    expect(failed.stderr).toMatch(/permission|may not/i)
    expect(failed.stderr).toContain(`${folder}/docker.sock`)
  })
})

describe('ten processes that enable different servers at once', () => {
  test('lose none of the changes', async () => {
    await using cli = await dockerCli()
    const names = ['everything', 'filesystem', 'memory', 'sequentialthinking', 'fetch']
    const more = ['time', 'github', 'postgres', 'redis', 'slack']
    const all = [...names, ...more]
    const outcomes = await Promise.all(all.map(name => cli.run(['mcp', 'server', 'enable', name])))
    expect(outcomes.map(({code, stderr}) => ({code, first: stderr.split('\n')[0]}))).toEqual(
      all.map(name => ({code: 0, first: `enabled ${name}`})),
    )
    const rows = z
      .array(z.object({name: z.string()}))
      .parse(JSON.parse(await cli.mcp('server', 'ls', '--format', 'json')))
    expect(rows.map(({name}) => name).toSorted()).toEqual(all.toSorted())
  })
})
