import type {Client} from './client.ts'
import {DESKTOP} from './table-desktop.ts'
import {EDITORS} from './table-editors.ts'
import {EXTENSIONS} from './table-extensions.ts'
import {MODEL_MAKERS} from './table-model-makers.ts'
import {TERMINALS} from './table-terminals.ts'

/** Every AI client that is known, by id. */
export const CLIENTS: readonly Client[] = [
  ...DESKTOP,
  ...EDITORS,
  ...EXTENSIONS,
  ...MODEL_MAKERS,
  ...TERMINALS,
].toSorted((a, b) => (a.id < b.id ? -1 : 1))

/** The client that a person means by a name: its id, or another name for it. */
export function findClient(name: string): Client | undefined {
  const wanted = name.toLowerCase()
  return CLIENTS.find(({id, aliases = []}) => id === wanted || aliases.includes(wanted))
}
