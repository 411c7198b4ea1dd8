import {randomUUID} from 'node:crypto'
import {describe, expect, onTestFinished, test} from 'vitest'
import type {JsonObject} from '../../../src/lib/base/json.ts'
import {
  isResult,
  request,
  type Notification,
  type Response,
} from '../../../src/lib/gateway/wire/jsonrpc.ts'
import {META} from '../../../src/lib/gateway/wire/meta.ts'
import type {FixtureEntry} from '../../support/fixture-images.ts'
import {Inbox} from '../../support/inbox.ts'
import {ReloadingGateway} from '../../support/reloading.ts'

const COUNTS: FixtureEntry = {fixture: 'counts-calls'}
const SAME_NAMES: FixtureEntry = {fixture: 'same-names', env: [{name: 'WHOSE', value: 'mine'}]}
const SHOWS: FixtureEntry = {fixture: 'shows-environment'}
/** Speaks both eras. */
const DEMO: FixtureEntry = {fixture: 'conformance'}

/** A client without a session, straight at the gateway. */
class Client {
  readonly #gateway: ReloadingGateway
  readonly #capabilities: JsonObject

  constructor(gateway: ReloadingGateway, capabilities: JsonObject = {}) {
    this.#gateway = gateway
    this.#capabilities = capabilities
  }

  ask(
    method: string,
    params: JsonObject = {},
    {notices, signal = new AbortController().signal}: Listening = {},
  ): Promise<Response> {
    const own = {[META.version]: '2026-07-28', [META.capabilities]: this.#capabilities}
    return this.#gateway.setup.gateway.answer({
      request: request(randomUUID(), method, {...params, _meta: own}),
      signal,
      mirrored: undefined,
      notify: notice => notices?.add(notice),
    })
  }

  async result(method: string, params: JsonObject = {}): Promise<JsonObject> {
    const answer = await this.ask(method, params)
    if (!isResult(answer)) throw new Error(answer.error.message)
    return answer.result
  }

  async call(name: string, args: JsonObject = {}): Promise<string> {
    const {content} = await this.result('tools/call', {name, arguments: args})
    return String(Object(Object(content)[0])['text'])
  }

  async names(kind: 'prompts' | 'tools'): Promise<readonly unknown[]> {
    const listed = (await this.result(`${kind}/list`))[kind]
    return (Array.isArray(listed) ? listed : []).map(item => Object(item)['name'])
  }

  /** Listens until the test ends. @returns the methods of what it is told, after the acknowledgement */
  async listen(notifications: JsonObject): Promise<() => readonly string[]> {
    const notices = new Inbox<Notification>()
    const leaving = new AbortController()
    const listening = this.ask(
      'subscriptions/listen',
      {notifications},
      {notices, signal: leaving.signal},
    )
    listening.catch(() => undefined)
    onTestFinished(() => leaving.abort())
    await notices.find(({method}) => method === 'notifications/subscriptions/acknowledged')
    return () => notices.items.slice(1).map(({method}) => method)
  }
}

interface Listening {
  readonly notices?: Inbox<Notification>
  readonly signal?: AbortSignal
}

const EVERY_LIST = {toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true}
const changed = (kind: string) => `notifications/${kind}/list_changed`

describe('a reload for clients without a session', () => {
  test('tells those who listen of what came and went; one that was there keeps its container', async () => {
    await using gateway = await ReloadingGateway.start({servers: {counts: COUNTS}})
    const client = new Client(gateway)
    expect(await client.call('count')).toBe('1')
    const id = await gateway.idOf('counts')
    const told = await client.listen(EVERY_LIST)
    await gateway.reload({servers: {counts: COUNTS, notes: SAME_NAMES}})
    const all = ['prompts', 'resources', 'tools'].map(changed)
    await expect.poll(() => told().toSorted()).toEqual(all)
    expect(await client.names('tools')).toEqual(['count', 'whose'])
    expect(await client.names('prompts')).toEqual(['whose'])
    expect(await client.call('whose')).toBe('mine')
    expect(await client.call('count')).toBe('2')
    expect(told()).toHaveLength(3)
    await gateway.reload({servers: {counts: COUNTS}})
    await expect.poll(() => told().toSorted()).toEqual([...all, ...all].toSorted())
    expect(await client.names('tools')).toEqual(['count'])
    expect(await client.call('count')).toBe('3')
    expect(await gateway.idsOf('counts')).toEqual([id])
    await expect.poll(() => gateway.idsOf('notes')).toEqual([])
    expect(told()).toHaveLength(6)
  })

  test('starts one anew that changed, and no other, in the same view', async () => {
    await using gateway = await ReloadingGateway.start({servers: {counts: COUNTS, shows: SHOWS}})
    const client = new Client(gateway)
    await client.call('count')
    await client.call('environment')
    const told = await client.listen(EVERY_LIST)
    await client.names('tools')
    const [kept, old] = [await gateway.idOf('counts'), await gateway.idOf('shows')]
    const edited = {...SHOWS, env: [{name: 'EDITED', value: 'yes'}]}
    await gateway.reload({servers: {counts: COUNTS, shows: edited}})
    expect(await client.call('environment')).toContain('"EDITED":"yes"')
    await expect.poll(() => gateway.idsOf('shows')).not.toContain(old)
    expect(await client.call('count')).toBe('2')
    expect(await gateway.idsOf('counts')).toEqual([kept])
    expect(told()).toEqual([])
  })

  test('has those who listen hear of a server that came later, when it changes', async () => {
    await using gateway = await ReloadingGateway.start({servers: {counts: COUNTS}})
    const client = new Client(gateway)
    await client.names('tools')
    const told = await client.listen({
      toolsListChanged: true,
      resourceSubscriptions: ['test://watched-resource'],
    })
    await gateway.reload({servers: {counts: COUNTS, demo: DEMO}})
    await expect.poll(told).toEqual([changed('tools')])
    expect(await client.names('tools')).toContain('test_trigger_tool_change')
    // Nobody here sees when it is watched: what it tells before is lost.
    await expect
      .poll(async () => {
        await client.call('test_change_watched_resource')
        return told()
      })
      .toContain('notifications/resources/updated')
    await client.call('test_trigger_tool_change', {present: true})
    await expect.poll(() => told().filter(one => one === changed('tools'))).toHaveLength(2)
  })

  test('ends a modern server that all views share when it changed, and serves the next one', async () => {
    await using gateway = await ReloadingGateway.start({servers: {demo: DEMO, counts: COUNTS}})
    const clients = [new Client(gateway), new Client(gateway, {sampling: {}})]
    for (const client of clients) await client.call('test_simple_text')
    const old = await gateway.idOf('demo')
    const edited = {...DEMO, env: [{name: 'NEW', value: '1'}]}
    const told = await gateway.reload({servers: {demo: edited, counts: COUNTS}})
    expect(told).toMatchObject({changed: ['demo']})
    for (const client of clients) expect(await client.call('test_simple_text')).toContain('text')
    await expect.poll(() => gateway.idsOf('demo')).not.toContain(old)
    expect(await gateway.idsOf('demo')).toHaveLength(1)
  })

  test('goes from none to one, to two, and back to one, and names keep their meaning', async () => {
    const [a, b] = [COUNTS, {...COUNTS, env: [{name: 'B', value: '1'}]}]
    await using gateway = await ReloadingGateway.start({servers: {}})
    const client = new Client(gateway)
    expect(await client.names('tools')).toEqual([])
    const told = await client.listen(EVERY_LIST)
    await gateway.reload({servers: {b}})
    await expect.poll(told).toEqual([changed('tools')])
    expect(await client.names('tools')).toEqual(['count'])
    expect(await client.call('count')).toBe('1')
    await gateway.reload({servers: {a, b}})
    await expect.poll(told).toHaveLength(2)
    expect(await client.names('tools')).toEqual(['a__count', 'count'])
    expect(await client.call('count')).toBe('2')
    await gateway.reload({servers: {a}})
    await expect.poll(told).toHaveLength(3)
    expect(await client.names('tools')).toEqual(['a__count'])
    await expect.poll(() => gateway.idsOf('b')).toEqual([])
  })

  test('shows other tools without starting anything anew', async () => {
    const servers = {counts: COUNTS, shows: SHOWS}
    await using gateway = await ReloadingGateway.start({servers})
    const client = new Client(gateway)
    await client.call('count')
    await client.names('tools')
    const id = await gateway.idOf('counts')
    const told = await client.listen(EVERY_LIST)
    await gateway.reload({servers, options: {tools: ['count']}})
    await expect.poll(told).toEqual([changed('tools')])
    expect(await client.names('tools')).toEqual(['count'])
    await expect(client.call('environment')).rejects.toThrow('Unknown tool')
    expect(await client.call('count')).toBe('2')
    expect(await gateway.idsOf('counts')).toEqual([id])
  })
})
