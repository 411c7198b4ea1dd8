import {PluginError} from '../base/errors.ts'
import {oneLine} from '../base/one-line.ts'
import {readTextFile} from '../files/atomic.ts'
import {changedHere} from './changed-here.ts'
import {checkFetched, wrongServers} from './check.ts'
import {fetchCatalog, sourcesIn, type FetchedCatalog} from './fetch.ts'
import {catalogName, DEFAULT_CATALOG} from './identity.ts'
import {remarksOf} from './remarks.ts'
import {
  changeCatalogs,
  isEdited,
  savedCatalogs,
  savedFile,
  textDigest,
  type CatalogChanges,
} from './saved.ts'
import {isAddress, savedSource, sourceOf} from './source.ts'
import type {CatalogInput} from './store.ts'

export interface ImportOptions {
  /** Instead of the name that the catalog gives itself. */
  readonly name?: string | undefined
  /** Also over one that came from somewhere else, or was changed here. */
  readonly force: boolean
  /** Reads and checks everything, and keeps nothing. */
  readonly dryRun: boolean
}

export interface Imported {
  readonly name: string
  readonly servers: number
  /** As `catalog.json` has it. */
  readonly url: string
  readonly replaced: boolean
  /** What is left out, a line each. */
  readonly notices: readonly string[]
  /** What does nothing, a line each. */
  readonly remarks: readonly string[]
}

/**
 * Keeps catalogs that are somewhere else, so that their servers can be enabled.
 * @param from an address, `oci:<reference>`, a file, a folder of files, `docker-mcp` for docker's own, or a catalog
 *   that was imported before
 * @returns what was kept; all of it or, when one of several is wrong, nothing
 * @throws PluginError for what cannot be had, see `fetchCatalog`; CATALOG_INVALID for what is no catalog, or whose name
 *   cannot be one or is another's; CATALOG_EXISTS for one that was changed here; USAGE for the catalog of the program
 *   while it is switched off; FILE_BUSY, FILE_DENIED
 */
export async function importCatalogs(
  from: string,
  input: CatalogInput,
  {name, force, dryRun}: ImportOptions,
): Promise<readonly Imported[]> {
  if (from === DEFAULT_CATALOG && name === undefined) await mustCount(from, input)
  const saved = new Map((await savedCatalogs(input.paths)).map(one => [one.name, one]))
  const source = savedSource(saved.get(from) ?? {}) ?? sourceOf(from, input.cwd)
  const sources = await sourcesIn(source)
  if (name !== undefined && sources.length > 1) throw oneName(sources.length)
  const read = await Promise.all(
    sources.map(async one => {
      const found = await fetchCatalog(one, input)
      if (!found) throw new Error('nothing was known, so that it cannot be the same')
      const ready = await readyToKeep(found, name)
      await mustCount(ready.imported.name, input)
      return ready
    }),
  )
  mustDiffer(read)
  const {paths} = input
  const text = (one: string) => readTextFile(savedFile(paths, one))
  // Whoever keeps nothing needs no lock; whoever does must not rely on what was there before everything was fetched.
  if (dryRun) return mustBeFree(read, {catalogs: await savedCatalogs(paths), text}, force)
  return changeCatalogs(paths, async changes => {
    const imported = await mustBeFree(read, changes, force)
    for (const one of read) await keep(one, changes)
    return imported
  })
}

/** @throws PluginError CATALOG_INVALID, CATALOG_EXISTS for a name that is another catalog's, or one's with changes */
async function mustBeFree(
  read: readonly Ready[],
  {catalogs, text}: Pick<CatalogChanges, 'catalogs' | 'text'>,
  force: boolean,
): Promise<readonly Imported[]> {
  const saved = new Map(catalogs.map(one => [one.name, one]))
  for (const {imported} of read) {
    const known = saved.get(imported.name)
    if (!known || force) continue
    if (known.url !== imported.url) throw taken(imported.name, known.url)
    if (isEdited(known, await text(known.name))) throw changedHere(known)
  }
  return read.map(({imported}) => ({...imported, replaced: saved.has(imported.name)}))
}

/** Docker's own catalog is put over the one of the program, which must be there. */
async function mustCount(name: string, {paths, settings}: CatalogInput): Promise<void> {
  if (name !== DEFAULT_CATALOG || (await settings()).catalogs?.default !== false) return
  throw new PluginError(
    'USAGE',
    `the catalog ${name} is switched off: catalogs.default is false in ${paths.gatewayFile}`,
    {hint: 'have it again: docker mcp catalog init; or keep a copy: --name <name>'},
  )
}

interface Ready {
  readonly found: FetchedCatalog
  readonly displayName: string | undefined
  readonly imported: Omit<Imported, 'replaced'>
}

async function readyToKeep(found: FetchedCatalog, given: string | undefined): Promise<Ready> {
  const checked = await checkFetched(found)
  const name = nameOf(given ?? checked.ownName ?? found.fallbackName, found)
  const notices = [...found.notices, ...wrongServers(checked)]
  const {displayName, servers} = checked.catalog
  const remarks = servers.size === 0 ? [`${found.where} has no servers`] : remarksOf(checked)
  const imported = {name, servers: servers.size, url: found.url, notices, remarks}
  return {found, displayName, imported}
}

/** Foreign text: it becomes part of a file's name, and of lines that people read. */
function nameOf(text: string, {where, url}: FetchedCatalog): string {
  if (text === DEFAULT_CATALOG && !isDockers(url)) {
    throw new PluginError(
      'CATALOG_INVALID',
      `${where} has the name ${text}, which is the embedded catalog’s`,
      {
        hint: 'give it another one: docker mcp catalog import … --name <name>',
      },
    )
  }
  try {
    return catalogName(text)
  } catch (cause) {
    throw new PluginError(
      'CATALOG_INVALID',
      `${where} has the name ${JSON.stringify(oneLine(text))}, which no catalog can have`,
      {
        hint: 'give it another one: docker mcp catalog import … --name <name>',
        cause,
      },
    )
  }
}

function isDockers(url: string): boolean {
  return isAddress(url) && new URL(url).origin === 'https://desktop.docker.com'
}

async function keep(
  {found, displayName, imported: {name, url}}: Ready,
  {save}: Pick<CatalogChanges, 'save'>,
): Promise<void> {
  const {text, etag, digest} = found
  await save(
    {
      name,
      url,
      lastUpdate: new Date().toISOString(),
      fetched: textDigest(text),
      ...(displayName !== undefined && {displayName}),
      ...(etag !== undefined && {etag}),
      ...(digest !== undefined && {digest}),
    },
    text,
  )
}

function mustDiffer(all: readonly Ready[]): void {
  const places = new Map<string, string>()
  for (const {found, imported} of all) {
    const other = places.get(imported.name)
    if (other !== undefined) {
      throw new PluginError(
        'CATALOG_INVALID',
        `${other} and ${found.where} have the same name, ${imported.name}`,
        {
          hint: 'change "name" in one of them',
        },
      )
    }
    places.set(imported.name, found.where)
  }
}

function taken(name: string, url: string | undefined): PluginError {
  const from = url === undefined ? 'was made here' : `came from ${url}`
  return new PluginError('CATALOG_INVALID', `there is a catalog ${name} already, which ${from}`, {
    hint: 'give the new one another name with --name, or replace it with --force',
  })
}

function oneName(count: number): PluginError {
  return new PluginError(
    'USAGE',
    `--name is for one catalog, and there are ${count} in that folder`,
    {
      hint: 'import them one by one',
    },
  )
}
