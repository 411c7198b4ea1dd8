import {randomUUID} from 'node:crypto'
import Docker from 'dockerode'
import {afterEach, beforeEach, describe, expect, onTestFinished, test} from 'vitest'
import {Scope} from '../../../src/lib/base/scope.ts'
import {Connection} from '../../../src/lib/engine/connection.ts'
import {openEngine} from '../../../src/lib/engine/dockerode.ts'
import {distribution} from '../../../src/lib/engine/pull.ts'
import {engineAuth} from '../../../src/lib/images/credentials.ts'
import {REGISTRY_LOGIN, registryServer, type TestRegistry} from '../../support/registry.ts'
import {pushImage, pushIndex, removeImages} from '../../support/registry-image.ts'
import {endpoint, fakeEngine, listenOn, recordingProxy, run} from './engine-lab.ts'

let scope: Scope
beforeEach(() => (scope = new Scope()))
afterEach(() => scope.close())

async function registry(options: {login?: boolean} = {}): Promise<TestRegistry> {
  const server = await registryServer(options)
  onTestFinished(() => server[Symbol.asyncDispose]())
  return server
}

describe('distribution', () => {
  test('tells digest and platforms of what the registry has', async () => {
    const server = await registry()
    const repository = `images-${randomUUID()}/server`
    const index = await pushIndex(server, {repository, tag: '1'}, [
      {architecture: 's390x'},
      {architecture: 'arm64', variant: 'v8'},
      {architecture: 'unknown', os: 'unknown'},
    ])
    const engine = await openEngine(endpoint)
    const told = await engine.distribution(`${server.host}/${repository}:1`, undefined)
    expect(told).toEqual({
      digest: index.digest,
      platforms: [
        {os: 'linux', architecture: 's390x'},
        {os: 'linux', architecture: 'arm64', variant: 'v8'},
      ],
    })
  })

  test('has the login that it is given, in a header alone', async () => {
    const server = await registry({login: true})
    const repository = `images-${randomUUID()}/server`
    const {digest} = await pushImage(server, {repository, tag: '1'})
    const proxy = await recordingProxy(scope)
    const engine = await openEngine(proxy.endpoint)
    const ref = `${server.host}/${repository}:1`
    const auth = engineAuth(REGISTRY_LOGIN, server.host)
    expect(await engine.distribution(ref, auth)).toMatchObject({digest})
    expect(proxy.sent().split(auth)).toHaveLength(2)
    expect(proxy.sent()).toMatch(new RegExp(`^X-Registry-Auth: ${auth}\r$`, 'm'))
    const wrong = engineAuth({username: 'tester', password: 's3cret'}, server.host)
    const refusal = await engine.distribution(ref, wrong).catch((error: unknown) => error)
    expect(refusal).toMatchObject({
      code: 'ENGINE_FAILED',
      message: expect.stringMatching(/what the registry has as .*: unauthorized/),
    })
    expect(JSON.stringify(refusal, Object.getOwnPropertyNames(refusal))).not.toContain('s3cret')
  })

  test('says in the words of the registry that it has none', async () => {
    const server = await registry()
    const engine = await openEngine(endpoint)
    await expect(
      engine.distribution(`${server.host}/images/none:1`, undefined),
    ).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      message: expect.stringContaining('manifest unknown'),
    })
  })

  test.each([
    ['docker that has none', {status: 404, body: {message: 'page not found'}}],
    ['podman', {status: 404, body: 'Not Found'}],
  ])('is not told by an engine without that request, as %s', async (_, answer) => {
    const {engine, asked} = await fakeEngine(scope, {'GET /distribution/a/b/json': answer})
    expect(await engine.distribution('a/b', undefined)).toBeUndefined()
    expect(asked).toContain('GET /distribution/a/b/json')
  })

  test('does not take a silent registry for a silent engine', async () => {
    const port = await listenOn(scope, 0, () => undefined)
    const docker = new Docker({socketPath: '/var/run/docker.sock'})
    const connection = new Connection(Reflect.get(docker, 'modem'), endpoint)
    const ref = `127.0.0.1:${port}/a/b:1`
    const asking = distribution(connection, {ref, auth: undefined, withinMs: 1000})
    await expect(asking).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      message: expect.stringContaining('the registry did not answer within 1 s'),
    })
    const leaving = new AbortController()
    const left = distribution(connection, {ref, auth: undefined}, leaving.signal)
    const reason = new Error('not wanted')
    leaving.abort(reason)
    await expect(left).rejects.toBe(reason)
  })

  test.each([
    {},
    [],
    'text',
    {Descriptor: {digest: 'latest'}},
    {Descriptor: {digest: `sha256:${'0'.repeat(64)}\n`}},
    {Descriptor: {digest: `sha256:${'0'.repeat(64)}`}, Platforms: 'all'},
  ])('is refused when it is none: %j', async body => {
    const {engine} = await fakeEngine(scope, {'GET /distribution/a/json': {body}})
    await expect(engine.distribution('a', undefined)).rejects.toMatchObject({code: 'ENGINE_FAILED'})
  })
})

test('an image gets one more name', async () => {
  const server = await registry()
  onTestFinished(() => removeImages(server))
  const repository = `images-${randomUUID()}/server`
  const {digest} = await pushImage(server, {repository, tag: '1'})
  const engine = await openEngine(endpoint)
  const name = `${server.host}/${repository}`
  const never = new AbortController().signal
  await engine.pullImage(`${name}@${digest}`, {onProgress: () => undefined}, never)
  expect(await engine.hasImage(`${name}:other`)).toBe(false)
  await engine.tagImage(`${name}@${digest}`, {repository: name, tag: 'other'})
  expect(await engine.inspectImage(`${name}:other`)).toMatchObject({
    repoDigests: [`${name}@${digest}`],
  })
  await expect(
    engine.tagImage(`${name}:absent`, {repository: name, tag: 'x'}),
  ).rejects.toMatchObject({code: 'ENGINE_FAILED'})
  await run('docker', ['image', 'rm', `${name}:other`])
})
