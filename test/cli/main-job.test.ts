import {execFile} from 'node:child_process'
import {randomUUID} from 'node:crypto'
import {join} from 'node:path'
import {promisify} from 'node:util'

import inspector from '@modelcontextprotocol/inspector/package.json' with {type: 'json'}
import {describe, expect, test} from 'vitest'

import {connectHttp, connectStdio, type ConnectedClient} from '../support/cli-client.ts'
import {dockerCli, type DockerCli} from '../support/docker-cli.ts'

const run = promisify(execFile)
const INSPECTOR = join(
  import.meta.dirname,
  '../../node_modules/@modelcontextprotocol/inspector',
  inspector.bin['mcp-inspector'],
)

/**
 * The catalog's memory server keeps its graph in a volume; it goes again unless it was there before, or another test uses
 * it.
 */
async function memoryVolume(): Promise<AsyncDisposable> {
  const wasThere = await hasMemoryVolume()
  return {
    async [Symbol.asyncDispose]() {
      if (!wasThere && (await hasMemoryVolume()))
        await run('docker', ['volume', 'rm', 'docker-mcp-memory']).catch(() => undefined)
    },
  }
}

async function hasMemoryVolume(): Promise<boolean> {
  const {stdout} = await run('docker', ['volume', 'ls', '--quiet'])
  return stdout.split('\n').includes('docker-mcp-memory')
}

async function useBothServers(cli: DockerCli, used: ConnectedClient): Promise<void> {
  // Servers that take long to start are missing in the first lists.
  await expect.poll(() => used.toolNames()).toEqual(expect.arrayContaining(['echo', 'read_graph']))
  expect(await used.text('echo', {message: 'hello'})).toBe('Echo: hello')
  const name = `otter-${randomUUID()}`
  const entities = [{name, entityType: 'animal', observations: ['swims']}]
  await used.text('create_entities', {entities})
  expect(await used.text('read_graph', {})).toContain(name)
  await used.text('delete_entities', {entityNames: [name]})
  expect((await cli.containers()).map(({server}) => server).toSorted()).toEqual([
    'everything',
    'memory',
  ])
}

describe('two servers from the catalog', () => {
  test('are enabled, used over stdio, and leave no container', async () => {
    await using _volume = await memoryVolume()
    await using cli = await dockerCli()
    const enabled = await cli.run(['mcp', 'server', 'enable', 'everything', 'memory'])
    expect(enabled).toMatchObject({code: 0, stderr: 'enabled everything\nenabled memory\n'})
    {
      await using used = await connectStdio(cli)
      await useBothServers(cli, used)
      expect(used.client.getServerVersion()?.name).toBe('docker-mcp-gateway')
    }
    await cli.gone()
  })

  test('are used over HTTP with the printed URL and token, and leave no container', async () => {
    await using _volume = await memoryVolume()
    await using cli = await dockerCli()
    await cli.mcp('server', 'enable', 'everything', 'memory')
    const flags = ['--transport', 'streaming', '--port', '0']
    const gateway = cli.start(['mcp', 'gateway', 'run', ...flags])
    {
      await using used = await connectHttp(gateway)
      await useBothServers(cli, used)
    }
    gateway.child.kill('SIGTERM')
    expect((await gateway.ended()).stdout).toBe('')
    await cli.gone()
  })

  test('are used by the MCP inspector, and leave no container', async () => {
    await using _volume = await memoryVolume()
    await using cli = await dockerCli()
    await cli.mcp('server', 'enable', 'everything', 'memory')
    // The inspector asks once and leaves: a server that was never seen may take longer to start than a list waits for it.
    await cli.mcp('tools', 'ls')
    // The inspector starts programs with an environment of its own.
    const env = ['DOCKER_CONFIG', 'DOCKER_MCP_MEMORY', 'DOCKER_HOST'].flatMap(name =>
      cli.env[name] === undefined ? [] : ['-e', `${name}=${cli.env[name]}`],
    )
    const inspect = (...words: string[]) =>
      cli.run([INSPECTOR, '--cli', ...env, 'docker', 'mcp', 'gateway', 'run', ...words], {
        program: process.execPath,
        env: {MCP_STORAGE_DIR: cli.home},
      })
    const listed = await inspect('--method', 'tools/list')
    expect(listed, `stderr: ${listed.stderr}`).toMatchObject({code: 0})
    expect(listed.stdout).toContain('"echo"')
    expect(listed.stdout).toContain('"read_graph"')
    const tool = ['--tool-name', 'echo', '--tool-arg', 'message=hello']
    const called = await inspect('--method', 'tools/call', ...tool)
    expect(called, `stderr: ${called.stderr}`).toMatchObject({code: 0})
    expect(called.stdout).toContain('Echo: hello')
    await cli.gone()
  })
})
