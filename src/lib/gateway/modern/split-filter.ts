import {unlessAborted} from '../../base/async.ts'
import type {Json, JsonObject} from '../../base/json.ts'
import type {RequestRouter} from '../relay/request-router.ts'
import type {Notification} from '../wire/jsonrpc.ts'
import {LIST_NOTICES} from '../wire/list-notices.ts'

/** What one server is to be asked to tell. */
export interface FilterPart {
  /** In its own URIs and task ids. */
  readonly filter: JsonObject
  /** What the client calls the URIs in it. */
  readonly shown: ReadonlyMap<string, string>
}

/**
 * What each server is to be asked to tell when a client listens (MCP 2026-07-28, subscriptions). The only server gets
 * the filter as it is. Servers that it asks nothing of are left out.
 * @throws the signal's reason
 */
export async function splitFilter(
  filter: JsonObject,
  servers: readonly string[],
  {router, signal}: {router: Pick<RequestRouter, 'owners' | 'task'>; signal: AbortSignal},
): Promise<ReadonlyMap<string, FilterPart>> {
  const [sole, ...others] = servers
  if (sole !== undefined && others.length === 0)
    return new Map([[sole, {filter, shown: new Map()}]])
  const flags = LIST_NOTICES.flatMap(({flag}) =>
    filter[flag] === true ? [[flag, true] as const] : [],
  )
  const uris = [...new Set(textsIn(filter['resourceSubscriptions']))]
  const owners = uris.length > 0 ? await unlessAborted(router.owners(uris), signal) : []
  const tasks = [...new Set(textsIn(filter['taskIds']))].flatMap(id => router.task(id) ?? [])
  const parts = servers.map((server): [string, FilterPart] => {
    const shown = new Map(
      uris.flatMap((uri, index) => {
        const own = owners[index]?.find(one => one.server === server)?.own
        return own === undefined ? [] : [[own, uri] as const]
      }),
    )
    const taskIds = tasks.flatMap(task => (task.server === server ? [task.own] : []))
    const part = {
      ...Object.fromEntries(flags),
      ...(shown.size > 0 && {resourceSubscriptions: [...shown.keys()]}),
      ...(taskIds.length > 0 && {taskIds}),
    }
    return [server, {filter: part, shown}]
  })
  return new Map(parts.filter(([, part]) => Object.keys(part.filter).length > 0))
}

/**
 * A server's news of a resource that the client listens for by name: under that name. Of a URI that nobody was known
 * to have, several servers may tell.
 * @returns undefined for every other notice
 */
export function underAskedName(
  part: FilterPart | undefined,
  notice: Notification,
): Notification | undefined {
  const uri = notice.params?.['uri']
  if (notice.method !== 'notifications/resources/updated' || typeof uri !== 'string')
    return undefined
  const shown = part?.shown.get(uri)
  if (shown === undefined) return undefined
  return shown === uri ? notice : {...notice, params: {...notice.params, uri: shown}}
}

function textsIn(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter(item => typeof item === 'string') : []
}
