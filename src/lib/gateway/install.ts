import {PluginError} from '../base/errors.ts'
import type {Engine} from '../engine/engine.ts'
import {dockerCredentials} from '../images/credentials.ts'
import {openVerifier} from '../images/verifier.ts'
import type {CatalogServer} from '../model/catalog.ts'
import {mirrorsOf, openServers} from '../profile/open.ts'
import {entryOf, type ServersInput} from '../profile/servers.ts'
import {imagePuller, type ReadyImage} from './upstream/image.ts'
import {layerSum} from './upstream/pull-progress.ts'

/** How far one server's image is. */
export interface InstallProgress {
  readonly server: string
  readonly image: string
  /** `kept`: it is here, and nobody tells whether there is a newer one; `refused`: it is not signed as it must be. */
  readonly state: 'waiting' | 'pulling' | 'present' | 'kept' | 'pulled' | 'refused' | 'failed'
  /** Bytes of all layers so far known; both 0 while nothing is known. */
  readonly done: number
  readonly total: number
}

export interface InstallInput extends ServersInput {
  readonly engine: () => Promise<Engine>
  readonly toNewest: boolean
  /** Fetch only images whose signatures can be verified, where there is a key for them. */
  readonly verifySignatures: boolean
  readonly signal: AbortSignal
}

/**
 * Fetches the images of servers, all at once. Every one is tried, whatever becomes of the others.
 * @param input `toNewest`: fetch also what is here, when its registry has another image of that name by now
 * @throws PluginError SERVER_UNKNOWN before anything is fetched; FILE_INVALID for wrong keys; with every failure in it,
 *   the code that they have in common, or IMAGE_MISSING
 */
export async function installServers(
  input: InstallInput,
  names: readonly string[],
  report: (progress: InstallProgress) => void,
): Promise<void> {
  const open = await openServers(input)
  const entries = [...new Set(names)].flatMap(name =>
    imagesOf(entryOf(open, name)).map(image => ({name, image})),
  )
  const {signal, env} = input
  const {dockerConfigDir} = input.paths
  const verifierOf = input.verifySignatures ? await openVerifier(input, () => undefined) : undefined
  const ensureImage = imagePuller({
    engine: input.engine,
    notify: () => undefined,
    credentials: dockerCredentials({dockerConfigDir, env}),
    verifier: verifierOf?.(await mirrorsOf(input)),
    toNewest: input.toNewest,
    signal,
  })
  const outcomes = await Promise.allSettled(
    entries.map(async ({name, image}) => {
      if (!image) throw noImage(name)
      const layers = layerSum()
      const tell = (state: InstallProgress['state']) =>
        report({server: name, image, state, ...layers.sum()})
      tell('waiting')
      try {
        const ready = await ensureImage({name, image}, signal, progress => {
          layers.add(progress)
          tell('pulling')
        })
        tell(stateOf(ready))
      } catch (error) {
        tell(isRefusal(error) ? 'refused' : 'failed')
        throw error
      }
    }),
  )
  throwFailures(outcomes)
}

/** @returns one that is undefined for a server without any */
function imagesOf({
  image,
  remote,
  sseEndpoint,
  tools = [],
}: CatalogServer): readonly (string | undefined)[] {
  if (image || remote?.url || sseEndpoint) return [image]
  const images = new Set(tools.flatMap(({container}) => container?.image ?? []))
  return images.size > 0 ? [...images] : [undefined]
}

function stateOf({wasPulled, mayBeOld}: ReadyImage): InstallProgress['state'] {
  if (wasPulled) return 'pulled'
  return mayBeOld ? 'kept' : 'present'
}

function noImage(name: string): PluginError {
  return new PluginError(
    'SERVER_UNSUPPORTED',
    `server ${name} has no image: it runs somewhere else`,
    {
      hint: `see what it is: docker mcp server inspect ${name}`,
    },
  )
}

function throwFailures(outcomes: readonly PromiseSettledResult<void>[]): void {
  const failures = outcomes.flatMap(outcome =>
    outcome.status === 'rejected' ? [outcome.reason] : [],
  )
  const [first] = failures
  // A defect of this program, or an end from outside, is not one failure among others.
  const strange = failures.filter(failure => !isPluginError(failure))
  if (strange.length > 0) throw strange[0]
  if (failures.length === 1) throw first
  if (!isPluginError(first)) return
  const all = failures.filter(isPluginError)
  const last = all.at(-1)
  const code = all.every(error => error.code === first.code) ? first.code : 'IMAGE_MISSING'
  // Each with its own next step: that of the last one is where the step of an error is.
  const message = all
    .map(error =>
      error === last || !error.hint ? error.message : `${error.message}\n  ${error.hint}`,
    )
    .join('\n')
  throw new PluginError(code, message, {...(last?.hint && {hint: last.hint})})
}

/** Whether an image is not taken, though it could be had. */
function isRefusal(error: unknown): boolean {
  return isPluginError(error) && error.code === 'SIGNATURE_INVALID'
}

function isPluginError(error: unknown): error is PluginError {
  return error instanceof PluginError
}
