import {isBundle, judgeBundle} from './bundle.ts'
import type {Outgoing} from '../net/agents.ts'
import type {Credentials} from './credentials.ts'
import type {ImageReference} from './reference.ts'
import {RegistryError, UnusableError} from './registry-answer.ts'
import {openRepository, type Descriptor, type Manifest, type Repository} from './registry.ts'
import type {Judgement, SignatureRepository, SigningKey} from './signature.ts'
import {judgeSimpleSigning, SIMPLE_SIGNING} from './simple-signing.ts'

/** What cosign calls its signatures when it attaches them. */
const ATTACHED = 'application/vnd.dev.cosign.artifact.sig.v1+json'
/** A signature with its certificates and log entries has some ten thousand bytes. */
const LARGEST_SIGNATURE = 1024 * 1024
/** Whoever may write there could make us read for ever. */
const MOST_SIGNATURES = 50

interface Image {
  readonly ref: ImageReference
  readonly digest: string
}

interface SigningAccess {
  readonly keys: readonly SigningKey[]
  readonly credentials: Credentials
  readonly outgoing?: Outgoing | undefined
}

/**
 * Looks at the signatures of an image in a repository, one after the other: those that cosign stores under the tag
 * `sha256-<hex>.sig`, then those that are attached to the manifest.
 * @param keys any of them counts
 * What cannot be used there is an unreadable signature: who may write there must not be able to hide a good one.
 * @returns the judgements, the last of them valid if any is
 * @throws RegistryError when the registry cannot be asked
 */
export async function judgeSignatures(
  image: Image,
  at: SignatureRepository,
  {keys, credentials, outgoing}: SigningAccess,
  signal: AbortSignal,
): Promise<readonly Judgement[]> {
  const repository = openRepository(at, credentials, outgoing)
  const manifest = async () => {
    const found = await openRepository(image.ref, credentials, outgoing).manifest(
      image.digest,
      signal,
    )
    if (found) return found.bytes
    throw new RegistryError(`${image.ref.registry}: the image ${image.digest} is not there`)
  }
  const judgements: Judgement[] = []
  const about = {repository, digest: image.digest, keys, manifest}
  for await (const found of layersOf(image.digest, repository, signal)) {
    const judgement = 'is' in found ? found : await orUnreadable(judge(found, about, signal))
    judgements.push(judgement)
    if (judgement.is === 'valid' || judgements.length === MOST_SIGNATURES) break
  }
  return judgements
}

/** Every signature of an image that a repository has; what else it has is left out. */
async function* layersOf(
  digest: string,
  repository: Repository,
  signal: AbortSignal,
): AsyncGenerator<Descriptor | Unreadable> {
  const tag = `${digest.replace(':', '-')}.sig`
  yield* signaturesIn(await orUnreadable(repository.manifest(tag, signal)))
  const attached = await orUnreadable(repository.referrers(digest, signal))
  if ('is' in attached) {
    yield attached
    return
  }
  for (const one of attached.filter(mayBeSignature).slice(0, MOST_SIGNATURES)) {
    yield* signaturesIn(await orUnreadable(repository.manifest(one.digest, signal)))
  }
}

type Unreadable = Extract<Judgement, {is: 'unreadable'}>

async function orUnreadable<T>(fetched: Promise<T>): Promise<T | Unreadable> {
  try {
    return await fetched
  } catch (error) {
    if (error instanceof UnusableError) return {is: 'unreadable', reason: error.message}
    throw error
  }
}

function signaturesIn(
  manifest: Manifest | Unreadable | undefined,
): readonly (Descriptor | Unreadable)[] {
  if (!manifest) return []
  return 'is' in manifest ? [manifest] : manifest.layers.filter(isSignature)
}

function isSignature({mediaType}: Descriptor): boolean {
  return mediaType === SIMPLE_SIGNING || isBundle(mediaType)
}

/** Older writers of the tag with attached things do not say what they are. */
function mayBeSignature({artifactType}: Descriptor): boolean {
  return artifactType === '' || artifactType === ATTACHED || isBundle(artifactType)
}

async function judge(
  layer: Descriptor,
  {
    repository,
    ...image
  }: {
    repository: Repository
    digest: string
    keys: readonly SigningKey[]
    manifest: () => Promise<Buffer>
  },
  signal: AbortSignal,
): Promise<Judgement> {
  if (layer.size > LARGEST_SIGNATURE) return {is: 'unreadable', reason: 'it is larger than 1 MiB'}
  const content = await repository.blob(layer, signal)
  return layer.mediaType === SIMPLE_SIGNING
    ? judgeSimpleSigning({...image, payload: content, annotations: layer.annotations})
    : judgeBundle({...image, content})
}
