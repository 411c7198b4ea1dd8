import {createHash} from 'node:crypto'
import {join} from 'node:path'
import {PluginError} from '../base/errors.ts'
import {objectOf} from '../base/json.ts'
import {writeFileAtomic} from '../files/atomic.ts'
import {readKept} from '../files/kept.ts'
import type {StatePaths} from '../files/paths.ts'
import {fetchCatalog} from './fetch.ts'
import {checkCatalog} from './check.ts'
import type {CatalogInput} from './store.ts'

/** A catalog of an address, checked. */
interface Cached {
  readonly text: string
  readonly etag?: string | undefined
}

/** The text of a catalog, and its address as it may be shown. */
export interface FetchedText {
  readonly text: string
  readonly where: string
}

/**
 * Gets the catalog of an address that nobody imported. What it gave last is kept, and used while the host is away or
 * gives no catalog; that is said.
 * @throws PluginError ADDRESS_REFUSED; FETCH_FAILED, CATALOG_INVALID, FILE_INVALID when nothing is kept
 */
export async function cachedCatalog(url: string, input: CatalogInput): Promise<FetchedText> {
  const known = input.fetched?.get(url)
  if (known) return known
  const found = await fetchOrKept(url, input)
  input.fetched?.set(url, found)
  return found
}

async function fetchOrKept(url: string, input: CatalogInput): Promise<FetchedText> {
  const file = fileOf(input.paths, url)
  const kept = await readCached(file, url)
  const where = shown(url)
  try {
    const found = await fetchCatalog({from: 'https', url}, input, {etag: kept?.etag})
    if (found === undefined) return {text: kept?.text ?? '', where}
    const {text, etag} = found
    await checkCatalog(text, where)
    await writeFileAtomic(file, JSON.stringify({url, etag, text}))
    return {text, where}
  } catch (error) {
    if (!kept || !(error instanceof PluginError) || error.code === 'ADDRESS_REFUSED') throw error
    input.notify?.(`! the catalog ${where} is used as it was last: ${error.message}`)
    return {text: kept.text, where}
  }
}

function fileOf({stateDir}: StatePaths, url: string): string {
  const id = createHash('sha256').update(url).digest('hex').slice(0, 32)
  return join(stateDir, 'fetched', `${id}.json`)
}

async function readCached(file: string, url: string): Promise<Cached | undefined> {
  const text = await readKept(file)
  if (text === undefined) return undefined
  const {url: own, text: kept, etag} = objectOf(parse(text))
  if (own !== url || typeof kept !== 'string') return undefined
  return {text: kept, ...(typeof etag === 'string' && {etag})}
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Without what may be a key in it. */
function shown(url: string): string {
  if (!URL.canParse(url)) return url
  const {origin, pathname} = new URL(url)
  return `${origin}${pathname}`
}
