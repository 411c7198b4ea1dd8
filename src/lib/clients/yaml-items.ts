import {isJsonObject, type Json} from '../base/json.ts'
import {renderInline} from '../files/yaml-render.ts'
import {yamlSequence, type YamlItem} from '../files/yaml-sequence.ts'
import {
  applySplices,
  column,
  insertLines,
  lineBreakOf,
  lineEnd,
  lineStart,
  nextLine,
  type Splice,
} from '../files/yaml-text.ts'
import {cutItem, insertItem} from './brackets.ts'

/** An item of a list: the keys that lead to the list, and the place in it. */
export interface ItemPlace {
  readonly keys: readonly string[]
  readonly index: number
}

/**
 * Whether a list is there as such, not as an alias, with nothing in it but words that can be changed alone.
 * @param items those that the list is read as
 */
export function hasYamlWords(
  text: string,
  keys: readonly string[],
  items: readonly Json[],
): boolean {
  const written = yamlSequence(text, keys)?.items ?? []
  return (
    written.length === items.length &&
    written.every(({value}) => value !== undefined) &&
    !items.some(item => isJsonObject(item) || Array.isArray(item))
  )
}

/**
 * Gives an item of a list of words another value.
 * @param place in a list that {@link hasYamlWords}
 * @returns the new text; the same text when there is no such item
 */
export function setYamlWord(text: string, place: ItemPlace, value: Json): string {
  const item = yamlSequence(text, place.keys)?.items[place.index]
  if (item?.value === undefined) return text
  return applySplices(text, [{start: item.value, end: item.end, text: wordLike(item, value)}])
}

/**
 * Puts an item before the one that is at its place, or at the end. The comments before an item stay with it.
 * @param place like that of {@link setYamlWord}
 */
export function insertYamlWord(text: string, place: ItemPlace, value: Json): string {
  const list = yamlSequence(text, place.keys)
  const [first] = list?.items ?? []
  if (!list || !first) return text
  const before = list.items[place.index - 1]
  const word = wordLike(before ?? first, value)
  if (list.isFlow) {
    const look = {lines: () => word, line: () => word, gap: ' ', step: '  ', isOpen: false}
    return applySplices(text, insertItem(text, list, look, place.index))
  }
  const at = before ? nextLine(text, before.end) : aboveComments(text, lineStart(text, first.start))
  const indent = ' '.repeat(column(text, first.start))
  return applySplices(text, [insertLines(text, at, [`${indent}- ${word}`])])
}

/**
 * Takes an item out. The comments behind its dash and behind itself stay, each on a line of its own.
 * @param place like that of {@link setYamlWord}
 */
export function removeYamlWord(text: string, place: ItemPlace): string {
  const list = yamlSequence(text, place.keys)
  const item = list?.items[place.index]
  if (!list || !item) return text
  return applySplices(text, list.isFlow ? cutItem(text, list, place.index) : [cutDash(text, item)])
}

function cutDash(text: string, {start, value = start, end}: YamlItem): Splice {
  const stop = lineEnd(text, end)
  const around = [...text.slice(start, value).split('\n'), text.slice(end, stop)]
  const comments = around.flatMap(line => /(?<=\s)#.*/.exec(line)?.[0].trimEnd() ?? [])
  if (comments.length > 0) {
    const next = lineBreakOf(text) + ' '.repeat(column(text, start))
    return {start, end: stop, text: comments.join(next)}
  }
  // At an end without line break, the one before goes instead.
  return stop === text.length
    ? {start: lineEnd(text, lineStart(text, start) - 1), end: stop, text: ''}
    : {start: lineStart(text, start), end: nextLine(text, end), text: ''}
}

/** Written as a neighbour is: in double quotes, or plain where that is the same. */
function wordLike({isQuoted}: YamlItem, value: Json): string {
  return renderInline(value, isQuoted)
}

function aboveComments(text: string, from: number): number {
  let at = from
  while (at > 0 && /^[ \t]*#/.test(text.slice(lineStart(text, at - 1), at))) {
    at = lineStart(text, at - 1)
  }
  return at
}
