import {describe, expect, test} from 'vitest'

import {connectHttp, printedEndpoint} from '../support/cli-client.ts'
import {dockerCli, type DockerCli, type Running} from '../support/docker-cli.ts'

const HTTP = ['--transport', 'streaming', '--port', '0']
/** One that serves is not all that there is to end. */
const ONE_READY = ['--standby', '1:1']

const HELLO = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: {name: 'test', version: '1'},
  },
}

/** A gateway over stdio whose client has used its server, so that a container runs. */
async function usedGateway(cli: DockerCli): Promise<Running> {
  await cli.mcp('server', 'enable', 'sequentialthinking')
  const gateway = cli.start(['mcp', 'gateway', 'run', ...ONE_READY])
  const list = {jsonrpc: '2.0', id: 2, method: 'tools/list'}
  for (const message of [HELLO, {jsonrpc: '2.0', method: 'notifications/initialized'}, list]) {
    gateway.child.stdin?.write(`${JSON.stringify(message)}\n`)
  }
  await gateway.said(/sequentialthinking: \(1 tools\)/)
  // The one that serves, and the one that is kept ready.
  await expect.poll(() => cli.containers()).toHaveLength(2)
  return gateway
}

/** Whether a process is still there. */
function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function ends(pid: number): Promise<void> {
  await expect.poll(() => lives(pid), {timeout: 60_000, interval: 50}).toBe(false)
}

/** Everything that stops a gateway, and the exit code that a script sees then; null is a killed docker. */
const WAYS: readonly {
  readonly way: string
  readonly code: number | null
  readonly stop: (gateway: Running, plugin: number) => void
}[] = [
  {way: 'SIGTERM to docker', code: 0, stop: ({child}) => void child.kill('SIGTERM')},
  {way: 'SIGINT to docker', code: 0, stop: ({child}) => void child.kill('SIGINT')},
  {way: 'SIGKILL to docker', code: null, stop: ({child}) => void child.kill('SIGKILL')},
  {way: 'SIGTERM to the plugin', code: 0, stop: (_, plugin) => process.kill(plugin, 'SIGTERM')},
  {way: 'SIGINT to the plugin', code: 0, stop: (_, plugin) => process.kill(plugin, 'SIGINT')},
  {way: 'SIGHUP to the plugin', code: 0, stop: (_, plugin) => process.kill(plugin, 'SIGHUP')},
  {way: 'SIGKILL to the plugin', code: 255, stop: (_, plugin) => process.kill(plugin, 'SIGKILL')},
  {way: 'the end of stdin', code: 0, stop: ({child}) => void child.stdin?.end()},
]

describe('a gateway that has a container', () => {
  test.for(WAYS)('ends with it on $way', async ({stop, code}) => {
    await using cli = await dockerCli()
    const gateway = await usedGateway(cli)
    const plugin = await gateway.pluginPid()
    stop(gateway, plugin)
    await ends(plugin)
    expect((await gateway.ended()).code).toBe(code)
    await cli.gone()
  })

  test('serves HTTP until SIGTERM, whether or not clients are connected', async () => {
    await using cli = await dockerCli()
    await cli.mcp('server', 'enable', 'sequentialthinking')
    const gateway = cli.start(['mcp', 'gateway', 'run', ...HTTP, ...ONE_READY])
    await using used = await connectHttp(gateway)
    await expect.poll(() => used.toolNames()).toEqual(['sequentialthinking'])
    await expect.poll(() => cli.containers()).toHaveLength(2)
    const {url} = await printedEndpoint(gateway)
    process.kill(await gateway.pluginPid(), 'SIGTERM')
    expect(await gateway.ended()).toMatchObject({code: 0})
    await expect(fetch(url)).rejects.toThrow('fetch failed')
    await cli.gone()
  })

  test('ends at once on a second signal', async () => {
    await using cli = await dockerCli()
    await cli.mcp('server', 'enable', 'everything')
    const gateway = cli.start(['mcp', 'gateway', 'run', ...HTTP])
    await using used = await connectHttp(gateway)
    await expect.poll(() => used.toolNames()).toContain('echo')
    const plugin = await gateway.pluginPid()
    const [{id} = {id: ''}] = await cli.containers()
    // A server that does not end with its stdin keeps the gateway waiting.
    await cli.run(['pause', id])
    process.kill(plugin, 'SIGTERM')
    await gateway.said(/Stopping/)
    process.kill(plugin, 'SIGTERM')
    expect((await gateway.ended()).code).toBe(130)
    await cli.run(['unpause', id])
    await cli.gone()
  })
})

describe('tools call', () => {
  test.for([
    ['SIGINT', 'interrupted (SIGINT)'],
    ['SIGTERM', 'asked to terminate (SIGTERM)'],
  ] as const)('ends on %s, with the container of its tool', async ([signal, words]) => {
    await using cli = await dockerCli()
    await cli.mcp('server', 'enable', 'everything')
    const long = ['trigger-long-running-operation', 'duration=60', 'steps=2']
    const call = cli.start(['mcp', 'tools', 'call', ...long, '--verbose'])
    await call.said(/everything: \(13 tools\)/)
    expect(await cli.containers()).toHaveLength(1)
    process.kill(await call.pluginPid(), signal)
    const {code, stdout, stderr} = await call.ended()
    expect({code, stdout}).toEqual({code: 1, stdout: ''})
    expect(stderr).toContain(words)
    await cli.gone()
  })
})
