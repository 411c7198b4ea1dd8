import {distance} from 'fastest-levenshtein'

/** What a person's words are compared with. */
export interface Searchable {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly tags: readonly string[]
  /** Names of tools. */
  readonly tools: readonly string[]
}

/**
 * Finds servers by words: beginnings of words and typing mistakes count, a hit in the name counts
 * most, then title, tags, tools and description. All words together are tried first, then any of
 * them, then worse typing mistakes.
 * @param limit how many to give at most
 * @returns the servers that match, best first; all of them in their own order for an empty query
 */
export async function searchServers<T extends Searchable>(
  servers: readonly T[],
  query: string,
  limit: number,
): Promise<readonly T[]> {
  if (query.trim() === '') return servers.slice(0, limit)
  const {default: MiniSearch} = await import('minisearch')
  const index = new MiniSearch<{id: number} & Record<string, unknown>>({
    fields: ['name', 'title', 'tags', 'tools', 'description'],
    searchOptions: {boost: {name: 8, title: 4, tags: 2.5, tools: 1.5, description: 1}},
  })
  index.addAll(
    servers.map(({name, title, tags, tools, description}, id) => {
      return {id, name, title, tags: tags.join(' '), tools: tools.join(' '), description}
    }),
  )
  for (const attempt of ATTEMPTS) {
    const hits = index.search(query, {...attempt, prefix: term => term.length > 1})
    const found = hits.flatMap(({id}: {id: number}) => servers[id] ?? [])
    if (found.length > 0) return found.slice(0, limit)
  }
  return []
}

/** `fuzzy` is the share of a word's letters that may be wrong; two swapped letters count as two. */
const ATTEMPTS = [
  {combineWith: 'AND', fuzzy: (term: string) => (term.length > 3 ? 0.2 : false)},
  {combineWith: 'OR', fuzzy: (term: string) => (term.length > 3 ? 0.2 : false)},
  {combineWith: 'OR', fuzzy: (term: string) => (term.length > 3 ? 0.4 : 0.34)},
] as const

/** Comparing costs the product of two lengths, and both may come from somebody who means harm. */
const LONGEST_NAME = 200

/**
 * The names that somebody may have meant by one that does not exist: those that differ in about a
 * third of the letters at most, and those that it is the beginning of.
 * @param most how many to give at most
 * @returns nearest first; empty when nothing is near
 */
export function nearestNames(name: string, names: readonly string[], most = 3): readonly string[] {
  if (name.length > LONGEST_NAME) return []
  const wanted = name.toLowerCase()
  // Two letters that changed places are two steps.
  const allowed = wanted.length < 4 ? 1 : Math.max(2, Math.round(wanted.length / 3))
  return names
    .filter(candidate => candidate.length <= LONGEST_NAME)
    .map(candidate => ({candidate, steps: stepsTo(wanted, candidate.toLowerCase())}))
    .filter(({steps}) => steps <= allowed)
    .toSorted((a, b) => a.steps - b.steps || a.candidate.localeCompare(b.candidate, 'en'))
    .slice(0, most)
    .map(({candidate}) => candidate)
}

function stepsTo(wanted: string, candidate: string): number {
  const isBeginning = wanted.length >= 3 && candidate.startsWith(wanted)
  return isBeginning ? Math.min(1, candidate.length - wanted.length) : distance(wanted, candidate)
}
