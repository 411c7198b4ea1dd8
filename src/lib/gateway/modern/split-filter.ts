import type {Json, JsonObject} from '../../base/json.ts'
import type {RequestRouter} from '../relay/request-router.ts'

/** The members of a filter that concern every server. */
const OF_ALL = ['toolsListChanged', 'promptsListChanged', 'resourcesListChanged'] as const

/**
 * What each server is to be asked to tell, in its own URIs and task ids, when a client listens (MCP 2026-07-28,
 * subscriptions). The only server gets the filter as it is. Servers that it asks nothing of are left out.
 */
export async function splitFilter(
  filter: JsonObject,
  servers: readonly string[],
  router: Pick<RequestRouter, 'owners' | 'task'>,
): Promise<ReadonlyMap<string, JsonObject>> {
  const [sole, ...others] = servers
  if (sole !== undefined && others.length === 0) return new Map([[sole, filter]])
  const {resourceSubscriptions, taskIds, ...rest} = filter
  const flags = Object.fromEntries(
    Object.entries(rest).filter(
      ([key, value]) => value === true && OF_ALL.some(one => one === key),
    ),
  )
  const parts = new Map<string, JsonObject>()
  if (Object.keys(flags).length > 0) for (const server of servers) parts.set(server, {...flags})
  const add = (server: string, key: string, own: string) => {
    const part = parts.get(server) ?? {}
    const before = part[key]
    parts.set(server, {...part, [key]: [...(Array.isArray(before) ? before : []), own]})
  }
  for (const uri of textsIn(resourceSubscriptions)) {
    for (const {server, own} of await router.owners(uri)) add(server, 'resourceSubscriptions', own)
  }
  for (const id of textsIn(taskIds)) {
    const task = router.task(id)
    if (task) add(task.server, 'taskIds', task.own)
  }
  return parts
}

function textsIn(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter(item => typeof item === 'string') : []
}
