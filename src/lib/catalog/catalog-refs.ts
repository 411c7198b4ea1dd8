import {PluginError} from '../base/errors.ts'
import {oneLine} from '../base/one-line.ts'
import type {CatalogServer} from '../model/catalog.ts'
import {normalizeReference} from '../images/reference.ts'
import {resolvedEntry} from './resolved.ts'
import {savedCatalogs} from './saved.ts'
import {nearestNames} from './search.ts'
import type {ResolvedServer} from './server-refs.ts'
import {DEFAULT_CATALOG} from './identity.ts'
import {loadCatalogs, type CatalogInput} from './store.ts'

/**
 * Servers of a catalog that is here, with their entries as they stand there.
 * @param rest what follows `catalog://`: the catalog's name or reference, `/`, names of servers between `+`; in names
 *   `*`, `?` and `[…]` stand for what they stand for in a shell. A reference that ends in its tag names all of them
 * @throws PluginError USAGE; CATALOG_UNKNOWN; SERVER_UNKNOWN for each name that none has; those of `loadCatalogs`
 */
export async function serversOfCatalog(
  rest: string,
  input: CatalogInput,
): Promise<readonly ResolvedServer[]> {
  const all = TAGGED.test(rest) ? `${rest}/*` : rest
  const at = all.lastIndexOf('/')
  const [written, names] = [all.slice(0, Math.max(at, 0)), all.slice(at + 1).split('+')]
  if (written === '' || names.includes('')) {
    throw new PluginError('USAGE', `catalog://${oneLine(rest)} names no server of a catalog`, {
      hint: 'write catalog://<catalog>/<server>, or /* for all of its servers',
    })
  }
  const name = await knownName(written, input)
  const {servers} = await loadCatalogs(input, {catalogs: [name]})
  return matching(names, {servers, catalog: name}).map(server => resolvedEntry(server, name))
}

/** No server has a name with a colon in it. */
const TAGGED = /:[^/]+$/

/** The name that a catalog has here. */
async function knownName(written: string, input: CatalogInput): Promise<string> {
  const names = [DEFAULT_CATALOG, ...(await savedCatalogs(input.paths)).map(({name}) => name)]
  const found = names.find(name => name === written) ?? names.find(name => isSame(name, written))
  if (found !== undefined) return found
  const [near] = nearestNames(written, names)
  throw new PluginError('CATALOG_UNKNOWN', `there is no catalog ${oneLine(written)} here`, {
    hint:
      near === undefined
        ? `get it first: docker mcp catalog pull ${oneLine(written)}`
        : `did you mean "${near}"? all of them: docker mcp catalog ls`,
  })
}

/** Docker Hub's host and `library/`, and the tag `latest`, can be left out. */
function isSame(name: string, written: string): boolean {
  const [a, b] = [normalizeReference(name), normalizeReference(written)]
  return a !== undefined && b !== undefined && b.digest === undefined && a.text === b.text
}

function matching(
  patterns: readonly string[],
  {servers, catalog}: {servers: ReadonlyMap<string, CatalogServer>; catalog: string},
): readonly CatalogServer[] {
  const found = new Set<CatalogServer>()
  for (const pattern of patterns) {
    const hits = [...servers.values()].filter(({name}) => fitsGlob(name, pattern))
    if (hits.length === 0) {
      const [near] = nearestNames(pattern, [...servers.keys()])
      throw new PluginError('SERVER_UNKNOWN', `${catalog} has no server ${oneLine(pattern)}`, {
        hint:
          near === undefined
            ? `see what it has: docker mcp catalog show ${catalog}`
            : `did you mean "${near}"?`,
      })
    }
    for (const hit of hits) found.add(hit)
  }
  return [...found]
}

/**
 * Whether a name fits a pattern of the shell: `*` any text, `?` one letter, `[a-c]` or `[^a-c]` one of some, `\` takes
 * its meaning from what follows. In time that grows with the product of both lengths at most.
 */
export function fitsGlob(name: string, pattern: string): boolean {
  const letters = name.match(/./gsu) ?? []
  const items = tokens(pattern)
  // Which beginnings of the name the pattern so far fits.
  let reached = letters.map(() => false)
  reached = [true, ...reached]
  for (const item of items) {
    const next = reached.map(() => false)
    for (const [at, is] of reached.entries()) {
      if (item === '*') next[at] = is || next[at - 1] === true
      else if (is && at < letters.length && item(letters[at] ?? '')) next[at + 1] = true
    }
    reached = next
  }
  return reached.at(-1) === true
}

type Item = '*' | ((letter: string) => boolean)

function tokens(pattern: string): readonly Item[] {
  const items: Item[] = []
  for (const [token] of pattern.matchAll(/\\.|\[\^?\]?[^\]]*\]|./gsu)) {
    if (token === '*') items.push('*')
    else if (token === '?') items.push(() => true)
    else if (token.length > 2 && token.startsWith('[')) items.push(oneOf(token.slice(1, -1)))
    else {
      const literal = token.startsWith('\\') && token.length > 1 ? token.slice(1) : token
      items.push(letter => letter === literal)
    }
  }
  return items
}

function oneOf(written: string): Item {
  const isNot = written.startsWith('^')
  const ranges = [...(isNot ? written.slice(1) : written).matchAll(/(.)(?:-(.))?/gsu)]
  return letter =>
    ranges.some(([, from = '', to = from]) => from <= letter && letter <= to) !== isNot
}
