import {readdir} from 'node:fs/promises'
import {join} from 'node:path'
import {messageOf, PluginError} from '../base/errors.ts'
import {isJsonObject, type JsonObject} from '../base/json.ts'
import {readTextFile, writeFileAtomic} from '../files/atomic.ts'
import {withFileLock} from '../files/lock.ts'
import type {Era, EraMemory} from './bridge/eras.ts'
import type {Owner} from './directory.ts'
import {
  digest,
  fileName,
  fromJson,
  MOST_CLIENTS,
  MOST_NAMES,
  type RememberedClient,
  toJson,
  type ServerMemory,
} from './memory-file.ts'
import {type Learnt, merge} from './memory-merge.ts'
import type {ClientHello} from './relay/link.ts'
import type {ListsByKind} from './relay/list-state.ts'
import type {NamedKind} from './relay/shown-names.ts'
import type {Items, Kind} from './relay/pages.ts'

/** What a server answered the last time. */
export interface Remembered {
  /** Its answer to `initialize`, to a client like this one if there was one, else to any. */
  readonly hello: JsonObject | undefined
  /** Its lists, as it gave them to a client like this one: what a server shows may depend on what a client can. */
  readonly lists: ListsByKind
  /** What it listed to other kinds of clients; each list is from whoever of them opened it last. Better than nothing. */
  readonly guesses: ListsByKind
  /** Whether the lists are good enough that the server need not be started to confirm them. */
  readonly isTrusted: boolean
}

/** A server whose lists are older is started to see what it lists now, in milliseconds, unless the user says otherwise. */
const TRUSTED_FOR_MS = 24 * 3_600_000
/** So often at most is written that nothing has changed, in milliseconds. */
const WRITTEN_EVERY_MS = 3_600_000

/** Characters; a server that lists more is asked anew each time the gateway starts. */
const LARGEST_FILE = 5 * 1024 * 1024

/**
 * What servers answered in earlier sessions, so that clients need not wait for them: in memory for all sessions of a
 * gateway, and in one file a server for the next gateway.
 */
export class Memory implements EraMemory {
  readonly #dir: string
  readonly #warn: (text: string) => void
  readonly #redact: (text: string) => string
  readonly #now: () => number
  readonly #trustedForMs: () => number
  /** The ids of the images that servers have now, as far as they are known. */
  readonly #images = new Map<string, string>()
  readonly #servers = new Map<string, ServerMemory>()
  readonly #learnt = new Map<string, Learnt>()
  /** The last write of each server's file; they happen one after the other. */
  readonly #writes = new Map<string, Promise<void>>()
  readonly #due = new Set<string>()

  /**
   * @param input `dir`: the folder of the files, made when the first is written; `redact` masks secrets: an answer that
   *   holds one is in no file, as a masked one would be another answer; `now`: milliseconds since 1970
   */
  constructor(input: {
    readonly dir: string
    readonly warn: (text: string) => void
    readonly redact: (text: string) => string
    readonly now: () => number
    /** How old lists may be that a server need not confirm; a day when it is not given. */
    readonly trustedForMs?: () => number | undefined
  }) {
    this.#dir = input.dir
    this.#warn = input.warn
    this.#redact = input.redact
    this.#now = input.now
    this.#trustedForMs = () => input.trustedForMs?.() ?? TRUSTED_FOR_MS
  }

  /**
   * Reads what is remembered of these servers.
   * @param servers what tells whether a server is still the one that was remembered, by its name
   */
  async load(servers: ReadonlyMap<string, string>): Promise<void> {
    const take = await this.look(servers)
    take()
  }

  /**
   * The same in two steps, for servers that are others from one moment to the next.
   * @returns takes in what was read
   */
  async look(servers: ReadonlyMap<string, string>): Promise<() => void> {
    const files = new Set(await filesIn(this.#dir))
    const read = [...servers].map(async ([server, fingerprint]) => {
      await this.#writes.get(server)
      const known = files.has(fileName(server)) ? await this.#read(server) : undefined
      return [server, asOf(known, fingerprint)] as const
    })
    const found = await Promise.all(read)
    return () => {
      for (const [server, known] of found) {
        this.#servers.set(server, known)
        const names = {tools: new Set<string>(), prompts: new Set<string>()}
        this.#learnt.set(server, {clients: new Set(), names, eras: new Set()})
      }
    }
  }

  /** A server cannot be used as it is configured now; what is remembered of it on the disk stays. */
  forget(server: string): void {
    this.#servers.delete(server)
    this.#learnt.delete(server)
  }

  /** A server may list something else than before, though it is the same by its fingerprint. */
  distrust(server: string): void {
    for (const client of this.#servers.get(server)?.clients.values() ?? []) client.at = 0
  }

  /** What a server may be taken to answer to a client. */
  recall(server: string, client: ClientHello): Remembered {
    const clients = this.#servers.get(server)?.clients
    const same = clients?.get(kindOf(client))
    const others = [...(clients?.values() ?? [])].filter(each => each !== same)
    const guesses: ListsByKind = Object.assign({}, ...others.map(({lists}) => lists))
    if (same) {
      const {hello, lists, at} = same
      const isYoung = this.#now() - at < this.#trustedForMs()
      return {hello, lists, guesses, isTrusted: isYoung && this.#isOfImage(server, same)}
    }
    const other = others.at(-1)?.hello
    // The version was agreed on with that client.
    const {protocolVersion: _, ...hello} = other ?? {}
    return {hello: other && hello, lists: {}, guesses, isTrusted: false}
  }

  /** A server has answered `initialize`. */
  opened(server: string, client: ClientHello, hello: JsonObject): void {
    const clients = this.#servers.get(server)?.clients
    if (!clients) return
    const key = kindOf(client)
    const known = clients.get(key)
    const isLast = [...clients.keys()].at(-1) === key
    if (known && isLast && JSON.stringify(known.hello) === JSON.stringify(hello)) return
    clients.delete(key)
    clients.set(key, {lists: {}, at: 0, image: undefined, ...known, hello})
    for (const old of [...clients.keys()].slice(0, -MOST_CLIENTS)) clients.delete(old)
    this.#learnt.get(server)?.clients.add(key)
    this.#save(server)
  }

  /**
   * A server has this image now.
   * @returns whether what is remembered was learnt of another one, and counts no more than as a first impression
   */
  hasImage(server: string, id: string): boolean {
    this.#images.set(server, id)
    const clients = [...(this.#servers.get(server)?.clients.values() ?? [])]
    return clients.some(client => client.at > 0 && !this.#isOfImage(server, client))
  }

  #isOfImage(server: string, {image}: RememberedClient): boolean {
    const now = this.#images.get(server)
    return now === undefined || image === now
  }

  /** A server has given a list, whole. */
  listed(server: string, client: ClientHello, {kind, items}: {kind: Kind; items: Items}): void {
    const key = kindOf(client)
    const known = this.#servers.get(server)?.clients.get(key)
    if (!known) return
    const now = this.#now()
    const isNews = known.lists[kind] !== items || !this.#isOfImage(server, known)
    // A server that is used all the time is not written down all the time.
    if (!isNews && now - known.at < WRITTEN_EVERY_MS) return
    known.lists[kind] = items
    known.at = now
    known.image = this.#images.get(server)
    this.#learnt.get(server)?.clients.add(key)
    this.#save(server)
  }

  /** The name under which clients know an item, if they were ever shown it. */
  nameOf(kind: NamedKind, {server, name}: Owner): string | undefined {
    return this.#servers.get(server)?.names[kind].get(name)
  }

  /** Items were shown under these names. */
  named(kind: NamedKind, shown: Iterable<readonly [exposed: string, owner: Owner]>): void {
    for (const [exposed, {server, name}] of shown) {
      const names = this.#servers.get(server)?.names[kind]
      if (!names || names.get(name) === exposed) continue
      names.delete(name)
      names.set(name, exposed)
      const [oldest] = names.keys()
      if (names.size > MOST_NAMES && oldest !== undefined) names.delete(oldest)
      this.#learnt.get(server)?.names[kind].add(name)
      this.#save(server)
    }
  }

  /** Whether a server speaks an era; undefined when nobody has found out. */
  speaks(server: string, era: Era): boolean | undefined {
    return this.#servers.get(server)?.eras.get(era)
  }

  /** It was found out whether a server speaks an era. */
  learn(server: string, era: Era, speaks: boolean): void {
    const eras = this.#servers.get(server)?.eras
    if (!eras || eras.get(era) === speaks) return
    eras.set(era, speaks)
    this.#learnt.get(server)?.eras.add(era)
    this.#save(server)
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
    const path = join(this.#dir, fileName(server))
    await withFileLock(path, async () => {
      const stored = await this.#read(server)
      // What changes from here on is another write.
      this.#due.delete(server)
      const own = this.#servers.get(server)
      const learnt = this.#learnt.get(server)
      if (!own || !learnt) return
      const merged = this.#withoutSecrets(merge(asOf(stored, own.fingerprint), own, learnt))
      const whole = toJson(server, merged)
      const text =
        whole.length <= LARGEST_FILE ? whole : toJson(server, {...merged, clients: new Map()})
      await writeFileAtomic(path, `${text}\n`, {mode: 0o600})
    })
  }

  #withoutSecrets({clients, names, ...others}: ServerMemory): ServerMemory {
    const isPlain = (value: unknown) => {
      const text = JSON.stringify(value)
      return this.#redact(text) === text
    }
    const plain = [...clients].flatMap(([key, client]): [string, RememberedClient][] => {
      const kept = Object.entries(client.lists).filter(([, items]) => isPlain(items))
      return isPlain(client.hello) ? [[key, {...client, lists: Object.fromEntries(kept)}]] : []
    })
    const plainNames = (kind: NamedKind) => new Map([...names[kind]].filter(isPlain))
    return {
      ...others,
      clients: new Map(plain),
      names: {tools: plainNames('tools'), prompts: plainNames('prompts')},
    }
  }

  /** A file is only a memory: one that cannot be read, or is another server's, is none. */
  async #read(server: string): Promise<ServerMemory | undefined> {
    try {
      const text = await readTextFile(join(this.#dir, fileName(server)))
      const value: unknown = text === undefined ? undefined : JSON.parse(text)
      return isJsonObject(value) && value['server'] === server ? fromJson(value) : undefined
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof PluginError) return undefined
      throw error
    }
  }
}

/** What is remembered counts for the server that it was learnt of; its names stay in any case. */
function asOf(known: ServerMemory | undefined, fingerprint: string): ServerMemory {
  const names = known?.names ?? {tools: new Map(), prompts: new Map()}
  const isSame = known?.fingerprint === fingerprint
  return {
    fingerprint,
    names,
    clients: isSame ? known.clients : new Map(),
    eras: isSame ? known.eras : new Map(),
  }
}

/** What a server's answers may depend on, as one key. */
function kindOf({protocolVersion, params}: ClientHello): string {
  return digest(JSON.stringify([protocolVersion, params['capabilities'] ?? {}]))
}

/** Whatever keeps the folder from being read is told when it is written. */
async function filesIn(dir: string): Promise<readonly string[]> {
  return readdir(dir).catch(() => [])
}
