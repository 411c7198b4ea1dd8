import {lineBreakOf, lineEnd, lineStart, type Splice} from '../files/yaml-text.ts'

/** What stands between two brackets, in JSON or in TOML. */
export interface Brackets {
  /** Where the bracket that opens is. */
  readonly open: number
  /** Where the one that closes is. */
  readonly close: number
  readonly items: readonly Item[]
}

interface Item {
  readonly start: number
  readonly end: number
  /** Where the comma behind it is. */
  readonly comma?: number | undefined
}

/** How an item is written. */
export interface Look {
  /** For a place where every item has a line of its own; `indent` is the white space before it. */
  lines(indent: string): string
  /** For a place on one line. */
  line(): string
  /** What stands between a comma and the next item on one line. */
  readonly gap: string
  /** The white space by which each level is deeper. */
  readonly step: string
  /** Whether the first item between empty brackets gets a line of its own. */
  readonly isOpen: boolean
}

/**
 * Adds an item behind another one, written as that is; the comments before the next item stay with that.
 * @param index its place; at the end when not given
 */
export function insertItem(
  text: string,
  brackets: Brackets,
  look: Look,
  index = brackets.items.length,
): readonly Splice[] {
  const [first] = brackets.items
  if (!first) return fill(text, brackets, look)
  const last = brackets.items[index - 1]
  if (!last) return insertFirst(text, brackets, {look, first})
  const after = last.comma === undefined ? last.end : last.comma + 1
  const indent = indentBefore(text, last.start)
  if (indent === undefined) {
    return last.comma === undefined
      ? [at(last.end, `,${look.gap}${look.line()}`)]
      : [at(after, `${look.gap}${look.line()},`)]
  }
  const stop = endOfComments(text, after, brackets.close)
  const line = lineBreakOf(text) + indent + look.lines(indent)
  return last.comma === undefined ? [at(last.end, ','), at(stop, line)] : [at(stop, `${line},`)]
}

function insertFirst(
  text: string,
  {open, close}: Brackets,
  {look, first}: {look: Look; first: Item},
): readonly Splice[] {
  const indent = indentBefore(text, first.start)
  if (indent === undefined) {
    const [space = ''] = /^[ \t]*/.exec(text.slice(open + 1)) ?? []
    return [at(open + 1 + space.length, `${look.line()},${look.gap}`)]
  }
  const stop = endOfComments(text, open + 1, close)
  return [at(stop, `${lineBreakOf(text)}${indent}${look.lines(indent)},`)]
}

/** Takes an item away, with its comma and its line when nothing else is on that. */
export function cutItem(text: string, brackets: Brackets, index: number): readonly Splice[] {
  return cutsOf(text, brackets, index).map(splice => tidied(text, splice))
}

/** A cut at the end of a line takes the blanks before it too, and the line when nothing else was on it. */
function tidied(text: string, splice: Splice): Splice {
  const [blank = ''] = /^[ \t]*(?=\r?\n)/.exec(text.slice(splice.end)) ?? []
  if (blank === '' && lineEnd(text, splice.end) !== splice.end) return splice
  const start = text.slice(0, splice.start).replace(/[ \t]+$/, '').length
  const from = start > 0 && start === lineStart(text, start) ? lineEnd(text, start - 1) : start
  return {...splice, start: from, end: splice.end + blank.length}
}

function cutsOf(text: string, brackets: Brackets, index: number): readonly Splice[] {
  const {items} = brackets
  const [before, item] = [items[index - 1], items[index]]
  if (!item) return []
  const end = item.comma === undefined ? item.end : item.comma + 1
  if (items.length === 1) {
    const inner = text.slice(brackets.open + 1, item.start) + text.slice(end, brackets.close)
    if (inner.trim() === '' && text.slice(item.end, end).trim().length <= 1) {
      return [{start: brackets.open + 1, end: brackets.close, text: ''}]
    }
  }
  // The last one without a comma behind it takes the one before it.
  const isLast = item.comma === undefined && before?.comma !== undefined
  const comma = isLast ? [cut(before.comma ?? 0, (before.comma ?? 0) + 1)] : []
  const own = item.comma === undefined ? [] : [cut(item.comma, item.comma + 1)]
  const isAlone =
    indentBefore(text, item.start) !== undefined &&
    text.slice(end, lineEnd(text, end)).trim() === ''
  const isPlain = text.slice(item.end, end).trim().length <= 1
  if (isAlone && isPlain)
    return [...comma, cut(lineEnd(text, lineStart(text, item.start) - 1), lineEnd(text, end))]
  if (isLast && text.slice((before.comma ?? 0) + 1, item.start).trim() === '') {
    return [cut(before.comma ?? 0, item.end)]
  }
  const behind = items[index + 1] ? undefined : before?.comma
  if (behind !== undefined && isPlain && text.slice(behind + 1, item.start).trim() === '') {
    return [cut(behind + 1, end)]
  }
  if (!isPlain) return [...comma, cut(item.start, item.end), ...own]
  const next = items[index + 1]
  const isNear =
    next && text.slice(end, next.start).trim() === '' && !text.slice(end, next.start).includes('\n')
  if (isNear) return [...comma, cut(item.start, next.start)]
  // A comment that is left alone on the line stands where the item did.
  const isFirst = indentBefore(text, item.start) !== undefined
  const blank = isFirst ? (/^[ \t]*/.exec(text.slice(end))?.[0].length ?? 0) : 0
  return [...comma, cut(item.start, end + blank)]
}

function fill(text: string, {open, close}: Brackets, look: Look): readonly Splice[] {
  const inner = text.slice(open + 1, close)
  const outer = /^[ \t]*/.exec(text.slice(lineStart(text, open)))?.[0] ?? ''
  const indent = outer + look.step
  const eol = lineBreakOf(text)
  if (inner.trim() === '') {
    const written = look.isOpen ? eol + indent + look.lines(indent) + eol + outer : look.line()
    return [{start: open + 1, end: close, text: written}]
  }
  // There are only comments: it goes below them.
  const stop = open + 1 + inner.trimEnd().length
  return inner.includes('\n')
    ? [at(stop, eol + indent + look.lines(indent))]
    : [at(stop, eol + indent + look.lines(indent) + eol + outer)]
}

/** A comment behind an item stays on its line. */
function endOfComments(text: string, from: number, close: number): number {
  const end = lineEnd(text, from)
  if (end > close) return from
  const rest = text.slice(from, end)
  const isComment = /^\s*(?:\/\*(?:[^*]|\*(?!\/))*\*\/\s*)*(?:\/\/.*|#.*)?$/.test(rest)
  return isComment ? end : from
}

/** The white space before the first thing on a line; undefined when something else is before it. */
export function indentBefore(text: string, offset: number): string | undefined {
  const start = lineStart(text, offset)
  const before = text.slice(start, offset)
  return start > 0 && before.trim() === '' ? before : undefined
}

function at(offset: number, text: string): Splice {
  return {start: offset, end: offset, text}
}

function cut(start: number, end: number): Splice {
  return {start, end, text: ''}
}
