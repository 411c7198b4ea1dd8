import {execFile} from 'node:child_process'
import {randomUUID} from 'node:crypto'
import {promisify} from 'node:util'
import {describe, expect, onTestFinished, test, vi} from 'vitest'
import {PluginError} from '../../../../src/lib/base/errors.ts'
import type {Engine} from '../../../../src/lib/engine/engine.ts'
import {imagePuller, type PullerInput} from '../../../../src/lib/gateway/upstream/image.ts'
import type {Credentials} from '../../../../src/lib/images/credentials.ts'
import type {ImageVerifier} from '../../../../src/lib/images/signature.ts'
import {fixtureImage} from '../../../support/fixture-images.ts'
import {testEngine} from '../../../support/in-process-gateway.ts'
import {Inbox} from '../../../support/inbox.ts'
import {REGISTRY_LOGIN, registryServer, type TestRegistry} from '../../../support/registry.ts'
import {registryGate, type RegistryGate} from '../../../support/registry-gate.ts'
import {pushImage, pushIndex, removeImages} from '../../../support/registry-image.ts'

const run = promisify(execFile)
const never = new AbortController().signal
const MB = 1_000_000

/** A registry that is gone after the test, with everything that the engine has pulled from it. */
async function registry(options: {login?: boolean} = {}): Promise<TestRegistry> {
  const server = await registryServer(options)
  onTestFinished(async () => {
    await removeImages(server)
    await server[Symbol.asyncDispose]()
  })
  return server
}

async function gateTo(server: TestRegistry): Promise<RegistryGate> {
  const gate = await registryGate(server)
  onTestFinished(async () => {
    await removeImages(gate)
    await gate[Symbol.asyncDispose]()
  })
  return gate
}

async function puller(input: Partial<PullerInput> = {}) {
  const engine = await testEngine()
  const notices: string[] = []
  const ensure = imagePuller({
    engine: async () => engine,
    notify: line => void notices.push(line),
    credentials: async () => undefined,
    signal: never,
    ...input,
  })
  return {
    engine,
    notices,
    ensure: (image: string) => ensure({name: 'one', image}, never),
    raw: ensure,
  }
}

const newRepository = () => `images-${randomUUID()}/server`
const withLogin: Credentials = async () => REGISTRY_LOGIN
const brokenHelper: Credentials = async () => {
  throw new PluginError('CREDENTIALS_FAILED', 'the helper is broken')
}
/** A pull that takes more than five seconds tells of that, too. */
const withoutProgress = (notices: readonly string[]) =>
  notices.filter(line => !/: \d+ % of /.test(line))
const blobsAsked = ({asked}: RegistryGate) => asked.filter(line => /^GET .*\/blobs\//.test(line))

/** Keys for everything, and these digests are signed. */
function signedOnly(signed: Set<string>): ImageVerifier & {readonly verified: string[]} {
  const verified: string[] = []
  return {
    verified,
    applies: () => true,
    async verify(_ref, digest) {
      verified.push(digest)
      if (!signed.has(digest)) throw new PluginError('SIGNATURE_INVALID', 'not signed')
    },
  }
}

async function failureOf(promise: Promise<unknown>): Promise<PluginError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof PluginError) return error
  throw new Error(`this is no refusal: ${String(error)}`)
}

/** What `docker run` finds in that image: its labels, which is all that tells the images of these tests apart. */
async function labelOf(engine: Engine, reference: string): Promise<string | undefined> {
  return (await engine.inspectImage(reference))?.labels['which']
}

describe('an image that is not here', () => {
  test('is pulled with the login that docker has, and told of', async () => {
    const server = await registry({login: true})
    const repository = newRepository()
    await pushImage(server, {repository, tag: '1', ballast: 3 * MB})
    const {ensure, notices} = await puller({credentials: withLogin})
    const name = `${server.host}/${repository}:1`
    expect(await ensure(name)).toMatchObject({wasPulled: true, reference: name})
    const told = [
      `- one: pulling ${name}`,
      expect.stringMatching(/^- one: pulled .*: 3\.\d MB in \d+\.\d s$/),
    ]
    expect(withoutProgress(notices)).toEqual(told)
    expect(await ensure(name)).toMatchObject({wasPulled: false, reference: name})
    expect(withoutProgress(notices)).toEqual(told)
  })

  test.each<[string, Credentials]>([
    ['no login', async () => undefined],
    ['a wrong one', async () => ({username: 'tester', password: 's3cret'})],
  ])('is not pulled with %s, and docker login is the next step', async (_, credentials) => {
    const server = await registry({login: true})
    const repository = newRepository()
    await pushImage(server, {repository, tag: '1'})
    const {ensure} = await puller({credentials})
    const error = await failureOf(ensure(`${server.host}/${repository}:1`))
    expect(error).toMatchObject({
      code: 'IMAGE_MISSING',
      message: expect.stringContaining(`server one: the engine could not pull ${server.host}`),
      hint: expect.stringContaining(`docker login ${server.host}`),
    })
    expect(JSON.stringify([error, error.message, error.cause])).not.toContain('s3cret')
  })

  test('is pulled though the credential helper fails, which is told when that was needed', async () => {
    const open = await registry()
    const closed = await registry({login: true})
    const repository = newRepository()
    await pushImage(open, {repository, tag: '1'})
    await pushImage(closed, {repository, tag: '1'})
    const {ensure} = await puller({credentials: brokenHelper})
    expect(await ensure(`${open.host}/${repository}:1`)).toMatchObject({wasPulled: true})
    await expect(ensure(`${closed.host}/${repository}:1`)).rejects.toMatchObject({
      code: 'IMAGE_MISSING',
      message: expect.stringContaining('the helper is broken'),
    })
  })

  test('and not in the registry is an error with its words', async () => {
    const server = await registry()
    const {ensure} = await puller()
    const name = `${server.host}/${newRepository()}:1`
    await expect(ensure(name)).rejects.toMatchObject({
      code: 'IMAGE_MISSING',
      message: expect.stringMatching(/^server one: the engine could not pull .*manifest unknown/),
      hint: 'check the name and its tag in the catalog',
    })
  })

  test('and made here is never looked for elsewhere', async () => {
    const engine = await testEngine()
    const {ensure} = await puller()
    for (const [folder, hint] of [
      ['docker-mcp', 'make it: npm run samples'],
      ['own', 'build it, or tag one with this name'],
    ]) {
      const image = `localhost/${folder}/absent-${randomUUID()}`
      await expect(ensure(image)).rejects.toMatchObject({
        code: 'IMAGE_MISSING',
        message: expect.stringContaining('made on this machine'),
        hint,
      })
      expect(await engine.hasImage(image)).toBe(false)
    }
  })

  test('for other processors is refused before anything of it is fetched', async () => {
    const server = await registry()
    const gate = await gateTo(server)
    const repository = newRepository()
    await pushIndex(server, {repository, tag: '1'}, [
      {architecture: 's390x'},
      {architecture: 'riscv64', variant: 'v1'},
    ])
    const {ensure, notices} = await puller()
    await expect(ensure(`${gate.host}/${repository}:1`)).rejects.toMatchObject({
      code: 'IMAGE_MISSING',
      message: expect.stringMatching(
        /made for linux\/s390x, linux\/riscv64\/v1; the engine runs linux\//,
      ),
      hint: expect.stringContaining(`docker pull --platform linux/s390x ${gate.host}`),
    })
    expect(gate.asked).toContainEqual(expect.stringContaining('/manifests/1'))
    expect(blobsAsked(gate)).toEqual([])
    expect(notices).toEqual([])
  })

  test('for several processors is pulled for that of the engine', async () => {
    const server = await registry()
    const repository = newRepository()
    const {engine, ensure} = await puller()
    const {arch} = await engine.info()
    await pushIndex(server, {repository, tag: '1'}, [{architecture: 's390x'}, {architecture: arch}])
    const {facts} = await ensure(`${server.host}/${repository}:1`)
    expect(facts.architecture).toBe(arch)
  })
})

describe('an image that is named by its digest', () => {
  test('stays the same whatever its tag becomes, also where a tag stands before it', async () => {
    const server = await registry()
    const repository = newRepository()
    const name = `${server.host}/${repository}`
    const first = await pushImage(server, {repository, tag: '1', labels: {which: 'first'}})
    await pushImage(server, {repository, tag: '1', labels: {which: 'second'}})
    const {engine, ensure} = await puller()
    expect((await ensure(`${name}:1`)).facts.labels).toEqual({which: 'second'})
    // What is here under the tag is another one.
    const pinned = await ensure(`${name}:1@${first.digest}`)
    expect(pinned).toMatchObject({wasPulled: true, reference: `${name}@${first.digest}`})
    expect(await labelOf(engine, pinned.reference)).toBe('first')
    expect(await labelOf(engine, `${name}:1`)).toBe('second')
    expect(await ensure(`${name}@${first.digest}`)).toMatchObject({wasPulled: false})
  })

  test('is an error when the registry has no such one', async () => {
    const server = await registry()
    const repository = newRepository()
    await pushImage(server, {repository, tag: '1'})
    const {ensure} = await puller()
    const pinned = `${server.host}/${repository}:1@sha256:${'0'.repeat(64)}`
    await expect(ensure(pinned)).rejects.toMatchObject({code: 'IMAGE_MISSING'})
  })
})

describe('a pull', () => {
  test('is one for many who wait for it, of whom some leave', async () => {
    const server = await registry()
    const gate = await gateTo(server)
    const repository = newRepository()
    const {layers} = await pushImage(server, {repository, tag: '1', ballast: MB})
    const {raw, notices} = await puller()
    const spec = {name: 'one', image: `${gate.host}/${repository}:1`}
    gate.hold(new RegExp(`/blobs/${layers[1]}`))
    const leaving = new AbortController()
    const first = failureReason(raw(spec, leaving.signal))
    const others = Array.from({length: 20}, () => raw(spec, never))
    await gate.held()
    leaving.abort(new Error('the session has ended'))
    expect(await first).toBe('the session has ended')
    gate.release()
    for (const other of await Promise.all(others)) expect(other.wasPulled).toBe(true)
    expect(withoutProgress(notices).filter(line => line.includes('pulling'))).toHaveLength(1)
  })

  test('of two gateways is one for the engine', async () => {
    const server = await registry()
    const gate = await gateTo(server)
    const repository = newRepository()
    const {layers} = await pushImage(server, {repository, tag: '1', ballast: MB})
    gate.hold(new RegExp(`/blobs/${layers[1]}`))
    const fetching = new Inbox<string>()
    const credentials: Credentials = async host => {
      fetching.add(host)
      return undefined
    }
    const [one, two] = [await puller({credentials}), await puller({credentials})]
    const image = `${gate.host}/${repository}:1`
    const both = [one.ensure(image), two.ensure(image)]
    await gate.held()
    // Both have seen that it is not here.
    await fetching.find(() => true, 1)
    gate.release()
    for (const {wasPulled} of await Promise.all(both)) expect(wasPulled).toBe(true)
    const layer = blobsAsked(gate).filter(line => line.includes(`${layers[1]}`))
    expect(layer).toHaveLength(1)
  })

  test('that stands still is given up, and works once the registry does', async () => {
    const server = await registry()
    const gate = await gateTo(server)
    const repository = newRepository()
    const {layers} = await pushImage(server, {repository, tag: '1', ballast: MB})
    await pushImage(server, {repository, tag: '2'})
    const {ensure} = await puller({silenceMs: 3000})
    const image = `${gate.host}/${repository}:1`
    gate.hold(new RegExp(`/blobs/${layers[1]}`))
    // The engine takes its time, and only what is held is to be silent for too long.
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    onTestFinished(() => void vi.useRealTimers())
    const gaveUp = vi.fn<() => void>()
    const stuck = failureOf(ensure(image)).finally(gaveUp)
    await gate.held()
    expect(await ensure(`${gate.host}/${repository}:2`)).toMatchObject({wasPulled: true})
    while (gaveUp.mock.calls.length === 0) await vi.advanceTimersByTimeAsync(1000)
    expect(await stuck).toMatchObject({
      code: 'IMAGE_MISSING',
      message: `server one: the engine could not pull ${image}: nothing more came for 3 s`,
    })
    gate.release()
    expect(await ensure(image)).toMatchObject({wasPulled: true})
  })

  test('ends with the gateway', async () => {
    const server = await registry()
    const gate = await gateTo(server)
    const repository = newRepository()
    const {layers} = await pushImage(server, {repository, tag: '1', ballast: MB})
    const stop = new AbortController()
    const {ensure} = await puller({signal: stop.signal})
    gate.hold(new RegExp(`/blobs/${layers[1]}`))
    const ended = failureReason(ensure(`${gate.host}/${repository}:1`))
    await gate.held()
    stop.abort(new Error('the gateway is stopping'))
    expect(await ended).toBe('the gateway is stopping')
  })

  test('that failed for those who left is tried again', async () => {
    const server = await registry()
    const repository = newRepository()
    const {raw} = await puller()
    const spec = {name: 'one', image: `${server.host}/${repository}:1`}
    const leaving = new AbortController()
    const first = failureReason(raw(spec, leaving.signal))
    leaving.abort(new Error('the session has ended'))
    expect(await first).toBe('the session has ended')
    await pushImage(server, {repository, tag: '1'})
    expect((await raw(spec, never)).facts.architecture).not.toBe('')
  })

  test('to the newest fetches what is old, and nothing else', async () => {
    const server = await registry()
    const repository = newRepository()
    const image = `${server.host}/${repository}:1`
    const {engine, ensure} = await puller({toNewest: true})
    const first = await pushImage(server, {repository, tag: '1', labels: {which: 'first'}})
    expect(await ensure(image)).toMatchObject({wasPulled: true})
    expect(await ensure(image)).toMatchObject({wasPulled: false})
    await pushImage(server, {repository, tag: '1', labels: {which: 'second'}})
    expect(await ensure(image)).toMatchObject({wasPulled: true})
    expect(await labelOf(engine, image)).toBe('second')
    expect(await ensure(`${image}@${first.digest}`)).toMatchObject({wasPulled: false})
    const made = await fixtureImage('counts-calls')
    expect(await ensure(made)).toMatchObject({wasPulled: false})
  })
})

describe('an image that must be signed', () => {
  test('is pulled by the digest that was verified, and started by it', async () => {
    const server = await registry()
    const repository = newRepository()
    const [name, signed] = [`${server.host}/${repository}`, new Set<string>()]
    const {digest} = await pushImage(server, {repository, tag: '1', labels: {which: 'signed'}})
    signed.add(digest)
    const {engine, ensure} = await puller({verifier: signedOnly(signed)})
    const ready = {wasPulled: true, reference: `${name}@${digest}`}
    expect(await ensure(`${name}:1`)).toMatchObject(ready)
    expect(await labelOf(engine, `${name}@${digest}`)).toBe('signed')
    // The tag is here, too: the next start needs no registry.
    expect(await labelOf(engine, `${name}:1`)).toBe('signed')
    await server[Symbol.asyncDispose]()
    expect(await ensure(`${name}:1`)).toMatchObject({...ready, wasPulled: false})
  })

  test('and is not is refused before anything of it is fetched', async () => {
    const server = await registry()
    const gate = await gateTo(server)
    const repository = newRepository()
    const {digest} = await pushImage(server, {repository, tag: '1'})
    const verifier = signedOnly(new Set())
    const {engine, ensure} = await puller({verifier})
    for (const name of [`${repository}:1`, `${repository}@${digest}`]) {
      await expect(ensure(`${gate.host}/${name}`)).rejects.toMatchObject({
        code: 'SIGNATURE_INVALID',
        message: 'server one: not signed',
      })
      expect(await engine.hasImage(`${gate.host}/${name}`)).toBe(false)
    }
    expect(verifier.verified).toEqual([digest, digest])
    expect(blobsAsked(gate)).toEqual([])
  })

  test('is refused where another one has got its tag', async () => {
    const server = await registry()
    const repository = newRepository()
    const name = `${server.host}/${repository}`
    const {digest} = await pushImage(server, {repository, tag: '1'})
    const {ensure} = await puller({verifier: signedOnly(new Set([digest]))})
    const made = await fixtureImage('counts-calls')
    await ensure(`${name}:1`)
    await run('docker', ['tag', made, `${name}:1`])
    await expect(ensure(`${name}:1`)).rejects.toMatchObject({
      code: 'SIGNATURE_INVALID',
      message: expect.stringContaining('made on this machine'),
      hint: expect.stringContaining('--no-verify-signatures'),
    })
    await run('docker', ['image', 'rm', `${name}:1`])
  })

  test('is refused where its name is none of a registry, also when it is here', async () => {
    const {engine} = await puller()
    const {id} = (await engine.inspectImage(await fixtureImage('counts-calls'), never)) ?? {}
    const {ensure} = await puller({verifier: signedOnly(new Set())})
    const image = id?.replace('sha256:', '') ?? ''
    expect(await failureOf(ensure(image))).toMatchObject({
      code: 'SIGNATURE_INVALID',
      message: expect.stringContaining('not the name of an image in a registry'),
    })
  })

  test('is not pulled when the registry does not tell its digest', async () => {
    const server = await registry({login: true})
    const repository = newRepository()
    await pushImage(server, {repository, tag: '1'})
    const {ensure} = await puller({verifier: signedOnly(new Set())})
    await expect(ensure(`${server.host}/${repository}:1`)).rejects.toMatchObject({
      code: 'IMAGE_MISSING',
      message: expect.stringMatching(/^server one: .*no basic auth credentials/),
      hint: expect.stringContaining(`docker login ${server.host}`),
    })
  })

  test('is not pulled when nobody tells its digest', async () => {
    const server = await registry()
    const repository = newRepository()
    await pushImage(server, {repository, tag: '1'})
    const real = await testEngine()
    const engine = new Proxy(real, {
      get: (target, name) => {
        if (name === 'distribution') return async () => undefined
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const {ensure} = await puller({verifier: signedOnly(new Set()), engine: async () => engine})
    await expect(ensure(`${server.host}/${repository}:1`)).rejects.toMatchObject({
      code: 'SIGNATURE_INVALID',
      message: expect.stringContaining('does not tell its digest'),
    })
  })

  test('stays as it is when nobody tells whether it is old, if it is signed', async () => {
    const server = await registry()
    const repository = newRepository()
    const image = `${server.host}/${repository}:1`
    const {digest} = await pushImage(server, {repository, tag: '1'})
    await (await puller()).ensure(image)
    const engine = Object.assign(await testEngine(), {distribution: async () => undefined})
    const input = {toNewest: true, engine: async () => engine}
    const {ensure} = await puller({...input, verifier: signedOnly(new Set([digest]))})
    expect(await ensure(image)).toMatchObject({wasPulled: false, mayBeOld: true})
    const strict = await puller({...input, verifier: signedOnly(new Set())})
    await expect(strict.ensure(image)).rejects.toMatchObject({code: 'SIGNATURE_INVALID'})
  })
})

async function failureReason(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'nothing failed',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )
}
