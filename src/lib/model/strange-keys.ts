import {type JsonObject, isJsonObject} from '../base/json.ts'
import {limitsSchema, serverSchema} from './catalog-schema.ts'

/** A key that the catalog format does not have. */
export interface StrangeKey {
  /** Such as `allowhosts` or `remote.transport`. */
  readonly path: string
  /** The key of the format that it is but for case, `-` and `_`. */
  readonly meant: string | undefined
}

/** Of each part whose keys decide what runs, all that the format has; docker's own plugin ignores some. */
const PART_KEYS = {
  env: ['name', 'value', 'example', 'description'],
  secrets: ['name', 'env', 'example', 'description', 'required', 'file'],
  remote: ['url', 'transport_type', 'headers'],
  resources: ['limits'],
} as const

/** Finds the keys that the format does not have, of an entry and of its parts where a typing mistake changes what runs. */
export function strangeKeys(entry: JsonObject): StrangeKey[] {
  const found = strangers(entry, Object.keys(serverSchema.shape), '')
  for (const [part, known] of Object.entries(PART_KEYS)) {
    const value = entry[part]
    for (const [index, item] of (Array.isArray(value) ? value : [value]).entries()) {
      if (!isJsonObject(item)) continue
      found.push(...strangers(item, known, Array.isArray(value) ? `${part}.${index}.` : `${part}.`))
    }
  }
  const limits = isJsonObject(entry['resources']) ? entry['resources']['limits'] : undefined
  if (isJsonObject(limits)) {
    found.push(...strangers(limits, Object.keys(limitsSchema.shape), 'resources.limits.'))
  }
  return found
}

function strangers(value: JsonObject, known: readonly string[], prefix: string): StrangeKey[] {
  return Object.keys(value)
    .filter(key => !known.includes(key))
    .map(key => ({
      path: `${prefix}${key}`,
      meant: known.find(each => plain(each) === plain(key)),
    }))
}

function plain(key: string): string {
  return key.toLowerCase().replaceAll(/[-_]/g, '')
}
