import {describe, expect, test} from 'vitest'
import {clientTokens} from '../../../src/lib/gateway/clients.ts'
import {fixtureCatalog} from '../../support/fixture-images.ts'
import {startGateway, TestClient, testHome, testOptions} from '../../support/in-process-gateway.ts'

/** A gateway with two servers that count, and a way to give it other rules. */
async function counting() {
  const home = await testHome()
  const catalog = await fixtureCatalog({
    one: {fixture: 'counts-calls'},
    two: {fixture: 'counts-calls'},
  })
  const options = await testOptions(home, {servers: ['one', 'two'], catalog: catalog.file})
  const gateway = await startGateway(home, options)
  return {
    ...gateway,
    options,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await catalog[Symbol.asyncDispose]()
      await home[Symbol.asyncDispose]()
    },
  }
}

async function names(client: TestClient): Promise<readonly unknown[]> {
  const {tools} = await client.request('tools/list')
  return Array.isArray(tools) ? tools.map(tool => Object(tool)['name']) : []
}

function changes({received}: TestClient): number {
  return received.filter(
    message => 'method' in message && message.method === 'notifications/tools/list_changed',
  ).length
}

/** What is thrown, as a text. */
function said(task: () => unknown): string {
  try {
    return JSON.stringify(task())
  } catch (error) {
    return String(error)
  }
}

describe('rules that change', () => {
  test('hold at once for those who are connected, who keep their servers', async () => {
    await using gateway = await counting()
    const client = new TestClient(gateway.gateway, 'one')
    await client.initialize()
    expect(await names(client)).toEqual(['count', 'two__count'])
    expect(await client.call('count')).toBe('1')
    await client.call('two__count')
    const before = (await gateway.containers()).map(({id}) => id).toSorted()

    await gateway.reload({...gateway.options, accessControl: {deniedTools: ['two:count']}})
    expect(await client.ask('tools/call', {name: 'two__count'})).toMatchObject({
      error: {code: -32_602},
    })
    await expect.poll(() => changes(client)).toBe(1)
    expect(await names(client)).toEqual(['count'])
    expect(await client.call('count')).toBe('2')

    await gateway.reload({...gateway.options, accessControl: undefined})
    await expect.poll(() => changes(client)).toBe(2)
    expect(await names(client)).toEqual(['count', 'two__count'])
    expect(await client.call('count')).toBe('3')
    expect((await gateway.containers()).map(({id}) => id).toSorted()).toEqual(before)
  })

  test('take servers from one client, and none from another', async () => {
    await using gateway = await counting()
    const mine = new TestClient(gateway.gateway, 'mine')
    await mine.initialize()
    expect(await names(mine)).toEqual(['count', 'two__count'])
    await gateway.reload({
      ...gateway.options,
      accessControl: {defaultPolicy: 'deny', clients: {ci: {allowedServers: ['two']}}},
    })
    expect(await names(mine)).toEqual([])
    expect(await mine.ask('tools/call', {name: 'count'})).toHaveProperty('error')
  })

  test('that are wrong change nothing', async () => {
    await using gateway = await counting()
    const clients = {ci: {token: '${A}', allowedServers: []}}
    expect(() => clientTokens({clients}, {A: 'short'})).toThrow('the token of client ci (A)')
    const accessControl = {clients: {a: {token: '${HOME}'}, b: {token: '${HOME}'}}}
    const client = new TestClient(gateway.gateway, 'one')
    await client.initialize()
    await expect(
      gateway.reload({...gateway.options, accessControl: {...accessControl, deniedServers: ['*']}}),
    ).rejects.toMatchObject({code: 'CONFIG_MISSING'})
    expect(await names(client)).toEqual(['count', 'two__count'])
  })
})

describe('clientTokens', () => {
  test('gives each client the one that its variable holds', () => {
    const clients = {a: {token: 'key-${A}'}, b: {token: '${B}'}, c: {}}
    expect(clientTokens({clients}, {A: '0123456789abcdef'})).toEqual([
      {client: 'a', token: 'key-0123456789abcdef'},
    ])
    expect(clientTokens(undefined, {})).toEqual([])
  })

  test.each(['with spaces in the middle', 'not—ascii—at—all', '0123456789abcde'])(
    'refuses %j and never shows it',
    value => {
      const text = said(() => clientTokens({clients: {a: {token: '${A}'}}}, {A: value}))
      expect(text).toContain('the token of client a (A) is shorter than 16 characters')
      expect(text).not.toContain(value)
    },
  )
})
