import {isDeepStrictEqual} from 'node:util'
import {isMap, isScalar, type CST} from 'yaml'
import {PluginError} from '../base/errors.ts'
import {isJsonObject, type Json, type JsonObject} from '../base/json.ts'
import {insertKey, replaceValue, type Layout, type MapPlace, type PairPlace} from './yaml-insert.ts'
import {cutPair} from './yaml-remove.ts'
import {renderLines} from './yaml-render.ts'
import {
  applySplices,
  column,
  insertLines,
  itemStart,
  lineBreakOf,
  type Splice,
} from './yaml-text.ts'
import {findPair, readYaml, type YamlText} from './yaml.ts'

/**
 * Sets one value of a YAML document and changes nothing else in its text: comments, order, quoting, line
 * breaks and unknown keys stay. Maps on the way that do not exist (or are null) are made.
 * @param path the keys that lead to the value, at least one
 * @returns the new text; the same text when the value is already so
 * @throws PluginError FILE_INVALID when the text is not a YAML map, when something that is not a map stands in
 *   the way, or when the change cannot be made without another one (an alias, a merge key)
 */
export function setYamlKey(text: string, path: readonly string[], value: Json): string {
  const before = readMap(text)
  const plain = asPlain(value)
  const wanted = withKey(before.root, path, plain)
  if (wanted === undefined) throw refusal(path, 'a value that is not a map is in the way')
  if (hasPath(before.root, path) && isDeepStrictEqual(before.root, wanted)) return text
  const spot = locate(before, path)
  if (!spot) throw refusal(path, 'an alias is in the way')
  const layout = {text, step: stepOf(before.yaml.document.contents?.srcToken, text) ?? 2}
  return applyVerified(layout, {
    path,
    wanted,
    splices: planSet(layout, before.yaml, {spot, value: plain}),
  })
}

/**
 * Removes one key of a YAML document and changes nothing else in its text. A map that loses its last key
 * becomes `{}`, also the whole document: a gateway that runs takes an empty file for one that is being written.
 * @param path the keys that lead to the value, at least one
 * @returns the new text; the same text when there is no such key
 * @throws PluginError FILE_INVALID when the text is not a YAML map, or when the key cannot be removed without
 *   another change (an alias, a merge key)
 */
export function removeYamlKey(text: string, path: readonly string[]): string {
  return without(text, path, '{}')
}

/**
 * Takes back a key that {@link setYamlKey} put in: like {@link removeYamlKey}, but a document without any other key
 * has no map afterwards, as before.
 * @throws like {@link removeYamlKey}
 */
export function undoYamlKey(text: string, path: readonly string[]): string {
  return without(text, path, '')
}

function without(text: string, path: readonly string[], emptyTop: '{}' | ''): string {
  const before = readMap(text)
  if (!hasPath(before.root, path)) return text
  const wanted = withoutKey(before.root, path)
  const spot = locate(before, path)
  if (spot?.kind !== 'found') throw refusal(path, 'an alias or a merge key brings it in')
  const layout = {text, step: 2}
  const splices = cutPair(layout, spot.pair, emptyTop)
  if (!splices) throw refusal(path, 'it shares a line with other text')
  return applyVerified(layout, {path, wanted, splices})
}

interface Before {
  readonly yaml: YamlText
  readonly root: JsonObject
}

/** Where a path leads, or where it ends. */
type Spot =
  | {readonly kind: 'found'; readonly pair: PairPlace}
  | {readonly kind: 'blank'; readonly pair: PairPlace | undefined; readonly rest: readonly string[]}
  | {readonly kind: 'missing'; readonly map: MapPlace; readonly rest: readonly string[]}

function readMap(text: string): Before {
  const yaml = readYaml(text, 'the text')
  const root = yaml.value ?? {}
  if (isJsonObject(root)) return {yaml, root}
  throw new PluginError('FILE_INVALID', 'the top of the text is not a map of keys')
}

/** Undefined when an alias stands in the way. */
function locate({yaml}: Before, path: readonly string[]): Spot | undefined {
  let node: unknown = yaml.document.contents
  let pair: PairPlace | undefined
  for (const [depth, key] of path.entries()) {
    const rest = path.slice(depth)
    if (isBlank(node)) return {kind: 'blank', pair, rest}
    if (!isMap(node)) return undefined
    const source = node.srcToken
    if (source?.type !== 'block-map' && source?.type !== 'flow-collection') return undefined
    const map = {source, owner: pair}
    const found = findPair(node, key)
    if (!found?.source) return {kind: 'missing', map, rest}
    pair = {item: found.source, map}
    node = found.value
  }
  return pair && {kind: 'found', pair}
}

function planSet(
  layout: Layout,
  yaml: YamlText,
  {spot, value}: {spot: Spot; value: Json},
): readonly Splice[] {
  if (spot.kind === 'found') return replaceValue(layout, spot.pair, value)
  const nested = nest(spot.rest, value)
  if (spot.kind === 'blank') {
    return spot.pair ? replaceValue(layout, spot.pair, nested) : fillTop(layout, yaml, nested)
  }
  const {source, owner} = spot.map
  if (isEmptyFlow(source, layout.text)) {
    // An empty `{}` among block maps is only there because a block map cannot be empty.
    if (owner?.map.source.type === 'block-map') return replaceValue(layout, owner, nested)
    if (!owner && column(layout.text, source.offset) === 0) return fillTop(layout, yaml, nested)
  }
  const [key = '', ...rest] = spot.rest
  return insertKey(layout, spot.map, {key, value: nest(rest, value)})
}

/** Writes the first keys of a document that has none. */
function fillTop({text, step}: Layout, {document}: YamlText, value: Json): readonly Splice[] {
  const lines = renderLines(value, {column: 0, step})
  const range = document.contents?.range
  if (!range) return [insertLines(text, text.length, lines)]
  const [start, end, after] = range
  if (start === end) return [insertLines(text, after, lines)]
  return [{start, end, text: lines.join(lineBreakOf(text))}]
}

/** Carries out the change, and believes it only when it reads back as what was wanted. */
function applyVerified(
  {text}: Layout,
  change: {path: readonly string[]; wanted: JsonObject; splices: readonly Splice[]},
): string {
  const after = applySplices(text, change.splices)
  try {
    if (isDeepStrictEqual(readMap(after).root, change.wanted)) return after
  } catch (cause) {
    if (cause instanceof PluginError)
      throw refusal(change.path, 'its surroundings are too unusual', cause)
    throw cause
  }
  throw refusal(change.path, 'another value would change with it')
}

/** How much deeper the first nested block map stands than the one around it. */
function stepOf(token: CST.Token | undefined, text: string): number | undefined {
  if (token?.type !== 'block-map') return undefined
  for (const item of token.items) {
    const [inner] = item.value?.type === 'block-map' ? item.value.items : []
    if (inner && item.key) return column(text, itemStart(inner)) - column(text, itemStart(item))
  }
  return undefined
}

function isBlank(node: unknown): boolean {
  return node === null || node === undefined || (isScalar(node) && node.value === null)
}

function isEmptyFlow(source: CST.BlockMap | CST.FlowCollection, text: string): boolean {
  if (source.type === 'block-map' || source.items.some(item => item.key || item.sep)) return false
  return /^\{\s*\}/.test(text.slice(source.offset))
}

function nest(path: readonly string[], value: Json): Json {
  return path.reduceRight<Json>((inner, key) => ({[key]: inner}), value)
}

/** Undefined when a value that is not a map is in the way. */
function withKey(root: JsonObject, path: readonly string[], value: Json): JsonObject | undefined {
  const [key, ...rest] = path
  if (key === undefined) return undefined
  if (rest.length === 0) return {...root, [key]: value}
  const inner = Object.hasOwn(root, key) ? (root[key] ?? {}) : {}
  const changed = isJsonObject(inner) ? withKey(inner, rest, value) : undefined
  return changed && {...root, [key]: changed}
}

function withoutKey(root: JsonObject, path: readonly string[]): JsonObject {
  const [key = '', ...rest] = path
  const {[key]: inner, ...others} = root
  return rest.length > 0 && isJsonObject(inner) ? {...root, [key]: withoutKey(inner, rest)} : others
}

function hasPath(root: JsonObject, path: readonly string[]): boolean {
  let node: unknown = root
  for (const key of path) {
    if (!isJsonObject(node) || !Object.hasOwn(node, key)) return false
    node = node[key]
  }
  return path.length > 0
}

/** Leaves out what JSON cannot say, so that what is read back can be equal. */
function asPlain(value: Json): Json {
  const plain: Json = JSON.parse(JSON.stringify(value))
  return plain
}

function refusal(path: readonly string[], reason: string, cause?: unknown): PluginError {
  return new PluginError('FILE_INVALID', `cannot change ${path.join('.')} in place: ${reason}`, {
    hint: 'make this change by hand',
    cause,
  })
}
