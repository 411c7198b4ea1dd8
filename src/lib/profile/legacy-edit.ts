import {editFile} from '../files/edit-file.ts'
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
  let before: ReadonlySet<string> = new Set()
  await editFile(file, text => {
    before = new Set(readRegistry(text, file).keys())
    return edit(text, before)
  })
  return before
}

function both(names: readonly string[], on: ReadonlySet<string>): readonly string[] {
  return [...new Set(names)].filter(name => on.has(name))
}

function missing(names: readonly string[], on: ReadonlySet<string>): readonly string[] {
  return [...new Set(names)].filter(name => !on.has(name))
}
