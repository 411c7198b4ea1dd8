import {isJsonObject, objectOf, type Json, type JsonObject} from '../base/json.ts'
import {containerIn} from './change.ts'
import type {ClientFile} from './client.ts'

/** A server as a client's file has it, in words that are the same for all clients. */
export interface ServerEntry {
  readonly name: string
  readonly type: 'stdio' | 'sse' | 'http'
  readonly command: string
  readonly args: readonly string[]
  readonly env: JsonObject
  readonly url: string
  readonly headers: JsonObject
  /** The client has it and does not use it. */
  readonly isOff: boolean
}

/**
 * The servers in a client's file. What is no server of MCP, such as what comes with the client, is left out.
 * @param where the file, for errors
 * @throws PluginError FILE_INVALID when something else stands where they should be
 */
export function serverEntries(
  root: JsonObject,
  file: Pick<ClientFile, 'container' | 'list'>,
  where: string,
): readonly ServerEntry[] {
  const holder = containerIn(root, file, where) ?? {}
  const items: readonly (readonly [string, Json | undefined])[] = isJsonObject(holder)
    ? Object.entries(holder)
    : holder.map(item => [nameOf(item, file), item] as const)
  return items.flatMap(([name, item]) => (isJsonObject(item) ? serverOf(name, item) : []))
}

function nameOf(item: Json, {list}: Pick<ClientFile, 'list'>): string {
  return textOf(objectOf(item)[list?.nameKey ?? 'name'])
}

/** No server, when it has neither a command nor an address, or a kind that is no transport of MCP. */
function serverOf(name: string, entry: JsonObject): readonly ServerEntry[] {
  const [command = '', ...args] = wordsOf(entry)
  const url = urlOf(entry)
  const type = transportOf(entry, {command, url})
  if (!type || entry['bundled'] === true) return []
  const env = variablesOf(entry)
  const isOff = entry['disabled'] === true || entry['enabled'] === false
  return [{name, type, command, args, env, url, headers: headersOf(entry), isOff}]
}

/** The variables that an entry sets, by whatever name the client has for the map. */
export function variablesOf(entry: JsonObject): JsonObject {
  return objectOf(entry['env'] ?? entry['environment'] ?? entry['envs'])
}

function urlOf(entry: JsonObject): string {
  return textOf(entry['url'] ?? entry['httpUrl'] ?? entry['serverUrl'] ?? entry['uri'])
}

/**
 * Where the gateway of an entry runs.
 * @returns empty for one that the client starts
 */
export function addressOf(entry: JsonObject): string {
  return wordsOf(entry).length > 0 ? '' : urlOf(entry)
}

/**
 * The command of an entry and its arguments: opencode has them in one list, goose calls the first `cmd`.
 * @returns none when there is no command
 */
export function wordsOf(entry: JsonObject): readonly string[] {
  const {command = entry['cmd']} = entry
  const first = Array.isArray(command) ? command.map(textOf) : [textOf(command)]
  const rest = Array.isArray(entry['args']) ? entry['args'].map(textOf) : []
  return first[0] === '' ? [] : [...first, ...rest]
}

function transportOf(
  entry: JsonObject,
  {command, url}: {command: string; url: string},
): ServerEntry['type'] | undefined {
  const word = textOf(entry['type'] ?? entry['transport'])
  const said = word === '' ? impliedBy(entry) : TRANSPORTS.get(word.toLowerCase())
  const isComplete = said === 'stdio' ? command !== '' : url !== ''
  return isComplete ? said : undefined
}

/** Gemini and its kin say by the name of the address how it is spoken to. */
function impliedBy(entry: JsonObject): ServerEntry['type'] {
  const isCommand = ['command', 'cmd'].some(name => entry[name] !== undefined)
  return isCommand ? 'stdio' : 'http'
}

const TRANSPORTS: ReadonlyMap<string, ServerEntry['type']> = new Map([
  ['stdio', 'stdio'],
  ['local', 'stdio'],
  ['sse', 'sse'],
  ['http', 'http'],
  ['remote', 'http'],
  ['streamable-http', 'http'],
  ['streamable_http', 'http'],
  ['streamablehttp', 'http'],
])

/** The headers that an entry sends, by whatever name the client has for the map. */
export function headersOf(entry: JsonObject): JsonObject {
  return objectOf(
    entry['headers'] ??
      entry['http_headers'] ??
      objectOf(entry['requestOptions'])['headers'] ??
      objectOf(entry['requestInit'])['headers'],
  )
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : ''
}

/**
 * The profile that the arguments of a gateway name, in all spellings that its command line takes.
 * @returns empty for the one in use
 */
export function profileIn(args: readonly string[]): string {
  for (const [index, word] of args.entries()) {
    if (word === '--profile' || word === '-p') return args[index + 1] ?? ''
    const [, value] = /^(?:--profile|-p)=(.*)$/s.exec(word) ?? []
    if (value !== undefined) return value
  }
  return ''
}
