import {isDeepStrictEqual} from 'node:util'
import {PluginError} from '../base/errors.ts'
import {readTextFile} from '../files/atomic.ts'
import {changedHere} from './changed-here.ts'
import {checkCatalog, checkFetched, wrongServers} from './check.ts'
import {fetchCatalog, type FetchedCatalog} from './fetch.ts'
import {unknownCatalog} from './edit.ts'
import {DEFAULT_CATALOG, findName} from './identity.ts'
import {remarksOf} from './remarks.ts'
import {
  changeCatalogs,
  isEdited,
  savedCatalogs,
  savedFile,
  textDigest,
  type SavedCatalog,
} from './saved.ts'
import {savedSource} from './source.ts'
import type {CatalogInput} from './store.ts'

/** What became of a catalog that was to be got again. */
export interface Updated {
  readonly name: string
  readonly outcome: 'updated' | 'unchanged' | 'failed'
  /** Why it failed; then it is as it was. */
  readonly error?: PluginError
  /** What is left out, a line each. */
  readonly notices: readonly string[]
  /** What does nothing, a line each. */
  readonly remarks: readonly string[]
}

/**
 * Gets catalogs again from where they came from. One that fails stays as it was, and keeps no other from being updated.
 * @param only one of them; else all that came from somewhere. Docker's own is updated when it is named, since the
 *   embedded one is used in its place
 * @param options `force`: also one that was changed here, or that has no servers any more
 * @throws PluginError CATALOG_UNKNOWN for a name that is none; USAGE for one that came from nowhere; FILE_INVALID
 */
export async function updateCatalogs(
  input: CatalogInput,
  only?: string,
  {force = false}: {force?: boolean | undefined} = {},
): Promise<readonly Updated[]> {
  const saved = await savedCatalogs(input.paths)
  const chosen = only === undefined ? saved.filter(isRefreshed) : [named(only, saved)]
  return Promise.all(chosen.map(one => updateOne(one, input, force)))
}

/**
 * Gets all catalogs again that are somewhere else, as a gateway does from time to time. What fails is told, and stays.
 * @param told the lines of the last time, which are not said again; becomes those of this time
 * @returns the names of those that are others now
 */
export async function refreshCatalogs(
  input: CatalogInput,
  told = new Set<string>(),
): Promise<readonly string[]> {
  const all = await updateCatalogs(input)
  const lines = all.flatMap(({name, error}) =>
    error ? [`! the catalog ${name} stays as it was: ${error.message}`] : [],
  )
  for (const line of lines) if (!told.has(line)) input.notify?.(line)
  told.clear()
  for (const line of lines) told.add(line)
  return all.flatMap(({name, outcome}) => (outcome === 'updated' ? [name] : []))
}

function isRefreshed(saved: SavedCatalog): boolean {
  return saved.name !== DEFAULT_CATALOG && savedSource(saved) !== undefined
}

function named(text: string, saved: readonly SavedCatalog[]): SavedCatalog {
  const known = saved.map(({name}) => name)
  const name = findName(text, known)
  const found = saved.find(one => one.name === name)
  if (!found) throw unknownCatalog(text, known)
  if (savedSource(found)) return found
  throw new PluginError(
    'USAGE',
    `the catalog ${text} was made here: there is nowhere to get it from`,
    {
      hint: `change it with: docker mcp catalog add ${text} …`,
    },
  )
}

async function updateOne(
  saved: SavedCatalog,
  input: CatalogInput,
  force: boolean,
): Promise<Updated> {
  const {name} = saved
  try {
    return await refetch(saved, input, force)
  } catch (error) {
    if (!(error instanceof PluginError)) throw error
    return {name, outcome: 'failed', error, notices: [], remarks: []}
  }
}

async function refetch(saved: SavedCatalog, input: CatalogInput, force: boolean): Promise<Updated> {
  const {name} = saved
  const source = savedSource(saved)
  const kept = await readTextFile(savedFile(input.paths, name))
  const isChanged = isEdited(saved, kept)
  if (isChanged && !force) throw changedHere(saved)
  const known = kept === undefined || isChanged ? {} : saved
  const found = source && (await fetchCatalog(source, input, known))
  const same: Updated = {name, outcome: 'unchanged', notices: [], remarks: []}
  if (!found || found.text === kept) return same
  const {text, etag, digest} = found
  const checked = await checkFetched(found)
  const told = {notices: [...found.notices, ...wrongServers(checked)], remarks: remarksOf(checked)}
  if (!force && checked.catalog.servers.size === 0 && (await hasServers(kept))) throw isEmpty(found)
  const {displayName = saved.displayName} = checked.catalog
  const title = displayName === undefined ? {} : {displayName}
  const lastUpdate = new Date().toISOString()
  const fetched = textDigest(text)
  return changeCatalogs(input.paths, async changes => {
    const now = changes.catalogs.find(one => one.name === name)
    const isSame = now !== undefined && isDeepStrictEqual(now, saved)
    const textNow = await changes.text(name)
    // Another gateway may have fetched the same in the meantime.
    if (now?.url === saved.url && textNow === text) return same
    if (!isSame || textNow !== kept) throw changedMeanwhile(name)
    await changes.save({...saved, ...title, etag, digest, lastUpdate, fetched}, text)
    return {name, outcome: 'updated', ...told}
  })
}

/** What was there counts only as far as it can be read. */
async function hasServers(text: string | undefined): Promise<boolean> {
  if (text === undefined) return false
  try {
    return (await checkCatalog(text, '')).catalog.servers.size > 0
  } catch (error) {
    if (error instanceof PluginError) return false
    throw error
  }
}

function isEmpty({where}: FetchedCatalog): PluginError {
  return new PluginError('CATALOG_INVALID', `${where} has no servers any more`, {
    hint: 'take it nevertheless with --force',
  })
}

function changedMeanwhile(name: string): PluginError {
  return new PluginError(
    'FILE_BUSY',
    `${name} was changed or removed while it was fetched, and what came is dropped`,
    {hint: 'see what there is now: docker mcp catalog ls'},
  )
}
