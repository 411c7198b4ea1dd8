import {pause} from '../../base/async.ts'
import {objectOf, type JsonObject} from '../../base/json.ts'
import {changedKind} from '../relay/list-changes.ts'
import type {Notification} from '../wire/jsonrpc.ts'
import {LIST_NOTICES, type Announced} from '../wire/list-notices.ts'
import {Backoff, LISTENS} from '../relay/backoff.ts'
import type {ModernLink} from './view-link.ts'

/** The changes of lists that a server says it tells of, as the filter of a listen. */
export function listFilter(hello: JsonObject): JsonObject {
  const {capabilities} = hello
  const own = objectOf(capabilities)
  const told = LIST_NOTICES.filter(({kind}) => objectOf(own[kind])['listChanged'] === true)
  return Object.fromEntries(told.map(({flag}) => [flag, true]))
}

/**
 * Hears of a modern server's changes for as long as the signal allows, so that what is known of its lists is true
 * also when no client listens. What may have changed while it was not heard counts as changed. A server that has ended
 * is heard again when somebody needs it: nobody does for this alone. Never rejects.
 * @param changed takes the list that is out of date
 */
export async function follow(
  link: Pick<ModernLink, 'watch' | 'whenOpen'>,
  filter: JsonObject,
  {changed, signal}: {changed: (kind: Announced) => void; signal: AbortSignal},
): Promise<void> {
  if (Object.keys(filter).length === 0) return
  const tell = ({method}: Notification) => {
    const kind = changedKind(method)
    if (kind) changed(kind)
  }
  const backoff = new Backoff(LISTENS, () => performance.now())
  while (!signal.aborted) {
    try {
      const {ended} = await link.watch(filter, tell, signal)
      backoff.begun()
      await ended
    } catch {
      // Whoever asks it for something is told why it does not answer.
    }
    // The lists of a server that is not there do not change; the next one may have others.
    await link.whenOpen(signal).catch(() => undefined)
    if (signal.aborted) return
    for (const {kind, flag} of LIST_NOTICES) if (filter[flag]) changed(kind)
    await pause(backoff.lost(), signal)
  }
}
