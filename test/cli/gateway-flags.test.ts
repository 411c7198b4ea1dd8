import {join} from 'node:path'

import {describe, expect, test} from 'vitest'

import {connectStdio, printedEndpoint} from '../support/cli-client.ts'
import {addCatalog, sampleImage} from '../support/cli-catalog.ts'
import {dockerCli} from '../support/docker-cli.ts'

/** Every flag of docker's own `gateway run` that asks nobody else, each with a value that it takes. */
const TAKEN = [
  '--servers=everything',
  '--enable-all-servers=false',
  '--catalog=docker-mcp',
  '--additional-catalog=docker-mcp',
  '--registry=registry.yaml',
  '--additional-registry=registry.yaml',
  '--config=config.yaml',
  '--additional-config=config.yaml',
  '--tools-config=tools.yaml',
  '--additional-tools-config=tools.yaml',
  '--secrets=docker-desktop:./secrets.env',
  '--tools=echo',
  '--interceptor=before:exec:/bin/true',
  '--port=0',
  '--host=127.0.0.1',
  '--transport=stdio',
  '--allow-unauthenticated',
  '--log-calls',
  '--block-secrets',
  '--mask-secrets',
  '--block-network',
  '--verify-signatures',
  '--verbose',
  '--long-lived',
  '--debug-dns',
  '--watch',
  '--cpus=2',
  '--memory=512Mb',
  '--static',
  '--log=gateway.log',
]

/** The flags of ours alone that say how far servers are closed. */
const OURS = [
  '--network-policy=allowlist',
  '--security=strict',
  '--allow-mount=/srv/data,~/work',
  '--expose-secrets=postgres',
  '--no-debug-dns',
  '--block-network=false',
]

const UNBUILT = ['static', 'interceptor', 'log']

describe('gateway run', () => {
  test("takes every flag of docker's own plugin, and says which do nothing yet", async () => {
    await using cli = await dockerCli()
    for (const name of ['registry', 'config', 'tools']) await cli.write(`${name}.yaml`, '')
    const {code, stdout, stderr} = await cli.run(['mcp', 'gateway', 'run', ...TAKEN])
    expect({code, stdout}, `stderr: ${stderr}`).toEqual({code: 0, stdout: ''})
    const notices = [...stderr.matchAll(/^! --(\S+) is not built yet/gm)].map(([, name]) => name)
    expect(notices).toEqual(UNBUILT)
  })

  test('takes the flags that docker does not have, without a word', async () => {
    await using cli = await dockerCli()
    const {code, stdout, stderr} = await cli.run(['mcp', 'gateway', 'run', ...OURS])
    expect({code, stdout}, `stderr: ${stderr}`).toEqual({code: 0, stdout: ''})
    expect(stderr).not.toMatch(/^!/m)
  })

  test.for([
    [['--static'], ['static']],
    [
      ['--static=1', '--log=x'],
      ['static', 'log'],
    ],
    [['--watch=false', '--no-watch', '--static=0', '--debug-dns=F'], []],
    [[], []],
  ] as const)('reads %s as docker does', async ([flags, noticed]) => {
    await using cli = await dockerCli()
    const {code, stderr} = await cli.run(['mcp', 'gateway', 'run', ...flags])
    expect(code, `stderr: ${stderr}`).toBe(0)
    const notices = [...stderr.matchAll(/^! --(\S+) is not built yet/gm)].map(([, name]) => name)
    expect(notices).toEqual(noticed)
  })

  test.for([['--log-calls=0'], ['--no-log-calls'], ['--log-calls=false']] as const)(
    'writes no line for calls with %s',
    async flags => {
      await using cli = await dockerCli()
      await cli.mcp('server', 'enable', 'everything')
      await using used = await connectStdio(cli, flags)
      expect(await used.text('echo', {message: 'hi'})).toBe('Echo: hi')
      expect(used.stderr()).not.toMatch(/Calling|echo/)
    },
  )

  test('writes a line for each call, without what is in it', async () => {
    await using cli = await dockerCli()
    await cli.mcp('server', 'enable', 'everything')
    await using used = await connectStdio(cli)
    expect(await used.text('echo', {message: 'between us'})).toBe('Echo: between us')
    await expect.poll(() => used.stderr()).toMatch(/echo/)
    expect(used.stderr()).not.toContain('between us')
  })

  test('serves the servers and the tools that the flags name', async () => {
    await using cli = await dockerCli()
    await cli.mcp('server', 'enable', 'memory')
    const flags = ['--servers', 'everything,sequentialthinking', '--tools', 'everything:echo']
    await using used = await connectStdio(cli, flags)
    await expect.poll(() => used.toolNames()).toEqual(['echo'])
  })

  test('reads its files from where the flags say', async () => {
    await using cli = await dockerCli()
    await addCatalog(cli, {mine: {image: await sampleImage('everything')}})
    const registry = await cli.write('elsewhere/on.yaml', 'registry: {mine: {ref: ""}}\n')
    const tools = await cli.write('elsewhere/tools.yaml', 'mine: [get-sum]\n')
    await using used = await connectStdio(cli, ['--registry', registry, '--tools-config', tools])
    await expect.poll(() => used.toolNames()).toEqual(['get-sum'])
  })

  test('takes flags from the environment', async () => {
    await using cli = await dockerCli()
    const env = {DOCKER_MCP_TRANSPORT: 'streaming', DOCKER_MCP_PORT: '0', DOCKER_MCP_STATIC: 'true'}
    const gateway = cli.start(['mcp', 'gateway', 'run'], {env})
    const {url} = await printedEndpoint(gateway)
    expect(url.port).not.toBe('0')
    await gateway.said(/! --static is not built yet/)
  })

  test('takes a list from the environment', async () => {
    await using cli = await dockerCli()
    const env = {DOCKER_MCP_SERVERS: 'nobody,noone'}
    const {code, stderr} = await cli.run(['mcp', 'gateway', 'run', '--dry-run'], {env})
    expect(code).toBe(1)
    expect(stderr).toContain('not every server could be started: nobody, noone')
  })

  test.for([
    [['--network-policy=closed'], {}, 'one of: open, allowlist, none'],
    [['--network-policy='], {}, 'one of: open, allowlist, none'],
    [[], {DOCKER_MCP_NETWORK_POLICY: 'None'}, 'one of: open, allowlist, none'],
    [['--security=off'], {}, 'one of: default, strict'],
    [[], {DOCKER_MCP_SECURITY: 'off'}, 'one of: default, strict'],
    [['--allow-mount=/srv,etc'], {}, '--allow-mount "etc" is not an absolute path'],
    [[], {DOCKER_MCP_ALLOW_MOUNT: '/srv,etc'}, '--allow-mount "etc" is not an absolute path'],
  ] as const)('refuses %j with %j', async ([flags, env, message]) => {
    await using cli = await dockerCli()
    const {code, stdout, stderr} = await cli.run(['mcp', 'gateway', 'run', ...flags], {env})
    expect({code, stdout}).toEqual({code: 125, stdout: ''})
    expect(stderr).toContain(message)
  })

  test('keeps its token between runs, takes another, or asks for none', async () => {
    await using cli = await dockerCli()
    const http = ['mcp', 'gateway', 'run', '--transport', 'streaming', '--port', '0']
    const tokens: string[] = []
    for (let run = 0; run < 2; run += 1) {
      await using gateway = cli.start(http)
      const {url, token} = await printedEndpoint(gateway)
      tokens.push(token)
      expect((await fetch(url, {method: 'POST'})).status).toBe(401)
      expect((await fetch(new URL('/health', url))).status).toBe(200)
    }
    expect(tokens[0]).toMatch(/^\S{32,}$/)
    expect(tokens).toEqual([tokens[0], tokens[0]])
    await using given = cli.start(http, {env: {MCP_GATEWAY_AUTH_TOKEN: 'a-token-of-mine'}})
    await given.said(/> Authorization: Bearer \$MCP_GATEWAY_AUTH_TOKEN/)
    await using open = cli.start([...http, '--allow-unauthenticated'])
    const [, url = ''] = await open.said(/Gateway: (http:\S+)/)
    expect((await fetch(url, {method: 'POST'})).status).not.toBe(401)
  })

  test('limits what a container may use', async () => {
    await using cli = await dockerCli()
    await cli.mcp('server', 'enable', 'everything')
    await using used = await connectStdio(cli, ['--cpus', '0.5'])
    expect(await used.text('echo', {message: 'x'})).toBe('Echo: x')
    const [{id} = {id: ''}] = await cli.containers()
    const format = '{{.HostConfig.NanoCpus}} {{.HostConfig.NetworkMode}} {{.HostConfig.AutoRemove}}'
    const {stdout} = await cli.run(['inspect', '--format', format, id])
    expect(stdout).toBe('500000000 none true\n')
  })

  test('gives secrets from a file to the server, and shows them to nobody', async () => {
    await using cli = await dockerCli()
    const entry = {
      image: await sampleImage('everything'),
      secrets: [{name: 'vault.key', env: 'VAULT_KEY'}],
    }
    await addCatalog(cli, {vault: entry})
    await cli.mcp('server', 'enable', 'vault')
    const file = join(cli.home, 'secrets.env')
    const blocked = await cli.run(['mcp', 'gateway', 'run', '--dry-run'])
    expect(blocked.code).toBe(1)
    expect(blocked.stderr).toContain('server vault needs the secret vault.key')
    await cli.write('../../secrets.env', 'vault.key=violet-otter-17\n')
    await using used = await connectStdio(cli, ['--secrets', file, '--verbose'])
    expect(await used.text('get-env', {})).toContain('violet-otter-17')
    expect(used.stderr()).not.toContain('violet-otter-17')
  })
})
