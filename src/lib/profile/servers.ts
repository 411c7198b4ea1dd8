import {DEFAULT_CATALOG} from '../catalog/identity.ts'
import {nearestNames, searchServers} from '../catalog/search.ts'
import {searchable} from '../catalog/search-catalogs.ts'
import {PluginError} from '../base/errors.ts'
import type {JsonObject} from '../base/json.ts'
import type {CatalogServer} from '../model/catalog.ts'
import {checkConfig} from '../model/config-check.ts'
import {chooseProfile, type ProfileInput} from './choice.ts'
import {dropServers, putServers} from './membership.ts'
import {openServers, type OpenServers} from './open.ts'
import {lookForSecrets, neededSecrets, openProfileChain} from './secrets.ts'
import {disableServers, enableServers, resetServers} from './legacy-edit.ts'

/** How far a server is from having what it needs. */
type Need = 'none' | 'required' | 'partial' | 'done'

/** One line of `server ls`; the members and words are those of docker's own plugin. */
export interface ServerRow {
  readonly name: string
  readonly description: string
  readonly secrets: Need
  readonly config: Need
  readonly oauth: Need
}

export interface ServersInput extends ProfileInput {
  readonly env: NodeJS.ProcessEnv
}

/** The enabled servers, and why more may be set for them than counts. */
export interface ServerList {
  /** In the order in which they were enabled. */
  readonly rows: readonly ServerRow[]
  /** Of secrets that count as missing though a store has them, or may have them: why it cannot be read. */
  readonly unread: ReadonlyMap<string, PluginError>
}

/** Lists the enabled servers with what each still needs. */
export async function listServers(
  input: ServersInput,
  secretsSpec: string | undefined,
): Promise<ServerList> {
  const {servers, profile} = await openServers(input)
  const needed = profile.enabled.flatMap(name => neededSecrets(servers.get(name)))
  const open = () => openProfileChain(secretsSpec, profile, input)
  const {held, unread} = await lookForSecrets(needed, open)
  const rows = profile.enabled.map((name): ServerRow => {
    const entry = servers.get(name)
    if (!entry) {
      return {
        name,
        description: '(not in any catalog)',
        secrets: 'none',
        config: 'none',
        oauth: 'none',
      }
    }
    return {
      name,
      description: firstSentence(entry),
      secrets: secretsNeed(entry, key => held.has(key)),
      config: configNeed(entry, profile.config.get(name) ?? {}),
      oauth: entry.oauth?.providers?.length ? 'required' : 'none',
    }
  })
  return {rows, unread}
}

/** One hit of `server search`. */
export interface FoundServer {
  readonly name: string
  readonly description: string
  readonly catalog: string
  readonly enabled: boolean
}

/** Finds servers in all catalogs, the best match first; without a query all of them, by name. */
export async function findServers(
  input: ServersInput,
  query: string,
  limit: number,
): Promise<readonly FoundServer[]> {
  const {catalogs, profile, servers} = await openServers(input)
  const all = [...servers].map(([name, entry]) => ({...searchable(entry), name}))
  const names =
    query === ''
      ? all.map(({name}) => name).toSorted()
      : (await searchServers(all, query, limit)).map(({name}) => name)
  return names.slice(0, limit).map(name => ({
    name,
    description: firstSentence(servers.get(name)),
    catalog: catalogs.origins.get(name) ?? '',
    enabled: profile.enabled.includes(name),
  }))
}

/**
 * Switches servers on.
 * @throws PluginError SERVER_UNKNOWN, and then none of them is switched on
 */
export async function enable(
  input: ServersInput,
  names: readonly string[],
): Promise<{enabled: readonly string[]; already: readonly string[]}> {
  const open = await openServers(input)
  for (const name of names) entryOf(open, name)
  const chosen = await chooseProfile(input)
  if (chosen.kind === 'files') return enableServers(input.paths, names)
  const before = new Set(open.profile.enabled)
  const added = [...new Set(names)].filter(name => !before.has(name))
  await putServers(
    chosen.read.file,
    added.map(name => ({name})),
  )
  return {enabled: added, already: [...new Set(names)].filter(name => before.has(name))}
}

/**
 * Switches servers off. Known or not: one that left its catalog must be removable.
 * @throws PluginError SERVER_UNKNOWN for names that are not enabled; the others are switched off
 */
export async function disable(
  input: ServersInput,
  names: readonly string[],
): Promise<readonly string[]> {
  const {profile} = await openServers(input)
  const chosen = await chooseProfile(input)
  const {disabled, notEnabled} =
    chosen.kind === 'files'
      ? await disableServers(input.paths, names)
      : await dropServers(chosen.read.file, names)
  const [first] = notEnabled
  if (first === undefined) return disabled
  const near = nearestNames(first, profile.enabled)
  throw new PluginError('SERVER_UNKNOWN', `not enabled: ${notEnabled.join(', ')}`, {
    hint:
      near.length > 0 ? `did you mean "${near[0]}"?` : 'see what is enabled: docker mcp server ls',
  })
}

/**
 * Switches every server off. What a profile's file says of them goes with them, as it is in their places there.
 * @returns the servers that were on
 */
export async function reset(input: ServersInput): Promise<readonly string[]> {
  const chosen = await chooseProfile(input)
  if (chosen.kind === 'files') return resetServers(input.paths)
  const names = chosen.read.document.servers.map(({name}) => name)
  return (await dropServers(chosen.read.file, names)).disabled
}

/** What is known of one server. */
export interface ServerFacts extends Pick<ServerList, 'unread'> {
  /** Its catalog entry with the values set for it. */
  readonly facts: JsonObject
}

/** Looks at one server: `server inspect`. */
export async function inspectServer(
  input: ServersInput,
  name: string,
  secretsSpec: string | undefined,
): Promise<ServerFacts> {
  const open = await openServers(input)
  const {catalogs, profile} = open
  const entry = entryOf(open, name)
  const written = profile.entries.get(name) ?? catalogs.servers.get(name)
  const config = profile.config.get(name)
  const tools = profile.tools.get(name)
  const chain = () => openProfileChain(secretsSpec, profile, input)
  const {unread} = await lookForSecrets(neededSecrets(entry), chain)
  const facts = {
    catalog: catalogs.origins.get(name) ?? '',
    enabled: profile.enabled.includes(name),
    ...JSON.parse(JSON.stringify({...entry, name})),
    // The gateway's file says where images come from instead.
    ...(written?.image !== entry.image && {catalogImage: written?.image}),
    ...(config && {configured: config}),
    ...(tools && {allowedTools: [...tools]}),
  }
  return {facts, unread}
}

/**
 * @throws PluginError SERVER_UNKNOWN with the names near to it, or how to have the embedded catalog again
 */
export function entryOf(
  {servers, catalogs}: Pick<OpenServers, 'servers' | 'catalogs'>,
  name: string,
): CatalogServer {
  const entry = servers.get(name)
  if (entry) return entry
  const hasEmbedded = catalogs.loaded.some(({catalog}) => catalog.name === DEFAULT_CATALOG)
  throw unknownServer(name, [...servers.keys()], hasEmbedded ? FIND : HAVE_EMBEDDED)
}

const FIND = 'find one with: docker mcp server search <word>'
const HAVE_EMBEDDED = `the catalog ${DEFAULT_CATALOG} is switched off: docker mcp catalog init switches it on`

/** The error for a name that no catalog has, with the names that are near to it. */
export function unknownServer(
  name: string,
  known: readonly string[],
  otherwise = FIND,
): PluginError {
  const near = nearestNames(name, known).map(other => `"${other}"`)
  const hint = near.length > 0 ? `did you mean ${near.join(' or ')}?` : otherwise
  return new PluginError('SERVER_UNKNOWN', `no catalog has a server named "${name}"`, {hint})
}

function secretsNeed(entry: CatalogServer, isSet: (key: string) => boolean): Need {
  const needed = neededSecrets(entry)
  return needOf(needed.filter(isSet).length, needed.length)
}

function configNeed(entry: CatalogServer, config: JsonObject): Need {
  if (!entry.config?.length) return 'none'
  if (checkConfig(entry, config).length === 0) return 'done'
  return Object.keys(config).length > 0 ? 'partial' : 'required'
}

function needOf(set: number, needed: number): Need {
  if (needed === 0) return 'none'
  if (set === needed) return 'done'
  return set > 0 ? 'partial' : 'required'
}

function firstSentence(entry: CatalogServer | undefined): string {
  const text = (entry?.description ?? '').replace(/\s+/g, ' ').trim()
  return /^.*?[.!?](?= |$)/.exec(text)?.[0] ?? text
}
