import {mkdtemp, readFile, rm, stat, writeFile, mkdir} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, onTestFinished, test} from 'vitest'
import {missingTools} from '../../../scripts/test-tools.ts'
import {normalizeReference, type ImageReference} from '../../../src/lib/images/reference.ts'
import type {SigningKey} from '../../../src/lib/images/signature.ts'
import {createVerifier} from '../../../src/lib/images/verifier.ts'
import {registryGate} from '../../support/registry-gate.ts'
import {REGISTRY_LOGIN, registryServer, type TestRegistry} from '../../support/registry.ts'
import {
  bundleLayer,
  MANIFEST,
  messageBundle,
  payloadFor,
  putAttached,
  putImage,
  putTagged,
  signed,
  signImage,
  signingKey,
  simpleLayer,
  statementBundle,
  statementFor,
  testKey,
} from '../../support/signing.ts'

const hasRegistry = !(await missingTools()).includes('docker-registry')
const key = testKey()
const never = new AbortController().signal

async function stateDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'verifier-'))
  onTestFinished(() => rm(dir, {recursive: true}))
  return dir
}

describe.runIf(hasRegistry)('a verifier', () => {
  let registry: TestRegistry
  let images = 0

  beforeAll(async () => {
    registry = await registryServer()
  })

  afterAll(() => registry[Symbol.asyncDispose]())

  /** An image of its own for each test: where it is and what its digest is. */
  async function image(repository = `acme/tool-${++images}`) {
    return {repository, digest: await putImage(registry, repository)}
  }

  function refOf({repository}: {repository: string}): ImageReference {
    const ref = normalizeReference(`${registry.host}/${repository}:latest`)
    if (!ref) throw new Error(`${registry.host}/${repository} is no reference`)
    return ref
  }

  async function verifier(keys: readonly SigningKey[] = [signingKey(key)], dir?: string) {
    const notices: string[] = []
    const made = createVerifier({
      keys,
      credentials: async () => undefined,
      stateDir: dir ?? (await stateDir()),
      notify: line => void notices.push(line),
    })
    return {
      notices,
      verify: (at: {repository: string; digest: string}) =>
        made.verify(refOf(at), at.digest, never),
    }
  }

  test('takes what cosign signed in its first way', async () => {
    const at = await image()
    await signImage(registry, at, key)
    await (await verifier()).verify(at)
  })

  test('takes a bundle that is attached', async () => {
    const at = await image()
    await putAttached(registry, at, bundleLayer(statementBundle(statementFor(at.digest), key)))
    await (await verifier()).verify(at)
  })

  test("takes a bundle with a signature of the image's manifest", async () => {
    const at = await image()
    const path = `/v2/${at.repository}/manifests/${at.digest}`
    const headers = {accept: MANIFEST}
    const manifest = Buffer.from(
      await (await registry.request('GET', path, {headers})).arrayBuffer(),
    )
    await putAttached(registry, at, bundleLayer(messageBundle(manifest, key)))
    await (await verifier()).verify(at)
  })

  test('takes one good signature among others', async () => {
    const at = await image()
    const [ours, other] = [payloadFor(at.digest), payloadFor(`sha256:${'0'.repeat(64)}`)]
    await putTagged(registry, at, [
      simpleLayer(ours, signed(ours, testKey())),
      simpleLayer(other, signed(other, key)),
      bundleLayer({no: 'bundle'}),
      simpleLayer(ours, signed(ours, key)),
    ])
    await (await verifier()).verify(at)
  })

  test('takes one good signature behind blobs that are gone, larger than they say, or not theirs', async () => {
    const at = await image()
    const payload = payloadFor(at.digest)
    const layers = [1, 2, 3, 4].map(number => {
      const content = payloadFor(at.digest, `number ${number}`)
      return simpleLayer(content, signed(content, key))
    })
    const good = simpleLayer(payload, signed(payload, key))
    const blobs = await putTagged(registry, at, [...layers, good])
    await using lying = await registryGate(registry)
    const [gone, large, other, strange] = blobs.map(({digest}) => digest)
    lying.answer(path => {
      if (path.endsWith(`/blobs/${gone}`)) return {status: 404}
      if (path.endsWith(`/blobs/${large}`)) return {status: 200, body: 'x'.repeat(100_000)}
      if (path.endsWith(`/blobs/${other}`)) return {status: 200, body: 'other bytes'}
      if (path.endsWith(`/blobs/${strange}`)) return {status: 416}
      return undefined
    })
    await (await verifier([signingKey(key, {repository: {...at, registry: lying.host}})])).verify(
      at,
    )
    for (const {digest} of blobs) {
      expect(lying.asked).toContain(`GET /v2/${at.repository}/blobs/${digest}`)
    }
  })

  test('takes one good signature behind an attached manifest that is none', async () => {
    const at = await image()
    const bundle = (name: string) =>
      bundleLayer(statementBundle({...statementFor(at.digest), name}, key))
    await putAttached(registry, at, bundle('first'), bundle('second'))
    await using lying = await registryGate(registry)
    let broken: string | undefined
    lying.answer(path => {
      if (!path.includes('/manifests/sha256:')) return undefined
      broken ??= path
      return path === broken ? {status: 200, body: 'no manifest'} : undefined
    })
    await (await verifier([signingKey(key, {repository: {...at, registry: lying.host}})])).verify(
      at,
    )
    expect(broken).toBeDefined()
  })

  test('refuses when a registry fails in the middle, whatever else is there', async () => {
    const at = await image()
    await signImage(registry, at, testKey())
    await using failing = await registryGate(registry)
    failing.answer(path => (path.includes('/blobs/') ? {status: 503} : undefined))
    const keys = [signingKey(key, {repository: {...at, registry: failing.host}})]
    await expect((await verifier(keys)).verify(at)).rejects.toMatchObject({
      code: 'SIGNATURE_INVALID',
      message: expect.stringMatching(/could not be looked for: .*status 503/),
    })
  })

  test('gives up when looking takes too long, and says where', async () => {
    const at = await image()
    await signImage(registry, at, key)
    await using slow = await registryGate(registry)
    slow.hold(/\/blobs\//)
    const made = createVerifier({
      keys: [signingKey(key, {repository: {...at, registry: slow.host}})],
      credentials: async () => undefined,
      stateDir: await stateDir(),
      notify: () => undefined,
      searchMs: 500,
    })
    await expect(made.verify(refOf(at), at.digest, never)).rejects.toMatchObject({
      code: 'SIGNATURE_INVALID',
      message: expect.stringContaining(`${slow.host}: looking there took longer than 0.5 s`),
    })
  })

  test('ends with whoever asked', async () => {
    const at = await image()
    await signImage(registry, at, key)
    await using slow = await registryGate(registry)
    slow.hold(/\/blobs\//)
    const made = createVerifier({
      keys: [signingKey(key, {repository: {...at, registry: slow.host}})],
      credentials: async () => undefined,
      stateDir: await stateDir(),
      notify: () => undefined,
    })
    const leaving = new AbortController()
    const end = new Error('the session has ended')
    const looking = made.verify(refOf(at), at.digest, leaving.signal)
    void slow.held().then(() => leaving.abort(end))
    await expect(looking).rejects.toBe(end)
  })

  test('takes any of the keys that count, wherever their signatures are', async () => {
    const at = await image()
    const elsewhere = {registry: registry.host, repository: 'acme/signatures'}
    await signImage(registry, {...at, repository: elsewhere.repository}, key)
    const keys = [signingKey(testKey()), signingKey(key, {repository: elsewhere})]
    await (await verifier(keys)).verify(at)
  })

  test('refuses an image without a signature, and says where it looked and for whose', async () => {
    const at = await image()
    await expect((await verifier()).verify(at)).rejects.toMatchObject({
      code: 'SIGNATURE_INVALID',
      message: `the image ${registry.host}/${at.repository}@${at.digest} has no signature in ${registry.host}/${at.repository}, and must be signed by the key of a test`,
      hint: expect.stringContaining('--no-verify-signatures'),
    })
  })

  test('refuses a signature by another key', async () => {
    const at = await image()
    await signImage(registry, at, testKey())
    await expect((await verifier()).verify(at)).rejects.toMatchObject({
      code: 'SIGNATURE_INVALID',
      message: expect.stringMatching(
        /is signed, but not by a key that counts for it \(the key of a test\)$/,
      ),
    })
  })

  test('refuses the signature of another image that was put in its place', async () => {
    const [at, other] = [await image(), await image()]
    const payload = payloadFor(other.digest)
    await putTagged(registry, at, [simpleLayer(payload, signed(payload, key))])
    await expect((await verifier()).verify(at)).rejects.toMatchObject({
      code: 'SIGNATURE_INVALID',
      message: expect.stringContaining(`is for another image: it names ${other.digest}`),
    })
  })

  test('refuses a payload that was changed after it was signed', async () => {
    const at = await image()
    const payload = payloadFor(at.digest)
    const signature = signed(payloadFor(`sha256:${'0'.repeat(64)}`), key)
    await putTagged(registry, at, [simpleLayer(payload, signature)])
    await expect((await verifier()).verify(at)).rejects.toThrow('not by a key that counts')
  })

  test('refuses an image again whose signature was taken away', async () => {
    const at = await image()
    await signImage(registry, at, key)
    const path = `/v2/${at.repository}/manifests`
    const tag = `${at.digest.replace(':', '-')}.sig`
    const head = await registry.request('HEAD', `${path}/${tag}`, {headers: {accept: MANIFEST}})
    await registry.request('DELETE', `${path}/${head.headers.get('docker-content-digest')}`)
    await expect((await verifier()).verify(at)).rejects.toThrow('has no signature')
  })

  test('refuses what only says that it was attested', async () => {
    const at = await image()
    const statement = {...statementFor(at.digest), predicateType: 'https://slsa.dev/provenance/v1'}
    await putAttached(registry, at, bundleLayer(statementBundle(statement, key)))
    await expect((await verifier()).verify(at)).rejects.toThrow('says something else')
  })

  test('refuses a signature that is larger than any, without fetching it', async () => {
    const at = await image()
    const content = Buffer.alloc(2 * 1024 * 1024, ' ')
    const [blob] = await putTagged(registry, at, [simpleLayer(content, signed(content, key))])
    await expect((await verifier()).verify(at)).rejects.toThrow('larger than 1 MiB')
    expect(registry.log()).not.toContain(`GET /v2/${at.repository}/blobs/${blob?.digest}`)
  })

  test('looks at so many signatures and no more', async () => {
    const at = await image()
    const layers = Array.from({length: 51}, (_, index) => {
      const payload = payloadFor(at.digest, `number ${index}`)
      return simpleLayer(payload, signed(payload, index === 50 ? key : testKey()))
    })
    await putTagged(registry, at, layers)
    await expect((await verifier()).verify(at)).rejects.toThrow('not by a key that counts')
  })

  test('remembers what it verified, by image, digest and key, in a file of the user alone', async () => {
    const at = await image()
    await signImage(registry, at, key)
    const dir = await stateDir()
    await using gate = await registryGate(registry)
    const keys = [signingKey(key, {repository: {...at, registry: gate.host}})]
    await (await verifier(keys, dir)).verify(at)
    const before = gate.asked.length
    expect(before).toBeGreaterThan(0)
    await (await verifier(keys, dir)).verify(at)
    expect(gate.asked).toHaveLength(before)
    const file = join(dir, 'signatures', 'verified.json')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
      verified: [
        {
          digest: at.digest,
          repository: `${registry.host}/${at.repository}`,
          key: signingKey(key).fingerprint,
        },
      ],
    })
    const anotherKey = await verifier([signingKey(testKey())], dir)
    await expect(anotherKey.verify(at)).rejects.toThrow('not by a key that counts')
    const another = await image()
    const anotherDigest = (await verifier(undefined, dir)).verify({...at, digest: another.digest})
    await expect(anotherDigest).rejects.toThrow('has no signature')
  })

  test('asks nobody again for what it verified itself, not even the file', async () => {
    const at = await image()
    await signImage(registry, at, key)
    const dir = await stateDir()
    await using gate = await registryGate(registry)
    const keys = [signingKey(key, {repository: {...at, registry: gate.host}})]
    const {verify} = await verifier(keys, dir)
    await verify(at)
    await rm(join(dir, 'signatures'), {recursive: true})
    const before = gate.asked.length
    expect(before).toBeGreaterThan(0)
    await verify(at)
    expect(gate.asked).toHaveLength(before)
  })

  test('remembers all of many that are verified at once', async () => {
    const dir = await stateDir()
    const all = await Promise.all(Array.from({length: 12}, () => image()))
    await Promise.all(all.map(at => signImage(registry, at, key)))
    const {verify} = await verifier(undefined, dir)
    await Promise.all(all.map(verify))
    const {verified} = JSON.parse(await readFile(join(dir, 'signatures', 'verified.json'), 'utf8'))
    expect(verified).toHaveLength(12)
  })

  test.each(['', 'no JSON', '{"verified": 5}', '{"verified": [null, {"digest": 5}]}'])(
    'forgets a memory that is broken: %j',
    async text => {
      const at = await image()
      await signImage(registry, at, key)
      const dir = await stateDir()
      await mkdir(join(dir, 'signatures'))
      await writeFile(join(dir, 'signatures', 'verified.json'), text)
      await (await verifier(undefined, dir)).verify(at)
      const kept = await readFile(join(dir, 'signatures', 'verified.json'), 'utf8')
      expect(kept).toContain(at.digest)
    },
  )

  test('lets an image run that it cannot remember, and says so', async () => {
    const at = await image()
    await signImage(registry, at, key)
    const dir = await stateDir()
    await writeFile(join(dir, 'signatures'), 'a file where a folder should be')
    const {verify, notices} = await verifier(undefined, dir)
    await verify(at)
    expect(notices).toEqual([expect.stringContaining('signatures')])
  })

  test('asks for the login of the registry, and gives it', async () => {
    await using locked = await registryServer({login: true})
    const digest = await putImage(locked, 'acme/locked')
    await signImage(locked, {repository: 'acme/locked', digest}, key)
    const ref = normalizeReference(`${locked.host}/acme/locked`)
    if (!ref) throw new Error('it is a reference')
    const common = {keys: [signingKey(key)], stateDir: await stateDir(), notify: () => undefined}
    const without = createVerifier({...common, credentials: async () => undefined})
    await expect(without.verify(ref, digest, never)).rejects.toMatchObject({
      code: 'SIGNATURE_INVALID',
      message: expect.stringContaining('log in with docker login'),
    })
    const asked: string[] = []
    const credentials = async (name: string) => {
      asked.push(name)
      return REGISTRY_LOGIN
    }
    await createVerifier({...common, credentials}).verify(ref, digest, never)
    expect(asked).toEqual([locked.host])
  })

  test('refuses when nobody can be asked, and remembers what it knew', async () => {
    const gone = await registryServer()
    const digest = await putImage(gone, 'acme/gone')
    await signImage(gone, {repository: 'acme/gone', digest}, key)
    const ref = normalizeReference(`${gone.host}/acme/gone`)
    if (!ref) throw new Error('it is a reference')
    const common = {
      keys: [signingKey(key)],
      credentials: async () => undefined,
      notify: () => undefined,
    }
    const dir = await stateDir()
    await createVerifier({...common, stateDir: dir}).verify(ref, digest, never)
    await gone[Symbol.asyncDispose]()
    await createVerifier({...common, stateDir: dir}).verify(ref, digest, never)
    const fresh = createVerifier({...common, stateDir: await stateDir()})
    await expect(fresh.verify(ref, digest, never)).rejects.toMatchObject({
      code: 'SIGNATURE_INVALID',
      message: expect.stringMatching(/could not be looked for: .*ECONNREFUSED/),
    })
  })

  test('refuses what is no host, as an error of the user and not of the program', async () => {
    const ref = normalizeReference('999.999.999.999/acme/tool')
    if (!ref) throw new Error('docker takes it as a reference')
    const made = createVerifier({
      keys: [signingKey(key)],
      credentials: async () => undefined,
      stateDir: await stateDir(),
      notify: () => undefined,
    })
    await expect(made.verify(ref, `sha256:${'0'.repeat(64)}`, never)).rejects.toMatchObject({
      code: 'SIGNATURE_INVALID',
      message: expect.stringContaining('999.999.999.999 is not the name of a registry'),
    })
  })

  test('applies where there is a key and nowhere else', async () => {
    const made = createVerifier({
      keys: [signingKey(key, {images: 'ghcr.io/acme/*'})],
      credentials: async () => undefined,
      stateDir: await stateDir(),
      notify: () => undefined,
    })
    const tell = (text: string) => {
      const ref = normalizeReference(text)
      return ref && made.applies(ref)
    }
    expect(tell('ghcr.io/acme/tool')).toBe(true)
    expect(tell('ghcr.io/acme/deep/er:1')).toBe(true)
    expect(tell('ghcr.io/acme-other/tool')).toBe(false)
    expect(tell('acme/tool')).toBe(false)
  })
})
