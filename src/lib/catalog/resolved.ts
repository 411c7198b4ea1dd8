import {isJsonObject, type JsonObject} from '../base/json.ts'
import type {CatalogServer} from '../model/catalog.ts'
import {toPlainJson} from '../model/plain-json.ts'
import type {ResolvedServer} from './server-refs.ts'

/** A server that is described by an entry as catalogs have it. */
export function resolvedEntry(server: CatalogServer, catalogRef?: string): ResolvedServer {
  const plain = toPlainJson(server)
  const entry: JsonObject = isJsonObject(plain) ? plain : {}
  const about = {name: server.name, entry, ...(catalogRef !== undefined && {catalogRef})}
  const endpoint = server.remote?.url || server.sseEndpoint
  if (server.image) return {...about, type: 'image', image: server.image}
  return endpoint ? {...about, type: 'remote', endpoint} : {...about, type: 'poci'}
}
