import {isDeepStrictEqual} from 'node:util'
import {PluginError} from '../base/errors.ts'
import {isJsonObject, type JsonObject} from '../base/json.ts'
import {removeYamlKey, setYamlKey} from './yaml-edit.ts'
import {renderLines} from './yaml-render.ts'
import {parseYamlMap} from './yaml.ts'

/**
 * Makes a YAML map hold what another one says: what is the same in both keeps its place, its comments and its spelling.
 * @param text a YAML document whose top is a map, or an empty one
 * @returns the new text
 * @throws PluginError FILE_INVALID when the text is no map
 */
export function becomeYaml(text: string, wanted: JsonObject): string {
  const current = parseYamlMap(text, 'the file')
  try {
    return become(text, {current, wanted, path: []})
  } catch (error) {
    // Aliases and merge keys tie values together: then there is nothing to keep them apart by.
    if (error instanceof PluginError)
      return `${renderLines(wanted, {column: 0, step: 2}).join('\n')}\n`
    throw error
  }
}

function become(
  text: string,
  {current, wanted, path}: {current: JsonObject; wanted: JsonObject; path: readonly string[]},
): string {
  const gone = Object.keys(current).filter(key => !Object.hasOwn(wanted, key))
  const without = gone.reduce((next, key) => removeYamlKey(next, [...path, key]), text)
  return Object.entries(wanted).reduce((next, [key, value]) => {
    const own = [...path, key]
    const known = Object.hasOwn(current, key) ? current[key] : undefined
    if (known !== undefined && isDeepStrictEqual(known, value)) return next
    if (isJsonObject(known) && isJsonObject(value) && Object.keys(value).length > 0) {
      return become(next, {current: known, wanted: value, path: own})
    }
    return setYamlKey(next, own, value ?? null)
  }, without)
}
