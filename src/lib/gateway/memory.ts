import {createHash} from 'node:crypto'
import {readdir} from 'node:fs/promises'
import {join} from 'node:path'
import {messageOf, PluginError} from '../base/errors.ts'
import {isJsonObject, type Json, type JsonObject} from '../base/json.ts'
import {readTextFile, writeFileAtomic} from '../files/atomic.ts'
import type {NameTable, Owner} from './directory.ts'
import type {ClientHello} from './relay/link.ts'
import type {ListsByKind, NamedKind} from './relay/lists.ts'
import type {Items, Kind} from './relay/pages.ts'

/** What a server answered the last time. */
export interface Remembered {
  /** Its answer to `initialize`, to a client like this one if there was one, else to any. */
  readonly hello: JsonObject | undefined
  /** Its lists, as it gave them to a client like this one: what a server shows may depend on what a client can. */
  readonly lists: ListsByKind
}

/** So many different kinds of clients are remembered for each server. */
const MOST_CLIENTS = 4
/** Characters; a server that lists more is asked anew each time the gateway starts. */
const LARGEST_FILE = 5 * 1024 * 1024
const KINDS: readonly Kind[] = ['tools', 'prompts', 'resources', 'templates']

interface ServerMemory {
  fingerprint: string
  /** By the client's kind, the one seen last at the end. */
  readonly clients: Map<string, {hello: JsonObject; lists: {[K in Kind]?: Items}}>
  /** Names under which items were shown that have another one at their server: kind, own name, exposed name. */
  readonly names: Record<NamedKind, Map<string, string>>
}

/**
 * What servers answered in earlier sessions, so that clients need not wait for them: in memory for all sessions of a
 * gateway, and in one file a server for the next gateway.
 */
export class Memory {
  readonly #dir: string
  readonly #warn: (text: string) => void
  readonly #servers = new Map<string, ServerMemory>()
  /** The last write of each server's file; they happen one after the other. */
  readonly #writes = new Map<string, Promise<void>>()
  readonly #due = new Set<string>()

  /** @param dir the folder of the files; made when the first is written */
  constructor(dir: string, warn: (text: string) => void) {
    this.#dir = dir
    this.#warn = warn
  }

  /**
   * Reads what is remembered of these servers.
   * @param servers what tells whether a server is still the one that was remembered, by its name
   */
  async load(servers: ReadonlyMap<string, string>): Promise<void> {
    const files = new Set(await filesIn(this.#dir))
    await Promise.all(
      [...servers].map(async ([server, fingerprint]) => {
        const file = fileName(server)
        const known = files.has(file) ? await readMemory(join(this.#dir, file), server) : undefined
        if (known?.fingerprint !== fingerprint) known?.clients.clear()
        this.#servers.set(server, {...(known ?? emptyMemory()), fingerprint})
      }),
    )
  }

  /** What a server may be taken to answer to a client. */
  recall(server: string, client: ClientHello): Remembered {
    const clients = this.#servers.get(server)?.clients
    const same = clients?.get(kindOf(client))
    const hello = same?.hello ?? [...(clients?.values() ?? [])].at(-1)?.hello
    return {hello, lists: same?.lists ?? {}}
  }

  /** A server has answered `initialize`. */
  opened(server: string, client: ClientHello, hello: JsonObject): void {
    const clients = this.#servers.get(server)?.clients
    if (!clients) return
    const key = kindOf(client)
    const lists = clients.get(key)?.lists ?? {}
    clients.delete(key)
    clients.set(key, {hello, lists})
    for (const old of [...clients.keys()].slice(0, -MOST_CLIENTS)) clients.delete(old)
    this.#save(server)
  }

  /** A server has given a list, whole. */
  listed(server: string, client: ClientHello, {kind, items}: {kind: Kind; items: Items}): void {
    const known = this.#servers.get(server)?.clients.get(kindOf(client))
    if (!known || known.lists[kind] === items) return
    known.lists[kind] = items
    this.#save(server)
  }

  /** The name under which clients know an item, if they were ever shown it. */
  nameOf(kind: NamedKind, {server, name}: Owner): string | undefined {
    const known = this.#servers.get(server)
    const exposed = known?.names[kind].get(name)
    if (exposed !== undefined || !known) return exposed
    for (const {lists} of known.clients.values()) {
      if (lists[kind] && namesIn(lists[kind]).has(name)) return name
    }
    return undefined
  }

  /** Names were given out; those that differ from the items' own are kept. */
  named(kind: NamedKind, {owners}: NameTable): void {
    for (const [exposed, {server, name}] of owners) {
      const names = this.#servers.get(server)?.names[kind]
      if (!names || exposed === name || names.get(name) === exposed) continue
      names.set(name, exposed)
      this.#save(server)
    }
  }

  /** Settles when everything is on disk. Never rejects. */
  async saved(): Promise<void> {
    await Promise.all(this.#writes.values())
  }

  #save(server: string): void {
    if (this.#due.has(server)) return
    this.#due.add(server)
    const before = this.#writes.get(server) ?? Promise.resolve()
    const write = before
      .then(() => this.#write(server))
      .catch((error: unknown) =>
        this.#warn(`! what server ${server} lists could not be kept: ${messageOf(error)}`),
      )
    this.#writes.set(server, write)
  }

  async #write(server: string): Promise<void> {
    // What changes from here on is another write.
    this.#due.delete(server)
    const known = this.#servers.get(server)
    if (!known) return
    const whole = toJson(server, known)
    const text =
      whole.length <= LARGEST_FILE ? whole : toJson(server, {...known, clients: new Map()})
    await writeFileAtomic(join(this.#dir, fileName(server)), `${text}\n`, {mode: 0o600})
  }
}

const namesOf = new WeakMap<Items, ReadonlySet<unknown>>()

/** The names in a list, gathered once. */
function namesIn(items: Items): ReadonlySet<unknown> {
  const names = namesOf.get(items) ?? new Set(items.map(({name}) => name))
  namesOf.set(items, names)
  return names
}

/** What a server's answers may depend on, as one key. */
function kindOf({protocolVersion, params}: ClientHello): string {
  return digest(JSON.stringify([protocolVersion, params['capabilities'] ?? {}]))
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

/** A server may be called anything; a file may not. */
function fileName(server: string): string {
  const plain = server.replace(/[^\w-]/g, '_').slice(0, 60)
  return `${plain}.${digest(server)}.json`
}

function emptyMemory(): Omit<ServerMemory, 'fingerprint'> {
  return {clients: new Map(), names: {tools: new Map(), prompts: new Map()}}
}

function toJson(server: string, {fingerprint, clients, names}: ServerMemory): string {
  return JSON.stringify({
    server,
    fingerprint,
    clients: [...clients].map(([key, {hello, lists}]) => ({key, hello, lists})),
    names: {
      tools: Object.fromEntries(names.tools),
      prompts: Object.fromEntries(names.prompts),
    },
  })
}

/** Whatever keeps the folder from being read is told when it is written. */
async function filesIn(dir: string): Promise<readonly string[]> {
  return readdir(dir).catch(() => [])
}

/** A file is only a memory: one that cannot be read, or is another server's, is none. */
async function readMemory(path: string, server: string): Promise<ServerMemory | undefined> {
  try {
    const value: unknown = JSON.parse((await readTextFile(path)) ?? '')
    return isJsonObject(value) && value['server'] === server ? fromJson(value) : undefined
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof PluginError) return undefined
    throw error
  }
}

function fromJson({fingerprint, clients, names}: JsonObject): ServerMemory {
  const own = isJsonObject(names) ? names : {}
  const memory: ServerMemory = {
    fingerprint: typeof fingerprint === 'string' ? fingerprint : '',
    clients: new Map(),
    names: {tools: textMap(own['tools']), prompts: textMap(own['prompts'])},
  }
  for (const client of objectsIn(clients).slice(-MOST_CLIENTS)) {
    const {key, hello, lists} = client
    if (typeof key === 'string' && isJsonObject(hello)) {
      memory.clients.set(key, {hello, lists: listsFrom(lists)})
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

function objectsIn(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

function textMap(value: Json | undefined): Map<string, string> {
  const entries = isJsonObject(value) ? Object.entries(value) : []
  return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}
