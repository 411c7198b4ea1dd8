import {existsSync} from 'node:fs'
import {chmod, mkdir, readFile, stat, writeFile} from 'node:fs/promises'
import {dirname, join} from 'node:path'
import {expect, test} from 'vitest'
import {capture} from '../../scripts/process.ts'
import {Scope} from '../../src/lib/base/scope.ts'
import {dockerCli, type DockerCli} from '../support/docker-cli.ts'

const SECRET = 'sk-of-another-server'
const SETTINGS = `{
  // my settings
  "mcpServers": {
    "other": {"command": "npx", "env": {"KEY": "${SECRET}"}} // keep
  },
}
`

test.each([
  ['cursor', '.cursor/mcp.json', SETTINGS],
  ['gemini', '.gemini/settings.json', SETTINGS],
  ['codex', '.codex/config.toml', '# mine\nmodel = "o"\n'],
  ['continue', '.continue/config.yaml', '# mine\nname: x\n'],
  ['goose', '.config/goose/config.yaml', '# mine\nGOOSE_MODEL: x\n'],
  ['claude-code', '.claude.json', '{"numStartups":1,"oauthAccount":{"id":"x"}}'],
])('connects and disconnects %s through docker', async (client, path, text) => {
  await using cli = await dockerCli()
  const file = await given(cli, path, text)
  const connected = await cli.run(['mcp', 'client', 'connect', client, '-g'])
  expect(connected).toMatchObject({code: 0, stdout: ''})
  expect(connected.stderr).toMatch(/^Connected .*\nYou might have to restart /s)
  const written = await readFile(file, 'utf8')
  expect(written).toContain('gateway')
  const listed: unknown = JSON.parse(await cli.mcp('client', 'ls', '--global', '--format', 'json'))
  expect(listed).toMatchObject({[client]: {dockerMCPCatalogConnected: true, profile: ''}})
  const again = await cli.run(['mcp', 'client', 'connect', client, '-g'])
  expect(again).toMatchObject({code: 0, stderr: expect.stringContaining('already connected')})
  expect(await readFile(file, 'utf8')).toBe(written)
  const quiet = await cli.run(['mcp', 'client', 'disconnect', client, '-g', '-q'])
  expect(quiet).toMatchObject({code: 0, stdout: '', stderr: ''})
  expect(await readFile(file, 'utf8')).toBe(text)
})

test('connects all that are installed, and names the one that is broken', async () => {
  await using cli = await dockerCli()
  const [cursor, codex] = [
    await given(cli, '.cursor/mcp.json', SETTINGS),
    await given(cli, '.codex/config.toml', 'model = "o"\n'),
  ]
  const broken = await given(
    cli,
    '.gemini/settings.json',
    '{\n  "mcpServers": {\n    "a": nope\n  }\n}\n',
  )
  const {code, stderr} = await cli.run(['mcp', 'client', 'connect', '--all'])
  expect(code).toBe(1)
  expect(stderr).toContain(`${broken}:3:10`)
  expect(stderr).toContain('not done: gemini')
  expect(await readFile(cursor, 'utf8')).toContain('MCP_DOCKER')
  expect(await readFile(codex, 'utf8')).toContain('MCP_DOCKER')
  expect(await readFile(broken, 'utf8')).toContain('nope')
  expect(existsSync(join(cli.home, '.qwen'))).toBe(false)
  const gone = await cli.run(['mcp', 'client', 'disconnect', '--all'])
  expect(gone.code).toBe(1)
  expect(await readFile(cursor, 'utf8')).toBe(SETTINGS)
})

test('shows what would change without what others keep secret, and writes nothing', async () => {
  await using cli = await dockerCli()
  const file = await given(cli, '.cursor/mcp.json', SETTINGS)
  const one = await given(cli, '.claude.json', `{"key":"${SECRET}","mcpServers":{}}`)
  for (const [client, path] of [
    ['cursor', file],
    ['claude-code', one],
  ] as const) {
    const before = await readFile(path, 'utf8')
    const diff = await cli.mcp('client', 'connect', client, '-g', '--dry-run')
    expect(diff).toMatch(/^--- .*\n\+\+\+ .*\n@@ /)
    expect(diff).toContain('MCP_DOCKER')
    expect(diff).not.toContain(SECRET)
    expect(await readFile(path, 'utf8')).toBe(before)
  }
  expect(existsSync(join(cli.mcpDir, 'state', 'clients'))).toBe(false)
  const printed = await cli.mcp(
    'client',
    'connect',
    'cursor',
    '-g',
    '--print',
    '--url',
    'http://h/mcp',
    '--token',
    'hidden',
  )
  expect(JSON.parse(printed)).toMatchObject({mcpServers: {MCP_DOCKER: {url: 'http://h/mcp'}}})
  expect(printed).not.toContain('hidden')
})

test('lets nobody else read a file with a token, until it is gone again', async () => {
  await using cli = await dockerCli()
  const file = await given(cli, '.cursor/mcp.json', '{}')
  await chmod(file, 0o644)
  const url = ['--url', 'http://127.0.0.1:8080/mcp', '--token', 'hidden']
  const {code, stdout, stderr} = await cli.run(['mcp', 'client', 'connect', 'cursor', '-g', ...url])
  expect({code, stdout}).toEqual({code: 0, stdout: ''})
  expect(stderr).not.toContain('hidden')
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect(await readFile(file, 'utf8')).toContain('Bearer hidden')
  await cli.mcp('client', 'disconnect', 'cursor', '-g')
  expect((await stat(file)).mode & 0o777).toBe(0o644)
  expect(await readFile(file, 'utf8')).toBe('{}')
})

test('names the variable with the token in each client’s own words', async () => {
  await using cli = await dockerCli()
  const url = ['-g', '--url', 'http://127.0.0.1:8080/mcp', '--token-env', 'MY_TOKEN', '--print']
  const print = (client: string) => cli.mcp('client', 'connect', client, ...url)
  expect(await print('vscode')).toContain('"Bearer ${env:MY_TOKEN}"')
  expect(await print('claude-code')).toContain('"Bearer ${MY_TOKEN}"')
  expect(await print('opencode')).toContain('"Bearer {env:MY_TOKEN}"')
  expect(await print('codex')).toContain('bearer_token_env_var = "MY_TOKEN"')
  const none = await cli.run(['mcp', 'client', 'connect', 'zed', ...url])
  expect(none.code).not.toBe(0)
})

test('connects a project, and keeps tokens out of it', async () => {
  await using cli = await dockerCli()
  const repo = join(cli.home, 'repo')
  await mkdir(join(repo, '.git'), {recursive: true})
  await mkdir(join(repo, 'deep'))
  const cwd = join(repo, 'deep')
  expect(await cli.run(['mcp', 'client', 'connect', 'vscode'], {cwd})).toMatchObject({code: 0})
  expect(JSON.parse(await readFile(join(repo, '.vscode', 'mcp.json'), 'utf8'))).toEqual({
    servers: {MCP_DOCKER: {command: 'docker', args: ['mcp', 'gateway', 'run'], type: 'stdio'}},
  })
  expect(await cli.run(['mcp', 'client', 'disconnect', 'vscode'], {cwd})).toMatchObject({code: 0})
  expect(existsSync(join(repo, '.vscode'))).toBe(false)
  const token = ['--url', 'http://h/mcp', '--token', 'hidden']
  const refused = await cli.run(['mcp', 'client', 'connect', 'cursor', ...token], {cwd})
  expect(refused.code).not.toBe(0)
  expect(refused.stderr).toContain('--token-env')
  const tried = await cli.run(['mcp', 'client', 'connect', 'cursor', ...token, '--dry-run'], {cwd})
  expect(tried).toMatchObject({code: refused.code, stdout: '', stderr: refused.stderr})
  const outside = await cli.run(['mcp', 'client', 'connect', 'cursor', '--print'], {cwd: '/'})
  expect(outside).toMatchObject({code: 0, stderr: 'put this into .cursor/mcp.json:\n'})
  expect(existsSync(join(repo, '.cursor'))).toBe(false)
})

test.each([
  [['curso', '-g'], /did you mean cursor/],
  [['cursor'], /no git repository/],
  [[], /which client/],
  [['cursor', '--all'], /exclude each other/],
  [['cursor', '-g', '-p', 'nope'], /no profile "nope"/],
  [['cursor', '-g', '--url', 'ftp://x'], /not an http/],
  [['cursor', '-g', '--url', 'http://u:p@h/'], /password/],
  [['gordon', '-g'], /no Gordon/],
  [['gordon', '-g', '--url', 'http://h/mcp', '--token', 'TOK'], /only knows the gateway/],
  [['cursor', '-g', '--url', 'http://h', '--token=TOK', '--token-env', 'A'], /exclude each other/],
  [['jetbrains-ai', '-g'], /--print/],
])('refuses %j', async (args, reason) => {
  await using cli = await dockerCli()
  const {code, stdout, stderr} = await cli.run(['mcp', 'client', 'connect', ...args], {cwd: '/'})
  expect(code).not.toBe(0)
  expect(stdout).toBe('')
  expect(stderr).toMatch(reason)
  expect(stderr).not.toContain('TOK')
})

test('tries Gordon without switching anything', async () => {
  await using cli = await dockerCli()
  const command = 'docker ai config set-feature "MCP Catalog"'
  const words = ['gordon', '-g', '--dry-run'] as const
  expect(await cli.mcp('client', 'connect', ...words)).toBe(`${command} true\n`)
  expect(await cli.mcp('client', 'disconnect', ...words)).toBe(`${command} false\n`)
})

test('takes a token from stdin', async () => {
  await using cli = await dockerCli()
  const words = [
    'mcp',
    'client',
    'connect',
    'cursor',
    '-g',
    '--url',
    'http://h/mcp',
    '--token',
    '-',
  ]
  expect(await cli.run(words, {stdin: 'hidden\n'})).toMatchObject({code: 0})
  expect(await readFile(join(cli.home, '.cursor', 'mcp.json'), 'utf8')).toContain('Bearer hidden"')
})

test('the entry starts the gateway with its profile in an empty environment', async () => {
  await using cli = await dockerCli()
  await cli.mcp('profile', 'create', '--name', 'Dev')
  await cli.mcp('client', 'connect', 'cursor', '-g', '-p', 'dev')
  const written = JSON.parse(await readFile(join(cli.home, '.cursor', 'mcp.json'), 'utf8'))
  const {command, args, env} = written.mcpServers.MCP_DOCKER
  const variables = Object.entries(env).map(([name, value]) => `${name}=${String(value)}`)
  const empty = ['-i', `HOME=${cli.home}`, `PATH=${process.env['PATH']}`, ...variables]
  const {code} = await capture('env', [...empty, command, ...args, '--dry-run'])
  expect(code).toBe(0)
})

test('connecting all keeps the profiles that clients have', async () => {
  await using cli = await dockerCli()
  await cli.mcp('profile', 'create', '--name', 'Dev', '--connect', 'zed')
  await cli.mcp('client', 'connect', '--all')
  const listed: unknown = JSON.parse(await cli.mcp('client', 'ls', '--global', '--format', 'json'))
  expect(listed).toMatchObject({zed: {dockerMCPCatalogConnected: true, profile: 'dev'}})
})

test('two at once leave one entry, and the backup of before both', async () => {
  await using cli = await dockerCli()
  const file = await given(cli, '.cursor/mcp.json', SETTINGS)
  const all = await Promise.all(
    [1, 2, 3].map(() => cli.run(['mcp', 'client', 'connect', 'cursor', '-g'])),
  )
  expect(all.map(({code}) => code)).toEqual([0, 0, 0])
  expect((await readFile(file, 'utf8')).split('MCP_DOCKER')).toHaveLength(2)
  await cli.mcp('client', 'disconnect', 'cursor', '-g')
  expect(await readFile(file, 'utf8')).toBe(SETTINGS)
})

test('a full disk leaves a client’s file as it was', async () => {
  await using scope = new Scope()
  const cli = scope.use(await dockerCli())
  const folder = join(cli.home, '.cursor')
  await mkdir(folder)
  expect(await capture('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder])).toMatchObject({
    code: 0,
  })
  scope.defer(async () => void (await capture('umount', ['--lazy', folder])))
  const file = await given(cli, '.cursor/mcp.json', SETTINGS)
  await expect(writeFile(join(folder, 'filling'), 'x'.repeat(240_000))).rejects.toMatchObject({
    code: 'ENOSPC',
  })
  const {code, stderr} = await cli.run(['mcp', 'client', 'connect', 'cursor', '-g'])
  expect(code).toBe(1)
  expect(stderr).toMatch(/no space|disk/i)
  expect(await readFile(file, 'utf8')).toBe(SETTINGS)
})

async function given(cli: DockerCli, path: string, text: string): Promise<string> {
  const file = join(cli.home, path)
  await mkdir(dirname(file), {recursive: true})
  await writeFile(file, text)
  return file
}

test('a profile is connected when it is made, and disconnected when it is removed', async () => {
  await using cli = await dockerCli()
  const file = await given(cli, '.cursor/mcp.json', SETTINGS)
  const other = await given(cli, '.gemini/settings.json', '{}')
  const words = ['profile', 'create', '--name', 'Web', '--connect', 'cursor']
  expect(await cli.mcp(...words)).toContain('Created profile web')
  expect(await readFile(file, 'utf8')).toContain('"web"')
  await cli.mcp('client', 'connect', 'gemini', '-g')
  await cli.mcp('client', 'connect', 'cursor', '-g', '--profile', 'web', '-q')
  await cli.mcp('profile', 'rm', 'web')
  expect(await readFile(file, 'utf8')).toBe(SETTINGS)
  expect(await readFile(other, 'utf8')).toContain('MCP_DOCKER')
  const refused = await cli.run(['mcp', 'profile', 'create', '--name', 'B', '--connect', 'curso'])
  expect(refused).toMatchObject({code: 125, stderr: expect.stringContaining('did you mean cursor')})
  expect(await cli.mcp('client', 'manual-instructions')).toBe('docker mcp gateway run\n')
})

test.each([
  ['profile', 'create', '--name', 'Web'],
  ['template', 'use', 'ai-coding', '--name', 'Web'],
])('%s %s says what it takes out of an entry', async (...words) => {
  await using cli = await dockerCli()
  const had = {
    command: 'docker',
    args: ['mcp', 'gateway', 'run'],
    env: {DOCKER_CERT_PATH: '/certificates', MINE: 'stays'},
  }
  const file = await given(cli, '.cursor/mcp.json', JSON.stringify({mcpServers: {MCP_DOCKER: had}}))
  const env = {DOCKER_CERT_PATH: undefined}
  const made = await cli.run(['mcp', ...words, '--connect', 'cursor'], {env})
  expect(made).toMatchObject({
    code: 0,
    stderr: 'Connected cursor\n! not set here, so no longer in the entry: DOCKER_CERT_PATH\n',
  })
  const {env: kept} = JSON.parse(await readFile(file, 'utf8')).mcpServers.MCP_DOCKER
  expect(kept).toHaveProperty('MINE', 'stays')
  expect(kept).not.toHaveProperty('DOCKER_CERT_PATH')
})

test('a profile that is made of a template is connected, too', async () => {
  await using cli = await dockerCli()
  const use = ['mcp', 'template', 'use', 'ai-coding', '--name', 'Web', '--connect', 'cursor,zed']
  expect(await cli.run(use)).toMatchObject({
    code: 0,
    stdout: 'Created profile web with 2 servers\n',
    stderr: 'Connected cursor\nConnected zed\n',
  })
  const {clients} = JSON.parse(
    await cli.mcp('profile', 'show', 'web', '--clients', '--format', 'json'),
  )
  expect(Object.keys(clients)).toEqual(['cursor', 'zed'])
})

test.each([
  ['profile', 'create', '--name', 'B'],
  ['template', 'use', 'ai-coding', '--name', 'B'],
])('a client without a file is refused before %s %s makes a profile for it', async (...words) => {
  await using cli = await dockerCli()
  expect(await cli.run(['mcp', ...words, '--connect', 'jetbrains-ai'])).toMatchObject({code: 125})
  expect(await cli.mcp('profile', 'ls')).not.toMatch(/^b\b/m)
})

test('removing a profile names the files that may still have it, and tells Gordon', async () => {
  await using cli = await dockerCli()
  await cli.mcp('profile', 'create', '--name', 'Dev', '--connect', 'cursor')
  await given(cli, '.cursor/mcp.json', '{"mcpServers": {"MCP_DOCKER": ["dev"')
  await given(cli, '.gemini/settings.json', '{"broken')
  const file = await cli.write('profiles.json', '{"gordon": {"profile": "dev", "a": 1}, "b": 2}')
  const {code, stderr} = await cli.run(['mcp', 'profile', 'rm', 'dev'])
  expect(stderr).toMatch(/^! cursor may still be connected with it: .*mcp\.json:1:/m)
  expect(code).toBe(0)
  expect(stderr).not.toContain('gemini')
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({gordon: {a: 1}, b: 2})
})
