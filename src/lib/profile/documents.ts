import {isJsonObject, objectOf, type Json, type JsonObject} from '../base/json.ts'
import {PluginError} from '../base/errors.ts'
import {renderLines} from '../files/yaml-render.ts'
import type {CatalogServer} from '../model/catalog.ts'
import {storedProfile, type ChosenProfile, type ProfileInput} from './choice.ts'
import {readProfile} from './legacy.ts'
import {elementName} from './membership.ts'
import {openServers} from './open.ts'
import {DEFAULT_PROFILE, goneProfile, profileIds, profileInUse, unknownProfile} from './store.ts'

/** A profile as a document: `version`, `id`, `name`, `servers`, `secrets`, as docker's plugin writes it. */
export interface ProfileAsDocument {
  readonly id: string
  readonly name: string
  readonly servers: readonly JsonObject[]
  /** Where its secrets are, as `--secrets` says it; where every profile has them, when it does not say. */
  readonly secrets?: string | undefined
}

/** All profiles, and which of them counts where nothing else is said. */
export interface ListedProfiles {
  readonly profiles: readonly ProfileAsDocument[]
  readonly inUse: string
  /** Whether that one is in use, and not there. */
  readonly isMissing: boolean
  /** Of the files that could not be read. */
  readonly failures: readonly PluginError[]
}

/** Lists the profiles; one whose file is wrong does not hide the others. */
export async function listProfiles(input: ProfileInput): Promise<ListedProfiles> {
  const {paths} = input
  const ids = [...new Set([DEFAULT_PROFILE, ...(await profileIds(paths))])]
  const read = await Promise.all(ids.map(id => readOrFail(input, id)))
  const {profile: named} = await input.settings()
  const inUse = named ?? (await profileInUse(paths))
  const isMissing = !ids.includes(inUse)
  return {
    profiles: read.flatMap(one => (one instanceof PluginError ? [] : [one])),
    inUse,
    isMissing,
    failures: [
      ...read.flatMap(one => (one instanceof PluginError ? [one] : [])),
      ...(isMissing
        ? [named === undefined ? goneProfile(inUse) : await unknownProfile(paths, inUse)]
        : []),
    ],
  }
}

/**
 * A profile as it was written.
 * @throws PluginError PROFILE_UNKNOWN, FILE_INVALID, FILE_DENIED
 */
export async function showProfile(input: ProfileInput, id: string): Promise<ProfileAsDocument> {
  return documentOfChosen(input, await storedProfile(input, id))
}

/**
 * A profile that needs nothing else: servers that it only names bring the entries that the catalogs have of them.
 * @throws like {@link showProfile}
 */
export async function wholeProfile(input: ProfileInput, id: string): Promise<ProfileAsDocument> {
  const document = await showProfile(input, id)
  const {catalogs, profile} = await openServers(input, {profile: id})
  // As the catalogs have them: where this machine gets its images from is nobody else's concern.
  const entries = new Map([...catalogs.servers, ...profile.entries])
  return {
    ...document,
    servers: document.servers.map(element => wholeElement(element, entries)),
  }
}

/** The document with its keys in the order in which docker's plugin writes them. */
export function documentObject({id, name, servers, secrets}: ProfileAsDocument): JsonObject {
  return {
    version: 1,
    id,
    name,
    servers: servers.map((server): Json => server),
    secrets: {default: {provider: secrets ?? 'docker-desktop-store'}},
  }
}

/** In JSON, docker's plugin has another name for one key than in YAML. */
export function jsonDocument(document: JsonObject): JsonObject {
  const servers = Array.isArray(document['servers']) ? document['servers'] : []
  return {
    ...document,
    servers: servers.map(server =>
      isJsonObject(server) ? renamed(server, 'catalog_ref', 'catalogRef') : server,
    ),
  }
}

/** The text of a profile's file. */
export function profileText(document: JsonObject): string {
  const servers = Array.isArray(document['servers']) ? document['servers'] : []
  const written = servers.map(server =>
    isJsonObject(server) ? renamed(server, 'catalogRef', 'catalog_ref') : server,
  )
  const lines = renderLines({...document, servers: written}, {column: 0, step: 2})
  return `${lines.join('\n')}\n`
}

async function readOrFail(
  input: ProfileInput,
  id: string,
): Promise<ProfileAsDocument | PluginError> {
  try {
    return await showProfile(input, id)
  } catch (error) {
    if (error instanceof PluginError) return error
    throw error
  }
}

async function documentOfChosen(
  {paths}: ProfileInput,
  chosen: ChosenProfile,
): Promise<ProfileAsDocument> {
  const {id} = chosen
  if (chosen.kind === 'document') {
    const {name, servers, secrets} = chosen.read.document
    return {id, name: name ?? id, servers: servers.map(({written}) => written), secrets}
  }
  const {enabled, config, tools} = await readProfile(paths, {})
  const servers = enabled.map((name): JsonObject => {
    const values = config.get(name)
    const names = tools.get(name)
    return {name, ...(values && {config: values}), ...(names && {tools: [...names]})}
  })
  return {id, name: 'Default Profile', servers}
}

function wholeElement(
  element: JsonObject,
  servers: ReadonlyMap<string, CatalogServer>,
): JsonObject {
  const entry = servers.get(elementName(element))
  if (element['snapshot'] !== undefined || !entry) return element
  const {name: _, ...rest} = element
  const {name, image, remote, sseEndpoint} = entry
  const endpoint = remote?.url ?? sseEndpoint
  return {
    ...(image !== undefined ? {type: 'image', image} : {}),
    ...(image === undefined && endpoint !== undefined ? {type: 'remote', endpoint} : {}),
    secrets: 'default',
    ...rest,
    snapshot: {
      server: {name, ...objectOf(JSON.parse(JSON.stringify({...entry, name: undefined})))},
    },
  }
}

function renamed(value: JsonObject, from: string, to: string): JsonObject {
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key === from ? to : key, member]),
  )
}
