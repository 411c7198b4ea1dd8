import {isJsonObject} from '../../base/json.ts'
import {LEGACY_VERSIONS} from '../relay/hello.ts'
import {isRequest, type Message} from './jsonrpc.ts'

/** The first revision without `initialize`: every request carries its version itself. */
const FIRST_MODERN_VERSION = '2026-07-28'
const LEGACY: ReadonlySet<string> = new Set(LEGACY_VERSIONS)
const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion'

/**
 * Tells which of the protocol's two eras a message is of (MCP 2026-07-28, versioning).
 * @param header the value of `MCP-Protocol-Version`, over HTTP
 * @returns the modern revision that it asks for; undefined for one of the era of `initialize`
 */
export function modernVersion(message: Message | undefined, header?: string): string | undefined {
  const method = message && isRequest(message) ? message.method : undefined
  // Whatever else it carries, this opens a session, which modern revisions do not have.
  if (method === 'initialize') return undefined
  const named = versionInMeta(message)
  // Whoever names one of the versions with sessions means a session.
  if (named !== undefined && !LEGACY.has(named)) return named
  if (header !== undefined && isModern(header)) return header
  return method === 'server/discover' ? FIRST_MODERN_VERSION : undefined
}

function versionInMeta(message: Message | undefined): string | undefined {
  const params = message?.['params']
  const meta = isJsonObject(params) ? params['_meta'] : undefined
  const version = isJsonObject(meta) ? meta[VERSION_KEY] : undefined
  return version === undefined || typeof version === 'string' ? version : JSON.stringify(version)
}

/** Revisions are named by their days, which sort as text. */
function isModern(version: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(version) && version >= FIRST_MODERN_VERSION
}
