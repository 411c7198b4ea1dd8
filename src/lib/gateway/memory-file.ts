import {createHash} from 'node:crypto'
import {isJsonObject, type Json, type JsonObject} from '../base/json.ts'
import type {Era} from './bridge/eras.ts'
import type {NamedKind} from './relay/shown-names.ts'
import type {Items, Kind} from './relay/pages.ts'

/** So many different kinds of clients are remembered for each server. */
export const MOST_CLIENTS = 4
/** Names of one server that are kept for each kind, the ones given out last. */
export const MOST_NAMES = 10_000

const KINDS: readonly Kind[] = ['tools', 'prompts', 'resources', 'templates']
const ERAS: readonly Era[] = ['legacy', 'modern']

/** What one kind of client was answered. */
export interface RememberedClient {
  hello: JsonObject
  /** When the server last gave such a client a list, in milliseconds since 1970; 0 before that. */
  at: number
  /** The id of the image that it had then, if anybody knew. */
  image: string | undefined
  readonly lists: {[K in Kind]?: Items}
}

/** What is remembered of one server. */
export interface ServerMemory {
  readonly fingerprint: string
  /** By the client's kind, the one seen last at the end. */
  readonly clients: Map<string, RememberedClient>
  /** The names under which items were shown last, by their own names. */
  readonly names: Record<NamedKind, Map<string, string>>
  /** Whether it speaks an era, as far as that was found out. */
  readonly eras: Map<Era, boolean>
}

/** A short text that stands for a long one. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

/** A server may be called anything; a file may not. */
export function fileName(server: string): string {
  const plain = server.replace(/[^\w-]/g, '_').slice(0, 60)
  return `${plain}.${digest(server)}.json`
}

/** The text of a server's file. */
export function toJson(server: string, memory: ServerMemory): string {
  const {fingerprint, clients, names, eras} = memory
  return JSON.stringify({
    server,
    fingerprint,
    clients: [...clients].map(([key, client]) => ({key, ...client})),
    names: {
      tools: Object.fromEntries(names.tools),
      prompts: Object.fromEntries(names.prompts),
    },
    eras: Object.fromEntries(eras),
  })
}

/** What is in a file. What does not belong there is left out. */
export function fromJson({fingerprint, clients, names, eras}: JsonObject): ServerMemory {
  const own = isJsonObject(names) ? names : {}
  const memory: ServerMemory = {
    fingerprint: typeof fingerprint === 'string' ? fingerprint : '',
    clients: new Map(),
    names: {tools: textMap(own['tools']), prompts: textMap(own['prompts'])},
    eras: erasFrom(eras),
  }
  for (const client of objectsIn(clients).slice(-MOST_CLIENTS)) {
    const {key, hello, at, image, lists} = client
    if (typeof key === 'string' && isJsonObject(hello)) {
      memory.clients.set(key, {
        hello,
        at: typeof at === 'number' ? at : 0,
        image: typeof image === 'string' ? image : undefined,
        lists: listsFrom(lists),
      })
    }
  }
  return memory
}

function listsFrom(value: Json | undefined): {[K in Kind]?: Items} {
  const lists: {[K in Kind]?: Items} = {}
  if (!isJsonObject(value)) return lists
  for (const kind of KINDS) if (Array.isArray(value[kind])) lists[kind] = objectsIn(value[kind])
  return lists
}

function erasFrom(value: Json | undefined): Map<Era, boolean> {
  const eras = new Map<Era, boolean>()
  if (!isJsonObject(value)) return eras
  for (const era of ERAS) {
    const speaks = value[era]
    if (typeof speaks === 'boolean') eras.set(era, speaks)
  }
  return eras
}

function objectsIn(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

function textMap(value: Json | undefined): Map<string, string> {
  const entries = isJsonObject(value) ? Object.entries(value) : []
  return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}
