import {afterAll, beforeAll, describe, expect, test} from 'vitest'

import {dockerCli, type DockerCli} from '../support/docker-cli.ts'
import {MACHINE_PORT, outsideWorld, type OutsideWorld, PLACES} from '../support/outside-world.ts'
import {privateEngine, type PrivateEngine} from '../support/private-engine.ts'
import {hostileImage} from '../support/special-images.ts'
import {type Entries, hasGround, procFile, startGateway, type TestGateway} from './gateway.ts'
import {type Attempt, capabilitiesIn, openIn, type Table, tableOf} from './table.ts'

interface Facts {
  readonly env: Readonly<Record<string, string>>
  readonly uid: number
  readonly status: Readonly<Record<string, string>>
  readonly mounts: readonly (readonly [place: string, type: string, options: string])[]
  readonly interfaces: readonly string[]
}

interface Amount {
  readonly count: number
  readonly why: string
  readonly ended: string | number
}

const MEMORY_MIB = 320
const DISK_MIB = 200
const LIMITS = {resources: {limits: {memory: `${MEMORY_MIB}m`, disk: `${DISK_MIB}m`}}}
const ALLOW = {allowHosts: ['allowed.example.test:8443'], ...LIMITS}
/** What entrypoints that begin as root need to become somebody else. */
const OF_ROOT = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'KILL', 'SETGID', 'SETUID']

/** Every way of running a hostile server that a catalog entry has, with the rights that it leaves. */
const SERVERS = [
  {name: 'root', user: 'root', uid: 0, capabilities: OF_ROOT, entry: ALLOW},
  {name: 'user', user: 'user', uid: 1000, capabilities: [], entry: ALLOW},
  {
    name: 'strictroot',
    user: 'root',
    uid: 65534,
    capabilities: [],
    entry: {...ALLOW, security: 'strict'},
  },
  {
    name: 'strictuser',
    user: 'user',
    uid: 1000,
    capabilities: [],
    entry: {...ALLOW, security: 'strict'},
  },
  {
    name: 'alone',
    user: 'root',
    uid: 0,
    capabilities: OF_ROOT,
    entry: {disableNetwork: true, ...LIMITS},
  },
  {name: 'bridged', user: 'root', uid: 0, capabilities: OF_ROOT, entry: LIMITS},
  {name: 'large', user: 'root', uid: 0, capabilities: OF_ROOT, entry: {disableNetwork: true}},
] as const
const NAMES = SERVERS.map(({name}) => name).filter(name => name !== 'large')
const RELAYED = ['root', 'user', 'strictroot', 'strictuser']

/** A container with all rights that this machine has to give, as nobody should run one. */
async function unguarded(engine: PrivateEngine, image: string): Promise<Table> {
  const [, mask = '0'] = /CapBnd:\t(\w+)/.exec(await procFile(engine.pid, 'status')) ?? []
  // Newer ones are unknown to older engines.
  const known = capabilitiesIn(mask).filter(name => !/^(?:BPF|PERFMON|CHECKPOINT)/.test(name))
  const flags = [
    ...known.map(name => `--cap-add=${name}`),
    ...['seccomp', 'apparmor', 'systempaths'].map(name => `--security-opt=${name}=unconfined`),
  ]
  const run = ['run', '--rm', '--network', 'none', '--entrypoint', '/app/attempts', ...flags]
  const lines = (await engine.docker(...run, image, 'all')).split('\n')
  return Object.fromEntries(lines.map(line => line.split('\t')))
}

describe.runIf(hasGround)('a hostile server', () => {
  let world: OutsideWorld
  let engine: PrivateEngine
  let cli: DockerCli
  let gateway: TestGateway
  let neighbour: string
  let images: Readonly<Record<'root' | 'user', string>>

  beforeAll(async () => {
    world = await outsideWorld()
    engine = await privateEngine({netns: world.netns, dns: PLACES.resolver})
    cli = await dockerCli()
    images = {root: await hostileImage('root'), user: await hostileImage('user')}
    await engine.bring(images.root, images.user)
    neighbour = await startNeighbour()
    const servers: Entries = Object.fromEntries(
      SERVERS.map(({name, user, entry}) => [name, {image: images[user], ...entry}]),
    )
    const {enter} = world
    gateway = await startGateway({cli, host: engine.host, servers, enter, flags: ['--verbose']})
  })

  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]()
    await cli?.[Symbol.asyncDispose]()
    await engine?.[Symbol.asyncDispose]()
    await world?.[Symbol.asyncDispose]()
  })

  /** Another container, which answers on port 7000; gives its address. */
  async function startNeighbour(): Promise<string> {
    const code =
      "require('node:net').createServer(s => s.end('hello from a neighbour')).listen(7000)"
    const run = ['run', '--detach', '--name', 'neighbour', '--entrypoint', '/usr/local/bin/node']
    await engine.docker(...run, images.root, '-e', code)
    const format = '{{.NetworkSettings.Networks.bridge.IPAddress}}'
    return engine.docker('inspect', '--format', format, 'neighbour')
  }

  const containerOf = (server: string) =>
    engine.docker('ps', '--quiet', '--filter', `label=docker-mcp-name=${server}`)

  const table = async (name: string, tool: string, args = {}) =>
    tableOf(await gateway.call<Attempt[]>(name, tool, args))

  test('would get out where nothing keeps it', async () => {
    const open = openIn(await unguarded(engine, images.root))
    expect(Object.keys(open)).toEqual(
      expect.arrayContaining([
        'mount tmpfs',
        'mount proc',
        'mount devices',
        'bind mount',
        'remount root',
        'unmount /proc',
        'unshare user',
        'unshare mount',
        'unshare net',
        'clone user',
        'setns own net',
        'setns net of pid 1',
        'pivot_root',
        'chroot',
        'ptrace pid 1',
        'read memory of pid 1',
        'reboot',
        'swapon',
        'settimeofday',
        'clock_adjtime',
        'sethostname',
        'kernel log',
        'open_by_handle_at',
        'raw socket',
        'packet socket',
        'configure lo',
        'allow core files',
        'write /proc/sys/kernel/core_pattern',
        'write /proc/1/mem',
        'read /proc/keys',
        'read /proc/1/environ',
        'read /proc/1/root/etc/hosts',
      ]),
    )
  })

  test.for(NAMES)('gets nothing of the kernel and of its first process as %s', async name => {
    const got = await table(name, 'escape')
    expect(openIn(got)).toEqual({})
    expect(Object.keys(got)).toEqual(Object.keys(await unguarded(engine, images.root)))
  })

  test.for(SERVERS)('has no rights that it does not need as $name', async server => {
    const facts = await gateway.call<Facts>(server.name, 'facts')
    const {status, mounts} = facts
    const may = new Set<string>(server.capabilities)
    expect(facts.uid).toBe(server.uid)
    for (const set of ['CapBnd', 'CapPrm', 'CapEff', 'CapInh', 'CapAmb']) {
      const tooMany = capabilitiesIn(status[set] ?? 'f').filter(name => !may.has(name))
      expect({set, tooMany}).toEqual({set, tooMany: []})
    }
    expect(status).toMatchObject({NoNewPrivs: '1', Seccomp: '2'})
    const programs = mounts.filter(([place]) => place.startsWith('/.docker-mcp'))
    expect(programs).toEqual([['/.docker-mcp', expect.any(String), expect.stringMatching(/^ro,/)]])
    expect(facts.interfaces).toEqual(server.name === 'bridged' ? ['lo', 'eth0'] : ['lo'])
  })

  test.for(NAMES)('finds nothing of the gateway in its environment as %s', async name => {
    const {env} = await gateway.call<Facts>(name, 'facts')
    const own = ['HOME', 'HOSTNAME', 'PATH', 'SSL_CERT_FILE']
    const others = Object.keys(env).filter(key => !own.includes(key))
    const proxies = others.filter(key => /^(?:HTTPS?|NO)_PROXY$/i.test(key))
    expect(others).toEqual(proxies)
    expect(proxies.length > 0).toBe(RELAYED.includes(name))
  })

  const addresses = () => [
    [PLACES.allowed, 8443],
    [PLACES.other, 8443],
    [PLACES.private, 8443],
    [PLACES.metadata, 80],
    [PLACES.machine, MACHINE_PORT],
    ['172.17.0.1', MACHINE_PORT],
    [neighbour, 7000],
    ['2001:db8::1', 80],
    ['fd00:ec2::254', 80],
  ]
  const attempts = () => ({
    hosts: addresses(),
    pings: [PLACES.allowed, PLACES.machine, neighbour],
    names: ['other.example.test', 'metadata.example.test', 'neighbour'],
    resolvers: [PLACES.resolver, PLACES.machine, '172.17.0.1'],
    sockets: ['/var/run/docker.sock', '\0docker'],
  })

  test('would reach all of it through the bridge of docker', async () => {
    const got = await table('bridged', 'reach', attempts())
    expect(got).toMatchObject({
      [`tcp ${PLACES.allowed}:8443`]: `hello from ${PLACES.allowed}`,
      [`tcp ${PLACES.other}:8443`]: `hello from ${PLACES.other}`,
      [`tcp ${PLACES.private}:8443`]: `hello from ${PLACES.private}`,
      [`tcp ${PLACES.metadata}:80`]: 'connected',
      [`tcp ${PLACES.machine}:${MACHINE_PORT}`]: `hello from ${PLACES.machine}`,
      [`tcp 172.17.0.1:${MACHINE_PORT}`]: 'hello from 172.17.0.1',
      [`tcp ${neighbour}:7000`]: 'hello from a neighbour',
      [`ping ${PLACES.allowed}`]: 'done',
      [`ping ${neighbour}`]: 'done',
      'lookup other.example.test': PLACES.other,
      [`ask ${PLACES.resolver}`]: 'answered with code 0',
    })
  })

  test.for([...RELAYED, 'alone'])('reaches no address, no name and no socket as %s', async name => {
    const contacts = [world.contacts().length, world.machineContacts().length]
    const queries = world.queries().length
    const got = await table(name, 'reach', attempts())
    const kinds = Object.groupBy(Object.entries(got), ([attempt]) => attempt.split(' ')[0] ?? '')
    const answers = (kind: string) =>
      [...new Set(kinds[kind]?.map(([, answer]) => answer))].toSorted()
    // An IPv6 address cannot even be tried where a program has bound none.
    expect(answers('tcp').filter(answer => answer !== 'EADDRNOTAVAIL')).toEqual(['ENETUNREACH'])
    expect(answers('ping')).toEqual(['ENETUNREACH'])
    expect(answers('lookup')).toEqual([name === 'alone' ? 'EAI_AGAIN' : 'ENOTFOUND'])
    expect(answers('ask')).toEqual(['ENETUNREACH'])
    expect(answers('unix')).toEqual(['ECONNREFUSED', 'ENOENT'])
    expect([world.contacts().length, world.machineContacts().length]).toEqual(contacts)
    expect(world.queries()).toHaveLength(queries)
  })

  test.for(NAMES)('gets a bounded number of processes as %s', async name => {
    const got = await gateway.call<Amount>(name, 'processes', {limit: 5000})
    expect(got).toMatchObject({why: 'EAGAIN', ended: 0})
    expect(got.count).toBeLessThan(256)
  })

  test.for(NAMES)('gets a bounded amount of memory as %s', async name => {
    const got = await gateway.call<Amount>(name, 'memory', {limit: 8192})
    expect(got).toMatchObject({ended: 'SIGKILL'})
    expect(got.count).toBeLessThan(MEMORY_MIB)
  })

  test.for(NAMES)('gets a bounded number of open files as %s', async name => {
    const got = await gateway.call<Amount>(name, 'files', {limit: 100_000})
    expect(got).toMatchObject({why: 'EMFILE'})
    expect(got.count).toBeLessThan(4096)
  })

  test.for(NAMES)('gets a bounded /tmp as %s', async name => {
    const got = await gateway.call<Amount>(name, 'disk', {folder: '/tmp', mib: 1000})
    expect(got).toEqual({count: 64, why: 'ENOSPC', ended: 0})
  })

  test.for(NAMES)('gets a bounded /dev/shm as %s', async name => {
    const got = await gateway.call<Amount>(name, 'disk', {folder: '/dev/shm', mib: 1000})
    expect(got).toEqual({count: 64, why: 'ENOSPC', ended: 0})
  })

  test.for(NAMES)('gets a bounded place where its image wants a volume as %s', async name => {
    const got = await gateway.call<Amount>(name, 'disk', {folder: '/cache', mib: 1000})
    // Whoever owns that folder in the image: a server that cannot write to its volume does not work.
    expect(got).toEqual({count: 256, why: 'ENOSPC', ended: 0})
  })

  test.for(['strictroot', 'strictuser', 'user'])('cannot write to its image as %s', async name => {
    const got = await gateway.call<Amount>(name, 'disk', {folder: '/', mib: 10})
    expect(got).toMatchObject({count: 0, why: name === 'user' ? 'EACCES' : 'EROFS'})
  })

  test('is ended when it writes more to its image than it may', async () => {
    const wrote = {folder: '/', mib: DISK_MIB + 100, keep: true}
    const id = await containerOf('alone')
    // What is written is measured now and then: the server is ended behind its call, or in the middle of it.
    const answer = await gateway.call<Amount>('alone', 'disk', wrote).catch(String)
    expect(JSON.stringify(answer)).toMatch(/"why":"done"|server alone wrote \d+ MB to its disk/)
    await gateway.said(/server alone wrote \d+ MB to its disk, and may write 200 MB/)
    await expect.poll(() => containerOf('alone')).not.toBe(id)
  })

  test('cannot write one file that is larger than 1 GiB', async () => {
    const got = await gateway.call<Amount>('large', 'one-file', {folder: '/', mib: 1100})
    expect(got).toEqual({count: 1024, why: 'written', ended: 'SIGXFSZ'})
  })

  test('has harmed nobody: all of them answer, and the machine was not reached', async () => {
    for (const name of NAMES) {
      expect(await gateway.call<Facts>(name, 'facts')).toMatchObject({status: {Seccomp: '2'}})
    }
    const running = await engine.docker('ps', '--format', '{{.Names}}')
    expect(running.split('\n')).toContain('neighbour')
  })
})
