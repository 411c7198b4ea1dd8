import {isJsonObject} from '../../base/json.ts'
import type {Message, Request} from './jsonrpc.ts'

const PREFIX = '=?base64?'
const SUFFIX = '?='

/** Letters, digits, punctuation and the spaces between them: nothing that a header could not hold, or would lose. */
const PLAIN = /^[!-~](?:[ -~]*[!-~])?$/
/** What a header may hold at all (RFC 9110, section 5.5), as far as this protocol lets it. */
const ALLOWED = /^[\t -~]*$/

/** A mark of the byte order is a letter like any other here. */
const utf8 = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true})

/**
 * Writes text as the value of a header (MCP 2026-07-28, streamable HTTP, value encoding): as it is where that is safe,
 * otherwise in base64 between marks. Halves of surrogate pairs, which have no bytes, become U+FFFD.
 */
export function encodeHeaderValue(text: string): string {
  const isMarked = text.startsWith(PREFIX) && text.endsWith(SUFFIX)
  if (PLAIN.test(text) && !isMarked) return text
  return `${PREFIX}${Buffer.from(text).toString('base64')}${SUFFIX}`
}

/**
 * Reads the value of a header that may be encoded so.
 * @returns undefined for one with other than visible ASCII, spaces and tabs, and for base64 that is not exactly what an
 *   encoder writes: two readers could take it for different things
 */
export function decodeHeaderValue(value: string): string | undefined {
  if (!ALLOWED.test(value)) return undefined
  const isMarked = value.length >= PREFIX.length + SUFFIX.length
  if (!isMarked || !value.startsWith(PREFIX) || !value.endsWith(SUFFIX)) return value
  const base64 = value.slice(PREFIX.length, -SUFFIX.length)
  const bytes = Buffer.from(base64, 'base64')
  if (bytes.toString('base64') !== base64) return undefined
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

/** The parameter that `Mcp-Name` repeats, by method (MCP 2026-07-28, standard request headers; tasks extension). */
const NAMED_BY: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
])

/** What the header `Mcp-Name` of a message says, not encoded yet; undefined for a message that has no such header. */
export function mirroredName(message: Message): string | undefined {
  const {method, params} = message
  const key = typeof method === 'string' ? NAMED_BY.get(method) : undefined
  const name = key !== undefined && isJsonObject(params) ? params[key] : undefined
  return typeof name === 'string' ? name : undefined
}

/** The headers that repeat what is in the body of every request, as they came. */
export interface MirrorHeaders {
  /** `Mcp-Method` */
  readonly method: string | undefined
  /** `Mcp-Name` */
  readonly name: string | undefined
}

/**
 * Compares the headers of a request with its body: whoever routes by the ones must not be told something else than who
 * reads the other (MCP 2026-07-28, streamable HTTP, server validation).
 * @returns what is wrong with them
 */
export function mirrorFault(message: Request, {method, name}: MirrorHeaders): string | undefined {
  if (method === undefined) return 'Mcp-Method is missing'
  if (method !== message.method) return 'Mcp-Method is not the method of the body'
  const key = NAMED_BY.get(message.method)
  if (key === undefined) return undefined
  const own = mirroredName(message)
  if (name === undefined) return own === undefined ? undefined : 'Mcp-Name is missing'
  const said = decodeHeaderValue(name)
  if (said === undefined) return 'Mcp-Name holds what no header value may, or broken base64'
  return said === own?.toWellFormed() ? undefined : `Mcp-Name is not params.${key} of the body`
}
