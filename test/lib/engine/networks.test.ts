import {randomUUID} from 'node:crypto'
import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest'
import {Scope} from '../../../src/lib/base/scope.ts'
import {openEngine} from '../../../src/lib/engine/dockerode.ts'
import type {Engine, NetworkOptions} from '../../../src/lib/engine/engine.ts'
import {endpoint, fakeEngine, importImage, run, watchedEngine} from './engine-lab.ts'
import {makeSampleImage, type SampleImage} from './sample-image.ts'

const owner = `test-${randomUUID()}`
const INHIBIT = 'com.docker.network.bridge.inhibit_ipv4'

let engine: Engine
let image: SampleImage
beforeAll(async () => {
  engine = await openEngine(endpoint)
  image = await makeSampleImage(`localhost/docker-mcp-test/networks:${owner}`)
})
afterAll(async () => {
  await image[Symbol.asyncDispose]()
})

let scope = new Scope()
afterEach(async () => {
  await scope.close()
  scope = new Scope()
})

const wish = (more: Partial<NetworkOptions> = {}): NetworkOptions => ({
  name: `docker-mcp-test-${randomUUID()}`,
  labels: {'docker-mcp-owner': owner},
  internal: true,
  options: {[INHIBIT]: 'true'},
  ...more,
})

/** A network until the test is over. */
const network = async (options = wish()): Promise<string> => {
  const id = await engine.createNetwork(options)
  scope.defer(() => engine.removeNetwork(id))
  return id
}

/** A container until the test is over, running or not. */
const container = async (verb: 'create' | 'run', mode = 'bridge'): Promise<string> => {
  const flags = ['--interactive', '--network', mode, '--label', `docker-mcp-owner=${owner}`]
  const detach = verb === 'run' ? ['--detach'] : []
  const {stdout} = await run('docker', [verb, ...detach, ...flags, image.ref])
  const id = stdout.trim()
  scope.defer(() => engine.remove(id, {force: true}))
  return id
}

const inspected = async (kind: 'network' | 'container', id: string, format: string) => {
  const {stdout} = await run('docker', [kind, 'inspect', '--format', format, id])
  return JSON.parse(stdout)
}
const networksOf = async (id: string): Promise<string[]> =>
  Object.values(await inspected('container', id, '{{json .NetworkSettings.Networks}}')).map(
    each => (each as {NetworkID: string}).NetworkID,
  )
const refused = (why: RegExp) => ({code: 'ENGINE_FAILED', message: expect.stringMatching(why)})

describe('networks', () => {
  test('are made as they were asked for', async () => {
    const options = wish()
    const id = await network(options)
    expect(await inspected('network', id, '{{json .}}')).toMatchObject({
      Name: options.name,
      Driver: 'bridge',
      Internal: true,
      Options: {[INHIBIT]: 'true'},
      Labels: {'docker-mcp-owner': owner},
    })
    const open = await network(wish({internal: false, options: {}}))
    expect(await inspected('network', open, '{{json .Internal}}')).toBe(false)
  })

  test('have names of their own', async () => {
    const options = wish()
    await network(options)
    await expect(engine.createNetwork(options)).rejects.toMatchObject(
      refused(new RegExp(`would not create the network ${options.name}: .*already exists`)),
    )
  })

  test('are not left behind when they are not wanted any more', async () => {
    const watched = await watchedEngine(scope)
    const options = wish()
    const controller = new AbortController()
    const outcome = watched.engine
      .createNetwork(options, controller.signal)
      .catch((error: unknown) => error)
    await watched.hasSent(/\/networks\/create/)
    const reason = new Error('not wanted')
    controller.abort(reason)
    expect(await outcome).toBe(reason)
    await expect(watched.engine.createNetwork(wish(), controller.signal)).rejects.toBe(reason)
    const {stdout} = await run('docker', ['network', 'ls', '--format', '{{.Name}}'])
    expect(stdout.split('\n')).not.toContain(options.name)
    expect(watched.sent().match(/\/networks\/create/g)).toHaveLength(1)
  })

  test.each(['create', 'run'] as const)(
    'take on a container and let it go again (docker %s)',
    async verb => {
      const [net, id] = await Promise.all([network(), container(verb)])
      await engine.connectNetwork(net, id)
      expect(await networksOf(id)).toHaveLength(2)
      await engine.disconnectNetwork(net, id)
      expect(await networksOf(id)).toHaveLength(1)
      await engine.disconnectNetwork(net, id)
    },
  )

  test('say why a container cannot be on them', async () => {
    const net = await network()
    const [lonely, other] = await Promise.all([container('create', 'none'), container('run')])
    await expect(engine.connectNetwork(net, lonely)).rejects.toMatchObject(
      refused(/would not put the container on the network .*: .*none/),
    )
    await expect(engine.connectNetwork(net, 'absent')).rejects.toMatchObject(
      refused(/No such container/),
    )
    await expect(engine.connectNetwork('absent', other)).rejects.toMatchObject(
      refused(/absent not found/),
    )
  })

  test('take it as done when there is nothing to let go', async () => {
    const [net, id] = await Promise.all([network(), container('create')])
    await engine.disconnectNetwork(net, id)
    await engine.disconnectNetwork(net, 'absent')
    await engine.disconnectNetwork('absent', id)
  })

  test('are removed when nobody is on them, and once', async () => {
    const [net, id] = await Promise.all([network(), container('run')])
    await engine.connectNetwork(net, id)
    await expect(engine.removeNetwork(net)).rejects.toMatchObject(
      refused(/would not remove the network .*active endpoints/),
    )
    await engine.remove(id, {force: true})
    await engine.removeNetwork(net)
    await engine.removeNetwork(net)
    await expect(engine.connectNetwork(net, id)).rejects.toMatchObject({code: 'ENGINE_FAILED'})
  })

  test.each(['..', 'a//b', ''])('are not asked for by the name %j', async name => {
    const watched = await watchedEngine(scope)
    await expect(watched.engine.removeNetwork(name)).rejects.toMatchObject({code: 'ENGINE_FAILED'})
    await expect(watched.engine.removeVolume(name)).rejects.toMatchObject({code: 'ENGINE_FAILED'})
    expect(watched.sent().match(/^[A-Z]+ \//gm)).toEqual(['GET /'])
  })
})

describe('bridgeGateway', () => {
  test("is the engine's address on its default network", async () => {
    // The network itself does not say it in an older engine that was never started again.
    const id = await container('run')
    const gateway = await inspected(
      'container',
      id,
      '{{json .NetworkSettings.Networks.bridge.Gateway}}',
    )
    expect(gateway).toMatch(/^\d+\.\d+\.\d+\.\d+$/)
    expect(await engine.bridgeGateway()).toBe(gateway)
  })

  test('is the first of the network where an older engine does not tell', async () => {
    const body = {IPAM: {Config: [{Subnet: '172.17.0.0/16'}]}}
    const fake = await fakeEngine(scope, {'GET /networks/bridge': {body}})
    expect(await fake.engine.bridgeGateway()).toBe('172.17.0.1')
  })

  test.each([
    ['there is no such network', {status: 404, body: {message: 'network bridge not found'}}],
    ['it has no addresses', {body: {IPAM: {Config: null}}}],
    ['it has an empty list of them', {body: {IPAM: {Config: []}}}],
    ['it has one of another kind', {body: {IPAM: {Config: [{Subnet: 'fd00::/64'}]}}}],
    ['it has an empty one', {body: {IPAM: {Config: [{Gateway: ''}]}}}],
    ['it says nothing of them', {body: {}}],
  ])('is undefined when %s', async (_what, answer) => {
    const fake = await fakeEngine(scope, {'GET /networks/bridge': answer})
    expect(await fake.engine.bridgeGateway()).toBeUndefined()
  })

  test.each([{IPAM: {Config: [{Gateway: 7}]}}, {IPAM: 'text'}, null, []])(
    'does not take %j',
    async body => {
      const fake = await fakeEngine(scope, {'GET /networks/bridge': {body}})
      await expect(fake.engine.bridgeGateway()).rejects.toMatchObject({code: 'ENGINE_FAILED'})
    },
  )
})

describe('an image', () => {
  test('tells its volumes and its working directory', async () => {
    const changes = ['VOLUME ["/data", "/more"]', 'WORKDIR /srv/app']
    const archive = Buffer.alloc(1024)
    const ref = `localhost/docker-mcp-test/facts:${owner}`
    await importImage(scope, ref, {archive, changes})
    const facts = await engine.inspectImage(ref)
    expect(facts?.volumes.toSorted()).toEqual(['/data', '/more'])
    expect(facts?.workingDir).toBe('/srv/app')
  })
})
