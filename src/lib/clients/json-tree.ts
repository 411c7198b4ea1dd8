import {
  createScanner,
  parseTree,
  printParseErrorCode,
  type Node,
  type ParseError,
} from 'jsonc-parser'
import {PluginError} from '../base/errors.ts'
import type {Json, JsonObject} from '../base/json.ts'
import {lineStart} from '../files/yaml-text.ts'
import type {Brackets} from './brackets.ts'
import {BOM} from './change.ts'

/** A value, or a pair, with its place in the text. */
export type JsonNode = Node

/** Clients nest a few levels; the parser recurses, and a hostile file would end the process there. */
const MAX_DEPTH = 200

/**
 * What stands under a key of a map, or at a place of a list.
 * @throws PluginError FILE_INVALID for a key that is there twice
 */
export function childOf(
  where: {readonly text: string; readonly file: string},
  node: Node,
  name: string | number,
): Node | undefined {
  if (typeof name === 'number') return node.children?.[name]
  const [found, twin] = (node.children ?? []).filter(pair => pair.children?.[0]?.value === name)
  if (twin) throw invalid({...where, offset: twin.offset}, 'this key is there twice')
  return found?.children?.[1]
}

/** Where the brackets of a map or list are, and what is between them. */
export function bracketsOf(text: string, node: Node): Brackets {
  const children = node.children ?? []
  return {
    open: node.offset,
    close: node.offset + node.length - 1,
    items: children.map(({offset, length}) => {
      const comma = commaAfter(text, offset + length)
      return {start: offset, end: offset + length, ...(comma === undefined ? {} : {comma})}
    }),
  }
}

function commaAfter(text: string, end: number): number | undefined {
  const scanner = createScanner(text, true)
  scanner.setPosition(end)
  scanner.scan()
  const at = scanner.getTokenOffset()
  return text[at] === ',' ? at : undefined
}

/**
 * Reads JSON with comments.
 * @returns undefined for a file without content
 * @throws PluginError FILE_INVALID with `file:line:column`
 */
export function treeOf(text: string, file: string): Node | undefined {
  // The parser takes a byte order mark for a strange symbol; a space has the same length.
  const body = text.startsWith(BOM) ? ` ${text.slice(1)}` : text
  refuseDeep(body, file)
  const errors: ParseError[] = []
  const root = parseTree(body, errors, {allowTrailingComma: true, allowEmptyContent: true})
  const [error] = errors
  if (error) throw invalid({text, file, offset: error.offset}, reasonOf(error))
  return root
}

function refuseDeep(text: string, file: string): void {
  const scanner = createScanner(text, true)
  let depth = 0
  for (let from = -1; scanner.getPosition() > from; ) {
    from = scanner.getPosition()
    scanner.scan()
    const mark = scanner.getTokenLength() === 1 ? text[scanner.getTokenOffset()] : ''
    if (mark === '{' || mark === '[') depth += 1
    if (mark === '}' || mark === ']') depth -= 1
    if (depth > MAX_DEPTH) {
      throw invalid({text, file, offset: scanner.getTokenOffset()}, 'it is nested too deeply')
    }
  }
}

function reasonOf({error}: ParseError): string {
  const words = printParseErrorCode(error).replaceAll(/([a-z])([A-Z])/g, '$1 $2')
  return `this is not JSON (${words.toLowerCase()})`
}

/** The plain value of what was read. */
export function valueOf(node: Node): Json {
  if (node.type === 'array') return (node.children ?? []).map(valueOf)
  if (node.type !== 'object') return (node.value ?? null) as Json
  const map: JsonObject = {}
  for (const {children: [key, value] = []} of node.children ?? []) {
    if (!key || !value) continue
    // Not by assignment: a key called __proto__ is a key like others.
    Object.defineProperty(map, String(key.value), {
      value: valueOf(value),
      enumerable: true,
      configurable: true,
      writable: true,
    })
  }
  return map
}

/** The refusal of a file, with the place in it. */
export function invalid(
  {text, file, offset}: {text: string; file: string; offset: number},
  reason: string,
): PluginError {
  const start = lineStart(text, offset)
  const line = text.slice(0, start).split('\n').length
  return new PluginError('FILE_INVALID', `${file}:${line}:${offset - start + 1}: ${reason}`, {
    hint: 'correct the file at that place',
  })
}
