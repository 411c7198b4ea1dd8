import {LEGACY_VERSIONS} from '../relay/hello.ts'
import {isRequest, isResponse, type Message} from './jsonrpc.ts'
import {META, metaOf} from './meta.ts'

/** The first revision without `initialize`: every request carries its version itself. */
const FIRST_MODERN_VERSION = '2026-07-28'
const LEGACY: ReadonlySet<string> = new Set(LEGACY_VERSIONS)

/**
 * Tells which of the protocol's two eras a message is of (MCP 2026-07-28, versioning).
 * @param header the value of `MCP-Protocol-Version`, over HTTP
 * @returns the modern revision that it asks for; undefined for one of the era of `initialize`
 */
export function modernVersion(message: Message | undefined, header?: string): string | undefined {
  const asked = message && isRequest(message) ? message : undefined
  const named = versionInMeta(message)
  // Whoever names one of the versions with sessions means a session.
  const own = named !== undefined && !LEGACY.has(named) ? named : undefined
  if (asked?.method === 'initialize') {
    // One that offers a version opens a session, whatever else it carries; without, only its `_meta` tells.
    return asked.params?.['protocolVersion'] === undefined ? own : undefined
  }
  if (own !== undefined) return own
  if (header !== undefined && isModernVersion(header)) return header
  return asked?.method === 'server/discover' ? FIRST_MODERN_VERSION : undefined
}

function versionInMeta(message: Message | undefined): string | undefined {
  if (!message || isResponse(message)) return undefined
  const version = metaOf(message.params)[META.version]
  return version === undefined || typeof version === 'string' ? version : JSON.stringify(version)
}

/** Whether a revision is one without sessions. Revisions are named by their days, which sort as text. */
export function isModernVersion(version: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(version) && version >= FIRST_MODERN_VERSION
}
