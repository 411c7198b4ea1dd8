import type {CST} from 'yaml'
import type {Layout, PairPlace} from './yaml-insert.ts'
import {
  afterComments,
  column,
  cutLines,
  itemEnd,
  itemStart,
  lineBreakOf,
  lineEnd,
  lineStart,
  nextLine,
  propertiesEnd,
  type Splice,
} from './yaml-text.ts'

/**
 * Takes a pair out of its map. A map that loses its last pair becomes `{}`.
 * @param emptyTop what stands where the map at the top was when it loses its last pair
 * @returns undefined when other text shares the pair's lines
 */
export function cutPair(
  {text}: Layout,
  pair: PairPlace,
  emptyTop: '{}' | '',
): readonly Splice[] | undefined {
  const {source, owner} = pair.map
  if (source.type === 'flow-collection') return cutFromFlow(text, source, pair.item)
  const start = itemStart(pair.item)
  // Only the marks of a key may stand before it on its line.
  if (!/^ *(?:\?\s+)?(?:[&!]\S*\s+)*$/.test(text.slice(lineStart(text, start), start)))
    return undefined
  const below = nextLine(text, itemEnd(pair.item, text) ?? start)
  // Comments that stand deeper than the key are inside its value, and go with it.
  const lines = cutLines(text, start, afterComments(text, below, column(text, start) + 1))
  if (hasOtherPairs(source, pair.item)) return [lines]
  if (owner === undefined) {
    return [emptyTop === '' ? lines : inPlaceOf(text, lines, indented(text, start, emptyTop))]
  }
  const colon = propertiesEnd(owner.item)
  if (colon === undefined) return undefined
  return [{start: colon, end: colon, text: ' {}'}, lines]
}

/** Puts a line where lines are cut, with the line break that they had before or behind them. */
function inPlaceOf(text: string, lines: Splice, line: string): Splice {
  const hasBreakBehind = text[lines.end - 1] === '\n'
  if (hasBreakBehind) return {...lines, text: line + lineBreakOf(text)}
  return {...lines, text: lines.start === 0 ? line : lineBreakOf(text) + line}
}

function indented(text: string, start: number, line: string): string {
  return ' '.repeat(column(text, start)) + line
}

function cutFromFlow(
  text: string,
  source: CST.FlowCollection,
  item: CST.CollectionItem,
): readonly Splice[] {
  const index = source.items.indexOf(item)
  const start = itemStart(item)
  const end = itemEnd(item, text) ?? start
  const after = commaOf(source.items[index + 1])
  const before = index > 0 ? commaOf(item) : undefined
  // The comma behind goes with the pair; the last pair takes the one before it.
  if (after !== undefined) {
    const isAdjacent = text.slice(end, after).trim() === ''
    if (isAdjacent) return [widen(text, {start, end: after + 1, text: ''})]
    return [widen(text, {start, end, text: ''}), {start: after, end: after + 1, text: ''}]
  }
  if (before === undefined) return [widen(text, {start, end, text: ''})]
  const isAdjacent = text.slice(before + 1, start).trim() === ''
  if (isAdjacent) return [{start: before, end, text: ''}]
  return [{start: before, end: before + 1, text: ''}, widen(text, {start, end, text: ''})]
}

/** Takes the whole line when nothing else is on it, else the spaces up to the next pair. */
function widen(text: string, cut: Splice): Splice {
  const from = lineStart(text, cut.start)
  const to = lineEnd(text, cut.end)
  const isAlone = text.slice(from, cut.start).trim() === '' && text.slice(cut.end, to).trim() === ''
  if (isAlone) return {...cut, start: from, end: nextLine(text, cut.end)}
  // A comment needs a space before it.
  const spaces = /^[ \t]*(?!\s|#)/.exec(text.slice(cut.end, to))?.[0].length ?? 0
  return {...cut, end: cut.end + spaces}
}

function hasOtherPairs(source: CST.BlockMap, item: CST.CollectionItem): boolean {
  return source.items.some(other => other !== item && (other.key || other.sep))
}

function commaOf(item: CST.CollectionItem | undefined): number | undefined {
  return item?.start.find(token => token.type === 'comma')?.offset
}
