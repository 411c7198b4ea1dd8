import {isJsonObject, type JsonObject} from '../../base/json.ts'
import type {Watch} from '../modern/view-link.ts'
import type {Link} from '../relay/link.ts'
import {isResult, request, type Notification} from '../wire/jsonrpc.ts'
import {LIST_NOTICES} from '../wire/list-notices.ts'

/** Resources of one server that the clients of one view watch at the same time. */
const MOST_URIS = 1000

/** Somebody who watches. */
interface Watcher {
  readonly methods: ReadonlySet<string>
  readonly uris: ReadonlySet<string>
  readonly tell: (notice: Notification) => void
  readonly end: () => void
}

/** A resource that the server was asked to tell of. */
interface Watched {
  watchers: number
  /** Whether the server does. */
  readonly isTold: Promise<boolean>
}

/**
 * Those who watch one legacy server, all over one session: what they watch is subscribed to once, and as long as
 * anybody watches it.
 */
export class Watches {
  readonly #link: Link
  readonly #watchers = new Set<Watcher>()
  readonly #uris = new Map<string, Watched>()

  /** @param link of the session whose notices are passed to `changed` */
  constructor(link: Link) {
    this.#link = link
  }

  /**
   * Adds one.
   * @throws PluginError when the server cannot be opened; the signal's reason
   */
  async add(filter: JsonObject, tell: Watcher['tell'], signal: AbortSignal): Promise<Watch> {
    const hello = await this.#link.ready()
    signal.throwIfAborted()
    const lists = LIST_NOTICES.filter(
      ({flag, kind}) => filter[flag] === true && promises(hello, kind, 'listChanged'),
    )
    const wanted = promises(hello, 'resources', 'subscribe') ? textsOf(filter) : []
    const {promise: ended, resolve: end} = Promise.withResolvers<void>()
    const uris = wanted.filter(uri => this.#watch(uri))
    const methods = new Set<string>(lists.map(({method}) => method))
    const watcher: Watcher = {methods, uris: new Set(uris), tell, end}
    // From here on nothing is missed.
    this.#watchers.add(watcher)
    const onAbort = () => {
      end()
      // When the session has ended, there is nothing to unsubscribe from.
      if (this.#watchers.delete(watcher)) for (const uri of uris) this.#unwatch(uri)
    }
    signal.addEventListener('abort', onAbort)
    void ended.then(() => signal.removeEventListener('abort', onAbort))
    const told = await Promise.all(uris.map(async uri => this.#uris.get(uri)?.isTold))
    signal.throwIfAborted()
    const honoured = uris.filter((_, index) => told[index] === true)
    return {
      ended,
      honoured: {
        ...Object.fromEntries(lists.map(({flag}) => [flag, true])),
        ...(honoured.length > 0 && {resourceSubscriptions: honoured}),
      },
    }
  }

  /** The server said that something has changed. */
  changed(notice: Notification): void {
    const uri = notice.params?.['uri']
    const isUpdate = notice.method === 'notifications/resources/updated'
    for (const {methods, uris, tell} of this.#watchers) {
      const isWatched = isUpdate ? typeof uri === 'string' && uris.has(uri) : false
      if (isWatched || methods.has(notice.method)) tell(notice)
    }
  }

  /** The session has ended: whoever watches has to begin anew. */
  end(): void {
    const watchers = [...this.#watchers]
    this.#watchers.clear()
    this.#uris.clear()
    for (const {end} of watchers) end()
  }

  /** @returns whether there was room for it */
  #watch(uri: string): boolean {
    const watched = this.#uris.get(uri)
    if (watched) {
      watched.watchers += 1
      return true
    }
    if (this.#uris.size >= MOST_URIS) return false
    const isTold = this.#link
      .request(request('watch', 'resources/subscribe', {uri}))
      .then(isResult, () => false)
    this.#uris.set(uri, {watchers: 1, isTold})
    return true
  }

  #unwatch(uri: string): void {
    const watched = this.#uris.get(uri)
    if (!watched) return
    watched.watchers -= 1
    if (watched.watchers > 0) return
    this.#uris.delete(uri)
    // What it answers makes no difference: nobody hears of the resource any more.
    this.#link.request(request('watch', 'resources/unsubscribe', {uri})).catch(() => undefined)
  }
}

/** Whether a server said that it does something (MCP 2025-11-25, capabilities). */
function promises(hello: JsonObject, capability: string, what: string): boolean {
  const capabilities = hello['capabilities']
  const own = isJsonObject(capabilities) ? capabilities[capability] : undefined
  return isJsonObject(own) && own[what] === true
}

function textsOf({resourceSubscriptions: uris}: JsonObject): readonly string[] {
  const texts = Array.isArray(uris) ? uris.filter(uri => typeof uri === 'string') : []
  return [...new Set(texts)]
}
