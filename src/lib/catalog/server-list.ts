import {PluginError} from '../base/errors.ts'
import {objectOf, type Json, type JsonObject} from '../base/json.ts'
import {renderText} from '../model/template.ts'
import {notIn} from './edit.ts'
import {findCatalog, serverElement} from './show.ts'
import type {CatalogInput} from './store.ts'

/** The servers of one catalog. */
export interface ServerList extends JsonObject {
  readonly catalog: string
  readonly title: string
  /** By name; each as it stands in catalogs of registries. */
  readonly servers: JsonObject[]
}

/**
 * Lists the servers of a catalog, by name.
 * @param filters `name=<part of a name>`; a server that fits one of them is listed
 * @throws PluginError USAGE for another filter; CATALOG_UNKNOWN
 */
export async function listCatalogServers(
  input: CatalogInput,
  written: string,
  filters: readonly string[],
): Promise<ServerList> {
  const wanted = filters.map(nameFilter)
  const {catalog} = await findCatalog(input, written)
  const fits = (name: string) =>
    wanted.length === 0 || wanted.some(part => name.toLowerCase().includes(part))
  const servers = [...catalog.servers.values()].filter(({name}) => fits(name))
  return {
    catalog: catalog.name,
    title: catalog.displayName ?? catalog.name,
    servers: servers.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(serverElement),
  }
}

/**
 * Shows one server of a catalog, as it stands in catalogs of registries.
 * @throws PluginError CATALOG_UNKNOWN, SERVER_UNKNOWN with the names near to it
 */
export async function inspectCatalogServer(
  input: CatalogInput,
  written: string,
  name: string,
): Promise<JsonObject> {
  const {catalog} = await findCatalog(input, written)
  const server = catalog.servers.get(name)
  if (!server) throw notIn(catalog.name, [name], [...catalog.servers.keys()])
  return serverElement(server)
}

/** For people: a few lines a server. */
export function serverLines({servers}: ServerList): string {
  if (servers.length === 0) return 'No server of the catalog matches.\n'
  return servers.map(block).join('\n')
}

function block({type, image, endpoint, snapshot}: JsonObject): string {
  const server = objectOf(objectOf(snapshot)['server'])
  const {tools} = server
  const lines: readonly (readonly [string, Json | undefined])[] = [
    ['Title', server['title']],
    ['Description', server['description']],
    ['Type', type],
    ['Image', image],
    ['Endpoint', endpoint],
    ['Tools', Array.isArray(tools) ? tools.length : undefined],
  ]
  const shown = lines.flatMap(([label, value]) =>
    value === undefined ? [] : [`  ${label}: ${renderText(value).replace(/\s+/g, ' ').trim()}\n`],
  )
  return `${renderText(server['name'])}\n${shown.join('')}`
}

function nameFilter(filter: string): string {
  const [key, ...value] = filter.split('=')
  if (key === 'name' && value.length > 0) return value.join('=').toLowerCase()
  throw new PluginError('USAGE', `${JSON.stringify(filter)} is not a filter of servers`, {
    hint: 'write name=<part of the name>',
  })
}
