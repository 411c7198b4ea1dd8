import {parse, TomlError} from 'smol-toml'
import {PluginError} from '../base/errors.ts'
import type {Json, JsonObject} from '../base/json.ts'
import {become, type Writer} from './become.ts'
import {
  BOM,
  bodyOf,
  changed,
  containerIn,
  depthOf,
  emptiedPath,
  entryIn,
  indexIn,
  verified,
  writtenEntry,
  type Change,
  type FileFormat,
} from './change.ts'
import {appendTable, insertToml, removeToml, setToml} from './toml-edit.ts'

const MAX_DEPTH = 200

const WRITER: Writer = {set: setToml, remove: removeToml, insert: insertToml}

/** TOML: tables of servers, arrays of them, and inline ones. */
export const tomlFile: FileFormat = {
  read: readToml,
  edit: (text, change, file) => {
    const before = readToml(text, file)
    const mark = text.startsWith(BOM) ? BOM : ''
    const after = mark + editToml(text.slice(mark.length), before, change, file)
    if (after === text) return text
    // A table that only its sub-tables made goes with the last of them.
    const left = depthOf(readToml(after, file), change.container)
    const keep = Math.min(change.keep ?? change.container.length, left)
    return verified({format: tomlFile, before: text, file}, {...change, keep}, after)
  },
}

function readToml(text: string, file: string): JsonObject {
  try {
    const body = bodyOf(text)
    return asMap(parse(body, {integersAsBigInt: 'asNeeded', maxDepth: MAX_DEPTH}))
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause
    const [reason = ''] = cause.message.replace('Invalid TOML document: ', '').split('\n')
    const place = `${file}:${cause.line}:${cause.column}`
    throw new PluginError('FILE_INVALID', `${place}: this is not TOML (${reason.slice(0, 200)})`, {
      hint: 'correct the file at that place',
      cause,
    })
  }
}

function editToml(text: string, before: JsonObject, change: Change, file: string): string {
  const {container, key, list} = change
  const entry = writtenEntry(change)
  const current = entryIn(before, change, file)
  const holder = containerIn(before, change, file)
  const index = Array.isArray(holder) ? indexIn(holder, change) : -1
  const place = [...container, list ? index : key]
  if (entry === undefined) {
    if (current === undefined) return text
    const without = removeToml(text, place)
    const emptied = emptiedPath(changed(before, {...change, keep: undefined}, file), change)
    return emptied.length === 0 ? without : removeToml(without, emptied)
  }
  if (current !== undefined) {
    return become(text, {path: place, current, wanted: entry}, WRITER)
  }
  const spot = [...container, Array.isArray(holder) ? holder.length : key]
  return appendTable(text, {
    path: list ? [...container] : [...container, key],
    spot,
    entry,
    isItem: list !== undefined,
  })
}

function asMap(table: object): JsonObject {
  return Object.fromEntries(Object.entries(table).map(([key, value]) => [key, asJson(value)]))
}

/** Dates, and numbers that JSON does not have, as the text that they are. */
function asJson(value: unknown): Json {
  if (typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number' && Number.isFinite(value)) return value
  if (Array.isArray(value)) return value.map(asJson)
  if (value instanceof Date) return value.toISOString()
  return typeof value === 'object' && value !== null ? asMap(value) : String(value)
}
