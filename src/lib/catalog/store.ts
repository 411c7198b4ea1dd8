import {isAbsolute, join, resolve} from 'node:path'
import {PluginError} from '../base/errors.ts'
import {isJsonObject, type JsonObject} from '../base/json.ts'
import {readTextFile} from '../files/atomic.ts'
import type {StatePaths} from '../files/paths.ts'
import {parseYamlMap} from '../files/yaml.ts'
import type {Catalog, CatalogProblem, CatalogServer} from '../model/catalog.ts'

/** A catalog, with the place that it came from. */
export interface LoadedCatalog {
  readonly catalog: Catalog
  /** `embedded`, or a file. */
  readonly source: string
}

/** All catalogs that count, and what they have together. */
export interface Catalogs {
  /** Later ones win. */
  readonly loaded: readonly LoadedCatalog[]
  readonly servers: ReadonlyMap<string, CatalogServer>
  /** Which catalog a server came from. */
  readonly origins: ReadonlyMap<string, string>
  readonly problems: readonly CatalogProblem[]
}

export interface CatalogInput {
  readonly paths: StatePaths
  readonly cwd: string
  /** The catalog that is part of this program; it was checked when the program was built. */
  readonly embedded: () => Promise<Catalog>
}

/** The name of the embedded catalog, and of docker's own. */
export const DEFAULT_CATALOG = 'docker-mcp'

/**
 * Loads the catalogs: the ones named, or else the embedded one and those of catalog.json; then the additional ones.
 * A name means a catalog of catalog.json or a file in the catalogs folder, `./x` one in the current folder.
 * @throws PluginError CATALOG_UNKNOWN, CATALOG_INVALID, FILE_INVALID, NOT_BUILT (addresses)
 */
export async function loadCatalogs(
  input: CatalogInput,
  selection: {
    catalogs?: readonly string[] | undefined
    additional?: readonly string[] | undefined
  } = {},
): Promise<Catalogs> {
  const {catalogs, additional = []} = selection
  const names = catalogs ?? [DEFAULT_CATALOG, ...(await configured(input))]
  const parts = await Promise.all([...names, ...additional].map(name => loadOne(input, name)))
  const all = parts.flat()
  const servers = new Map<string, CatalogServer>()
  const origins = new Map<string, string>()
  for (const {catalog} of all) {
    for (const [name, server] of catalog.servers) {
      servers.set(name, server)
      origins.set(name, catalog.name)
    }
  }
  const problems = all.flatMap(part => part.problems.filter(problem => counts(problem, part, all)))
  return {loaded: all, servers, origins, problems}
}

/** What is left out is told wherever it stands; what an entry has that does nothing, only where no later one wins. */
function counts({kind, server}: CatalogProblem, part: Part, all: readonly Part[]): boolean {
  if (kind === 'invalid') return true
  return !all.slice(all.indexOf(part) + 1).some(({catalog}) => catalog.servers.has(server))
}

/** What a person must know of the catalogs: by server, which entries are left out, and everything that is wrong there. */
export function leftOut({problems}: Catalogs): ReadonlyMap<string, string> {
  const wrong = new Map<string, string[]>()
  for (const {kind, server, path, message} of problems) {
    if (kind !== 'invalid') continue
    const known = wrong.get(server) ?? []
    wrong.set(server, [...known, path === '' ? message : `${path} ${message}`])
  }
  const lines = [...wrong].map(
    ([server, reasons]) =>
      [server, `the catalog entry of ${server} is left out: ${reasons.join('; ')}`] as const,
  )
  return new Map(lines)
}

type Part = LoadedCatalog & {problems: readonly CatalogProblem[]}

async function loadOne(input: CatalogInput, name: string): Promise<Part[]> {
  if (/^https?:\/\//i.test(name)) {
    throw new PluginError(
      'NOT_BUILT',
      `the catalog ${name} is an address, which this version cannot load yet`,
      {
        hint: 'download it and name the file',
      },
    )
  }
  const file = catalogFile(input, name)
  const text = await readTextFile(file)
  const fromFile = text === undefined ? [] : [await parsePart(text, file, name)]
  if (name === DEFAULT_CATALOG) {
    return [{catalog: await input.embedded(), source: 'embedded', problems: []}, ...fromFile]
  }
  if (fromFile.length === 0) {
    throw new PluginError(
      'CATALOG_UNKNOWN',
      `there is no catalog ${name}: the file ${file} does not exist`,
      {
        hint: 'see the catalogs there are: docker mcp catalog ls',
      },
    )
  }
  return fromFile
}

async function parsePart(text: string, file: string, name: string): Promise<Part> {
  // The schema is heavy, and most users have no catalog of their own.
  const {parseCatalog} = await import('../model/catalog.ts')
  const {catalog, problems} = parseCatalog(parseYamlMap(text, file), file)
  return {catalog: catalog.name === file ? {...catalog, name} : catalog, source: file, problems}
}

function catalogFile({paths, cwd}: CatalogInput, name: string): string {
  if (isAbsolute(name)) return name
  if (/^\.{1,2}[\\/]/.test(name)) return resolve(cwd, name)
  return join(paths.catalogsDir, /\.ya?ml$/i.test(name) ? name : `${name}.yaml`)
}

/** The names in catalog.json that have a file; docker's own entry is the embedded one. */
async function configured({paths}: CatalogInput): Promise<readonly string[]> {
  const index = await readIndex(paths)
  return Object.keys(index).filter(name => name !== DEFAULT_CATALOG)
}

async function readIndex({catalogIndex}: StatePaths): Promise<JsonObject> {
  const text = await readTextFile(catalogIndex)
  if (text === undefined || text.trim() === '') return {}
  const {catalogs} = parseIndex(text, catalogIndex)
  if (catalogs === undefined) return {}
  if (isJsonObject(catalogs)) return catalogs
  throw invalidIndex(catalogIndex, undefined)
}

function parseIndex(text: string, file: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text)
    if (isJsonObject(value)) return value
  } catch (error) {
    throw invalidIndex(file, error)
  }
  throw invalidIndex(file, undefined)
}

function invalidIndex(file: string, cause: unknown): PluginError {
  return new PluginError('FILE_INVALID', `${file} is not a list of catalogs`, {
    hint: 'mend it, or move it away: without it the embedded catalog is used',
    cause,
  })
}
