import type {Json, JsonObject} from '../base/json.ts'

/** Nothing that a person writes nests this deep; a cycle of YAML aliases does. */
const DEEPEST = 64

/**
 * Copies a parsed document into plain JSON of our own, so that nothing behind it can be reached or
 * polluted. Keys named `__proto__` are left out; so are keys without a value, as YAML writes
 * `command:` for "nothing here".
 * @returns the copy, or undefined for what JSON cannot carry
 * @throws RangeError when the value nests deeper than any real document (or refers to itself)
 */
export function toPlainJson(value: unknown, depth = 0): Json | undefined {
  if (depth > DEEPEST) throw new RangeError('nests too deep')
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (Array.isArray(value)) return value.map(item => toPlainJson(item, depth + 1) ?? null)
  if (value instanceof Date) return value.toISOString()
  if (typeof value !== 'object') return undefined
  const copy: JsonObject = {}
  for (const [key, item] of Object.entries(value)) {
    const plain = toPlainJson(item, depth + 1)
    if (key !== '__proto__' && plain != null) copy[key] = plain
  }
  return copy
}
