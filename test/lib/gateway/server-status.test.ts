import {randomUUID} from 'node:crypto'
import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {PluginError} from '../../../src/lib/base/errors.ts'
import type {GatewayState, ServerState} from '../../../src/lib/gateway/control/state.ts'
import type {LiveGateway} from '../../../src/lib/gateway/live-servers.ts'
import {serverStatus, statusLooks} from '../../../src/lib/gateway/server-status.ts'
import {statusStore} from '../../../src/lib/gateway/status.ts'
import {parseCatalog} from '../../../src/lib/model/catalog.ts'
import {bindServer} from '../../../src/lib/model/server.ts'
import {
  fixtureCatalog,
  fixtureImage,
  type Fixture,
  type FixtureEntry,
} from '../../support/fixture-images.ts'
import {startGateway, TestClient, testHome, testOptions} from '../../support/in-process-gateway.ts'

/** A name that no other test has, because containers are looked up by it. */
const unique = (name: string) => `${name}-${randomUUID().slice(0, 8)}`
const unreachable = new PluginError('ENGINE_UNREACHABLE', 'no Docker engine', {hint: 'start it'})

/** A user with these servers enabled, out of a catalog that is configured. */
async function userWith(
  servers: Readonly<Record<string, FixtureEntry & {image?: string}>>,
  engine?: () => Promise<never>,
) {
  const home = await testHome(engine)
  const {paths} = home.deps
  await mkdir(paths.catalogsDir, {recursive: true})
  const put = async (entries: Readonly<Record<string, FixtureEntry & {image?: string}>>) => {
    const registry = Object.fromEntries(
      await Promise.all(
        Object.entries(entries).map(async ([name, {fixture, ...members}]) => [
          name,
          {type: 'server', disableNetwork: true, image: await fixtureImage(fixture), ...members},
        ]),
      ),
    )
    const text = JSON.stringify({version: 3, name: 'mine', registry})
    await writeFile(join(paths.catalogsDir, 'mine.yaml'), text)
    return parseCatalog({version: 3, name: 'mine', registry}, 'mine').catalog
  }
  const catalog = await put(servers)
  await writeFile(paths.catalogIndex, JSON.stringify({catalogs: {mine: {}}}))
  const enabled = Object.keys(servers).map(name => `  ${JSON.stringify(name)}:\n    ref: ""\n`)
  await writeFile(paths.registry, `registry:\n${enabled.join('')}`)
  const secrets = join(home.dir, 'secrets.env')
  await writeFile(secrets, '')
  const store = statusStore(paths.stateDir, () => new Date('2026-11-20T12:00:00Z'))
  return {
    home,
    put,
    secrets,
    status: (...gateways: readonly LiveGateway[]) =>
      serverStatus({...home.deps, gateways: async () => gateways}, {secrets, allowMounts: []}),
    /** Remembers that the server failed like this, as it is now. */
    async failed(name: string, error: PluginError) {
      const entry = catalog.servers.get(name)
      const spec = entry && bindServer(entry, {}, home.dir)
      if (spec?.kind !== 'container') throw new Error(`no container ${name}`)
      await store.failed(name, error, spec)
    },
    [Symbol.asyncDispose]: () => home[Symbol.asyncDispose](),
  }
}

const entry = (fixture: Fixture, more: object = {}): FixtureEntry => ({fixture, ...more})
/** A gateway that tells this of its servers. */
function telling(...servers: readonly ServerState[]): LiveGateway {
  const startedAt = '2026-11-20T12:00:00Z'
  const state: GatewayState = {
    owner: '0123456789abcdef0123',
    pid: 1,
    version: '1',
    startedAt,
    transport: 'stdio',
    servers,
  }
  return {record: state, state: async () => state}
}

/** A gateway that runs and does not answer. */
function silent(owner = '00000000000000000000'): LiveGateway {
  return {record: {owner}, state: () => Promise.reject(new Error('it hangs'))}
}

const life = (server: string, more: Partial<ServerState>): ServerState => ({
  server,
  state: 'sleeping',
  containers: [],
  restarts: 0,
  ...more,
})
const fell = new PluginError('SERVER_START_FAILED', 'it fell', {hint: 'pick it up'})

/** A container as gateways tell of it. */
function containerTold(id: string, use: 'serving' | 'standby', cpuNanos: number, at: string) {
  return {
    id: id.repeat(64),
    name: `mcp-${id}`,
    since: '2026-11-20T11:00:00Z',
    use,
    memoryBytes: 1000,
    memoryLimitBytes: 5000,
    cpuNanos,
    measuredAt: at,
  }
}

describe('serverStatus', () => {
  test('says nothing when no server is enabled', async () => {
    await using user = await userWith({})
    expect(await user.status()).toEqual({servers: [], gateways: {answering: 0, silent: 0}})
  })

  test('tells what can start, and what must be fetched, set or made first', async () => {
    const image = `docker-mcp.invalid/absent/${randomUUID()}:1`
    const own = `localhost/docker-mcp-test/absent-${randomUUID()}:1`
    await using user = await userWith({
      ready: entry('counts-calls'),
      absent: entry('counts-calls', {image}),
      unmade: entry('counts-calls', {image: own}),
      secretive: entry('counts-calls', {secrets: [{name: 'a.key', env: 'A'}]}),
      unmounted: entry('counts-calls', {volumes: ['/no/such/folder:/data']}),
    })
    await writeFile(
      user.home.deps.paths.registry,
      'registry: {ready: {}, absent: {}, unmade: {}, secretive: {}, unmounted: {}, ghost: {}}',
    )
    const {servers, engineFailure} = await user.status()
    expect(engineFailure).toBeUndefined()
    expect(servers).toMatchObject([
      {name: 'ready', state: 'sleeping', containers: []},
      {
        name: 'absent',
        state: 'not pulled',
        reason: `the image ${image} is not on the engine`,
        next: 'docker mcp server install absent',
      },
      {name: 'unmade', state: 'not pulled', next: 'npm run samples'},
      {name: 'secretive', state: 'blocked', reason: expect.stringContaining('the secret a.key')},
      {name: 'unmounted', state: 'blocked', reason: expect.stringContaining('does not exist')},
      {name: 'ghost', state: 'blocked', reason: expect.stringContaining('ghost')},
    ])
    await writeFile(user.secrets, 'a.key=value\n')
    expect((await user.status()).servers[3]).toMatchObject({state: 'sleeping'})
  })

  test('tells that a server runs while it does, and what it is after', async () => {
    const name = unique('runs')
    await using user = await userWith({[name]: entry('counts-calls')})
    await using catalog = await fixtureCatalog({[name]: entry('counts-calls')})
    const options = await testOptions(user.home, {servers: [name], catalog: catalog.file})
    const gateway = await startGateway(user.home, options)
    const clients = ['one', 'two'].map(id => new TestClient(gateway.gateway, id))
    for (const client of clients) {
      await client.initialize()
      await client.call('count')
    }
    const [running] = (await user.status(silent(gateway.owner))).servers
    expect(running).toMatchObject({name, state: 'ready', at: expect.any(String)})
    expect(running?.others).toBeUndefined()
    expect(running?.containers).toHaveLength(2)
    expect(running?.reason).toBeUndefined()
    // For another configuration they are somebody else's, whether a gateway of its own tells of the server or not.
    const [unused] = (await user.status()).servers
    expect(unused).toMatchObject({state: 'sleeping', containers: [], others: 2})
    const [told] = (await user.status(telling(life(name, {state: 'idle'})))).servers
    expect(told).toMatchObject({state: 'idle', containers: [], others: 2})
    await gateway[Symbol.asyncDispose]()
    expect((await user.status()).servers).toMatchObject([{state: 'sleeping', containers: []}])
  })

  test('tells that a server failed, why, and what to do', async () => {
    await using user = await userWith({falls: entry('counts-calls')})
    await user.failed('falls', fell)
    expect((await user.status()).servers).toEqual([
      {
        name: 'falls',
        state: 'failed',
        containers: [],
        standby: 0,
        reason: 'it fell',
        next: 'pick it up',
        at: '2026-11-20T12:00:00.000Z',
      },
    ])
  })

  test('tells that a server runs though it failed earlier', async () => {
    const name = unique('again')
    await using user = await userWith({[name]: entry('counts-calls')})
    await using catalog = await fixtureCatalog({[name]: entry('counts-calls')})
    const options = await testOptions(user.home, {servers: [name], catalog: catalog.file})
    await user.failed(name, fell)
    await using gateway = await startGateway(user.home, options)
    const client = new TestClient(gateway.gateway, 'one')
    await client.initialize()
    await client.call('count')
    await expect
      .poll(async () => (await user.status(silent(gateway.owner))).servers)
      .toEqual([expect.not.objectContaining({reason: 'it fell'})])
    // Another session's start fails while this one runs: both are true.
    await user.failed(name, fell)
    expect((await user.status(silent(gateway.owner))).servers).toMatchObject([
      {state: 'ready', reason: 'it fell'},
    ])
  })

  test('forgets the failure of a server that has been changed since', async () => {
    await using user = await userWith({falls: entry('counts-calls')})
    await user.failed('falls', fell)
    await user.put({falls: entry('counts-calls', {command: ['--mended']})})
    const [server] = (await user.status()).servers
    expect(server).toEqual({name: 'falls', state: 'sleeping', containers: [], standby: 0})
  })

  test.each([
    ['SECRET_MISSING', 'sleeping'],
    ['CONFIG_MISSING', 'sleeping'],
    ['ENGINE_UNREACHABLE', 'sleeping'],
    ['IMAGE_MISSING', 'sleeping'],
    ['ENGINE_FAILED', 'failed'],
    ['SERVER_START_FAILED', 'failed'],
  ] as const)('after %s, whose cause is gone, says %s', async (code, state) => {
    await using user = await userWith({falls: entry('counts-calls')})
    await user.failed('falls', new PluginError(code, 'then'))
    expect((await user.status()).servers).toMatchObject([{state}])
  })

  test('tells why an image could not be fetched the last time', async () => {
    const image = `docker-mcp.invalid/absent/${randomUUID()}:1`
    await using user = await userWith({absent: entry('counts-calls', {image})})
    await user.failed('absent', new PluginError('IMAGE_MISSING', 'access denied'))
    expect((await user.status()).servers).toMatchObject([
      {state: 'failed', reason: 'access denied'},
    ])
  })

  test('tells without an engine what can be known, and why the rest cannot', async () => {
    await using user = await userWith(
      {
        falls: entry('counts-calls'),
        fine: entry('counts-calls'),
        secretive: entry('counts-calls', {secrets: [{name: 'a.key', env: 'A'}]}),
        unmounted: entry('counts-calls', {volumes: ['/no/such/folder:/data']}),
        forbidden: entry('counts-calls', {volumes: ['/etc:/data']}),
        cut: entry('counts-calls'),
      },
      () => Promise.reject(unreachable),
    )
    await user.failed('falls', fell)
    await user.failed('cut', unreachable)
    const {servers, engineFailure} = await user.status()
    expect(engineFailure).toBe(unreachable)
    expect(servers.map(({name, state}) => [name, state])).toEqual([
      ['falls', 'failed'],
      ['fine', 'unknown'],
      ['secretive', 'blocked'],
      // The engine may be on another machine.
      ['unmounted', 'unknown'],
      ['forbidden', 'blocked'],
      ['cut', 'unknown'],
    ])
  })

  test('tells what gateways tell, with the figures of all containers together', async () => {
    await using user = await userWith({busy: entry('counts-calls'), calm: entry('counts-calls')})
    const looks = ['2026-11-20T12:00:00Z', '2026-11-20T12:00:01Z']
    let look = 0
    const gateway: LiveGateway = {
      record: {owner: '0123456789abcdef0123'},
      state(signal) {
        const nanos = look * 2e8
        const at = looks[look++] ?? ''
        const containers = [
          containerTold('a', 'serving', nanos, at),
          containerTold('b', 'standby', 7, at),
        ]
        const lastError = {code: 'SERVER_DIED', message: 'it died', at: '2026-11-20T10:00:00Z'}
        const told = {containers, restarts: 2, lastUsedAt: '2026-11-20T11:30:00Z', lastError}
        return telling(life('busy', {state: 'ready', ...told}), life('calm', {})).state(signal)
      },
    }
    const {servers, gateways} = await user.status(gateway)
    expect(gateways).toEqual({answering: 1, silent: 0})
    expect(servers).toEqual([
      {
        name: 'busy',
        state: 'ready',
        containers: [
          {
            id: 'aaaaaaaaaaaa',
            name: 'mcp-a',
            since: '2026-11-20T11:00:00Z',
            use: 'serving',
            memoryBytes: 1000,
            memoryLimitBytes: 5000,
            cpuPercent: 20,
          },
          expect.objectContaining({id: 'bbbbbbbbbbbb', use: 'standby', cpuPercent: 0}),
        ],
        standby: 1,
        memoryBytes: 2000,
        cpuPercent: 20,
        restarts: 2,
        lastUsedAt: '2026-11-20T11:30:00Z',
        lastError: {code: 'SERVER_DIED', message: 'it died', at: '2026-11-20T10:00:00Z'},
      },
      {name: 'calm', state: 'sleeping', containers: [], standby: 0, restarts: 0},
    ])
  })

  test.each(['starting', 'ready', 'idle', 'sleeping'] as const)(
    'passes on that a server is %s',
    async state => {
      await using user = await userWith({one: entry('counts-calls')})
      expect((await user.status(telling(life('one', {state})))).servers).toMatchObject([{state}])
    },
  )

  test('tells why a server has failed in a gateway, and what must be set first before that', async () => {
    await using user = await userWith({
      falls: entry('counts-calls'),
      secretive: entry('counts-calls', {secrets: [{name: 'a.key', env: 'A'}]}),
    })
    const lastError = {
      code: 'SERVER_DIED',
      message: 'it died',
      hint: 'revive it',
      at: '2026-11-20T10:00:00Z',
    }
    const failed = {state: 'failed', lastError} as const
    const {servers} = await user.status(telling(life('falls', failed), life('secretive', failed)))
    expect(servers).toMatchObject([
      {state: 'failed', reason: 'it died', next: 'revive it'},
      {state: 'blocked', reason: expect.stringContaining('a.key')},
    ])
  })

  test('counts gateways that do not answer, and tells the rest without them', async () => {
    await using user = await userWith({one: entry('counts-calls')})
    const {servers, gateways} = await user.status(silent(), telling(life('one', {state: 'idle'})))
    expect(gateways).toEqual({answering: 1, silent: 1})
    expect(servers).toMatchObject([{name: 'one', state: 'idle'}])
  })

  test('asks a gateway that does not answer once', async () => {
    await using user = await userWith({one: entry('counts-calls')})
    let asked = 0
    const hanging: LiveGateway = {
      record: {owner: '00000000000000000000'},
      state() {
        asked += 1
        return Promise.reject(new Error('it hangs'))
      },
    }
    const containers = [containerTold('a', 'serving', 1, '2026-11-20T12:00:00Z')]
    const telltale = telling(life('one', {state: 'ready', containers}))
    const {servers, gateways} = await user.status(hanging, telltale)
    expect(servers).toMatchObject([{memoryBytes: 1000}])
    expect(gateways).toEqual({answering: 1, silent: 1})
    expect(asked).toBe(1)
  })

  test('tells what is wrong with the keys of signatures, with which no gateway starts', async () => {
    await using user = await userWith({one: entry('counts-calls')})
    await writeFile(join(user.home.deps.paths.dir, 'signatures.yaml'), 'keys: 3')
    const {servers, keysFailure} = await user.status()
    expect(servers).toMatchObject([{state: 'sleeping'}])
    expect(keysFailure).toMatchObject({code: 'FILE_INVALID'})
    expect(keysFailure?.message).toContain('signatures.yaml:1')
  })

  test('gives a look up that nobody waits for any more', async () => {
    await using user = await userWith({one: entry('counts-calls')})
    const hanging: LiveGateway = {
      record: {owner: '0123456789abcdef0123'},
      state: signal =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(new Error('aborted')), {once: true})
          looking.abort()
        }),
    }
    const looking = new AbortController()
    const look = statusLooks(
      {...user.home.deps, gateways: async () => [hanging]},
      {secrets: user.secrets, allowMounts: []},
    )
    await expect(look(looking.signal)).rejects.toMatchObject({name: 'AbortError'})
  })

  test('passes on what is wrong with the files', async () => {
    await using user = await userWith({fine: entry('counts-calls')})
    await writeFile(user.home.deps.paths.config, 'not: [yaml')
    await expect(user.status()).rejects.toMatchObject({code: 'FILE_INVALID'})
  })

  test('does not hide a defect behind a missing engine', async () => {
    await using user = await userWith({fine: entry('counts-calls')}, () =>
      Promise.reject(new TypeError('a defect')),
    )
    await expect(user.status()).rejects.toThrow('a defect')
  })
})
