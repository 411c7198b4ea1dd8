import {randomUUID} from 'node:crypto'
import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {PluginError} from '../../../src/lib/base/errors.ts'
import {serverStatus} from '../../../src/lib/gateway/server-status.ts'
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
    status: () => serverStatus(home.deps, {secrets, allowMounts: []}),
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
const fell = new PluginError('SERVER_START_FAILED', 'it fell', {hint: 'pick it up'})

describe('serverStatus', () => {
  test('says nothing when no server is enabled', async () => {
    await using user = await userWith({})
    expect(await user.status()).toEqual({servers: []})
  })

  test('tells what is ready, and what must be fetched, set or made first', async () => {
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
      {name: 'ready', state: 'ready', containers: []},
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
    expect((await user.status()).servers[3]).toMatchObject({state: 'ready'})
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
    const [running] = (await user.status()).servers
    expect(running).toMatchObject({name, state: 'running', at: expect.any(String)})
    expect(running?.containers).toHaveLength(2)
    expect(running?.reason).toBeUndefined()
    await gateway[Symbol.asyncDispose]()
    expect((await user.status()).servers).toMatchObject([{state: 'ready', containers: []}])
  })

  test('tells that a server failed, why, and what to do', async () => {
    await using user = await userWith({falls: entry('counts-calls')})
    await user.failed('falls', fell)
    expect((await user.status()).servers).toEqual([
      {
        name: 'falls',
        state: 'failed',
        containers: [],
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
      .poll(async () => (await user.status()).servers)
      .toEqual([expect.not.objectContaining({reason: 'it fell'})])
    // Another session's start fails while this one runs: both are true.
    await user.failed(name, fell)
    expect((await user.status()).servers).toMatchObject([{state: 'running', reason: 'it fell'}])
  })

  test('forgets the failure of a server that has been changed since', async () => {
    await using user = await userWith({falls: entry('counts-calls')})
    await user.failed('falls', fell)
    await user.put({falls: entry('counts-calls', {command: ['--mended']})})
    const [server] = (await user.status()).servers
    expect(server).toEqual({name: 'falls', state: 'ready', containers: []})
  })

  test.each([
    ['SECRET_MISSING', 'ready'],
    ['CONFIG_MISSING', 'ready'],
    ['ENGINE_UNREACHABLE', 'ready'],
    ['IMAGE_MISSING', 'ready'],
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
