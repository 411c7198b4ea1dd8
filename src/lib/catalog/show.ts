import {createHash} from 'node:crypto'
import {objectOf, type JsonObject} from '../base/json.ts'
import type {Catalog, CatalogServer} from '../model/catalog.ts'
import {unknownCatalog} from './edit.ts'
import {DEFAULT_CATALOG, findName, isReference} from './identity.ts'
import {
  loadCatalogs,
  withoutEmbedded,
  type CatalogInput,
  type Catalogs,
  type LoadedCatalog,
} from './store.ts'

/** A catalog that counts. Two with the same name (the embedded one and a file over it) are one. */
export interface FoundCatalog {
  readonly catalog: Catalog
  readonly parts: readonly LoadedCatalog[]
}

/** One line of `catalog ls`; `ref`, `title` and `digest` are how docker's own plugin calls them. */
export interface CatalogRow {
  readonly name: string
  readonly displayName: string
  readonly ref: string
  readonly title: string
  readonly digest: string
  readonly servers: number
  /** `embedded`, or its file. */
  readonly source: string
  /** Where it can be got again. */
  readonly url?: string | undefined
  readonly lastUpdate?: string | undefined
  /** Why it cannot be read; then nobody knows what it has. */
  readonly problem?: string
}

/** The lines of `catalog ls`, in the order in which later ones win, and those that cannot be read. */
export function catalogRows({
  loaded,
  broken,
}: Pick<Catalogs, 'loaded' | 'broken'>): readonly CatalogRow[] {
  const readable = loaded.map(part => {
    const {catalog, source, saved} = part
    const {name, displayName = name} = catalog
    const about = {name, displayName, ref: name, title: displayName, digest: digestOf(part)}
    const {url, lastUpdate} = saved ?? {}
    return {...about, servers: catalog.servers.size, source, url, lastUpdate}
  })
  const others = broken.map(({name, source, error}) => {
    const about = {name, displayName: name, ref: name, title: name, digest: ''}
    return {...about, servers: 0, source, problem: error.message}
  })
  return [...readable, ...others]
}

/**
 * Looks up one of the catalogs that count.
 * @param written its name, or an OCI reference as a person writes it
 * @throws PluginError CATALOG_UNKNOWN with the names near to it; see `loadCatalogs`
 */
export async function findCatalog(input: CatalogInput, written: string): Promise<FoundCatalog> {
  const {loaded, broken} = await loadCatalogs(input)
  const known = [...loaded.map(({catalog}) => catalog.name), ...broken.map(each => each.name)]
  const name = findName(written, known)
  const parts = loaded.filter(({catalog}) => catalog.name === name)
  const [first] = parts
  if (!first) {
    // It counts whenever it is not switched off.
    if (findName(written, [DEFAULT_CATALOG]) !== undefined) throw withoutEmbedded(input)
    throw broken.find(each => each.name === name)?.error ?? unknownCatalog(written, known)
  }
  const servers = new Map(parts.flatMap(({catalog}) => [...catalog.servers]))
  return {catalog: {...first.catalog, servers}, parts}
}

/** A catalog as the document that its file could be: version 3, a map of servers. */
export function catalogDocument({name, displayName, servers}: Catalog): JsonObject {
  const registry = [...servers].map(([server, {name: _own, ...entry}]) => [server, entry])
  return {
    version: 3,
    name,
    displayName: displayName ?? name,
    registry: objectOf(JSON.parse(JSON.stringify(Object.fromEntries(registry)))),
  }
}

/**
 * A catalog as docker's own plugin shows it: one that has an OCI reference as a list of servers, one that has a plain
 * name as the document that it is.
 */
export function shownDocument({catalog, parts}: FoundCatalog): JsonObject {
  const {name, displayName = name, servers} = catalog
  if (!isReference(name)) return catalogDocument(catalog)
  const [first] = parts
  const url = first?.saved?.url
  return {
    ref: name,
    ...(url !== undefined && {source: url}),
    title: displayName,
    servers: [...servers.values()].map(serverElement),
    ...(first && {digest: digestOf(first)}),
  }
}

/** The same catalog without what its servers say of their tools. */
export function withoutTools({catalog, parts}: FoundCatalog): FoundCatalog {
  const servers = [...catalog.servers].map(
    ([name, {tools: _tools, ...server}]) => [name, server] as const,
  )
  return {catalog: {...catalog, servers: new Map(servers)}, parts}
}

/** A server as it stands in catalogs of registries. */
export function serverElement(server: CatalogServer): JsonObject {
  const {image, remote, sseEndpoint} = server
  const snapshot = {server: objectOf(JSON.parse(JSON.stringify(server)))}
  const endpoint = remote?.url ?? sseEndpoint
  if (image !== undefined) return {type: 'image', image, snapshot}
  return endpoint === undefined ? {type: 'poci', snapshot} : {type: 'remote', endpoint, snapshot}
}

function digestOf({digest, catalog}: LoadedCatalog): string {
  if (digest !== undefined) return digest
  const text = JSON.stringify(catalogDocument(catalog))
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}
