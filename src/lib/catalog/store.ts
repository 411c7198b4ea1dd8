import {join} from 'node:path'
import {PluginError} from '../base/errors.ts'
import {oneLine} from '../base/one-line.ts'
import {readTextFile} from '../files/atomic.ts'
import type {StatePaths} from '../files/paths.ts'
import type {GatewayFile} from '../model/gateway-file.ts'
import type {Catalog, CatalogProblem, CatalogServer} from '../model/catalog.ts'
import type {Outgoing} from '../net/agents.ts'
import {readChecked} from './checked.ts'
import {inPlace} from './remarks.ts'
import {DEFAULT_CATALOG, findName} from './identity.ts'
import type {FetchedText} from './cached.ts'
import {isEdited, savedCatalogs, savedFile, type SavedCatalog} from './saved.ts'
import {isAddress, isPath, sourceOf} from './source.ts'

/** A catalog, with the place that it came from. */
export interface LoadedCatalog {
  readonly catalog: Catalog
  /** `embedded`, or a file. */
  readonly source: string
  /** Of its text: `sha256:…`; the embedded one has none. */
  readonly digest?: string
  /** What `catalog.json` says of it, if it is one of those. */
  readonly saved?: SavedCatalog
}

/** All catalogs that count, and what they have together. */
export interface Catalogs {
  /** Later ones win. */
  readonly loaded: readonly LoadedCatalog[]
  readonly servers: ReadonlyMap<string, CatalogServer>
  /** Which catalog a server came from. */
  readonly origins: ReadonlyMap<string, string>
  readonly problems: readonly CatalogProblem[]
  /** Those of catalog.json that the others do without. */
  readonly broken: readonly BrokenCatalog[]
}

/** A catalog of catalog.json that cannot be read. */
export interface BrokenCatalog {
  readonly name: string
  /** Its file. */
  readonly source: string
  readonly error: PluginError
  /** For people: why, and what to do. */
  readonly line: string
}

export interface CatalogInput {
  readonly paths: StatePaths
  readonly cwd: string
  /** The catalog that is part of this program; it was checked when the program was built. */
  readonly embedded: () => Promise<Catalog>
  /** The gateway's own configuration: which catalogs count at all, and where images come from. */
  readonly settings: () => Promise<GatewayFile>
  /** The file that they are read from, to name in errors; the usual one when it is not given. */
  readonly gatewayFile?: string | undefined
  /** What addresses gave: asked once, and again when it is cleared. */
  readonly fetched?: Map<string, FetchedText> | undefined
  /** For logins of registries and, where `outgoing` is not given, for proxies. */
  readonly env?: NodeJS.ProcessEnv | undefined
  /** How other hosts are reached. */
  readonly outgoing?: Outgoing | undefined
  /** Told what a person should know, a line each. */
  readonly notify?: ((line: string) => void) | undefined
  /** Told of each catalog that is left out since it cannot be read. */
  readonly onBroken?: ((broken: BrokenCatalog) => void) | undefined
}

/**
 * Loads the catalogs: the ones named, or else the embedded one (unless the gateway's file is without it) and those of
 * catalog.json; then the additional ones. A name means a catalog of catalog.json or a file in the catalogs folder,
 * `./x` one in the current folder; a folder, all in it. An address is asked each time, and what it gave last is used
 * while it gives nothing. What is named must be readable; one of catalog.json that nobody named is left out if it is not.
 * @throws PluginError CATALOG_UNKNOWN, CATALOG_INVALID, FILE_INVALID; ADDRESS_REFUSED, FETCH_FAILED (addresses)
 */
export async function loadCatalogs(
  input: CatalogInput,
  selection: {
    catalogs?: readonly string[] | undefined
    additional?: readonly string[] | undefined
  } = {},
): Promise<Catalogs> {
  const {catalogs, additional = []} = selection
  const [saved, settings] = await Promise.all([savedCatalogs(input.paths), input.settings()])
  const known = {saved, hasEmbedded: settings.catalogs?.default !== false}
  // What docker's own entry stands for is part of the program.
  const others = saved.filter(({name}) => name !== DEFAULT_CATALOG)
  const usual = [
    ...others.filter(({precedence}) => precedence === 'lowest').map(({name}) => name),
    ...(known.hasEmbedded ? [DEFAULT_CATALOG] : []),
    ...others.filter(({precedence}) => precedence !== 'lowest').map(({name}) => name),
  ]
  const broken = new Map<string, BrokenCatalog>()
  const one = (name: string) => loadOne(input, known, name)
  const orBroken = async (name: string): Promise<readonly Part[]> => {
    try {
      return await one(name)
    } catch (error) {
      if (!(error instanceof PluginError)) throw error
      broken.set(name, brokenCatalog(input, name, error))
      return name === DEFAULT_CATALOG ? [await embeddedPart(input)] : []
    }
  }
  const chosen = catalogs?.map(one) ?? usual.map(orBroken)
  const all = (await Promise.all([...chosen, ...additional.map(one)])).flat()
  for (const each of broken.values()) input.onBroken?.(each)
  const servers = new Map<string, CatalogServer>()
  const origins = new Map<string, string>()
  for (const {catalog} of all) {
    for (const [name, server] of catalog.servers) {
      servers.set(name, server)
      origins.set(name, catalog.name)
    }
  }
  const problems = all.flatMap(part => part.problems.filter(problem => counts(problem, part, all)))
  const inOrder = usual.flatMap(name => broken.get(name) ?? [])
  return {loaded: all, servers, origins, problems, broken: inOrder}
}

function brokenCatalog({paths}: CatalogInput, name: string, error: PluginError): BrokenCatalog {
  const source = savedFile(paths, name)
  const help =
    name === DEFAULT_CATALOG
      ? `mend or remove ${source}`
      : `mend it, or remove it: ${removal(name)}`
  const line = `the catalog ${oneLine(name)} is left out: ${error.message}; ${help}`
  return {name, source, error, line}
}

function removal(name: string): string {
  return `docker mcp catalog rm ${oneLine(name)}`
}

async function embeddedPart({embedded}: CatalogInput): Promise<Part> {
  return {catalog: await embedded(), source: 'embedded', problems: []}
}

/** What is left out is told wherever it stands; what an entry has that does nothing, only where no later one wins. */
function counts({kind, server}: CatalogProblem, part: Part, all: readonly Part[]): boolean {
  if (kind === 'invalid') return true
  return !all.slice(all.indexOf(part) + 1).some(({catalog}) => catalog.servers.has(server))
}

/** What a person must know of the catalogs: by server, which entries are left out, and everything that is wrong there. */
export function leftOut({problems}: Pick<Catalogs, 'problems'>): ReadonlyMap<string, string> {
  const wrong = new Map<string, string[]>()
  for (const {kind, server, path, message, place} of problems) {
    if (kind !== 'invalid') continue
    const reason = path === '' ? message : `${path} ${message}`
    wrong.set(server, [...(wrong.get(server) ?? []), `${reason}${inPlace(place)}`])
  }
  const lines = [...wrong].map(
    ([server, reasons]) =>
      [server, `the catalog entry of ${server} is left out: ${reasons.join('; ')}`] as const,
  )
  return new Map(lines)
}

type Part = LoadedCatalog & {problems: readonly CatalogProblem[]}

interface Known {
  readonly saved: readonly SavedCatalog[]
  readonly hasEmbedded: boolean
}

async function loadOne(
  input: CatalogInput,
  known: Known,
  written: string,
): Promise<readonly Part[]> {
  if (isAddress(written)) {
    const {cachedCatalog} = await import('./cached.ts')
    const {text, where} = await cachedCatalog(written, input)
    return [await readPart(input, {text, file: where, written: where, saved: undefined})]
  }
  if (isPath(written)) return loadPath(input, written)
  const name = findName(
    written,
    known.saved.map(each => each.name),
  )
  const saved = known.saved.find(each => each.name === name)
  const file = saved ? savedFile(input.paths, saved.name) : catalogFile(input, written)
  if (written === DEFAULT_CATALOG && !known.hasEmbedded) throw withoutEmbedded(input)
  const text = await readTextFile(file)
  const fromFile = text === undefined ? [] : [await readPart(input, {text, file, written, saved})]
  if (written === DEFAULT_CATALOG) {
    return [await embeddedPart(input), ...fromFile]
  }
  if (fromFile.length === 0) {
    throw unknownFile(written, file, saved && `it is in catalog.json: ${removal(saved.name)}`)
  }
  return fromFile
}

/** A file, or all catalogs of a folder. */
async function loadPath(input: CatalogInput, written: string): Promise<readonly Part[]> {
  const {sourcesIn} = await import('./fetch.ts')
  const files = (await sourcesIn(sourceOf(written, input.cwd))).flatMap(source =>
    source.from === 'file' ? [source.path] : [],
  )
  return Promise.all(
    files.map(async file => {
      const text = await readTextFile(file)
      if (text === undefined) throw unknownFile(written, file)
      return readPart(input, {text, file, written, saved: undefined})
    }),
  )
}

function unknownFile(
  written: string,
  file: string,
  hint = 'see the catalogs there are: docker mcp catalog ls',
): PluginError {
  return new PluginError(
    'CATALOG_UNKNOWN',
    `there is no catalog ${written}: the file ${file} does not exist`,
    {hint},
  )
}

async function readPart(
  {paths}: CatalogInput,
  {
    text,
    file,
    written,
    saved,
  }: {text: string; file: string; written: string; saved: SavedCatalog | undefined},
): Promise<Part> {
  const {catalog, problems, digest} = await readChecked(text, {file, stateDir: paths.stateDir})
  // A kept catalog is known by its key, whatever its text says; what has no name is known as it was written.
  const name = saved?.name ?? (catalog.name === file ? written : catalog.name)
  const {displayName = saved?.displayName} = catalog
  return {
    catalog: {...catalog, name, ...(displayName !== undefined && {displayName})},
    source: file,
    problems,
    digest: (saved && !isEdited(saved, text) && saved.digest) || digest,
    ...(saved && {saved}),
  }
}

/** The user wants only the catalogs that are his: what names the embedded one must not bring it back. */
export function withoutEmbedded({paths}: Pick<CatalogInput, 'paths'>): PluginError {
  return new PluginError(
    'CATALOG_UNKNOWN',
    `the catalog ${DEFAULT_CATALOG} is switched off: catalogs.default is false in ${paths.gatewayFile}`,
    {hint: 'have it again: docker mcp catalog init'},
  )
}

function catalogFile({paths}: CatalogInput, name: string): string {
  // A plain name means that folder, and no way out of it.
  const isFile = /\.ya?ml$/i.test(name) && !/(^|[\\/])\.\.[\\/]/.test(name)
  return isFile ? join(paths.catalogsDir, name) : savedFile(paths, name)
}
