import {type Json, type JsonObject, isJsonObject} from '../base/json.ts'

/**
 * What one value has against its schema: the type, `enum`, `minimum`, `maximum` and simple
 * patterns. What is inside an object or a list is not looked at.
 * @returns the rest of a sentence about the value ("must be …"), without the value itself;
 * undefined when it fits
 */
export function valueProblem(schema: JsonObject, value: Json): string | undefined {
  return typeProblem(schema, value) ?? enumProblem(schema, value) ?? rangeProblem(schema, value)
}

const TYPES = {
  string: {label: 'text', fits: (value: Json) => typeof value === 'string'},
  integer: {label: 'a whole number', fits: (value: Json) => Number.isInteger(value)},
  number: {label: 'a number', fits: (value: Json) => typeof value === 'number'},
  boolean: {label: 'true or false', fits: (value: Json) => typeof value === 'boolean'},
  object: {label: 'a map', fits: (value: Json) => isJsonObject(value)},
  array: {label: 'a list', fits: (value: Json) => Array.isArray(value)},
} as const

function typeProblem(schema: JsonObject, value: Json): string | undefined {
  const type = schema['type']
  if (!isKnownType(type)) return undefined
  const {label, fits} = TYPES[type]
  if (fits(value)) return undefined
  const advice = type === 'string' && typeof value !== 'object' ? ' (put it in quotes)' : ''
  return `must be ${label}, not ${kindOf(value)}${advice}`
}

function isKnownType(type: Json | undefined): type is keyof typeof TYPES {
  return typeof type === 'string' && Object.hasOwn(TYPES, type)
}

function kindOf(value: Json): string {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (isJsonObject(value)) return 'a map'
  if (typeof value === 'string') return 'text'
  return typeof value === 'number' ? 'a number' : 'true or false'
}

function enumProblem(schema: JsonObject, value: Json): string | undefined {
  const choices = schema['enum']
  if (!Array.isArray(choices) || choices.includes(value)) return undefined
  return `must be one of: ${choices.map(String).join(', ')}`
}

function rangeProblem(schema: JsonObject, value: Json): string | undefined {
  const {minimum, maximum, pattern} = schema
  if (typeof value === 'number') {
    if (typeof minimum === 'number' && value < minimum) return `must be at least ${minimum}`
    if (typeof maximum === 'number' && value > maximum) return `must be at most ${maximum}`
  }
  if (typeof value !== 'string' || typeof pattern !== 'string') return undefined
  const expression = simplePattern(pattern)
  if (!expression || value.length > LONGEST_MATCHED || expression.test(value)) return undefined
  return `must match the pattern ${pattern}`
}

const LONGEST_MATCHED = 256

/**
 * Patterns come with catalogs, and JavaScript's matcher can be kept busy for hours by a hostile
 * one. Only patterns that cannot do that are checked: no repeated groups, no back references, few
 * repetitions, on short values.
 */
function simplePattern(pattern: string): RegExp | undefined {
  if (pattern.length > 200 || /\)[*+?{]|\\[1-9k]/u.test(pattern)) return undefined
  if ((pattern.match(/[*+{]/gu)?.length ?? 0) > 3) return undefined
  try {
    return new RegExp(pattern, 'u')
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
