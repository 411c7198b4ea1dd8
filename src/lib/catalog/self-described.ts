import {createHash} from 'node:crypto'
import {PluginError} from '../base/errors.ts'
import {isJsonObject, objectOf, type Json, type JsonObject} from '../base/json.ts'
import {oneLine} from '../base/one-line.ts'
import type {Engine} from '../engine/engine.ts'
import {parseYamlMap} from '../files/yaml.ts'
import type {Credentials} from '../images/credentials.ts'
import {
  isLocalOnly,
  normalizeReference,
  withDigest,
  type ImageReference,
} from '../images/reference.ts'
import {RegistryError, UnusableError} from '../images/registry-answer.ts'
import {openRepository, type Manifest, type Repository} from '../images/registry.ts'
import type {Outgoing} from '../net/agents.ts'
import {checkedEntry} from './entry.ts'

/** Where an image says, in YAML, what server it is. */
const LABEL = 'io.docker.server.metadata'
const LONGEST_LABEL = 1024 * 1024
const LARGEST_CONFIG = 4 * 1024 * 1024

export interface ImageInput {
  readonly engine: () => Promise<Engine>
  readonly credentials: Credentials
  readonly outgoing: Outgoing
  /** Gives the image that is asked for instead of one that is named: the gateway's file can name mirrors. */
  readonly rewrite: (image: string) => string
  readonly signal: AbortSignal
}

/** A server that its image describes. */
export interface DescribedServer {
  readonly name: string
  readonly entry: JsonObject
  /** As it was named when the engine has it, else by its digest. */
  readonly image: string
}

/**
 * Reads what an image says of itself: one that the engine has, or else the registry's, of which nothing but the
 * description is fetched. What an image cannot say is left out: how it is run, what it may see, and secrets.
 * @throws PluginError USAGE for what is no reference; SERVER_UNSUPPORTED when it does not describe itself;
 *   CATALOG_INVALID, FILE_INVALID when it does so wrongly; IMAGE_MISSING with the registry's reason
 */
export async function describedServer(image: string, input: ImageInput): Promise<DescribedServer> {
  const ref = normalizeReference(image)
  if (!ref) {
    throw new PluginError(
      'USAGE',
      `${JSON.stringify(oneLine(image))} is not the name of an image`,
      {
        hint: 'write it as for docker pull: docker://registry/repository:tag',
      },
    )
  }
  const asked = input.rewrite(image)
  const local = await localLabel(asked, input)
  const {label, digest} = local ?? (await remoteLabel(normalizeReference(asked) ?? ref, input))
  // The entry keeps the name that it was given: where its image comes from is looked up again when it is run.
  const named = digest === undefined ? image : withDigest(ref, digest)
  if (label === undefined) {
    throw new PluginError('SERVER_UNSUPPORTED', `the image ${image} does not describe a server`, {
      hint: `it has no label ${LABEL}: write a catalog entry for it instead`,
    })
  }
  if (label.length > LONGEST_LABEL) {
    throw new PluginError('CATALOG_INVALID', `the label ${LABEL} of ${image} is too long`)
  }
  const written = parseYamlMap(label, `the label ${LABEL} of ${image}`)
  const name = typeof written['name'] === 'string' ? written['name'] : lastPart(ref)
  const entry = checkedEntry(name, {...allowed(written), type: 'server', image: named})
  return {name, entry, image: named}
}

interface Labelled {
  readonly label: string | undefined
  /** Of what a registry gave. */
  readonly digest?: string
}

/** @returns undefined when the engine does not have the image, or there is none */
async function localLabel(image: string, input: ImageInput): Promise<Labelled | undefined> {
  try {
    const engine = await input.engine()
    const facts = await engine.inspectImage(image, input.signal)
    return facts && {label: facts.labels[LABEL]}
  } catch (error) {
    // A catalog can be written where no engine is.
    if (error instanceof PluginError && !isLocalOnly(image)) return undefined
    throw error
  }
}

async function remoteLabel(ref: ImageReference, input: ImageInput): Promise<Labelled> {
  const {credentials, outgoing, signal} = input
  if (isLocalOnly(ref.text)) throw missing(ref, 'the engine does not have it')
  try {
    const repository = openRepository(ref, credentials, outgoing)
    const manifest = await repository.manifest(ref.digest ?? ref.tag ?? 'latest', signal)
    if (!manifest) throw new UnusableError('it has no image of that name')
    const config = await configOf(manifest, repository, signal)
    const label = objectOf(objectOf(config['config'])['Labels'])[LABEL]
    const digest =
      ref.digest ?? `sha256:${createHash('sha256').update(manifest.bytes).digest('hex')}`
    return {label: typeof label === 'string' ? label : undefined, digest}
  } catch (error) {
    if (error instanceof RegistryError) throw missing(ref, error.message, error)
    throw error
  }
}

const IMAGE_CONFIG = /^application\/vnd\.(?:docker\.container\.image|oci\.image\.config)\b/

/** The configuration of an image; of one for several platforms that of any: they describe the same server. */
async function configOf(
  top: Manifest,
  repository: Repository,
  signal: AbortSignal,
): Promise<JsonObject> {
  const platform = top.manifests.find(
    ({annotations}) => annotations['vnd.docker.reference.type'] === undefined,
  )
  const manifest = platform ? await repository.manifest(platform.digest, signal) : top
  const {artifactType, config} = objectOf(parsed(manifest?.bytes))
  const {digest, size, mediaType} = objectOf(config)
  // An artefact, such as a catalog, has no image's configuration.
  if (typeof mediaType === 'string' && !IMAGE_CONFIG.test(mediaType)) {
    const type = typeof artifactType === 'string' ? artifactType : mediaType
    throw new UnusableError(`it is of type ${oneLine(type)}, and no image`)
  }
  if (typeof digest !== 'string' || !/^sha(?:256:[a-f0-9]{64}|512:[a-f0-9]{128})$/.test(digest)) {
    throw new UnusableError('it is not an image')
  }
  if (
    typeof size !== 'number' ||
    !Number.isSafeInteger(size) ||
    size < 0 ||
    size > LARGEST_CONFIG
  ) {
    throw new UnusableError('its configuration is larger than 4 MiB')
  }
  return objectOf(parsed(await repository.blob({digest, size}, signal)))
}

function parsed(bytes: Buffer | undefined): unknown {
  try {
    return JSON.parse(bytes?.toString('utf8') ?? '')
  } catch (error) {
    throw new UnusableError('what it sent is not JSON', {cause: error})
  }
}

const KEYS = ['title', 'description', 'icon', 'readme', 'config', 'prefix', 'metadata'] as const

function allowed(written: JsonObject): JsonObject {
  const kept = KEYS.flatMap(key => (written[key] == null ? [] : [[key, written[key]] as const]))
  const env = listIn(written['env']).map(({name}): JsonObject => ({name}))
  const tools = listIn(written['tools']).map(({container: _left, ...tool}) => tool)
  return {
    ...Object.fromEntries(kept),
    ...(env.length > 0 && {env}),
    ...(tools.length > 0 && {tools}),
  }
}

function listIn(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

function lastPart({repository}: ImageReference): string {
  return repository.slice(repository.lastIndexOf('/') + 1)
}

function missing({text}: ImageReference, why: string, cause?: unknown): PluginError {
  return new PluginError(
    'IMAGE_MISSING',
    `the image ${text} cannot be looked at: ${oneLine(why)}`,
    {
      hint: 'check the name; if it is not public, sign in with docker login',
      cause,
    },
  )
}
