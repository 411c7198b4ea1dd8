import {mkdir, readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {dockerCli, type DockerCli} from '../support/docker-cli.ts'
import {httpsHost, type HttpsHost} from '../support/https-host.ts'
import {REGISTRY_LOGIN, registryServer, type TestRegistry} from '../support/registry.ts'

const TEAM = 'name: team\ndisplayName: Team\nregistry:\n  one: {image: team/one, title: One}\n'

let host: HttpsHost
let registry: TestRegistry

beforeAll(async () => {
  ;[host, registry] = await Promise.all([
    httpsHost((_request, response) => response.end(TEAM)),
    registryServer({login: true}),
  ])
})

afterAll(async () => {
  await Promise.all([host[Symbol.asyncDispose](), registry[Symbol.asyncDispose]()])
})

/** A docker of its own, which trusts the host of this test and knows the registry's login. */
async function dockerWithFriends(): Promise<DockerCli> {
  const cli = await dockerCli()
  const ca = await cli.write('ca.pem', host.ca)
  await cli.write(
    'mcp-gateway-config.yaml',
    `catalogs: {allowPrivateHosts: [127.0.0.1]}\nnetwork: {caFile: ${JSON.stringify(ca)}}\n`,
  )
  await logIn(cli)
  return cli
}

async function logIn({configDir}: DockerCli): Promise<void> {
  const {username, password} = REGISTRY_LOGIN
  const auth = Buffer.from(`${username}:${password}`).toString('base64')
  const file = join(configDir, 'config.json')
  const config = JSON.parse(await readFile(file, 'utf8').catch(() => '{}')) as object
  await writeFile(file, JSON.stringify({...config, auths: {[registry.host]: {auth}}}))
}

/** As if the clock had been set back since its catalogs were got. */
async function fetchedLater({configDir}: DockerCli): Promise<void> {
  const file = join(configDir, 'mcp', 'catalog.json')
  const text = await readFile(file, 'utf8')
  await writeFile(file, text.replace(/("lastUpdate": ")[^"]+/g, '$12999-01-01T00:00:00.000Z'))
}

describe('catalog import and update', () => {
  test('keep a catalog of an address, and follow it', async () => {
    await using cli = await dockerWithFriends()
    host.answer((_request, response) => response.end(TEAM))
    const url = `${host.url}/team.yaml`
    expect(await cli.mcp('catalog', 'import', url, '--dry-run')).toBe(
      'would import team: 1 server\n',
    )
    expect(await cli.mcp('catalog', 'ls')).not.toContain('team')
    expect(await cli.mcp('catalog', 'import', url)).toBe('imported team: 1 server\n')
    expect(await cli.mcp('catalog', 'show', 'team')).toMatch(/^one +One$/m)
    await cli.mcp('server', 'enable', 'one')
    expect(await cli.mcp('catalog', 'update')).toBe('team unchanged\n')
    host.answer((_request, response) => response.end(`${TEAM}  two: {image: team/two}\n`))
    expect(await cli.mcp('catalog', 'update', 'team')).toBe('team updated\n')
    host.answer((_request, response) => response.writeHead(500).end())
    const {code, stdout, stderr} = await cli.run(['mcp', 'catalog', 'update'])
    expect({code, stdout}).toEqual({code: 1, stdout: ''})
    expect(stderr).toMatch(
      /^! team stays as it was: 127\.0\.0\.1:\d+ did not give \/team\.yaml: .*500$/m,
    )
    expect(await cli.mcp('catalog', 'show', 'team')).toMatch(/^two$/m)
  })

  test('refuse a host that is not public, and say how to allow it', async () => {
    await using cli = await dockerCli()
    const {code, stderr} = await cli.run(['mcp', 'catalog', 'import', `${host.url}/team.yaml`])
    expect(code).toBe(1)
    expect(stderr).toContain('127.0.0.1 is not asked: its address is loopback')
    expect(stderr).toContain('catalogs.allowPrivateHosts')
  })

  test('take a folder, and docker’s variable for private hosts', async () => {
    await using cli = await dockerCli()
    const folder = join(cli.home, 'many')
    await mkdir(folder)
    await writeFile(join(folder, 'a.yaml'), TEAM)
    await writeFile(join(folder, 'b.yaml'), 'registry: {x: {image: b/x}}')
    const args = ['mcp', 'catalog', 'import', './many']
    const {stdout} = await cli.run(args, {cwd: cli.home})
    expect(stdout).toBe('imported team: 1 server\nimported b: 1 server\n')
    const open = {
      DOCKER_MCP_ALLOW_INSECURE_REMOTE_URLS: '1',
      NODE_EXTRA_CA_CERTS: join(cli.home, 'ca.pem'),
    }
    await writeFile(open.NODE_EXTRA_CA_CERTS, host.ca)
    host.answer((_request, response) => response.end(TEAM))
    const other = ['mcp', 'catalog', 'import', `${host.url}/x.yaml`, '--name', 'other']
    const {stdout: imported, stderr} = await cli.run(other, {env: open})
    expect(imported).toBe('imported other: 1 server\n')
    expect(stderr).toMatch(/^! DOCKER_MCP_ALLOW_INSECURE_REMOTE_URLS is set: .*\n$/)
  })
})

test('a catalog that cannot be read stops no command', async () => {
  await using cli = await dockerCli()
  await cli.write('catalog.json', '{"catalogs": {"gone": {}, "team": {}}}')
  await cli.write('catalogs/team.yaml', TEAM)
  const line = /^! the catalog gone is left out: .*: docker mcp catalog rm gone\n$/
  const list = await cli.run(['mcp', 'catalog', 'ls'])
  expect(list).toMatchObject({code: 0, stderr: expect.stringMatching(line)})
  expect(list.stdout).toMatch(/^gone +- .* cannot be read: there is no catalog gone/m)
  expect(await cli.run(['mcp', 'server', 'enable', 'one'])).toMatchObject({code: 0})
  const servers = await cli.run(['mcp', 'server', 'ls'])
  expect(servers).toMatchObject({code: 0, stderr: expect.stringMatching(line)})
  expect(servers.stdout).toMatch(/^one /m)
  await cli.mcp('server', 'disable', 'one')
  const run = await cli.run(['mcp', 'gateway', 'run', '--dry-run'])
  expect(run.code).toBe(0)
  expect(run.stderr.split('the catalog gone is left out')).toHaveLength(2)
  const named = await cli.run(['mcp', 'gateway', 'run', '--dry-run', '--catalog', 'gone'])
  expect(named).toMatchObject({code: 1, stderr: expect.stringContaining('catalog rm gone')})
  await cli.mcp('catalog', 'rm', 'gone')
  expect((await cli.run(['mcp', 'catalog', 'ls'])).stderr).toBe('')
})

test('catalog create makes a catalog of a catalog', async () => {
  await using cli = await dockerWithFriends()
  const file = join(cli.home, 'team.yaml')
  await writeFile(file, `${TEAM}  bad: {command: 5}\n`)
  const make = ['mcp', 'catalog', 'create', 'org/team', '--from-legacy-catalog']
  const {stdout, stderr} = await cli.run([...make, `file://${file}`])
  expect(stdout).toBe('Catalog org/team:latest created\n')
  expect(stderr).toMatch(/^! left out: server bad: .*team\.yaml:5\)$/m)
  host.answer((_request, response) => response.end(TEAM.replace('Team', 'Other team')))
  expect((await cli.run([...make, `${host.url}/x.yaml`])).code).toBe(0)
  const rows: unknown = JSON.parse(await cli.mcp('catalog', 'ls', '--format', 'json'))
  expect(rows).toContainEqual(
    expect.objectContaining({
      name: 'org/team:latest',
      title: 'Other team',
      servers: 1,
      url: `legacy-catalog:${host.url}/x.yaml`,
    }),
  )
  const {stderr: nothing} = await cli.run(['mcp', 'catalog', 'update'])
  expect(nothing).toContain('nothing to update')
})

describe('catalog tag, push and pull', () => {
  test('share a catalog by a registry with a login', async () => {
    await using cli = await dockerWithFriends()
    await using friend = await dockerWithFriends()
    host.answer((_request, response) => response.end(TEAM))
    await cli.mcp('catalog', 'import', `${host.url}/team.yaml`)
    const ref = `${registry.host}/org/team`
    expect(await cli.mcp('catalog', 'tag', 'team', ref)).toBe(
      `Tagged catalog team as ${ref}:latest\n`,
    )
    const pushed = await cli.mcp('catalog', 'push', ref)
    expect(pushed).toMatch(/^Pushed catalog to \S+\/org\/team:latest@sha256:[0-9a-f]{64}\n$/)
    expect(await friend.mcp('catalog', 'pull', ref)).toBe(`Catalog ${ref}:latest pulled\n`)
    expect(await friend.mcp('catalog', 'show', `${ref}:latest`)).toMatch(/^one +One$/m)
    const [, digest = ''] = /(sha256:\w+)/.exec(pushed) ?? []
    const pinned = await friend.mcp('catalog', 'pull', `${ref}@${digest}`)
    expect(pinned).toBe(`Catalog ${ref}:latest pulled\n`)
  })

  test('show one as it is in its registry, when that is asked for', async () => {
    await using cli = await dockerWithFriends()
    await using friend = await dockerWithFriends()
    const ref = `${registry.host}/org/shown:1`
    const show = (when: string) => friend.run(['mcp', 'catalog', 'show', ref, '--pull', when])
    const publish = async (server: string) => {
      await cli.write('catalogs/own.yaml', `registry: {${server}: {image: team/x, title: X}}\n`)
      await cli.mcp('catalog', 'tag', 'own', ref)
      await cli.mcp('catalog', 'push', ref)
    }
    await cli.write('catalog.json', '{"catalogs": {"own": {}}}')
    await publish('first')
    expect(await show('never')).toMatchObject({code: 1, stdout: ''})
    expect(await show('exists')).toMatchObject({code: 1, stdout: ''})
    expect((await show('missing')).stdout).toMatch(/^first +X$/m)
    await publish('second')
    for (const when of ['never', 'missing', 'initial', 'exists@1h', '1d']) {
      expect((await show(when)).stdout).toMatch(/^first +X$/m)
    }
    expect((await show('never+exists')).stdout).toMatch(/^second +X$/m)
    await publish('third')
    expect((await show('1ms')).stdout).toMatch(/^third +X$/m)
    await publish('fourth')
    await fetchedLater(friend)
    expect((await show('1h')).stdout).toMatch(/^fourth +X$/m)
    await publish('fifth')
    expect((await show('1h')).stdout).toMatch(/^fourth +X$/m)
    expect((await show('always')).stdout).toMatch(/^fifth +X$/m)
    const wrong = await show('sometimes')
    expect(wrong).toMatchObject({code: 125, stdout: ''})
    expect(wrong.stderr).toContain('--pull does not take "sometimes"')
    for (const when of ['always', 'missing']) {
      const embedded = await friend.run(['mcp', 'catalog', 'show', '--pull', when])
      expect(embedded).toMatchObject({code: 0, stderr: ''})
    }
  })

  test('keep what was made or changed here, whatever a registry has', async () => {
    await using cli = await dockerWithFriends()
    const file = await cli.write(
      'own.yaml',
      'registry: {one: {image: team/x}, two: {image: team/y}}\n',
    )
    await cli.mcp('catalog', 'import', file)
    const made = `${registry.host}/org/kept:1`
    await cli.mcp('catalog', 'tag', 'own', made)
    await cli.mcp('catalog', 'push', made)
    const changed = `${registry.host}/org/changed:1`
    await cli.mcp('catalog', 'tag', 'own', changed)
    await cli.mcp('catalog', 'push', changed)
    await cli.mcp('catalog', 'pull', changed)
    for (const [ref, reason] of [
      [made, 'not pulled from one'],
      ['own', 'not pulled from one'],
      [changed, 'changed here since it came'],
    ] as const) {
      await cli.mcp('catalog', 'server', 'rm', ref, 'two')
      for (const when of ['always', 'exists', '1ms']) {
        const {stdout, stderr} = await cli.run(['mcp', 'catalog', 'show', ref, '--pull', when])
        expect(stderr).toContain(`! ${ref} is shown as it is here`)
        expect(stderr).toContain(reason)
        expect(stdout).not.toMatch(/^two/m)
      }
    }
    await cli.mcp('catalog', 'pull', changed)
    expect(await cli.mcp('catalog', 'show', changed, '--pull', 'always')).toMatch(/^two/m)
  })

  test('say which name is none, and where nobody may write', async () => {
    await using cli = await dockerCli()
    const digest = `org/x@sha256:${'a'.repeat(64)}`
    const ref = `${registry.host}/org/mine`
    await cli.mcp('catalog', 'tag', 'docker-mcp', ref)
    const problems = await Promise.all(
      [
        ['push', digest],
        ['push', 'none/here'],
        ['push', ref],
        ['pull', 'A/../b'],
      ].map(async args => (await cli.run(['mcp', 'catalog', ...args])).stderr),
    )
    expect(problems).toEqual([
      expect.stringContaining('reference must be a valid OCI reference without a digest'),
      expect.stringContaining('there is no catalog "none/here:latest"'),
      expect.stringContaining('it does not let us write there: log in with docker login'),
      expect.stringContaining('is not a valid OCI reference'),
    ])
  })
})

test('a gateway takes the catalog of an address, and does without the host the next time', async () => {
  await using cli = await dockerWithFriends()
  host.answer((_request, response) => {
    response.end('registry:\n  far: {remote: {url: "https://127.0.0.1:1/mcp"}}\n')
  })
  const run = ['mcp', 'gateway', 'run', '--dry-run', '--servers', 'everything']
  const args = [...run, '--additional-catalog', `${host.url}/team.yaml`]
  const first = await cli.run(args)
  expect(first).toMatchObject({code: 0, stderr: expect.not.stringContaining('as it was last')})
  host.answer((_request, response) => response.writeHead(502).end())
  const second = await cli.run(args)
  expect(second.stderr).toMatch(
    /^! the catalog https:\S+\/team\.yaml is used as it was last: .*502$/m,
  )
  expect(second.code).toBe(0)
})
