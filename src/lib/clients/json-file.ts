import {isJsonObject, type Json, type JsonObject} from '../base/json.ts'
import {applySplices, lineBreakOf, lineStart, type Splice} from '../files/yaml-text.ts'
import {become, type Path, type Writer} from './become.ts'
import {cutItem, indentBefore, insertItem, type Look} from './brackets.ts'
import {inLine, inLines} from './json-render.ts'
import {bracketsOf, childOf, invalid, treeOf, valueOf, type JsonNode} from './json-tree.ts'
import {
  BOM,
  bodyOf,
  cannotEdit,
  changed,
  depthOf,
  emptiedPath,
  entryIn,
  indexIn,
  containerIn,
  verified,
  writtenEntry,
  type Change,
  type FileFormat,
} from './change.ts'

/** JSON, with comments and trailing commas where somebody wrote some. */
export const jsonFile: FileFormat = {
  read: readJson,
  edit: (text, change, file) => {
    const before = readJson(text, file)
    const after = editJson(text, before, change, file)
    return after === text ? text : verified({format: jsonFile, before: text, file}, change, after)
  },
}

function readJson(text: string, file: string): JsonObject {
  // Some files have megabytes, and the engine of JavaScript reads plain JSON many times as fast.
  const plain = plainJson(bodyOf(text))
  if (isJsonObject(plain)) return plain
  const root = treeOf(text, file)
  if (!root) return {}
  const value = valueOf(root)
  if (isJsonObject(value)) return value
  throw invalid({text, file, offset: root.offset}, 'the top is not a map of keys')
}

function plainJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // It may have comments; if it is broken, the other reader says where.
    return undefined
  }
}

function editJson(text: string, before: JsonObject, change: Change, file: string): string {
  const {container, key, list} = change
  const entry = writtenEntry(change)
  const current = entryIn(before, change, file)
  const holder = containerIn(before, change, file)
  const index = Array.isArray(holder) ? indexIn(holder, change) : -1
  const place: Path = [...container, list ? index : key]
  const write = (next: string, path: Path, value: Json | undefined) =>
    setAt(next, {path, value, file, change})
  const writer: Writer = {
    set: write,
    remove: (next, path) => write(next, path, undefined),
    insert: (next, path, value) => setAt(next, {path, value, isNew: true, file, change}),
  }
  if (entry === undefined) {
    if (current === undefined) return text
    const without = write(text, place, undefined)
    const emptied = emptiedPath(changed(before, {...change, keep: undefined}, file), change)
    return emptied.length === 0 ? without : write(without, emptied, undefined)
  }
  if (current !== undefined) return become(text, {path: place, current, wanted: entry}, writer)
  const depth = holder === undefined ? filledDepth(before, container) : container.length
  const rest = container.slice(depth)
  if (rest.length > 0) {
    const inner = list ? [entry] : {[key]: entry}
    const value = rest.slice(1).reduceRight<Json>((nested, name) => ({[name]: nested}), inner)
    return write(text, container.slice(0, depth + 1), value)
  }
  return write(text, [...container, list && Array.isArray(holder) ? holder.length : key], entry)
}

/** How far the container leads until there is nothing, or null. */
function filledDepth(root: JsonObject, container: readonly string[]): number {
  let node: Json | undefined = root
  for (const [depth, key] of container.entries()) {
    node = isJsonObject(node) && Object.hasOwn(node, key) ? node[key] : undefined
    if (node === undefined || node === null) return Math.min(depth, depthOf(root, container))
  }
  return container.length
}

function setAt(
  text: string,
  wish: {
    path: Path
    value: Json | undefined
    /** An item is put before the one that is there. */
    isNew?: boolean
    file: string
    change: Change
  },
): string {
  const {path, value, isNew = false, file, change} = wish
  const root = treeOf(text, file)
  const step = stepOf(text, root)
  if (!root) return fillTop(text, {step, value: nest(path, value ?? {})})
  let node = root
  for (const name of path.slice(0, -1)) {
    const next = childOf({text, file}, node, name)
    if (!next) throw cannotEdit(file, change, 'its place was not found')
    node = next
  }
  const name = path.at(-1) ?? ''
  const found = isNew ? undefined : childOf({text, file}, node, name)
  const brackets = bracketsOf(text, node)
  if (value === undefined) {
    const at = (node.children ?? []).findIndex(
      child => child === found || child.children?.[1] === found,
    )
    return applySplices(text, found ? cutItem(text, brackets, at) : [])
  }
  const look = lookOf(text, {root, node, step}, {name, value})
  const index = typeof name === 'number' ? name : undefined
  if (!found) return applySplices(text, insertItem(text, brackets, look, index))
  return applySplices(text, [replacement(text, {found, step, value, isTight: look.gap === ''})])
}

function nest(path: Path, value: Json): Json {
  return path.reduceRight<Json>((inner, key) => ({[key]: inner}), value)
}

function replacement(
  text: string,
  {found, step, value, isTight}: {found: JsonNode; step: string; value: Json; isTight: boolean},
): Splice {
  const end = found.offset + found.length
  const isOpen = text.slice(found.offset, end).includes('\n')
  const indent = /^[ \t]*/.exec(text.slice(lineStart(text, found.offset)))?.[0] ?? ''
  const isEmpty =
    (found.type === 'object' || found.type === 'array' || found.type === 'null') &&
    !found.children?.length
  const written =
    isOpen || (isEmpty && text.includes('\n') && !isTight)
      ? inLines(text, {value, step, indent})
      : inLine(value, isTight)
  return {start: found.offset, end, text: written}
}

/** How a new member is written: as its neighbours are. */
function lookOf(
  text: string,
  {root, node, step}: {root: JsonNode; node: JsonNode; step: string},
  {name, value}: {name: string | number; value: Json},
): Look {
  const rootText = text.slice(root.offset, root.offset + root.length)
  const isTight = /[^\s{[,:]/.test(rootText) && isCompact(text, root)
  const colon = isTight ? ':' : ': '
  const head = typeof name === 'number' ? '' : JSON.stringify(name) + colon
  const hasContent = (root.children ?? []).length > 0
  return {
    lines: indent => head + inLines(text, {value, step, indent}),
    line: () => head + inLine(value, isTight),
    gap: isTight ? '' : ' ',
    step,
    isOpen: rootText.includes('\n') || (node === root && !hasContent),
  }
}

/** Whether the first member is written without a space behind its colon. */
function isCompact(text: string, root: JsonNode): boolean {
  const [first] = root.children ?? []
  const [key, value] = first?.children ?? []
  if (!key || !value) return false
  const between = text.slice(key.offset + key.length, value.offset)
  return between === ':' && !text.slice(root.offset, root.offset + root.length).includes('\n')
}

function fillTop(text: string, {step, value}: {step: string; value: Json}): string {
  const eol = lineBreakOf(text)
  const body = inLines(text, {value, step, indent: ''}) + eol
  const isFresh = text === '' || text === BOM || text.endsWith('\n')
  return text + (isFresh ? '' : eol) + body
}

/** The white space of the first member that has a line of its own. */
function stepOf(text: string, root: JsonNode | undefined): string {
  const [first] = root?.children ?? []
  const indent = first && indentBefore(text, first.offset)
  const outer = root ? (/^[ \t]*/.exec(text.slice(lineStart(text, root.offset)))?.[0] ?? '') : ''
  const step = indent?.startsWith(outer) ? indent.slice(outer.length) : ''
  return step === '' ? '  ' : step
}
