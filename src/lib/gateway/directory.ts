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

/** Several model APIs refuse longer tool names, though MCP allows 128 characters. */
const LONGEST_MADE_NAME = 64

/**
 * Gives every named item of every server a name of its own. A name stays as it is unless it is taken; then it gets
 * its server's name in front (`server__name`). A name that `before` already had keeps its owner, so a server that
 * arrives late never takes a name that a client was shown as somebody else's.
 * @param listed the servers in configured order, which decides who keeps a contested name
 * @param before the names shown so far in the same session
 */
export function nameTable(listed: readonly Listed[], before?: NameTable): NameTable {
  const entries = listed.flatMap(namedItems)
  const shown = new Map([...(before?.owners ?? [])].map(([name, owner]) => [identity(owner), name]))
  const taken = new Set(entries.flatMap(entry => shown.get(identity(entry)) ?? []))
  const owners = new Map<string, OwnedItem>()
  const items = entries.map(entry => {
    const exposed = shown.get(identity(entry)) ?? freeName(entry, taken)
    taken.add(exposed)
    owners.set(exposed, {server: entry.server, name: entry.name, item: entry.item})
    return exposed === entry.name ? entry.item : {...entry.item, name: exposed}
  })
  return {items, owners}
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
  if (!prefix) yield name
  for (const front of prefix ? [prefix, server] : [server]) {
    const full = `${safe(front)}__${safe(name)}`
    if (full.length <= LONGEST_MADE_NAME) yield full
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
  return `${name.slice(0, LONGEST_MADE_NAME - digest.length - 1)}_${digest}`
}

function safe(text: string): string {
  return text.replace(/[^A-Za-z0-9_-]/g, '_')
}
