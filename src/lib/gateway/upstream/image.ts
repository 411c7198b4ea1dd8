import {withDeadline} from '../../base/async.ts'
import {PluginError} from '../../base/errors.ts'
import type {Engine, PullProgress} from '../../engine/engine.ts'
import {isLocalOnly} from '../../images/reference.ts'
import type {ContainerSpec} from '../../model/server.ts'
import {unlessAborted} from './waiting.ts'

type Target = Pick<ContainerSpec, 'name' | 'image'>
type OnProgress = (progress: PullProgress) => void

/**
 * Makes sure that the engine has a server's image; fetches it when it has not. The signal ends the waiting; the pull
 * goes on for whoever else waits, and for the next start.
 * @throws PluginError IMAGE_MISSING that names the server, the image, the reason and the next step
 */
export type ImagePuller = (
  spec: Target,
  signal: AbortSignal,
  onProgress?: OnProgress,
) => Promise<'present' | 'pulled'>

/** A puller that fetches each image once, however many ask for it at the same time. */
export function imagePuller(input: {
  engine: () => Promise<Engine>
  notify: (line: string) => void
  /** Ends pulls that are under way. Not that of whoever asked first: others wait for the same pull. */
  signal: AbortSignal
}): ImagePuller {
  const pulling = new Map<string, Promise<void>>()

  function start(engine: Engine, spec: Target, onProgress: OnProgress): Promise<void> {
    input.notify(`- ${spec.name}: pulling ${spec.image}`)
    const pull = engine
      .pullImage(spec.image, onProgress, input.signal)
      .finally(() => pulling.delete(spec.image))
    pulling.set(spec.image, pull)
    return pull
  }

  return async (spec, signal, onProgress = () => undefined) => {
    const engine = await input.engine()
    if (await withDeadline(engine.hasImage(spec.image, signal), ANSWER_MS, tooSlow))
      return 'present'
    if (isLocalOnly(spec.image)) throw localMissing(spec)
    const pull = pulling.get(spec.image) ?? start(engine, spec, onProgress)
    await unlessAborted(pull, signal).catch((error: unknown) => {
      throw error instanceof PluginError ? named(spec, error) : error
    })
    return 'pulled'
  }
}

/** What the engine may take to tell whether it has an image. */
const ANSWER_MS = 30_000

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
