import {createHash} from 'node:crypto'
import {once} from 'node:events'
import {createServer} from 'node:http'
import type {AddressInfo} from 'node:net'
import * as fc from 'fast-check'
import {afterAll, beforeAll, describe, expect, onTestFinished, test} from 'vitest'
import {pullArtifact, pushArtifact} from '../../../src/lib/images/artifact.ts'
import type {Credentials} from '../../../src/lib/images/credentials.ts'
import {registryGate} from '../../support/registry-gate.ts'
import {REGISTRY_LOGIN, registryServer, type TestRegistry} from '../../support/registry.ts'

const TYPE = 'application/vnd.docker.mcp.catalog.v1+json'
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const INDEX = 'application/vnd.oci.image.index.v1+json'
const LAYER = '{"title":"Mine","servers":[]}'
const nobody: Credentials = async () => undefined
const tester: Credentials = async () => REGISTRY_LOGIN
const input = {credentials: nobody, outgoing: {env: {}}}

let registry: TestRegistry

beforeAll(async () => {
  registry = await registryServer()
})

afterAll(() => registry[Symbol.asyncDispose]())

function digestOf(content: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}

/** Stores a manifest as it is wanted, with a layer that is there. */
async function store(name: string, change: (manifest: object) => object): Promise<string> {
  const config = {mediaType: 'application/vnd.oci.empty.v1+json'}
  const [empty, layer] = await Promise.all([
    registry.putBlob(name, Buffer.from('{}')),
    registry.putBlob(name, Buffer.from(LAYER)),
  ])
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    artifactType: TYPE,
    config: {...config, ...empty},
    layers: [{mediaType: 'application/json', ...layer}],
  }
  await registry.putManifest(name, 'latest', {mediaType: MANIFEST, ...change(manifest)})
  return `${registry.host}/${name}`
}

describe('an artefact', () => {
  test('comes back as it was pushed, by tag and by digest', async () => {
    const ref = `${registry.host}/org/team`
    const digest = await pushArtifact(`${ref}:one`, {artifactType: TYPE, layer: LAYER}, input)
    const pulled = {digest, layer: LAYER}
    expect(await pullArtifact(`${ref}:one`, {artifactType: TYPE}, input)).toEqual(pulled)
    expect(await pullArtifact(`${ref}@${digest}`, {artifactType: TYPE}, input)).toEqual(pulled)
  })

  test('is stored as docker stores its own', async () => {
    const ref = `${registry.host}/org/shape`
    const digest = await pushArtifact(ref, {artifactType: TYPE, layer: LAYER}, input)
    const accept = {headers: {accept: MANIFEST}}
    const answer = await registry.request('GET', '/v2/org/shape/manifests/latest', accept)
    const text = await answer.text()
    expect(digest).toBe(digestOf(text))
    expect(JSON.parse(text)).toEqual({
      schemaVersion: 2,
      mediaType: MANIFEST,
      artifactType: TYPE,
      config: {
        mediaType: 'application/vnd.oci.empty.v1+json',
        digest: digestOf('{}'),
        size: 2,
      },
      layers: [{mediaType: 'application/json', digest: digestOf(LAYER), size: LAYER.length}],
    })
  })

  test('of any text is the same again, and has the same digest the second time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({unit: 'binary'}), async text => {
        const layer = JSON.stringify({text})
        const ref = `${registry.host}/org/any`
        const digest = await pushArtifact(ref, {artifactType: TYPE, layer}, input)
        expect(await pushArtifact(ref, {artifactType: TYPE, layer}, input)).toBe(digest)
        expect(await pullArtifact(ref, {artifactType: TYPE}, input)).toEqual({digest, layer})
      }),
      {numRuns: 15},
    )
  })

  test('goes to a registry with a login, which is in no error', async () => {
    await using locked = await registryServer({login: true})
    const ref = `${locked.host}/org/team`
    const artifact = {artifactType: TYPE, layer: LAYER}
    const digest = await pushArtifact(ref, artifact, {...input, credentials: tester})
    const known = {...input, credentials: tester}
    expect(await pullArtifact(ref, artifact, known)).toEqual({digest, layer: LAYER})
    await expect(pushArtifact(ref, artifact, input)).rejects.toThrow(
      `cannot push ${ref}: ${locked.host}: it does not let us write there: log in with docker login`,
    )
    await expect(pullArtifact(ref, artifact, input)).rejects.toThrow('does not let us read there')
  })

  test.each([
    [
      'an index',
      (): object => ({schemaVersion: 2, mediaType: INDEX, manifests: []}),
      'it is no artefact',
    ],
    [
      'of another type',
      (one: object): object => ({
        ...one,
        artifactType: 'application/vnd.docker.mcp.profile.v1+json',
      }),
      `it is of type application/vnd.docker.mcp.profile.v1+json, and not ${TYPE}`,
    ],
    ['without a layer', (one: object): object => ({...one, layers: []}), 'it has 0 layers'],
  ])('that is %s is refused', async (what, change, reason) => {
    const ref = await store(`org/${what.replaceAll(' ', '-')}`, change)
    await expect(pullArtifact(ref, {artifactType: TYPE}, input)).rejects.toThrow(reason)
  })

  test('of before OCI 1.1 says its type in its config', async () => {
    const ref = await store('org/old', manifest => {
      const {config, layers} = manifest as {config: object; layers: object[]}
      return {schemaVersion: 2, config: {...config, mediaType: TYPE}, layers}
    })
    expect((await pullArtifact(ref, {artifactType: TYPE}, input)).layer).toBe(LAYER)
  })

  test('with other bytes than those of its digest is refused, as is a larger one', async () => {
    await using gate = await registryGate(registry)
    const ref = `${gate.host}/org/gated`
    const artifact = {artifactType: TYPE, layer: LAYER}
    const digest = await pushArtifact(ref, artifact, input)
    gate.answer(path =>
      path.includes('/blobs/') ? {status: 200, body: LAYER.toUpperCase()} : undefined,
    )
    await expect(pullArtifact(ref, artifact, input)).rejects.toThrow(
      `what it sent is not ${digestOf(LAYER)}`,
    )
    gate.answer(path => (path.includes('/blobs/') ? {status: 200, body: `${LAYER} `} : undefined))
    await expect(pullArtifact(ref, artifact, input)).rejects.toThrow('it sent more than')
    gate.answer(path => (path.includes('/manifests/') ? {status: 200, body: '{}'} : undefined))
    await expect(pullArtifact(`${ref}@${digest}`, artifact, input)).rejects.toThrow(
      `what it sent is not ${digest}`,
    )
  })

  test('that says to be huge is not read at all', async () => {
    await using gate = await registryGate(registry)
    const huge = {mediaType: 'application/json', digest: digestOf('x'), size: 20_000_000}
    const body = JSON.stringify({artifactType: TYPE, config: {mediaType: 'a/b'}, layers: [huge]})
    gate.answer(path => (path.includes('/manifests/') ? {status: 200, body} : undefined))
    const ref = `${gate.host}/org/huge`
    await expect(pullArtifact(ref, {artifactType: TYPE}, input)).rejects.toThrow(
      'larger than 16 MiB',
    )
    expect(gate.asked).toEqual(['GET /v2/org/huge/manifests/latest'])
  })

  test('is not sent to another host than the registry', async () => {
    const seen: string[] = []
    const other = createServer((request, response) => {
      seen.push(request.url ?? '')
      response.end()
    })
    const liar = createServer(({method}, response) => {
      if (method === 'HEAD') response.writeHead(404).end()
      else response.writeHead(202, {location: `http://127.0.0.1:${portOf(other)}/take`}).end()
    })
    for (const server of [other, liar]) {
      await once(server.listen(0, '127.0.0.1'), 'listening')
      onTestFinished(() => {
        server.close()
        server.closeAllConnections()
      })
    }
    const ref = `127.0.0.1:${portOf(liar)}/org/liar`
    await expect(pushArtifact(ref, {artifactType: TYPE, layer: LAYER}, input)).rejects.toThrow(
      'which is another host',
    )
    expect(seen).toEqual([])
  })

  test('has a name without a way out of its repository', async () => {
    const artifact = {artifactType: TYPE, layer: LAYER}
    for (const name of ['../other', 'org/../other', 'org/%2e%2e/x', 'Org/Team', 'org//x', '']) {
      const ref = `${registry.host}/${name}`
      await expect(pushArtifact(ref, artifact, input)).rejects.toThrow('not a valid OCI reference')
      await expect(pullArtifact(ref, artifact, input)).rejects.toThrow('not a valid OCI reference')
    }
    await expect(
      pushArtifact(`${registry.host}/org/x@${digestOf('x')}`, artifact, input),
    ).rejects.toThrow('without a digest')
  })

  test('that is not there is an error that names the registry', async () => {
    const ref = `${registry.host}/org/nothing:here`
    await expect(pullArtifact(ref, {artifactType: TYPE}, input)).rejects.toMatchObject({
      code: 'FETCH_FAILED',
      message: `cannot pull ${ref}: ${registry.host}: there is none of that name`,
    })
  })
})

function portOf(server: {address(): unknown}): number {
  return (server.address() as AddressInfo).port
}
