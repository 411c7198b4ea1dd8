import {randomUUID} from 'node:crypto'
import {connect, createServer} from 'node:net'
import {describe, expect, test} from 'vitest'
import * as z from 'zod'
import {PluginError} from '../../../../src/lib/base/errors.ts'
import {openEngine} from '../../../../src/lib/engine/dockerode.ts'
import type {Engine} from '../../../../src/lib/engine/engine.ts'
import {ensureShim} from '../../../../src/lib/engine/shim.ts'
import {createFleet, type FleetInput} from '../../../../src/lib/gateway/upstream/fleet.ts'
import type {LostThing} from '../../../../src/lib/gateway/upstream/lost-things.ts'
import {FLEET_DEFAULTS} from '../../../support/engine-with.ts'
import {fixtureImage} from '../../../support/fixture-images.ts'
import {fixtureSpec} from '../../../support/plain-spec.ts'
import {testEngine} from '../../../support/in-process-gateway.ts'
import {secretsOf} from '../../../support/secrets.ts'

const never = new AbortController().signal

function fleetInput(engine: Engine, more: Partial<FleetInput> = {}): FleetInput {
  return {
    ...FLEET_DEFAULTS,
    engine: async () => engine,
    owner: `test-${randomUUID()}`,
    ...more,
  }
}

/** The real engine, with some of its verbs replaced once it has the volume of our own programs. */
async function engineWith(
  engine: Engine,
  verbs: (engine: Engine) => Partial<Engine>,
): Promise<Engine> {
  const image = await fixtureImage('counts-calls')
  let replaced: Partial<Engine> = {}
  const proxy = new Proxy(engine, {
    get: (target, name) => {
      const own: unknown = Reflect.get(replaced, name)
      if (own !== undefined) return own
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  await ensureShim(proxy, {owner: 'a test', image}, never)
  replaced = verbs(engine)
  return proxy
}

const opening = (session: string, signal: AbortSignal = never) => ({
  session,
  onMessage: () => undefined,
  signal,
})

describe('createFleet', () => {
  test('never starts more servers at once than it may', async () => {
    let starting = 0
    let most = 0
    const engine = await engineWith(await testEngine(), real => ({
      async create(options, signal, name) {
        starting += 1
        most = Math.max(most, starting)
        return real.create(options, signal, name)
      },
      async start(id, signal) {
        await real.start(id, signal)
        starting -= 1
      },
    }))
    const input = fleetInput(engine, {startsAtOnce: 2})
    const open = createFleet(input).openers(await fixtureSpec('counts-calls')).legacy
    const opened = await Promise.all(
      Array.from({length: 6}, (_, at) => open(opening(`session-${at}`))),
    )
    expect(most).toBe(2)
    expect(await engine.list({'docker-mcp-owner': input.owner})).toHaveLength(6)
    await Promise.all(opened.map(upstream => upstream[Symbol.asyncDispose]()))
    await expect.poll(() => engine.list({'docker-mcp-owner': input.owner})).toEqual([])
  })

  test('lets a session go at once that ends before the start of its server has begun', async () => {
    const real = await testEngine()
    const first = Promise.withResolvers<void>()
    const engine = await engineWith(real, () => ({
      async create(options, signal, name) {
        await first.promise
        return real.create(options, signal, name)
      },
    }))
    const input = fleetInput(engine, {startsAtOnce: 1})
    const open = createFleet(input).openers(await fixtureSpec('counts-calls')).legacy
    const ahead = open(opening('ahead'))
    const session = new AbortController()
    const queued = open(opening('queued', session.signal))
    session.abort(new Error('the session has ended'))
    await expect(queued).rejects.toThrow('the session has ended')
    first.resolve()
    await (await ahead)[Symbol.asyncDispose]()
    await expect.poll(() => real.list({'docker-mcp-owner': input.owner})).toEqual([])
  })

  test('ends a server with its session, and ends it once', async () => {
    const engine = await testEngine()
    const input = fleetInput(engine)
    const session = new AbortController()
    const open = createFleet(input).openers(await fixtureSpec('counts-calls')).legacy
    const upstream = await open(opening('one', session.signal))
    session.abort()
    expect(await upstream.closed).toMatchObject({what: 'was stopped'})
    await Promise.all([upstream[Symbol.asyncDispose](), upstream[Symbol.asyncDispose]()])
    await expect.poll(() => engine.list({'docker-mcp-owner': input.owner})).toEqual([])
  })

  test('does not wait for ever for an engine that does not remove, and tells who may remove it later', async () => {
    const real = await testEngine()
    const lost: LostThing[] = []
    const engine = await engineWith(real, () => ({
      remove: () => new Promise<never>(() => undefined),
    }))
    const input = fleetInput(engine, {
      housekeeping: {began: () => undefined, lost: (_, thing) => void lost.push(thing)},
    })
    const upstream = await createFleet(input)
      .openers(await fixtureSpec('ignores-eof'))
      .legacy(opening('one'))
    await upstream[Symbol.asyncDispose]()
    const [left] = await real.list({'docker-mcp-owner': input.owner})
    expect(lost).toEqual([{kind: 'container', name: left?.name}])
    await real.remove(left?.id ?? '', {force: true})
  })

  test('tells why a start failed also when the clean-up fails', async () => {
    const real = await testEngine()
    const engine = await engineWith(real, () => ({
      attach: async () => {
        throw new PluginError('ENGINE_FAILED', 'no attaching today')
      },
      async remove(id, options) {
        await real.remove(id, options)
        throw new PluginError('ENGINE_UNREACHABLE', 'gone away')
      },
    }))
    const lost: LostThing[] = []
    const input = fleetInput(engine, {
      housekeeping: {began: () => undefined, lost: (_, thing) => void lost.push(thing)},
    })
    const open = createFleet(input).openers(await fixtureSpec('counts-calls')).legacy
    await expect(open(opening('one'))).rejects.toThrow('no attaching today')
    expect(lost).toEqual([{kind: 'container', name: expect.stringMatching(/^mcp-counts-calls-/)}])
  })

  test('wants the secrets before it looks at the image', async () => {
    const engine = await engineWith(await testEngine(), () => ({
      hasImage: () => Promise.reject(new Error('asked too early')),
    }))
    const secrets = [{name: 'a.key', env: 'A_KEY', required: true}]
    const spec = await fixtureSpec('counts-calls', {secrets})
    const open = createFleet(fleetInput(engine)).openers(spec).legacy
    await expect(open(opening('one'))).rejects.toMatchObject({
      code: 'SECRET_MISSING',
      message: 'server counts-calls needs the secret a.key, which has no value',
    })
  })

  test('masks secrets in what a server says before it dies', async () => {
    const value = 'hunter2-hunter2-hunter2'
    const spec = await fixtureSpec('prints-junk', {
      // Node prints its complaint about an unknown option, which is then the secret.
      env: [{name: 'NODE_OPTIONS', value: `--${value}`, expand: false}],
      secrets: [{name: 'key', env: 'KEY', required: true}],
    })
    const log: string[] = []
    const input = fleetInput(await testEngine(), {
      verbose: true,
      log: line => void log.push(line),
      secrets: secretsOf({key: value}),
    })
    const upstream = await createFleet(input).openers(spec).legacy(opening('one'))
    const {what, stderr} = await upstream.closed
    await upstream[Symbol.asyncDispose]()
    expect(what).toBe('ended with exit code 9')
    expect(stderr.join('\n')).toMatch(/not allowed in NODE_OPTIONS/)
    expect([...stderr, ...log].join('\n')).not.toContain(value)
    expect(log.join('\n')).toContain('- prints-junk: ')
  })
})

test('an engine over TCP shares nothing with this machine, so its mounts are not looked at', async () => {
  const forward = createServer(socket => {
    const engine = connect('/var/run/docker.sock')
    socket.pipe(engine).pipe(socket)
    socket.on('error', () => engine.destroy())
    engine.on('error', () => socket.destroy())
  })
  await new Promise<void>(resolve => void forward.listen(0, '127.0.0.1', resolve))
  const {port} = z.object({port: z.number()}).parse(forward.address())
  const remote = await openEngine({kind: 'tcp', host: '127.0.0.1', port, from: 'a test'})
  expect((await testEngine()).isLocal).toBe(true)
  expect(remote.isLocal).toBe(false)
  const engine = await engineWith(remote, () => ({
    create: async ({HostConfig}) => {
      throw new Error(`asked for ${JSON.stringify(HostConfig.Mounts)}`)
    },
  }))
  const spec = await fixtureSpec('counts-calls', {volumes: ['/on/the/other/machine:/data']})
  const open = createFleet(fleetInput(engine)).openers(spec).legacy
  await expect(open(opening('one'))).rejects.toThrow(
    '"Source":"/on/the/other/machine","Target":"/data","ReadOnly":true',
  )
  forward.close()
})

test('a volume of our programs that is gone is made again by the next start', async () => {
  const engine = await testEngine()
  const fleet = createFleet(fleetInput(engine))
  const open = fleet.openers(await fixtureSpec('counts-calls')).legacy
  const first = await open(opening('one'))
  await first[Symbol.asyncDispose]()
  // What `docker volume prune` leaves: a container that names it gets an empty one. Only a volume of this test's own
  // engine object is forgotten; that of others may be in use.
  let isGone = true
  const forgetful = new Proxy(engine, {
    get: (target, name) => {
      if (name === 'start' && isGone) {
        isGone = false
        return async () => {
          const why = 'exec: "/.docker-mcp/shim-amd64": stat /.docker-mcp/shim-amd64: no such file'
          throw new PluginError('ENGINE_FAILED', `the Docker engine would not start it: ${why}`)
        }
      }
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const again = createFleet(fleetInput(forgetful)).openers(await fixtureSpec('counts-calls')).legacy
  const upstream = await again(opening('two'))
  await upstream[Symbol.asyncDispose]()
  expect(isGone).toBe(false)
})
