import {createHash} from 'node:crypto'
import * as z from 'zod'
import {PluginError} from '../base/errors.ts'
import type {Outgoing} from '../net/agents.ts'
import type {Credentials} from './credentials.ts'
import {normalizeReference, type ImageReference} from './reference.ts'
import {RegistryError, UnusableError} from './registry-answer.ts'
import {openUpload} from './registry-upload.ts'
import {openRepository} from './registry.ts'

/** How registries are reached. */
export interface ArtifactInput {
  /** `dockerCredentials({dockerConfigDir, env})` */
  readonly credentials: Credentials
  readonly outgoing: Outgoing
  readonly signal?: AbortSignal | undefined
}

/** What an artefact of one JSON document is stored as; docker's own plugin stores it so. */
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const EMPTY = 'application/vnd.oci.empty.v1+json'
const JSON_LAYER = 'application/json'
/** As large as a file of a user may be. */
const LARGEST_LAYER = 16 * 1024 * 1024

/**
 * Stores a JSON document in a registry as an OCI artefact of one layer. The same document has the same digest.
 * @param ref a tag in a repository; the tag is `latest` when there is none
 * @returns the digest of the artefact's manifest, `sha256:…`
 * @throws PluginError USAGE for what is no reference, or one with a digest; FETCH_FAILED naming the registry and the
 *   reason, and then the tag means what it meant before. The signal's reason
 */
export async function pushArtifact(
  ref: string,
  {artifactType, layer}: {readonly artifactType: string; readonly layer: string},
  {credentials, outgoing, signal = never}: ArtifactInput,
): Promise<string> {
  const {registry, repository, tag, digest} = parse(ref)
  if (digest !== undefined || tag === undefined) throw withDigest(ref)
  return explained(ref, 'push', async () => {
    const upload = openUpload({registry, repository, credentials, outgoing})
    const manifest = {
      schemaVersion: 2,
      mediaType: MANIFEST,
      artifactType,
      config: await upload.blob(Buffer.from('{}'), EMPTY, signal),
      layers: [await upload.blob(Buffer.from(layer), JSON_LAYER, signal)],
    }
    return upload.manifest(tag, Buffer.from(JSON.stringify(manifest)), MANIFEST, signal)
  })
}

/**
 * Gets a JSON document that {@link pushArtifact} or docker's own plugin has stored. Digests are checked, its content is
 * not.
 * @param ref by tag or by digest
 * @returns the text, and the digest of the artefact's manifest, `sha256:…`
 * @throws PluginError USAGE; FETCH_FAILED naming the registry and the reason. The signal's reason
 */
export async function pullArtifact(
  ref: string,
  {artifactType}: {readonly artifactType: string},
  {credentials, outgoing, signal = never}: ArtifactInput,
): Promise<{readonly digest: string; readonly layer: string}> {
  const {registry, repository, tag, digest} = parse(ref)
  return explained(ref, 'pull', async () => {
    const opened = openRepository({registry, repository}, credentials, outgoing)
    const manifest = await opened.manifest(digest ?? tag ?? 'latest', signal)
    if (!manifest) throw new UnusableError(`${registry}: there is none of that name`)
    const layer = layerOf(manifest.bytes, artifactType)
    const content = await opened.blob(layer, signal)
    return {
      digest: digest ?? `sha256:${createHash('sha256').update(manifest.bytes).digest('hex')}`,
      layer: textOf(content),
    }
  })
}

const DESCRIPTOR = z.looseObject({
  mediaType: z.string(),
  digest: z.string().regex(/^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/),
  size: z.int().min(0),
})
const SHAPE = z.looseObject({
  artifactType: z.string().optional(),
  config: z.looseObject({mediaType: z.string()}),
  layers: z.array(DESCRIPTOR),
})

/** @throws UnusableError when it is no artefact of that kind with one layer of JSON */
function layerOf(bytes: Buffer, wanted: string): {digest: string; size: number} {
  const {data} = SHAPE.safeParse(JSON.parse(bytes.toString('utf8')))
  if (!data) throw new UnusableError('it is no artefact: an image for several platforms, perhaps')
  // Artefacts of before OCI 1.1 say what they are there.
  const type = data.artifactType ?? data.config.mediaType
  if (type !== wanted) throw new UnusableError(`it is of type ${type}, and not ${wanted}`)
  const [layer, ...others] = data.layers
  if (!layer || others.length > 0) {
    throw new UnusableError(`it has ${data.layers.length} layers, and not one`)
  }
  if (layer.size > LARGEST_LAYER) throw new UnusableError('it is larger than 16 MiB')
  return layer
}

function textOf(content: Buffer): string {
  try {
    return new TextDecoder('utf-8', {fatal: true}).decode(content)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new UnusableError('it is not text in UTF-8', {cause: error})
  }
}

function parse(ref: string): ImageReference {
  const parsed = normalizeReference(ref)
  if (parsed) return parsed
  throw new PluginError('USAGE', `${JSON.stringify(ref)} is not a valid OCI reference`, {
    hint: 'write registry/repository:tag; without a registry it is on Docker Hub',
  })
}

function withDigest(ref: string): PluginError {
  return new PluginError(
    'USAGE',
    `${ref} has a digest: reference must be a valid OCI reference without a digest`,
    {
      hint: 'name a tag: what is pushed has the digest of its own content',
    },
  )
}

async function explained<T>(
  ref: string,
  verb: 'push' | 'pull',
  task: () => Promise<T>,
): Promise<T> {
  try {
    return await task()
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error
    throw new PluginError('FETCH_FAILED', `cannot ${verb} ${ref}: ${error.message}`, {
      hint: `check the name, and whether docker ${verb} may use that registry: docker login`,
      cause: error,
    })
  }
}

const never = new AbortController().signal
