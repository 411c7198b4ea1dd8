import {loadCatalogs, type CatalogInput, type Catalogs} from '../catalog/store.ts'
import {nearestNames, searchServers} from '../catalog/search.ts'
import {PluginError} from '../base/errors.ts'
import type {JsonObject} from '../base/json.ts'
import type {CatalogServer} from '../model/catalog.ts'
import {checkConfig} from '../model/config-check.ts'
import {openSecrets} from '../secrets/source.ts'
import {readProfile} from './legacy.ts'
import {disableServers, enableServers} from './legacy-edit.ts'

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

export interface ServersInput extends CatalogInput {
  readonly env: NodeJS.ProcessEnv
}

/** The enabled servers, in the order in which they were enabled, with what each still needs. */
export async function listServers(
  input: ServersInput,
  secretsSpec: string,
): Promise<readonly ServerRow[]> {
  const [catalogs, profile, secrets] = await Promise.all([
    loadCatalogs(input),
    readProfile(input.paths, {}),
    openSecrets(secretsSpec, input),
  ])
  return profile.enabled.map(name => {
    const entry = catalogs.servers.get(name)
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
      secrets: secretsNeed(entry, key => Boolean(secrets.get(key))),
      config: configNeed(entry, profile.config.get(name) ?? {}),
      oauth: entry.oauth?.providers?.length ? 'required' : 'none',
    }
  })
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
  const [catalogs, profile] = await Promise.all([loadCatalogs(input), readProfile(input.paths, {})])
  const all = [...catalogs.servers].map(([name, entry]) => ({
    name,
    title: entry.title ?? '',
    description: entry.description ?? '',
    tags: [
      ...(entry.metadata?.tags ?? []),
      ...(entry.metadata?.category ? [entry.metadata.category] : []),
    ],
    tools: (entry.tools ?? []).map(tool => tool.name),
  }))
  const names =
    query === ''
      ? all.map(({name}) => name).toSorted()
      : (await searchServers(all, query, limit)).map(({name}) => name)
  return names.slice(0, limit).map(name => ({
    name,
    description: firstSentence(catalogs.servers.get(name)),
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
  const catalogs = await loadCatalogs(input)
  for (const name of names) entryOf(catalogs, name)
  return enableServers(input.paths, names)
}

/**
 * Switches servers off. Known or not: one that left its catalog must be removable.
 * @throws PluginError SERVER_UNKNOWN for names that are not enabled; the others are switched off
 */
export async function disable(
  input: ServersInput,
  names: readonly string[],
): Promise<readonly string[]> {
  const {disabled, notEnabled} = await disableServers(input.paths, names)
  const [first] = notEnabled
  if (first === undefined) return disabled
  const {enabled} = await readProfile(input.paths, {})
  const near = nearestNames(first, enabled)
  throw new PluginError('SERVER_UNKNOWN', `not enabled: ${notEnabled.join(', ')}`, {
    hint:
      near.length > 0 ? `did you mean "${near[0]}"?` : 'see what is enabled: docker mcp server ls',
  })
}

/** The catalog entry of one server with the values set for it: `server inspect`. */
export async function inspectServer(input: ServersInput, name: string): Promise<JsonObject> {
  const [catalogs, profile] = await Promise.all([loadCatalogs(input), readProfile(input.paths, {})])
  const entry = entryOf(catalogs, name)
  const config = profile.config.get(name)
  const tools = profile.tools.get(name)
  return {
    catalog: catalogs.origins.get(name) ?? '',
    enabled: profile.enabled.includes(name),
    ...JSON.parse(JSON.stringify({...entry, name})),
    ...(config && {configured: config}),
    ...(tools && {allowedTools: [...tools]}),
  }
}

/**
 * @throws PluginError SERVER_UNKNOWN with the names near to it
 */
export function entryOf({servers}: Catalogs, name: string): CatalogServer {
  const entry = servers.get(name)
  if (entry) return entry
  throw unknownServer(name, [...servers.keys()])
}

/** The error for a name that no catalog has, with the names that are near to it. */
export function unknownServer(name: string, known: readonly string[]): PluginError {
  const near = nearestNames(name, known).map(other => `"${other}"`)
  const hint =
    near.length > 0
      ? `did you mean ${near.join(' or ')}?`
      : 'find one with: docker mcp server search <word>'
  return new PluginError('SERVER_UNKNOWN', `no catalog has a server named "${name}"`, {hint})
}

function secretsNeed(entry: CatalogServer, isSet: (key: string) => boolean): Need {
  const needed = (entry.secrets ?? []).filter(({required}) => required !== false)
  return needOf(needed.filter(({name}) => isSet(name)).length, needed.length)
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
