import * as fc from 'fast-check'
import {randomUUID} from 'node:crypto'
import {once} from 'node:events'
import {createServer as createHttpServer} from 'node:http'
import {rm} from 'node:fs/promises'
import {connect, createServer, type Server, type Socket} from 'node:net'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, afterEach, beforeAll, describe, expect, test, vi} from 'vitest'
import {Scope} from '../../src/lib/base/scope.ts'
import {openEngine} from '../../src/lib/engine/dockerode.ts'
import type {Endpoint} from '../../src/lib/engine/endpoint.ts'
import type {ContainerFacts, Engine, NetworkFacts} from '../../src/lib/engine/engine.ts'
import {isLease, openLease, type LeaseImage} from '../../src/lib/engine/lease.ts'
import {removeOldPrograms} from '../../src/lib/engine/old-programs.ts'
import {newOwner} from '../../src/lib/engine/owner.ts'
import {abandoned, belongingsOf, reap} from '../../src/lib/engine/reap.ts'
import {shimVolumeName} from '../../src/lib/engine/shim.ts'
import {type Housekeeping, housekeeping} from '../../src/lib/gateway/upstream/housekeeping.ts'
import {startWatchdog} from '../../src/lib/gateway/upstream/watchdog.ts'
import {hasGround} from '../isolation/gateway.ts'
import {type PrivateEngine, privateEngine} from '../support/private-engine.ts'
import {loadImage, scratchImage} from '../support/special-images.ts'

const REAPER = join(import.meta.dirname, '..', '..', 'src', 'reaper.ts')
const IMAGE = 'localhost/docker-mcp-test/reap:1'
const never = new AbortController().signal

describe('what is abandoned', () => {
  const now = new Date('2026-01-01T12:00:00Z')
  const ago = (seconds: number) => new Date(now.getTime() - seconds * 1000)
  const me = newOwner()
  const container = (
    owner: string,
    more: Partial<ContainerFacts> & {labels?: Record<string, string>} = {},
  ): ContainerFacts => ({
    id: randomUUID(),
    name: 'mcp-any-1',
    state: 'running',
    status: 'Up',
    createdAt: ago(60),
    ...more,
    labels: {'docker-mcp': 'true', 'docker-mcp-owner': owner, ...more.labels},
  })
  const network = (owner: string, createdAt = ago(60)): NetworkFacts => ({
    id: randomUUID(),
    name: 'mcp-net',
    labels: {'docker-mcp-owner': owner},
    createdAt,
  })
  const lease = (owner: string, state = 'running') =>
    container(owner, {
      name: `docker-mcp-lease-${owner}-1`,
      labels: {'docker-mcp-lease': 'true'},
      state,
    })

  test('is all of an owner without a lease, in any state', () => {
    const dead = newOwner()
    const containers = ['created', 'running', 'paused', 'exited', 'dead', 'anything'].map(state =>
      container(dead, {state}),
    )
    const networks = [network(dead)]
    const found = abandoned({containers, networks}, {owner: me, now})
    expect(found).toEqual({containers, networks, isUnsure: false})
  })

  test.each(['running', 'paused', 'restarting'])(
    'is nothing of an owner whose lease is %s',
    state => {
      const living = newOwner()
      const containers = [container(living), lease(living, state)]
      const found = abandoned({containers, networks: [network(living)]}, {owner: me, now})
      expect(found).toEqual({containers: [], networks: [], isUnsure: false})
    },
  )

  test.each(['created', 'exited', 'dead', 'removing'])('is also a lease that is %s', state => {
    const containers = [{...lease(newOwner(), state), createdAt: ago(61)}]
    expect(abandoned({containers, networks: []}, {owner: me, now}).containers).toEqual(containers)
  })

  test('is nothing of an owner whose lease is about to start, for whom it asks again', () => {
    const slow = newOwner()
    const of = (seconds: number) => [
      container(slow, {createdAt: ago(70)}),
      {...lease(slow, 'created'), createdAt: ago(seconds)},
    ]
    const found = abandoned({containers: of(59), networks: []}, {owner: me, now})
    expect(found).toEqual({containers: [], networks: [], isUnsure: true})
    const given = of(61)
    expect(abandoned({containers: given, networks: []}, {owner: me, now}).containers).toEqual(given)
  })

  test('is nothing of an owner who has made anything lately, for whom it asks again', () => {
    const young = newOwner()
    const found = abandoned(
      {containers: [container(young)], networks: [network(young, ago(14))]},
      {owner: me, now},
    )
    expect(found).toEqual({containers: [], networks: [], isUnsure: true})
  })

  test('is what an image calls a lease, but not what has no lease for want of a program', () => {
    const [dead, plain] = [newOwner(), newOwner()]
    const liar = container(dead, {labels: {'docker-mcp-lease': 'true'}})
    const containers = [liar, container(plain, {labels: {'docker-mcp-unleased': 'true'}})]
    expect(abandoned({containers, networks: []}, {owner: me, now}).containers).toEqual([liar])
  })

  test('is nothing that was made from an image that a server was committed to', () => {
    const containers = [container(newOwner(), {name: 'my-debugging', createdAt: ago(9999)})]
    const found = abandoned({containers, networks: []}, {owner: me, now})
    expect(found).toEqual({containers: [], networks: [], isUnsure: false})
  })

  test('is never ours, nor of a living owner, nor of one who is none of our kind', () => {
    const owners = [
      me,
      newOwner(),
      newOwner(),
      'test-1',
      '',
      'a'.repeat(16),
      '__proto__',
      'F'.repeat(20),
    ]
    const thing = fc.record({
      owner: fc.constantFrom(...owners),
      age: fc.integer({min: -1000, max: 1000}),
      state: fc.constantFrom('created', 'running', 'paused', 'exited', 'dead'),
      kind: fc.constantFrom('container', 'lease', 'network'),
      hostile: fc.dictionary(fc.string(), fc.string()),
    })
    fc.assert(
      fc.property(fc.array(thing), things => {
        const containers = things.flatMap(({owner, age, state, kind, hostile}) => {
          if (kind === 'lease') return [lease(owner, state)]
          const labels = {...hostile, 'docker-mcp-owner': owner}
          return kind === 'container'
            ? [container(owner, {state, createdAt: ago(age), labels})]
            : []
        })
        const networks = things.flatMap(({owner, age, kind}) =>
          kind === 'network' ? [network(owner, ago(age))] : [],
        )
        const alive = containers.filter(one => isLease(one) && /running|paused/.test(one.state))
        const found = abandoned({containers, networks}, {owner: me, now})
        for (const {labels, createdAt} of [...found.containers, ...found.networks]) {
          const owner = labels['docker-mcp-owner'] ?? ''
          expect(owner).toMatch(/^[0-9a-f]{20}$/)
          expect(owner).not.toBe(me)
          expect(alive.map(one => one.labels['docker-mcp-owner'])).not.toContain(owner)
          expect(now.getTime() - createdAt.getTime()).toBeGreaterThan(15_000)
        }
      }),
    )
  })
})

const inAMinute = () => new Date(Date.now() + 60_000)
const flagsOf = (owner: string) => ['--label=docker-mcp=true', `--label=docker-mcp-owner=${owner}`]

describe.skipIf(!hasGround)('on an engine', () => {
  let place: PrivateEngine
  let engine: Engine
  let endpoint: Endpoint
  let image: LeaseImage
  beforeAll(async () => {
    place = await privateEngine()
    await loadImage(await scratchImage(IMAGE, {Volumes: {'/data': {}}}), place.host)
    endpoint = {kind: 'unix', path: place.socket, from: 'the test'}
    engine = await openEngine(endpoint)
    const facts = await engine.inspectImage(IMAGE)
    if (facts === undefined) throw new Error(`${IMAGE} is not there`)
    image = {reference: IMAGE, facts}
  })
  afterAll(async () => place[Symbol.asyncDispose]())

  let scope = new Scope()
  afterEach(async () => {
    vi.useRealTimers()
    await scope.close()
    scope = new Scope()
  })

  /** A container whose program waits for its stdin, which is open. */
  async function made(owner: string, verb: 'create' | 'run', ...more: string[]): Promise<string> {
    const name = `mcp-reap-${randomUUID().slice(0, 8)}`
    const start = verb === 'run' ? ['run', '--detach'] : ['create']
    const flags = ['--interactive', '--network=none', '--name', name, ...flagsOf(owner), ...more]
    await place.docker(...start, ...flags, IMAGE)
    scope.defer(async () => {
      await place.docker('rm', '--force', '--volumes', name).catch(() => undefined)
    })
    return name
  }
  async function network(owner: string): Promise<string> {
    const name = `mcp-reap-${randomUUID().slice(0, 8)}`
    await place.docker('network', 'create', '--internal', ...flagsOf(owner), name)
    scope.defer(async () => {
      await place.docker('network', 'rm', name).catch(() => undefined)
    })
    return name
  }
  const namesOf = async (owner: string) => {
    const {containers, networks} = await belongingsOf(engine, owner)
    return [...containers, ...networks].map(({name}) => name).toSorted()
  }
  interface Kept {
    readonly owner: string
    readonly keeper: Housekeeping
    readonly lines: string[]
  }
  function kept(watchdog?: string): Kept {
    const [owner, lines] = [newOwner(), new Array<string>()]
    const say = (line: string) => void lines.push(line)
    const keeper = scope.use(housekeeping({owner, watchdog, log: say, notify: say}))
    return {owner, keeper, lines}
  }
  const leases = async (owner: string) =>
    (await engine.list({'docker-mcp-owner': owner})).filter(
      one => isLease(one) && one.state === 'running',
    )
  const oneLease = async (owner: string, other = '') => {
    const find = async () => (await leases(owner)).filter(({id}) => id !== other)
    await expect.poll(find).toHaveLength(1)
    const [lease] = await find()
    return lease?.id ?? ''
  }

  const all = () => place.docker('ps', '--all', '--format', '{{.Names}}')

  test('everything of a dead owner goes, and nothing else', async () => {
    const [dead, living, reaper] = [newOwner(), newOwner(), newOwner()]
    const begun = new Date()
    const lease = await openLease(engine, {owner: living, image}, never)
    if (lease) scope.use(lease)
    const own = await made(reaper, 'run')
    const things = [await made(living, 'run'), await made(living, 'create'), await network(living)]
    const stranger = await made('somebody-else', 'run')
    const net = await network(dead)
    await place.docker('network', 'disconnect', 'none', stranger)
    await place.docker('network', 'connect', net, stranger)
    const [, , paused, exited] = [
      await made(dead, 'create'),
      await made(dead, 'run'),
      await made(dead, 'run'),
      await made(dead, 'run'),
    ]
    await place.docker('pause', paused)
    await place.docker('kill', exited)
    expect(await namesOf(dead)).toHaveLength(5)
    const soon = await reap(engine, {owner: reaper, now: begun})
    expect(soon).toEqual({containers: 0, networks: 0, isUnsure: true})
    const removed = await reap(engine, {owner: reaper, now: inAMinute()})
    expect(removed).toEqual({containers: 4, networks: 1, isUnsure: false})
    expect(await namesOf(dead)).toEqual([])
    expect(await namesOf(living)).toEqual(expect.arrayContaining(things))
    expect(await namesOf(living)).toHaveLength(4)
    expect(await namesOf(reaper)).toEqual([own])
    const running = '{{.State.Running}} {{len .NetworkSettings.Networks}}'
    expect(await place.docker('inspect', '--format', running, stranger)).toBe('true 0')
  })

  test('two may reap at the same time, and things may vanish under them', async () => {
    const dead = newOwner()
    const some = await Promise.all(
      Array.from({length: 6}, (_, index) => made(dead, index % 2 === 0 ? 'run' : 'create')),
    )
    await network(dead)
    const reaping = [newOwner(), newOwner()].map(owner => reap(engine, {owner, now: inAMinute()}))
    await place.docker('rm', '--force', '--volumes', some[0] ?? '').catch(() => undefined)
    for (const {containers} of await Promise.all(reaping)) {
      expect(containers).toBeLessThanOrEqual(6)
    }
    // Where two take away the same thing, one of them may be refused.
    await reap(engine, {owner: newOwner(), now: inAMinute()})
    await expect.poll(() => namesOf(dead)).toEqual([])
  })

  test('programs of other versions go when they are old and nobody has them', async () => {
    const volume = async (name: string, ...flags: string[]) => {
      await place.docker('volume', 'create', '--label=docker-mcp=true', ...flags, name)
      scope.defer(async () => void (await place.docker('volume', 'rm', '--force', name)))
    }
    const [used, unused] = ['docker-mcp-shim-0123456789ab', 'docker-mcp-shim-ba9876543210']
    const others = ['docker-mcp-shim-data', 'my-docker-mcp-shim-0123456789ab']
    for (const name of [used, unused, ...others]) await volume(name)
    // Makes the volume of this version.
    const lease = await openLease(engine, {owner: newOwner(), image}, never)
    if (lease) scope.use(lease)
    await made(newOwner(), 'create', '--volume', `${used}:/used`)
    const volumes = async () => (await engine.listVolumes({})).map(({name}) => name).toSorted()
    const before = await volumes()
    expect(before).toContain(shimVolumeName)
    await removeOldPrograms(engine, inAMinute())
    expect(await volumes()).toEqual(before)
    await removeOldPrograms(engine, new Date(Date.now() + 2 * 3_600_000))
    expect(await volumes()).toEqual(before.filter(name => name !== unused))
  })

  test('a lease is a container of few rights that lives as long as its connection', async () => {
    const owner = newOwner()
    const lease = await openLease(engine, {owner, image}, never)
    const [facts] = await engine.list({'docker-mcp-owner': owner})
    expect(facts).toMatchObject({id: lease?.id, state: 'running', createdAt: expect.any(Date)})
    expect(facts && isLease(facts)).toBe(true)
    const limits = JSON.parse(
      await place.docker('inspect', '--format', '{{json .HostConfig}}', lease?.id ?? ''),
    )
    expect(limits).toMatchObject({
      Memory: 16 * 1024 ** 2,
      NetworkMode: 'none',
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      AutoRemove: true,
    })
    // What the image wanted a volume for got none.
    const mounts = JSON.parse(
      await place.docker('inspect', '--format', '{{json .Mounts}}', lease?.id ?? ''),
    )
    expect(mounts).toEqual([expect.objectContaining({Name: shimVolumeName})])
    await lease?.[Symbol.asyncDispose]()
    await lease?.ended
    await expect.poll(() => engine.list({'docker-mcp-owner': owner})).toEqual([])
  })

  test('a lease is not taken out with an image that no program of ours runs in', async () => {
    const facts = {...image.facts, architecture: 'riscv64'}
    const strange = {...image, facts}
    expect(await openLease(engine, {owner: newOwner(), image: strange}, never)).toBeUndefined()
  })

  test('a lease that cannot be had leaves nothing', async () => {
    const owner = newOwner()
    const missing = {...image, reference: 'localhost/docker-mcp-test/absent:1'}
    await expect(openLease(engine, {owner, image: missing}, never)).rejects.toMatchObject({
      code: 'IMAGE_MISSING',
    })
    const stop = AbortSignal.abort(new Error('not wanted'))
    await expect(openLease(engine, {owner, image}, stop)).rejects.toThrow('not wanted')
    expect(await engine.list({'docker-mcp-owner': owner})).toEqual([])
  })

  describe('a housekeeper', () => {
    test('takes out a lease once there is a container, and none when the gateway is over', async () => {
      const {owner, keeper} = kept()
      expect(await leases(owner)).toEqual([])
      keeper.began(engine, image)
      keeper.began(engine, image)
      await oneLease(owner)
      await keeper[Symbol.asyncDispose]()
      await expect.poll(() => namesOf(owner)).toEqual([])
      keeper.began(engine, image)
      expect(await namesOf(owner)).toEqual([])
    })

    test('takes out another lease when it loses one', async () => {
      const {owner, keeper} = kept()
      keeper.began(engine, image)
      const first = await oneLease(owner)
      await place.docker('rm', '--force', first)
      await oneLease(owner, first)
    })

    test('takes out another lease when the engine has been away', async () => {
      await using way = await breakableWay(place.socket)
      const {owner, keeper} = kept()
      keeper.began(await openEngine({...endpoint, kind: 'unix', path: way.path}), image)
      const first = await oneLease(owner)
      await way.cut()
      await expect.poll(() => leases(owner)).toEqual([])
      await way.mend()
      await oneLease(owner, first)
    })

    test('removes what others have left, and says so in one line', async () => {
      const dead = newOwner()
      await made(dead, 'create')
      await network(dead)
      const {owner, keeper, lines} = kept()
      keeper.began(engine, image)
      await oneLease(owner)
      await expect.poll(() => namesOf(dead), {timeout: 120_000}).toEqual([])
      const said = ['- removed what a gateway that is gone had left: 1 container and 1 network']
      await expect.poll(() => lines).toEqual(said)
    })

    test('lets go of everything when the gateway has had no container for a while', async () => {
      const {owner, keeper, lines} = kept(REAPER)
      vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
      keeper.began(engine, image)
      const isGone = async () => {
        await vi.advanceTimersByTimeAsync(10_000)
        return (await leases(owner)).length
      }
      await expect.poll(isGone, {interval: 20}).toBe(1)
      await expect.poll(isGone, {interval: 20}).toBe(0)
      vi.useRealTimers()
      keeper.began(engine, image)
      await oneLease(owner)
      expect(lines).toEqual([])
    })

    test('removes later what could not be removed, and tells only of what stays', async () => {
      const {owner, keeper, lines} = kept()
      const [container, shared] = [await made(owner, 'run'), await network(owner)]
      const refusing = new Proxy(engine, {
        get(target, name) {
          if (name === 'remove') return () => Promise.reject(new Error('not today'))
          const value: unknown = Reflect.get(target, name, target)
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
      vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
      keeper.lost(engine, {kind: 'network', name: shared})
      keeper.lost(refusing, {kind: 'container', name: container})
      expect(await namesOf(owner)).toHaveLength(2)
      await vi.advanceTimersByTimeAsync(5000)
      vi.useRealTimers()
      await expect.poll(() => namesOf(owner)).toEqual([container])
      await expect
        .poll(() => lines)
        .toEqual([`! the container ${container} may be left behind: not today`])
      keeper.lost(engine, {kind: 'container', name: container})
      await keeper[Symbol.asyncDispose]()
      await expect.poll(() => namesOf(owner)).toEqual([])
      expect(lines).toHaveLength(1)
    })

    test('removes a lease of its own that is not the one that it holds', async () => {
      const {owner, keeper} = kept()
      const stray = await openLease(engine, {owner, image}, never)
      if (stray) scope.use(stray)
      keeper.began(engine, image)
      const held = await oneLease(owner, stray?.id)
      await stray?.ended
      await expect.poll(() => leases(owner)).toMatchObject([{id: held}])
    })

    test('goes on without a watchdog where no process can be started', async () => {
      const {execPath} = process
      const {owner, keeper, lines} = kept(REAPER)
      process.execPath = '/nowhere/node'
      try {
        keeper.began(engine, image)
      } finally {
        process.execPath = execPath
      }
      await oneLease(owner)
      keeper.began(engine, image)
      expect(lines).toEqual([
        expect.stringMatching(/^! the process that cleans up .* does not run: spawn .* ENOENT$/),
      ])
    })

    test('leaves to the watchdog what its gateway could not remove', async () => {
      const {owner, keeper} = kept(REAPER)
      keeper.began(engine, image)
      await made(owner, 'create')
      await keeper[Symbol.asyncDispose]()
      await expect.poll(() => namesOf(owner)).toEqual([])
    })
  })

  describe('a watchdog', () => {
    test('removes what runs only after it had time to end by itself', async () => {
      const owner = newOwner()
      const [running] = [await made(owner, 'run'), await made(owner, 'create')]
      const watchdog = startWatchdog({program: REAPER, endpoint, owner})
      watchdog.release()
      await expect.poll(() => namesOf(owner)).toEqual([running])
      await expect.poll(() => namesOf(owner)).toEqual([])
      expect(await watchdog.ended).toBe('it ended (exit code 0)')
      expect(await all()).not.toContain(running)
    })

    test('removes nothing when it is dismissed', async () => {
      const owner = newOwner()
      const name = await made(owner, 'create')
      const watchdog = startWatchdog({program: REAPER, endpoint, owner})
      await watchdog.dismiss()
      expect(await watchdog.ended).toBe('it ended (exit code 0)')
      expect(await namesOf(owner)).toEqual([name])
    })

    test('gives up on an engine that says which one it is and nothing else', async () => {
      const path = join(tmpdir(), `reap-mute-${randomUUID().slice(0, 8)}.sock`)
      const version = {ApiVersion: '1.41', MinAPIVersion: '1.12', Version: '20.10.24', Os: 'linux'}
      const mute = createHttpServer(({url}, response) => {
        if (url?.endsWith('/version')) response.end(JSON.stringify(version))
      }).listen(path)
      await once(mute, 'listening')
      scope.defer(() => {
        mute.closeAllConnections()
        mute.close()
      })
      const to = {...endpoint, kind: 'unix', path} as const
      const watchdog = startWatchdog({program: REAPER, endpoint: to, owner: newOwner()})
      watchdog.release()
      expect(await watchdog.ended).toBe('it ended (exit code 0)')
    })

    test('touches nothing of others', async () => {
      const [owner, other] = [newOwner(), newOwner()]
      const names = [await made(other, 'run'), await network(other)].toSorted()
      await made(owner, 'create')
      const watchdog = startWatchdog({program: REAPER, endpoint, owner})
      watchdog.release()
      await watchdog.ended
      expect(await namesOf(owner)).toEqual([])
      expect(await namesOf(other)).toEqual(names)
    })
  })
})

interface BreakableWay extends AsyncDisposable {
  readonly path: string
  /** Nobody gets through any more. */
  cut(): Promise<void>
  mend(): Promise<void>
}

/** A socket through which another one is reached. */
async function breakableWay(to: string): Promise<BreakableWay> {
  const path = join(tmpdir(), `reap-way-${randomUUID().slice(0, 8)}.sock`)
  const sockets = new Set<Socket>()
  let server: Server | undefined
  const way: BreakableWay = {
    path,
    async mend() {
      server = createServer({allowHalfOpen: true}, near => {
        const far = connect({path: to, allowHalfOpen: true})
        for (const [one, other] of [
          [near, far],
          [far, near],
        ] as const) {
          sockets.add(one.on('error', () => other.destroy()).on('close', () => other.destroy()))
          one.pipe(other)
        }
      }).listen(path)
      await once(server, 'listening')
    },
    async cut() {
      for (const socket of sockets) socket.destroy()
      sockets.clear()
      if (server) await new Promise(closed => server?.close(closed))
      await rm(path, {force: true})
    },
    [Symbol.asyncDispose]: () => way.cut(),
  }
  await way.mend()
  return way
}
