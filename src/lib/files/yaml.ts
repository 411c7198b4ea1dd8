import {
  Composer,
  Lexer,
  LineCounter,
  Parser,
  YAMLParseError,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  visit,
  type CST,
  type Document,
  type Pair,
  type YAMLMap,
} from 'yaml'
import {PluginError, messageOf} from '../base/errors.ts'
import {isJsonObject, type JsonObject} from '../base/json.ts'

/** Far more than people write. */
const MAX_ALIASES = 10_000

/** How many values the aliases of one anchor may stand for: a document that grows further is a bomb. */
const MAX_ALIAS_GROWTH = 1000

/** Schemas in catalogs are nested about twenty deep. */
const MAX_DEPTH = 128

/**
 * Reads a YAML 1.2 document (core schema, merge keys, keys are strings).
 * @param file the name to use in errors
 * @returns plain values; null for an empty document
 * @throws PluginError FILE_INVALID with `file:line:column` and the reason; duplicate keys, several documents
 *   and aliases that multiply without measure are errors
 */
export function parseYaml(text: string, file: string): unknown {
  return readYaml(text, file).value
}

/**
 * Reads a YAML document whose top is a map.
 * @param file the name to use in errors
 * @returns the map; an empty one for an empty document
 * @throws PluginError FILE_INVALID like {@link parseYaml}, and when the top is not a map
 */
export function parseYamlMap(text: string, file: string): JsonObject {
  const value = parseYaml(text, file) ?? {}
  if (isJsonObject(value)) return value
  throw invalidYaml({text, file, path: []}, 'the top is not a map of keys')
}

/** A YAML text in both of its forms. */
export interface YamlText {
  readonly value: unknown
  /** Nodes with the ranges and tokens that they were read from. */
  readonly document: Document.Parsed
}

/** Reads a YAML document and keeps its nodes; see {@link parseYaml}. */
export function readYaml(text: string, file: string): YamlText {
  const lines = new LineCounter()
  const at = (offset: number, reason: string, cause?: unknown) =>
    invalid(`${file}:${place(lines, offset)}`, reason, cause)
  const document = compose(text, lines)
  if (!document) {
    throw at(lines.lineStarts.at(-1) ?? 0, `it is nested more than ${MAX_DEPTH} levels deep`)
  }
  const [error] = document.errors
  if (error) throw at(error.pos[0], error.message, error)
  const wrong = duplicateKey(document) ?? wrongAlias(document)
  if (wrong) throw at(wrong.at, wrong.reason)
  try {
    return {document, value: document.toJS({maxAliasCount: MAX_ALIAS_GROWTH})}
  } catch (cause) {
    // Aliases that multiply and merges of what is no map are only found now, without a place.
    throw at(0, messageOf(cause), cause)
  }
}

/**
 * An error about a value that is well-formed YAML but not what it should be.
 * @param input `path`: the keys that lead to the value; in a list the number of the item, from 0
 * @returns FILE_INVALID with `file:line:column` of the value's key
 */
export function invalidYaml(
  input: {text: string; file: string; path: readonly string[]},
  reason: string,
): PluginError {
  const {line, column} = yamlPlaces(input.text)(input.path)
  return invalid(`${input.file}:${line}:${column}`, reason)
}

/** A place in a text, both from 1. */
export interface Place {
  readonly line: number
  readonly column: number
}

/**
 * Finds where things are in a YAML text.
 * @returns a function that takes the keys that lead to a value (in a list the number of the item, from 0) and gives the
 *   place of the last of them that is there
 */
export function yamlPlaces(text: string): (path: readonly string[]) => Place {
  const lines = new LineCounter()
  const top: unknown = compose(text, lines)?.contents
  return path => placeAt(lines, offsetOf(top, path))
}

/** Where in its text the last of the keys stands that lead from a node of a document to a value, as far as they lead. */
export function offsetOf(top: unknown, path: readonly string[]): number {
  let node = top
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0
  for (const key of path) {
    const item = isSeq(node) ? node.items[Number(key)] : undefined
    const pair = isMap(node) ? findPair(node, key) : undefined
    const start = isNode(item) ? item.range?.[0] : pair?.key.range[0]
    if (start === undefined) break
    offset = start
    node = item ?? pair?.value
  }
  return offset
}

/** The pair of a map that has this key; not one that a merge key brings in. */
export function findPair(map: YAMLMap, key: string): FoundPair | undefined {
  for (const pair of map.items) {
    if (isPair(pair) && isScalar(pair.key) && pair.key.value === key && pair.key.range) {
      return {key: {range: pair.key.range}, value: pair.value, source: pair.srcToken}
    }
  }
  return undefined
}

export interface FoundPair {
  readonly key: {readonly range: readonly [number, number, number]}
  readonly value: unknown
  /** The tokens between which the pair's text lies. */
  readonly source: Pair['srcToken']
}

const OPTIONS = {
  prettyErrors: false, // the library's own would quote the file
  keepSourceTokens: true,
  stringKeys: true,
  merge: true,
  uniqueKeys: false, // the library compares every key with every other: see duplicateKey
  resolveKnownTags: false, // sets, dates and bytes have no place in JSON
} as const

/** Undefined when the text is nested too deeply. */
function compose(text: string, lines: LineCounter): Document.Parsed | undefined {
  const tokens = readTokens(text, lines)
  if (!tokens) return undefined
  const documents = [...new Composer(OPTIONS).compose(tokens, true, text.length)]
  const [document, next] = documents
  if (document && next) {
    const reason = 'it holds more than one document'
    document.errors.push(
      new YAMLParseError([next.range[0], next.range[1]], 'MULTIPLE_DOCS', reason),
    )
  }
  return document
}

/**
 * The library's parser keeps its own stack, but the steps after it recurse, and a text that is nested deeply
 * enough ends the whole process there. So the depth is watched while the parser works.
 */
function readTokens(text: string, lines: LineCounter): CST.Token[] | undefined {
  const parser = new Parser(lines.addNewLine)
  lines.addNewLine(0)
  const tokens: CST.Token[] = []
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme))
    if (parser.stack.length > MAX_DEPTH) return undefined
  }
  tokens.push(...parser.end())
  return tokens
}

/** Two keys of one name: which of them counts would be anybody's guess. */
function duplicateKey(document: Document.Parsed): {at: number; reason: string} | undefined {
  let wrong: {at: number; reason: string} | undefined
  visit(document, {
    Map: (_key, map) => {
      const seen = new Set<unknown>()
      for (const {key} of map.items) {
        if (!isScalar(key)) continue
        if (seen.has(key.value)) {
          wrong = {at: key.range?.[0] ?? 0, reason: 'Map keys must be unique'}
          return visit.BREAK
        }
        seen.add(key.value)
      }
      return undefined
    },
  })
  return wrong
}

/** The library resolves each alias by a walk over all of them, so their number is limited too. */
function wrongAlias(document: Document.Parsed): {at: number; reason: string} | undefined {
  const anchors = new Set<string>()
  let count = 0
  let wrong: {at: number; reason: string} | undefined
  visit(document, {
    Node: (_key, node) => {
      if (!isAlias(node)) {
        if (node.anchor) anchors.add(node.anchor)
        return undefined
      }
      count += 1
      const at = node.range?.[0] ?? 0
      if (!anchors.has(node.source)) wrong = {at, reason: 'the alias has no anchor before it'}
      if (count > MAX_ALIASES) wrong = {at, reason: `it holds more than ${MAX_ALIASES} aliases`}
      return wrong ? visit.BREAK : undefined
    },
  })
  return wrong
}

function placeAt(lines: LineCounter, offset: number): Place {
  const {line, col} = lines.linePos(offset)
  return {line: Math.max(line, 1), column: Math.max(col, 1)}
}

function place(lines: LineCounter, offset: number): string {
  const {line, column} = placeAt(lines, offset)
  return `${line}:${column}`
}

/** The library's reasons are sentences without an end; some go on in lines that quote the file. */
function invalid(where: string, reason: string, cause?: unknown): PluginError {
  const [sentence = ''] = reason.split('\n')
  const visible = sentence.replaceAll(/[\p{Cc}\p{Cf}]/gu, '�').slice(0, 200)
  return new PluginError('FILE_INVALID', `${where}: ${visible}`, {
    hint: 'correct the file at that place',
    cause,
  })
}

/** Whether somebody has written comments into a YAML text. */
export function hasComments(text: string): boolean {
  return [...new Lexer().lex(text)].some(lexeme => lexeme.startsWith('#'))
}
