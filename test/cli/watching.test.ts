import {readdir} from 'node:fs/promises'
import {join} from 'node:path'

import {describe, expect, test} from 'vitest'
import * as z from 'zod'

import {dockerCli, type DockerCli, type Running} from '../support/docker-cli.ts'

const rowsSchema = z.array(
  z.object({
    gateway: z.string(),
    pid: z.number(),
    server: z.string(),
    state: z.string(),
    container: z.object({id: z.string(), name: z.string(), use: z.string()}).optional(),
    lastError: z.object({code: z.string(), message: z.string()}).optional(),
  }),
)
const linesSchema = z.array(z.object({container: z.string(), text: z.string()}))

const LIST = [
  {
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: {name: 'watching', version: '1'},
    },
  },
  {jsonrpc: '2.0', method: 'notifications/initialized'},
  {jsonrpc: '2.0', id: 2, method: 'tools/call', params: {name: 'echo', arguments: {message: 'x'}}},
]
  .map(message => `${JSON.stringify(message)}\n`)
  .join('')

/** A gateway with a client that has called a tool of `everything`. */
async function gatewayInUse(cli: DockerCli, ...args: readonly string[]): Promise<Running> {
  const gateway = cli.start(['mcp', 'gateway', 'run', ...args])
  gateway.child.stdin?.write(LIST)
  await gateway.said(/Echo: x/, 'stdout')
  return gateway
}

async function rowsOf(cli: DockerCli): Promise<z.infer<typeof rowsSchema>> {
  return rowsSchema.parse(JSON.parse(await cli.mcp('gateway', 'ps', '--format', 'json')))
}

async function recordsOf(cli: DockerCli): Promise<readonly string[]> {
  return readdir(join(cli.mcpDir, 'state', 'gateways'))
}

describe('gateway ps', () => {
  test('shows the containers of all running gateways, and none of those that have ended', async () => {
    await using cli = await dockerCli()
    await cli.mcp('server', 'enable', 'everything')
    expect(await cli.mcp('gateway', 'ps')).toBe('No gateway runs.\n')
    expect(await rowsOf(cli)).toEqual([])
    await using one = await gatewayInUse(cli)
    await using two = await gatewayInUse(cli)
    const rows = await rowsOf(cli)
    const ids = rows.flatMap(({container}) => (container ? [container.id] : []))
    expect(ids.toSorted()).toEqual((await cli.containers()).map(({id}) => id).toSorted())
    expect(rows.map(({pid}) => pid)).toEqual([await one.pluginPid(), await two.pluginPid()])
    expect(new Set(rows.map(({gateway}) => gateway)).size).toBe(2)
    for (const row of rows) expect(row).toMatchObject({server: 'everything', state: 'ready'})

    const human = await cli.mcp('gateway', 'ps')
    expect(human).toMatch(/^GATEWAY +SERVER +STATE +CONTAINER +AGE +MEM +CPU +RESTARTS\n/)
    for (const id of ids) expect(human).toContain(id.slice(0, 12))

    two.child.stdin?.end()
    await two.ended()
    expect((await rowsOf(cli)).map(({container}) => container?.id)).toEqual([ids[0]])
    // No clean-up of its own: whoever looks next removes what it left.
    process.kill(await one.pluginPid(), 'SIGKILL')
    await one.ended()
    expect(await cli.mcp('gateway', 'ps')).toBe('No gateway runs.\n')
    expect(await recordsOf(cli)).toEqual([])
    await cli.gone()
  })

  test('shows a server that cannot start, why, and what to do, also for a gateway over HTTP', async () => {
    await using cli = await dockerCli()
    const http = ['--transport', 'streaming', '--port', '0']
    await using gateway = cli.start(['mcp', 'gateway', 'run', ...http, '--servers', 'evrything'])
    await gateway.said(/> Initialized/)
    await expect.poll(async () => (await rowsOf(cli)).length).toBe(1)
    const human = await cli.mcp('gateway', 'ps')
    expect(human).toMatch(/ evrything +failed +- +- +- +- +0 /)
    const [row] = await rowsOf(cli)
    expect(row).toMatchObject({server: 'evrything', state: 'failed'})
    expect(row).toMatchObject({lastError: {code: 'SERVER_UNKNOWN'}})
    expect(human).toContain(row?.lastError?.message ?? 'the message')
    const {code, stdout, stderr} = await cli.run(['mcp', 'server', 'logs', 'evrything'])
    expect({code, stdout}).toEqual({code: 0, stdout: ''})
    expect(stderr).toBe('evrything has written nothing to stderr yet\n')
  })

  test('tells a gateway that does not answer, and fails', async () => {
    await using cli = await dockerCli()
    await cli.mcp('server', 'enable', 'everything')
    await using gateway = await gatewayInUse(cli)
    const pid = await gateway.pluginPid()
    process.kill(pid, 'SIGSTOP')
    const {code, stdout, stderr} = await cli.run(['mcp', 'gateway', 'ps'])
    process.kill(pid, 'SIGCONT')
    expect({code, stdout}).toEqual({code: 1, stdout: 'No gateway answers.\n'})
    expect(stderr).toBe(
      `the gateway with process id ${pid} does not answer: it did not answer within 5 s\n  when it hangs, end that process; its containers go with it\n`,
    )
  })
})

describe('server logs', () => {
  test('shows what a server wrote, and what it writes while it is followed', async () => {
    await using cli = await dockerCli()
    await cli.mcp('server', 'enable', 'everything')
    await using gateway = await gatewayInUse(cli)
    const words = 'Starting default (STDIO) server...'
    const lines = async () =>
      linesSchema.parse(
        JSON.parse(await cli.mcp('server', 'logs', 'everything', '--format', 'json')),
      )
    await expect.poll(async () => (await lines()).map(({text}) => text)).toContain(words)
    expect(await cli.mcp('server', 'logs', 'everything')).toContain(`${words}\n`)
    expect(await cli.mcp('server', 'logs', 'everything', '--lines', '0')).toBe('')

    const log = ['mcp', 'server', 'logs', 'everything', '--follow', '--lines', '0']
    await using follower = cli.start(log)
    await using other = await gatewayInUse(cli)
    await using late = cli.start(['mcp', 'server', 'logs', 'everything', '-f', '--format', 'json'])
    await late.said(
      new RegExp(String.raw`${words.replaceAll(/[().]/g, String.raw`\$&`)}"\}\n(.|\n)*STDIO`),
      'stdout',
    )
    const names = linesSchema.parse((await lines()).filter(({text}) => text === words))
    expect(new Set(names.map(({container}) => container)).size).toBe(2)
    expect(await cli.mcp('server', 'logs', 'everything')).toContain(` | ${words}\n`)
    for (const one of [gateway, other]) {
      one.child.stdin?.end()
      await one.ended()
    }
    // With the last gateway, there is nothing to follow any more.
    expect((await follower.ended()).code).toBe(0)
    expect((await late.ended()).code).toBe(0)
  })

  test('shows what other gateways keep when one does not answer, and fails', async () => {
    await using cli = await dockerCli()
    await cli.mcp('server', 'enable', 'everything')
    await using good = await gatewayInUse(cli)
    await using hanging = await gatewayInUse(cli)
    await expect.poll(() => cli.mcp('server', 'logs', 'everything')).toMatch(/ \| .*STDIO/)
    const pid = await hanging.pluginPid()
    process.kill(pid, 'SIGSTOP')
    const [once, status] = await Promise.all([
      cli.run(['mcp', 'server', 'logs', 'everything']),
      cli.run(['mcp', 'server', 'status']),
    ])
    await using follower = cli.start(['mcp', 'server', 'logs', 'everything', '--follow'])
    await follower.said(/STDIO/, 'stdout')
    good.child.stdin?.end()
    await good.ended()
    const followed = await follower.ended()
    process.kill(pid, 'SIGCONT')
    for (const {code, stdout, stderr} of [once, followed]) {
      expect({code, stdout}).toMatchObject({code: 1, stdout: expect.stringContaining('STDIO')})
      expect(stderr).toMatch(new RegExp(`^the gateway with process id ${pid} does not answer: `))
    }
    expect(status).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/\neverything +ready +2 /),
      stderr:
        'a gateway runs and does not answer: only what the engine tells of its servers is shown\n',
    })
  })

  test('ends on Ctrl-C', async () => {
    await using cli = await dockerCli()
    await cli.mcp('server', 'enable', 'everything')
    await using _gateway = await gatewayInUse(cli)
    const log = ['mcp', 'server', 'logs', 'everything', '--follow']
    await using stopped = cli.start(log)
    await stopped.said(/STDIO/, 'stdout')
    process.kill(await stopped.pluginPid(), 'SIGINT')
    expect((await stopped.ended()).code).toBe(0)
  })

  test('says what to do when there is nothing to show', async () => {
    await using cli = await dockerCli()
    await cli.mcp('server', 'enable', 'everything')
    expect(await cli.run(['mcp', 'server', 'logs', 'everything'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr:
        'no gateway of this user runs\n  open the client that starts one, or run: docker mcp gateway run\n',
    })
    await using _gateway = await gatewayInUse(cli)
    const unknown = await cli.run(['mcp', 'server', 'logs', 'evrything', '--format', 'json'])
    expect(unknown).toMatchObject({code: 1, stderr: ''})
    expect(JSON.parse(unknown.stdout)).toEqual({
      error: {
        code: 'SERVER_UNKNOWN',
        message: 'no running gateway serves evrything',
        hint: 'they serve: everything',
      },
    })
    const wrong = await cli.run(['mcp', 'server', 'logs', 'everything', '--lines', 'many'])
    expect(wrong).toMatchObject({code: 125, stdout: ''})
  })
})

describe('server restart', () => {
  test('starts the containers anew in every gateway, and the next call works', async () => {
    await using cli = await dockerCli()
    await cli.mcp('server', 'enable', 'everything', 'sequentialthinking')
    // Whose a tool is must be known: a server that was never seen may take longer to start than its call waits for that.
    await cli.mcp('tools', 'ls')
    await using one = await gatewayInUse(cli)
    await using two = await gatewayInUse(cli, '--servers', 'everything')
    const before = await rowsOf(cli)
    const names = (server: string, rows: typeof before) =>
      rows.filter(row => row.server === server).map(({container}) => container?.name)
    expect(names('everything', before)).toHaveLength(2)
    expect(await cli.mcp('server', 'restart', 'everything')).toBe(
      'everything: 2 containers were started anew\n',
    )
    const after = await rowsOf(cli)
    expect(names('everything', after)).toHaveLength(2)
    for (const name of names('everything', after)) {
      expect(names('everything', before)).not.toContain(name)
    }
    for (const gateway of [one, two]) {
      const message = `again ${gateway.pid}`
      const params = {name: 'echo', arguments: {message}}
      const call = {jsonrpc: '2.0', id: 3, method: 'tools/call', params}
      gateway.child.stdin?.write(`${JSON.stringify(call)}\n`)
      await gateway.said(new RegExp(`Echo: ${message}`), 'stdout')
    }
    for (const gateway of [one, two]) {
      gateway.child.stdin?.end()
      await gateway.ended()
    }
    await cli.gone()
  })

  test('gives the call that is under way an error that says so', async () => {
    await using cli = await dockerCli()
    await cli.mcp('server', 'enable', 'everything')
    await using gateway = await gatewayInUse(cli)
    const params = {name: 'trigger-long-running-operation', arguments: {duration: 60, steps: 60}}
    const call = {jsonrpc: '2.0', id: 3, method: 'tools/call', params}
    gateway.child.stdin?.write(`${JSON.stringify(call)}\n`)
    await gateway.said(/trigger-long/)
    expect(await cli.mcp('server', 'restart', 'everything', '--format', 'json')).toContain(
      '"restarted": 1',
    )
    await gateway.said(/"id":3.*server everything.* was restarted/, 'stdout')
  })

  test('tells of the gateways that do it, and of one that hangs', async () => {
    await using cli = await dockerCli()
    await cli.mcp('server', 'enable', 'everything')
    await using good = await gatewayInUse(cli)
    await using hanging = await gatewayInUse(cli)
    const pid = await hanging.pluginPid()
    process.kill(pid, 'SIGSTOP')
    const {code, stdout, stderr} = await cli.run(['mcp', 'server', 'restart', 'everything'])
    process.kill(pid, 'SIGCONT')
    expect({code, stdout}).toEqual({code: 1, stdout: 'everything: 1 container was started anew\n'})
    expect(stderr).toMatch(new RegExp(`^the gateway with process id ${pid} does not answer: `))
    good.child.stdin?.end()
    await good.ended()
  })

  test('says what to do when no gateway runs, or none serves it', async () => {
    await using cli = await dockerCli()
    await cli.mcp('server', 'enable', 'everything')
    const none = await cli.run(['mcp', 'server', 'restart', 'everything'])
    expect(none).toMatchObject({code: 1, stdout: ''})
    expect(none.stderr).toMatch(/^no gateway of this user runs\n/)
    await using _gateway = await gatewayInUse(cli)
    const unknown = await cli.run(['mcp', 'server', 'restart', 'evrything'])
    expect(unknown).toMatchObject({code: 1, stdout: ''})
    expect(unknown.stderr).toBe('no running gateway serves evrything\n  they serve: everything\n')
    const json = await cli.run(['mcp', 'server', 'restart', 'evrything', '--format', 'json'])
    expect(json).toMatchObject({code: 1, stderr: ''})
    expect(JSON.parse(json.stdout)).toMatchObject([
      {server: 'evrything', gateways: 0, restarted: 0, error: {code: 'SERVER_UNKNOWN'}},
    ])
  })
})
