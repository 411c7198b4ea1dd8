import type {CST} from 'yaml'

/** A replacement of `text.slice(start, end)`. */
export interface Splice {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** Carries out replacements that do not overlap; those at the same place follow in the order given. */
export function applySplices(text: string, splices: readonly Splice[]): string {
  let out = ''
  let done = 0
  for (const splice of splices.toSorted((a, b) => a.start - b.start)) {
    out += text.slice(done, splice.start) + splice.text
    done = splice.end
  }
  return out + text.slice(done)
}

/** Puts whole lines at `at`, the start of a line or the end of the text; a text without final newline stays so. */
export function insertLines(text: string, at: number, lines: readonly string[]): Splice {
  const eol = lineBreakOf(text)
  const body = lines.join(eol)
  const isLineStart = at === 0 || text[at - 1] === '\n'
  return {start: at, end: at, text: isLineStart ? body + eol : eol + body}
}

/** Takes away the lines from the one that holds `start` up to `to`, the start of a line or the end of the text. */
export function cutLines(text: string, start: number, to: number): Splice {
  const from = lineStart(text, start)
  const hadFinalBreak = text[to - 1] === '\n'
  return {start: hadFinalBreak ? from : lineEnd(text, from - 1), end: to, text: ''}
}

/** The line break of the first line; a plain newline when there is none. */
export function lineBreakOf(text: string): string {
  const first = text.indexOf('\n')
  return first > 0 && text[first - 1] === '\r' ? '\r\n' : '\n'
}

/** Where the line that holds `offset` starts. */
export function lineStart(text: string, offset: number): number {
  return offset <= 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1
}

/** Where the line that holds `offset` ends, before its line break. */
export function lineEnd(text: string, offset: number): number {
  if (offset < 0) return 0
  const next = text.indexOf('\n', offset)
  if (next === -1) return text.length
  return text[next - 1] === '\r' ? next - 1 : next
}

/** Where the line after the one that holds `offset` starts; the end of the text when there is none. */
export function nextLine(text: string, offset: number): number {
  const next = text.indexOf('\n', offset)
  return next === -1 ? text.length : next + 1
}

/** Skips comment lines from `from`, the start of a line, that are indented by `indent` or more. */
export function afterComments(text: string, from: number, indent: number): number {
  let at = from
  while (at < text.length) {
    const line = text.slice(at, lineEnd(text, at))
    const depth = line.search(/\S/)
    if (depth < indent || line[depth] !== '#') break
    at = nextLine(text, at)
  }
  return at
}

/** How far from the start of its line an offset is. */
export function column(text: string, offset: number): number {
  return offset - lineStart(text, offset)
}

/** Where an item's own text starts: after the comments and line breaks before it. */
export function itemStart(item: CST.CollectionItem): number {
  return firstOf(item.start)?.offset ?? item.key?.offset ?? item.sep?.[0]?.offset ?? 0
}

/** Where an item's own text ends: before the comments and line breaks after it; undefined when it has none. */
export function itemEnd(item: CST.CollectionItem, text: string): number | undefined {
  return (
    (item.value ? tokenEnd(item.value, text) : undefined) ??
    propertiesEnd(item) ??
    (item.key ? tokenEnd(item.key, text) : undefined) ??
    endOf(item.start.findLast(isSolid))
  )
}

/** Where the colon of an item, and an anchor or tag after it, ends; undefined when it has none of them. */
export function propertiesEnd(item: CST.CollectionItem): number | undefined {
  return endOf(item.sep?.findLast(isSolid))
}

/** Where a node's own text ends; undefined for a node without text. */
export function tokenEnd(token: CST.Token, text: string): number | undefined {
  if (token.type === 'block-map' || token.type === 'block-seq') return lastEnd(token.items, text)
  if (token.type === 'block-scalar') return blockScalarEnd(token, text)
  if (token.type === 'flow-collection') {
    return endOf(token.end.find(({type}) => type === 'flow-map-end' || type === 'flow-seq-end'))
  }
  return 'source' in token && token.source !== '' ? token.offset + token.source.length : undefined
}

/** Empty lines after a block scalar are its content only when its header says keep (`+`). */
function blockScalarEnd(token: CST.BlockScalar, text: string): number {
  const header = token.props.find(part => part.type === 'block-scalar-header')
  const last = token.props.at(-1)
  const start = last && 'source' in last ? last.offset + last.source.length : token.offset
  const content = text.slice(header?.offset ?? token.offset, start + token.source.length)
  const keeps = header && 'source' in header && header.source.includes('+')
  const shown = keeps ? content.replace(/\r?\n$/, '') : content.replace(/(?:\r?\n[ \t]*)+$/, '')
  return (header?.offset ?? token.offset) + shown.length
}

function lastEnd(items: readonly CST.CollectionItem[], text: string): number | undefined {
  for (const item of items.toReversed()) {
    const end = itemEnd(item, text)
    if (end !== undefined) return end
  }
  return undefined
}

function firstOf(tokens: readonly CST.SourceToken[]): CST.SourceToken | undefined {
  return tokens.find(isSolid)
}

function endOf(token: CST.SourceToken | undefined): number | undefined {
  return token && token.offset + token.source.length
}

function isSolid(token: CST.SourceToken): boolean {
  return !['space', 'newline', 'comment', 'comma'].includes(token.type)
}
