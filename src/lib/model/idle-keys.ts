import {isNameAllowed} from './allow-rule.ts'
import type {CatalogServer} from './catalog.ts'
import {networkWish} from './isolation.ts'

/**
 * Finds keys of an entry that are right and do nothing, since others of it leave them nothing to do.
 * @param server each of its keys is as it should be
 * @returns the keys, and the rest of a sentence about each
 */
export function idleKeys(
  server: CatalogServer,
): {readonly path: string; readonly message: string}[] {
  const {kind, rules, extraHosts} = networkWish(server)
  if (kind === 'none') {
    if (!server.connectTo?.length) return []
    return [{path: 'connectTo', message: 'has no effect: disableNetwork is true'}]
  }
  if (kind === 'unsaid') return []
  const names = extraHosts.map(({name}) => name).filter(name => !isNameAllowed(rules, name))
  return [...new Set(names)].map(name => ({
    path: 'extraHosts',
    message: `names ${name}, which no rule of allowHosts allows`,
  }))
}
