import {readdir} from 'node:fs/promises'
import {join} from 'node:path'
import {PluginError} from '../base/errors.ts'
import {isFolder} from '../files/folder.ts'
import {readTextFile} from '../files/atomic.ts'
import {notedRead} from '../files/reads.ts'
import {CATALOG_ARTIFACT, fromArtifact} from './artifact-document.ts'
import {catalogText} from './edit.ts'
import {catalogName} from './identity.ts'
import {FETCH_MS, LARGEST_CATALOG, reachOf} from './reach.ts'
import {savedUrl, type CatalogSource} from './source.ts'
import type {CatalogInput} from './store.ts'

/** A catalog that was got from somewhere, not checked yet. */
export interface FetchedCatalog {
  /** A version 2 or 3 catalog, as it was written where that is possible. */
  readonly text: string
  /** For messages: the file or the address. */
  readonly where: string
  /** As `catalog.json` keeps it. */
  readonly url: string
  /** What it is called where it says no name itself. */
  readonly fallbackName: string
  readonly etag?: string | undefined
  readonly digest?: string | undefined
  /** What could not be taken over. */
  readonly notices: readonly string[]
}

/** What is known of the version that is here already. */
export interface Known {
  readonly etag?: string | undefined
  readonly digest?: string | undefined
}

/**
 * Gets a catalog.
 * @returns undefined when it is the version that is known
 * @throws PluginError FILE_MISSING, FILE_INVALID, FILE_DENIED; ADDRESS_REFUSED, FETCH_FAILED; CATALOG_INVALID, USAGE
 */
export async function fetchCatalog(
  source: CatalogSource,
  input: CatalogInput,
  known: Known = {},
): Promise<FetchedCatalog | undefined> {
  const about = {url: savedUrl(source), notices: []}
  switch (source.from) {
    case 'https': {
      const found = await overHttps(source.url, input, known)
      if (found === undefined) return undefined
      const {origin, pathname} = new URL(source.url)
      // What follows the `?` may be a key.
      return {...about, ...found, where: `${origin}${pathname}`, fallbackName: stem(pathname)}
    }
    case 'oci':
      return pulled(source.ref, input, known)
    case 'file': {
      const {path} = source
      const text = await readTextFile(path)
      if (text === undefined) throw missing(path)
      return {...about, text, where: path, fallbackName: stem(path)}
    }
  }
}

/**
 * The sources of a folder, one for each file of YAML or JSON in it, in the order of their names; a source that is no
 * folder is itself all there is.
 * @throws PluginError FILE_MISSING when a folder has none
 */
export async function sourcesIn(source: CatalogSource): Promise<readonly CatalogSource[]> {
  if (source.from !== 'file' || !(await isFolder(source.path))) return [source]
  // A file that comes later is another catalog, too.
  await notedRead(source.path, async () => undefined)
  const names = (await readdir(source.path)).filter(name => /^[^.].*\.(?:ya?ml|json)$/i.test(name))
  if (names.length === 0) throw missing(join(source.path, '*.yaml'))
  return names.toSorted().map(name => ({from: 'file', path: join(source.path, name)}))
}

async function overHttps(
  url: string,
  input: CatalogInput,
  {etag}: Known,
): Promise<{text: string; etag?: string | undefined} | undefined> {
  // Most runs get nothing from elsewhere.
  const {fetchPublic} = await import('../net/fetch.ts')
  const limits = {maxBytes: LARGEST_CATALOG, timeoutMs: FETCH_MS}
  const accept = 'application/yaml, application/json;q=0.9, */*;q=0.5'
  const found = await fetchPublic(url, {...(await reachOf(input)), ...limits, accept, etag})
  return found.status === 304 ? undefined : found
}

async function pulled(
  ref: string,
  input: CatalogInput,
  known: Known,
): Promise<FetchedCatalog | undefined> {
  const [{pullArtifact}, {dockerCredentials}] = await Promise.all([
    import('../images/artifact.ts'),
    import('../images/credentials.ts'),
  ])
  const {paths, env = {}} = input
  const credentials = dockerCredentials({dockerConfigDir: paths.dockerConfigDir, env})
  const {outgoing} = await reachOf(input)
  const wanted = {artifactType: CATALOG_ARTIFACT}
  const {digest, layer} = await pullArtifact(ref, wanted, {credentials, outgoing})
  if (digest === known.digest) return undefined
  // The digest says which content, and not which catalog.
  const name = catalogName(ref.replace(/@.*$/, ''))
  const {document, leftOut} = fromArtifact(layer, name)
  const text = catalogText(document)
  return {text, digest, where: name, url: `oci:${ref}`, fallbackName: name, notices: leftOut}
}

function missing(path: string): PluginError {
  return new PluginError('FILE_MISSING', `${path} does not exist`, {
    hint: 'name a file, a folder, an address (https://…), or oci: and a reference',
  })
}

function stem(path: string): string {
  const [last = ''] = path.split(/[\\/]/).slice(-1)
  return last.replace(/\.(?:ya?ml|json)$/i, '')
}
