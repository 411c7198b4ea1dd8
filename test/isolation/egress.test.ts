import {afterAll, beforeAll, describe, expect, test} from 'vitest'

import {ensurePythonImage} from '../../scripts/python-image.ts'
import {dockerCli, type DockerCli} from '../support/docker-cli.ts'
import {
  MACHINE_PORT,
  outsideWorld,
  type OutsideWorld,
  PLACES,
  PORTS,
} from '../support/outside-world.ts'
import {privateEngine, type PrivateEngine} from '../support/private-engine.ts'
import {hostileImage} from '../support/special-images.ts'
import {type Entries, hasGround, startGateway, type TestGateway} from './gateway.ts'
import {type Attempt, tableOf} from './table.ts'

/** Names that somebody allowed without knowing where they lead; the last ones lead where they should. */
const INWARD = ['private', 'metadata', 'loopback', 'machine', 'mapped'].map(
  name => `${name}.example.test`,
)
const RULES = [
  ...[PORTS.http, PORTS.https, PORTS.tcp].map(port => `allowed.example.test:${port}`),
  `*.below.example.test:${PORTS.tcp}`,
  ...['mixed', 'rebind'].map(name => `${name}.example.test:${PORTS.tcp}`),
  ...INWARD.flatMap(name => [PORTS.http, PORTS.tcp, MACHINE_PORT].map(port => `${name}:${port}`)),
]
const HELLO = `hello from ${PLACES.allowed}`

describe.runIf(hasGround)('a server with allowed hosts', () => {
  let world: OutsideWorld
  let engine: PrivateEngine
  let cli: DockerCli
  let gateway: TestGateway
  let image: string

  beforeAll(async () => {
    world = await outsideWorld()
    engine = await privateEngine({netns: world.netns, dns: PLACES.resolver})
    cli = await dockerCli()
    image = await hostileImage('user')
    const python = await ensurePythonImage(() => undefined)
    await engine.bring(image, python)
    const code = "require('node:net').createServer(s => s.end(process.argv[1])).listen(7000)"
    const run = ['run', '--detach', '--entrypoint', '/usr/local/bin/node']
    for (const name of ['friend', 'stranger']) {
      await engine.docker(...run, '--name', name, image, '-e', code, `hello from a ${name}`)
    }
    const servers: Entries = {
      node: {image, allowHosts: RULES},
      python: {image: python, allowHosts: RULES},
      literal: {image, allowHosts: [`${PLACES.private}:${PORTS.tcp}`, `private.example.test:8443`]},
      pinned: {
        image,
        extraHosts: [`pinned.example.test:${PLACES.private}`],
        allowHosts: [`pinned.example.test:${PORTS.tcp}`],
      },
      hosted: {
        image,
        extraHosts: ['host.example.test:host-gateway'],
        allowHosts: [`host.example.test:${MACHINE_PORT}`],
      },
      friendly: {image, connectTo: ['friend'], allowHosts: RULES},
      unsaid: {image},
    }
    gateway = await start(servers)
  })

  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]()
    await cli?.[Symbol.asyncDispose]()
    await engine?.[Symbol.asyncDispose]()
    await world?.[Symbol.asyncDispose]()
  })

  function start(servers: Entries, flags: readonly string[] = []): Promise<TestGateway> {
    return startGateway({cli, host: engine.host, servers, enter: world.enter, flags})
  }

  async function got(
    server: string,
    tool: string,
    args: {[name: string]: string | number | boolean},
  ) {
    return (await gateway.call<{got: string}>(server, tool, args)).got
  }

  const connect = (server: string, host: string, port: number, send?: string) =>
    got(server, 'connect', {host, port, ...(send !== undefined && {send})})

  /** What reached places outside other than the allowed one. */
  const strays = () => world.contacts().filter(({address}) => address !== PLACES.allowed)

  async function addressOf(container: string): Promise<string> {
    const {own} = await ownNetwork()
    const format = `{{(index .NetworkSettings.Networks "${own}").IPAddress}}`
    return engine.docker('inspect', '--format', format, container)
  }

  const bridgeAddress = (container: string) =>
    engine.docker(
      'inspect',
      '--format',
      '{{.NetworkSettings.Networks.bridge.IPAddress}}',
      container,
    )

  /** The network that `friendly` has with its friend. */
  async function ownNetwork(): Promise<{own: string; gatewayAddress: string}> {
    const filter = 'label=docker-mcp-name=friendly'
    const id = await engine.docker('ps', '--quiet', '--filter', filter)
    const format = '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}'
    const own = await engine.docker('inspect', '--format', format, id)
    const range = '{{range .IPAM.Config}}{{.Gateway}}{{end}}'
    return {own, gatewayAddress: await engine.docker('network', 'inspect', '--format', range, own)}
  }

  describe('reaches an allowed one', () => {
    test('with a program that knows no proxy', async () => {
      expect(await connect('node', 'allowed.example.test', PORTS.tcp)).toBe(HELLO)
      for (const url of ['http://allowed.example.test/', 'https://allowed.example.test/']) {
        const page = await got('node', 'fetch', {url, proxied: false})
        expect(page).toBe(`200 ${HELLO} to allowed.example.test`)
      }
      const args = {host: 'allowed.example.test', port: PORTS.tcp}
      expect(await gateway.call('python', 'connect', args)).toBe(HELLO)
    })

    test('with a program that uses HTTP_PROXY', async () => {
      for (const url of ['http://allowed.example.test/', 'https://allowed.example.test/']) {
        const page = await got('node', 'fetch', {url, proxied: true})
        expect(page).toBe(`200 ${HELLO} to allowed.example.test`)
      }
      const page = await gateway.call('python', 'fetch', {url: 'http://allowed.example.test/'})
      expect(page).toBe(`${HELLO} to allowed.example.test`)
    })

    test('below a name with a wildcard', async () => {
      expect(await connect('node', 'deep.below.example.test', PORTS.tcp)).toBe(HELLO)
      expect(await got('node', 'lookup', {name: 'below.example.test'})).toBe('ENOTFOUND')
    })

    test('whose name has private addresses, too, without these', async () => {
      expect(await connect('node', 'mixed.example.test', PORTS.tcp)).toBe(HELLO)
    })
  })

  describe('reaches nothing else', () => {
    test('by another port of an allowed host', async () => {
      const reached = world.contacts().length
      // The first is a port that other hosts are allowed with, the second is no one's.
      for (const port of [MACHINE_PORT, PORTS.http2]) {
        expect(await connect('node', 'allowed.example.test', port)).toMatch(
          /^ECONN(RESET|REFUSED)$/,
        )
      }
      const url = `http://allowed.example.test:${PORTS.http2}/`
      expect(await got('node', 'fetch', {url, proxied: true})).toMatch(/^403 .*not with this port/)
      await gateway.said(/node: refused allowed\.example\.test:9100: .*not with this port/)
      expect(world.contacts()).toHaveLength(reached)
    })

    test('by the name of another host', async () => {
      const url = 'http://other.example.test/'
      expect(await got('node', 'fetch', {url, proxied: false})).toBe('ENOTFOUND')
      expect(await got('node', 'fetch', {url, proxied: true})).toMatch(
        /^403 .*not among its allowed/,
      )
      const secure = await got('node', 'fetch', {url: 'https://other.example.test/', proxied: true})
      expect(secure).not.toContain('hello')
      expect(await gateway.call('python', 'fetch', {url})).toContain('403')
      const args = {host: 'other.example.test', port: PORTS.tcp}
      expect(await gateway.call('python', 'connect', args)).toMatch(/not known/)
      await gateway.said(/python: refused the lookup of other\.example\.test: /)
      await gateway.said(/node: refused other\.example\.test:443: /)
      expect(strays()).toEqual([])
    })

    test('by an address, with or without the proxy', async () => {
      for (const address of [PLACES.allowed, PLACES.other, PLACES.private, PLACES.metadata]) {
        expect(await connect('node', address, PORTS.tcp)).toBe('ENETUNREACH')
        const request = `CONNECT ${address}:${PORTS.tcp} HTTP/1.1\r\nHost: ${address}\r\n\r\n`
        expect(await connect('node', '127.0.0.1', 3128, request)).toMatch(/^HTTP\/1\.1 403 /)
        const url = `http://${address}/`
        expect(await got('node', 'fetch', {url, proxied: true})).toMatch(/^403 /)
      }
      expect(strays()).toEqual([])
    })

    test('by an address inside that no name has', async () => {
      expect(await connect('node', '127.9.9.9', PORTS.tcp)).toBe('ECONNRESET')
      await gateway.said(/node: refused 127\.9\.9\.9:8443: no name has that address/)
    })

    test.for(INWARD)('by the allowed name %s, which leads inward', async name => {
      const reached = [world.contacts().length, world.machineContacts().length]
      for (const port of [PORTS.http, PORTS.tcp, MACHINE_PORT]) {
        expect(await connect('node', name, port)).toBe('ECONNRESET')
        const url = `http://${name}:${port}/`
        expect(await got('node', 'fetch', {url, proxied: true})).toMatch(/^403 .* is private|^403 /)
      }
      const words = new RegExp(`node: refused ${name}:8443: it resolves to \\S+, which is `)
      await gateway.said(words)
      expect([world.contacts().length, world.machineContacts().length]).toEqual(reached)
    })

    test('by a name that leads outward when it is asked for, and inward after that', async () => {
      expect(await connect('node', 'rebind.example.test', PORTS.tcp)).toBe(HELLO)
      expect(await connect('node', 'rebind.example.test', PORTS.tcp)).toBe('ECONNRESET')
      await gateway.said(/refused rebind\.example\.test:8443: it resolves to 10\.99\.0\.5/)
      expect(strays()).toEqual([])
    })
  })

  test('sends nothing out with the lookup of another name', async () => {
    const name = 'secret-data.example.test'
    const asked = world.queries().length
    expect(await got('node', 'lookup', {name})).toBe('ENOTFOUND')
    const code = await got('node', 'ask', {resolver: '127.0.0.53', name})
    // NXDOMAIN (RFC 1035, 4.1.1).
    expect(code).toBe('answered with code 3')
    for (const resolver of [PLACES.resolver, '172.17.0.1', PLACES.machine]) {
      expect(await got('node', 'ask', {resolver, name})).toBe('ENETUNREACH')
    }
    expect(await gateway.call('python', 'connect', {host: name, port: 80})).toMatch(/not known/)
    const url = `http://${name}/`
    expect(await got('node', 'fetch', {url, proxied: true})).toMatch(/^403 /)
    expect(await gateway.call('python', 'fetch', {url})).toContain('403')
    await gateway.said(/node: refused the lookup of secret-data\.example\.test: /)
    expect(world.queries()).toHaveLength(asked)
    // What is sent after it is on the wire, so that it would be, too.
    expect(await connect('node', 'deep.below.example.test', PORTS.tcp)).toBe(HELLO)
    await expect.poll(() => world.wire().includes('\x04deep\x05below')).toBe(true)
    expect(world.wire().includes('secret-data')).toBe(false)
  })

  test('looks allowed names up without asking anybody', async () => {
    const asked = world.queries().length
    expect(await got('node', 'lookup', {name: 'allowed.example.test'})).toMatch(/^127\.1\./)
    expect(world.queries()).toHaveLength(asked)
  })

  test('reaches a private address that a rule names', async () => {
    const before = strays().length
    const request = `CONNECT ${PLACES.private}:${PORTS.tcp} HTTP/1.1\r\nHost: x\r\n\r\n`
    expect(await connect('literal', '127.0.0.1', 3128, request)).toMatch(/^HTTP\/1\.1 200 /)
    expect(await connect('literal', 'private.example.test', PORTS.tcp)).toBe(
      `hello from ${PLACES.private}`,
    )
    expect(strays().length).toBe(before + 2)
  })

  test('reaches what its extraHosts pin, and nobody is asked for the name', async () => {
    expect(await connect('pinned', 'pinned.example.test', PORTS.tcp)).toBe(
      `hello from ${PLACES.private}`,
    )
    expect(world.queries().map(({name}) => name)).not.toContain('pinned.example.test')
  })

  test('reaches the machine when its extraHosts name host-gateway', async () => {
    expect(await connect('hosted', 'host.example.test', MACHINE_PORT)).toBe('hello from 172.17.0.1')
    expect(world.queries().map(({name}) => name)).not.toContain('host.example.test')
  })

  describe('and a container to talk to', () => {
    test('reaches that one, by its name and address, and the allowed hosts', async () => {
      expect(await connect('friendly', 'friend', 7000)).toBe('hello from a friend')
      expect(await connect('friendly', await addressOf('friend'), 7000)).toBe('hello from a friend')
      expect(await connect('friendly', 'allowed.example.test', PORTS.tcp)).toBe(HELLO)
    })

    test('reaches neither the machine, nor other containers, nor anything outside', async () => {
      const reached = [world.machineContacts().length, strays().length, world.queries().length]
      const {gatewayAddress} = await ownNetwork()
      expect(gatewayAddress).toMatch(/^172\./)
      const hosts = [
        [PLACES.machine, MACHINE_PORT],
        ['172.17.0.1', MACHINE_PORT],
        [gatewayAddress, MACHINE_PORT],
        [PLACES.metadata, 80],
        [PLACES.private, PORTS.tcp],
        [PLACES.other, PORTS.tcp],
        [await bridgeAddress('stranger'), 7000],
        [await bridgeAddress('friend'), 7000],
      ]
      const resolvers = [PLACES.resolver, '172.17.0.1', gatewayAddress]
      const names = ['secret-data.example.test', 'stranger']
      const table = tableOf(
        await gateway.call<Attempt[]>('friendly', 'reach', {hosts, resolvers, names}),
      )
      const open = Object.entries(table).filter(([, answer]) => !UNREACHED.has(answer))
      expect(open).toEqual([])
      const now = [world.machineContacts().length, strays().length, world.queries().length]
      expect(now).toEqual(reached)
    })
  })

  describe('that its entry does not name', () => {
    test('has the network of docker by default', async () => {
      expect(await connect('unsaid', 'other.example.test', PORTS.tcp)).toBe(
        `hello from ${PLACES.other}`,
      )
    })

    test('has none with --network-policy none', async () => {
      await using other = await start({none: {image}}, ['--network-policy', 'none'])
      const args = {host: PLACES.other, port: PORTS.tcp}
      expect(await other.call('none', 'connect', args)).toEqual({got: 'ENETUNREACH'})
      expect(await other.call('none', 'lookup', {name: 'other.example.test'})).toEqual({
        got: 'EAI_AGAIN',
      })
    })

    test('has none and is told of with --network-policy allowlist', async () => {
      await using other = await start({listed: {image}}, ['--network-policy', 'allowlist'])
      const args = {host: PLACES.other, port: PORTS.tcp}
      expect(await other.call('listed', 'connect', args)).toEqual({got: 'ENETUNREACH'})
      expect(await other.call('listed', 'lookup', {name: 'other.example.test'})).toEqual({
        got: 'ENOTFOUND',
      })
      await other.said(/listed: refused the lookup of other\.example\.test: /)
    })
  })

  test('leaves nothing on the engine when the gateway ends', async () => {
    await gateway[Symbol.asyncDispose]()
    const format = '{{.Names}}'
    const ours = 'label=docker-mcp=true'
    await expect
      .poll(() => engine.docker('ps', '--all', '--format', format, '--filter', ours))
      .toBe('')
    await expect
      .poll(() => engine.docker('network', 'ls', '--format', '{{.Name}}'))
      .toMatch(/^(?:(?:bridge|host|none)\n?){3}$/)
  })
})

/** What is said where nothing is: an internal network has no way out, and its own bridge no address. */
const UNREACHED = new Set(['ENETUNREACH', 'EHOSTUNREACH', 'ENOTFOUND', 'timeout'])
