import {createHash} from 'node:crypto'
import {rename, rm} from 'node:fs/promises'
import {join} from 'node:path'
import {PluginError} from '../base/errors.ts'
import {isJsonObject, type JsonObject} from '../base/json.ts'
import {followLinks, readTextFile, writeFileAtomic} from '../files/atomic.ts'
import {fileDenied} from '../files/denied.ts'
import {withFileLock} from '../files/lock.ts'
import type {StatePaths} from '../files/paths.ts'
import {DEFAULT_CATALOG} from './identity.ts'
import {savedSource} from './source.ts'

/** What `catalog.json` says of a catalog; its text is in a file of its own. */
export interface SavedCatalog {
  /** The key in `catalog.json`: a plain name, or an OCI reference with its tag. */
  readonly name: string
  readonly displayName?: string
  /** Where `catalog update` gets it again: an address, `oci:<reference>`, a file. */
  readonly url?: string
  /** ISO 8601 */
  readonly lastUpdate?: string
  /** Of the artefact that it was pulled as. */
  readonly digest?: string | undefined
  /** What the host of its address called this version of it. */
  readonly etag?: string | undefined
  /** `lowest`: all other catalogs win over it, also the embedded one. */
  readonly precedence?: string | undefined
  /** Of the text as it came, `sha256:…`: a file that has another one was changed here. */
  readonly fetched?: string | undefined
}

/**
 * The catalogs of `catalog.json`, in its order.
 * @throws PluginError FILE_INVALID, FILE_DENIED
 */
export async function savedCatalogs(paths: StatePaths): Promise<readonly SavedCatalog[]> {
  return Object.entries(catalogsIn(await readIndex(paths))).map(savedOf)
}

/**
 * Keeps a catalog: its text in a file, and a line in `catalog.json`, where it keeps its place if it has one.
 * @throws PluginError FILE_INVALID, FILE_DENIED, FILE_BUSY, CATALOG_EXISTS when its file would be that of another catalog;
 *   then both files are as they were
 */
export async function saveCatalog(
  paths: StatePaths,
  about: SavedCatalog,
  text: string,
): Promise<void> {
  await changeCatalogs(paths, async ({save}) => save(about, text))
}

/** What can be done to the catalogs while nobody else changes them. */
export interface CatalogChanges {
  readonly catalogs: readonly SavedCatalog[]
  /** The text of one of them; undefined where there is no such file. */
  readonly text: (name: string) => Promise<string | undefined>
  readonly save: (about: SavedCatalog, text: string) => Promise<void>
  /** A change that is made here: what `catalog.json` says of the text as it came counts no more. */
  readonly rewrite: (name: string, text: string) => Promise<void>
  readonly forget: (names: readonly string[]) => Promise<void>
}

/**
 * Runs a task that reads and changes catalogs; other processes of ours wait.
 * @throws PluginError FILE_INVALID, FILE_DENIED, FILE_BUSY; whatever the task throws
 */
export async function changeCatalogs<T>(
  paths: StatePaths,
  task: (changes: CatalogChanges) => Promise<T>,
): Promise<T> {
  const file = paths.catalogIndex
  return withFileLock(file, async () => {
    const index = await readIndex(paths)
    let known = catalogsIn(index)
    const writeIndex = async (catalogs: JsonObject) => {
      await writeFileAtomic(file, `${JSON.stringify({...index, catalogs}, undefined, 2)}\n`, {
        mode: 0o644,
      })
      known = catalogs
    }
    const save = async ({name, ...about}: SavedCatalog, text: string) => {
      refuseSharedFile(paths, name, Object.keys(known))
      const foreign = foreignKeys(known[name])
      await replaceText(savedFile(paths, name), text, () =>
        writeIndex({...known, [name]: {...foreign, ...about}}),
      )
    }
    return task({
      catalogs: Object.entries(known).map(savedOf),
      text: name => readTextFile(savedFile(paths, name)),
      save,
      rewrite: async (name, text) => {
        const {digest, etag: _etag, fetched, ...about} = savedOf([name, known[name]])
        const before = (await readTextFile(savedFile(paths, name))) ?? ''
        const isFromElsewhere = savedSource({...about, digest, fetched}) !== undefined
        const came = isFromElsewhere ? (fetched ?? textDigest(before)) : undefined
        await save({...about, fetched: came}, text)
      },
      forget: async names => {
        await writeIndex(
          Object.fromEntries(Object.entries(known).filter(([name]) => !names.includes(name))),
        )
        for (const name of names) await rm(savedFile(paths, name), {force: true})
      },
    })
  })
}

/** The new text is on the disk before the index is written, and in its place only after: a full disk changes neither. */
async function replaceText(
  path: string,
  text: string,
  writeIndex: () => Promise<void>,
): Promise<void> {
  const target = await followLinks(path)
  const staged = `${target}.new`
  try {
    await writeFileAtomic(staged, text, {mode: 0o644})
    await writeIndex()
    await rename(staged, target)
  } catch (error) {
    await rm(staged, {force: true})
    throw fileDenied(error, {verb: 'write', path})
  }
}

/** Different names can have one file, since no file may have every name. */
function refuseSharedFile(paths: StatePaths, name: string, known: readonly string[]): void {
  const file = savedFile(paths, name)
  // What is in the file of the program's own catalog is put over it, whether or not the index names it.
  const all = [DEFAULT_CATALOG, ...known]
  const other = all.find(each => each !== name && savedFile(paths, each) === file)
  if (other === undefined) return
  throw new PluginError(
    'CATALOG_EXISTS',
    `the catalog ${other} has the file that ${name} would have`,
    {
      hint: 'choose another name',
    },
  )
}

/** The file of a catalog: docker's own rule for names that no file may have. */
export function savedFile({catalogsDir}: StatePaths, name: string): string {
  const safe = name.toLowerCase().replaceAll(/[<>:"/\\|?*\p{Cc}]/gu, '_')
  return join(catalogsDir, `${safe.slice(0, LONGEST_FILE_NAME)}.yaml`)
}

const LONGEST_FILE_NAME = 245

/** The digest of a catalog's text, as `catalog.json` has it: `sha256:…`. */
export function textDigest(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}

/**
 * Whether somebody changed a catalog here after it came.
 * @param text what its file has now; undefined where there is no such file
 */
export function isEdited(
  {fetched}: Pick<SavedCatalog, 'fetched'>,
  text: string | undefined,
): boolean {
  return fetched !== undefined && text !== undefined && textDigest(text) !== fetched
}

/** @throws PluginError FILE_INVALID, FILE_DENIED */
async function readIndex({catalogIndex: file}: StatePaths): Promise<JsonObject> {
  return indexIn((await readTextFile(file)) ?? '', file)
}

/**
 * What the text of a `catalog.json` says, by name of a catalog.
 * @param file what to call it in errors
 * @throws PluginError FILE_INVALID
 */
export function readIndexText(text: string, file: string): JsonObject {
  return catalogsIn(indexIn(text, file))
}

function indexIn(text: string, file: string): JsonObject {
  if (text.trim() === '') return {}
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw invalidIndex(file, error)
  }
  const {catalogs = null} = isJsonObject(value) ? value : {catalogs: 0}
  if (isJsonObject(value) && (catalogs === null || isJsonObject(catalogs))) return value
  throw invalidIndex(file, undefined)
}

function catalogsIn({catalogs}: JsonObject): JsonObject {
  return isJsonObject(catalogs) ? catalogs : {}
}

function savedOf([name, value]: [string, unknown]): SavedCatalog {
  return {...textsOf(isJsonObject(value) ? value : {}), name}
}

function textsOf(value: JsonObject): Omit<SavedCatalog, 'name'> {
  return Object.fromEntries(
    KEYS.flatMap(key => (typeof value[key] === 'string' ? [[key, value[key]]] : [])),
  )
}

/** What others keep of a catalog stays; what is said of the text that goes does not. */
function foreignKeys(value: unknown): JsonObject {
  const own: readonly string[] = KEYS
  const entry = isJsonObject(value) ? value : {}
  return Object.fromEntries(Object.entries(entry).filter(([key]) => !own.includes(key)))
}

const KEYS = [
  'displayName',
  'url',
  'lastUpdate',
  'digest',
  'etag',
  'fetched',
  'precedence',
] as const

function invalidIndex(file: string, cause: unknown): PluginError {
  return new PluginError('FILE_INVALID', `${file} is not a list of catalogs`, {
    hint: 'mend it, or move it away: without it the embedded catalog is used',
    cause,
  })
}
