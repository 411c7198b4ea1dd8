import {nameTable, type Listed, type NameTable, type OwnedItem, type Owner} from '../directory.ts'
import type {ListedServer} from './list-state.ts'
import type {Items} from './pages.ts'

export type NamedKind = 'tools' | 'prompts'

export interface ShownNamesInput {
  /** The name that an item was shown under in earlier sessions. */
  readonly nameOf: (kind: NamedKind, owner: Owner) => string | undefined
  /** Names were given out. */
  readonly onNamed: (kind: NamedKind, shown: Iterable<readonly [string, Owner]>) => void
}

interface Shown {
  readonly table: NameTable
  /** What it was made of; undefined when the servers have become others since. */
  readonly of: readonly Items[] | undefined
}

/** The names under which the clients of one session, or of one view, know what servers list: they keep their owners. */
export class ShownNames {
  readonly #input: ShownNamesInput
  readonly #tables = new Map<NamedKind, Shown>()

  constructor(input: ShownNamesInput) {
    this.#input = input
  }

  /** The names as they were last made; undefined before the first. */
  shown(kind: NamedKind): NameTable | undefined {
    return this.#tables.get(kind)?.table
  }

  /** The names of all that is listed. */
  of(kind: NamedKind, listed: readonly Listed[]): NameTable {
    const before = this.#tables.get(kind)
    const of = listed.map(({items}) => items)
    if (before?.of && of.every((items, index) => items === before.of?.[index])) return before.table
    const claimed = (owner: Owner) => this.#input.nameOf(kind, owner)
    const table = nameTable(listed, {before: before?.table, claimed})
    this.#tables.set(kind, {table, of})
    this.#input.onNamed(kind, table.owners)
    return table
  }

  /** The only server's names were shown as they are; from now on there may be others besides. */
  keepOwn(kind: NamedKind, listed: readonly Listed[]): void {
    const owned = listed.flatMap(({server, items}) =>
      items.flatMap((item): [string, OwnedItem][] => {
        const {name} = item
        return typeof name === 'string' ? [[name, {server, name, item}]] : []
      }),
    )
    this.#tables.set(kind, {table: {items: [], owners: new Map(owned)}, of: undefined})
  }

  /** Keeps the names of servers that stay, with the prefix that they had, of what they may still show. */
  replace(before: readonly ListedServer[], servers: readonly ListedServer[]): void {
    const prefixes = new Map(before.map(({link, prefix}) => [link.server, prefix]))
    const now = new Map(servers.map(server => [server.link.server, server]))
    for (const [kind, {table}] of this.#tables) {
      const stays = ({server, name}: OwnedItem) => {
        const known = now.get(server)
        if (!known || known.prefix !== prefixes.get(server)) return false
        return kind === 'prompts' || known.allows(name)
      }
      const owners = new Map([...table.owners].filter(([, owner]) => stays(owner)))
      this.#tables.set(kind, {table: {items: [], owners}, of: undefined})
    }
  }
}
