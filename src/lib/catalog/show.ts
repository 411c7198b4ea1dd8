import {PluginError} from '../base/errors.ts'
import type {JsonObject} from '../base/json.ts'
import {nearestNames} from './search.ts'
import {loadCatalogs, type CatalogInput} from './store.ts'

/** One catalog: a line for each server, and the whole as the document that it is. */
export interface ShownCatalog {
  readonly servers: readonly {name: string; title: string; description: string}[]
  readonly document: JsonObject
}

/**
 * Looks up a catalog by name. Two with the same name (the embedded one and a file over it) are shown as one.
 * @throws PluginError CATALOG_UNKNOWN with the names near to it
 */
export async function showCatalog(input: CatalogInput, name: string): Promise<ShownCatalog> {
  const {loaded} = await loadCatalogs(input)
  const parts = loaded.map(({catalog}) => catalog).filter(catalog => catalog.name === name)
  const [first] = parts
  if (!first) {
    const near = nearestNames(
      name,
      loaded.map(({catalog}) => catalog.name),
    )
    const hint =
      near.length > 0 ? `did you mean "${near[0]}"?` : 'see all of them: docker mcp catalog ls'
    throw new PluginError('CATALOG_UNKNOWN', `there is no catalog "${name}"`, {hint})
  }
  const servers = new Map(parts.flatMap(({servers: own}) => [...own]))
  return {
    servers: [...servers.values()].map(server => ({
      name: server.name,
      title: server.title ?? '',
      description: server.description ?? '',
    })),
    document: {
      version: 3,
      name,
      displayName: first.displayName ?? name,
      registry: JSON.parse(JSON.stringify(Object.fromEntries(servers))),
    },
  }
}
