import {PluginError} from '../base/errors.ts'
import type {CatalogServer} from '../model/catalog.ts'
import {searchServers, type Searchable} from './search.ts'
import {findCatalog} from './show.ts'
import {loadCatalogs, type CatalogInput} from './store.ts'

/** A server that was found, in the catalog where it is. */
export interface CatalogHit {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly catalog: string
}

/**
 * Finds servers, best first; one that is in several catalogs is found in each.
 * @param options `catalog`: only there
 * @throws PluginError CATALOG_UNKNOWN; USAGE without a word; see `loadCatalogs`
 */
export async function searchCatalogs(
  input: CatalogInput,
  query: string,
  {catalog: only, limit}: {catalog?: string | undefined; limit: number},
): Promise<readonly CatalogHit[]> {
  if (query === '') {
    throw new PluginError('USAGE', 'there is no word to look for', {
      hint: 'see all servers: docker mcp server search',
    })
  }
  const catalogs =
    only === undefined
      ? (await loadCatalogs(input)).loaded.map(({catalog}) => catalog)
      : [(await findCatalog(input, only)).catalog]
  const all = catalogs.flatMap(catalog =>
    [...catalog.servers.values()].map(server => ({...searchable(server), catalog: catalog.name})),
  )
  const found = await searchServers(all, query, limit)
  return found.map(({name, title, description, catalog}) => ({name, title, description, catalog}))
}

/** What of an entry words are compared with. */
export function searchable(server: CatalogServer): Searchable {
  const {name, title = '', description = '', metadata, tools = []} = server
  const {tags = [], category} = metadata ?? {}
  return {
    name,
    title,
    description,
    tags: [...tags, ...(category ? [category] : [])],
    tools: tools.map(tool => tool.name),
  }
}
