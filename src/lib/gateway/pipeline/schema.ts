import type {Schema} from '@cfworker/json-schema'
import {isJsonObject, type Json, type JsonObject} from '../../base/json.ts'
import {weightOf} from './weight.ts'

/** What of a schema can be judged, and what it costs to try it on one value. */
export interface Judgeable {
  readonly schema: Schema
  /** How many values the schema has, its references written out. */
  readonly weight: number
}

/** Schemas of tools are a hundredth of this. */
const MOST_WEIGHT = 5000
const MOST_LEVELS = 64

const DRAFT_7 = /^https?:\/\/json-schema\.org\/draft-07\/schema#?$/u
const LATER = /^https?:\/\/json-schema\.org\/draft\/(?:2019-09|2020-12)\/schema#?$/u

/**
 * Makes a schema of a tool's `inputSchema` that is safe to evaluate and that accepts at least what the original
 * accepts. It is a copy with every local reference written out and with only the keywords that are kept below: none of
 * them makes a schema accept more by being there, so what is left out (regular expressions, formats, foreign and
 * recursive references, whatever has no plain meaning) can only let a call pass that the server then decides on.
 * Without `$schema` it is read as draft 2020-12 (MCP 2025-11-25, tools).
 * @returns undefined when nothing can be judged: no object, a draft that is not known, too large
 */
export function judgeable(inputSchema: unknown): Judgeable | undefined {
  if (!isJsonObject(inputSchema)) return undefined
  const draft = inputSchema['$schema']
  const isDraft7 = typeof draft === 'string' && DRAFT_7.test(draft)
  if (draft !== undefined && !isDraft7 && !(typeof draft === 'string' && LATER.test(draft))) {
    return undefined
  }
  const copy = new Copy(inputSchema, isDraft7)
  const schema = copy.of(inputSchema, {levels: 0, refs: ['#']})
  return copy.weight > MOST_WEIGHT ? undefined : {schema, weight: copy.weight}
}

/** The way to a part of a schema: how deep it is, and the references that led there. */
interface Way {
  readonly levels: number
  readonly refs: readonly string[]
}

const ANYTHING: Schema = {}
/** Refuses by a keyword of its own, as `false` has none that could be looked up. */
const NOTHING: Schema = {type: []}

/** Keywords that stay when their value is of the kind that they need. */
const PLAIN: ReadonlyMap<string, (value: Json) => boolean> = new Map([
  ['type', (value: Json) => [value].flat().length > 0 && [value].flat().every(isType)],
  ['enum', (value: Json) => Array.isArray(value) && value.length > 0],
  ['const', () => true],
  ['required', isTexts],
  ['minLength', isCount],
  ['maxLength', isCount],
  ['minItems', isCount],
  ['maxItems', isCount],
  ['minProperties', isCount],
  ['maxProperties', isCount],
  ['minimum', isNumber],
  ['maximum', isNumber],
  ['exclusiveMinimum', isNumber],
  ['exclusiveMaximum', isNumber],
  // What is left over by a fraction depends on how the server counts.
  ['multipleOf', (value: Json) => Number.isSafeInteger(value) && isNumber(value) && value > 0],
])

class Copy {
  weight = 0
  readonly #root: JsonObject
  readonly #refsStandAlone: boolean

  constructor(root: JsonObject, refsStandAlone: boolean) {
    this.#root = root
    this.#refsStandAlone = refsStandAlone
  }

  of(part: unknown, way: Way): Schema {
    this.weight += 1
    if (part === false) return NOTHING
    if (!isJsonObject(part) || way.levels > MOST_LEVELS || this.weight > MOST_WEIGHT)
      return ANYTHING
    // With an id of its own, references in it mean something else. `nullable` is of OpenAPI, not of JSON Schema.
    if (part !== this.#root && typeof part['$id'] === 'string') return ANYTHING
    if (part['nullable'] === true) return ANYTHING
    const ref = part['$ref']
    if (typeof ref !== 'string') return this.#keywords(part, way)
    const target = this.#target(ref, way)
    return this.#refsStandAlone ? target : {allOf: [target, this.#keywords(part, way)]}
  }

  #target(ref: string, {levels, refs}: Way): Schema {
    if (refs.includes(ref)) return ANYTHING
    return this.of(resolve(this.#root, pointerOf(ref)), {levels: levels + 1, refs: [...refs, ref]})
  }

  #keywords(part: JsonObject, {levels, refs}: Way): Schema {
    const way = {levels: levels + 1, refs}
    const kept: [string, unknown][] = []
    for (const [key, isKept] of PLAIN) {
      const value = own(part, key)
      if (value === undefined || !isKept(value)) continue
      this.weight += weightOf(value, MOST_WEIGHT)
      kept.push([key, value])
    }
    const {properties, additionalProperties, items} = part
    if (isJsonObject(properties)) {
      const copies = Object.entries(properties).map(([key, one]) => [key, this.of(one, way)])
      kept.push(['properties', Object.fromEntries(copies)])
    }
    // Which of the others a pattern stands for is not known, as it is not evaluated.
    if (additionalProperties !== undefined && part['patternProperties'] === undefined) {
      kept.push(['additionalProperties', this.of(additionalProperties, way)])
    }
    if (items !== undefined && !Array.isArray(items) && part['prefixItems'] === undefined) {
      kept.push(['items', this.of(items, way)])
    }
    // Many write oneOf where they mean anyOf, and what is left out here could make two fit where one did.
    const anyOfs = [part['anyOf'], part['oneOf']].flatMap(list => {
      const copies = this.#list(list, way)
      return copies.length > 0 ? [{anyOf: copies}] : []
    })
    const allOf = [...this.#list(part['allOf'], way), ...anyOfs]
    if (allOf.length > 0) kept.push(['allOf', allOf])
    return Object.fromEntries(kept)
  }

  #list(list: Json | undefined, way: Way): readonly Schema[] {
    return Array.isArray(list) ? list.map(one => this.of(one, way)) : []
  }
}

const TYPES: readonly unknown[] = [
  'array',
  'boolean',
  'integer',
  'null',
  'number',
  'object',
  'string',
]

function isType(value: Json): boolean {
  return TYPES.includes(value)
}

function isTexts(value: Json): boolean {
  return Array.isArray(value) && value.every(one => typeof one === 'string')
}

function isNumber(value: Json): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function isCount(value: Json): boolean {
  return isNumber(value) && value >= 0
}

/** A local JSON pointer as URI fragment (RFC 6901 section 6); undefined for every other reference. */
function pointerOf(ref: string): readonly string[] | undefined {
  return ref === '#' || ref.startsWith('#/') ? pathOf(ref) : undefined
}

/**
 * The steps of a JSON pointer that is written as a URI fragment.
 * @throws URIError for what is no percent-encoding
 */
export function pathOf(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map(step => decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** What stands at the end of a path of member names and indexes, or undefined. */
export function resolve(value: unknown, path: readonly string[] | undefined): unknown {
  let at = path && value
  for (const step of path ?? []) {
    if (Array.isArray(at)) at = at[Number(step)]
    else at = isJsonObject(at) ? own(at, step) : undefined
  }
  return at
}

function own(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined
}
