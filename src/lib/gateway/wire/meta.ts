import {isJsonObject, type JsonObject} from '../../base/json.ts'
import type {Message} from './jsonrpc.ts'

/** Revisions without a handshake that this gateway speaks, newest first. */
export const MODERN_VERSIONS = ['2026-07-28'] as const

/** The keys of `_meta` by which requests and results say what a handshake said before (MCP 2026-07-28, `_meta`). */
export const META = {
  version: 'io.modelcontextprotocol/protocolVersion',
  client: 'io.modelcontextprotocol/clientInfo',
  capabilities: 'io.modelcontextprotocol/clientCapabilities',
  logLevel: 'io.modelcontextprotocol/logLevel',
  server: 'io.modelcontextprotocol/serverInfo',
  subscription: 'io.modelcontextprotocol/subscriptionId',
} as const

/** The `_meta` of params or of a result; empty when there is none. */
export function metaOf(part: JsonObject | undefined): JsonObject {
  const meta = part?.['_meta']
  return isJsonObject(meta) ? meta : {}
}

/** The same message with more entries in `params._meta`; `undefined` takes one out. */
export function withMeta<T extends Message & {readonly params?: JsonObject}>(
  message: T,
  entries: JsonObject,
): T {
  const meta = {...metaOf(message.params), ...entries}
  for (const [key, value] of Object.entries(entries)) if (value === undefined) delete meta[key]
  return {...message, params: {...message.params, _meta: meta}}
}
