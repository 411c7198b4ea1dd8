import {isSame, newState, setItems, type ListedServer, type ListState} from './list-state.ts'
import type {Kind} from './pages.ts'

/** What one list is when the servers have become others. */
export interface Succession {
  readonly states: readonly ListState[]
  /** Whether clients see something else now, as far as that is known. */
  readonly differs: boolean
}

/**
 * What is known of a list when these are the servers from now on. One with the link that it had is the same, whatever is
 * configured for it now; of one that became another, what it listed before counts until it has answered.
 */
export function succeed(
  before: readonly ListState[],
  servers: readonly ListedServer[],
  kind: Kind,
): Succession {
  const left = new Map(before.map(state => [state.server.link.server, state]))
  let differs = false
  const states = servers.map(server => {
    const known = left.get(server.link.server)
    left.delete(server.link.server)
    if (!known) {
      const state = newcomer(server, kind)
      differs ||= state.visible.length > 0
      return state
    }
    const {visible, server: old} = known
    const state = old.link === server.link ? reconfigured(known, server) : heir(known, server)
    const isRenamed = old.prefix !== server.prefix && (kind === 'tools' || kind === 'prompts')
    differs ||= !isSame(visible, state.visible) || (isRenamed && visible.length > 0)
    return state
  })
  differs ||= [...left.values()].some(({visible}) => visible.length > 0)
  return {states, differs}
}

/** A list of a server that was not there: clients were shown nothing of it. */
function newcomer(server: ListedServer, kind: Kind): ListState {
  return {...newState(server, kind), shown: []}
}

function heir(before: ListState, server: ListedServer): ListState {
  const {kind, items, isGuessed, shown, visible} = before
  const state = newState(server, kind)
  if (server.isBroken) return {...state, shown: shown ?? visible}
  if (items === undefined) return {...state, shown}
  setItems(state, items)
  return {...state, isRemembered: true, isGuessed, shown: shown ?? visible}
}

/** Whoever has asked the server already brings the answer into the same state. */
function reconfigured(state: ListState, server: ListedServer): ListState {
  const {items, isGuessed, visible} = state
  state.server = server
  if (items === undefined) return state
  setItems(state, items)
  state.isGuessed = isGuessed
  // The same list keeps being the same object.
  if (isSame(visible, state.visible)) state.visible = visible
  return state
}
