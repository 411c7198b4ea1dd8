import type {Json} from '../../base/json.ts'
import {LEGACY_VERSIONS} from '../relay/hello.ts'
import {isRequest, isResponse, type Message} from './jsonrpc.ts'
import {META, metaOf} from './meta.ts'

/** The first revision without `initialize`: every request carries its version itself. */
const FIRST_MODERN_VERSION = '2026-07-28'
const LEGACY: ReadonlySet<string> = new Set(LEGACY_VERSIONS)

/** Notices of clients that the modern era does not have: they tell of what is in every request, or of nothing. */
export const LEGACY_NOTICES: ReadonlySet<string> = new Set([
  'notifications/initialized',
  'notifications/progress',
  'notifications/roots/list_changed',
  'notifications/tasks/status',
])

/** What is known of a message besides the message itself. */
export interface EraSigns {
  /** Whether it comes in a session: it names one, or its connection has one that was opened by `initialize`. */
  readonly hasSession: boolean
  /** The value of `MCP-Protocol-Version`, over HTTP. */
  readonly header?: string | undefined
}

/**
 * Tells which of the protocol's two eras a message is of (MCP 2026-07-28, versioning). Without a session, whatever says
 * something of its revision or of its client is of the era that does so in every message, also when it does it wrong:
 * its refusal tells which revisions there are.
 * @returns the revision that it asks for; undefined for one of the era of `initialize`
 */
export function modernVersion(
  message: Message | undefined,
  {hasSession, header}: EraSigns,
): string | undefined {
  const asked = message && isRequest(message) ? message : undefined
  const meta = message && !isResponse(message) ? metaOf(message.params) : {}
  const named = textOf(meta[META.version])
  const isLegacyNamed = named !== undefined && LEGACY.has(named)
  if (asked?.method === 'initialize') {
    // One that offers a version opens a session, whatever else it carries; without, only its `_meta` tells.
    const isOffering = asked.params?.['protocolVersion'] !== undefined
    return isOffering || isLegacyNamed ? undefined : named
  }
  // In a session, whoever names a version with sessions means that session.
  if (named !== undefined && !(hasSession && isLegacyNamed)) return named
  if (header !== undefined && isModernHeader(header, hasSession)) return header
  const isIntroduced = !hasSession && meta[META.capabilities] !== undefined
  return asked && (isIntroduced || asked.method === 'server/discover')
    ? FIRST_MODERN_VERSION
    : undefined
}

function textOf(version: Json | undefined): string | undefined {
  return version === undefined || typeof version === 'string' ? version : JSON.stringify(version)
}

/** A version of no era is refused in the words of the modern one, which has some for that. */
function isModernHeader(version: string, hasSession: boolean): boolean {
  return isModernVersion(version) || !(hasSession || LEGACY.has(version))
}

/** Whether a revision is one without sessions. Revisions are named by their days, which sort as text. */
export function isModernVersion(version: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(version) && version >= FIRST_MODERN_VERSION
}
