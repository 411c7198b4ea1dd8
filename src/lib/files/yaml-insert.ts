import type {CST} from 'yaml'
import type {Json} from '../base/json.ts'
import {isFilled, renderFlowEntry, renderInline, renderLines} from './yaml-render.ts'
import {
  afterComments,
  column,
  insertLines,
  itemEnd,
  itemStart,
  lineBreakOf,
  lineEnd,
  lineStart,
  nextLine,
  propertiesEnd,
  tokenEnd,
  type Splice,
} from './yaml-text.ts'

/** The text that is edited, and how much deeper each of its levels is indented. */
export interface Layout {
  readonly text: string
  readonly step: number
}

/** A map in the text. */
export interface MapPlace {
  readonly source: CST.BlockMap | CST.FlowCollection
  /** The pair whose value the map is; undefined at the top. */
  readonly owner: PairPlace | undefined
}

/** A pair in the text. */
export interface PairPlace {
  readonly item: CST.CollectionItem
  readonly map: MapPlace
}

/** Adds a key that the map does not have, behind its last one. */
export function insertKey(
  layout: Layout,
  map: MapPlace,
  entry: {readonly key: string; readonly value: Json},
): readonly Splice[] {
  return map.source.type === 'block-map'
    ? insertIntoBlock(layout, map.source, entry)
    : insertIntoFlow(layout, map, entry)
}

/** Gives a pair another value; a pair without a value gets one. */
export function replaceValue(layout: Layout, pair: PairPlace, value: Json): readonly Splice[] {
  const {text} = layout
  const isBlock = pair.map.source.type === 'block-map'
  const asLines = isBlock && isFilled(value)
  const inline = renderInline(value, isJsonItem(pair.item))
  const colon = propertiesEnd(pair.item)
  const nameEnd = colon ?? itemEnd(pair.item, text) ?? itemStart(pair.item)
  const end = pair.item.value && tokenEnd(pair.item.value, text)
  if (pair.item.value === undefined || end === undefined) {
    if (asLines) return [childLines(layout, pair, {after: nameEnd, value})]
    return [insertion(nameEnd, `${colon === undefined ? ':' : ''} ${inline}`)]
  }
  const start = valueStart(pair.item.value)
  const isBeside = !text.slice(nameEnd, start).includes('\n')
  if (asLines && isBeside) {
    return [{start: nameEnd, end, text: ''}, childLines(layout, pair, {after: end, value})]
  }
  if (asLines) {
    const from = lineStart(text, start)
    const lines = renderLines(value, {column: childColumn(layout, pair), step: layout.step})
    return [{start: from, end, text: lines.join(lineBreakOf(text))}]
  }
  if (isBeside || !isBlock) return [{start, end, text: inline}]
  return [
    insertion(nameEnd, ` ${inline}`),
    {start: lineEnd(text, lineStart(text, start) - 1), end, text: ''},
  ]
}

function insertIntoBlock(
  layout: Layout,
  map: CST.BlockMap,
  entry: {readonly key: string; readonly value: Json},
): readonly Splice[] {
  const {text, step} = layout
  const [first] = map.items
  const at = column(text, first ? itemStart(first) : map.offset)
  const end = tokenEnd(map, text) ?? map.offset
  const lines = renderLines({[entry.key]: entry.value}, {column: at, step})
  return [insertLines(text, afterComments(text, nextLine(text, end), at), lines)]
}

function insertIntoFlow(
  layout: Layout,
  map: MapPlace,
  entry: {readonly key: string; readonly value: Json},
): readonly Splice[] {
  const {text} = layout
  const items: readonly CST.CollectionItem[] = map.source.items
  const last = items.findLast(item => item.key || item.sep)
  const written = renderFlowEntry(entry.key, entry.value, isJsonItem(last ?? map.owner?.item))
  if (!last) return [insertion(map.source.offset + 1, written)]
  const end = itemEnd(last, text) ?? itemStart(last)
  const comma = items[items.indexOf(last) + 1]?.start.find(token => token.type === 'comma')
  const stop = lineEnd(text, end)
  const closing = tokenEnd(map.source, text) ?? text.length
  const rest = text.slice(comma ? comma.offset + 1 : end, stop)
  const endsLine = closing > stop && /^\s*(?:#.*)?$/.test(rest)
  if (!endsLine) return [insertion(end, `, ${written}`)]
  const indent = ' '.repeat(column(text, itemStart(last)))
  const line = `${lineBreakOf(text)}${indent}${written}`
  return comma ? [insertion(stop, `${line},`)] : [insertion(end, ','), insertion(stop, line)]
}

/** Lines for a value whose key stands alone on its line. */
function childLines(
  layout: Layout,
  pair: PairPlace,
  input: {readonly after: number; readonly value: Json},
): Splice {
  const {text, step} = layout
  const at = childColumn(layout, pair)
  const start = afterComments(text, nextLine(text, input.after), at)
  return insertLines(text, start, renderLines(input.value, {column: at, step}))
}

function childColumn({text, step}: Layout, pair: PairPlace): number {
  const own = column(text, itemStart(pair.item))
  const start = pair.item.value && valueStart(pair.item.value)
  const isBelow = start !== undefined && text.slice(itemStart(pair.item), start).includes('\n')
  const present = isBelow ? column(text, start) : 0
  return present > own ? present : own + step
}

function valueStart(token: CST.Token): number {
  if (token.type !== 'block-map' && token.type !== 'block-seq') return token.offset
  const [first] = token.items
  return first ? itemStart(first) : token.offset
}

function isJsonItem(item: CST.CollectionItem | undefined): boolean {
  return item?.key?.type === 'double-quoted-scalar'
}

function insertion(at: number, text: string): Splice {
  return {start: at, end: at, text}
}
