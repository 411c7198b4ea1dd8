import type {JsonObject} from '../base/json.ts'
import {oneLine} from '../base/one-line.ts'
import type {SecretUse} from './server.ts'
import {evaluateTemplate, renderText} from './template.ts'

/** A header that a remote server is sent; without secrets, which are put in when it is opened. */
export interface RemoteHeader {
  readonly name: string
  readonly parts: readonly HeaderPart[]
}

/** Text that stays as it is, or what the value of a secret takes the place of. */
type HeaderPart = {readonly text: string} | {readonly reference: string}

/** `$NAME`, or in braces a name of any form: secrets in a store have dots and dashes. */
const REFERENCE = /\$(?:\{([\w./-]+)\}|([A-Za-z_]\w*))/gu
/** RFC 9110, section 5.1. */
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/u
/** RFC 9110, section 5.5: what no value has; Node would refuse it in the middle of a call. */
// eslint-disable-next-line no-control-regex
const NO_VALUE = /[^\t\u{20}-\u{7e}\u{80}-\u{ff}]/u

/** What says itself how its connection is used, or whose message is on it: no entry changes that. */
const OURS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'content-type',
  'host',
  'mcp-protocol-version',
  'mcp-session-id',
  'transfer-encoding',
])

/**
 * Evaluates the `{{…}}` in headers, and finds the `$NAME` and `${NAME}` of secrets in the rest: never in what the user's
 * configuration put there. A header whose template has no value is left out.
 * @param input `secrets`: those that may be referred to; `others`: names that may be, too, and have no value yet
 * @throws RangeError with the rest of a sentence about the entry
 */
export function bindHeaders(
  headers: Readonly<Record<string, string>>,
  input: {
    readonly context: JsonObject
    readonly secrets: readonly SecretUse[]
    readonly others: readonly string[]
  },
): readonly RemoteHeader[] {
  const known = new Set([...input.others, ...input.secrets.flatMap(({env, name}) => [env, name])])
  return Object.entries(headers).flatMap(([name, value]) => {
    if (!HEADER_NAME.test(name))
      throw new RangeError(`has a header with no proper name: ${oneLine(name)}`)
    if (OURS.has(name.toLowerCase()))
      throw new RangeError(`sets the header ${name}, which is the gateway's own`)
    const parts = segments(value.trim()).map(segment => bound(segment, input.context))
    if (parts.some(part => part === undefined)) return []
    const flat = parts.flatMap(part => part ?? [])
    for (const part of flat) {
      if ('reference' in part && !known.has(part.reference)) {
        throw new RangeError(
          `refers to $${part.reference} in its header ${name}, which is none of its secrets`,
        )
      }
      if ('text' in part && NO_VALUE.test(part.text)) {
        throw new RangeError(`has characters in its header ${name} that no header can have`)
      }
    }
    return [{name, parts: flat}]
  })
}

/**
 * The headers with the secrets in them. One that refers to a secret without a value is left out whole: `Bearer ` without
 * a token is an error to a server that would have answered without it. Secrets that are required are missed before.
 * @param values of the secrets, by the name of the environment variable
 * @throws RangeError naming the header whose secret has characters that no header can have; never a value
 */
export function expandHeaders(
  {
    headers,
    secrets,
  }: {readonly headers: readonly RemoteHeader[]; readonly secrets: readonly SecretUse[]},
  values: ReadonlyMap<string, string>,
): readonly (readonly [string, string])[] {
  const known = new Map<string, string>()
  for (const {name, env} of secrets) {
    const value = values.get(env)
    if (!value) continue
    known.set(env, value)
    if (!known.has(name)) known.set(name, value)
  }
  return headers.flatMap(({name, parts}) => {
    const texts = parts.map(part => ('text' in part ? part.text : known.get(part.reference)))
    if (texts.includes(undefined)) return []
    const value = texts.join('').trim()
    if (NO_VALUE.test(value)) {
      throw new RangeError(
        `has a secret in its header ${name} with characters that no header can have`,
      )
    }
    return value === '' ? [] : [[name, value] as const]
  })
}

/** Cuts a text before and behind each `{{…}}`. */
function segments(text: string): readonly string[] {
  const found: string[] = []
  let at = 0
  for (;;) {
    const open = text.indexOf('{{', at)
    const close = open < 0 ? -1 : text.indexOf('}}', open + 2)
    if (close < 0) return [...found, text.slice(at)]
    found.push(text.slice(at, open), text.slice(open, close + 2))
    at = close + 2
  }
}

/** @returns undefined when the user's configuration has no value for it */
function bound(segment: string, context: JsonObject): readonly HeaderPart[] | undefined {
  if (!segment.startsWith('{{')) return referencesIn(segment)
  const text = renderText(evaluateTemplate(segment, context))
  return text === '' ? undefined : [{text}]
}

function referencesIn(text: string): readonly HeaderPart[] {
  const parts: HeaderPart[] = []
  let at = 0
  for (const match of text.matchAll(REFERENCE)) {
    if (match.index > at) parts.push({text: text.slice(at, match.index)})
    parts.push({reference: match[1] ?? match[2] ?? ''})
    at = match.index + match[0].length
  }
  if (at < text.length) parts.push({text: text.slice(at)})
  return parts
}
