import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, onTestFinished, test, vi} from 'vitest'
import type {JsonObject} from '../../../src/lib/base/json.ts'
import type {FixtureEntry} from '../../support/fixture-images.ts'
import {TestClient} from '../../support/in-process-gateway.ts'
import {
  changesTold,
  type Configuration,
  namesIn,
  ReloadingGateway,
} from '../../support/reloading.ts'

const COUNTS: FixtureEntry = {fixture: 'counts-calls'}
const SAME_NAMES: FixtureEntry = {fixture: 'same-names', env: [{name: 'WHOSE', value: 'mine'}]}
const SHOWS: FixtureEntry = {fixture: 'shows-environment'}

/** So long clients wait for the one of them that finds out what a new server lists. */
const SCOUT_MS = 5000

/** A client that has read every list, as most do at first. */
async function connected(gateway: ReloadingGateway, id = 'one'): Promise<TestClient> {
  const client = new TestClient(gateway.setup.gateway, id)
  await client.initialize()
  for (const kind of ['tools', 'prompts', 'resources'] as const) await namesIn(client, kind)
  return client
}

async function environment(client: TestClient, tool = 'environment'): Promise<JsonObject> {
  return Object(JSON.parse(await client.call(tool)))['env']
}

describe('a reload', () => {
  test('serves a server that came; one that was there keeps its container and what it has counted', async () => {
    await using gateway = await ReloadingGateway.start({servers: {counts: COUNTS}})
    const client = await connected(gateway)
    expect(await client.call('count')).toBe('1')
    const id = await gateway.idOf('counts')
    const told = await gateway.reload({servers: {counts: COUNTS, notes: SAME_NAMES}})
    expect(told).toEqual({
      added: ['notes'],
      removed: [],
      changed: [],
      notices: [],
      needsRestart: [],
    })
    expect(gateway.setup.plan.servers.map(({name}) => name)).toEqual(['counts', 'notes'])
    await expect
      .poll(() => changesTold(client).toSorted())
      .toEqual(['prompts', 'resources', 'tools'])
    expect(await namesIn(client, 'tools')).toEqual(['count', 'whose'])
    expect(await namesIn(client, 'prompts')).toEqual(['whose'])
    expect(await namesIn(client, 'resources')).toEqual(['whose'])
    expect(await client.call('whose')).toBe('mine')
    expect(await client.call('count')).toBe('2')
    expect(await gateway.idsOf('counts')).toEqual([id])
    expect(changesTold(client)).toHaveLength(3)
  })

  test('serves one that was taken out no more, ends its container and says so', async () => {
    await using gateway = await ReloadingGateway.start({
      servers: {counts: COUNTS, notes: SAME_NAMES},
    })
    const client = await connected(gateway)
    await client.call('count')
    const id = await gateway.idOf('counts')
    expect(await gateway.reload({servers: {counts: COUNTS}})).toMatchObject({removed: ['notes']})
    await expect.poll(() => gateway.idsOf('notes')).toEqual([])
    await expect
      .poll(() => changesTold(client).toSorted())
      .toEqual(['prompts', 'resources', 'tools'])
    expect(await namesIn(client, 'tools')).toEqual(['count'])
    await expect(client.call('whose')).rejects.toThrow('Unknown tool: whose')
    expect(await client.call('count')).toBe('2')
    expect(await gateway.idsOf('counts')).toEqual([id])
    expect(changesTold(client)).toHaveLength(3)
  })

  test('starts one anew whose entry was edited, and no other; the same lists are no news', async () => {
    await using gateway = await ReloadingGateway.start({servers: {counts: COUNTS, shows: SHOWS}})
    const client = await connected(gateway)
    await client.call('count')
    await environment(client)
    const [kept, old] = [await gateway.idOf('counts'), await gateway.idOf('shows')]
    const edited = {...SHOWS, env: [{name: 'EDITED', value: 'yes'}]}
    const told = await gateway.reload({servers: {counts: COUNTS, shows: edited}})
    expect(told).toMatchObject({added: [], removed: [], changed: ['shows']})
    expect(await environment(client)).toMatchObject({EDITED: 'yes'})
    await expect.poll(() => gateway.idsOf('shows')).not.toContain(old)
    expect(await client.call('count')).toBe('2')
    expect(await gateway.idsOf('counts')).toEqual([kept])
    expect(await namesIn(client, 'tools')).toEqual(['count', 'environment'])
    expect(changesTold(client)).toEqual([])
  })

  test.each<[what: string, change: (demo: FixtureEntry) => Configuration]>([
    ['entry', demo => ({servers: {demo: {...demo, env: [{name: 'NEW', value: '1'}]}}})],
    ['secret', demo => ({servers: {demo}, secrets: {'demo.key': 'second-value'}})],
  ])(
    'lets a call in flight finish where it was begun, while new ones go to the server with another %s',
    async (_what, change) => {
      const secrets = [{name: 'demo.key', env: 'KEY', required: false}]
      const demo: FixtureEntry = {fixture: 'conformance', secrets}
      await using gateway = await ReloadingGateway.start({servers: {demo}})
      const client = new TestClient(gateway.setup.gateway, 'one')
      await client.initialize({sampling: {}})
      const answer = client.call('test_sampling', {prompt: 'hello'})
      const asked = () => client.received.find(({method}) => method === 'sampling/createMessage')
      await expect.poll(asked).toBeDefined()
      const old = await gateway.idOf('demo')
      await gateway.reload(change(demo))
      expect(await client.call('test_simple_text')).toContain('simple text')
      expect(await gateway.idsOf('demo')).toHaveLength(2)
      expect(await gateway.idsOf('demo')).toContain(old)
      const content = {type: 'text', text: 'at last'}
      client.session.receive({
        jsonrpc: '2.0',
        id: Object(asked())['id'],
        result: {role: 'assistant', model: 'none', content},
      })
      expect(await answer).toBe('LLM response: at last')
      await expect.poll(() => gateway.idsOf('demo')).not.toContain(old)
      expect(await gateway.idsOf('demo')).toHaveLength(1)
    },
  )

  test('starts one anew whose secret has another value, and masks both values', async () => {
    const secret: FixtureEntry = {...SHOWS, secrets: [{name: 'shows.key', env: 'KEY'}]}
    const servers = {counts: COUNTS, shows: secret}
    await using gateway = await ReloadingGateway.start({
      servers,
      secrets: {'shows.key': 'first-value'},
    })
    const client = await connected(gateway)
    await client.call('count')
    expect(await environment(client)).toMatchObject({KEY: 'first-value'})
    const id = await gateway.idOf('counts')
    const same = await gateway.reload({servers, secrets: {'shows.key': 'first-value', other: 'x'}})
    expect(same).toMatchObject({added: [], removed: [], changed: []})
    const told = await gateway.reload({servers, secrets: {'shows.key': 'second-value'}})
    expect(told).toMatchObject({added: [], removed: [], changed: ['shows']})
    expect(await environment(client)).toMatchObject({KEY: 'second-value'})
    expect(gateway.setup.redact('first-value, second-value')).toBe('[secret], [secret]')
    expect(await client.call('count')).toBe('2')
    expect(await gateway.idsOf('counts')).toEqual([id])
    expect(changesTold(client)).toEqual([])
  })

  test('shows other tools, names and limits without starting anything anew', async () => {
    const servers = {counts: COUNTS, shows: SHOWS}
    await using gateway = await ReloadingGateway.start({servers})
    const client = await connected(gateway)
    await client.call('count')
    await environment(client)
    const ids = [await gateway.idOf('counts'), await gateway.idOf('shows')]
    const fewer = await gateway.reload({servers, options: {tools: ['environment']}})
    expect(fewer).toMatchObject({added: [], removed: [], changed: ['counts', 'shows']})
    await expect.poll(() => changesTold(client)).toEqual(['tools'])
    await expect(client.call('count')).rejects.toThrow('Unknown tool: count')
    expect(await namesIn(client, 'tools')).toEqual(['environment'])
    const prefixed = {counts: {...COUNTS, prefix: 'my', callTimeout: 7}, shows: SHOWS}
    expect(await gateway.reload({servers: prefixed})).toMatchObject({changed: ['counts', 'shows']})
    await expect.poll(() => changesTold(client)).toEqual(['tools', 'tools'])
    expect(await namesIn(client, 'tools')).toEqual(['my__count', 'environment'])
    expect(await client.call('my__count')).toBe('2')
    expect([await gateway.idOf('counts'), await gateway.idOf('shows')]).toEqual(ids)
  })

  test('goes from none to one, to two, and back to one, and names keep their meaning', async () => {
    const [a, b] = [COUNTS, {...COUNTS, env: [{name: 'B', value: '1'}]}]
    await using gateway = await ReloadingGateway.start({servers: {}})
    const client = await connected(gateway)
    await gateway.reload({servers: {b}})
    await expect.poll(() => changesTold(client)).toEqual(['tools'])
    expect(await namesIn(client, 'tools')).toEqual(['count'])
    expect(await client.call('count')).toBe('1')
    const id = await gateway.idOf('b')
    // First in order, it would have had the name if it had always been there.
    await gateway.reload({servers: {a, b}})
    await expect.poll(() => changesTold(client)).toEqual(['tools', 'tools'])
    expect(await namesIn(client, 'tools')).toEqual(['a__count', 'count'])
    expect(await client.call('count')).toBe('2')
    expect(await client.call('a__count')).toBe('1')
    await gateway.reload({servers: {a}})
    await expect.poll(() => changesTold(client)).toEqual(['tools', 'tools', 'tools'])
    expect(await namesIn(client, 'tools')).toEqual(['a__count'])
    expect(await client.call('a__count')).toBe('2')
    await expect.poll(() => gateway.idsOf('b')).not.toContain(id)
    expect(changesTold(client)).toHaveLength(3)
  })

  test('lets the only server answer for itself before and after a second one', async () => {
    await using gateway = await ReloadingGateway.start({servers: {counts: COUNTS}})
    const client = await connected(gateway)
    expect(await client.call('count')).toBe('1')
    const id = await gateway.idOf('counts')
    const again = {...COUNTS, env: [{name: 'X', value: '1'}]}
    await gateway.reload({servers: {counts: again}})
    expect(await client.call('count')).toBe('1')
    await expect.poll(() => gateway.idsOf('counts')).not.toContain(id)
    const next = await gateway.idOf('counts')
    await gateway.reload({servers: {other: COUNTS, counts: again}})
    expect(await namesIn(client, 'tools')).toEqual(['other__count', 'count'])
    expect(await client.call('count')).toBe('2')
    expect(await gateway.idsOf('counts')).toEqual([next])
  })

  test('has one client find out for others of its kind what a new server lists', async () => {
    const {setTimeout: wait} = globalThis
    // However long the engine takes to start a container: the others wait for it.
    const patient = (task: (...of: unknown[]) => void, milliseconds: number, ...of: unknown[]) =>
      wait(task, milliseconds === SCOUT_MS ? 60_000 : milliseconds, ...of)
    vi.stubGlobal('setTimeout', patient)
    onTestFinished(() => void vi.unstubAllGlobals())
    await using gateway = await ReloadingGateway.start({servers: {counts: COUNTS}})
    const clients = await Promise.all(['one', 'two', 'three'].map(id => connected(gateway, id)))
    await gateway.reload({servers: {counts: COUNTS, notes: SAME_NAMES}})
    for (const client of clients) {
      await expect
        .poll(() => changesTold(client).toSorted())
        .toEqual(['prompts', 'resources', 'tools'])
    }
    expect(await gateway.idsOf('notes')).toHaveLength(1)
  })

  test('counts for clients that come later, too, and for those that have not introduced themselves', async () => {
    await using gateway = await ReloadingGateway.start({servers: {counts: COUNTS}})
    const early = new TestClient(gateway.setup.gateway, 'early')
    await gateway.reload({servers: {notes: SAME_NAMES}})
    await early.initialize()
    expect(await early.call('whose')).toBe('mine')
    const late = await connected(gateway, 'late')
    expect(await namesIn(late, 'tools')).toEqual(['whose'])
  })

  test('changes nothing when what is configured is wrong, and counts again when it is right', async () => {
    const servers = {counts: COUNTS, notes: SAME_NAMES}
    await using gateway = await ReloadingGateway.start({servers})
    const client = await connected(gateway)
    await client.call('count')
    await client.call('whose')
    const ids = [await gateway.idOf('counts'), await gateway.idOf('notes')]
    const options = await gateway.configure({servers: {counts: COUNTS}})
    const broken = join(gateway.home.dir, 'broken.yaml')
    await writeFile(broken, 'registry: [')
    await expect(gateway.setup.reload({...options, catalogs: [broken]})).rejects.toThrow(
      'broken.yaml',
    )
    await expect(gateway.setup.reload({...options, memory: 'lots'})).rejects.toThrow('lots')
    await expect(gateway.setup.reload({...options, secrets: '/nowhere.env'})).rejects.toThrow(
      '/nowhere.env',
    )
    expect(gateway.setup.plan.servers.map(({name}) => name)).toEqual(['counts', 'notes'])
    expect(await client.call('count')).toBe('2')
    expect([await gateway.idOf('counts'), await gateway.idOf('notes')]).toEqual(ids)
    expect(changesTold(client)).toEqual([])
    expect(await gateway.setup.reload(options)).toMatchObject({removed: ['notes']})
  })

  test('says of a server that cannot be started any more why, and keeps the others', async () => {
    const needy: FixtureEntry = {...SHOWS, secrets: [{name: 'shows.key', env: 'KEY'}]}
    const servers = {counts: COUNTS, shows: needy}
    await using gateway = await ReloadingGateway.start({servers, secrets: {'shows.key': 'a-value'}})
    const client = await connected(gateway)
    await client.call('count')
    await environment(client)
    const id = await gateway.idOf('counts')
    await gateway.reload({servers})
    expect(await client.call('environment')).toContain('shows.key')
    await gateway.reload({servers, secrets: {'shows.key': 'another'}})
    expect(await environment(client)).toMatchObject({KEY: 'another'})
    expect(await client.call('count')).toBe('2')
    expect(await gateway.idsOf('counts')).toEqual([id])
  })

  test('shows nothing any more of a server whose entry cannot be used', async () => {
    const servers = {counts: COUNTS, shows: SHOWS}
    await using gateway = await ReloadingGateway.start({servers})
    const client = await connected(gateway)
    await client.call('count')
    await environment(client)
    const id = await gateway.idOf('counts')
    const config = [
      {name: 'shows', type: 'object', properties: {x: {type: 'string'}}, required: ['x']},
    ]
    await gateway.reload({servers: {counts: COUNTS, shows: {...SHOWS, config}}})
    await expect.poll(() => changesTold(client)).toEqual(['tools'])
    expect(await namesIn(client, 'tools')).toEqual(['count'])
    await gateway.reload({servers})
    await expect.poll(() => changesTold(client)).toEqual(['tools', 'tools'])
    expect(await namesIn(client, 'tools')).toEqual(['count', 'environment'])
    expect(await client.call('count')).toBe('2')
    expect(await gateway.idsOf('counts')).toEqual([id])
  })

  test('comes after the one that is under way', async () => {
    await using gateway = await ReloadingGateway.start({servers: {counts: COUNTS}})
    const client = await connected(gateway)
    const first = await gateway.configure({servers: {counts: COUNTS, notes: SAME_NAMES}})
    const second = await gateway.configure({servers: {notes: SAME_NAMES, shows: SHOWS}})
    const outcomes = await Promise.all([
      gateway.setup.reload(first),
      gateway.setup.reload({...first, memory: 'lots'}).catch(() => 'refused'),
      gateway.setup.reload(second),
    ])
    expect(outcomes).toMatchObject([
      {added: ['notes'], removed: []},
      'refused',
      {added: ['shows'], removed: ['counts']},
    ])
    expect(await namesIn(client, 'tools')).toEqual(['whose', 'environment'])
    expect(await client.call('whose')).toBe('mine')
  })

  test('says which options count only when the gateway is started anew', async () => {
    const servers = {counts: COUNTS}
    await using gateway = await ReloadingGateway.start({servers})
    const told = await gateway.reload({servers, options: {maxMessageBytes: 2048}})
    expect(told).toMatchObject({changed: [], needsRestart: ['maxMessageBytes']})
  })

  test('takes what holds for all servers, too: their containers get other limits', async () => {
    const servers = {counts: COUNTS}
    await using gateway = await ReloadingGateway.start({servers})
    const client = await connected(gateway)
    await client.call('count')
    const id = await gateway.idOf('counts')
    const told = await gateway.reload({servers, options: {memory: '256m'}})
    expect(told).toMatchObject({changed: ['counts']})
    expect(await client.call('count')).toBe('1')
    await expect.poll(() => gateway.idsOf('counts')).not.toContain(id)
  })

  test('watches again at the new server what a client watches', async () => {
    const demo: FixtureEntry = {fixture: 'conformance'}
    await using gateway = await ReloadingGateway.start({servers: {demo}})
    const client = await connected(gateway)
    await client.request('resources/subscribe', {uri: 'test://watched-resource'})
    const updates = () =>
      client.received.filter(({method}) => method === 'notifications/resources/updated').length
    const old = await gateway.idOf('demo')
    await gateway.reload({servers: {demo: {...demo, env: [{name: 'NEW', value: '1'}]}}})
    // What it watches may be another one now.
    await expect.poll(updates).toBe(1)
    await client.call('test_change_watched_resource')
    await expect.poll(updates).toBe(2)
    await expect.poll(() => gateway.idsOf('demo')).not.toContain(old)
  })

  test('flushes what is kept ready of a server that changed, and keeps ready what came', async () => {
    const ready: FixtureEntry = {...COUNTS, standby: {min: 1, max: 1}}
    const options = {standbyMemoryBytes: 64 * 1024 ** 2}
    await using gateway = await ReloadingGateway.start({servers: {counts: ready}, options})
    await connected(gateway)
    const edited = {...ready, env: [{name: 'X', value: '1'}]}
    await gateway.reload({servers: {counts: edited, more: ready}, options})
    const waiting = async () => {
      const reports = gateway.setup.lives.report()
      return reports.map(({server, containers}) => [
        server,
        containers.filter(({use}) => use === 'standby').length,
      ])
    }
    await expect.poll(waiting).toEqual([
      ['counts', 1],
      ['more', 1],
    ])
    await gateway.reload({servers: {counts: edited}, options})
    await expect.poll(() => gateway.idsOf('more')).toEqual([])
  })
})
