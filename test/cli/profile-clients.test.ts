import {mkdir, readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {dockerCli} from '../support/docker-cli.ts'

test('profile show --clients names the clients that start the profile', async () => {
  await using cli = await dockerCli()
  await cli.mcp('profile', 'create', '--name', 'dev')
  const connect = (...words: string[]) => cli.mcp('client', 'connect', ...words, '-g')
  await connect('cursor', '--profile', 'dev')
  await connect('zed')
  await connect('kiro', '--url', 'http://127.0.0.1:1/mcp')
  const clientsOf = async (id: string) => {
    const text = await cli.mcp('profile', 'show', id, '--clients', '--format', 'json')
    const {clients}: {clients: Record<string, unknown>} = JSON.parse(text)
    return clients
  }
  expect(await clientsOf('dev')).toMatchObject({
    cursor: {displayName: 'Cursor', dockerMCPCatalogConnected: true, profile: 'dev'},
  })
  expect(Object.keys(await clientsOf('dev'))).toEqual(['cursor'])
  expect(Object.keys(await clientsOf('default'))).toEqual(['zed'])
  await cli.mcp('profile', 'use', 'dev')
  expect(Object.keys(await clientsOf('dev'))).toEqual(['cursor', 'zed'])
  expect(await cli.mcp('profile', 'show', 'dev', '--clients')).toMatch(/^clients:\n +cursor:$/m)
  expect(
    JSON.parse(await cli.mcp('profile', 'show', 'dev', '--format', 'json')),
  ).not.toHaveProperty('clients')
})

test('--connect makes no profile when the file of the client is wrong, and connects each once', async () => {
  await using cli = await dockerCli()
  const file = join(cli.home, '.cursor/mcp.json')
  await mkdir(join(file, '..'))
  await writeFile(file, '{"mcpServers": ')
  const use = ['template', 'use', 'terminal-control', '--connect', 'cursor', '--connect', 'cursor']
  const wrong = await cli.run(['mcp', ...use])
  expect(wrong).toMatchObject({code: 1, stdout: ''})
  expect(wrong.stderr).toContain(`${file}:1:`)
  expect(await cli.mcp('profile', 'ls')).not.toContain('terminal')
  await writeFile(file, '{}')
  const {stdout, stderr} = await cli.run(['mcp', ...use])
  expect(stdout).toBe('Created profile terminal_control with 2 servers\n')
  expect(stderr).toBe('Connected cursor\n')
  expect(await readFile(file, 'utf8')).toContain('"terminal_control"')
})

test('what template use and catalog show need and do not find is told with the way to it', async () => {
  await using cli = await dockerCli()
  const unnamed = await cli.run(['mcp', 'template', 'use', 'terminal-control', '--name', '!!!'])
  expect(unnamed.stderr).toContain('docker mcp profile create also takes an --id')
  await cli.mcp('catalog', 'rm', 'docker-mcp')
  for (const words of [
    ['template', 'use', 'terminal-control'],
    ['catalog', 'show'],
  ]) {
    const {code, stderr} = await cli.run(['mcp', ...words])
    expect(code).toBe(1)
    expect(stderr).toContain('docker mcp catalog init')
  }
})
