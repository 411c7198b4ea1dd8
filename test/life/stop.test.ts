import {randomUUID} from 'node:crypto'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import type {Engine} from '../../src/lib/engine/engine.ts'
import {dockerCli, type Running} from '../support/docker-cli.ts'
import {fixtureCatalog} from '../support/fixture-images.ts'
import {testEngine} from '../support/in-process-gateway.ts'
import {
  belongings,
  cleared,
  docker,
  leaseOf,
  ownerOf,
  startedGateway,
  startPeer,
  tenServers,
  watchdogOf,
} from './owned.ts'

const id = randomUUID().slice(0, 8)
const peer = `stop-peer-${id}`
let engine: Engine
let running: AsyncDisposable
beforeAll(async () => {
  engine = await testEngine()
  running = await startPeer(peer)
})
afterAll(async () => running[Symbol.asyncDispose]())

const WAYS: readonly {
  readonly way: string
  readonly stop: (gateway: Running, plugin: number) => void
}[] = [
  {way: 'SIGTERM', stop: (_, plugin) => process.kill(plugin, 'SIGTERM')},
  {way: 'the end of stdin', stop: ({child}) => void child.stdin?.end()},
  {way: 'SIGTERM to docker', stop: ({child}) => void child.kill('SIGTERM')},
  {way: 'SIGKILL to docker', stop: ({child}) => void child.kill('SIGKILL')},
]

describe('a gateway with ten servers, five of which do not end by themselves', () => {
  test.for(WAYS)('leaves nothing after $way', async ({way, stop}) => {
    await using cli = await dockerCli()
    await using servers = await tenServers(id, peer)
    const gateway = await startedGateway(cli, servers)
    const plugin = await gateway.pluginPid()
    const [owner, watchdog] = await Promise.all([ownerOf(cli), watchdogOf(plugin)])
    await leaseOf(engine, owner)
    expect(await belongings(engine, owner)).toHaveLength(15)
    stop(gateway, plugin)
    await cleared(engine, owner, {by: [plugin, watchdog], what: way})
    // The container of somebody else that shared networks with servers is on its own one again.
    const names = '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}'
    expect((await docker('inspect', '--format', names, peer)).trim()).toBe('bridge')
  })
})

describe('a gateway that leaves at once on a second signal', () => {
  test('leaves its server to its watchdog', async () => {
    await using cli = await dockerCli()
    const name = `twice-${id}`
    await using catalog = await fixtureCatalog({[name]: {fixture: 'counts-calls'}})
    const gateway = await startedGateway(cli, {catalog: catalog.file, names: [name]})
    const plugin = await gateway.pluginPid()
    const [owner, watchdog] = await Promise.all([ownerOf(cli), watchdogOf(plugin)])
    const [container] = await cli.containers()
    // A server that does not end with its stdin keeps the gateway waiting.
    await docker('pause', container?.id ?? 'none')
    // Two of a kind would be one while the first is waiting to be seen.
    process.kill(plugin, 'SIGTERM')
    process.kill(plugin, 'SIGINT')
    expect((await gateway.ended()).code).toBe(130)
    await cleared(engine, owner, {by: [watchdog], what: 'a second signal'})
  })
})
