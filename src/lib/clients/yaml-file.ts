import {isDeepStrictEqual} from 'node:util'
import {PluginError} from '../base/errors.ts'
import type {Json, JsonObject} from '../base/json.ts'
import {removeYamlKey, setYamlKey, undoYamlKey} from '../files/yaml-edit.ts'
import {appendYamlItem, editYamlItem, removeYamlItem} from '../files/yaml-list.ts'
import {parseYamlMap} from '../files/yaml.ts'
import {become, type Path, type Writer} from './become.ts'
import {
  BOM,
  BY_HAND,
  bodyOf,
  cannotEdit,
  changed,
  containerIn,
  emptiedPath,
  entryIn,
  indexIn,
  verified,
  writtenEntry,
  type Change,
  type FileFormat,
} from './change.ts'
import {
  hasYamlWords,
  insertYamlWord,
  removeYamlWord,
  setYamlWord,
  type ItemPlace,
} from './yaml-items.ts'

/** YAML: maps of servers at any depth, lists of them at the top. */
export const yamlFile: FileFormat = {
  read: (text, file) => parseYamlMap(bodyOf(text), file),
  edit: (text, change, file) => {
    const before = yamlFile.read(text, file)
    const mark = text.startsWith(BOM) ? BOM : ''
    const after = mark + editYaml(bodyOf(text), {before, change, file})
    return after === text ? text : verified({format: yamlFile, before: text, file}, change, after)
  },
}

interface Edit {
  readonly before: JsonObject
  readonly change: Change
  readonly file: string
}

function editYaml(text: string, edit: Edit): string {
  const {before, change, file} = edit
  const current = entryIn(before, change, file)
  if (change.value === undefined && current === undefined) return text
  const isDeep = change.container.length > 1
  if (change.list && isDeep) throw cannotEdit(file, change, 'the list is not at the top')
  try {
    return change.list ? editList(text, edit) : editMap(text, edit, current)
  } catch (cause) {
    if (!(cause instanceof PluginError)) throw cause
    // Who edits a text does not know whose it is.
    throw new PluginError(cause.code, `${file}: ${cause.message}`, {hint: BY_HAND, cause})
  }
}

function editMap(text: string, edit: Edit, current: Json | undefined): string {
  const {container, key, value} = edit.change
  const path = [...container, key]
  if (value !== undefined) return become(text, {path, current, wanted: value}, WRITER)
  return withoutEmpty(undoYamlKey(text, path), edit)
}

function editList(text: string, edit: Edit): string {
  const {before, change, file} = edit
  const [key = ''] = change.container
  const holder = containerIn(before, change, file)
  const index = Array.isArray(holder) ? indexIn(holder, change) : -1
  const entry = writtenEntry(change)
  if (entry === undefined) return withoutEmpty(removeYamlItem(text, key, index), edit)
  const current = Array.isArray(holder) ? holder[index] : undefined
  if (current === undefined) return appendYamlItem(text, key, entry)
  if (isDeepStrictEqual(current, entry)) return text
  return editYamlItem(text, {key, index}, item =>
    become(item, {path: [], current, wanted: entry}, WRITER),
  )
}

function withoutEmpty(text: string, {before, change, file}: Edit): string {
  const emptied = emptiedPath(changed(before, {...change, keep: undefined}, file), change)
  return emptied.length === 0 ? text : undoYamlKey(text, emptied)
}

const WRITER: Writer = {
  set: (text, path, value) => {
    const place = itemAt(path)
    return place ? setYamlWord(text, place, value) : setYamlKey(text, keysOf(path), value)
  },
  remove: (text, path) => {
    const place = itemAt(path)
    return place ? removeYamlWord(text, place) : removeYamlKey(text, keysOf(path))
  },
  insert: (text, path, value) => {
    const place = itemAt(path)
    return place ? insertYamlWord(text, place, value) : text
  },
  hasItems: (text, path, items) => hasYamlWords(text, keysOf(path), items),
}

/** Undefined for a key of a map. */
function itemAt(path: Path): ItemPlace | undefined {
  const index = path.at(-1)
  return typeof index === 'number' ? {keys: keysOf(path.slice(0, -1)), index} : undefined
}

function keysOf(path: Path): readonly string[] {
  return path.filter(part => typeof part === 'string')
}
