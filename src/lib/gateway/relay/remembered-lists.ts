import {ownNames} from '../directory.ts'
import type {ClientHello} from './link.ts'
import type {ListedServer} from './list-state.ts'
import {Lists, type ListsOptions} from './lists.ts'
import type {ServersMemory, SessionEvents} from './session-input.ts'

export interface RememberedListsInput
  extends Pick<ListsOptions, 'patienceMs' | 'now' | 'onChange' | 'onRefused'> {
  /** Of the clients that the lists are for. */
  readonly hello: ClientHello
  readonly memory: ServersMemory
  readonly events: SessionEvents
  /** Whether there is one server, whose names are never given out, but shown as they are. */
  readonly isSole: () => boolean
}

/** The lists of servers, with what clients of one kind are shown of them remembered for later ones. */
export function rememberedLists(
  servers: readonly ListedServer[],
  {hello, memory, events, isSole, ...options}: RememberedListsInput,
): Lists {
  return new Lists(servers, {
    ...options,
    onListed: (server, {kind, items, shown}) => {
      memory.listed(server, hello, {kind, items})
      if (isSole() && (kind === 'tools' || kind === 'prompts')) {
        memory.named(kind, ownNames(server, items))
      }
      events.onListed(server, kind, shown)
    },
    onTools: listed => events.onTools(listed),
    nameOf: (kind, owner) => memory.nameOf(kind, owner),
    onNamed: (kind, shown) => memory.named(kind, shown),
  })
}
