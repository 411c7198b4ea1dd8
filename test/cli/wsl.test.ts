import {mkdir} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {dockerCli} from '../support/docker-cli.ts'

const AT = {WSL_DISTRO_NAME: 'Debian'}

test.each([
  ['claude-desktop', '%APPDATA%\\Claude\\claude_desktop_config.json', 'mcpServers'],
  ['visual-studio', '%USERPROFILE%\\.mcp.json', 'servers'],
])('in WSL, --print says what %s on Windows needs', async (client, file, container) => {
  await using cli = await dockerCli()
  const words = ['mcp', 'client', 'connect', client, '-g', '--print']
  const {code, stdout, stderr} = await cli.run(words, {env: AT})
  expect({code, stderr}).toEqual({code: 0, stderr: `put this into ${file}:\n`})
  const config = `DOCKER_CONFIG=${cli.configDir}`
  const run = ['--exec', 'env', config, 'docker', 'mcp', 'gateway', 'run']
  expect(JSON.parse(stdout)).toMatchObject({
    [container]: {MCP_DOCKER: {command: 'wsl.exe', args: ['--distribution', 'Debian', ...run]}},
  })
})

test('in WSL, --print says what a client in this Linux needs', async () => {
  await using cli = await dockerCli()
  await mkdir(join(cli.home, '.cursor'))
  const words = ['mcp', 'client', 'connect', 'cursor', '-g', '--print']
  const {stdout, stderr} = await cli.run(words, {env: AT})
  expect(stderr).toBe(`put this into ${join(cli.home, '.cursor', 'mcp.json')}:\n`)
  expect(JSON.parse(stdout)).toMatchObject({mcpServers: {MCP_DOCKER: {command: 'docker'}}})
})
