import * as z from 'zod'
import {type Json, type JsonObject, isJsonObject} from '../base/json.ts'
import {isSlipOf} from '../base/near-names.ts'
import {serverSchema} from './catalog-schema.ts'

/** A key that the catalog format does not have. */
export interface StrangeKey {
  /** The keys that lead to it, itself last: `['remote', 'transport']`; of a list the number of the item. */
  readonly keys: readonly string[]
  /** The key of the format that it was to be, where a mistake in typing changes what runs. */
  readonly meant: string | undefined
}

/** Parts in which a key is taken for another one that it is but for case, `-` and `_`. */
const CLOSE_PARTS: ReadonlySet<string> = new Set([
  '',
  'env',
  'secrets',
  'remote',
  'resources',
  'resources.limits',
])

/** Parts so small that a key is taken for another one with any slip of the hand; in `tools` one key alone says what runs. */
const SMALL_PARTS: ReadonlyMap<string, readonly string[] | undefined> = new Map([
  ['standby', undefined],
  ['tools', ['container']],
  ['tools.container', undefined],
])

/** Finds the keys that the format does not have, at every depth to which it says what keys there are. */
export function strangeKeys(entry: JsonObject): StrangeKey[] {
  return strangersIn(serverSchema, entry, {keys: [], part: ''})
}

/** `part` is the keys without the numbers of items of lists. */
interface Place {
  readonly keys: readonly string[]
  readonly part: string
}

function strangersIn(schema: z.core.$ZodType, value: Json, place: Place): StrangeKey[] {
  if (schema instanceof z.ZodOptional) return strangersIn(schema.unwrap(), value, place)
  if (schema instanceof z.ZodPipe) return strangersBehind(schema, value, place)
  if (schema instanceof z.ZodArray && Array.isArray(value)) {
    return value.flatMap((item, at) =>
      strangersIn(schema.element, item, {...place, keys: [...place.keys, String(at)]}),
    )
  }
  if (!(schema instanceof z.ZodObject) || !isJsonObject(value)) return []
  const shape: Readonly<Record<string, z.core.$ZodType>> = schema.shape
  const known = Object.keys(shape)
  const own = Object.keys(value).filter(key => !known.includes(key))
  return [
    ...own.map(key => ({keys: [...place.keys, key], meant: meantBy(key, known, place.part)})),
    ...known.flatMap(key => {
      const [inner, item] = [shape[key], value[key]]
      if (!inner || item === undefined) return []
      const part = place.part === '' ? key : `${place.part}.${key}`
      return strangersIn(inner, item, {keys: [...place.keys, key], part})
    }),
  ]
}

/** What is written in one form and kept in another is looked at in the form for which the format has keys. */
function strangersBehind(schema: z.ZodPipe, value: Json, place: Place): StrangeKey[] {
  if (!(schema.in instanceof z.ZodTransform)) return strangersIn(schema.in, value, place)
  const {data} = schema.in.safeParse(value)
  return data === undefined ? [] : strangersIn(schema.out, z.json().parse(data), place)
}

function meantBy(key: string, known: readonly string[], part: string): string | undefined {
  if (SMALL_PARTS.has(part)) {
    return (SMALL_PARTS.get(part) ?? known).find(each => isSlipOf(plain(key), plain(each)))
  }
  return CLOSE_PARTS.has(part) ? known.find(each => plain(each) === plain(key)) : undefined
}

function plain(key: string): string {
  return key.toLowerCase().replaceAll(/[-_]/g, '')
}
