import {PluginError} from '../base/errors.ts'
import {isJsonObject, type JsonObject} from '../base/json.ts'
import {parseYamlMap} from '../files/yaml.ts'
import {removeYamlKey, setYamlKey} from '../files/yaml-edit.ts'
import {renderLines} from '../files/yaml-render.ts'
import type {StatePaths} from '../files/paths.ts'
import {catalogName, DEFAULT_CATALOG, findName} from './identity.ts'
import {changeCatalogs, savedFile, type CatalogChanges, type SavedCatalog} from './saved.ts'
import {nearestNames} from './search.ts'

/** A server as it stands in the registry of a catalog. */
export interface NewServer {
  readonly name: string
  readonly entry: JsonObject
}

/** Somebody who knows what a catalog is called has no need for its file. */
export interface CatalogHead extends Omit<SavedCatalog, 'lastUpdate'> {
  readonly name: string
}

/**
 * Makes a catalog.
 * @param head its name may be written as a person does, see `catalogName`
 * @param options `replace`: also where there is one of that name
 * @returns the name that it has
 * @throws PluginError USAGE, CATALOG_EXISTS; CATALOG_INVALID naming the server that cannot stand in a catalog; see
 *   `changeCatalogs`
 */
export async function createCatalog(
  paths: StatePaths,
  head: CatalogHead,
  servers: readonly NewServer[],
  options: {replace: boolean},
): Promise<string> {
  await checkServers(servers)
  const registry = Object.fromEntries(servers.map(({name, entry}) => [name, entry]))
  const displayName = head.displayName ?? head.name
  const text = catalogText({version: 3, name: catalogName(head.name), displayName, registry})
  return putCatalog(paths, {...head, displayName}, text, options)
}

/**
 * Makes a catalog of a text that is one.
 * @returns the name that it has
 * @throws like {@link createCatalog}
 */
export async function putCatalog(
  paths: StatePaths,
  head: CatalogHead,
  text: string,
  {replace}: {replace: boolean},
): Promise<string> {
  const name = catalogName(head.name)
  refuseEmbedded(name)
  await changeCatalogs(paths, async ({catalogs, save}) => {
    if (!replace && catalogs.some(each => each.name === name)) {
      throw new PluginError('CATALOG_EXISTS', `there is a catalog ${name} already`, {
        hint: `choose another name, or remove it first: docker mcp catalog rm ${name}`,
      })
    }
    await save({...head, name, lastUpdate: new Date().toISOString()}, text)
  })
  return name
}

/** A catalog as the text of its file. */
export function catalogText(document: JsonObject): string {
  return `${renderLines(document, {column: 0, step: 2}).join('\n')}\n`
}

/**
 * Puts servers into a catalog of the user's; what else its file says stays, comments included.
 * @param options `replace`: also servers that are in it; `dryRun`: all of it, but nothing is written
 * @returns the catalog's name, and those that were in it before
 * @throws PluginError CATALOG_UNKNOWN, CATALOG_EXISTS naming the server, CATALOG_INVALID; see `changeCatalogs`
 */
export async function addServers(
  paths: StatePaths,
  written: string,
  servers: readonly NewServer[],
  {replace, dryRun = false}: {replace: boolean; dryRun?: boolean},
): Promise<{name: string; replaced: readonly string[]}> {
  await checkServers(servers)
  return changeText(paths, written, ({name, text, registry}) => {
    const present = servers.map(server => server.name).filter(each => Object.hasOwn(registry, each))
    const [first] = present
    if (first !== undefined && !replace) {
      throw new PluginError('CATALOG_EXISTS', `${name} has a server ${first} already`, {
        hint: 'replace it with --force',
      })
    }
    const next = servers.reduce(
      (before, server) => setYamlKey(before, ['registry', server.name], server.entry),
      text,
    )
    return {next: dryRun ? text : next, outcome: {name, replaced: present}}
  })
}

/**
 * Takes servers out of a catalog of the user's; what else its file says stays.
 * @returns the catalog's name, and those that were in it
 * @throws PluginError CATALOG_UNKNOWN; SERVER_UNKNOWN when none of them is in it
 */
export async function removeServers(
  paths: StatePaths,
  written: string,
  servers: readonly string[],
): Promise<{name: string; removed: readonly string[]}> {
  return changeText(paths, written, ({name, text, registry}) => {
    const removed = [...new Set(servers)].filter(each => Object.hasOwn(registry, each))
    if (removed.length === 0) throw notIn(name, servers, Object.keys(registry))
    const next = removed.reduce((before, each) => removeYamlKey(before, ['registry', each]), text)
    return {next, outcome: {name, removed}}
  })
}

/** The error for a server that a catalog does not have. */
export function notIn(
  catalog: string,
  servers: readonly string[],
  known: readonly string[],
): PluginError {
  const near = nearestNames(servers[0] ?? '', known)
  const message = `${catalog} has no server named ${servers.join(', ')}`
  return new PluginError('SERVER_UNKNOWN', message, {
    hint:
      near.length > 0
        ? `did you mean "${near[0]}"?`
        : `see its servers: docker mcp catalog server ls ${catalog}`,
  })
}

/** The error for a name that no catalog has, with the names near to it. */
export function unknownCatalog(written: string, known: readonly string[]): PluginError {
  const near = nearestNames(written, known)
  return new PluginError('CATALOG_UNKNOWN', `there is no catalog "${written}"`, {
    hint: near.length > 0 ? `did you mean "${near[0]}"?` : 'see all of them: docker mcp catalog ls',
  })
}

/** The kept catalog that a person means. */
export function savedName({catalogs}: Pick<CatalogChanges, 'catalogs'>, written: string): string {
  const known = catalogs.map(({name}) => name)
  const name = findName(written, known)
  if (name === undefined) throw unknownCatalog(written, known)
  return name
}

/**
 * The embedded catalog is part of the program; nobody's change would be seen.
 * @throws PluginError USAGE when it is the one
 */
export function refuseEmbedded(name: string): void {
  if (name !== DEFAULT_CATALOG) return
  throw new PluginError(
    'USAGE',
    `the catalog ${name} is part of the program and cannot be changed`,
    {
      hint: `make one of your own: docker mcp catalog fork ${name} mine`,
    },
  )
}

interface Read {
  readonly name: string
  readonly text: string
  readonly registry: JsonObject
}

async function changeText<T>(
  paths: StatePaths,
  written: string,
  change: (read: Read) => {next: string; outcome: T},
): Promise<T> {
  refuseEmbedded(written)
  return changeCatalogs(paths, async changes => {
    const name = savedName(changes, written)
    const text = (await changes.text(name)) ?? ''
    const {registry} = parseYamlMap(text, savedFile(paths, name))
    const {next, outcome} = change({name, text, registry: isJsonObject(registry) ? registry : {}})
    if (next !== text) await changes.rewrite(name, next)
    return outcome
  })
}

/** @throws PluginError CATALOG_INVALID with what is wrong with each */
async function checkServers(servers: readonly NewServer[]): Promise<void> {
  if (servers.length === 0) return
  const {parseCatalog} = await import('../model/catalog.ts')
  const registry = Object.fromEntries(servers.map(({name, entry}) => [name, entry]))
  const {problems} = parseCatalog({registry}, 'the servers')
  const wrong = problems.filter(({kind}) => kind === 'invalid')
  if (wrong.length === 0) return
  const reasons = wrong.map(({server, path, message}) =>
    `${server}: ${path} ${message}`.replace(':  ', ': '),
  )
  throw new PluginError('CATALOG_INVALID', `cannot be in a catalog: ${reasons.join('; ')}`, {
    hint: 'correct the entry; docs/servers-and-catalogs.md has its fields',
  })
}
