import {Clients} from '../../../src/lib/gateway/clients.ts'
import {Lives} from '../../../src/lib/gateway/lives.ts'
import {readFile, rm, stat, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {PluginError} from '../../../src/lib/base/errors.ts'
import {Gateway} from '../../../src/lib/gateway/gateway.ts'
import {Memory} from '../../../src/lib/gateway/memory.ts'
import {statusStore, type StatusStore} from '../../../src/lib/gateway/status.ts'
import {setUpGateway} from '../../../src/lib/gateway/setup.ts'
import {bindServer} from '../../../src/lib/model/server.ts'
import {startGateway, TestClient, testHome, testOptions} from '../../support/in-process-gateway.ts'
import {fixtureCatalog, type Fixture, type FixtureEntry} from '../../support/fixture-images.ts'
import {fakeFleet} from '../../support/fake-fleet.ts'

/** What a client is told of servers that have tools alone: others may come that have more. */
const LISTS = {
  tools: {listChanged: true},
  prompts: {listChanged: true},
  resources: {listChanged: true},
}

/** A home and the flags for these servers. */
async function prepare(servers: readonly Fixture[] | Readonly<Record<string, FixtureEntry>>) {
  const home = await testHome()
  const catalog = await fixtureCatalog(servers)
  const options = await testOptions(home, {
    servers: [...catalog.images.keys()],
    catalog: catalog.file,
  })
  return {
    home,
    options,
    async [Symbol.asyncDispose]() {
      await catalog[Symbol.asyncDispose]()
      await home[Symbol.asyncDispose]()
    },
  }
}

describe('a gateway', () => {
  test('tells the first client of a new run what its servers can do, exactly', async () => {
    await using input = await prepare(['counts-calls'])
    const {home, options} = input
    const anything = ['tools', 'prompts', 'resources', 'completions', 'logging']
    {
      await using first = await startGateway(home, options)
      const client = new TestClient(first.gateway, 'one')
      const hello = await client.initialize()
      expect(Object.keys(Object(hello['capabilities']))).toEqual(expect.arrayContaining(anything))
      await client.call('count')
      // The second session of the same run knows already.
      const second = new TestClient(first.gateway, 'two')
      expect((await second.initialize())['capabilities']).toEqual(LISTS)
    }
    await using next = await startGateway(home, options)
    const hello = await new TestClient(next.gateway, 'three').initialize()
    expect(hello).toMatchObject({instructions: 'Call count to count.'})
    expect(hello['capabilities']).toEqual(LISTS)
    expect(await next.containers()).toEqual([])
  })

  test('knows what a server could do before it began to fail', async () => {
    await using input = await prepare(['crashes-on-call'])
    const {home, options} = input
    {
      await using gateway = await startGateway(home, options)
      const client = new TestClient(gateway.gateway, 'one')
      await client.initialize()
      await client.call('crash')
    }
    const records = await statusStore(home.deps.paths.stateDir, () => new Date()).read()
    expect(records.get('crashes-on-call')).toMatchObject({state: 'failed'})
    await using next = await startGateway(home, options)
    const hello = await new TestClient(next.gateway, 'two').initialize()
    expect(hello['capabilities']).toEqual(LISTS)
  })

  test('forgets what a server could do that has been changed since', async () => {
    await using before = await prepare({changing: {fixture: 'counts-calls'}})
    {
      await using gateway = await startGateway(before.home, before.options)
      const client = new TestClient(gateway.gateway, 'one')
      await client.initialize()
      await client.call('count')
    }
    await using after = await prepare({changing: {fixture: 'counts-calls', command: ['--new']}})
    await using gateway = await startGateway(before.home, {
      ...before.options,
      catalogs: after.options.catalogs,
    })
    const hello = await new TestClient(gateway.gateway, 'two').initialize()
    expect(hello['capabilities']).toHaveProperty('prompts')
  })

  test('tells and records a failure once for each reason', async () => {
    await using input = await prepare(['exits-at-once'])
    const {home, options} = input
    await using gateway = await startGateway(home, options)
    for (const id of ['one', 'two', 'three']) {
      const client = new TestClient(gateway.gateway, id)
      await client.initialize()
      await client.request('tools/list')
      await client.session.close()
    }
    const told = home.notices.filter(line => line.includes('exits-at-once ended'))
    expect(told).not.toEqual([])
    // An engine that is slow to tell the exit code makes another reason of it.
    expect(told).toEqual([...new Set(told)])
    expect(gateway.gateway.failures.get('exits-at-once')).toMatchObject({
      code: 'SERVER_START_FAILED',
    })
    const file = join(home.deps.paths.stateDir, 'exits-at-once.json')
    await expect.poll(() => readFile(file, 'utf8')).toContain('exit code 3')
    const {mtimeMs} = await stat(file)
    const again = new TestClient(gateway.gateway, 'four')
    await again.initialize()
    await again.request('tools/list')
    await gateway.gateway[Symbol.asyncDispose]()
    expect((await stat(file)).mtimeMs).toBe(mtimeMs)
  })

  test('forgets a failure when the server starts again', async () => {
    await using input = await prepare(['crashes-on-call'])
    await using gateway = await startGateway(input.home, input.options)
    const client = new TestClient(gateway.gateway, 'one')
    await client.initialize()
    await client.call('crash')
    expect([...gateway.gateway.failures.keys()]).toEqual(['crashes-on-call'])
    await client.call('started')
    expect(gateway.gateway.failures.size).toBe(0)
    // A second crash is news again.
    await client.call('crash')
    expect(input.home.notices.filter(line => line.includes('exit code 7'))).toHaveLength(2)
    await gateway.gateway[Symbol.asyncDispose]()
    const records = await statusStore(input.home.deps.paths.stateDir, () => new Date()).read()
    expect(records.get('crashes-on-call')).toMatchObject({state: 'failed'})
  })

  test('runs beside another one, each with containers of its own', async () => {
    await using input = await prepare(['counts-calls'])
    const {home, options} = input
    await using first = await startGateway(home, options)
    const second = await startGateway(home, options)
    const clients = [new TestClient(first.gateway, 'same'), new TestClient(second.gateway, 'same')]
    await Promise.all(clients.map(client => client.initialize()))
    expect(await Promise.all(clients.map(client => client.call('count')))).toEqual(['1', '1'])
    expect(first.owner).not.toBe(second.owner)
    await second[Symbol.asyncDispose]()
    expect(await first.containers()).toHaveLength(1)
    expect(await clients[0]?.call('count')).toBe('2')
  })

  test('serves the good servers when the others are missing, die, hang or print junk', async () => {
    await using input = await prepare({
      good: {fixture: 'same-names', env: [{name: 'WHOSE', value: 'good'}]},
      fine: {fixture: 'counts-calls'},
      dies: {fixture: 'exits-at-once'},
      junk: {fixture: 'prints-junk', startTimeout: 1},
      blocked: {fixture: 'counts-calls', secrets: [{name: 'a.key', env: 'A'}]},
      unmounted: {fixture: 'counts-calls', volumes: ['/no/such/folder:/data']},
    })
    await using gateway = await startGateway(input.home, {
      ...input.options,
      servers: [...(input.options.servers ?? []), 'not-in-any-catalog'],
    })
    const client = new TestClient(gateway.gateway, 'one')
    await client.initialize()
    const {tools} = await client.request('tools/list')
    expect(tools).toMatchObject([{name: 'whose'}, {name: 'count'}])
    expect(await client.call('whose')).toBe('good')
    expect(
      Object.fromEntries([...gateway.gateway.failures].map(([name, {code}]) => [name, code])),
    ).toEqual({
      dies: 'SERVER_START_FAILED',
      junk: 'SERVER_START_FAILED',
      blocked: 'SECRET_MISSING',
      unmounted: 'CONFIG_MISSING',
      'not-in-any-catalog': 'SERVER_UNKNOWN',
    })
  })

  test('lives without an engine, says so in each answer, and ends', async () => {
    const home = await testHome(() => Promise.reject(new Error('no engine')))
    await using catalog = await fixtureCatalog(['counts-calls'])
    const options = await testOptions(home, {servers: ['counts-calls'], catalog: catalog.file})
    const {gateway} = await setUpGateway(home.deps, options)
    const client = new TestClient(gateway, 'one')
    await client.initialize()
    expect(await client.request('tools/list')).toEqual({tools: []})
    expect(gateway.failures.get('counts-calls')?.message).toContain('no engine')
    await gateway[Symbol.asyncDispose]()
    await home[Symbol.asyncDispose]()
  })

  test('opens no session once it has begun to stop', async () => {
    await using input = await prepare(['counts-calls'])
    await using gateway = await startGateway(input.home, input.options)
    await gateway.gateway[Symbol.asyncDispose]()
    expect(() => new TestClient(gateway.gateway, 'late')).toThrow('the gateway is stopping')
  })

  test('ends though its records cannot be kept, and says so', async () => {
    await using input = await prepare(['exits-at-once'])
    const {home} = input
    await using gateway = await startGateway(home, input.options)
    await rm(home.dir, {recursive: true})
    await writeFile(home.dir, 'a file where the folder was')
    const client = new TestClient(gateway.gateway, 'one')
    await client.initialize()
    await client.request('tools/list')
    await gateway.gateway[Symbol.asyncDispose]()
    expect(home.notices.join('\n')).toContain(
      '! the state of a server could not be kept: cannot write',
    )
  })
})

/** A gateway of one server whose every start fails for another reason; `failed` keeps the record. */
function failingGateway(failed: StatusStore['failed']) {
  const spec = bindServer({name: 'fails', image: 'none'}, {}, '/home/me')
  if (spec.kind !== 'container') throw new Error(spec.kind)
  let starts = 0
  const server = {
    name: 'fails',
    prefix: undefined,
    tools: undefined,
    startTimeoutMs: 1000,
    callTimeoutMs: undefined,
  }
  return new Gateway({
    limits: {tools: undefined, tokens: undefined},
    version: '1',
    clients: new Clients(undefined, []),
    lives: new Lives(Date.now),
    housekeeping: {[Symbol.asyncDispose]: async () => undefined},
    life: {idleMs: undefined, longLived: false, standby: {min: 0, max: 0}},
    plan: {servers: [{...server, start: spec}]},
    fleet: fakeFleet(() => ({
      legacy: async () => {
        throw new PluginError('SERVER_START_FAILED', `reason ${(starts += 1)}`)
      },
      modern: undefined,
      tellsOrigin: false,
    })),
    status: {read: async () => new Map(), ready: async () => undefined, failed},
    memory: new Memory({
      dir: '/nowhere',
      warn: () => undefined,
      redact: text => text,
      now: () => 0,
    }),
    redact: text => text,
    showRemembered: true,
    middlewares: [],
    patienceMs: 1000,
    now: () => 0,
    log: () => undefined,
    notify: () => undefined,
    stop: new AbortController(),
  })
}

test('records of one server are written one after the other, the last one last', async () => {
  const first = Promise.withResolvers<void>()
  const begun: string[] = []
  const done: string[] = []
  const gateway = failingGateway(async (_, {message}) => {
    begun.push(message)
    if (message === 'reason 1') await first.promise
    done.push(message)
  })
  for (const id of ['one', 'two']) {
    const client = new TestClient(gateway, id)
    await client.initialize()
    await client.request('tools/list')
  }
  expect(begun).toEqual(['reason 1'])
  first.resolve()
  await gateway[Symbol.asyncDispose]()
  expect(done).toEqual(['reason 1', 'reason 2'])
})
