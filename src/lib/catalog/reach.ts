import type {Outgoing} from '../net/agents.ts'
import {outgoingOf} from '../net/outgoing.ts'
import type {CatalogInput} from './store.ts'

/** How other hosts are reached, and which may be asked though they are not public. */
export interface Reach {
  readonly outgoing: Outgoing
  readonly allowPrivateHosts: readonly string[]
}

/** What a catalog may weigh, as a file of the user may. */
export const LARGEST_CATALOG = 16 * 1024 * 1024
export const FETCH_MS = 20_000

/** Docker's own variable. */
const OPEN = 'DOCKER_MCP_ALLOW_INSECURE_REMOTE_URLS'
/** Who knows of it already: several things are fetched for one command. */
const told = new WeakSet<(line: string) => void>()

/**
 * As the environment and the gateway's own file say; docker's variable for its own plugin allows every host,
 * and that is told.
 * @throws PluginError FILE_INVALID when that file is wrong; see `outgoingOf`
 */
export async function reachOf({
  outgoing,
  env = {},
  settings,
  notify,
}: CatalogInput): Promise<Reach> {
  const file = await settings()
  const isOpen = /^(?:1|true)$/.test(env[OPEN] ?? '')
  if (isOpen && notify && !told.has(notify)) {
    told.add(notify)
    notify(`! ${OPEN} is set: hosts with private addresses are asked, too, and over HTTP`)
  }
  return {
    outgoing: outgoing ?? (await outgoingOf(file, env)),
    allowPrivateHosts: isOpen ? ['*'] : (file.catalogs?.allowPrivateHosts ?? []),
  }
}
