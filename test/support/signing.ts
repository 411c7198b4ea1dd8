import {createHash, generateKeyPairSync, sign, type KeyObject} from 'node:crypto'
import type {SigningKey} from '../../src/lib/images/signature.ts'
import type {Blob, TestRegistry} from './registry.ts'

/** A pair of keys that a test makes. */
export interface TestKey {
  readonly private: KeyObject
  readonly public: KeyObject
  /** The public one as it stands in a file. */
  readonly pem: string
}

/** @param kind the curve, or the algorithm */
export function testKey(kind: 'P-256' | 'P-384' | 'P-521' | 'ed25519' | 'rsa' = 'P-256'): TestKey {
  const {privateKey, publicKey} = pairOf(kind)
  return {
    private: privateKey,
    public: publicKey,
    pem: publicKey.export({type: 'spki', format: 'pem'}),
  }
}

function pairOf(kind: string): {privateKey: KeyObject; publicKey: KeyObject} {
  if (kind === 'ed25519') return generateKeyPairSync('ed25519')
  if (kind === 'rsa') return generateKeyPairSync('rsa', {modulusLength: 2048})
  return generateKeyPairSync('ec', {namedCurve: kind})
}

/** A key as the program knows it. */
export function signingKey({public: key}: TestKey, more: Partial<SigningKey> = {}): SigningKey {
  const der = key.export({type: 'spki', format: 'der'})
  const fingerprint = createHash('sha256').update(der).digest('hex')
  return {name: 'the key of a test', images: '*', key, fingerprint, ...more}
}

/** The text that cosign signs in its first format. */
export function payloadFor(digest: string, name = 'any.registry/of/the-signer'): Buffer {
  return Buffer.from(
    JSON.stringify({
      critical: {
        identity: {'docker-reference': name},
        image: {'docker-manifest-digest': digest},
        type: 'cosign container image signature',
      },
      optional: null,
    }),
  )
}

/** A signature as cosign makes it: of the bytes as they are, ECDSA in DER. */
export function signed(bytes: Uint8Array, key: TestKey): Buffer {
  return sign(key.private.asymmetricKeyType === 'ed25519' ? null : 'sha256', bytes, key.private)
}

/** The statement that cosign signs in a bundle. */
export function statementFor(digest: string): Record<string, unknown> {
  const [algorithm = '', hex = ''] = digest.split(':')
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{name: 'any', digest: {[algorithm]: hex}}],
    predicateType: 'https://sigstore.dev/cosign/sign/v1',
    predicate: {},
  }
}

export const BUNDLE_TYPES = {
  '0.1': 'application/vnd.dev.sigstore.bundle+json;version=0.1',
  '0.2': 'application/vnd.dev.sigstore.bundle+json;version=0.2',
  '0.3 of old': 'application/vnd.dev.sigstore.bundle+json;version=0.3',
  '0.3': 'application/vnd.dev.sigstore.bundle.v0.3+json',
} as const
export const BUNDLE = BUNDLE_TYPES['0.3']
const IN_TOTO = 'application/vnd.in-toto+json'

/** A bundle around a statement: a DSSE envelope, signed over its pre-authentication encoding. */
export function statementBundle(
  statement: unknown,
  key: TestKey,
  {mediaType = BUNDLE, payloadType = IN_TOTO}: {mediaType?: string; payloadType?: string} = {},
): Record<string, unknown> {
  const payload = Buffer.from(JSON.stringify(statement))
  const head = `DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `
  const sig = signed(Buffer.concat([Buffer.from(head), payload]), key)
  return {
    mediaType,
    verificationMaterial: {publicKey: {hint: 'whatever'}, tlogEntries: []},
    dsseEnvelope: {
      payloadType,
      payload: payload.toString('base64'),
      signatures: [{sig: sig.toString('base64'), keyid: ''}],
    },
  }
}

/** A bundle with the signature of some bytes. */
export function messageBundle(bytes: Uint8Array, key: TestKey): Record<string, unknown> {
  return {
    mediaType: BUNDLE,
    verificationMaterial: {publicKey: {hint: ''}},
    messageSignature: {
      messageDigest: {
        algorithm: 'SHA2_256',
        digest: createHash('sha256').update(bytes).digest('base64'),
      },
      signature: signed(bytes, key).toString('base64'),
    },
  }
}

export const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const INDEX = 'application/vnd.oci.image.index.v1+json'
const EMPTY = {mediaType: 'application/vnd.oci.empty.v1+json'}
const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json'

/** A manifest that stands for an image where nobody runs it. @returns its digest */
export async function putImage(registry: TestRegistry, repository: string): Promise<string> {
  const config = await registry.putBlob(repository, Buffer.from(`{"of": "${repository}"}`))
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: {mediaType: 'application/vnd.oci.image.config.v1+json', ...config},
    layers: [],
  }
  return (await registry.putManifest(repository, 'latest', manifest)).digest
}

/** One layer of a manifest with signatures. */
export interface SignatureLayer {
  readonly mediaType: string
  readonly content: Uint8Array
  readonly annotations?: Readonly<Record<string, string>>
}

/** The layer in which cosign keeps a payload, the signature beside it. */
export function simpleLayer(payload: Buffer, signature: Buffer): SignatureLayer {
  const annotations = {'dev.cosignproject.cosign/signature': signature.toString('base64')}
  return {mediaType: SIMPLE_SIGNING, content: payload, annotations}
}

export function bundleLayer(bundle: unknown): SignatureLayer {
  return {mediaType: BUNDLE, content: Buffer.from(JSON.stringify(bundle))}
}

/** Puts signatures under the tag that cosign gives them. @returns the blobs of the layers */
export async function putTagged(
  registry: TestRegistry,
  {repository, digest}: {repository: string; digest: string},
  layers: readonly SignatureLayer[],
): Promise<readonly Blob[]> {
  const tag = `${digest.replace(':', '-')}.sig`
  return (await putSignatures(registry, repository, {tag, layers})).blobs
}

/** Attaches bundles to an image, each by itself, as it is done where the registry has no way of its own for it: with a tag. */
export async function putAttached(
  registry: TestRegistry,
  {repository, digest}: {repository: string; digest: string},
  ...layers: readonly SignatureLayer[]
): Promise<void> {
  const attach = async (layer: SignatureLayer) => {
    const options = {layers: [layer], artifactType: layer.mediaType}
    const {manifest} = await putSignatures(registry, repository, options)
    return {mediaType: MANIFEST, artifactType: layer.mediaType, ...manifest}
  }
  const manifests = await Promise.all(layers.map(attach))
  const index = {schemaVersion: 2, mediaType: INDEX, manifests}
  await registry.putManifest(repository, digest.replace(':', '-'), index)
}

async function putSignatures(
  registry: TestRegistry,
  repository: string,
  {
    tag,
    layers,
    artifactType,
  }: {tag?: string; layers: readonly SignatureLayer[]; artifactType?: string},
): Promise<{manifest: Blob; blobs: readonly Blob[]}> {
  const config = await registry.putBlob(repository, Buffer.from('{}'))
  const blobs = await Promise.all(layers.map(({content}) => registry.putBlob(repository, content)))
  const manifest = await registry.putManifest(repository, tag, {
    schemaVersion: 2,
    mediaType: MANIFEST,
    ...(artifactType !== undefined && {artifactType}),
    config: {...EMPTY, ...config},
    layers: layers.map(({mediaType, annotations}, index) => ({
      mediaType,
      ...blobs[index],
      ...(annotations && {annotations}),
    })),
  })
  return {manifest, blobs}
}

/** Signs an image in cosign's first way. */
export async function signImage(
  registry: TestRegistry,
  at: {repository: string; digest: string},
  key: TestKey,
): Promise<void> {
  const payload = payloadFor(at.digest)
  await putTagged(registry, at, [simpleLayer(payload, signed(payload, key))])
}
