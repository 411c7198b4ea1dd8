import {limitConcurrency} from '../../base/async.ts'
import {PluginError} from '../../base/errors.ts'
import {isLocalOnly} from '../../images/reference.ts'
import type {ContainerSpec} from '../../model/server.ts'
import type {ImagePuller, ReadyImage} from './image.ts'

/** More at once would only share the line. Whoever is waited for does not wait for a turn. */
const AT_ONCE = 2

export interface PrefetchInput<T> {
  readonly ensureImage: ImagePuller
  /** A server's image is there. */
  readonly onReady: (spec: T, image: ReadyImage) => void
  /** A server's image cannot be had. */
  readonly onFailed: (spec: T, error: PluginError) => void
  readonly signal: AbortSignal
}

type Target = Pick<ContainerSpec, 'name' | 'image'>

/**
 * Fetches the images that servers will need and the engine has not, before anybody asks for them. A call that comes
 * meanwhile waits for the same pull. Never rejects.
 */
export async function prefetch<T extends Target>(
  specs: readonly T[],
  input: PrefetchInput<T>,
): Promise<void> {
  const inTurn = limitConcurrency(AT_ONCE)
  const byImage = Map.groupBy(specs, ({image}) => image)
  await Promise.all([...byImage.values()].map(alike => inTurn(() => prefetchOne(alike, input))))
}

async function prefetchOne<T extends Target>(
  alike: readonly T[],
  {ensureImage, onReady, onFailed, signal}: PrefetchInput<T>,
): Promise<void> {
  const [first] = alike
  if (!first || signal.aborted) return
  try {
    const image = await ensureImage(first, signal)
    for (const spec of alike) onReady(spec, image)
  } catch (error) {
    // An engine that is not there concerns all of them, and is told of by whoever needs it; so is an image that is made
    // here.
    const isAboutImage = error instanceof PluginError && !error.code.startsWith('ENGINE_')
    if (!signal.aborted && isAboutImage && !isLocalOnly(first.image)) onFailed(first, error)
  }
}
