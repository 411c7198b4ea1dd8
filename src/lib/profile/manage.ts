import {PluginError} from '../base/errors.ts'
import type {JsonObject} from '../base/json.ts'
import type {StatePaths} from '../files/paths.ts'
import {storedProfile, type ProfileInput} from './choice.ts'
import {documentObject, profileText} from './documents.ts'
import {enableServers, disableServers} from './legacy-edit.ts'
import {dropServers, elementName, putServers} from './membership.ts'
import {openServers} from './open.ts'
import {readProfileText} from './profile-file.ts'
import {DEFAULT_PROFILE, editProfileFile, newProfilePath} from './store.ts'

/**
 * Makes a profile.
 * @param about `id`: made of the name when not given
 * @returns its id
 * @throws PluginError PROFILE_EXISTS; USAGE when no id can be made of the name
 */
export async function createProfile(
  {paths}: Pick<ProfileInput, 'paths'>,
  about: {
    readonly name: string
    readonly id?: string | undefined
    readonly servers: readonly JsonObject[]
  },
): Promise<string> {
  const id = about.id ?? (await idFor(about.name))
  const text = profileText(documentObject({id, name: about.name, servers: about.servers}))
  await addProfile(paths, id, text)
  return id
}

/**
 * Keeps the text of a profile that is new.
 * @throws PluginError PROFILE_EXISTS; PROFILE_UNKNOWN for what is no id; FILE_INVALID
 */
export async function addProfile(paths: StatePaths, id: string, text: string): Promise<void> {
  const file = newProfilePath(paths, id)
  await editProfileFile(file, async present => {
    if (present !== undefined || id === DEFAULT_PROFILE) throw alreadyThere(id)
    await readProfileText(text, file)
    return text
  })
}

/**
 * The id of a profile with that name.
 * @throws PluginError USAGE for a name without letters and digits
 */
export async function idFor(name: string): Promise<string> {
  const {idOfName} = await import('../model/profile-document.ts')
  const id = idOfName(name)
  if (id !== '') return id
  throw new PluginError('USAGE', `no id can be made of the name ${JSON.stringify(name)}`, {
    hint: 'give a name with a letter from a to z, or a digit; docker mcp profile create also takes an --id',
  })
}

/**
 * Puts servers into a profile.
 * @returns the names of those that were in it before
 * @throws PluginError SERVER_UNKNOWN for a server that the default profile cannot hold; FILE_INVALID, FILE_BUSY, FILE_DENIED
 */
export async function addToProfile(
  input: ProfileInput,
  id: string,
  elements: readonly JsonObject[],
): Promise<{readonly replaced: readonly string[]}> {
  const chosen = await storedProfile(input, id)
  if (chosen.kind === 'document') return putServers(chosen.read.file, elements)
  const {servers} = await openServers(input, {profile: id})
  const names = elements.map(elementName)
  const foreign = names.find(name => !servers.has(name))
  if (foreign !== undefined) throw onlyNames(foreign)
  const {already} = await enableServers(input.paths, names)
  return {replaced: already}
}

/**
 * Takes servers out of a profile.
 * @returns those that were in it
 * @throws PluginError SERVER_UNKNOWN when none of them was; FILE_INVALID, FILE_BUSY, FILE_DENIED
 */
export async function removeFromProfile(
  input: ProfileInput,
  id: string,
  names: readonly string[],
): Promise<readonly string[]> {
  const chosen = await storedProfile(input, id)
  const {disabled} =
    chosen.kind === 'document'
      ? await dropServers(chosen.read.file, names)
      : await disableServers(input.paths, names)
  if (disabled.length > 0) return disabled
  throw new PluginError(
    'SERVER_UNKNOWN',
    `the profile ${id} has none of them: ${names.join(', ')}`,
    {
      hint: `see which it has: docker mcp profile server ls --filter profile=${id}`,
    },
  )
}

function alreadyThere(id: string): PluginError {
  return new PluginError('PROFILE_EXISTS', `there is a profile "${id}" already`, {
    hint:
      id === DEFAULT_PROFILE
        ? 'the default profile is registry.yaml, config.yaml and tools.yaml; choose another name'
        : `choose another name, or remove it: docker mcp profile rm ${id}`,
  })
}

function onlyNames(name: string): PluginError {
  return new PluginError(
    'SERVER_UNKNOWN',
    `the default profile holds servers of the catalogs, and none of them has "${name}"`,
    {hint: 'make a profile for it: docker mcp profile create --name <name> --server <uri>'},
  )
}
