import {stat} from 'node:fs/promises'
import {join} from 'node:path'
import {serverCount} from '../base/count.ts'
import {messageOf, PluginError} from '../base/errors.ts'
import {isJsonObject, objectOf, type Json, type JsonObject} from '../base/json.ts'
import {oneLine} from '../base/one-line.ts'
import {saveCatalog, savedCatalogs, savedFile} from '../catalog/saved.ts'
import {readTextFile, writeFileAtomic} from '../files/atomic.ts'
import {withFileLock} from '../files/lock.ts'
import type {StatePaths} from '../files/paths.ts'
import {renderLines} from '../files/yaml-render.ts'
import {documentObject, profileText} from './documents.ts'
import {readProfile} from './legacy.ts'
import {elementName} from './membership.ts'
import {findCredential, readProfileText} from './profile-file.ts'
import {DEFAULT_PROFILE, editProfileFile, isNewProfileId, newProfilePath} from './store.ts'
import type {ToolkitCatalog, ToolkitDatabase, ToolkitProfile} from './toolkit-database.ts'

/** More values that look like credentials than this are in nobody's profile by mistake. */
const MOST_CREDENTIALS = 100

/**
 * Takes over the profiles and catalogs that docker's own newer plugin keeps in its database: once, and never what is
 * here already. The database stays as it is.
 * @returns what to tell a person, line by line; none when there is nothing to do
 */
export async function takeOver(paths: StatePaths): Promise<readonly string[]> {
  const found = (await lookAt(paths.database)) ?? (await lookAt(paths.homeDatabase))
  if (found === undefined || (await isKnown(paths, found))) return []
  let lines: readonly string[] = []
  try {
    await withFileLock(markerOf(paths), async () => {
      if (await isKnown(paths, found)) return
      const tried = await tryTakeOver(paths, found.file)
      ;({lines} = tried)
      const {size, mtimeMs} = found
      const marker = {
        isDone: tried.next === 'never',
        ...(tried.next !== 'soon' && {database: {size, mtimeMs}}),
      }
      await writeFileAtomic(markerOf(paths), `${JSON.stringify(marker)}\n`)
    })
    return lines
  } catch (error) {
    return [...lines, lines.length === 0 ? failure(error) : `! ${oneLine(messageOf(error))}`]
  }
}

/** A database that could not be read is tried again when it has changed. */
interface Seen {
  readonly file: string
  readonly size: number
  readonly mtimeMs: number
}

async function lookAt(database: string): Promise<Seen | undefined> {
  try {
    const {size, mtimeMs} = await stat(database)
    return {file: database, size, mtimeMs}
  } catch {
    return undefined
  }
}

function markerOf({profilesDir}: StatePaths): string {
  return join(profilesDir, 'taken-over.json')
}

async function isKnown(paths: StatePaths, seen: Seen): Promise<boolean> {
  try {
    const marker = objectOf(JSON.parse((await readTextFile(markerOf(paths))) ?? '{}'))
    const {size, mtimeMs} = objectOf(marker['database'])
    return marker['isDone'] === true || (size === seen.size && mtimeMs === seen.mtimeMs)
  } catch (error) {
    // What is in the way of reading it is in the way of writing it, and told there.
    if (error instanceof PluginError || error instanceof SyntaxError) return false
    throw error
  }
}

interface Tried {
  readonly lines: readonly string[]
  /** When to try again: at the next command, when the database has changed, or not at all. */
  readonly next: 'soon' | 'changed' | 'never'
}

async function tryTakeOver(paths: StatePaths, file: string): Promise<Tried> {
  const {readToolkitDatabase} = await import('./toolkit-database.ts')
  let database: ToolkitDatabase
  try {
    database = await readToolkitDatabase(file)
  } catch (error) {
    const isDenied = error instanceof PluginError && error.code === 'FILE_DENIED'
    return {lines: [failure(error)], next: isDenied ? 'soon' : 'changed'}
  }
  const lines: string[] = []
  let isPassing = false
  const attempt = async (shown: string, add: () => Promise<readonly string[]>): Promise<void> => {
    try {
      lines.push(...(await add()))
    } catch (error) {
      lines.push(leftOut(shown, messageOf(error)))
      isPassing ||=
        error instanceof PluginError && ['FILE_BUSY', 'FILE_DENIED'].includes(error.code)
    }
  }
  for (const catalog of database.catalogs) {
    const shown = `catalog ${oneLine(catalog.ref)}`
    await attempt(shown, () => addCatalog(paths, catalog, shown))
  }
  for (const profile of database.profiles) {
    const shown = `profile ${oneLine(profile.id)}`
    await attempt(shown, () => addToolkitProfile(paths, profile, shown))
  }
  const again = isPassing ? ', and what was left out for now is tried again' : ''
  const head = `> what docker's own plugin keeps in ${file} is taken over, this once${again}:`
  return {lines: lines.length === 0 ? [] : [head, ...lines], next: isPassing ? 'soon' : 'never'}
}

function leftOut(shown: string, reason: string): string {
  return `! ${shown} is left out: ${oneLine(reason)}`
}

async function addToolkitProfile(
  paths: StatePaths,
  {id: own, name, servers}: ToolkitProfile,
  shown: string,
): Promise<readonly string[]> {
  const {idOfName} = await import('../model/profile-document.ts')
  const wanted = isNewProfileId(own) ? own : idOfName(name)
  const id = wanted === DEFAULT_PROFILE ? await idOfDefault(paths) : wanted
  if (!isNewProfileId(id)) return [leftOut(shown, 'no id can be made of its name')]
  const {elements, refused} = await usableElements(listIn(servers).map(plain))
  const {document, removed} = await withoutCredentials(
    documentObject({id, name: name || id, servers: elements}),
  )
  const file = newProfilePath(paths, id)
  const text = profileText(document)
  await readProfileText(text, file)
  const known = await readTextFile(file)
  // The one that an earlier try wrote.
  if (known === text) return []
  if (known !== undefined) return [leftOut(shown, 'there is one of that id here')]
  await editProfileFile(file, async present => present ?? text)
  const as = id === own ? '' : `, as ${id}; choose it with: docker mcp profile use ${id}`
  return [
    `> ${shown}, ${serverCount(elements.length)}${as}`,
    ...refused.map(reason => `! a server of it is left out: ${reason}`),
    ...removed.map(key => `! ${key} of it looked like a credential and is left out`),
  ]
}

/** Those that a profile's file can hold, so that one that is foreign does not take the others with it. */
async function usableElements(
  all: readonly JsonObject[],
): Promise<{elements: readonly JsonObject[]; refused: readonly string[]}> {
  const {parseProfile} = await import('../model/profile-document.ts')
  const whole = parseProfile({servers: all})
  if (!('wrong' in whole)) return {elements: all, refused: []}
  const elements: JsonObject[] = []
  const refused: string[] = []
  for (const element of all) {
    const parsed = parseProfile({servers: [...elements, element]})
    if ('wrong' in parsed) {
      const [{path, message} = {path: [], message: 'is wrong'}] = parsed.wrong
      const label = elementName(element) || 'one without a name:'
      const subject = [label, path.slice(2).join('.')].filter(Boolean).join(' ')
      refused.push(oneLine(`${subject.slice(0, 100)} ${message}`))
    } else elements.push(element)
  }
  return {elements, refused}
}

/** What registry.yaml turns on was chosen here, and is not to be hidden. */
async function idOfDefault(paths: StatePaths): Promise<string> {
  const {enabled} = await readProfile(paths, {})
  return enabled.length === 0 ? DEFAULT_PROFILE : 'docker_default'
}

/** A profile has no place for them: the key is told, so that the value can become a secret. */
async function withoutCredentials(
  document: JsonObject,
): Promise<{document: JsonObject; removed: readonly string[]}> {
  const removed: string[] = []
  let rest: Json = document
  for (let count = 0; count < MOST_CREDENTIALS; count += 1) {
    const leak = await findCredential(rest)
    if (!leak) break
    rest = without(rest, leak.path)
    removed.push(oneLine(leak.path.join('.')))
  }
  return {document: objectOf(rest), removed}
}

function without(value: Json, [key = '', ...rest]: readonly string[]): Json {
  if (Array.isArray(value)) {
    const index = Number(key)
    const item = value[index]
    if (rest.length === 0 || item === undefined) return value.toSpliced(index, 1)
    return value.with(index, without(item, rest))
  }
  if (!isJsonObject(value)) return value
  const {[key]: member, ...others} = value
  return rest.length === 0 || member === undefined
    ? others
    : {...value, [key]: without(member, rest)}
}

async function addCatalog(
  paths: StatePaths,
  {ref, digest, title, source, lastUpdated, snapshots}: ToolkitCatalog,
  shown: string,
): Promise<readonly string[]> {
  const rows = snapshots.map(entryIn)
  const entries = rows.flatMap(row => row ?? [])
  const document = {
    version: 3,
    name: ref,
    ...(title && {displayName: title}),
    registry: Object.fromEntries(entries),
  }
  const text = `${renderLines(document, {column: 0, step: 2}).join('\n')}\n`
  if ((await savedCatalogs(paths)).some(({name}) => name === ref)) {
    const isOurs = (await readTextFile(savedFile(paths, ref))) === text
    return isOurs ? [] : [leftOut(shown, 'there is one of that name here')]
  }
  const {parseCatalog} = await import('../model/catalog.ts')
  parseCatalog(document, ref)
  const about = {
    name: ref,
    ...(title && {displayName: title}),
    ...(source && {url: source}),
    ...(digest && {digest}),
    ...(lastUpdated && {lastUpdate: lastUpdated}),
    // What is on runs what it ran before.
    precedence: 'lowest',
  }
  await saveCatalog(paths, about, text)
  const wrong = rows.filter(row => row === undefined).length
  return [
    `> ${shown}, ${serverCount(entries.length)}; where it and another catalog have one, the other counts`,
    ...(wrong > 0 ? [`! ${serverCount(wrong)} of it cannot be read, and left out`] : []),
  ]
}

/** Undefined for what cannot be read. */
function entryIn(snapshot: string): readonly (readonly [string, JsonObject])[] | undefined {
  if (snapshot === '') return []
  let value: unknown
  try {
    value = JSON.parse(snapshot)
  } catch {
    return undefined
  }
  const server = plain(objectOf(value)['server'])
  const {name} = server
  return typeof name === 'string' ? [[name, server]] : undefined
}

function listIn(text: string): readonly unknown[] {
  const value: unknown = text === '' ? [] : JSON.parse(text)
  return Array.isArray(value) ? value : []
}

/** Go writes what is not set as null, and a profile's file does not have it at all. */
function plain(value: unknown): JsonObject {
  const entries = Object.entries(objectOf(value)).filter(([, member]) => member !== null)
  return Object.fromEntries(entries)
}

function failure(error: unknown): string {
  const hint = error instanceof PluginError && error.hint ? `; ${error.hint}` : ''
  return `! nothing is taken over of what docker's own plugin keeps: ${oneLine(messageOf(error))}${hint}`
}
