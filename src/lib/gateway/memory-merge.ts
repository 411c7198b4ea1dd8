import type {Era} from './bridge/eras.ts'
import {MOST_CLIENTS, MOST_NAMES, type RememberedClient, type ServerMemory} from './memory-file.ts'
import type {NamedKind} from './relay/shown-names.ts'

/** What this gateway has learnt itself; of everything else, another one on the same files may know better. */
export interface Learnt {
  readonly clients: Set<string>
  readonly names: Record<NamedKind, Set<string>>
  readonly eras: Set<Era>
}

/**
 * What is in the file of a server, with what was learnt here since it was read.
 * @param stored of the same server as `own`, as another gateway may have left it
 */
export function merge(stored: ServerMemory, own: ServerMemory, learnt: Learnt): ServerMemory {
  const names = (kind: NamedKind) => {
    const mine = [...own.names[kind]].filter(([name]) => learnt.names[kind].has(name))
    return new Map([...stored.names[kind], ...mine].slice(-MOST_NAMES))
  }
  const clients = [...own.clients]
    .filter(([key]) => learnt.clients.has(key))
    .map(([key, client]) => [key, together(stored.clients.get(key), client)] as const)
  const eras = [...own.eras].filter(([era]) => learnt.eras.has(era))
  return {
    fingerprint: own.fingerprint,
    clients: new Map([...new Map([...stored.clients, ...clients])].slice(-MOST_CLIENTS)),
    names: {tools: names('tools'), prompts: names('prompts')},
    eras: new Map([...stored.eras, ...eras]),
  }
}

/** What two gateways heard for the same kind of client: each may have asked for other lists. */
function together(stored: RememberedClient | undefined, own: RememberedClient): RememberedClient {
  if (!stored) return own
  if (Object.keys(own.lists).length === 0) return {...stored, hello: own.hello}
  return stored.image === own.image ? {...own, lists: {...stored.lists, ...own.lists}} : own
}
