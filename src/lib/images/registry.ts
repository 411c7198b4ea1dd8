import {createHash} from 'node:crypto'
import {objectOf, type JsonObject} from '../base/json.ts'
import type {Credentials} from './credentials.ts'
import type {Outgoing} from '../net/agents.ts'
import {UnusableError} from './registry-answer.ts'
import {registryDoor, type Door} from './registry-door.ts'
import type {SignatureRepository} from './signature.ts'

/** What a registry says that it holds (OCI image specification, "Content Descriptors"). */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  /** Empty where the registry names none. */
  readonly artifactType: string
  readonly annotations: JsonObject
}

/** A manifest or an index, as it was sent and as it reads. */
export interface Manifest {
  readonly bytes: Buffer
  readonly layers: readonly Descriptor[]
  /** Of an index. */
  readonly manifests: readonly Descriptor[]
}

/** One repository of a registry, for reading (OCI distribution specification). */
export interface Repository {
  /**
   * @param reference a tag or a digest
   * @returns undefined when there is none
   * @throws RegistryError; {@link UnusableError} when it is no manifest
   */
  manifest(reference: string, signal: AbortSignal): Promise<Manifest | undefined>
  /** @throws RegistryError; {@link UnusableError} when it is not there, larger than it says, or other bytes than those of its digest */
  blob(described: Pick<Descriptor, 'digest' | 'size'>, signal: AbortSignal): Promise<Buffer>
  /** What is attached to a manifest; by the tag `sha256-…` where the registry does not know of attaching. */
  referrers(digest: string, signal: AbortSignal): Promise<readonly Descriptor[]>
}

/** The largest manifest that registries take (OCI distribution specification, "Pushing Manifests"). */
const LARGEST_MANIFEST = 4 * 1024 * 1024
const INDEX = 'application/vnd.oci.image.index.v1+json'
const MANIFESTS = [
  INDEX,
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ')
/** Registries from before there were referrers know the path as a wrong one. */
const REFERRERS = {accept: INDEX, atMost: LARGEST_MANIFEST, absent: [400, 405, 406, 501]}

/**
 * Opens a repository; asks nobody yet.
 * @throws RegistryError when its registry is no host's name
 * @param credentials tells the login of a registry
 * @param outgoing how registries are reached: by proxies and certificates, directly when not given
 */
export function openRepository(
  {registry, repository}: SignatureRepository,
  credentials: Credentials,
  outgoing: Outgoing = {env: {}},
): Repository {
  const door = registryDoor({registry, repository, credentials, outgoing})
  const get = (path: string, wanted: Parameters<Door>[1], signal: AbortSignal) =>
    door(`/v2/${repository}/${path}`, wanted, signal)

  async function manifest(reference: string, signal: AbortSignal): Promise<Manifest | undefined> {
    const wanted = {accept: MANIFESTS, atMost: LARGEST_MANIFEST}
    const bytes = await get(`manifests/${reference}`, wanted, signal)
    if (bytes === undefined) return undefined
    if (reference.includes(':')) mustBe(reference, bytes)
    return {bytes, ...partsOf(bytes)}
  }

  return {
    manifest,
    async blob({digest, size}, signal) {
      const bytes = await get(`blobs/${digest}`, {accept: '*/*', atMost: size}, signal)
      if (bytes === undefined) throw new UnusableError(`the blob ${digest} is not there`)
      mustBe(digest, bytes)
      return bytes
    },
    async referrers(digest, signal) {
      const bytes = await get(`referrers/${digest}`, REFERRERS, signal)
      if (bytes !== undefined) return partsOf(bytes).manifests
      return (await manifest(digest.replace(':', '-'), signal))?.manifests ?? []
    },
  }
}

/** The address of a blob is the hash of its bytes: whoever serves it cannot change it. */
function mustBe(digest: string, bytes: Buffer): void {
  const [algorithm = '', hex] = digest.split(':')
  if (createHash(algorithm).update(bytes).digest('hex') === hex) return
  throw new UnusableError(`what it sent is not ${digest}`)
}

function partsOf(bytes: Buffer): Pick<Manifest, 'layers' | 'manifests'> {
  let json: JsonObject
  try {
    json = objectOf(JSON.parse(bytes.toString('utf8')))
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) {
      throw new UnusableError('a manifest is not JSON')
    }
    throw error
  }
  return {layers: descriptorsIn(json['layers']), manifests: descriptorsIn(json['manifests'])}
}

const DIGEST = /^(?:sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})$/

/** What has not the shape of a descriptor is left out: there is nothing to be fetched by it. */
function descriptorsIn(value: unknown): readonly Descriptor[] {
  if (!Array.isArray(value)) return []
  return value.flatMap(one => {
    const {mediaType = '', digest, size, artifactType = '', annotations} = objectOf(one)
    const isSound =
      typeof mediaType === 'string' &&
      typeof artifactType === 'string' &&
      typeof digest === 'string' &&
      DIGEST.test(digest) &&
      Number.isSafeInteger(size)
    if (!isSound || typeof size !== 'number' || size < 0) return []
    return [{mediaType, digest, size, artifactType, annotations: objectOf(annotations)}]
  })
}
