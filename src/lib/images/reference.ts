/** An image reference with everything that docker leaves out written out. */
export interface ImageReference {
  /** Host and port, such as `docker.io` or `localhost:5000`. */
  readonly registry: string
  readonly repository: string
  /** `latest` when neither a tag nor a digest was written. */
  readonly tag?: string
  readonly digest?: string
  /** The whole again: two references mean the same image exactly when these texts are equal. */
  readonly text: string
}

const HUB = 'docker.io'
const HUB_ALIAS = 'index.docker.io'
const REFERENCE = /^(?<name>[^@]+?)(?::(?<tag>\w[\w.-]{0,127}))?(?:@(?<digest>[^@]+))?$/
const HOST_LABEL = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])'
const REGISTRY = new RegExp(
  `^(?:${HOST_LABEL}(?:\\.${HOST_LABEL})*|\\[[a-fA-F0-9:]+\\])(?::(?<port>[0-9]+))?$`,
)
const HIGHEST_PORT = 65_535
const REPOSITORY =
  /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/
const LONGEST_NAME = 255
/** Hexadecimal digits by algorithm: OCI image specification, "Digests". */
const DIGEST_LENGTHS: Readonly<Record<string, number>> = {sha256: 64, sha384: 96, sha512: 128}

/**
 * Reads an image reference by docker's rules (distribution's reference grammar): a first part with a dot, a colon, a
 * capital letter or the name `localhost` is a registry, everything else is on Docker Hub, and one word is in `library/`.
 * @returns undefined for a text that docker would not take as a reference, or whose registry has a port that there is not
 */
export function normalizeReference(ref: string): ImageReference | undefined {
  const groups = REFERENCE.exec(ref)?.groups
  if (!groups?.['name']) return undefined
  const {registry, repository} = splitName(groups['name'])
  if (!isRegistry(registry) || !isRepository(registry, repository)) return undefined
  const digest = groups['digest']
  if (digest !== undefined && !isDigest(digest)) return undefined
  const tag = groups['tag'] ?? (digest === undefined ? 'latest' : undefined)
  return {
    registry,
    repository,
    ...(tag !== undefined && {tag}),
    ...(digest !== undefined && {digest}),
    text: `${registry}/${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`,
  }
}

/**
 * Whether an image is made on this machine and cannot be pulled: its registry is `localhost` without a port.
 * A text that is no reference is not local.
 */
export function isLocalOnly(ref: string): boolean {
  return normalizeReference(ref)?.registry === 'localhost'
}

/** An image by its digest alone, in the full name of its repository: what a tag means later does not matter. */
export function withDigest(
  {registry, repository}: Pick<ImageReference, 'registry' | 'repository'>,
  digest: string,
): string {
  return `${registry}/${repository}@${digest}`
}

function splitName(name: string): {registry: string; repository: string} {
  const slash = name.indexOf('/')
  const first = name.slice(0, Math.max(slash, 0))
  const hasRegistry =
    slash !== -1 && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase())
  const registry = !hasRegistry || first === HUB_ALIAS ? HUB : first
  const path = hasRegistry ? name.slice(slash + 1) : name
  const isOfficial = registry === HUB && !path.includes('/')
  return {registry, repository: isOfficial ? `library/${path}` : path}
}

function isRegistry(registry: string): boolean {
  const match = REGISTRY.exec(registry)
  return match !== null && Number(match.groups?.['port'] ?? 0) <= HIGHEST_PORT
}

function isRepository(registry: string, repository: string): boolean {
  // Docker keeps 64 hexadecimal digits for image ids.
  if (registry === HUB && /^library\/[a-f0-9]{64}$/.test(repository)) return false
  return registry.length + 1 + repository.length <= LONGEST_NAME && REPOSITORY.test(repository)
}

function isDigest(digest: string): boolean {
  const [algorithm = '', hex = '', ...rest] = digest.split(':')
  return (
    rest.length === 0 &&
    Object.hasOwn(DIGEST_LENGTHS, algorithm) &&
    hex.length === DIGEST_LENGTHS[algorithm] &&
    /^[a-f0-9]+$/.test(hex)
  )
}
