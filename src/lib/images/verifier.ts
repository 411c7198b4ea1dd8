import {messageOf, PluginError} from '../base/errors.ts'
import {oneLine} from '../base/one-line.ts'
import {homeDir, type StatePaths} from '../files/paths.ts'
import type {Outgoing} from '../net/agents.ts'
import {dockerCredentials, type Credentials} from './credentials.ts'
import {isFor, readSigningKeys} from './keys.ts'
import type {ImageReference} from './reference.ts'
import {RegistryError} from './registry-answer.ts'
import type {
  ImageVerifier,
  Judgement,
  Mirrors,
  SignatureRepository,
  SigningKey,
} from './signature.ts'
import {judgeSignatures} from './signatures-of.ts'
import {verifiedStore} from './verified.ts'

/** What a verifier is made with. */
export interface VerifierInput {
  readonly keys: readonly SigningKey[]
  readonly credentials: Credentials
  /** How registries are reached: directly, when not given. */
  readonly outgoing?: Outgoing | undefined
  /** Where what was verified is remembered. */
  readonly stateDir: string
  readonly notify: (line: string) => void
  /** Where images and signatures come from instead: nothing, when not given. */
  readonly mirrors?: Mirrors | undefined
  /** How long looking for the signatures of one image may take, in milliseconds. */
  readonly searchMs?: number
}

/** A registry that answers everything, but slowly, must not hold a start for as many answers as it can give. */
const SEARCH_MS = 60_000

/**
 * Reads the keys that a user has: Docker's, and those of `signatures.yaml`.
 * @returns makes the verifier with these keys, for what comes from mirrors at the time
 * @throws PluginError FILE_INVALID, FILE_DENIED for keys that cannot be read
 */
export async function openVerifier(
  {
    paths: {dir, dockerConfigDir, stateDir},
    env,
    outgoing = {env},
  }: {paths: StatePaths; env: NodeJS.ProcessEnv; outgoing?: Outgoing | undefined},
  notify: (line: string) => void,
): Promise<(mirrors: Mirrors) => ImageVerifier> {
  const keys = await readSigningKeys(dir, homeDir(env))
  const credentials = dockerCredentials({dockerConfigDir, env})
  return mirrors => createVerifier({keys, credentials, outgoing, stateDir, notify, mirrors})
}

const NO_MIRRORS: Mirrors = {originalsOf: () => [], mirrorOf: repository => repository}

/**
 * Makes the verifier of a gateway. It fails closed: what could not be found out is an image that may not run.
 */
export function createVerifier({
  keys,
  credentials,
  outgoing,
  stateDir,
  notify,
  mirrors = NO_MIRRORS,
  searchMs = SEARCH_MS,
}: VerifierInput): ImageVerifier {
  const remembered = verifiedStore(stateDir)
  /** What this process knows: a server that starts for every call does not read a file for each. */
  const known = new Set<string>()
  const keysFor = (ref: ImageReference) => {
    const names = [ref, ...mirrors.originalsOf(ref)]
    return keys.filter(key => names.some(name => isFor(key, name)))
  }

  async function verify(ref: ImageReference, digest: string, signal: AbortSignal): Promise<void> {
    const name = `${nameOf(ref)}@${digest}`
    if (known.has(name)) return
    await prove(ref, digest, signal)
    known.add(name)
  }

  async function prove(ref: ImageReference, digest: string, signal: AbortSignal): Promise<void> {
    const counting = keysFor(ref)
    const repository = nameOf(ref)
    const fingerprints = counting.map(({fingerprint}) => fingerprint)
    if (await remembered.has({digest, repository}, fingerprints)) return
    const judgements: Judgement[] = []
    const failures: PluginError[] = []
    const deadline = AbortSignal.timeout(searchMs)
    const ends = AbortSignal.any([signal, deadline])
    for (const [at, own] of byRepository(counting, ref, mirrors)) {
      try {
        const how = {keys: own, credentials, outgoing}
        judgements.push(...(await judgeSignatures({ref, digest}, at, how, ends)))
      } catch (error) {
        signal.throwIfAborted()
        if (deadline.aborted) throw unknown({ref, digest}, tooLong(at, searchMs))
        if (!(error instanceof RegistryError)) throw error
        failures.push(unknown({ref, digest}, error))
      }
      const last = judgements.at(-1)
      if (last?.is !== 'valid') continue
      await remembered
        .add({digest, repository, key: last.key.fingerprint})
        .catch((error: unknown) => notify(`! ${messageOf(error)}`))
      return
    }
    throw failures[0] ?? refusal({ref, digest}, byRepository(counting, ref, mirrors), judgements)
  }

  return {
    applies: ref => (ref ? keysFor(ref).length > 0 : keys.some(({images}) => images === '*')),
    verify,
  }
}

interface Image {
  readonly ref: ImageReference
  readonly digest: string
}

function unknown(image: Image, error: RegistryError): PluginError {
  const message = `a signature of ${textOf(image)} could not be looked for: ${short(error.message)}`
  return invalid(message, error)
}

function tooLong({registry}: SignatureRepository, milliseconds: number): RegistryError {
  return new RegistryError(`${registry}: looking there took longer than ${milliseconds / 1000} s`)
}

/** Where to look, and which keys count there. */
function byRepository(
  keys: readonly SigningKey[],
  image: ImageReference,
  {mirrorOf}: Mirrors,
): ReadonlyMap<SignatureRepository, readonly SigningKey[]> {
  const found = new Map<string, {at: SignatureRepository; keys: SigningKey[]}>()
  for (const key of keys) {
    const at = key.repository ? mirrorOf(key.repository) : image
    const entry = found.get(nameOf(at)) ?? {at, keys: []}
    entry.keys.push(key)
    found.set(nameOf(at), entry)
  }
  return new Map([...found.values()].map(entry => [entry.at, entry.keys]))
}

/** The nearest miss is what a person has to hear of. */
function refusal(
  image: Image,
  looked: ReadonlyMap<SignatureRepository, readonly SigningKey[]>,
  judgements: readonly Judgement[],
): PluginError {
  const what = textOf(image)
  const other = judgements.find(({is}) => is === 'other image')
  if (other?.is === 'other image') {
    return invalid(
      `the signature stored for ${what} is for another image: it names ${short(other.names)}`,
    )
  }
  const names = [...looked.values()].flatMap(keys => keys.map(({name}) => name)).join(', ')
  if (judgements.some(({is}) => is === 'other key')) {
    return invalid(`${what} is signed, but not by a key that counts for it (${names})`)
  }
  const unreadable = judgements.find(({is}) => is === 'unreadable')
  if (unreadable?.is === 'unreadable') {
    return invalid(`no signature of ${what} counts: ${unreadable.reason}`)
  }
  const places = [...looked.keys()].map(nameOf).join(' and ')
  return invalid(`${what} has no signature in ${places}, and must be signed by ${names}`)
}

function invalid(message: string, cause?: unknown): PluginError {
  return new PluginError('SIGNATURE_INVALID', message, {
    hint: 'do not use it unless you know why; to start it all the same: --no-verify-signatures',
    cause,
  })
}

function textOf({ref, digest}: Image): string {
  return `the image ${nameOf(ref)}@${digest}`
}

function nameOf({registry, repository}: SignatureRepository): string {
  return `${registry}/${repository}`
}

/** What stands in a signature is somebody else's text. */
function short(text: string): string {
  return oneLine(text).slice(0, 200)
}
