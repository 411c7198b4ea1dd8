import {isJsonObject, type JsonObject} from '../../base/json.ts'
import {changedKind} from '../relay/list-changes.ts'
import type {Kind} from '../relay/pages.ts'
import {pause} from '../upstream/waiting.ts'
import type {ViewLink} from './view-link.ts'

/** What the filter of a listen calls the changes of a list. */
const FLAGS = {
  tools: 'toolsListChanged',
  prompts: 'promptsListChanged',
  resources: 'resourcesListChanged',
} as const

/** Pauses before a server that stopped telling is asked again. */
const AGAIN_MS = [1000, 5000, 30_000] as const

/** The changes of lists that a server says it tells of, as the filter of a listen. */
export function listFilter(hello: JsonObject): JsonObject {
  const {capabilities} = hello
  const own = isJsonObject(capabilities) ? capabilities : {}
  const told = Object.entries(FLAGS).filter(([kind]) => {
    const capability = own[kind]
    return isJsonObject(capability) && capability['listChanged'] === true
  })
  return Object.fromEntries(told.map(([, flag]) => [flag, true]))
}

/**
 * Hears of a modern server's changes for as long as the signal allows, so that what is known of its lists is true
 * also when no client listens. What may have changed while it was not heard counts as changed.
 * @param changed takes the list that is out of date
 */
export async function follow(
  link: ViewLink,
  filter: JsonObject,
  {changed, signal}: {changed: (kind: Exclude<Kind, 'templates'>) => void; signal: AbortSignal},
): Promise<void> {
  if (Object.keys(filter).length === 0) return
  for (let lost = 0; !signal.aborted; lost += 1) {
    try {
      const {ended} = await link.watch(
        filter,
        ({method}) => {
          lost = 0
          const kind = changedKind(method)
          if (kind) changed(kind)
        },
        signal,
      )
      await ended
    } catch {
      // Whoever asks it for something is told why it does not answer.
    }
    if (signal.aborted) return
    for (const kind of ['tools', 'prompts', 'resources'] as const) {
      if (filter[FLAGS[kind]]) changed(kind)
    }
    await pause(AGAIN_MS[Math.min(lost, AGAIN_MS.length - 1)] ?? 0, signal)
  }
}
