import {objectOf, type JsonObject} from '../base/json.ts'
import {appendYamlItem, editYamlItem, removeYamlItem} from '../files/yaml-list.ts'
import {removeYamlKey, setYamlKey} from '../files/yaml-edit.ts'
import {PluginError} from '../base/errors.ts'
import {readProfileText, type ProfileFile} from './profile-file.ts'
import {editProfileFile} from './store.ts'

/** What stands in a profile for what a server is; the rest is what a person set for it. */
const IDENTITY = ['name', 'type', 'image', 'endpoint', 'source', 'catalog_ref', 'snapshot'] as const

/**
 * Puts servers into a profile's file, in place. One that is there already becomes what is said now, and keeps its
 * configuration and its choice of tools.
 * @param elements as the format has them, each with a name or a snapshot
 * @returns the names of those that were there
 * @throws PluginError FILE_INVALID with the place, and the file stays as it is; FILE_BUSY; FILE_DENIED
 */
export async function putServers(
  file: string,
  elements: readonly JsonObject[],
): Promise<{readonly replaced: readonly string[]}> {
  const replaced: string[] = []
  await changeProfile(file, read => {
    let {text} = read
    const known = read.document.servers.map(({name}) => name)
    for (const element of elements) {
      const name = elementName(element)
      const index = known.indexOf(name)
      if (index === -1) {
        text = appendYamlItem(text, 'servers', element)
        known.push(name)
      } else {
        text = editYamlItem(text, {key: 'servers', index}, item => withIdentity(item, element))
        replaced.push(name)
      }
    }
    return text
  })
  return {replaced}
}

/**
 * Takes servers out of a profile's file, in place.
 * @returns which ones are out now and were in, and which ones were not, each in the order given
 * @throws like {@link putServers}
 */
export async function dropServers(
  file: string,
  names: readonly string[],
): Promise<{readonly disabled: readonly string[]; readonly notEnabled: readonly string[]}> {
  const wanted = [...new Set(names)]
  let known: readonly string[] = []
  await changeProfile(file, read => {
    known = read.document.servers.map(({name}) => name)
    let {text} = read
    for (const [index, name] of [...known.entries()].toReversed()) {
      if (wanted.includes(name)) text = removeYamlItem(text, 'servers', index)
    }
    return text
  })
  return {
    disabled: wanted.filter(name => known.includes(name)),
    notEnabled: wanted.filter(name => !known.includes(name)),
  }
}

/** A change of what is set for one server. */
export interface Setting {
  readonly server: string
  /** Under the server: `config`, … or `tools`. */
  readonly path: readonly string[]
  /** Undefined takes it away. */
  readonly value: Parameters<typeof setYamlKey>[2] | undefined
}

/**
 * Changes what a profile's file sets for its servers, in place.
 * @param settingsOf what to change, by what is there
 * @throws PluginError SERVER_UNKNOWN for a server that the profile does not have; otherwise like {@link putServers}
 */
export async function changeSettings(
  file: string,
  settingsOf: (servers: ProfileFile['document']['servers']) => readonly Setting[],
): Promise<void> {
  await changeProfile(file, read => {
    let {text} = read
    for (const {server, path, value} of settingsOf(read.document.servers)) {
      const index = read.document.servers.findIndex(({name}) => name === server)
      if (index === -1) throw notInProfile(server)
      text = editYamlItem(text, {key: 'servers', index}, item =>
        value === undefined ? removeYamlKey(item, path) : setYamlKey(item, path, value),
      )
    }
    return text
  })
}

/** The error for a server that a profile does not have. */
export function notInProfile(server: string): PluginError {
  return new PluginError('SERVER_UNKNOWN', `the profile has no server named "${server}"`, {
    hint: 'see which it has: docker mcp profile server ls',
  })
}

/** Reads again what would be written: nothing is written that could not be read. */
async function changeProfile(file: string, change: (read: ProfileFile) => string): Promise<void> {
  await editProfileFile(file, async (before = '') => {
    const after = named(file, await readProfileText(before, file), change)
    await readProfileText(after, file)
    return after
  })
}

/** The editor knows texts only; a person needs to know which file it was. */
function named(file: string, read: ProfileFile, change: (read: ProfileFile) => string): string {
  try {
    return change(read)
  } catch (error) {
    if (!(error instanceof PluginError) || error.code !== 'FILE_INVALID') throw error
    const hint = error.hint === undefined ? {} : {hint: error.hint}
    throw new PluginError(error.code, `${file}: ${error.message}`, {...hint, cause: error})
  }
}

function withIdentity(item: string, element: JsonObject): string {
  return IDENTITY.reduce((text, key) => {
    const value = element[key]
    return value === undefined ? removeYamlKey(text, [key]) : setYamlKey(text, [key], value)
  }, item)
}

/** What a server is called that an element of ours describes. */
export function elementName(element: JsonObject): string {
  const {name, snapshot} = element
  const own = name ?? objectOf(objectOf(snapshot)['server'])['name']
  return typeof own === 'string' ? own : ''
}
