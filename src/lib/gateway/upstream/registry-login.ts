import {PluginError} from '../../base/errors.ts'
import {type Credentials, engineAuth} from '../../images/credentials.ts'
import type {ImageReference} from '../../images/reference.ts'

/** A login as the engine takes it. */
export interface Login {
  readonly auth?: string
  /** Why it could not be read. To be told when the image cannot be had without: most can. */
  readonly problem?: PluginError
}

/**
 * The login for a registry, as the engine takes it.
 * @throws the signal's reason; what keeps the login from being read is part of the answer
 */
export async function loginOf(
  registry: string,
  {credentials, signal}: {readonly credentials: Credentials; readonly signal: AbortSignal},
): Promise<Login> {
  try {
    const auth = await credentials(registry, signal)
    return auth ? {auth: engineAuth(auth, registry)} : {}
  } catch (error) {
    if (error instanceof PluginError) return {problem: error}
    throw error
  }
}

/** What registries say who want another login, or any. */
const REFUSED = /unauthori[sz]ed|denied|authentication|no basic auth|forbidden|incorrect username/i
const NO_SPACE = /no space left/i
const UNKNOWN = /manifest unknown|name unknown|not found/i

/**
 * What to do about an image that cannot be had, by what the registry or the engine said.
 * @returns undefined when that tells nothing
 */
export function registryAdvice(
  reason: string,
  {registry}: Pick<ImageReference, 'registry'>,
): string | undefined {
  if (NO_SPACE.test(reason)) {
    return 'free some space on the disk of the engine; what takes it: docker system df'
  }
  const host = registry === 'docker.io' ? '' : ` ${registry}`
  if (REFUSED.test(reason)) {
    return `check the name; if the image is not public, sign in with: docker login${host}`
  }
  return UNKNOWN.test(reason) ? 'check the name and its tag in the catalog' : undefined
}
