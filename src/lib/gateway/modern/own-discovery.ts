import {isJsonObject, type JsonObject} from '../../base/json.ts'
import {gatewayHello, LEGACY_VERSIONS, type KnownServer} from '../relay/hello.ts'
import {hintIn, narrowest, NOT_KEPT} from '../relay/hints.ts'
import {META, metaOf, MODERN_VERSIONS} from '../wire/meta.ts'

/** A server with what it said of itself, and how long ago, in milliseconds. */
export interface DiscoveredServer extends KnownServer {
  readonly ageMs: number
}

/** The revisions that clients may use here, newest first; those with a handshake on the same endpoint. */
const SERVED_VERSIONS: readonly string[] = [...MODERN_VERSIONS, ...LEGACY_VERSIONS]

/**
 * What the gateway answers to `server/discover` for several servers, or for one whose own answer is not there
 * (MCP 2026-07-28, discovery): the union of what they can do, kept no longer than the shortest-lived part of it.
 */
export function gatewayDiscovery(input: {
  version: string
  servers: readonly DiscoveredServer[]
}): JsonObject {
  const {
    protocolVersion: _,
    serverInfo,
    capabilities,
    resultType: _type,
    ttlMs: _ttl,
    cacheScope: _scope,
    _meta,
    supportedVersions: _versions,
    ...others
  } = gatewayHello({...input, protocolVersion: LEGACY_VERSIONS[0]})
  const hints = input.servers.map(({hello, ageMs}) => {
    const hint = hello && hintIn(hello)
    return hint ? {...hint, ttlMs: hint.ttlMs - ageMs} : NOT_KEPT
  })
  return {
    ...others,
    resultType: 'complete',
    supportedVersions: [...SERVED_VERSIONS],
    capabilities: withoutTasks(capabilities),
    ...narrowest(hints),
    _meta: {[META.server]: serverInfo, ...metaOf({_meta})},
  }
}

/** A modern server's own answer: what it says, but the revisions are those of the gateway. */
export function ownDiscovery(discovered: JsonObject): JsonObject {
  return {...discovered, supportedVersions: [...SERVED_VERSIONS]}
}

/** Tasks are an extension since 2026-07-28; those of legacy servers need a session. */
function withoutTasks(capabilities: JsonObject[string]): JsonObject {
  if (!isJsonObject(capabilities)) return {}
  const {tasks: _, ...others} = capabilities
  return others
}
