import {isSlipOf} from '../base/near-names.ts'

export {nearestNames} from '../base/near-names.ts'

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
 * Finds servers by words. What is called so comes first, also when it is written in one word or in several, or with a
 * slip; then beginnings of words and typing mistakes count, a hit in the name most, then title, tags, tools and
 * description. All words together are tried first, then most of them, then worse typing mistakes.
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
  const all = new Set<string>()
  const index = new MiniSearch<{id: number} & Record<string, unknown>>({
    fields: ['name', 'title', 'tags', 'tools', 'description'],
    tokenize: text => {
      const words = wordsOf(text)
      for (const word of words) all.add(word)
      return words
    },
    processTerm: word => word,
    searchOptions: {
      tokenize: word => [word],
      boost: {name: 8, title: 4, tags: 2.5, tools: 1.5, description: 1},
    },
  })
  index.addAll(
    servers.map(({name, title, tags, tools, description}, id) => {
      return {id, name, title, tags: tags.join(' '), tools: tools.join(' '), description}
    }),
  )
  const known = knownOf(all)
  const {words, isFiller} = wordsAskedFor(query)
  const repaired = words.length > MOST_WORDS ? words : words.map(word => repair(word, known))
  const isMistyped = repaired.length <= MOST_WORDS && !repaired.every(known.hasBeginning)
  const isRepaired = repaired.some((word, at) => word !== words[at])
  const called = calledSo(servers, isRepaired ? repaired.join(' ') : query, isMistyped)
  for (const attempt of isFiller ? [] : ATTEMPTS) {
    const queries = repaired.map(bothWays)
    const hits = index.search({combineWith: attempt.combineWith, queries}, {...attempt, prefix})
    const most = Math.max(...hits.map(({queryTerms}) => new Set(queryTerms).size))
    const found = hits
      .filter(({queryTerms}) => new Set(queryTerms).size >= Math.min(most, repaired.length / 2))
      .flatMap(({id}: {id: number}) => servers[id] ?? [])
    if (found.length > 0) return [...new Set([...called, ...found])].slice(0, limit)
  }
  return called.slice(0, limit)
}

/** A word this short is meant as it is written: with other letters it would be any word. */
const SHORT_WORD = 2
const prefix = (term: string) => term.length > SHORT_WORD

/** `fuzzy` is the share of a word's letters that may be wrong; two swapped letters count as two. */
const ATTEMPTS = [
  {combineWith: 'AND', fuzzy: (term: string) => (term.length > 3 ? 0.2 : false)},
  {combineWith: 'OR', fuzzy: (term: string) => (term.length > 3 ? 0.2 : false)},
  {combineWith: 'OR', fuzzy: (term: string) => fuzzyAtWorst(term.length)},
] as const

function fuzzyAtWorst(letters: number): number | false {
  if (letters <= SHORT_WORD) return false
  return letters > 3 ? 0.4 : 0.34
}

/** Words that say what a person wants, and not of what; every server is an MCP server. */
const FILLERS: ReadonlySet<string> = new Set(
  'a an and any are as at be by can could do does for from have how i in into is it like me my of on or please some something that the there this to use want what when where which who will with would you your mcp server servers'.split(
    ' ',
  ),
)

function wordsAskedFor(query: string): {words: readonly string[]; isFiller: boolean} {
  const all = query
    .toLowerCase()
    .split(BETWEEN_WORDS)
    .filter(word => /[\p{L}\p{N}]/u.test(word))
  const words = all.filter(word => !FILLERS.has(word))
  return {words, isFiller: words.length === 0}
}

/** The words of a text, in small letters; one with hyphens is both its parts and all of them together, as people write either. */
function wordsOf(text: string): string[] {
  const words: string[] = []
  for (const word of text.toLowerCase().split(BETWEEN_WORDS)) {
    if (!/[_-]/.test(word)) {
      if (word !== '') words.push(word)
      continue
    }
    const parts = partsOf(word)
    words.push(...parts)
    if (parts.length > 1) words.push(parts.join(''))
  }
  return words
}

const BETWEEN_WORDS = /[^\p{L}\p{N}_-]+/u

/** Which words there are at all. */
interface Known {
  readonly has: (word: string) => boolean
  readonly hasBeginning: (word: string) => boolean
}

function knownOf(all: ReadonlySet<string>): Known {
  return {
    has: word => all.has(word),
    hasBeginning: word => {
      const together = partsOf(word).join('')
      return all.has(together) || [...all].some(each => each.startsWith(together))
    },
  }
}

function partsOf(word: string): readonly string[] {
  return word.split(/[_-]+/).filter(part => part !== '')
}

/** One word of a query, together or in its parts. */
function bothWays(word: string) {
  const parts = [...partsOf(word)]
  const [only] = parts
  if (parts.length < 2) return {combineWith: 'AND' as const, queries: [only ?? '']}
  return {
    combineWith: 'OR' as const,
    queries: [parts.join(''), {combineWith: 'AND' as const, queries: parts}],
  }
}

/**
 * What the query is the name or the title of, then what it begins: `git hub` is `github`, and `acmemail` `acme-mail`.
 * @param isMistyped whether it has a word that nothing has; then a name that it is but for a slip is taken for meant
 */
function calledSo<T extends Searchable>(
  servers: readonly T[],
  query: string,
  isMistyped: boolean,
): readonly T[] {
  const wanted = squashed(query)
  if (wanted === '' || wanted.length > LONGEST_WORD) return []
  const isNearly = (text: string) =>
    isMistyped && wanted.length > 3 && isSlipOf(wanted, squashed(text))
  const ways: readonly ((server: T) => boolean)[] = [
    ({name}) => squashed(name) === wanted,
    ({title}) => squashed(title) === wanted,
    ({name}) => isNearly(name),
    ({title}) => isNearly(title),
    ({name}) => wanted.length > SHORT_WORD && squashed(name).startsWith(wanted),
  ]
  return [...new Set(ways.flatMap(isSo => servers.filter(isSo)))]
}

function squashed(text: string): string {
  return text.toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, '')
}

/** Far more than people type; every pair of letters of a word is tried. */
const MOST_WORDS = 20
const LONGEST_WORD = 40

/**
 * Puts two letters back that changed places, which is the mistake that people make most: in a word that nothing has, and
 * whose letters in another order something does.
 */
function repair(word: string, {has, hasBeginning}: Known): string {
  if (word.length < 3 || word.length > LONGEST_WORD || hasBeginning(word)) return word
  const swapped = Array.from(
    {length: word.length - 1},
    (_, at) => `${word.slice(0, at)}${word[at + 1]}${word[at]}${word.slice(at + 2)}`,
  )
  return swapped.find(has) ?? swapped.find(each => word.length > 3 && hasBeginning(each)) ?? word
}
