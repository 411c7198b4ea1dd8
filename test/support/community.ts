import type {IncomingMessage, ServerResponse} from 'node:http'
import {objectOf, type JsonObject} from '../../src/lib/base/json.ts'

/** A `server.json` of today's form. */
export function serverJson(name: string, more: JsonObject = {}): JsonObject {
  return {name, description: `What ${name} does.`, version: '1.0.0', ...more}
}

/** One that has an image. */
export function withImage(name: string, image: string, more: JsonObject = {}): JsonObject {
  const packaged = {registryType: 'oci', identifier: image, transport: {type: 'stdio'}, ...more}
  return serverJson(name, {packages: [packaged]})
}

/** What a registry says of a server beside it. */
export function listed(server: JsonObject, official: JsonObject = {}): JsonObject {
  const facts = {status: 'active', isLatest: true, ...official}
  return {server, _meta: {'io.modelcontextprotocol.registry/official': facts}}
}

/**
 * The API of a registry with these servers, which may be several versions of the same.
 * @param options `version`: of the API; `pageSize`: at most so many on a page, whatever is asked for
 */
export function registryApi(
  servers: readonly JsonObject[],
  {version = 'v0', pageSize = 2}: {version?: string; pageSize?: number} = {},
) {
  return ({url = ''}: IncomingMessage, response: ServerResponse) => {
    const {pathname, searchParams} = new URL(url, 'http://host')
    const [, root, what, name, versions, wanted] = pathname.split('/').map(decodeURIComponent)
    const of = servers.filter(one => objectOf(one['server'])['name'] === name)
    if (root !== version || what !== 'servers') return response.writeHead(404).end('{}')
    if (name === undefined) {
      const from = Number(searchParams.get('cursor') ?? 0)
      const page = servers.slice(from, from + pageSize)
      const next = from + pageSize < servers.length ? {nextCursor: String(from + pageSize)} : {}
      return response.end(JSON.stringify({servers: page, metadata: {count: page.length, ...next}}))
    }
    if (versions === 'versions' && wanted === undefined && of.length > 0) {
      return response.end(JSON.stringify({servers: of, metadata: {count: of.length}}))
    }
    const found = of.find(one => objectOf(one['server'])['version'] === wanted)
    return found && versions === 'versions'
      ? response.end(JSON.stringify(found))
      : response.writeHead(404).end('{"error":"not found"}')
  }
}
