import {randomUUID} from 'node:crypto'
import {connect, createServer, type Socket} from 'node:net'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {Scope} from '../../src/lib/base/scope.ts'
import type {Engine} from '../../src/lib/engine/engine.ts'
import {OWNER_LABEL} from '../../src/lib/engine/owner.ts'
import {dockerCli, type Running} from '../support/docker-cli.ts'
import {fixtureCatalog, fixtureImage, type FixtureEntry} from '../support/fixture-images.ts'
import {testEngine} from '../support/in-process-gateway.ts'
import {gatewayImage, loadImage, scratchImage} from '../support/special-images.ts'
import {staticProgram} from '../support/static-program.ts'
import {
  belongings,
  belongingsBesidesLease,
  cleared,
  docker,
  greet,
  leaseOf,
  over,
  ownerOf,
  runs,
  startedGateway,
  startPeer,
  tenServers,
  watchdogOf,
} from './owned.ts'

const id = randomUUID().slice(0, 8)
const peer = `orphans-peer-${id}`
const volumeImage = `localhost/docker-mcp-test/orphans-volume:${id}`
const scope = new Scope()
let engine: Engine

beforeAll(async () => {
  engine = await testEngine()
  scope.use(await startPeer(peer))
  // Where the program is in a volume, the engine makes one for each container.
  const image = await scratchImage(volumeImage, {
    Entrypoint: ['/srv/static-server'],
    Volumes: {'/srv': {}},
  })
  const files = {'/srv/static-server': await staticProgram('servers/static-server.c')}
  await loadImage({...image, files})
  scope.defer(async () => void (await docker('image', 'rm', '--force', volumeImage)))
})
afterAll(async () => scope.close())

const volumeNames = async () => (await engine.listVolumes({})).map(({name}) => name)
const one = (name: string, fixture: FixtureEntry['fixture'] = 'counts-calls') =>
  fixtureCatalog({[`${name}-${id}`]: {fixture}})

describe('a gateway that is killed', () => {
  test('leaves nothing of ten servers, five of which do not end by themselves', async () => {
    await using cli = await dockerCli()
    await using other = await dockerCli()
    await using servers = await tenServers(id, peer)
    await using otherServers = await one('other')
    const others = {catalog: otherServers.file, names: [`other-${id}`]}
    await using untouched = await startedGateway(other, others)
    const gateway = await startedGateway(cli, servers)
    const [owner, otherOwner] = await Promise.all([ownerOf(cli), ownerOf(other)])
    expect(await cli.containers()).toHaveLength(10)
    await Promise.all([leaseOf(engine, owner), leaseOf(engine, otherOwner)])
    const othersThings = await belongings(engine, otherOwner)
    expect(await belongings(engine, owner)).toHaveLength(15)
    await kill(gateway, owner, 'SIGKILL with ten servers')
    expect(await belongings(engine, otherOwner)).toEqual(othersThings)
    expect(await runs(await untouched.pluginPid())).toBe(true)
  })

  test('leaves no volume that the engine made for a server', async () => {
    await using cli = await dockerCli()
    const server = `volume-${id}`
    const entry = {type: 'server', disableNetwork: true, image: volumeImage}
    const registry = {[server]: entry}
    const catalog = await cli.write('v.yaml', JSON.stringify({version: 3, name: 'v', registry}))
    const gateway = await startedGateway(cli, {catalog, names: [server]})
    const owner = await ownerOf(cli)
    const [container] = await cli.containers()
    const format = '{{range .Mounts}}{{if eq .Destination "/srv"}}{{.Name}}{{end}}{{end}}'
    const volume = await docker('inspect', '--format', format, container?.id ?? 'none')
    expect(volume).toMatch(/^[0-9a-f]{64}$/)
    await kill(gateway, owner, 'SIGKILL with a volume')
    // The engine removes it after the container.
    await expect.poll(volumeNames).not.toContain(volume)
  })

  test('leaves no container that is stopped in the middle', async () => {
    await using cli = await dockerCli()
    await using catalog = await one('paused')
    const gateway = await startedGateway(cli, {catalog: catalog.file, names: [`paused-${id}`]})
    const owner = await ownerOf(cli)
    const [container] = await cli.containers()
    await docker('pause', container?.id ?? 'none')
    await kill(gateway, owner, 'SIGKILL with a paused server')
  })

  test('leaves no container and no network that was just being made', async () => {
    await using cli = await dockerCli()
    const name = `creating-${id}`
    await using catalog = await fixtureCatalog({
      [name]: {fixture: 'counts-calls', disableNetwork: false, connectTo: [peer]},
    })
    await using proxy = await proxyWithoutStarts(join(cli.home, 'engine.sock'))
    const args = ['mcp', 'gateway', 'run', '--catalog', catalog.file, '--servers', name]
    const gateway = cli.start(args, {env: {DOCKER_HOST: `unix://${proxy.path}`}})
    greet(gateway)
    const isStarting = async () => proxy.asked.has((await cli.containers())[0]?.id ?? 'none')
    await expect.poll(isStarting).toBe(true)
    const owner = await ownerOf(cli)
    expect(await belongingsBesidesLease(engine, owner)).toHaveLength(2)
    await kill(gateway, owner, 'SIGKILL while creating')
  })

  test('leaves nothing when all of its process group is killed', async () => {
    await using cli = await dockerCli()
    await using catalog = await one('group', 'ignores-eof')
    const servers = {catalog: catalog.file, names: [`group-${id}`]}
    const gateway = await startedGateway(cli, servers, {by: ['setsid']})
    const owner = await ownerOf(cli)
    const watchdog = await watchdogOf(await gateway.pluginPid())
    process.kill(-gateway.pid, 'SIGKILL')
    await cleared(engine, owner, {by: [watchdog], what: 'SIGKILL of the group'})
  })

  test('is cleaned up after by the next one when its watchdog is killed, too', async () => {
    await using cli = await dockerCli()
    await using catalog = await one('next')
    const servers = {catalog: catalog.file, names: [`next-${id}`]}
    const gateway = await startedGateway(cli, servers)
    const owner = await ownerOf(cli)
    await leaseOf(engine, owner)
    const [container] = await cli.containers()
    // One that does not see that its gateway is gone.
    await docker('pause', container?.id ?? 'none')
    const plugin = await gateway.pluginPid()
    process.kill(await watchdogOf(plugin), 'SIGKILL')
    process.kill(plugin, 'SIGKILL')
    await over(plugin)
    expect(await belongings(engine, owner)).toContainEqual(expect.stringMatching(/^mcp-next/))
    // Elsewhere, where nothing is known of the server yet: it must start it to tell its tools.
    await using other = await dockerCli()
    await using _ = await startedGateway(other, servers)
    // Any gateway on this engine may be the one that says so.
    await expect.poll(() => belongings(engine, owner), {timeout: 120_000}).toEqual([])
  })

  test('leaves nothing when it is a container itself, of which nothing lives on', async () => {
    await using cli = await dockerCli()
    const name = `inner-${id}`
    const outer = `orphans-outer-${id}`
    const socket = ['--volume', '/var/run/docker.sock:/var/run/docker.sock']
    const flags = ['--catalog', '/tmp/inner.yaml', '--servers', name]
    const run = ['run', '--interactive', '--rm', '--name', outer, ...socket]
    await using gateway = cli.start([...run, await gatewayImage(), ...flags])
    const image = await fixtureImage('ignores-eof')
    const registry = {[name]: {type: 'server', disableNetwork: true, image}}
    const text = JSON.stringify({version: 3, name: 'inner', registry})
    gateway.child.stdin?.write(`${JSON.stringify({'/tmp/inner.yaml': text})}\n`)
    greet(gateway)
    await gateway.said(new RegExp(`${name}: \\(\\d+ tools\\)`))
    const [container] = await engine.list({'docker-mcp-name': name})
    const owner = container?.labels[OWNER_LABEL] ?? ''
    await leaseOf(engine, owner)
    await docker('kill', outer)
    await cleared(engine, owner, {what: 'a gateway in a container'})
  })
})

/** Kills a gateway; all that it had goes by its watchdog. */
async function kill(gateway: Running, owner: string, what: string): Promise<void> {
  const plugin = await gateway.pluginPid()
  const watchdog = await watchdogOf(plugin)
  process.kill(plugin, 'SIGKILL')
  await cleared(engine, owner, {by: [watchdog], what})
}

interface StartProxy extends AsyncDisposable {
  readonly path: string
  /** The containers whose start was asked for, of which the engine never hears. */
  readonly asked: ReadonlySet<string>
}

/** A way to the engine on which every start gets lost, that of a lease, too; everything else passes. */
async function proxyWithoutStarts(path: string): Promise<StartProxy> {
  const asked = new Set<string>()
  const sockets = new Set<Socket>()
  const server = createServer({allowHalfOpen: true}, near => {
    const far = connect({path: '/var/run/docker.sock', allowHalfOpen: true})
    for (const socket of [near, far]) {
      sockets.add(
        socket.on('error', () => near.destroy()).on('close', () => sockets.delete(socket)),
      )
    }
    near.on('data', chunk => {
      const [, started] =
        /^POST \S+\/containers\/([^/]+)\/start/.exec(chunk.toString('latin1')) ?? []
      if (started === undefined) far.write(chunk)
      else asked.add(started)
    })
    near.on('end', () => far.end()).on('close', () => far.destroy())
    far.pipe(near)
  })
  await new Promise<void>(listening => server.listen(path, listening))
  return {
    path,
    asked,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
