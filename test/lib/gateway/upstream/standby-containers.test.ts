import {execFile} from 'node:child_process'
import {randomUUID} from 'node:crypto'
import {mkdir, mkdtemp, rename, rm, stat, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {describe, expect, test} from 'vitest'
import {PluginError} from '../../../../src/lib/base/errors.ts'
import type {Engine} from '../../../../src/lib/engine/engine.ts'
import {PROGRAMS_PATH} from '../../../../src/lib/engine/mounts.ts'
import {ensureShim} from '../../../../src/lib/engine/shim.ts'
import {createFleet, type FleetInput} from '../../../../src/lib/gateway/upstream/fleet.ts'
import {type ContainerReport, Lives} from '../../../../src/lib/gateway/lives.ts'
import type {Upstream} from '../../../../src/lib/gateway/upstream/upstream.ts'
import {notification, request, type Message} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {parseAllowRule} from '../../../../src/lib/model/allow-rule.ts'
import type {ContainerSpec} from '../../../../src/lib/model/server.ts'
import {FLEET_DEFAULTS} from '../../../support/engine-with.ts'
import {fixtureImage, type Fixture} from '../../../support/fixture-images.ts'
import {fixtureSpec} from '../../../support/plain-spec.ts'
import {testEngine} from '../../../support/in-process-gateway.ts'
import {Inbox} from '../../../support/inbox.ts'
import {secretsOf} from '../../../support/secrets.ts'

const run = promisify(execFile)

/** Always one of it is kept ready. */
function specOf(fixture: Fixture, more: Partial<ContainerSpec> = {}): Promise<ContainerSpec> {
  return fixtureSpec(fixture, {standby: {min: 1, max: 1}, ...more})
}

/** A fleet with room for what is kept ready. Disposing of it makes sure that no container is left. */
async function fleetOf(more: Partial<FleetInput> = {}) {
  const engine = await testEngine()
  const lives = new Lives(Date.now)
  const owner = `test-standby-${randomUUID()}`
  const stop = new AbortController()
  const fleet = createFleet({
    ...FLEET_DEFAULTS,
    engine: async () => engine,
    owner,
    lives,
    standbyMemoryBytes: 64 * 1024 ** 2,
    signal: stop.signal,
    ...more,
  })
  const containers = () => engine.list({'docker-mcp-owner': owner})
  return {
    fleet,
    stop,
    containers,
    lives,
    engine,
    /** The ids of the containers of a server that have this use now. */
    idsOf: (server: string, use: ContainerReport['use']) =>
      (lives.report().find(report => report.server === server)?.containers ?? [])
        .filter(container => container.use === use)
        .map(({id}) => id),
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('the test is over'))
      await fleet[Symbol.asyncDispose]()
      await expect.poll(containers).toEqual([])
    },
  }
}
type TestFleet = Awaited<ReturnType<typeof fleetOf>>

/** Waits until one container of a server is kept ready. @returns its id */
async function waitingOf({idsOf}: TestFleet, server: string): Promise<string> {
  await expect.poll(() => idsOf(server, 'standby')).toHaveLength(1)
  return idsOf(server, 'standby')[0] ?? ''
}

/** Starts a server for one session, introduces itself, and calls a tool of it. */
async function callOnce(
  {fleet}: TestFleet,
  spec: ContainerSpec,
  tool: string,
): Promise<{readonly upstream: Upstream; readonly answer: string}> {
  const received = new Inbox<Message>()
  const upstream = await fleet.openers(spec).legacy({
    session: 'one',
    onMessage: message => received.add(message),
    signal: new AbortController().signal,
  })
  const hello = {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: {name: 'test', version: '1'},
  }
  upstream.send(request(1, 'initialize', hello))
  await received.find(message => message['id'] === 1)
  upstream.send(notification('notifications/initialized'))
  upstream.send(request(2, 'tools/call', {name: tool, arguments: {}}))
  return {upstream, answer: JSON.stringify(await received.find(message => message['id'] === 2))}
}

/** Another name of an image, of which another image can be made. */
async function tagged(image: string): Promise<{readonly name: string} & AsyncDisposable> {
  const name = `localhost/docker-mcp-test/standby-${randomUUID()}:latest`
  await run('docker', ['tag', image, name])
  return {
    name,
    [Symbol.asyncDispose]: async () => void (await run('docker', ['rmi', '--force', name])),
  }
}

async function temporaryFolder(): Promise<{readonly path: string} & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'standby-'))
  return {path, [Symbol.asyncDispose]: () => rm(path, {recursive: true})}
}

/** A heading and a line for each process. What a container begins with may still be the engine's own program. */
const processesOf = async (id: string) =>
  (await run('docker', ['top', id])).stdout.trim().split('\n')

const running = async (engine: Engine, id: string) => (await engine.inspect(id))?.state

describe('a container that is kept ready', () => {
  test('is the one that the next session gets, with the secret that it did not have before', async () => {
    const spec = await specOf('shows-environment', {
      secrets: [{name: 'api.key', env: 'API_KEY', required: true}],
    })
    await using lab = await fleetOf({secrets: secretsOf({'api.key': 'sesame-sesame'})})
    await lab.fleet.begin([spec])
    const id = await waitingOf(lab, spec.name)
    // Its own head, and our program alone.
    await expect
      .poll(() => processesOf(id))
      .toEqual([expect.stringContaining('PID'), expect.stringContaining('/.docker-mcp/shim-')])
    const {upstream, answer} = await callOnce(lab, spec, 'environment')
    expect(answer).toContain('sesame-sesame')
    expect(lab.idsOf(spec.name, 'serving')).toEqual([id])
    expect((await run('docker', ['inspect', id])).stdout).not.toContain('sesame')
    const next = await waitingOf(lab, spec.name)
    expect(next).not.toBe(id)
    await upstream[Symbol.asyncDispose]()
    await expect.poll(async () => (await lab.containers()).map(one => one.id)).toEqual([next])
  })

  test('is made for a server that was used, and not for one that was not', async () => {
    const spec = await specOf('counts-calls', {standby: {min: 0, max: 1}})
    const unused = await specOf('http-counts', {standby: {min: 0, max: 1}})
    await using lab = await fleetOf()
    await lab.fleet.begin([spec, unused])
    expect(await lab.containers()).toEqual([])
    const {upstream} = await callOnce(lab, spec, 'count')
    // As sessions tell it.
    lab.lives.of(spec.name).way().asked()()
    await waitingOf(lab, spec.name)
    expect(await lab.containers()).toHaveLength(2)
    await upstream[Symbol.asyncDispose]()
  })

  test('speaks HTTP, too, and has its relay before it is needed', async () => {
    const spec = await specOf('http-counts', {
      http: {port: 8080, path: '/mcp', transport: 'streamable'},
      network: {
        kind: 'allow',
        rules: [parseAllowRule('api.example.com:443')],
        extraHosts: [],
        connectTo: [],
      },
    })
    await using lab = await fleetOf()
    await lab.fleet.begin([spec])
    const id = await waitingOf(lab, spec.name)
    await expect
      .poll(() => processesOf(id))
      .toContainEqual(expect.stringContaining('/.docker-mcp/relay-'))
    const {upstream, answer} = await callOnce(lab, spec, 'count')
    expect(answer).toContain('"text":"1"')
    expect(lab.idsOf(spec.name, 'serving')).toEqual([id])
    await upstream[Symbol.asyncDispose]()
  })

  test('is replaced when its image has become another one', async () => {
    await using image = await tagged(await fixtureImage('counts-calls'))
    const spec = await specOf('counts-calls', {image: image.name})
    await using lab = await fleetOf()
    await lab.fleet.begin([spec])
    const id = await waitingOf(lab, spec.name)
    await run('docker', ['tag', await fixtureImage('shows-environment'), image.name])
    const {upstream, answer} = await callOnce(lab, spec, 'environment')
    expect(answer).toContain('\\"env\\"')
    expect(lab.idsOf(spec.name, 'serving')).not.toContain(id)
    await expect.poll(() => running(lab.engine, id)).toBeUndefined()
    await upstream[Symbol.asyncDispose]()
  })

  test.each<[string, (dir: string) => Promise<void>]>([
    [
      'a folder that it shares was made again',
      async dir => {
        await rm(join(dir, 'shared'), {recursive: true})
        await mkdir(join(dir, 'shared'))
      },
    ],
    [
      'a file that it shares was replaced by another one',
      async dir => {
        await writeFile(join(dir, 'new'), 'new')
        await rename(join(dir, 'new'), join(dir, 'shared'))
      },
    ],
  ])('is replaced when %s', async (what, change) => {
    await using dir = await temporaryFolder()
    const shared = join(dir.path, 'shared')
    await (what.startsWith('a folder') ? mkdir(shared) : writeFile(shared, 'old'))
    const spec = await specOf('counts-calls', {volumes: [`${shared}:/shared`]})
    await using lab = await fleetOf()
    await lab.fleet.begin([spec])
    const id = await waitingOf(lab, spec.name)
    await change(dir.path)
    const {upstream} = await callOnce(lab, spec, 'count')
    const [serving = ''] = lab.idsOf(spec.name, 'serving')
    expect(serving).not.toBe(id)
    const numberIn = ['exec', serving, '/usr/local/bin/node', '-p']
    const seen = await run('docker', [...numberIn, "fs.statSync('/shared').ino"])
    expect(Number(seen.stdout)).toBe((await stat(shared)).ino)
    await upstream[Symbol.asyncDispose]()
    // What did not change is no reason to make another one.
    await expect.poll(() => lab.idsOf(spec.name, 'standby')).not.toContain(id)
    const next = await waitingOf(lab, spec.name)
    const again = await callOnce(lab, spec, 'count')
    expect(lab.idsOf(spec.name, 'serving')).toEqual([next])
    await again.upstream[Symbol.asyncDispose]()
  })

  test('is made while the image of another server is on its way', async () => {
    const engine = await testEngine()
    const asked = Promise.withResolvers<void>()
    const pulling = `localhost/docker-mcp-test/slow-${randomUUID()}:1`
    const slow = new Proxy(engine, {
      get(target, name) {
        if (name === 'inspectImage') {
          return (image: string, signal?: AbortSignal) => {
            if (image !== pulling) return target.inspectImage(image, signal)
            asked.resolve()
            return new Promise((_resolve, reject) =>
              signal?.addEventListener('abort', () => reject(signal.reason)),
            )
          }
        }
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const spec = await specOf('counts-calls')
    const session = new AbortController()
    await using lab = await fleetOf({engine: async () => slow})
    const opened = lab.fleet
      .openers(await specOf('counts-calls', {name: 'slow', image: pulling}))
      .legacy({session: 'slow', onMessage: () => undefined, signal: session.signal})
    await asked.promise
    await lab.fleet.begin([spec])
    await waitingOf(lab, spec.name)
    session.abort(new Error('the test is over'))
    await expect(opened).rejects.toThrow('the test is over')
  })

  test('is made also when our own programs have been removed meanwhile', async () => {
    const volume = `docker-mcp-test-none-${randomUUID()}`
    let lacking = 1
    const engine = await testEngine()
    const pruned = new Proxy(engine, {
      get(target, name) {
        if (name === 'start') {
          return (id: string, signal: AbortSignal) => {
            if (lacking-- <= 0) return target.start(id, signal)
            throw new PluginError('ENGINE_FAILED', `${volume}: no such file: ${PROGRAMS_PATH}/shim`)
          }
        }
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const spec = await specOf('counts-calls')
    // The volume is there from now on: what starts next is a server.
    await ensureShim(pruned, {owner: 'a test', image: spec.image}, new AbortController().signal)
    await using lab = await fleetOf({engine: async () => pruned})
    await lab.fleet.begin([spec])
    await waitingOf(lab, spec.name)
    expect(lacking).toBeLessThan(1)
  })

  test('is replaced when somebody removes it, and when it is flushed', async () => {
    const spec = await specOf('counts-calls')
    await using lab = await fleetOf()
    await lab.fleet.begin([spec])
    const first = await waitingOf(lab, spec.name)
    await run('docker', ['rm', '--force', first])
    await expect.poll(() => lab.idsOf(spec.name, 'standby')).not.toContain(first)
    const second = await waitingOf(lab, spec.name)
    await lab.fleet.flush(spec.name)
    await expect.poll(() => running(lab.engine, second)).toBeUndefined()
    const {upstream, answer} = await callOnce(lab, spec, 'count')
    expect(answer).toContain('"text":"1"')
    await upstream[Symbol.asyncDispose]()
  })

  test.each<[string, Partial<ContainerSpec>]>([
    ['whose secret is missing', {secrets: [{name: 'a.key', env: 'A_KEY', required: true}]}],
    ['whose image is not there', {image: `localhost/docker-mcp-test/none-${randomUUID()}:1`}],
    ['that says so', {standby: {min: 0, max: 0}}],
  ])('is not made of a server %s', async (_which, more) => {
    const spec = await specOf('counts-calls', more)
    const other = await specOf('counts-calls', {name: 'other'})
    await using lab = await fleetOf()
    await lab.fleet.begin([spec, other])
    await waitingOf(lab, 'other')
    expect(lab.idsOf(spec.name, 'standby')).toEqual([])
    expect(await lab.containers()).toHaveLength(1)
  })

  test('is gone with the gateway, also while it is being made', async () => {
    const spec = await specOf('counts-calls', {standby: {min: 3, max: 3}})
    const lab = await fleetOf()
    await lab.fleet.begin([spec])
    await expect.poll(() => lab.containers()).not.toEqual([])
    await lab[Symbol.asyncDispose]()
    await lab.fleet.begin([spec])
    expect(lab.lives.report().flatMap(({containers}) => containers)).toEqual([])
  })
})
