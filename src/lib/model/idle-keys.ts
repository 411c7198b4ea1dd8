import {isNameAllowed} from './allow-rule.ts'
import type {CatalogServer} from './catalog.ts'
import {networkWish} from './isolation.ts'

interface IdleKey {
  readonly path: string
  readonly message: string
}

/**
 * Finds keys of an entry that are right and do nothing, since others of it leave them nothing to do.
 * @param server each of its keys is as it should be
 * @returns the keys, and the rest of a sentence about each
 */
export function idleKeys(server: CatalogServer): readonly IdleKey[] {
  return [...idleNetwork(server), ...idleTools(server)]
}

/** Of an entry that is nothing but tools: a program in a container of its own for each call. */
function idleTools({image, remote, sseEndpoint, tools = []}: CatalogServer): readonly IdleKey[] {
  if (image || remote?.url || sseEndpoint) return []
  return tools.flatMap(({name, container}, at) => {
    const path = `tools.${at}`
    if (!container) return [{path, message: `has no container: ${name} cannot be called`}]
    const first = tools.findIndex(tool => tool.container && tool.name === name)
    return first < at
      ? [{path, message: `has the name of another tool, ${name}, which counts`}]
      : []
  })
}

function idleNetwork(server: CatalogServer): readonly IdleKey[] {
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
