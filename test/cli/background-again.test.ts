import {once} from 'node:events'
import {access, mkdir, readFile, rm, writeFile} from 'node:fs/promises'
import {createServer} from 'node:net'
import {join} from 'node:path'

import {describe, expect, test} from 'vitest'

import {capture} from '../../scripts/process.ts'
import {Scope} from '../../src/lib/base/scope.ts'
import {backgroundCli, connected, oneOf, statusOf} from '../support/background-cli.ts'
import {dockerCli} from '../support/docker-cli.ts'

const PATIENT = {timeout: 60_000}

describe('a gateway that is started again', () => {
  test('has the restrictions that it had, by flags and by variables, whoever starts it', async () => {
    await using cli = await backgroundCli()
    const {code} = await cli.run(['mcp', 'gateway', 'start', '--servers', 'everything'], {
      env: {DOCKER_MCP_TOOLS: 'echo'},
    })
    expect(code).toBe(0)
    const env = {DOCKER_MCP_TOOLS: 'get-sum', DOCKER_MCP_CLIENT: 'cursor', MY_SECRET_KEY: 'hunter2'}
    await using one = await connected(cli, {env})
    const tools = async () => (await one.client.listTools()).tools.map(({name}) => name)
    await expect.poll(tools, PATIENT).toEqual(['echo'])

    await cli.mcp('gateway', 'stop')
    expect(await tools()).toEqual(['echo'])
    const {pid} = await oneOf(cli)
    expect(await readFile(`/proc/${pid}/environ`, 'utf8')).not.toContain('hunter2')

    process.kill(pid, 'SIGKILL')
    await expect
      .poll(async () => (await statusOf(cli)).map(it => it.pid !== pid), PATIENT)
      .toEqual([true])
    expect(await tools()).toEqual(['echo'])
    await cli.mcp('gateway', 'restart')
    expect(await tools()).toEqual(['echo'])
  })

  test('is first started by a client with what its variables say', async () => {
    await using cli = await backgroundCli()
    const env = {DOCKER_MCP_SERVERS: 'everything', DOCKER_MCP_CLIENT: 'cursor'}
    await using one = await connected(cli, {env: {...env, MY_SECRET_KEY: 'hunter2'}})
    expect(await one.echo('x')).toBe('Echo: x')
    const {pid} = await oneOf(cli)
    expect(await readFile(`/proc/${pid}/environ`, 'utf8')).not.toContain('hunter2')
  })

  test('is for the engine that is meant, however that is written', async () => {
    await using cli = await backgroundCli()
    await cli.mcp('gateway', 'start')
    const {pid} = await oneOf(cli)
    const said = [
      {DOCKER_HOST: 'unix:///var/run/docker.sock'},
      {DOCKER_HOST: 'unix:///run/docker.sock'},
    ]
    for (const env of said) {
      const again = await cli.run(['mcp', 'gateway', 'start'], {env})
      expect(again.stdout + again.stderr).toContain(`runs already, with process id ${pid}`)
      await using one = await connected(cli, {env})
      expect((await one.client.listTools()).tools).toEqual([])
    }
    const env = {DOCKER_HOST: 'tcp://127.0.0.1:1'}
    const started = await cli.run(['mcp', 'gateway', 'start'], {env})
    const other = 'the gateway default speaks to the engine at unix:///'
    expect(started).toMatchObject({code: 1, stderr: expect.stringContaining(other)})
    const stdin = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n'
    const words = ['mcp', 'gateway', 'connect']
    for (const asked of [
      cli.run(words, {env, stdin}),
      cli.run(['-H', 'tcp://127.0.0.1:1', ...words], {stdin}),
    ]) {
      const {stdout} = await asked
      expect(JSON.parse(stdout)).toMatchObject({error: {message: expect.stringContaining(other)}})
      expect(stdout).toContain('not to the one at tcp://127.0.0.1:1')
    }
  })

  test('serves the profile that it served', async () => {
    await using cli = await backgroundCli()
    await cli.mcp('profile', 'create', '--name', 'work')
    const said = await cli.mcp('gateway', 'start', '--profile', 'work')
    expect(said).toContain('docker mcp gateway connect --profile work\n')
    await using one = await connected(cli, {flags: ['--name', 'work']})
    await cli.mcp('gateway', 'stop', '--name', 'work')
    expect((await one.client.listTools()).tools).toEqual([])
    expect((await oneOf(cli, 'work')).profile).toBe('work')
    await using two = await connected(cli, {flags: ['--profile', 'work']})
    expect((await two.client.listTools()).tools).toEqual([])
  })

  test('starts though its folder is gone, and is not stopped when it cannot', async () => {
    await using cli = await backgroundCli()
    const cwd = join(cli.home, 'project')
    await mkdir(cwd)
    expect((await cli.run(['mcp', 'gateway', 'start'], {cwd})).code).toBe(0)
    await rm(cwd, {recursive: true})
    expect(await cli.mcp('gateway', 'restart')).toContain('runs in the background')

    await mkdir(cwd)
    const words = ['mcp', 'gateway', 'start', '--name', 'own', '--secrets', 'env:./.env']
    expect((await cli.run(words, {cwd})).code).toBe(0)
    await rm(cwd, {recursive: true})
    const {pid} = await oneOf(cli, 'own')
    const refused = await cli.run(['mcp', 'gateway', 'restart', '--name', 'own'])
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain(`the folder ${cwd} is gone`)
    expect(refused.stderr).toContain('--secrets=env:./.env')
    expect((await oneOf(cli, 'own')).pid).toBe(pid)
  })

  test('is told from one with other settings, however they were said', async () => {
    await using cli = await backgroundCli()
    await cli.mcp('gateway', 'start', '--servers', 'everything')
    expect(await cli.mcp('gateway', 'start', '--servers=everything')).toContain('runs already')
    const others = await Promise.all([
      cli.run(['-H', 'unix:///nowhere.sock', 'mcp', 'gateway', 'start']),
      cli.run(['mcp', 'gateway', 'start'], {env: {DOCKER_HOST: 'unix:///nowhere.sock'}}),
      cli.run(['mcp', 'gateway', 'start'], {env: {DOCKER_MCP_SERVERS: 'fetch'}}),
    ])
    expect(others.map(({code}) => code)).toEqual([1, 1, 1])
    expect(others[0].stderr).toContain('speaks to the engine at unix:')
  })

  test('is not stopped when the disk is full', async () => {
    await using scope = new Scope()
    const cli = scope.use(await backgroundCli())
    const folder = join(cli.mcpDir, 'state', 'background')
    await mkdir(folder, {recursive: true})
    const mounted = await capture('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder])
    expect(mounted).toMatchObject({code: 0})
    scope.defer(async () => void (await capture('umount', ['--lazy', folder])))
    await cli.mcp('gateway', 'start')
    const {pid} = await oneOf(cli)
    const filling = writeFile(join(folder, 'filling'), 'x'.repeat(100_000))
    await expect(filling).rejects.toMatchObject({code: 'ENOSPC'})
    const refused = await cli.run(['mcp', 'gateway', 'restart'])
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('no space is left')
    expect((await oneOf(cli)).pid).toBe(pid)
    await rm(join(folder, 'filling'))
  })

  test('is not looked for where no folder can be read, and that is said', async () => {
    await using cli = await dockerCli()
    const file = await cli.write('state/gateways', '')
    const refused = await cli.run(['mcp', 'gateway', 'status'])
    expect(refused).toMatchObject({code: 1, stdout: ''})
    expect(refused.stderr).toContain(`cannot read ${file}: a part of the path is not a folder`)
  })

  test('does not run when its start is interrupted', async () => {
    await using scope = new Scope()
    const cli = scope.use(await backgroundCli())
    await cli.mcp('server', 'enable', 'everything')
    // An engine that says nothing, so that the start is not over before it is interrupted.
    const socket = join(cli.home, 'engine.sock')
    const engine = createServer().listen(socket)
    await once(engine, 'listening')
    scope.defer(async () => void engine.close())
    const env = {DOCKER_HOST: `unix://${socket}`}
    await using starting = cli.start(['mcp', 'gateway', 'start'], {env})
    const pid = await starting.pluginPid()
    const file = join(cli.mcpDir, 'state', 'background', 'default.json')
    await expect.poll(() => access(file).then(() => true), {...PATIENT, interval: 5}).toBe(true)
    process.kill(pid, 'SIGTERM')
    const stderr = expect.stringContaining('asked to terminate (SIGTERM)')
    expect(await starting.ended()).toMatchObject({stdout: '', stderr})
    expect(await statusOf(cli)).toEqual([])
    await expect(access(file)).rejects.toThrow('ENOENT')
  })
})
