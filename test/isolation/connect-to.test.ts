import {execFile} from 'node:child_process'
import {randomUUID} from 'node:crypto'
import {promisify} from 'node:util'
import {afterAll, beforeAll, describe, expect, test, vi} from 'vitest'
import {fixtureCatalog, fixtureImage, type FixtureEntry} from '../support/fixture-images.ts'
import {startGateway, TestClient, testHome, testOptions} from '../support/in-process-gateway.ts'

const run = promisify(execFile)
const docker = async (...args: readonly string[]) => (await run('docker', [...args])).stdout.trim()

/** A container of somebody else, on docker's bridge, that greets whoever connects. */
async function startPeer(name: string): Promise<{readonly name: string; readonly address: string}> {
  const greet = `require('net').createServer(s => s.end('hello from ${name}')).listen(7000, () => console.log('ready'))`
  const image = await fixtureImage('reaches-out')
  await docker(
    'run',
    '-d',
    '--rm',
    '--name',
    name,
    '--entrypoint=/usr/local/bin/node',
    image,
    '-e',
    greet,
  )
  const address = await docker('inspect', '--format', '{{.NetworkSettings.IPAddress}}', name)
  await vi.waitUntil(async () => (await docker('logs', name)) === 'ready', 60_000)
  return {name, address}
}

const id = randomUUID().slice(0, 8)
const peers: {readonly name: string; readonly address: string}[] = []
beforeAll(async () => {
  peers.push(await startPeer(`test-db-${id}`), await startPeer(`test-other-${id}`))
})
afterAll(async () => {
  for (const {name} of peers) await docker('rm', '-f', name)
})

/** Runs a test with one server that reaches out; afterwards no network of the gateway is left. */
async function withServer(
  entry: Partial<FixtureEntry>,
  use: (reach: (host: string, port: number) => Promise<string>, notices: string[]) => Promise<void>,
): Promise<void> {
  await using home = await testHome()
  const name = `reaches-${randomUUID().slice(0, 8)}`
  const catalog = await fixtureCatalog({
    [name]: {fixture: 'reaches-out', disableNetwork: false, ...entry},
  })
  await using _ = catalog
  {
    const options = await testOptions(home, {servers: [name], catalog: catalog.file})
    await using gateway = await startGateway(home, options)
    const client = new TestClient(gateway.gateway, 'one')
    await client.initialize()
    await use((host, port) => client.call('reach', {host, port}), home.notices)
  }
  const label = `label=docker-mcp-name=${name}`
  await expect.poll(() => docker('network', 'ls', '--quiet', '--filter', label)).toBe('')
}

test('a name with a secret in it is not told in clear', async () => {
  await using home = await testHome()
  const secrets = [{name: 'reach.key', env: 'KEY'}]
  const name = `reaches-${randomUUID().slice(0, 8)}`
  const entry: FixtureEntry = {
    fixture: 'reaches-out',
    disableNetwork: false,
    allowHosts: [],
    secrets,
  }
  await using catalog = await fixtureCatalog({[name]: entry})
  const options = await testOptions(home, {
    servers: [name],
    catalog: catalog.file,
    secrets: {'reach.key': 'SecretOfThisTest'},
  })
  await using gateway = await startGateway(home, options)
  const client = new TestClient(gateway.gateway, 'one')
  await client.initialize()
  expect(await client.call('reach', {host: 'SecretOfThisTest.example.test', port: 1})).toBe(
    'ENOTFOUND',
  )
  await expect
    .poll(() => home.notices.join('\n'))
    .toContain('refused the lookup of [secret].example.test')
  expect(home.notices.join('\n').toLowerCase()).not.toContain('secretofthistest')
})

describe('a server that names a container', () => {
  test('reaches it by name, and nothing else: no other container, no host, no name outside', async () => {
    const [db, other] = peers
    if (!db || !other) throw new Error('no peers')
    await withServer({connectTo: [db.name]}, async (reach, notices) => {
      expect(await reach(db.name, 7000)).toBe(`hello from ${db.name}`)
      expect(await reach(other.name, 7000)).toBe('ENOTFOUND')
      const unreachable = /^(ENETUNREACH|EHOSTUNREACH|timeout)$/
      expect(await reach(other.address, 7000)).toMatch(unreachable)
      expect(await reach('172.17.0.1', 22)).toMatch(unreachable)
      expect(await reach('secret-data.example.test', 443)).toBe('ENOTFOUND')
      await expect
        .poll(() => notices.join('\n'))
        .toContain('refused the lookup of secret-data.example.test')
    })
  })

  test('does not let two that it names reach each other', async () => {
    const [db, other] = peers
    if (!db || !other) throw new Error('no peers')
    await withServer({connectTo: [db.name, other.name]}, async reach => {
      expect(await reach(db.name, 7000)).toBe(`hello from ${db.name}`)
      expect(await reach(other.name, 7000)).toBe(`hello from ${other.name}`)
      const lookup = `require('dns').lookup('${other.name}', e => console.log(e?.code ?? 'found'))`
      expect(await docker('exec', db.name, '/usr/local/bin/node', '-e', lookup)).not.toBe('found')
    })
  })

  test('does not share that network with another server', async () => {
    const [db] = peers
    if (!db) throw new Error('no peers')
    await withServer({connectTo: [db.name]}, async first => {
      expect(await first(db.name, 7000)).toContain('hello')
      await withServer({connectTo: [db.name]}, async second => {
        expect(await second(db.name, 7000)).toContain('hello')
        const networks = await docker(
          'inspect',
          '--format',
          '{{json .NetworkSettings.Networks}}',
          db.name,
        )
        const own = Object.entries(JSON.parse(networks)).filter(([name]) => name !== 'bridge')
        expect(own).toHaveLength(2)
      })
    })
  })

  test('is told when it is not there', async () => {
    await withServer({connectTo: [`test-nobody-${id}`]}, async (reach, notices) => {
      await reach('any', 1).catch(() => undefined)
      await expect
        .poll(() => notices.join('\n'))
        .toContain(`connectTo names the container test-nobody-${id}`)
    })
  })
})
