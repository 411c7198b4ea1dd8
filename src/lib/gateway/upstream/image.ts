import {unlessAborted, withDeadline} from '../../base/async.ts'
import {PluginError} from '../../base/errors.ts'
import type {Engine, ImageFacts, PullProgress} from '../../engine/engine.ts'
import type {Credentials} from '../../images/credentials.ts'
import {
  type ImageReference,
  isLocalOnly,
  normalizeReference,
  withDigest,
} from '../../images/reference.ts'
import type {ImageVerifier} from '../../images/signature.ts'
import type {ContainerSpec} from '../../model/server.ts'
import {digestsOf, type Fetched, fetchImage} from './fetch-image.ts'
import {pullLines} from './pull-progress.ts'

type Target = Pick<ContainerSpec, 'name' | 'image'>
type OnProgress = (progress: PullProgress) => void

/**
 * Makes sure that the engine has a server's image; fetches it when it has not. The signal ends the waiting; the pull
 * goes on for whoever else waits, and for the next start.
 * @throws PluginError IMAGE_MISSING, SIGNATURE_INVALID that name the server, the image, the reason and the next step
 */
export type ImagePuller = (
  spec: Target,
  signal: AbortSignal,
  onProgress?: OnProgress,
) => Promise<ReadyImage>

/** An image that the engine has. */
export interface ReadyImage {
  readonly facts: ImageFacts
  /** What containers are made of: the name, with the digest where the name alone could become another image. */
  readonly reference: string
  readonly wasPulled: boolean
  /** Whether it was to be brought up to date, and the engine cannot tell whether it is. */
  readonly mayBeOld: boolean
}

export interface PullerInput {
  readonly engine: () => Promise<Engine>
  readonly notify: (line: string) => void
  /** Logins for registries. */
  readonly credentials: Credentials
  /** Decides whether images may be used that must be signed; without one, none must be. */
  readonly verifier?: ImageVerifier | undefined
  /** Fetch also what is here, when the registry has another image under its tag by now. */
  readonly toNewest?: boolean | undefined
  /** How long a pull may stand still, in milliseconds. */
  readonly silenceMs?: number
  /** Ends pulls that are under way. Not that of whoever asked first: others wait for the same pull. */
  readonly signal: AbortSignal
}

/** What the engine may take to tell whether it has an image. */
const ANSWER_MS = 30_000
/** A registry may be slow and an engine may unpack for long; more than this without any sign is neither. */
const SILENCE_MS = 120_000

/** A puller that fetches each image once, however many ask for it at the same time. */
export function imagePuller(input: PullerInput): ImagePuller {
  const fetching = new Map<string, Fetch>()

  function fetchOf(engine: Engine, spec: Target, present: ImageFacts | undefined): Fetch {
    const known = fetching.get(spec.image)
    if (known) return known
    const listeners = new Set<OnProgress>()
    let lines: ReturnType<typeof pullLines> | undefined
    const done = fetchImage({
      engine,
      image: spec.image,
      present,
      credentials: input.credentials,
      verifier: input.verifier,
      silenceMs: input.silenceMs ?? SILENCE_MS,
      signal: input.signal,
      onPulling: () => {
        const what = {server: spec.name, image: spec.image}
        lines = pullLines(what, {notify: input.notify, now: () => performance.now()})
      },
      onProgress: progress => {
        lines?.add(progress)
        for (const listener of listeners) listener(progress)
      },
    })
      .then(fetched => {
        lines?.over()
        return fetched
      })
      .finally(() => fetching.delete(spec.image))
    const fetch = {done, listeners}
    fetching.set(spec.image, fetch)
    return fetch
  }

  return async (spec, signal, onProgress = () => undefined) => {
    const engine = await input.engine()
    const ref = normalizeReference(spec.image)
    if (!ref && input.verifier?.applies(ref)) throw named(spec, noName(spec))
    const look = () => inspected(engine, spec.image, ref, signal)
    const here = await look()
    const judged = (facts: ImageFacts, outcome: Fetched) =>
      ready({spec, ref, facts, outcome, verifier: input.verifier}, signal)
    // What is named by its digest never becomes another image.
    const mayBeOld = input.toNewest === true && ref?.digest === undefined
    if (here && (!mayBeOld || isLocalOnly(spec.image))) return judged(here, 'current')
    if (isLocalOnly(spec.image)) throw localMissing(spec)
    const fetch = fetchOf(engine, spec, here)
    fetch.listeners.add(onProgress)
    const outcome = await unlessAborted(fetch.done, signal)
      .catch((error: unknown) => {
        throw error instanceof PluginError ? named(spec, error) : error
      })
      .finally(() => fetch.listeners.delete(onProgress))
    const facts = await look()
    if (facts) return judged(facts, outcome)
    throw new PluginError(
      'IMAGE_MISSING',
      `server ${spec.name}: the image ${spec.image} was removed while the server was starting`,
      {hint: `docker pull ${spec.image}`},
    )
  }
}

/** A pull under way, with those who want to hear how it gets on. */
interface Fetch {
  readonly done: Promise<Fetched>
  readonly listeners: Set<OnProgress>
}

/** What the engine has of an image: with a digest in its name only that very one counts, whatever the tag is here. */
async function inspected(
  engine: Engine,
  image: string,
  ref: ImageReference | undefined,
  signal: AbortSignal,
): Promise<ImageFacts | undefined> {
  const name = ref?.digest === undefined ? image : withDigest(ref, ref.digest)
  const facts = await withDeadline(engine.inspectImage(name, signal), ANSWER_MS, tooSlow)
  if (!facts || ref?.digest === undefined) return facts
  return digestsOf(facts, ref).includes(ref.digest) ? facts : undefined
}

interface Judged {
  readonly spec: Target
  readonly ref: ImageReference | undefined
  readonly facts: ImageFacts
  readonly outcome: Fetched
  readonly verifier: ImageVerifier | undefined
}

/** An image that is here, as it may be used: one that must be signed only by a digest that is. */
async function ready(
  {spec, ref, facts, outcome, verifier}: Judged,
  signal: AbortSignal,
): Promise<ReadyImage> {
  const ended = {facts, wasPulled: outcome === 'pulled', mayBeOld: outcome === 'untold'}
  if (!ref || !verifier?.applies(ref)) {
    const reference = ref?.digest === undefined ? spec.image : withDigest(ref, ref.digest)
    return {...ended, reference}
  }
  const digests = ref.digest === undefined ? digestsOf(facts, ref) : [ref.digest]
  let refusal = noDigest(spec)
  for (const digest of digests) {
    try {
      await verifier.verify(ref, digest, signal)
      return {...ended, reference: withDigest(ref, digest)}
    } catch (error) {
      if (!(error instanceof PluginError)) throw error
      refusal = error
    }
  }
  throw named(spec, refusal)
}

function noDigest({image}: Target): PluginError {
  return new PluginError(
    'SIGNATURE_INVALID',
    `the image ${image} must be signed, and this one was made on this machine: no registry has signed it`,
    {
      hint: 'give it another name, such as localhost/…, or start it all the same with: --no-verify-signatures',
    },
  )
}

function noName({image}: Target): PluginError {
  return new PluginError(
    'SIGNATURE_INVALID',
    `the image ${image} must be signed, and this is not the name of an image in a registry`,
    {hint: 'name it with its registry, or start it all the same with: --no-verify-signatures'},
  )
}

function tooSlow(): PluginError {
  return new PluginError('ENGINE_FAILED', 'the engine did not tell whether it has the image', {
    hint: 'see whether the engine still works: docker images',
  })
}

/** What `npm run samples` makes. */
const SAMPLES = 'localhost/docker-mcp/'

function localMissing({name, image}: Target): PluginError {
  return new PluginError(
    'IMAGE_MISSING',
    `server ${name}: the image ${image} is made on this machine, and it has not been made`,
    {
      hint: image.startsWith(SAMPLES)
        ? 'make it: npm run samples'
        : 'build it, or tag one with this name',
    },
  )
}

function named({name}: Pick<ContainerSpec, 'name'>, error: PluginError): PluginError {
  return new PluginError(error.code, `server ${name}: ${error.message}`, {
    cause: error,
    hint: error.hint ?? `try again with: docker mcp server install ${name}`,
  })
}
