import {createHash} from 'node:crypto'
import type {JsonObject} from '../base/json.ts'

/** What one server lists of one kind (tools, prompts), in its own order. */
export interface Listed {
  readonly server: string
  /** From the catalog entry: put before every name of this server. */
  readonly prefix?: string | undefined
  readonly items: readonly JsonObject[]
}

/** Whose an exposed name is, and what it is called there. */
export interface Owner {
  readonly server: string
  readonly name: string
}

/** An owner with the item as the server lists it. */
export interface OwnedItem extends Owner {
  readonly item: JsonObject
}

/** An immutable snapshot of exposed names. */
export interface NameTable {
  /** The items as clients see them: the server's own, with the exposed name. */
  readonly items: readonly JsonObject[]
  readonly owners: ReadonlyMap<string, OwnedItem>
}

/** Several model APIs take no other names, though MCP allows 128 characters and dots. */
const LONGEST_NAME = 64
const SOUND_NAME = /^[\w-]{1,64}$/

/** Names that clients know already. */
export interface KnownNames {
  /** The names shown so far in the same session: they keep their owners, whatever else is known. */
  readonly before?: NameTable | undefined
  /** The name that an item had in earlier sessions. */
  readonly claimed?: ((owner: Owner) => string | undefined) | undefined
}

/**
 * Gives every named item of every server a name of its own, of letters, digits, `_` and `-`, at most 64. A name
 * stays as it is unless it is taken or not of that form; then it gets its server's name in front (`server__name`).
 * What a client was once shown keeps its name, so a server that comes later never takes another one's.
 * @param listed the servers in configured order, which decides who keeps a contested name
 */
export function nameTable(listed: readonly Listed[], known: KnownNames = {}): NameTable {
  const entries = listed.flatMap(namedItems)
  const taken = new Set<string>()
  const names = new Map<Entry, string>()
  const shown = new Map(
    [...(known.before?.owners ?? [])].map(([name, owner]) => [identity(owner), name]),
  )
  const wishes = [
    (entry: Entry) => (shown.size > 0 ? shown.get(identity(entry)) : undefined),
    (entry: Entry) => soundClaim(entry, known.claimed?.(entry)),
    (entry: Entry) => freeName(entry, taken),
  ]
  for (const wish of wishes) {
    for (const entry of entries) {
      if (names.has(entry)) continue
      const name = wish(entry)
      if (name === undefined || taken.has(name)) continue
      names.set(entry, name)
      taken.add(name)
    }
  }
  return tableOf(entries, names)
}

function tableOf(entries: readonly Entry[], names: ReadonlyMap<Entry, string>): NameTable {
  const owners = new Map<string, OwnedItem>()
  const items = entries.map(entry => {
    const {server, name, item} = entry
    const exposed = names.get(entry) ?? name
    owners.set(exposed, {server, name, item})
    return exposed === name ? item : {...item, name: exposed}
  })
  return {items, owners}
}

/** A name from earlier counts as long as it is one that the item could be given today: prefixes come and go. */
function soundClaim({name, prefix}: Entry, claim: string | undefined): string | undefined {
  if (claim === undefined || !SOUND_NAME.test(claim)) return undefined
  if (prefix) return claim.startsWith(`${safe(prefix)}__`) ? claim : undefined
  return claim === name || claim.includes('__') ? claim : undefined
}

/** A single server's items, which have their own names. */
export function* ownNames(
  server: string,
  items: readonly JsonObject[],
): Generator<[exposed: string, owner: Owner], void> {
  for (const {name} of items) if (typeof name === 'string') yield [name, {server, name}]
}

interface Entry extends OwnedItem {
  readonly prefix: string | undefined
}

/** A server's items that have a name; of two with the same name the first. */
function namedItems({server, prefix, items}: Listed): Entry[] {
  const seen = new Set<string>()
  return items.flatMap(item => {
    const name = item['name']
    if (typeof name !== 'string' || name === '' || seen.has(name)) return []
    seen.add(name)
    return [{server, name, prefix, item}]
  })
}

function identity({server, name}: Owner): string {
  return JSON.stringify([server, name])
}

function freeName(entry: Entry, taken: ReadonlySet<string>): string {
  for (const name of candidates(entry)) if (!taken.has(name)) return name
  throw new Error('the candidates never end')
}

/** The names that an item may get, the best first: a function of the item alone, so that it has the same everywhere. */
function* candidates(entry: Entry): Generator<string, never> {
  const {server, name, prefix} = entry
  if (!prefix && SOUND_NAME.test(name)) yield name
  for (const front of prefix ? [prefix, server] : [server]) {
    const full = `${safe(front)}__${safe(name)}`
    if (full.length <= LONGEST_NAME) yield full
    else yield withDigest(full, entry, 0)
  }
  // A server can foresee the digests of others and use them as names, but not all of them.
  for (let attempt = 0; ; attempt += 1) {
    yield withDigest(`${safe(server)}__${safe(name)}`, entry, attempt)
  }
}

function withDigest(name: string, owner: Owner, attempt: number): string {
  const text = attempt === 0 ? identity(owner) : `${identity(owner)} ${attempt}`
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 8)
  return `${name.slice(0, LONGEST_NAME - digest.length - 1)}_${digest}`
}

function safe(text: string): string {
  return text.replace(/[^A-Za-z0-9_-]/g, '_')
}
