import {isDeepStrictEqual} from 'node:util'
import {PluginError} from '../base/errors.ts'
import {isJsonObject, type Json, type JsonObject} from '../base/json.ts'

/** What is to become of one entry in a client's file. */
export interface Change {
  /** The keys that lead to the map or list of servers; at least one. */
  readonly container: readonly string[]
  /** The name of the entry there. */
  readonly key: string
  /** Undefined removes the entry. */
  readonly value: JsonObject | undefined
  /** The container is a list of maps, each with its name under this key. */
  readonly list?: {readonly nameKey: string} | undefined
  /**
   * Of a removal: how many of the container's keys stay when nothing is left under them; all when not given. With the
   * number that there were before an entry was added, its removal takes back all of it.
   */
  readonly keep?: number | undefined
}

/** How files of one format are read and edited. The name of the file is for errors. */
export interface FileFormat {
  /**
   * @returns the top of the file; an empty map for a file without content
   * @throws PluginError FILE_INVALID with `file:line:column`
   */
  read(text: string, file: string): JsonObject
  /**
   * Carries out a change and nothing else: comments, order, indentation, line breaks and the byte order mark stay.
   * @returns the new text; the same text when it is already so
   * @throws PluginError FILE_INVALID with `file:line:column` when the text is broken, or the change cannot be made alone
   */
  edit(text: string, change: Change, file: string): string
}

/** Some editors of Windows begin a file with it. */
export const BOM = '\uFEFF'

/** A text without its byte order mark. */
export function bodyOf(text: string): string {
  return text.startsWith(BOM) ? text.slice(BOM.length) : text
}

/** The entry as it stands in the container, with its name where a list has it. */
export function writtenEntry({key, value, list}: Change): JsonObject | undefined {
  return list && value ? {[list.nameKey]: key, ...value} : value
}

/** How many of the container's keys a file has. */
export function depthOf(root: JsonObject, container: readonly string[]): number {
  let node: Json | undefined = root
  for (const [depth, key] of container.entries()) {
    if (!isJsonObject(node) || !Object.hasOwn(node, key)) return depth
    node = node[key]
  }
  return container.length
}

/** What stands under a path; undefined when nothing does. */
function valueAt(root: JsonObject, path: readonly string[]): Json | undefined {
  let node: Json | undefined = root
  for (const key of path) {
    if (!isJsonObject(node) || !Object.hasOwn(node, key)) return undefined
    node = node[key]
  }
  return node
}

/**
 * The entry that a file has.
 * @throws PluginError FILE_INVALID when what should hold the entries is something else
 */
export function entryIn(
  root: JsonObject,
  change: Pick<Change, 'container' | 'key' | 'list'>,
  file: string,
): Json | undefined {
  const holder = containerIn(root, change, file)
  if (holder === undefined) return undefined
  if (!isJsonObject(holder)) return holder[indexIn(holder, change)]
  return Object.hasOwn(holder, change.key) ? holder[change.key] : undefined
}

/** Which item of a list has the name; -1 for none. */
export function indexIn(
  holder: readonly Json[],
  {key, list}: Pick<Change, 'key' | 'list'>,
): number {
  return holder.findIndex(item => isJsonObject(item) && item[list?.nameKey ?? 'name'] === key)
}

/**
 * The map or list of entries; undefined when there is none yet.
 * @throws PluginError FILE_INVALID when something else stands there
 */
export function containerIn(
  root: JsonObject,
  {container, list}: Pick<Change, 'container' | 'list'>,
  file: string,
): JsonObject | readonly Json[] | undefined {
  for (let depth = 1; depth < container.length; depth += 1) {
    const path = container.slice(0, depth)
    const node = valueAt(root, path) ?? undefined
    if (node === undefined) return undefined
    if (!isJsonObject(node)) throw inTheWay(file, path, 'map')
  }
  const holder = valueAt(root, container) ?? undefined
  if (holder === undefined) return undefined
  if (list ? Array.isArray(holder) : isJsonObject(holder)) return holder as JsonObject | Json[]
  throw inTheWay(file, container, list ? 'list' : 'map')
}

/** What a file should say after a change. */
export function changed(root: JsonObject, change: Change, file: string): JsonObject {
  const {container, key, list} = change
  const holder = containerIn(root, change, file)
  const entry = writtenEntry(change)
  if (entry === undefined) {
    if (holder === undefined || entryIn(root, change, file) === undefined) return root
    return pruned(withPath(root, container, without(holder, change)), change)
  }
  if (!list) return withPath(root, container, {...objectIn(holder), [key]: entry})
  const items = Array.isArray(holder) ? holder : []
  const index = indexIn(items, change)
  return withPath(root, container, index < 0 ? [...items, entry] : items.with(index, entry))
}

function objectIn(holder: JsonObject | readonly Json[] | undefined): JsonObject {
  return isJsonObject(holder) ? holder : {}
}

function without(holder: JsonObject | readonly Json[], change: Change): JsonObject | Json[] {
  if (!isJsonObject(holder)) return holder.toSpliced(indexIn(holder, change), 1)
  const {[change.key]: _gone, ...others} = holder
  return others
}

/** Which keys of the container a removal takes with the entry; none when others are under them. */
export function emptiedPath(root: JsonObject, {container, keep}: Change): readonly string[] {
  let depth = container.length
  for (; depth > (keep ?? container.length); depth -= 1) {
    const node = valueAt(root, container.slice(0, depth))
    const isEmpty = Array.isArray(node)
      ? node.length === 0
      : isJsonObject(node) && Object.keys(node).every(key => key === container[depth])
    if (!isEmpty) break
  }
  return depth < container.length ? container.slice(0, depth + 1) : []
}

function pruned(root: JsonObject, change: Change): JsonObject {
  const path = emptiedPath(root, change)
  return path.length === 0 ? root : withoutPath(root, path)
}

function withPath(root: JsonObject, path: readonly string[], value: Json): JsonObject {
  const [key = '', ...rest] = path
  const inner = Object.hasOwn(root, key) ? root[key] : undefined
  const next = rest.length > 0 ? withPath(isJsonObject(inner) ? inner : {}, rest, value) : value
  return {...root, [key]: next}
}

function withoutPath(root: JsonObject, path: readonly string[]): JsonObject {
  const [key = '', ...rest] = path
  const {[key]: inner, ...others} = root
  return rest.length > 0 && isJsonObject(inner)
    ? {...root, [key]: withoutPath(inner, rest)}
    : others
}

/**
 * Believes an edit only when it reads back as what was meant, with all other keys in their order.
 * @throws PluginError FILE_INVALID
 */
export function verified(
  input: {
    readonly format: Pick<FileFormat, 'read'>
    readonly before: string
    readonly file: string
  },
  change: Change,
  after: string,
): string {
  const {format, before, file} = input
  const wanted = changed(format.read(before, file), change, file)
  const got = readBack(format, after, {file, change})
  const rest = {...change, value: undefined}
  const isInOrder =
    JSON.stringify(changed(wanted, rest, file)) === JSON.stringify(changed(got, rest, file))
  if (isDeepStrictEqual(got, wanted) && isInOrder) return after
  throw cannotEdit(file, change, 'something else would change with it')
}

function readBack(
  format: Pick<FileFormat, 'read'>,
  after: string,
  {file, change}: {file: string; change: Change},
): JsonObject {
  try {
    return format.read(after, file)
  } catch (cause) {
    if (!(cause instanceof PluginError)) throw cause
    throw cannotEdit(file, change, 'its surroundings are too unusual', cause)
  }
}

/** What is left to do where a file cannot be changed in place. */
export const BY_HAND =
  'make this change by hand: docker mcp client connect <client> --print shows it'

/** The refusal of a change that cannot be made alone. */
export function cannotEdit(
  file: string,
  {container, key}: Pick<Change, 'container' | 'key'>,
  reason: string,
  cause?: unknown,
): PluginError {
  return new PluginError(
    'FILE_INVALID',
    `${file}: cannot change ${[...container, key].join('.')} in place: ${reason}`,
    {hint: BY_HAND, cause},
  )
}

function inTheWay(file: string, path: readonly string[], wanted: 'list' | 'map'): PluginError {
  const hint =
    'correct it, or make the change by hand: docker mcp client connect <client> --print shows it'
  return new PluginError('FILE_INVALID', `${file}: ${path.join('.')} is not a ${wanted}`, {hint})
}
