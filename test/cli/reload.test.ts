import {readFile, rename, rm, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import * as z from 'zod'
import {readTextFile} from '../../src/lib/files/atomic.ts'
import {dockerCli, type DockerCli} from '../support/docker-cli.ts'
import {fixtureImage} from '../support/fixture-images.ts'
import {CLIENTS, connectTo, seesTools, type ReloadClient} from '../support/reload-client.ts'

/** Two seconds are promised; what it took is told at the end, since how fast a machine is, is no matter of a test. */
const PROMISED = {timeout: 60_000, interval: 25}
/** From each change to the gateway's word that it counts, in milliseconds. */
const took: number[] = []
/** A server is started, on a machine that does other things, too. */
const STARTED = {timeout: 60_000, interval: 100}

const statusSchema = z.array(
  z.object({
    pid: z.number(),
    address: z.string().optional(),
    transport: z.string(),
    servers: z.record(z.string(), z.array(z.string())),
    configuration: z.object({
      isWatched: z.boolean(),
      reloadedAt: z.string().optional(),
      failure: z.object({code: z.string(), message: z.string()}).optional(),
      needsRestart: z.array(z.string()),
    }),
  }),
)

/** A gateway with a server that nothing happens to, and one that is told things; and its client. */
interface Rig extends AsyncDisposable {
  readonly cli: DockerCli
  readonly client: ReloadClient
  readonly secrets: string
  /** The container of the server that nothing happens to. */
  readonly steady: string
  /** How often that was called. */
  calls: number
  /** How often a list is to have changed. */
  changes: number
}

/** The catalog, with what the second server is told by its entry. */
async function catalogText(entry: string): Promise<string> {
  const [counts, shows] = await Promise.all([
    fixtureImage('counts-calls'),
    fixtureImage('shows-environment'),
  ])
  const closed = {type: 'server', disableNetwork: true}
  const registry = {
    steady: {...closed, image: counts},
    told: {
      ...closed,
      image: shows,
      secrets: [{name: 'told.key', env: 'SECRET'}],
      env: [
        {name: 'ENTRY', value: entry},
        {name: 'CONFIG', value: '{{told.where}}'},
      ],
      config: [{name: 'told', type: 'object', properties: {where: {type: 'string'}}}],
    },
    extra: {...closed, image: counts, prefix: 'extra'},
  }
  return JSON.stringify({version: 3, name: 'test', registry}, null, 2)
}

async function rig(kind: (typeof CLIENTS)[number], flags: readonly string[] = []): Promise<Rig> {
  const cli = await dockerCli()
  await cli.write('catalogs/test.yaml', await catalogText('entry one'))
  await cli.write('catalog.json', JSON.stringify({catalogs: {test: {}}}))
  await cli.write('registry.yaml', '# mine\nregistry:\n  steady: {ref: ""}\n  told: {ref: ""}\n')
  await cli.write('config.yaml', 'told:\n  where: config one\n')
  await cli.write('tools.yaml', '')
  const secrets = await cli.write('secrets.env', 'told.key=secret one\n')
  const client = await connectTo(cli, kind, ['--secrets', secrets, ...flags])
  await seesTools(client, ['count', 'environment'])
  expect(await client.call('count')).toBe('1')
  const [steady = ''] = await containersOf(cli, 'steady')
  return {
    cli,
    client,
    secrets,
    steady,
    calls: 1,
    changes: client.changes.items.length,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      await cli[Symbol.asyncDispose]()
    },
  }
}

async function containersOf(cli: DockerCli, server: string): Promise<readonly string[]> {
  return (await cli.containers()).filter(one => one.server === server).map(({id}) => id)
}

/** How often the gateway said that it has reloaded, and what came of it. */
function reloads({client}: Rig, what: string): number {
  return client.stderr().split(`> Reloaded: ${what}`).length - 1
}

/** Makes a change that the gateway says it has taken over in time. */
async function reloaded(at: Rig, what: string, change: () => Promise<unknown>): Promise<void> {
  const before = reloads(at, what)
  await change()
  const since = performance.now()
  await expect.poll(() => reloads(at, what), PROMISED).toBe(before + 1)
  took.push(performance.now() - since)
}

async function showsTools(at: Rig, names: readonly string[], within = PROMISED): Promise<void> {
  at.changes += 1
  await expect.poll(() => at.client.changes.items.length, within).toBe(at.changes)
  expect(at.client.changes.items.at(-1)).toBe('tools')
  expect((await at.client.tools()).toSorted()).toEqual(names)
}

/** The server that nothing happened to is the same, knows what it knew, and no list changed that was not to. */
async function isUntouched(at: Rig): Promise<void> {
  at.calls += 1
  expect(await at.client.call('count')).toBe(String(at.calls))
  expect(await containersOf(at.cli, 'steady')).toEqual([at.steady])
  expect(at.client.changes.items).toHaveLength(at.changes)
}

async function environment(at: Rig): Promise<Record<string, string>> {
  const text = await at.client.call('environment')
  return z.object({env: z.record(z.string(), z.string())}).parse(JSON.parse(text)).env
}

/** Puts a text in the place of a file's in one step: nobody sees a file without a text between. */
async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text)
  await rename(`${path}.new`, path)
}

async function statusOf(cli: DockerCli): Promise<z.infer<typeof statusSchema>[number]> {
  const rows = statusSchema.parse(
    JSON.parse(await cli.mcp('gateway', 'status', '--format', 'json')),
  )
  const [row] = rows
  if (!row || rows.length > 1) throw new Error(`not one gateway: ${JSON.stringify(rows)}`)
  return row
}

afterAll(() => {
  const inOrder = took.toSorted((a, b) => a - b)
  const [median = 0, most = 0] = [inOrder[Math.floor(inOrder.length / 2)], inOrder.at(-1)]
  console.log(
    `${took.length} changes counted after ${median.toFixed(0)} ms (median), ${most.toFixed(0)} ms at most`,
  )
})

describe.for(CLIENTS)('a client that is connected (%s)', kind => {
  let at: Rig

  beforeAll(async () => {
    at = await rig(kind)
  })
  afterAll(async () => {
    await at?.[Symbol.asyncDispose]()
  })

  test('sees a server that is enabled, and sees it no more when it is disabled', async () => {
    await reloaded(at, 'added extra', () => at.cli.mcp('server', 'enable', 'extra'))
    await showsTools(at, ['count', 'environment', 'extra__count'], STARTED)
    expect(await at.client.call('extra__count')).toBe('1')
    await isUntouched(at)
    expect((await statusOf(at.cli)).servers['ready']).toContain('extra')
    await reloaded(at, 'removed extra', () => at.cli.mcp('server', 'disable', 'extra'))
    await showsTools(at, ['count', 'environment'])
    await expect.poll(() => containersOf(at.cli, 'extra'), STARTED).toEqual([])
    await isUntouched(at)
  })

  test('sees one at once that it has seen before', async () => {
    await at.cli.mcp('server', 'enable', 'extra')
    await showsTools(at, ['count', 'environment', 'extra__count'])
    await isUntouched(at)
    await at.cli.mcp('server', 'disable', 'extra')
    await showsTools(at, ['count', 'environment'])
    await isUntouched(at)
  })

  test('is served by what an entry says now', async () => {
    expect(await environment(at)).toMatchObject({ENTRY: 'entry one'})
    const [before] = await containersOf(at.cli, 'told')
    const text = await catalogText('entry two')
    await reloaded(at, 'changed told', () => at.cli.write('catalogs/test.yaml', text))
    expect(await environment(at)).toMatchObject({ENTRY: 'entry two'})
    const running = async () => (await containersOf(at.cli, 'told')).includes(before ?? '')
    await expect.poll(running, STARTED).toBe(false)
    await isUntouched(at)
  })

  test('is served by what config.yaml says now', async () => {
    const edit = () => at.cli.write('config.yaml', 'told: # mine\n  where: config two\n')
    await reloaded(at, 'changed told', edit)
    expect(await environment(at)).toMatchObject({CONFIG: 'config two'})
    await isUntouched(at)
  })

  test('is served with the secret that the file has now', async () => {
    expect(await environment(at)).toMatchObject({SECRET: 'secret one'})
    await reloaded(at, 'changed told', () => writeFile(at.secrets, 'told.key=secret two\n'))
    expect(await environment(at)).toMatchObject({SECRET: 'secret two'})
    await isUntouched(at)
    expect(at.client.stderr()).not.toContain('secret two')
  })

  test('sees the tools that tools.yaml allows now', async () => {
    const told = await containersOf(at.cli, 'told')
    await at.cli.write('tools.yaml', 'told: []\n')
    await showsTools(at, ['count'])
    await isUntouched(at)
    await at.cli.write('tools.yaml', '{}\n')
    await showsTools(at, ['count', 'environment'])
    await isUntouched(at)
    // What may be seen of it is nothing that it must be started anew for.
    expect(await containersOf(at.cli, 'told')).toEqual(told)
  })

  test('is served by a catalog that comes, and by the one before when it goes', async () => {
    const index = join(at.cli.mcpDir, 'catalog.json')
    const before = await readFile(index, 'utf8')
    const {ENTRY: first} = await environment(at)
    await at.cli.write('catalogs/more.yaml', await catalogText('entry of another catalog'))
    await reloaded(at, 'changed told', () =>
      at.cli.write('catalog.json', JSON.stringify({catalogs: {test: {}, more: {}}})),
    )
    expect(await environment(at)).toMatchObject({ENTRY: 'entry of another catalog'})
    await isUntouched(at)
    await reloaded(at, 'changed told', () => replace(index, before))
    expect(await environment(at)).toMatchObject({ENTRY: first})
    await isUntouched(at)
  })

  test('may use what the gateway file allows now', async () => {
    const rules = 'accessControl:\n  deniedTools: [environment]\n'
    const file = await at.cli.write('mcp-gateway-config.yaml', rules)
    await showsTools(at, ['count'])
    await isUntouched(at)
    await writeFile(file, 'version: 1\n')
    await showsTools(at, ['count', 'environment'])
    await isUntouched(at)
  })

  test.for<[what: string, lose: (file: string) => Promise<void>]>([
    ['is emptied', file => writeFile(file, '')],
    ['has only comments', file => writeFile(file, '# later\n')],
    ['is gone', file => rm(file)],
  ])('is held to the access rules when the gateway file %s', async ([, lose]) => {
    const rules = 'accessControl:\n  deniedTools: [environment]\n'
    const file = await at.cli.write('mcp-gateway-config.yaml', rules)
    await showsTools(at, ['count'])
    const said = at.client.stderr().length
    const since = () => at.client.stderr().slice(said)
    await lose(file)
    await expect.poll(since, PROMISED).toMatch(/cannot be used: .*mcp-gateway-config\.yaml/)
    expect((await statusOf(at.cli)).configuration.failure?.message).toContain(file)
    expect(await at.client.tools()).toEqual(['count'])
    await isUntouched(at)
    await writeFile(file, 'version: 1\n')
    await showsTools(at, ['count', 'environment'])
    await isUntouched(at)
  })

  test.for<[file: string, text: string, place: string]>([
    ['registry.yaml', 'registry:\n  steady: 5\n', 'registry.yaml:2:3'],
    ['registry.yaml', 'registry: {a: , a: }\n', 'registry.yaml:1:'],
    ['config.yaml', 'told:\n\twhere: x\n', 'config.yaml:2:1'],
    ['tools.yaml', 'steady: count\n', 'tools.yaml:1:'],
    ['catalogs/test.yaml', 'registry: {', 'test.yaml:1:'],
    ['catalog.json', '{"catalogs": ', 'catalog.json'],
    ['secrets.env', 'this is none\n', 'secrets.env:1'],
    ['mcp-gateway-config.yaml', 'prot: 1\n', 'mcp-gateway-config.yaml:1:1'],
  ])('goes on with what there was while %s is wrong (%j)', async ([file, text, place]) => {
    const path = join(at.cli.mcpDir, file)
    const right = await readTextFile(path)
    const said = at.client.stderr().length
    const since = () => at.client.stderr().slice(said)
    try {
      await replace(path, text)
      await expect
        .poll(since, PROMISED)
        .toContain('! the configuration was changed and cannot be used')
      expect(since()).toContain(place)
      await isUntouched(at)
      const {configuration} = await statusOf(at.cli)
      expect(configuration.failure?.message).toContain(place)
      const human = await at.cli.mcp('gateway', 'status')
      expect(human).toMatch(/ wrong since \d+[sm]$/m)
      expect(human).toContain(place)
    } finally {
      await (right === undefined ? rm(path) : replace(path, right))
    }
    await expect.poll(since, PROMISED).toContain('> The configuration can be read again')
    expect(since().split('cannot be used')).toHaveLength(2)
    expect((await statusOf(at.cli)).configuration).not.toHaveProperty('failure')
    await isUntouched(at)
  })

  test('goes on with a catalog whose file goes, and comes back', async () => {
    const path = join(at.cli.mcpDir, 'catalogs/test.yaml')
    const right = await readFile(path, 'utf8')
    const said = at.client.stderr().length
    const since = () => at.client.stderr().slice(said)
    await rm(path)
    await expect.poll(since, PROMISED).toMatch(/cannot be used: .*test/)
    await isUntouched(at)
    await writeFile(path, right)
    await expect.poll(since, PROMISED).toContain('> The configuration can be read again')
    await isUntouched(at)
  })

  test.for<[file: string, change: 'emptied' | 'gone']>([
    ['registry.yaml', 'emptied'],
    ['registry.yaml', 'gone'],
    ['config.yaml', 'emptied'],
    ['tools.yaml', 'emptied'],
    ['tools.yaml', 'gone'],
    ['catalogs/test.yaml', 'emptied'],
    ['catalog.json', 'gone'],
    ['secrets.env', 'emptied'],
  ])('loses nothing when %s is %s, as when it is being written', async ([file, change]) => {
    const path = join(at.cli.mcpDir, file)
    const right = await readFile(path, 'utf8')
    const said = at.client.stderr().length
    const since = () => at.client.stderr().slice(said)
    try {
      await (change === 'gone' ? rm(path) : replace(path, ' \n'))
      await expect
        .poll(since, PROMISED)
        .toContain(`${file} is ${change === 'gone' ? 'gone' : 'empty'}`)
      expect(since()).toMatch(/put it back; if nothing is to be in it, write `/)
      await isUntouched(at)
    } finally {
      await replace(path, right)
    }
    await expect.poll(since, PROMISED).toContain('> The configuration can be read again')
    expect(since().split('cannot be used')).toHaveLength(2)
    expect(since()).not.toContain('> Reloaded')
    await isUntouched(at)
  })

  test('follows commands that leave a file without keys', async () => {
    const said = at.client.stderr().length
    const tool = ['environment', '--server', 'told', `--gateway-arg=--secrets=${at.secrets}`]
    await at.cli.mcp('tools', 'disable', ...tool)
    await showsTools(at, ['count'])
    await at.cli.mcp('tools', 'enable', ...tool)
    await showsTools(at, ['count', 'environment'])
    for (const words of [['reset'], ['write', ''], ['write', '{}']]) {
      await reloaded(at, 'changed told', () => at.cli.mcp('config', ...words))
      expect(await environment(at)).not.toMatchObject({CONFIG: 'config two'})
      const set = 'told: {where: config two}'
      await reloaded(at, 'changed told', () => at.cli.mcp('config', 'write', set))
      expect(await environment(at)).toMatchObject({CONFIG: 'config two'})
    }
    expect(at.client.stderr().slice(said)).not.toContain('cannot be used')
    await isUntouched(at)
  })

  test('has no server when registry.yaml says so', async () => {
    const path = join(at.cli.mcpDir, 'registry.yaml')
    await reloaded(at, 'removed steady, told', () => writeFile(path, 'registry: {}\n'))
    await showsTools(at, [])
  })
})

test('with --no-watch nothing is followed, and gateway status says so', async () => {
  await using at = await rig('legacy, stdio', ['--no-watch'])
  await at.cli.mcp('server', 'enable', 'extra')
  const {configuration} = await statusOf(at.cli)
  expect(configuration).toEqual({isWatched: false, needsRestart: []})
  expect(await at.cli.mcp('gateway', 'status')).toMatch(/ not watched$/m)
  await isUntouched(at)
})

test('what counts at the next start is said, and shown as long as it is so', async () => {
  await using at = await rig('legacy, stdio')
  const file = await at.cli.write('mcp-gateway-config.yaml', 'transport: streaming\n')
  const line = '! changed, and counts when the gateway is started again: transport'
  await expect.poll(() => at.client.stderr(), PROMISED).toContain(line)
  expect((await statusOf(at.cli)).configuration.needsRestart).toEqual(['transport'])
  const human = await at.cli.mcp('gateway', 'status')
  expect(human).toMatch(/ needs a restart$/m)
  expect(human).toMatch(/: changed, and counts when it is started again: transport$/m)
  await writeFile(file, '{}\n')
  const needed = async () => (await statusOf(at.cli)).configuration.needsRestart
  await expect.poll(needed, STARTED).toEqual([])
  await isUntouched(at)
})

test('everything is read again as often as the gateway file says', async () => {
  await using at = await rig('legacy, stdio')
  await at.cli.write('mcp-gateway-config.yaml', 'discoveryInterval: 0.1\n')
  const moments = new Set<string | undefined>()
  const look = async () => moments.add((await statusOf(at.cli)).configuration.reloadedAt).size
  await expect.poll(look, STARTED).toBeGreaterThan(3)
  await isUntouched(at)
})

test('gateway status shows all gateways, and fails when one does not answer', async () => {
  await using cli = await dockerCli()
  expect(await cli.mcp('gateway', 'status')).toBe('No gateway runs.\n')
  expect(await cli.mcp('gateway', 'status', '--format', 'json')).toBe('[]\n')
  const http = ['--transport', 'streaming', '--port', '0']
  await using gateway = cli.start(['mcp', 'gateway', 'run', ...http, '--servers', 'evrything'])
  const [, address = ''] = await gateway.said(/Gateway: (http:\S+)/)
  await gateway.said(/> Initialized/)
  expect(await statusOf(cli)).toMatchObject({
    pid: await gateway.pluginPid(),
    transport: 'streaming',
    address,
    servers: {failed: ['evrything']},
    configuration: {isWatched: true, needsRestart: []},
  })
  const human = await cli.mcp('gateway', 'status')
  expect(human).toMatch(
    /^GATEWAY +NAME +PID +TRANSPORT +ADDRESS +PROFILE +CLIENTS +UP +SERVERS +CONFIGURATION\n/,
  )
  expect(human).toContain(` streaming   ${address}   `)
  expect(human).toMatch(/ 1 failed +as at its start\n$/)
  const pid = await gateway.pluginPid()
  process.kill(pid, 'SIGSTOP')
  const {code, stdout, stderr} = await cli.run(['mcp', 'gateway', 'status'])
  process.kill(pid, 'SIGCONT')
  expect({code, stdout}).toEqual({code: 1, stdout: 'No gateway answers.\n'})
  expect(stderr).toContain(`the gateway with process id ${pid} does not answer`)
})
