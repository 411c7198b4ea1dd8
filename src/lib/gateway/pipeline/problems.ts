import type {OutputUnit, Schema} from '@cfworker/json-schema'
import {isJsonObject} from '../../base/json.ts'
import {oneLine} from '../../base/one-line.ts'
import {nearestNames} from '../../catalog/search.ts'
import {pathOf, resolve} from './schema.ts'

/** Why a value does not fit its schema: the places and what is expected there, never what was found. */
export interface Misfit {
  readonly schema: Schema
  readonly value: unknown
  readonly units: readonly OutputUnit[]
}

const MOST_PROBLEMS = 8
const MOST_TEXT = 80
const MOST_CHOICES = 400

/**
 * Says what is wrong with arguments, one sentence each, for whoever has to correct them.
 * @returns a few sentences, of a few hundred characters each at most
 */
export function problemsOf(misfit: Misfit): readonly string[] {
  const all = [...new Set(leaves(misfit.units).flatMap(unit => sentences(unit, misfit)))]
  const more = all.length - MOST_PROBLEMS
  return more > 0 ? [...all.slice(0, MOST_PROBLEMS), `and ${more} more`] : all
}

/** Keywords whose failure is that of a part, which is reported as well. */
const WRAPPERS = new Set(['properties', 'additionalProperties', 'items', 'allOf'])

/** The failures that say something: not of what is only around another, nor of alternatives that were not meant. */
function leaves(units: readonly OutputUnit[]): readonly OutputUnit[] {
  const found: OutputUnit[] = []
  for (let at = 0; at < units.length; at += 1) {
    const unit = units[at]
    if (!unit || WRAPPERS.has(unit.keyword)) continue
    if (unit.keyword !== 'anyOf') {
      found.push(unit)
      continue
    }
    const after = units.slice(at + 1)
    const end = after.findIndex(inner => !isWithin(inner, unit.keywordLocation))
    const inside = end === -1 ? after : after.slice(0, end)
    found.push(...(meant(unit, inside) ?? [unit]))
    at += inside.length
  }
  return found
}

/** The failures of the one alternative whose kind of value was given. */
function meant(
  anyOf: OutputUnit,
  inside: readonly OutputUnit[],
): readonly OutputUnit[] | undefined {
  const branches = new Map<string, OutputUnit[]>()
  for (const unit of inside) {
    const branch = unit.keywordLocation.slice(anyOf.keywordLocation.length + 1).split('/', 1)[0]
    const known = branches.get(branch ?? '')
    if (known) known.push(unit)
    else branches.set(branch ?? '', [unit])
  }
  const [only, ...others] = [...branches.values()].filter(
    branch =>
      !branch.some(
        unit =>
          unit.instanceLocation === anyOf.instanceLocation &&
          ['type', 'enum', 'const'].includes(unit.keyword),
      ),
  )
  return only && others.length === 0 ? leaves(only) : undefined
}

function isWithin({keywordLocation}: OutputUnit, location: string): boolean {
  return keywordLocation.startsWith(`${location}/`)
}

function sentences(unit: OutputUnit, {schema, value}: Misfit): readonly string[] {
  const path = pathOf(unit.instanceLocation)
  const place = pathOf(unit.keywordLocation)
  const expected = resolve(schema, place)
  const given = resolve(value, path)
  if (unit.keyword === 'required' && Array.isArray(expected) && isJsonObject(given)) {
    const parts = resolve(schema, [...place.slice(0, -1), 'properties'])
    const strangers = Object.keys(given).filter(
      name => !isJsonObject(parts) || !Object.hasOwn(parts, name),
    )
    return expected
      .filter(name => !Object.hasOwn(given, name))
      .map(name => `${show([...path, name])} is missing${instead(strangers, name)}`)
  }
  if (unit.keyword === 'type' && Array.isArray(expected) && expected.length === 0) {
    const known = resolve(schema, [...place.slice(0, -2), 'properties'])
    const near = isJsonObject(known) ? nearestNames(path.at(-1) ?? '', Object.keys(known)) : []
    const hint = near.length > 0 ? `; near to it: ${near.map(name => cut(name)).join(', ')}` : ''
    return [`${show(path)} is not known here${hint}`]
  }
  return [`${show(path)} must ${wanted(unit.keyword, expected)}`]
}

/** The name that was given and may have been meant for one that is missing. */
function instead(strangers: readonly string[], missing: string): string {
  const [near] = nearestNames(missing, strangers, 1)
  return near === undefined ? '' : `; ${cut(near)} was given`
}

const LIMITS: Readonly<Record<string, (limit: string) => string>> = {
  minimum: limit => `be at least ${limit}`,
  maximum: limit => `be at most ${limit}`,
  exclusiveMinimum: limit => `be more than ${limit}`,
  exclusiveMaximum: limit => `be less than ${limit}`,
  multipleOf: limit => `be a multiple of ${limit}`,
  minLength: limit => `have at least ${limit} characters`,
  maxLength: limit => `have at most ${limit} characters`,
  minItems: limit => `have at least ${limit} items`,
  maxItems: limit => `have at most ${limit} items`,
  minProperties: limit => `have at least ${limit} members`,
  maxProperties: limit => `have at most ${limit} members`,
}

/** What a keyword asks for, behind the word "must". */
function wanted(keyword: string, expected: unknown): string {
  const limit = LIMITS[keyword]
  if (limit) return limit(String(expected))
  const choices: readonly unknown[] = [expected].flat()
  switch (keyword) {
    case 'type':
      return `be ${choices.join(' or ')}`
    case 'enum':
      return `be one of ${listed(choices)}`
    case 'const':
      return `be ${listed([expected])}`
    default:
      return `be ${[...new Set(choices.map(kindOf))].join(' or ')}`
  }
}

/** What an alternative asks for, in short. */
function kindOf(schema: unknown): string {
  if (!isJsonObject(schema)) return 'something else'
  if (schema['const'] !== undefined) return listed([schema['const']])
  const choices = schema['enum']
  if (Array.isArray(choices)) return `one of ${listed(choices)}`
  const [first] = Array.isArray(schema['allOf']) ? schema['allOf'] : []
  const {type, required} = schema
  if (type === undefined) return first === undefined ? 'something else' : kindOf(first)
  const members: readonly unknown[] = [required ?? []].flat()
  const kinds: readonly unknown[] = [type].flat()
  return `${kinds.join(' or ')}${members.length > 0 ? ` with ${cut(members.join(', '))}` : ''}`
}

function listed(values: readonly unknown[]): string {
  const text = values.map(value => cut(JSON.stringify(value))).join(', ')
  return text.length > MOST_CHOICES ? `${text.slice(0, MOST_CHOICES)}… (${values.length})` : text
}

/** `filters.0.name` as `filters[0].name`. */
function show(path: readonly string[]): string {
  if (path.length === 0) return 'the whole of it'
  return cut(
    path.map((step, at) => (/^\d+$/u.test(step) ? `[${step}]` : at ? `.${step}` : step)).join(''),
  )
}

function cut(text: string): string {
  const line = oneLine(text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)}…` : text)
  return line.toWellFormed()
}
