import {afterEach, describe, expect, test, vi} from 'vitest'
import {capture} from '../../scripts/process.ts'
import type {LifeDefaults} from '../../src/lib/gateway/life-policy.ts'
import {fixtureCatalog, type FixtureEntry} from '../support/fixture-images.ts'
import {
  startGateway,
  TestClient,
  testHome,
  testOptions,
  type TestGateway,
} from '../support/in-process-gateway.ts'

/** No container is stopped unless somebody says so. */
const LIFE: LifeDefaults = {idleMs: undefined, longLived: false, standby: {min: 0, max: 0}}

afterEach(() => void vi.useRealTimers())

/** A gateway with one server in real containers, and a client of it. */
async function world(entry: FixtureEntry, life: Partial<LifeDefaults> = {}) {
  const home = await testHome()
  const catalog = await fixtureCatalog({demo: entry})
  const options = await testOptions(home, {
    servers: ['demo'],
    catalog: catalog.file,
    life: {...LIFE, ...life},
  })
  const gateway = await startGateway(home, options)
  const client = new TestClient(gateway.gateway, 'one')
  await client.initialize()
  return {
    gateway,
    client,
    stateOf: () => gateway.lives.report().find(({server}) => server === 'demo')?.state,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await catalog[Symbol.asyncDispose]()
      await home[Symbol.asyncDispose]()
    },
  }
}

/** The only container of the gateway. */
async function soleContainer(gateway: TestGateway): Promise<string> {
  const [{id} = {id: ''}, ...others] = await gateway.containers()
  expect(others).toEqual([])
  return id
}

/** Waits until the server has said that it is at a call. */
async function isWaiting({received}: TestClient): Promise<void> {
  const said = {method: 'notifications/message', params: {level: 'info', data: 'waiting'}}
  await expect.poll(() => received).toContainEqual(expect.objectContaining(said))
}

/** Does something to a container. */
async function docker(verb: string, id: string): Promise<void> {
  const {code, stderr} = await capture('docker', [verb, id])
  if (code !== 0) throw new Error(stderr)
}

describe('a server in its container', () => {
  test('that is killed in the middle of a call fails that call by name and cause, and serves the next', async () => {
    await using one = await world({fixture: 'waits-on-call'})
    const before = await one.client.call('started')
    const lost = one.client.call('wait')
    await isWaiting(one.client)
    await docker('kill', await soleContainer(one.gateway))
    expect(await lost).toMatch(/^server demo ended with exit code 137.*its last words: waiting/)
    const after = await one.client.call('started')
    expect(after).toMatch(/^[\da-f-]{36}$/)
    expect(after).not.toBe(before)
    expect(one.gateway.lives.report()[0]).toMatchObject({state: 'ready', restarts: 1})
  })

  test('sleeps when nobody uses it, and wakes for the next call', async () => {
    await using one = await world({fixture: 'counts-calls'}, {idleMs: 500})
    expect(await one.client.call('count')).toBe('1')
    await expect.poll(() => one.gateway.containers()).toEqual([])
    // The container is gone a moment before that is known here.
    await expect.poll(() => one.stateOf()).toBe('sleeping')
    expect(await one.client.call('count')).toBe('1')
    expect(one.gateway.gateway.failures.size).toBe(0)
  })

  test('that is long-lived does not', async () => {
    await using one = await world({fixture: 'counts-calls', longLived: true}, {idleMs: 1})
    expect(await one.client.call('count')).toBe('1')
    // Whatever would end it has had its turn long before the container of another session runs and ends.
    const other = new TestClient(one.gateway.gateway, 'two')
    await other.initialize()
    expect(await other.call('count')).toBe('1')
    await other.session.close()
    expect(await one.client.call('count')).toBe('2')
  })

  test('is one of its own for each call where the entry says so', async () => {
    await using one = await world({fixture: 'counts-calls', ephemeral: true})
    const counts = await Promise.all([1, 2, 3].map(() => one.client.call('count')))
    expect([...counts, await one.client.call('count')]).toEqual(['1', '1', '1', '1'])
    const {tools} = await one.client.request('tools/list')
    expect(tools).toMatchObject([{name: 'count'}])
    await expect.poll(() => one.gateway.containers()).toEqual([])
    // The container is gone a moment before that is known here.
    await expect.poll(() => one.stateOf()).toBe('sleeping')
  })

  test('that hangs is found by a ping and ended, and the next call is served', async () => {
    await using one = await world({fixture: 'waits-on-call'})
    vi.useFakeTimers({
      shouldAdvanceTime: true,
      toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'],
    })
    const before = await one.client.call('started')
    await docker('pause', await soleContainer(one.gateway))
    vi.advanceTimersByTime(60_000)
    vi.advanceTimersByTime(15_000)
    await expect.poll(() => one.stateOf()).toBe('failed')
    expect(one.gateway.lives.report()[0]?.lastError?.message).toMatch(
      /^server demo did not answer a ping within 15 s/,
    )
    expect(await one.client.call('started')).not.toBe(before)
  })

  test('is started once for fifty first calls at the same time', async () => {
    await using one = await world({fixture: 'counts-calls'})
    const counts = await Promise.all(Array.from({length: 50}, () => one.client.call('count')))
    expect(counts.map(Number).toSorted((a, b) => a - b)).toEqual(
      Array.from({length: 50}, (_, index) => index + 1),
    )
    expect(await one.gateway.containers()).toHaveLength(1)
  })

  test('is started anew when somebody says so, and calls in flight are told', async () => {
    await using one = await world({fixture: 'waits-on-call'})
    const before = await one.client.call('started')
    const id = await soleContainer(one.gateway)
    const lost = one.client.call('wait')
    await isWaiting(one.client)
    expect(await one.gateway.gateway.restart('demo')).toBe(1)
    expect(await lost).toMatch(/^server demo was restarted/)
    expect(await one.client.call('started')).not.toBe(before)
    await expect.poll(() => soleContainer(one.gateway)).not.toBe(id)
    expect(one.gateway.gateway.failures.size).toBe(0)
    await expect(one.gateway.gateway.restart('nobody')).rejects.toMatchObject({
      code: 'SERVER_UNKNOWN',
    })
  })
})
