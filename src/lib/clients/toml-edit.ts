import {isJsonObject, type Json, type JsonObject} from '../base/json.ts'
import {
  applySplices,
  lineBreakOf,
  lineEnd,
  lineStart,
  nextLine,
  type Splice,
} from '../files/yaml-text.ts'
import type {Path} from './become.ts'
import {cutItem, insertItem, type Brackets, type Look} from './brackets.ts'
import {scanToml, type Statement, type TomlNode} from './toml-scan.ts'

/** Writes a value at a place whose surroundings exist. */
export function setToml(text: string, path: Path, value: Json): string {
  const statements = scanToml(text)
  const inline = inlineOf(statements, path)
  if (inline)
    return applySplices(text, setInline(text, inline.value, path.slice(inline.at.length), value))
  const line = `${renderKey(String(path.at(-1)))} = ${renderValue(value)}`
  const parent = path.slice(0, -1)
  const header = statements.findLast(one => one.kind !== 'pair' && isSame(one.at, parent))
  if (header) return withLine(text, lastOf(statements, header), line)
  const sibling = statements.findLast(
    one => one.kind === 'pair' && isUnder(one.at, parent) && isUnder(parent, one.under),
  )
  if (!sibling) return text
  const dotted = path.slice(sibling.under.length).map(part => renderKey(String(part)))
  return withLine(text, sibling, `${dotted.join('.')} = ${renderValue(value)}`)
}

/** Puts an item into a list that stands between brackets, before the one that is at its place, or at the end. */
export function insertToml(text: string, path: Path, value: Json): string {
  const list = inlineOf(scanToml(text), path)
  if (!list) return text
  const rest = path.slice(list.at.length)
  return applySplices(text, insertInline(text, list.value, {rest, value}))
}

/** Takes a value out, with all the tables that it is made of. */
export function removeToml(text: string, path: Path): string {
  const statements = scanToml(text)
  const inline = inlineOf(statements, path)
  if (inline && inline.at.length < path.length) {
    return applySplices(text, cutInline(text, inline.value, path.slice(inline.at.length)))
  }
  const cuts = statements
    .filter(one => isUnder(one.at, path))
    .filter(one => one.kind !== 'pair' || !isUnder(one.under, path))
    .map(one =>
      cutLinesOf(
        text,
        one.kind === 'pair' ? {from: one, to: one} : {from: one, to: lastOf(statements, one)},
      ),
    )
  return applySplices(text, joined(cuts))
}

/** A new entry: a table at the end, or where the others are when these are written in another way. */
export function appendTable(
  text: string,
  entry: {path: Path; spot: Path; entry: JsonObject; isItem: boolean},
): string {
  const statements = scanToml(text)
  const inline = inlineOf(statements, entry.spot)
  if (inline && inline.value.kind !== 'plain') return setToml(text, entry.spot, entry.entry)
  const parent = entry.spot.slice(0, -1)
  const around = statements.filter(one => isUnder(one.at, parent))
  const isDotted =
    around.length > 0 && around.every(one => one.kind === 'pair' && !isUnder(one.under, parent))
  if (isDotted) return setToml(text, entry.spot, entry.entry)
  const eol = lineBreakOf(text)
  const name = entry.path.map(part => renderKey(String(part))).join('.')
  const lines = [
    entry.isItem ? `[[${name}]]` : `[${name}]`,
    ...Object.entries(entry.entry).map(
      ([key, value]) => `${renderKey(key)} = ${renderValue(value ?? null)}`,
    ),
  ]
  if (text === '') return lines.join(eol) + eol
  // A blank line always, also behind another one: the removal takes one away.
  return text.endsWith('\n')
    ? text + eol + lines.join(eol) + eol
    : text + eol + eol + lines.join(eol)
}

interface Inline {
  readonly at: Path
  readonly value: TomlNode
}

/** The pair that holds a place, or is it. */
function inlineOf(statements: readonly Statement[], path: Path): Inline | undefined {
  const found = statements.find(({kind, at}) => kind === 'pair' && isUnder(path, at))
  return found?.value && {at: found.at, value: found.value}
}

function setInline(text: string, node: TomlNode, rest: Path, value: Json): readonly Splice[] {
  if (rest.length === 0) return [{start: node.start, end: node.end, text: renderValue(value)}]
  const found = memberOf(node, rest)
  if (found) return setInline(text, found.value, rest.slice(found.length), value)
  return addMember(text, node, {rest, value})
}

function insertInline(
  text: string,
  node: TomlNode,
  {rest, value}: {rest: Path; value: Json},
): readonly Splice[] {
  const found = rest.length > 1 ? memberOf(node, rest) : undefined
  return found
    ? insertInline(text, found.value, {rest: rest.slice(found.length), value})
    : addMember(text, node, {rest, value})
}

function addMember(
  text: string,
  node: TomlNode,
  {rest, value}: {rest: Path; value: Json},
): readonly Splice[] {
  const [index] = rest
  const head =
    typeof index === 'number' ? '' : `${rest.map(part => renderKey(String(part))).join('.')} = `
  const written = head + renderValue(value)
  const look: Look = {
    lines: () => written,
    line: () => written,
    gap: ' ',
    step: '  ',
    isOpen: false,
  }
  const isSpaced = node.kind === 'map' && node.members.length === 0
  const spaced = {...look, line: () => (isSpaced ? ` ${written} ` : written)}
  return insertItem(text, bracketsOf(node), spaced, typeof index === 'number' ? index : undefined)
}

function cutInline(text: string, node: TomlNode, rest: Path): readonly Splice[] {
  const found = memberOf(node, rest)
  if (!found) return []
  const left = rest.slice(found.length)
  return left.length === 0
    ? cutItem(text, bracketsOf(node), found.index)
    : cutInline(text, found.value, left)
}

function memberOf(
  node: TomlNode,
  rest: Path,
): {value: TomlNode; length: number; index: number} | undefined {
  if (node.kind === 'list') {
    const index = Number(rest[0])
    const item = node.members[index]
    return item && {value: item.value, length: 1, index}
  }
  const index = node.members.findIndex(({path}) => isUnder(rest, path))
  const member = node.members[index]
  return member && {value: member.value, length: member.path.length, index}
}

function bracketsOf(node: TomlNode): Brackets {
  return {open: node.start, close: node.end - 1, items: node.members}
}

/** The last statement that stands under a header. */
function lastOf(statements: readonly Statement[], header: Statement): Statement {
  const rest = statements.slice(statements.indexOf(header) + 1)
  const next = rest.findIndex(one => one.kind !== 'pair')
  return (next === -1 ? rest : rest.slice(0, next)).at(-1) ?? header
}

function withLine(text: string, after: Statement, line: string): string {
  const stop = lineEnd(text, after.end)
  const indent = text.slice(lineStart(text, after.start), after.start)
  return text.slice(0, stop) + lineBreakOf(text) + indent + line + text.slice(stop)
}

function cutLinesOf(text: string, {from, to}: {from: Statement; to: Statement}): Splice {
  let start = lineStart(text, from.start)
  const end = nextLine(text, to.end)
  if (from.kind !== 'pair' && start > 0) {
    const above = lineStart(text, start - 1)
    if (text.slice(above, start).trim() === '') start = above
  }
  // At an end without line break, the one before goes instead.
  if (text[end - 1] !== '\n') start = lineEnd(text, start - 1)
  return {start, end, text: ''}
}

/** Cuts that touch, as one. */
function joined(cuts: readonly Splice[]): readonly Splice[] {
  const out: Splice[] = []
  for (const next of cuts.toSorted((a, b) => a.start - b.start)) {
    const last = out.at(-1)
    if (last && next.start <= last.end)
      out[out.length - 1] = {...last, end: Math.max(last.end, next.end)}
    else out.push(next)
  }
  return out
}

function isSame(a: Path, b: Path): boolean {
  return a.length === b.length && isUnder(a, b)
}

function isUnder(path: Path, top: Path): boolean {
  return top.every((part, index) => path[index] === part)
}

function renderKey(key: string): string {
  return /^[\w-]+$/.test(key) ? key : renderText(key)
}

function renderText(text: string): string {
  return JSON.stringify(text).replaceAll('\u007F', String.raw`\u007f`)
}

function renderValue(value: Json): string {
  if (typeof value === 'string') return renderText(value)
  if (Array.isArray(value)) return `[${value.map(renderValue).join(', ')}]`
  if (!isJsonObject(value)) return String(value)
  const members = Object.entries(value).map(
    ([key, member]) => `${renderKey(key)} = ${renderValue(member ?? null)}`,
  )
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`
}
