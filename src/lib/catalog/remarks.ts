import {oneLine} from '../base/one-line.ts'
import type {CatalogProblem} from '../model/catalog.ts'
import type {CheckedCatalog} from './check.ts'
import type {Catalogs} from './store.ts'

/** So much of a list of keys tells what is going on. */
const MOST_KEYS = 10
const LONGEST_KEY = 60
/** And so many servers. */
const MOST_SERVERS = 10

/**
 * Says what entries have that does nothing: keys that the format does not have, and keys that others of the entry make
 * idle.
 * @param names the servers that a person wants to run; what others have is nobody's concern
 * @returns lines, each about one server, after one about the catalogs themselves
 */
export function remarks(
  {problems}: Pick<Catalogs, 'problems'>,
  names: readonly string[],
): readonly string[] {
  const others = [...new Set(names)].flatMap(name => {
    const own = problems.filter(({server}) => server === name)
    const unknown = own.filter(({kind}) => kind === 'unknown')
    const idle = own.filter(({kind}) => kind === 'idle')
    const entry = `the catalog entry of ${name}`
    return [
      ...(unknown.length === 0
        ? []
        : [`${entry} has keys that mean nothing here: ${shortened(unknown)}`]),
      ...idle.map(({path, message, place}) => `${entry}: ${path} ${message}${inPlace(place)}`),
    ]
  })
  return [...documentRemarks({problems}), ...others]
}

/** Says what keys catalogs have beside those of the format, none of which is a server's: at most one line. */
export function documentRemarks({problems}: Pick<Catalogs, 'problems'>): readonly string[] {
  const strange = problems.filter(isOfDocument)
  if (strange.length === 0) return []
  return [`the catalogs have keys that mean nothing here: ${shortened(strange)}`]
}

/** Whether a problem is that the document, and no server, has a key that is none. */
export function isOfDocument({server, kind}: CatalogProblem): boolean {
  return server === '' && kind === 'unknown'
}

/** The same of a catalog that comes here, where nobody has chosen servers yet: of its first ones, and how many more. */
export function remarksOf({problems, catalog}: CheckedCatalog): readonly string[] {
  const lines = remarks({problems}, [...catalog.servers.keys()])
  const rest = lines.length - MOST_SERVERS
  return rest <= 0 ? lines : [...lines.slice(0, MOST_SERVERS), `and ${rest} more such entries`]
}

/** Keys are foreign text, as many and as long as somebody likes. */
function shortened(keys: readonly CatalogProblem[]): string {
  const shown = keys.slice(0, MOST_KEYS).map(({path, place}) => {
    const key = path.length > LONGEST_KEY ? `${path.slice(0, LONGEST_KEY)}…` : path
    return `${oneLine(key)}${inPlace(place)}`
  })
  const rest = keys.length - shown.length
  return rest === 0 ? shown.join(', ') : `${shown.join(', ')} and ${rest} more`
}

/** Where in a file a problem is, behind what it is. */
export function inPlace(place: string | undefined): string {
  return place === undefined ? '' : ` (${place})`
}
