import {chmod, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {dockerCli, type DockerCli} from '../support/docker-cli.ts'

/** What docker's own `docker ai` answers, which only Docker Desktop has: here a plugin that keeps the switch in a file. */
async function withGordon(get: string): Promise<DockerCli> {
  const cli = await dockerCli()
  const plugin = join(cli.configDir, 'cli-plugins', 'docker-ai')
  const state = join(cli.home, 'gordon-is-on')
  const metadata = '{"SchemaVersion":"0.1.0","Vendor":"test","Version":"1"}'
  await writeFile(
    plugin,
    `#!/bin/sh
case "$*" in
docker-cli-plugin-metadata) echo '${metadata}' ;;
*'config set-feature MCP Catalog true') touch '${state}' ;;
*'config set-feature MCP Catalog false') rm -f '${state}' ;;
*'config get') is=$([ -e '${state}' ] && echo true || echo false); ${get} ;;
*) exit 9 ;;
esac
`,
  )
  await chmod(plugin, 0o755)
  return cli
}

const ANSWER =
  'echo "{\\"features\\":[{\\"name\\":\\"Other\\",\\"enabled\\":true},{\\"name\\":\\"MCP Catalog\\",\\"enabled\\":$is}]}"'

async function listed(cli: DockerCli): Promise<unknown> {
  const all: Record<string, unknown> = JSON.parse(await cli.mcp('client', 'ls', '-g', '--json'))
  return all['gordon']
}

test('Gordon is listed as what it says of itself', async () => {
  await using cli = await withGordon(ANSWER)
  await cli.mcp('profile', 'create', '--name', 'dev')
  expect(await cli.mcp('client', 'ls', '-g')).toMatch(/^gordon +not connected +-/m)
  await cli.mcp('client', 'connect', 'gordon', '-g', '--profile', 'dev')
  expect(await cli.mcp('client', 'ls', '-g')).toMatch(/^gordon +connected +dev +-/m)
  expect(await listed(cli)).toMatchObject({
    dockerMCPCatalogConnected: true,
    profile: 'dev',
    error: null,
    isInstalled: true,
    Cfg: {STDIOServers: [{name: 'MCP_DOCKER', command: 'docker'}]},
  })
  await cli.mcp('client', 'disconnect', 'gordon', '-g')
  expect(await listed(cli)).toMatchObject({dockerMCPCatalogConnected: false, error: null})
})

test.each([
  ['fails', 'echo no desktop >&2; exit 3'],
  ['says something else', 'echo []'],
  ['never answers', 'exec sleep 611'],
])('Gordon that %s hides no other client', async (_what, get) => {
  await using cli = await withGordon(get)
  await cli.mcp('client', 'connect', 'cursor', '-g')
  const text = await cli.mcp('client', 'ls', '-g')
  expect(text).toMatch(/^cursor +connected/m)
  expect(text).toMatch(/^gordon +broken/m)
  expect(text).toContain('gordon: docker ai config get: ')
  // pgrep ends with 1 when there is no such process.
  expect(await cli.run(['-fx', 'sleep 611'], {program: 'pgrep'})).toMatchObject({code: 1})
})

test('without Gordon nobody is asked, and it says how it is connected', async () => {
  await using cli = await dockerCli()
  expect(await listed(cli)).toMatchObject({dockerMCPCatalogConnected: false, error: null})
  const {code, stderr} = await cli.run(['mcp', 'client', 'connect', 'gordon'], {cwd: cli.home})
  expect(code).not.toBe(0)
  expect(stderr).toContain('gordon has no file for a project\n')
  expect(stderr).toContain('--global (-g)')
})
