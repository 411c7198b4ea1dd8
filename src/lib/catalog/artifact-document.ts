import {PluginError} from '../base/errors.ts'
import {isJsonObject, objectOf, type JsonObject} from '../base/json.ts'

/** What docker's own plugin says that a catalog in a registry is. */
export const CATALOG_ARTIFACT = 'application/vnd.docker.mcp.catalog.v1+json'

/**
 * A catalog as it stands in a registry: its title, and a list of servers with a copy of each entry.
 * @param document a version 2 or 3 catalog
 */
export function toArtifact(document: JsonObject): string {
  const {name, displayName, registry} = document
  const title = displayName ?? name ?? ''
  const servers = Object.entries(objectOf(registry)).map(([server, entry]) =>
    elementOf(server, objectOf(entry)),
  )
  return JSON.stringify({title, servers})
}

/**
 * A version 3 catalog made of what a registry gave.
 * @param name of the catalog
 * @returns the document, and the servers that it leaves out, each with the reason
 * @throws PluginError CATALOG_INVALID when it is none
 */
export function fromArtifact(
  text: string,
  name: string,
): {readonly document: JsonObject; readonly leftOut: readonly string[]} {
  const {title, servers} = objectOf(parse(text, name))
  if (!Array.isArray(servers)) throw invalid(name, 'it has no list of servers')
  const leftOut: string[] = []
  const registry = new Map<string, JsonObject>()
  for (const [index, element] of servers.entries()) {
    const {name: server, ...entry} = objectOf(objectOf(objectOf(element)['snapshot'])['server'])
    if (typeof server !== 'string') leftOut.push(`server ${index + 1} of ${name} has no name`)
    else if (registry.has(server)) leftOut.push(`${name} has the server ${server} twice`)
    else registry.set(server, entry)
  }
  return {
    document: {
      version: 3,
      name,
      ...(typeof title === 'string' && title !== '' && {displayName: title}),
      registry: Object.fromEntries(registry),
    },
    leftOut,
  }
}

function elementOf(name: string, entry: JsonObject): JsonObject {
  const {image, remote, sseEndpoint} = entry
  const endpoint = objectOf(remote)['url'] ?? sseEndpoint
  const snapshot = {server: {...entry, name}}
  if (image !== undefined) return {type: 'image', image, snapshot}
  return endpoint === undefined ? {type: 'poci', snapshot} : {type: 'remote', endpoint, snapshot}
}

function parse(text: string, name: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    if (isJsonObject(value)) return value
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error
  }
  throw invalid(name, 'what its registry holds is not a JSON object')
}

function invalid(name: string, why: string): PluginError {
  return new PluginError('CATALOG_INVALID', `${name} is not a catalog: ${why}`, {
    hint: 'check the name: docker mcp catalog push writes what this reads',
  })
}
