import {isJsonObject, type Json, type JsonObject} from '../../base/json.ts'
import {decodeHeaderValue, encodeHeaderValue} from './mirror.ts'

/** An argument of a tool that is repeated in a header (MCP 2026-07-28, streamable HTTP, custom headers). */
export interface ParamHeader {
  /** The header's whole name, in lower case. */
  readonly header: string
  /** The names that lead to the argument. */
  readonly path: readonly string[]
}

/** The headers that a tool wants, or why its definition is invalid. */
export type ParamHeaders = readonly ParamHeader[] | {readonly invalid: string}

const ANNOTATION = 'x-mcp-header'
const PRIMITIVE: ReadonlySet<unknown> = new Set(['string', 'integer', 'boolean'])
/** A field name of HTTP (RFC 9110, section 5.6.2). */
const TOKEN = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/
/** More than any HTTP server takes. */
const MOST_HEADERS = 100

/** Keywords whose values are data, in which nothing is an annotation. */
const DATA: ReadonlySet<string> = new Set(['const', 'default', 'enum', 'examples', 'required'])
/** Keywords whose values hold a schema under each of their own names. */
const NAMED: ReadonlySet<string> = new Set([
  '$defs',
  'definitions',
  'dependencies',
  'dependentSchemas',
  'patternProperties',
])

/**
 * Reads the annotations `x-mcp-header` of a tool's input schema.
 * @returns why the tool must not be used (MCP 2026-07-28, streamable HTTP, schema extension), where an annotation is
 *   against the rules
 */
export function paramHeadersOf(inputSchema: Json | undefined): ParamHeaders {
  const found = new Map<string, ParamHeader>()
  for (const {schema, place} of schemasIn(inputSchema)) {
    const name = schema[ANNOTATION]
    if (name === undefined) continue
    if (typeof name !== 'string') return {invalid: `${ANNOTATION} is no text`}
    const fault = faultOf(name, schema['type'], place)
    if (fault !== undefined) return {invalid: fault}
    const header = `mcp-param-${name.toLowerCase()}`
    if (found.has(header)) return {invalid: `two ${ANNOTATION} are ${shown(name)}`}
    if (found.size === MOST_HEADERS) return {invalid: `it has more than ${MOST_HEADERS} headers`}
    found.set(header, {header, path: pathTo(place)})
  }
  return [...found.values()]
}

/**
 * The headers of one call.
 * @param headers what the called tool wants
 * @param args the call's arguments
 * @returns encoded values by the headers' names. Without those that have no value: an absent argument, null, and what
 *   is no primitive value
 */
export function paramValues(
  headers: readonly ParamHeader[],
  args: Json | undefined,
): Map<string, string> {
  const values = new Map<string, string>()
  for (const {header, path} of headers) {
    const text = textAt(args, path)
    if (text !== undefined) values.set(header, encodeHeaderValue(text))
  }
  return values
}

/**
 * Compares what a client has put into headers with the arguments of its call.
 * @param headers what the called tool wants
 * @param mirrored the values as they came, by the headers' names
 * @returns what is wrong with them
 */
export function paramFault(
  headers: readonly ParamHeader[],
  args: Json | undefined,
  mirrored: ReadonlyMap<string, string>,
): string | undefined {
  for (const {header, path} of headers) {
    const own = textAt(args, path)
    const given = mirrored.get(header)
    if (own === undefined && given === undefined) continue
    if (given === undefined) return `${header} is missing`
    const said = decodeHeaderValue(given)
    if (said === undefined) return `${header} holds what no header value may, or broken base64`
    if (own === undefined) return `${header} is there, but not the argument that it repeats`
    if (said !== own.toWellFormed() && !isSameNumber(said, own)) {
      return `${header} is not the argument that it repeats`
    }
  }
  return undefined
}

/** `42.0` and `42` are the same integer. */
function isSameNumber(said: string, own: string): boolean {
  return /^-?\d+$/.test(own) && /^-?\d+(?:\.0+)?$/.test(said) && Number(said) === Number(own)
}

/** Where a schema stands: under a property of another one, at the root, or where properties alone do not lead. */
type Place = {readonly name: string; readonly of: Place} | 'root' | 'elsewhere'

/** A schema and all schemas in it. Without recursion, which would take a step per level for every one of them. */
function* schemasIn(root: Json | undefined): Generator<{schema: JsonObject; place: Place}> {
  const open: {schema: Json | undefined; place: Place}[] = [{schema: root, place: 'root'}]
  for (let next = open.pop(); next; next = open.pop()) {
    const {schema, place} = next
    if (Array.isArray(schema))
      for (const one of schema) open.push({schema: one, place: 'elsewhere'})
    if (!isJsonObject(schema)) continue
    yield {schema, place}
    for (const [keyword, value] of Object.entries(schema)) {
      if (DATA.has(keyword)) continue
      const isProperties = keyword === 'properties'
      if (!isJsonObject(value) || !(isProperties || NAMED.has(keyword))) {
        open.push({schema: value, place: 'elsewhere'})
        continue
      }
      for (const [name, one] of Object.entries(value)) {
        const isReachable = isProperties && place !== 'elsewhere'
        open.push({schema: one, place: isReachable ? {name, of: place} : 'elsewhere'})
      }
    }
  }
}

/** The names that lead to a property; empty for what is none. */
function pathTo(place: Place): string[] {
  const names: string[] = []
  for (let at = place; typeof at === 'object'; at = at.of) names.push(at.name)
  return names.toReversed()
}

function faultOf(name: string, type: Json | undefined, place: Place): string | undefined {
  if (name === '') return `${ANNOTATION} is empty`
  if (!TOKEN.test(name)) return `${ANNOTATION} ${shown(name)} is no name of a header`
  if (typeof place !== 'object') {
    return `${ANNOTATION} ${shown(name)} does not stand at a property that "properties" alone lead to`
  }
  if (!PRIMITIVE.has(typeOf(type))) {
    return `${ANNOTATION} ${shown(name)} stands at what is no string, integer or boolean`
  }
  return undefined
}

/** The type of a schema; of one that may be null, too, the other type: null is an argument that has no value. */
function typeOf(type: Json | undefined): Json | undefined {
  if (!Array.isArray(type)) return type
  const others = type.filter(one => one !== 'null')
  return others.length === 1 ? others[0] : undefined
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 100))
}

function textAt(args: Json | undefined, path: readonly string[]): string | undefined {
  let value = args
  for (const name of path) {
    // What an object has from its prototype is no argument.
    if (!isJsonObject(value) || !Object.hasOwn(value, name)) return undefined
    value = value[name]
  }
  if (typeof value === 'string') return value
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : undefined
  return typeof value === 'boolean' ? String(value) : undefined
}
