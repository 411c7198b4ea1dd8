import {once} from 'node:events'
import {readdir, readFile, stat} from 'node:fs/promises'
import {dirname, join} from 'node:path'

import {CallToolResultSchema} from '@modelcontextprotocol/sdk/types.js'
import {describe, expect, test} from 'vitest'
import * as z from 'zod'

import {
  backgroundCli,
  type Connected,
  connected,
  oneOf,
  statusOf,
} from '../support/background-cli.ts'

const PATIENT = {timeout: 60_000}

/** One that has ended keeps its number until somebody asks for its exit code. */
async function isAlive(pid: number): Promise<boolean> {
  const known = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return known !== '' && !/^\d+ \([^]*\) [ZX] /.test(known)
}

/** The text of a gateway file with rules for one client. */
function rules(client: string): string {
  return `accessControl:\n  clients:\n    ${client}:\n      allowedTools: ['everything:echo']\n`
}

async function toolNames({client}: Connected): Promise<readonly string[]> {
  return (await client.listTools()).tools.map(({name}) => name)
}

describe('a gateway in the background', () => {
  test('says that plain variables do not count in it', async () => {
    await using cli = await backgroundCli()
    const started = await cli.run(['mcp', 'gateway', 'start', '--secrets=env'])
    const told = /^! --secrets names env, and this gateway has an environment of its own/m
    expect(started.stderr).toMatch(told)
    expect(started.stderr).toContain('docker mcp secret set NAME')
    expect((await cli.run(['mcp', 'gateway', 'restart'])).stderr).toMatch(told)
    await cli.mcp('gateway', 'stop')
    const other = await cli.run(['mcp', 'gateway', 'start', '--secrets=docker-desktop'])
    expect(other).toMatchObject({code: 0, stderr: ''})
  })

  test('is started once, seen, followed and stopped, and leaves nothing', async () => {
    await using cli = await backgroundCli()
    await cli.mcp('server', 'enable', 'everything')
    const said = await cli.mcp('gateway', 'start')
    const {pid, address, profile} = await oneOf(cli)
    expect(said).toContain(`gateway default runs in the background, with process id ${pid}`)
    expect(said).toContain(address)
    expect(profile).toBe('default')
    expect(await cli.mcp('gateway', 'start')).toContain(`runs already, with process id ${pid}`)
    const other = await cli.run(['mcp', 'gateway', 'start', '--servers', 'everything'])
    expect(other.code).toBe(1)
    expect(other.stderr).toContain('was started with other flags')

    const {token} = z
      .object({token: z.string()})
      .parse(JSON.parse(await readFile(join(cli.mcpDir, 'gateway.json'), 'utf8')))
    const log = join(cli.mcpDir, 'state', 'background', 'default.log')
    expect((await stat(log)).mode & 0o777).toBe(0o600)
    expect((await stat(dirname(log))).mode & 0o777).toBe(0o700)
    const records = join(cli.mcpDir, 'state', 'gateways')
    const socket = (await readdir(records)).find(file => file.endsWith('.sock'))
    expect((await stat(join(records, String(socket)))).mode & 0o777).toBe(0o600)
    const logs = await cli.mcp('gateway', 'logs')
    expect(logs).toContain(`> Gateway: ${address}`)
    expect(await cli.mcp('gateway', 'logs', '--tail', '0')).toBe('')
    const all =
      logs + said + JSON.stringify(await statusOf(cli)) + (await cli.mcp('gateway', 'status'))
    expect(all).not.toContain(token)
    const response = await fetch(String(address), {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'initialize',
        params: {
          protocolVersion: '2025-11-25',
          capabilities: {},
          clientInfo: {name: 'over-http', version: '1'},
        },
      }),
    })
    expect(response.status).toBe(200)
    expect((await oneOf(cli)).clients).toEqual(['over-http'])

    await using follower = cli.start(['mcp', 'gateway', 'logs', '--follow'])
    // From here on it sees all that comes.
    await follower.said(/> Gateway: /, 'stdout')
    expect(await cli.mcp('gateway', 'stop')).toBe('gateway default is stopped\n')
    await follower.said(/> Stopping/, 'stdout')
    expect(await statusOf(cli)).toEqual([])
    await cli.gone()
    expect(await cli.mcp('gateway', 'stop')).toBe('gateway default does not run\n')
    expect(await readdir(join(cli.mcpDir, 'state', 'gateways'))).toEqual([])
    expect(await readdir(join(cli.mcpDir, 'state', 'background'))).toEqual([
      'default.json',
      'default.log',
    ])
  })

  test('is started only once by several who try at the same time', async () => {
    await using cli = await backgroundCli()
    const all = await Promise.all([1, 2, 3].map(() => cli.mcp('gateway', 'start')))
    const isNew = all.filter(said => said.includes('runs in the background'))
    expect(isNew).toHaveLength(1)
    expect(await statusOf(cli)).toHaveLength(1)
  })

  test('says why it did not start, and leaves nothing', async () => {
    await using cli = await backgroundCli()
    const {code, stdout, stderr} = await cli.run([
      'mcp',
      'gateway',
      'start',
      '--profile',
      'nobodys',
    ])
    expect({code, stdout}).toEqual({code: 1, stdout: ''})
    expect(stderr).toContain('there is no profile "nobodys"')
    expect(await statusOf(cli)).toEqual([])
    const kept = await readdir(join(cli.mcpDir, 'state', 'background'))
    expect(kept).toEqual(['nobodys.log'])
    const stdio = await cli.run(['mcp', 'gateway', 'start', '--transport', 'stdio'])
    expect(stdio.code).toBe(125)
    const noEngine = await cli.run(['mcp', 'server', 'enable', 'everything'])
    expect(noEngine.code).toBe(0)
    const lost = await cli.run(['-H', 'unix:///nowhere.sock', 'mcp', 'gateway', 'start'])
    expect(lost.code).toBe(1)
    expect(lost.stderr).toContain('/nowhere.sock')
    expect(await statusOf(cli)).toEqual([])
  })

  test('keeps its port and its flags over a restart', async () => {
    await using cli = await backgroundCli()
    await cli.mcp('gateway', 'start', '--name', 'Mine', '--servers', 'everything')
    const before = await oneOf(cli, 'mine')
    expect(await cli.mcp('gateway', 'restart', '--name', 'mine')).toContain(before.address)
    const after = await oneOf(cli, 'mine')
    expect(after.address).toBe(before.address)
    expect(after.pid).not.toBe(before.pid)
    expect(await cli.mcp('gateway', 'logs', '--name', 'mine', '--tail', '10')).toContain(
      '- Those servers are enabled: everything',
    )
    const none = await cli.run(['mcp', 'gateway', 'restart'])
    expect(none.code).toBe(1)
    expect(none.stderr).toContain('no gateway default was started in the background')
  })

  test('that hangs is killed, and its containers go', async () => {
    await using cli = await backgroundCli()
    await cli.mcp('server', 'enable', 'everything')
    await using one = await connected(cli)
    expect(await one.echo('x')).toBe('Echo: x')
    expect(await cli.containers()).toHaveLength(1)
    const {pid} = await oneOf(cli)
    process.kill(pid, 'SIGSTOP')
    expect(await cli.mcp('gateway', 'stop')).toContain('was killed')
    expect(await isAlive(pid)).toBe(false)
    await cli.gone()
  })
})

describe('gateway connect', () => {
  test('starts a gateway, heals after kill -9 and a restart, and the client goes on', async () => {
    await using cli = await backgroundCli()
    await cli.mcp('server', 'enable', 'everything')
    await using one = await connected(cli, {name: 'my-editor'})
    expect(await one.echo('1')).toBe('Echo: 1')
    const first = await oneOf(cli)
    expect(first.clients).toEqual(['my-editor'])

    process.kill(first.pid, 'SIGKILL')
    // Without a word of the client: the gateway was not meant to end.
    await expect.poll(async () => (await statusOf(cli))[0]?.clients, PATIENT).toEqual(['my-editor'])
    await expect.poll(() => one.changes(), PATIENT).toBeGreaterThan(0)
    const second = await oneOf(cli)
    expect(second.pid).not.toBe(first.pid)
    expect(second.address).toBe(first.address)
    expect(await one.echo('2')).toBe('Echo: 2')

    const told = one.changes()
    await cli.mcp('gateway', 'restart')
    await expect.poll(() => one.changes(), PATIENT).toBeGreaterThan(told)
    expect(await one.echo('3')).toBe('Echo: 3')

    // Stopped by a person, it stays so until the client wants something.
    await cli.mcp('gateway', 'stop')
    expect(await statusOf(cli)).toEqual([])
    expect(await one.echo('4')).toBe('Echo: 4')
    expect(await statusOf(cli)).toHaveLength(1)
    await cli.mcp('gateway', 'stop')
    await cli.gone()
  })

  test('answers a call that was under way with what became of the gateway', async () => {
    await using cli = await backgroundCli()
    await cli.mcp('server', 'enable', 'everything')
    await using one = await connected(cli)
    expect(await one.echo('x')).toBe('Echo: x')
    const {pid} = await oneOf(cli)
    const progress = Promise.withResolvers<void>()
    const call = one.client.request(
      {
        method: 'tools/call',
        params: {name: 'trigger-long-running-operation', arguments: {duration: 60, steps: 600}},
      },
      CallToolResultSchema,
      {onprogress: () => progress.resolve()},
    )
    const outcome = call.then(
      () => 'an answer',
      (error: unknown) => String(error),
    )
    await progress.promise
    process.kill(pid, 'SIGKILL')
    expect(await outcome).toContain('tools/call: the gateway ended before it answered')
    expect(await one.echo('y')).toBe('Echo: y')
  })

  test('serves clients with different profiles at once', async () => {
    await using cli = await backgroundCli()
    await cli.mcp('profile', 'create', '--name', 'work')
    await cli.mcp('profile', 'server', 'add', 'work', '--server', 'everything')
    await using home = await connected(cli, {name: 'home'})
    await using work = await connected(cli, {name: 'work', flags: ['--profile', 'work']})
    await using again = await connected(cli, {name: 'again', flags: ['--profile', 'work']})
    expect((await home.client.listTools()).tools).toEqual([])
    expect(await work.echo('x')).toBe('Echo: x')
    expect(await again.echo('y')).toBe('Echo: y')
    const all = await statusOf(cli)
    expect(all.map(({name, profile, clients}) => ({name, profile, clients}))).toEqual([
      {name: 'default', profile: 'default', clients: ['home']},
      {name: 'work', profile: 'work', clients: ['work', 'again']},
    ])
  })

  test('refuses a client of another profile, and says why once', async () => {
    await using cli = await backgroundCli()
    await cli.mcp('profile', 'create', '--name', 'work')
    await cli.mcp('gateway', 'start')
    const {stdout, stderr} = await cli.run(
      ['mcp', 'gateway', 'connect', '--name', 'default', '--profile', 'work'],
      {stdin: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n'},
    )
    expect(stdout).toContain('serves the profile default, not work')
    expect(stderr.match(/serves the profile/g)).toHaveLength(1)
    await cli.mcp('gateway', 'stop', '--profile', 'default')
    const none = await cli.run(['mcp', 'gateway', 'logs', '--name', 'nix'])
    expect(none).toMatchObject({code: 1, stdout: ''})
    expect(none.stderr).toContain('there is no log of a gateway nix')
  })

  test('refuses a client that the rules do not know, and shows nothing to one that they forget', async () => {
    await using cli = await backgroundCli()
    await cli.mcp('server', 'enable', 'everything')
    await cli.write('mcp-gateway-config.yaml', rules('desk'))
    await using desk = await connected(cli, {flags: ['--client', 'desk']})
    await expect.poll(() => toolNames(desk), PATIENT).toEqual(['echo'])
    const {stdout, stderr} = await cli.run(['mcp', 'gateway', 'connect', '--client', 'dsk'], {
      stdin: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n',
    })
    expect(stderr).toContain('--client "dsk" is not under accessControl.clients')
    expect(JSON.parse(stdout)).toMatchObject({
      id: 1,
      error: {message: expect.stringContaining('did you mean desk?')},
    })
    await cli.write('mcp-gateway-config.yaml', rules('table'))
    await expect.poll(() => toolNames(desk), PATIENT).toEqual([])
    await expect(desk.echo('x')).rejects.toThrow('Unknown tool')
  })

  test('ends when it is stopped, though its client does not read', async () => {
    await using cli = await backgroundCli()
    await cli.mcp('gateway', 'start')
    await using connecting = cli.start(['mcp', 'gateway', 'connect'])
    const {child} = connecting
    const pid = await connecting.pluginPid()
    child.stdout?.once('data', () => child.stdout?.pause())
    const begun = once(child.stdout ?? child, 'data')
    // It comes back as a part of the answer, of which a pipe takes a small part.
    child.stdin?.write(`${JSON.stringify({jsonrpc: '2.0', id: 'x'.repeat(4e6), method: 'no'})}\n`)
    await begun
    const exited = once(child, 'exit')
    process.kill(pid, 'SIGTERM')
    expect(await exited).toEqual([0, null])
    expect(await isAlive(pid)).toBe(false)
  })

  test('starts again what a reboot ended', async () => {
    await using cli = await backgroundCli()
    await cli.mcp('server', 'enable', 'everything')
    const one = await connected(cli)
    expect(await one.echo('x')).toBe('Echo: x')
    const {pid} = await oneOf(cli)
    await one.client.close()
    process.kill(pid, 'SIGKILL')
    // Its record and its socket stay.
    expect(await readdir(join(cli.mcpDir, 'state', 'gateways'))).not.toEqual([])
    expect(await cli.mcp('gateway', 'start')).toContain('runs in the background')
    await using two = await connected(cli)
    expect(await two.echo('y')).toBe('Echo: y')
    await cli.mcp('gateway', 'stop')
    await cli.gone()
  })
})
