import {limitConcurrency} from '../base/async.ts'
import {PluginError} from '../base/errors.ts'
import type {Engine} from '../engine/engine.ts'
import {type Credentials, dockerCredentials} from '../images/credentials.ts'
import {type ImageReference, isLocalOnly, normalizeReference} from '../images/reference.ts'
import {openServers, type OpenServers} from '../profile/open.ts'
import {entryOf, type ServersInput} from '../profile/servers.ts'
import {digestsOf} from './upstream/fetch-image.ts'
import {loginOf, registryAdvice} from './upstream/registry-login.ts'

/** How the image of a server compares with what its registry has under the same tag. */
export interface ImageAge {
  readonly name: string
  /** As in the catalog; absent for a server that has none. */
  readonly image?: string
  /**
   * `current`: the same · `outdated`: another · `not pulled`: none is here · `pinned`: named by its digest, which never
   * means another image · `local`: made on this machine · `no image`: it runs somewhere else, or has a container for
   * each tool · `unknown`: see `reason`
   */
  readonly state:
    | 'current'
    | 'outdated'
    | 'not pulled'
    | 'pinned'
    | 'local'
    | 'no image'
    | 'unknown'
  /** Digest of what the engine has. */
  readonly here?: string
  /** Digest of what the registry has. */
  readonly there?: string
  /** Why it is not known, and what to do. */
  readonly reason?: string
  readonly next?: string
}

/** Registries bear that many questions of one user at once. */
const AT_ONCE = 4
/** Longer words of a registry are cut. */
const LONGEST_REASON = 1000

/**
 * Compares images with their registries; fetches nothing.
 * @param names of servers in a catalog; none means all that are enabled
 * @returns one for each server, in their order
 * @throws PluginError SERVER_UNKNOWN, ENGINE_UNREACHABLE; a registry that does not tell is part of the answer
 */
export async function compareImages(
  input: ServersInput & {readonly engine: () => Promise<Engine>; readonly signal: AbortSignal},
  names: readonly string[],
): Promise<readonly ImageAge[]> {
  const open = await openServers(input)
  for (const name of names) entryOf(open, name)
  const chosen = [...new Set(names.length > 0 ? names : open.profile.enabled)]
  if (chosen.length === 0) return []
  const {signal, env} = input
  const {dockerConfigDir} = input.paths
  const engine = await input.engine()
  const credentials = dockerCredentials({dockerConfigDir, env})
  const inTurn = limitConcurrency(AT_ONCE)
  return Promise.all(
    chosen.map(name =>
      inTurn(() => ageOf({name, ...imageOf(open, name)}, {engine, credentials, signal})),
    ),
  )
}

interface Asked {
  readonly engine: Engine
  readonly credentials: Credentials
  readonly signal: AbortSignal
}

type Known = Pick<ImageAge, 'name' | 'image' | 'reason'>

/** One that left its catalog may still be enabled. */
function imageOf({servers}: OpenServers, name: string): Pick<Known, 'image' | 'reason'> {
  const entry = servers.get(name)
  if (!entry) return {reason: 'no catalog has a server of that name'}
  return entry.image ? {image: entry.image} : {}
}

async function ageOf(known: Known, asked: Asked): Promise<ImageAge> {
  const {image, reason} = known
  if (image === undefined) return {...known, state: reason === undefined ? 'no image' : 'unknown'}
  if (isLocalOnly(image)) return {...known, state: 'local'}
  const ref = normalizeReference(image)
  if (!ref) return {...known, state: 'unknown', reason: 'this is not the name of an image'}
  if (ref.digest !== undefined) return {...known, state: 'pinned', here: ref.digest}
  return {...known, ...(await compared(image, ref, asked))}
}

async function compared(
  image: string,
  ref: ImageReference,
  {engine, credentials, signal}: Asked,
): Promise<Omit<ImageAge, 'name' | 'image'>> {
  const facts = await engine.inspectImage(image, signal)
  const digests = facts ? digestsOf(facts, ref) : []
  const [here] = digests
  if (facts && here === undefined) return {state: 'local'}
  const {auth, problem} = await loginOf(ref.registry, {credentials, signal})
  try {
    const there = (await engine.distribution(image, auth, signal))?.digest
    if (there === undefined) {
      const reason = 'this engine does not ask registries'
      return {state: 'unknown', ...(here !== undefined && {here}), reason}
    }
    if (here === undefined) return {state: 'not pulled', there}
    if (digests.includes(there)) return {state: 'current', here: there, there}
    return {state: 'outdated', here, there}
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof PluginError) || error.code !== 'ENGINE_FAILED') throw error
    const said = error.message.slice(0, LONGEST_REASON)
    const reason = problem ? `${said}; ${problem.message}` : said
    const next = registryAdvice(reason, ref) ?? 'see to the network of the engine'
    return {state: 'unknown', ...(here !== undefined && {here}), reason, next}
  }
}
