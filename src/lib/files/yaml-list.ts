import {isDeepStrictEqual} from 'node:util'
import {isMap, isSeq, type CST, type YAMLSeq} from 'yaml'
import {PluginError} from '../base/errors.ts'
import type {Json} from '../base/json.ts'
import {setYamlKey} from './yaml-edit.ts'
import {renderInline, renderLines} from './yaml-render.ts'
import {
  afterComments,
  applySplices,
  column,
  cutLines,
  insertLines,
  itemEnd,
  itemStart,
  lineBreakOf,
  lineEnd,
  lineStart,
  nextLine,
  tokenEnd,
  type Splice,
} from './yaml-text.ts'
import {findPair, parseYamlMap, readYaml} from './yaml.ts'

/**
 * Adds an item at the end of a list that stands under a key at the top of a YAML document, and changes nothing else in
 * its text. A list that does not exist is made.
 * @returns the new text
 * @throws PluginError FILE_INVALID when the text is not a YAML map, or the change cannot be made without another one
 */
export function appendYamlItem(text: string, key: string, item: Json): string {
  const {items, list} = listOf(text, key)
  if (items.length === 0) return setYamlKey(text, [key], [item])
  const splices = list && (isBlock(list) ? below(text, list, item) : behind(text, list, item))
  return verified(text, {key, splices, wanted: [...items, item]})
}

/**
 * Removes an item of such a list.
 * @param index from 0
 * @throws like {@link appendYamlItem}
 */
export function removeYamlItem(text: string, key: string, index: number): string {
  const {items, list} = listOf(text, key)
  const wanted = items.toSpliced(index, 1)
  if (wanted.length === 0) return setYamlKey(text, [key], [])
  const splices = list && (isBlock(list) ? cutBlock(text, list, index) : cutFlow(text, list, index))
  return verified(text, {key, splices, wanted})
}

/**
 * Changes an item of such a list that is a map.
 * @param edit gets the item as the text of a document of its own, and gives that text changed
 * @throws like {@link appendYamlItem}; what `edit` throws
 */
export function editYamlItem(
  text: string,
  where: {readonly key: string; readonly index: number},
  edit: (item: string) => string,
): string {
  const {key, index} = where
  const {items, list} = listOf(text, key)
  const node = list?.items[index]
  const range = isMap(node) ? rangeOf(text, node.srcToken) : undefined
  if (!range) throw refusal(key, 'the item is not written as a map')
  // Under spaces instead of what stands before it, its lines keep their columns.
  const indent = ' '.repeat(column(text, range.start))
  const before = indent + text.slice(range.start, range.end)
  refuseUnreadable(before, key)
  const after = edit(before)
  if (after === before) return text
  if (!after.startsWith(indent)) throw refusal(key, 'the start of the item would change')
  const replaced = {start: range.start, end: range.end, text: after.slice(indent.length)}
  const wanted = items.with(index, parseYamlMap(after, 'the item'))
  return verified(text, {key, splices: [replaced], wanted})
}

/** The item is read without the rest of the text, which may have what an alias in it stands for. */
function refuseUnreadable(item: string, key: string): void {
  try {
    parseYamlMap(item, 'the item')
  } catch (cause) {
    if (!(cause instanceof PluginError)) throw cause
    throw refusal(key, 'the item means nothing without the rest of the text', cause)
  }
}

interface FoundList {
  readonly items: readonly Json[]
  /** Undefined when the list does not exist, or an alias stands for it. */
  readonly list: YAMLSeq | undefined
}

function listOf(text: string, key: string): FoundList {
  const value = parseYamlMap(text, 'the text')[key] ?? []
  if (!Array.isArray(value)) throw refusal(key, 'it is not a list')
  const {contents} = readYaml(text, 'the text').document
  const node = isMap(contents) ? findPair(contents, key)?.value : undefined
  return {items: value, list: isSeq(node) ? node : undefined}
}

function isBlock(list: YAMLSeq): boolean {
  return list.srcToken?.type === 'block-seq'
}

function sourceItems(list: YAMLSeq): readonly CST.CollectionItem[] {
  const source = list.srcToken
  if (source?.type !== 'block-seq' && source?.type !== 'flow-collection') return []
  return source.items.filter(item => item.value)
}

function rangeOf(
  text: string,
  token: CST.Token | undefined,
): {start: number; end: number} | undefined {
  const end = token && tokenEnd(token, text)
  if (!token || end === undefined) return undefined
  const [first] = token.type === 'block-map' ? token.items : []
  const start = first ? itemStart(first) : token.offset
  if (token.type !== 'block-map') return {start, end}
  // With the comments inside it, which belong to what is above them, and that of its last line.
  const next = nextLine(text, end)
  const commented = afterComments(text, next, column(text, start))
  return {start, end: commented > next ? commented : lineEnd(text, end)}
}

function below(text: string, list: YAMLSeq, item: Json): readonly Splice[] {
  const items = sourceItems(list)
  const last = items.at(-1)
  if (!last) return []
  const at = column(text, itemStart(last))
  const end = itemEnd(last, text) ?? itemStart(last)
  const lines = renderLines([item], {column: at, step: 2})
  return [insertLines(text, afterComments(text, nextLine(text, end), at + 1), lines)]
}

function behind(text: string, list: YAMLSeq, item: Json): readonly Splice[] {
  const last = sourceItems(list).at(-1)
  const end = last && itemEnd(last, text)
  if (!last || end === undefined) return []
  const isJson = text.trimStart().startsWith('{')
  const start = startInFlow(last)
  const isOwnLine = text.slice(lineStart(text, start), start).trim() === ''
  const gap = isOwnLine ? lineBreakOf(text) + ' '.repeat(column(text, start)) : ' '
  return [{start: end, end, text: `,${gap}${renderInline(item, isJson)}`}]
}

function cutBlock(text: string, list: YAMLSeq, index: number): readonly Splice[] {
  const item = sourceItems(list)[index]
  if (!item) return []
  const start = itemStart(item)
  const next = nextLine(text, itemEnd(item, text) ?? start)
  return [cutLines(text, start, afterComments(text, next, column(text, start) + 1))]
}

function cutFlow(text: string, list: YAMLSeq, index: number): readonly Splice[] {
  const items = sourceItems(list)
  const [before, item, next] = [items[index - 1], items[index], items[index + 1]]
  if (!item) return []
  const start = startInFlow(item)
  const end = itemEnd(item, text) ?? start
  if (next) return [{start, end: startInFlow(next), text: ''}]
  return [{start: (before && itemEnd(before, text)) ?? start, end, text: ''}]
}

/** A plain item of a flow list has no key, and nothing before it. */
function startInFlow(item: CST.CollectionItem): number {
  return itemStart(item) || (item.value?.offset ?? 0)
}

/** Carries out the change, and believes it only when it reads back as what was wanted. */
function verified(
  text: string,
  change: {key: string; splices: readonly Splice[] | undefined; wanted: readonly Json[]},
): string {
  const {key, splices, wanted} = change
  if (!splices || splices.length === 0) throw refusal(key, 'an alias is in the way')
  const after = applySplices(text, splices)
  const expected = {...parseYamlMap(text, 'the text'), [key]: JSON.parse(JSON.stringify(wanted))}
  try {
    if (isDeepStrictEqual(parseYamlMap(after, 'the text'), expected)) return after
  } catch (cause) {
    if (!(cause instanceof PluginError)) throw cause
    throw refusal(key, 'its surroundings are too unusual', cause)
  }
  throw refusal(key, 'another value would change with it')
}

function refusal(key: string, reason: string, cause?: unknown): PluginError {
  return new PluginError('FILE_INVALID', `cannot change ${key} in place: ${reason}`, {
    hint: 'make this change by hand',
    cause,
  })
}
