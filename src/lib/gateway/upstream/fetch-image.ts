import {messageOf, PluginError} from '../../base/errors.ts'
import type {Distribution, Engine, ImageFacts, PullProgress} from '../../engine/engine.ts'
import type {Credentials} from '../../images/credentials.ts'
import {type ImageReference, normalizeReference, withDigest} from '../../images/reference.ts'
import type {ImageVerifier} from '../../images/signature.ts'
import {checkPlatforms} from './platforms.ts'
import {MOST_LAYERS} from './pull-progress.ts'
import {loginOf, registryAdvice} from './registry-login.ts'

/** What an image is fetched with. */
export interface FetchInput {
  readonly engine: Engine
  /** As the catalog has it. */
  readonly image: string
  readonly credentials: Credentials
  readonly verifier: ImageVerifier | undefined
  /** What the engine has of it, when it is asked for to be brought up to date. */
  readonly present: ImageFacts | undefined
  readonly onPulling: () => void
  readonly onProgress: (progress: PullProgress) => void
  /** How long a pull may stand still, in milliseconds. */
  readonly silenceMs: number
  readonly signal: AbortSignal
}

/**
 * What became of fetching an image: it was pulled; what is here is still what the registry has; or it is what may be used,
 * because the engine cannot tell what the registry has.
 */
export type Fetched = 'pulled' | 'current' | 'untold'

/**
 * Fetches an image: asks its registry what it is, refuses one that cannot run here or must be signed and is not, and
 * lets the engine pull it. What must be signed is pulled by the digest that was verified, and then gets its tag.
 * @throws PluginError IMAGE_MISSING, SIGNATURE_INVALID; the signal's reason
 */
export async function fetchImage(input: FetchInput): Promise<Fetched> {
  const {engine, image, verifier, present, signal} = input
  const ref = normalizeReference(image)
  // Not a name of an image by docker's rules: the engine says so in its own words.
  if (!ref) {
    await pull(input, image, undefined)
    return 'pulled'
  }
  const login = await loginOf(ref.registry, input)
  const mustBeSigned = verifier?.applies(ref) ?? false
  const there = await ask(input, ref, {auth: login.auth, mustTell: mustBeSigned && !ref.digest})
  if (there) checkPlatforms(image, there.platforms, await engine.info(signal))
  if (present && there && digestsOf(present, ref).includes(there.digest)) return 'current'
  const digest = ref.digest ?? (mustBeSigned ? there?.digest : undefined)
  // Nobody says what would have to be verified; what is here, can be.
  if (present && mustBeSigned && digest === undefined) return 'untold'
  if (mustBeSigned && verifier) await verifier.verify(ref, needed(digest, image), signal)
  const name = digest === undefined ? image : withDigest(ref, digest)
  await pull(input, name, login.auth).catch((error: unknown) => {
    throw explained(error, {ref, loginProblem: login.problem})
  })
  if (ref.tag !== undefined && ref.digest === undefined && digest !== undefined) {
    await engine.tagImage(name, {repository: `${ref.registry}/${ref.repository}`, tag: ref.tag})
  }
  return 'pulled'
}

/** Under which digests the engine knows an image as one of this repository. */
export function digestsOf(
  {repoDigests}: Pick<ImageFacts, 'repoDigests'>,
  {registry, repository}: Pick<ImageReference, 'registry' | 'repository'>,
): readonly string[] {
  return repoDigests.flatMap(text => {
    const ref = normalizeReference(text)
    return ref?.registry === registry && ref.repository === repository && ref.digest !== undefined
      ? [ref.digest]
      : []
  })
}

/** What the registry says of the image; what it does not tell is found out by the pull, unless it must be known. */
async function ask(
  {engine, image, signal}: FetchInput,
  ref: ImageReference,
  {auth, mustTell}: {auth: string | undefined; mustTell: boolean},
): Promise<Distribution | undefined> {
  const name = ref.digest === undefined ? image : withDigest(ref, ref.digest)
  try {
    return await engine.distribution(name, auth, signal)
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof PluginError) || error.code !== 'ENGINE_FAILED') throw error
    if (!mustTell) return undefined
    throw new PluginError('IMAGE_MISSING', error.message, {
      cause: error,
      hint: registryAdvice(error.message, ref) ?? 'see to the network of the engine',
    })
  }
}

/** Pulls, and gives up on a registry that sends nothing more: the engine would wait for ever. */
async function pull(
  {engine, onPulling, onProgress, silenceMs, signal}: FetchInput,
  name: string,
  auth: string | undefined,
): Promise<void> {
  onPulling()
  const silent = new AbortController()
  const timer = setTimeout(() => silent.abort(stalled(name, silenceMs)), silenceMs)
  const seen = new Map<string, string>()
  const onLine = (progress: PullProgress) => {
    // Some engines repeat what stands still.
    const what = `${progress.status} ${progress.current ?? ''}`
    const isKnown = seen.has(progress.layer) || seen.size < MOST_LAYERS
    if (isKnown && seen.get(progress.layer) !== what) {
      timer.refresh()
      seen.set(progress.layer, what)
    }
    onProgress(progress)
  }
  try {
    const ends = AbortSignal.any([signal, silent.signal])
    await engine.pullImage(name, {onProgress: onLine, auth}, ends)
  } finally {
    clearTimeout(timer)
  }
}

function stalled(image: string, silenceMs: number): PluginError {
  return new PluginError(
    'IMAGE_MISSING',
    `the engine could not pull ${image}: nothing more came for ${silenceMs / 1000} s`,
    {hint: 'see to the network of the engine; the layers that are complete are not fetched again'},
  )
}

function needed(digest: string | undefined, image: string): string {
  if (digest !== undefined) return digest
  throw new PluginError(
    'SIGNATURE_INVALID',
    `the image ${image} must be signed, and this engine does not tell its digest`,
    {hint: 'name it with its digest in the catalog, or start it with: --no-verify-signatures'},
  )
}

function explained(
  error: unknown,
  {ref, loginProblem}: {ref: ImageReference; loginProblem?: PluginError | undefined},
): unknown {
  if (!(error instanceof PluginError) || error.code !== 'IMAGE_MISSING') return error
  const why = loginProblem ? `; ${messageOf(loginProblem)}` : ''
  const hint = registryAdvice(error.message, ref) ?? error.hint
  return new PluginError(error.code, `${error.message}${why}`, {
    cause: error,
    ...(hint !== undefined && {hint}),
  })
}
