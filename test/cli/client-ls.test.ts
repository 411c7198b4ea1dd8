import {mkdir, readFile, writeFile} from 'node:fs/promises'
import {dirname, join} from 'node:path'

import {describe, expect, test} from 'vitest'

import {dockerCli, type DockerCli} from '../support/docker-cli.ts'

const OWN = {command: 'docker', args: ['mcp', 'gateway', 'run', '--profile', 'dev']}
/** So that nothing of the machine counts. */
const NOTHING = {XDG_CONFIG_HOME: undefined, CODEX_HOME: undefined, WSL_DISTRO_NAME: undefined}

async function put(cli: DockerCli, path: string, text: string): Promise<void> {
  const file = join(cli.home, path)
  await mkdir(dirname(file), {recursive: true})
  await writeFile(file, text)
}

/** What `client ls` prints of what is in the home, with the home as `~`. */
async function listed(cli: DockerCli, words: readonly string[] = [], cwd = cli.home) {
  const {code, stdout, stderr} = await cli.run(['mcp', 'client', 'ls', ...words], {
    cwd,
    env: NOTHING,
  })
  expect({code, stderr}).toMatchObject({code: 0})
  const plain = (text: string) => text.replaceAll(cli.home, '~')
  return {out: plain(stdout), err: plain(stderr)}
}

/** Some clients, one of them broken, one with a secret. */
async function someClients(): Promise<DockerCli> {
  const cli = await dockerCli()
  const others = {github: {command: 'npx', args: ['-y', 'x'], env: {TOKEN: 's3cret'}}}
  await put(cli, '.cursor/mcp.json', JSON.stringify({mcpServers: {MCP_DOCKER: OWN, ...others}}))
  await put(
    cli,
    '.codex/config.toml',
    '# mine\n[mcp_servers.MCP_DOCKER]\nurl = "http://127.0.0.1:1/mcp"\n',
  )
  await put(
    cli,
    '.config/goose/config.yaml',
    'extensions:\n  mcpdocker:\n    cmd: docker\n    enabled: false\n    type: stdio\n',
  )
  await put(cli, '.gemini/settings.json', '{\n  "mcpServers": {,}\n}\n')
  await put(cli, '.config/Code/User/settings.json', '{}')
  return cli
}

describe('client ls', () => {
  test('shows what is installed and what is connected', async () => {
    await using cli = await someClients()
    const {out, err} = await listed(cli, ['--global'])
    expect(err).toBe('')
    expect(out).toMatchInlineSnapshot(`
      "CLIENT   STATUS           PROFILE    FILE
      codex    connected        -          ~/.codex/config.toml
      cursor   connected        dev        ~/.cursor/mcp.json
      gemini   broken           -          ~/.gemini/settings.json
      goose    connected, off   (in use)   ~/.config/goose/config.yaml
      vscode   not connected    -          ~/.config/Code/User/mcp.json

      gemini: ~/.gemini/settings.json:2:18: this is not JSON (value expected)
      "
    `)
  })

  test('shows the rest with --all', async () => {
    await using cli = await someClients()
    const {out} = await listed(cli, ['-ga'])
    expect(out).toMatch(/^zed +not installed +- +~\/\.config\/zed\/settings\.json$/m)
    expect(out.split('\n').length).toBeGreaterThan(40)
  })

  test('prints docker’s JSON, and no secret', async () => {
    await using cli = await someClients()
    const {out} = await listed(cli, ['--global', '--json'])
    const all: Record<string, Record<string, unknown>> = JSON.parse(out)
    expect(out).not.toContain('s3cret')
    expect(all['cursor']).toMatchObject({
      dockerMCPCatalogConnected: true,
      profile: 'dev',
      error: null,
      isInstalled: true,
      isOsSupported: true,
    })
    expect(all['gemini']).toMatchObject({
      error: {type: 'unknown', error: expect.stringMatching(/^~\/\.gemini\/settings\.json:2:18: /)},
      Cfg: null,
    })
    expect(all['zed']).toMatchObject({isInstalled: false, dockerMCPCatalogConnected: false})
    expect((await listed(cli, ['-g', '--format', 'json'])).out).toBe(out)
    expect((await listed(cli, ['-g', '--format', 'yaml'])).out).toMatch(/^cursor:$/m)
  })

  test('in a repository shows its files', async () => {
    await using cli = await someClients()
    await put(cli, 'work/.git/HEAD', '')
    await put(cli, 'work/.mcp.json', JSON.stringify({mcpServers: {MCP_DOCKER: OWN}}))
    await mkdir(join(cli.home, 'work/deep/inside'), {recursive: true})
    const inside = join(cli.home, 'work/deep/inside')
    const {out, err} = await listed(cli, [], inside)
    expect(err).toBe(
      'Files of the project in ~/work; those of this user: docker mcp client ls --global\n',
    )
    expect(out).toMatchInlineSnapshot(`
      "CLIENT        STATUS          PROFILE   FILE
      claude-code   connected       dev       ~/work/.mcp.json
      codex         not connected   -         ~/work/.codex/config.toml
      cursor        not connected   -         ~/work/.cursor/mcp.json
      gemini        not connected   -         ~/work/.gemini/settings.json
      vscode        not connected   -         ~/work/.vscode/mcp.json
      "
    `)
    const all: Record<string, Record<string, unknown>> = JSON.parse(
      (await listed(cli, ['--json'], inside)).out,
    )
    expect(all['claude-code']).toMatchObject({dockerMCPCatalogConnected: true, isConfigured: true})
    expect(all['claude-code']).not.toHaveProperty('isInstalled')
    expect(Object.keys(all)).not.toContain('claude-desktop')
  })

  test('outside of one shows those of the user, and says so', async () => {
    await using cli = await dockerCli()
    const {out, err} = await listed(cli)
    expect(err).toBe('Not in a git repository: these are the files of this user (--global).\n')
    expect(out).toBe(
      'No client that is known is installed. All of them: docker mcp client ls --global --all\n',
    )
    expect(JSON.parse((await listed(cli, ['--json'])).out)['cursor']).toMatchObject({
      isInstalled: false,
    })
  })
})

describe('client connect --background', () => {
  test('has the client share the gateway in the background, is listed and goes again', async () => {
    await using cli = await dockerCli()
    const before = '{"mcpServers": {"other": {"command": "x"}}}\n'
    await put(cli, '.cursor/mcp.json', before)
    const file = join(cli.home, '.cursor/mcp.json')
    const cursor = async (verb: string, ...words: readonly string[]) => {
      const {code, stdout, stderr} = await cli.run(
        ['mcp', 'client', verb, 'cursor', '--global', ...words],
        {env: NOTHING},
      )
      expect({code, stderr}).toMatchObject({code: 0})
      return stdout
    }
    await cli.mcp('profile', 'create', '--name', 'dev')
    expect(await cursor('connect', '--background', '--print')).toContain('"connect"')
    await cursor('connect', '--profile', 'dev')
    await cursor('connect', '--background', '--profile', 'dev')
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({
      mcpServers: {
        MCP_DOCKER: {command: 'docker', args: ['mcp', 'gateway', 'connect', '--profile', 'dev']},
      },
    })
    expect((await listed(cli, ['--global'])).out).toMatch(/cursor +connected +dev /)
    await cursor('disconnect')
    expect(await readFile(file, 'utf8')).toBe(before)
  })

  test('what an entry leads to stays until it is said, and what is lost is said', async () => {
    await using cli = await dockerCli()
    const file = join(cli.home, '.cursor/mcp.json')
    const env = {...NOTHING, DOCKER_CERT_PATH: undefined}
    const connect = async (...words: readonly string[]) => {
      const {code, stderr} = await cli.run(['mcp', 'client', 'connect', ...words], {env})
      expect({code, stderr}).toMatchObject({code: 0})
      return stderr
    }
    const cursor = (...words: readonly string[]) => connect('cursor', '-g', ...words)
    const entry = async () =>
      JSON.parse(await readFile(file, 'utf8')).mcpServers.MCP_DOCKER as Record<string, unknown>
    const args = ['mcp', 'gateway', 'run', '--verbose', '--profile', 'dev', '--servers', 's3cret']
    const old = {command: 'docker', args, env: {DOCKER_CERT_PATH: '/c'}}
    await put(cli, '.cursor/mcp.json', JSON.stringify({mcpServers: {MCP_DOCKER: old}}))
    const lost =
      '! not set here, so no longer in the entry: DOCKER_CERT_PATH\n' +
      '! not for a gateway in the background, so no longer in the entry: --verbose, --servers\n'
    expect(await connect('--all', '--background', '--dry-run')).toBe(lost)
    expect(await connect('--all', '--background', '-q')).toBe(lost)
    const background = ['mcp', 'gateway', 'connect', '--profile', 'dev']
    expect(await entry()).toMatchObject({args: background})
    await connect('--all')
    await cli.mcp('profile', 'create', '--name', 'Web', '--connect', 'cursor')
    expect(await entry()).toMatchObject({args: background.with(4, 'web')})
    await cursor('--no-background')
    expect(await entry()).toMatchObject({args: ['mcp', 'gateway', 'run', '--profile', 'web']})
    const url = 'http://127.0.0.1:8080/mcp'
    expect(await cursor('--url', `${url}?key=s3cret`, '--token', 's3cret', '-q')).toBe(
      '! no longer in the entry: DOCKER_CONFIG, --profile\n',
    )
    const remote = await entry()
    expect(await connect('--all')).toBe(`cursor is already connected to ${url}?… (${file})\n`)
    expect(await entry()).toEqual(remote)
    expect(await cursor('--no-background', '-q')).toBe(`! was: ${url}?…\n`)
    expect(await entry()).toMatchObject({args: ['mcp', 'gateway', 'run']})
    expect(await entry()).not.toHaveProperty('url')
  })
})
