import {chmod, mkdir, readFile, writeFile} from 'node:fs/promises'
import {delimiter, join} from 'node:path'
import {describe, expect, onTestFinished, test} from 'vitest'
import * as z from 'zod'
import {addCatalog} from '../support/cli-catalog.ts'
import {connectStdio} from '../support/cli-client.ts'
import {dockerCli, type DockerCli} from '../support/docker-cli.ts'
import {REGISTRY_LOGIN, registryServer, type TestRegistry} from '../support/registry.ts'
import {registryGate} from '../support/registry-gate.ts'
import {pushImage, pushIndex, removeImages} from '../support/registry-image.ts'

const MB = 1_000_000
const ageSchema = z.array(
  z.object({
    name: z.string(),
    state: z.string(),
    here: z.string().optional(),
    there: z.string().optional(),
  }),
)

async function registry(options: {login?: boolean} = {}): Promise<TestRegistry> {
  const server = await registryServer(options)
  onTestFinished(async () => {
    await removeImages(server)
    await server[Symbol.asyncDispose]()
  })
  return server
}

/** Enables servers of these images; none of them has a network. */
async function enable(cli: DockerCli, images: Readonly<Record<string, string>>): Promise<void> {
  const entries = Object.entries(images).map(
    ([name, image]) => [name, {image, disableNetwork: true}] as const,
  )
  await addCatalog(cli, Object.fromEntries(entries))
  await cli.mcp('server', 'enable', ...Object.keys(images))
}

/** What `docker login` leaves behind, for one registry. */
async function signIn(cli: DockerCli, {host}: TestRegistry, password: string): Promise<void> {
  const auth = Buffer.from(`${REGISTRY_LOGIN.username}:${password}`).toString('base64')
  await writeFile(join(cli.configDir, 'config.json'), JSON.stringify({auths: {[host]: {auth}}}))
}

/** A credential helper that knows the login of every registry, and writes down what it was asked. */
async function addHelper(cli: DockerCli): Promise<{PATH: string; asked: () => Promise<string>}> {
  const folder = join(cli.home, 'bin')
  const file = join(cli.home, 'asked')
  const {username, password} = REGISTRY_LOGIN
  const login = JSON.stringify({Username: username, Secret: password})
  await mkdir(folder)
  const program = join(folder, 'docker-credential-test')
  await writeFile(program, `#!/bin/sh\necho "$@" >> ${file}\ncat >> ${file}\necho '${login}'\n`)
  await chmod(program, 0o755)
  await writeFile(join(cli.configDir, 'config.json'), JSON.stringify({credsStore: 'test'}))
  return {
    PATH: `${folder}${delimiter}${cli.env['PATH']}`,
    asked: () => readFile(file, 'utf8'),
  }
}

const ages = async (cli: DockerCli, ...names: readonly string[]) => {
  const text = await cli.mcp('server', 'outdated', '--format', 'json', ...names)
  return ageSchema.parse(JSON.parse(text))
}

describe('server install', () => {
  test('tells of each image what became of it, and what to do about the rest', async () => {
    const [open, closed] = [await registry(), await registry({login: true})]
    await pushImage(open, {repository: 'a/here', tag: '1'})
    await pushImage(closed, {repository: 'a/closed', tag: '1'})
    await pushIndex(open, {repository: 'a/other', tag: '1'}, [{architecture: 's390x'}])
    await using cli = await dockerCli()
    await enable(cli, {
      here: `${open.host}/a/here:1`,
      none: `${open.host}/a/none:1`,
      other: `${open.host}/a/other:1`,
      closed: `${closed.host}/a/closed:1`,
    })
    await signIn(cli, closed, 'a wrong s3cret')
    const args = ['mcp', 'server', 'install', 'here', 'none', 'other', 'closed']
    const {code, stderr} = await cli.run(args)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^here: .* was pulled$/m)
    expect(stderr).toMatch(/^server none: .*manifest unknown\n {2}check the name and its tag/ms)
    expect(stderr).toMatch(/^server other: .* is made for linux\/s390x; the engine runs linux/m)
    expect(stderr).toMatch(/^server closed: .*unauthorized.*\n {2}.*docker login 127\.0\.0\.1/m)
    expect(stderr).not.toMatch(/s3cret/)
    await signIn(cli, closed, REGISTRY_LOGIN.password)
    await cli.mcp('server', 'install', 'closed')
  })

  test('has the login of a credential helper', async () => {
    const closed = await registry({login: true})
    await pushImage(closed, {repository: 'a/closed', tag: '1'})
    await using cli = await dockerCli()
    await enable(cli, {closed: `${closed.host}/a/closed:1`})
    const {PATH, asked} = await addHelper(cli)
    const {code, stderr} = await cli.run(['mcp', 'server', 'install', 'closed'], {env: {PATH}})
    expect(stderr).toContain('was pulled')
    expect(code).toBe(0)
    expect(await asked()).toBe(`get\n${closed.host}\n`)
  })
})

describe('server outdated', () => {
  test('compares what is here with the registry, and --update fetches the newer one', async () => {
    const server = await registry()
    const host = `${server.host}/a`
    const first = await pushImage(server, {repository: 'a/moves', tag: '1'})
    await pushImage(server, {repository: 'a/stays', tag: '1'})
    await using cli = await dockerCli()
    await enable(cli, {
      moves: `${host}/moves:1`,
      stays: `${host}/stays:1`,
      pinned: `${host}/moves:1@${first.digest}`,
      absent: `${host}/stays:2`,
      made: 'localhost/docker-mcp-test/made:1',
    })
    await cli.mcp('server', 'install', 'moves', 'stays', 'pinned')
    const second = await pushImage(server, {repository: 'a/moves', tag: '1'})
    await pushImage(server, {repository: 'a/stays', tag: '2'})
    expect(await ages(cli)).toEqual([
      {name: 'moves', state: 'outdated', here: first.digest, there: second.digest},
      expect.objectContaining({name: 'stays', state: 'current'}),
      {name: 'pinned', state: 'pinned', here: first.digest},
      expect.objectContaining({name: 'absent', state: 'not pulled'}),
      {name: 'made', state: 'local'},
    ])
    const table = await cli.mcp('server', 'outdated', 'moves', 'pinned')
    expect(table).toMatch(/^NAME +STATE +HERE +THERE +IMAGE\nmoves +outdated +\w{12} +\w{12} /)
    expect(table).toContain('Update with: docker mcp server install --update moves\n')
    await cli.mcp('server', 'install', '--update', 'moves', 'pinned')
    const updated = {name: 'moves', state: 'current', here: second.digest, there: second.digest}
    expect(await ages(cli, 'moves')).toEqual([updated])
  })

  test('fails when no registry told anything, and says why of each', async () => {
    const server = await registry()
    await using cli = await dockerCli()
    await pushImage(server, {repository: 'a/there', tag: '1'})
    await enable(cli, {gone: '127.0.0.1:1/a/gone:1', there: `${server.host}/a/there:1`})
    const alone = await cli.run(['mcp', 'server', 'outdated', 'gone'])
    expect(alone).toMatchObject({code: 1, stdout: expect.stringMatching(/^gone: .*refused/m)})
    const {code, stdout} = await cli.run(['mcp', 'server', 'outdated'])
    expect(stdout).toMatch(/^gone: .*refused/m)
    expect(code).toBe(0)
    const unknown = await cli.run(['mcp', 'server', 'outdated', 'nobody'])
    expect(unknown).toMatchObject({code: 1, stderr: expect.stringContaining('nobody')})
  })
})

describe('gateway run', () => {
  const hello = {
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: {name: 't', version: '1'},
    },
  }
  const call = {
    jsonrpc: '2.0',
    id: 2,
    method: 'tools/call',
    params: {name: 'environment', arguments: {}},
  }

  test('pulls before anybody asks, and a call that comes meanwhile waits for that pull', async () => {
    const server = await registry()
    const gate = await registryGate(server)
    onTestFinished(() => gate[Symbol.asyncDispose]())
    const {digest, layers} = await pushImage(server, {repository: 'a/slow', tag: '1', ballast: MB})
    await using cli = await dockerCli()
    await enable(cli, {slow: `${gate.host}/a/slow:1@${digest}`})
    gate.hold(new RegExp(`/blobs/${layers[1]}`))
    const running = cli.start([
      'mcp',
      'gateway',
      'run',
      '--memory',
      cli.env['DOCKER_MCP_MEMORY'] ?? '',
    ])
    await gate.held()
    await running.said(/- slow: pulling /)
    for (const message of [hello, {jsonrpc: '2.0', method: 'notifications/initialized'}, call]) {
      running.child.stdin?.write(`${JSON.stringify(message)}\n`)
    }
    await running.said(/"id":1,/, 'stdout')
    expect(await cli.containers()).toEqual([])
    gate.release()
    await running.said(/"id":2,"result"/, 'stdout')
    await running.said(/- slow: pulled .*: 1\.\d MB in/)
    running.child.stdin?.end()
    // How a pull gets on is told, too, when it takes long: behind the image.
    expect((await running.ended()).stderr.match(/pulling \S+$/gm)).toHaveLength(1)
    await cli.gone()
    await removeImages(gate)
  })

  test('tells at its start of an image that cannot be had, and serves the others', async () => {
    const server = await registry()
    await pushImage(server, {repository: 'a/there', tag: '1'})
    await using cli = await dockerCli()
    await enable(cli, {there: `${server.host}/a/there:1`, none: `${server.host}/a/none:1`})
    {
      await using used = await connectStdio(cli)
      const why = /! server none: .*manifest unknown.*\n {2}check the name and its tag/
      await expect.poll(() => used.stderr()).toMatch(why)
      await expect.poll(() => used.toolNames()).toEqual(['environment'])
      expect(await used.text('environment', {})).toContain('/static-server')
    }
    await cli.gone()
  })
})
