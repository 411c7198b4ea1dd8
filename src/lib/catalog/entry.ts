import {PluginError} from '../base/errors.ts'
import {isJsonObject, type JsonObject} from '../base/json.ts'
import {oneLine} from '../base/one-line.ts'
import {parseCatalog, type CatalogServer} from '../model/catalog.ts'
import {toPlainJson} from '../model/plain-json.ts'

/**
 * Checks an entry as the entries of catalogs are checked.
 * @returns it as it was written, with its name
 * @throws PluginError CATALOG_INVALID with all that is wrong
 */
export function checkedEntry(name: string, entry: JsonObject): JsonObject {
  readEntry(name, entry)
  const plain = toPlainJson({...entry, name})
  return isJsonObject(plain) ? plain : {}
}

/**
 * Reads one entry as catalogs are read.
 * @throws PluginError CATALOG_INVALID with all that is wrong
 */
export function readEntry(name: string, entry: JsonObject): CatalogServer {
  const {catalog, problems} = parseCatalog({registry: {[name]: entry}}, name)
  const server = catalog.servers.get(name)
  if (server) return server
  const reasons = problems.map(({path, message}) => (path === '' ? message : `${path} ${message}`))
  throw new PluginError(
    'CATALOG_INVALID',
    `the entry of ${oneLine(name)} is wrong: ${oneLine(reasons.join('; '))}`,
    {hint: 'docs/servers-and-catalogs.md has the fields of an entry'},
  )
}
