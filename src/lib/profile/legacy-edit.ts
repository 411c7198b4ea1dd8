import {PluginError} from '../base/errors.ts'
import {readTextFile, writeFileAtomic} from '../files/atomic.ts'
import {withFileLock} from '../files/lock.ts'
import type {StatePaths} from '../files/paths.ts'
import {removeYamlKey, setYamlKey} from '../files/yaml-edit.ts'
import {readRegistry} from './legacy.ts'

/**
 * Turns servers on in `registry.yaml`, the way docker's own plugin writes it; all else in the file stays.
 * @param names server names; the caller knows that they exist
 * @returns which ones are on now and were not, and which ones were already, each in the order given
 * @throws PluginError FILE_INVALID with the place, and the file stays as it is; FILE_BUSY; FILE_DENIED
 */
export async function enableServers(
  paths: StatePaths,
  names: readonly string[],
): Promise<{enabled: readonly string[]; already: readonly string[]}> {
  const present = await editRegistry(paths, (text, on) =>
    missing(names, on).reduce(
      (next, name) => setYamlKey(next, ['registry', name], {ref: ''}),
      text,
    ),
  )
  return {enabled: missing(names, present), already: both(names, present)}
}

/**
 * Turns servers off in `registry.yaml`; all else in the file stays.
 * @param names server names
 * @returns which ones are off now and were on, and which ones were not on, each in the order given
 * @throws like {@link enableServers}
 */
export async function disableServers(
  paths: StatePaths,
  names: readonly string[],
): Promise<{disabled: readonly string[]; notEnabled: readonly string[]}> {
  const present = await editRegistry(paths, (text, on) =>
    both(names, on).reduce((next, name) => removeYamlKey(next, ['registry', name]), text),
  )
  return {disabled: both(names, present), notEnabled: missing(names, present)}
}

/**
 * Turns every server off in `registry.yaml`; what else the file says stays.
 * @returns the servers that were on, in the order of the file
 * @throws like {@link enableServers}
 */
export async function resetServers(paths: StatePaths): Promise<readonly string[]> {
  const present = await editRegistry(paths, (text, on) =>
    on.size === 0 ? text : setYamlKey(text, ['registry'], {}),
  )
  return [...present]
}

/** Gives the servers that were on before. */
async function editRegistry(
  paths: StatePaths,
  edit: (text: string, on: ReadonlySet<string>) => string,
): Promise<ReadonlySet<string>> {
  const file = paths.registry
  return withFileLock(file, async () => {
    const text = (await readTextFile(file)) ?? ''
    const on = new Set(readRegistry(text, file).keys())
    const next = named(file, () => edit(text, on))
    // Readable for others like the file that docker's plugin writes; there is nothing secret in it.
    if (next !== text) await writeFileAtomic(file, next, {mode: 0o644})
    return on
  })
}

/** The editor knows texts only; a person needs to know which file it was. */
function named<T>(file: string, task: () => T): T {
  try {
    return task()
  } catch (error) {
    if (!(error instanceof PluginError)) throw error
    const hint = error.hint === undefined ? {} : {hint: error.hint}
    throw new PluginError(error.code, `${file}: ${error.message}`, {...hint, cause: error})
  }
}

function both(names: readonly string[], on: ReadonlySet<string>): readonly string[] {
  return [...new Set(names)].filter(name => on.has(name))
}

function missing(names: readonly string[], on: ReadonlySet<string>): readonly string[] {
  return [...new Set(names)].filter(name => !on.has(name))
}
