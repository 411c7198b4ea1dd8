import {PluginError} from '../base/errors.ts'
import type {JsonObject} from '../base/json.ts'
import {parseYamlMap} from '../files/yaml.ts'
import type {Catalog, CatalogProblem} from '../model/catalog.ts'
import type {FetchedCatalog} from './fetch.ts'
import {inPlace, isOfDocument} from './remarks.ts'

/** A catalog's text, read in both ways: as it is written, and as it counts. */
export interface CheckedCatalog {
  readonly document: JsonObject
  readonly catalog: Catalog
  readonly problems: readonly CatalogProblem[]
  /** The name that it gives itself. */
  readonly ownName: string | undefined
}

/**
 * Reads a catalog, and says what is wrong in it.
 * @param where the file or address, for messages
 * @throws PluginError FILE_INVALID, CATALOG_INVALID when it is no catalog at all, or all of its servers are wrong
 */
export async function checkCatalog(text: string, where: string): Promise<CheckedCatalog> {
  const {parseCatalog} = await import('../model/catalog.ts')
  const document = parseYamlMap(text, where)
  const {name} = document
  const ownName = typeof name === 'string' && name !== '' ? name : undefined
  const checked = {document, ownName, ...parseCatalog(document, where)}
  const wrong = wrongServers(checked)
  if (wrong.length === 0 || checked.catalog.servers.size > 0) return checked
  throw new PluginError('CATALOG_INVALID', `${where} has no server that can be used: ${wrong[0]}`, {
    hint: 'a catalog of which nothing is left does not take the place of another',
  })
}

/**
 * Reads a catalog that came from elsewhere, and says where in it what is wrong is, unless nobody wrote it as it is here.
 * @throws like {@link checkCatalog}
 */
export async function checkFetched({
  text,
  where,
  url,
}: Pick<FetchedCatalog, 'text' | 'where' | 'url'>): Promise<CheckedCatalog> {
  const checked = await checkCatalog(text, where)
  if (url.startsWith('oci:')) return checked
  return {...checked, problems: await withPlaces(checked.problems, {text, file: where})}
}

/** Problems of a catalog with the lines on which they are. */
export async function withPlaces(
  problems: readonly CatalogProblem[],
  {text, file}: {text: string; file: string},
): Promise<readonly CatalogProblem[]> {
  if (problems.length === 0) return problems
  const {yamlLines} = await import('../files/yaml-places.ts')
  const lines = yamlLines(
    text,
    problems.map(problem =>
      isOfDocument(problem) ? problem.keys : ['registry', problem.server, ...problem.keys],
    ),
  )
  return problems.map((problem, at) => ({...problem, place: `${file}:${lines[at]}`}))
}

/** The servers that a catalog's own mistakes leave out, a line each. */
export function wrongServers({problems}: Pick<CheckedCatalog, 'problems'>): readonly string[] {
  return problems.flatMap(({kind, server, path, message, place}) =>
    kind === 'invalid'
      ? [`server ${server}: ${path === '' ? message : `${path} ${message}`}${inPlace(place)}`]
      : [],
  )
}
