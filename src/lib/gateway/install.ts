import {PluginError} from '../base/errors.ts'
import {loadCatalogs} from '../catalog/store.ts'
import type {Engine, PullProgress} from '../engine/engine.ts'
import {entryOf, type ServersInput} from '../profile/servers.ts'
import {imagePuller} from './upstream/image.ts'

/** How far one server's image is. */
export interface InstallProgress {
  readonly server: string
  readonly image: string
  readonly state: 'waiting' | 'pulling' | 'present' | 'pulled' | 'failed'
  /** Bytes of all layers so far known; both 0 while nothing is known. */
  readonly done: number
  readonly total: number
}

/**
 * Fetches the images of servers, all at once. Every one is tried, whatever becomes of the others.
 * @throws PluginError SERVER_UNKNOWN before anything is fetched; IMAGE_MISSING with every failure in it
 */
export async function installServers(
  input: ServersInput & {engine: () => Promise<Engine>},
  names: readonly string[],
  report: (progress: InstallProgress) => void,
): Promise<void> {
  const catalogs = await loadCatalogs(input)
  const entries = [...new Set(names)].map(name => ({name, image: entryOf(catalogs, name).image}))
  const signal = new AbortController().signal
  const ensureImage = imagePuller({engine: input.engine, notify: () => undefined, signal})
  const outcomes = await Promise.allSettled(
    entries.map(async ({name, image}) => {
      if (!image) throw noImage(name)
      const layers = layerSum()
      const tell = (state: InstallProgress['state']) =>
        report({server: name, image, state, ...layers.sum()})
      tell('waiting')
      try {
        const onProgress = (progress: PullProgress) => {
          layers.add(progress)
          tell('pulling')
        }
        tell(await ensureImage({name, image}, signal, onProgress))
      } catch (error) {
        tell('failed')
        throw error
      }
    }),
  )
  throwFailures(outcomes)
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
  if (failures.length === 1 || (first !== undefined && !failures.every(isPluginError))) throw first
  if (!isPluginError(first)) return
  const message = failures
    .filter(isPluginError)
    .map(error => error.message)
    .join('\n')
  throw new PluginError('IMAGE_MISSING', message, {...(first.hint && {hint: first.hint})})
}

function isPluginError(error: unknown): error is PluginError {
  return error instanceof PluginError
}

/** Adds up what the engine says of each layer. */
function layerSum(): {add(progress: PullProgress): void; sum(): {done: number; total: number}} {
  const layers = new Map<string, {done: number; total: number}>()
  return {
    add({layer, current, total}) {
      if (layer !== '' && total !== undefined) layers.set(layer, {done: current ?? 0, total})
    },
    sum: () =>
      [...layers.values()].reduce(
        (sum, layer) => ({done: sum.done + layer.done, total: sum.total + layer.total}),
        {done: 0, total: 0},
      ),
  }
}
