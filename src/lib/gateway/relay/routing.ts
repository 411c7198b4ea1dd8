import {messageOf} from '../../base/errors.ts'
import type {JsonObject} from '../../base/json.ts'
import type {Handler} from '../pipeline/call.ts'
import type {ClientHello} from './link.ts'
import type {ListedServer} from './list-state.ts'
import type {Lists} from './lists.ts'
import type {Kind} from './pages.ts'
import {rememberedLists} from './remembered-lists.ts'
import type {RequestRouter} from './request-router.ts'
import {Router} from './router.ts'
import type {ServerLink} from './server-link.ts'
import type {ServersMemory, SessionEvents} from './session-input.ts'
import type {Seal} from './several.ts'
import {SoleRouter} from './sole-router.ts'

/** A server with the way to it that clients of one session, or of one view, use. */
export interface RoutedServer<L extends ServerLink> extends ListedServer {
  readonly link: L
}

export interface RoutingInput<L extends ServerLink> {
  readonly servers: readonly RoutedServer<L>[]
  /** Of the clients that are served. */
  readonly hello: ClientHello
  readonly memory: ServersMemory
  readonly events: SessionEvents
  /** What a server says of itself, or said the last time that anyone asked. */
  readonly helloOf: (server: string) => JsonObject | undefined
  readonly govern: (send: Handler) => Handler
  readonly patienceMs: number
  readonly now: () => number
  /** Clients see something else in a list than they were shown. */
  readonly onChange: (kind: Kind) => void
  /** Takes what a person may want to know, once for each kind of thing. */
  readonly warn: (text: string) => void
  /** For clients without a session. */
  readonly seal?: Seal | undefined
}

/**
 * The servers of one session, or of one view: the ways to them, what they list, and who finds out which one is meant.
 * They can become others while clients use them: names that were shown keep their meaning.
 */
export class Routing<L extends ServerLink> {
  readonly lists: Lists
  readonly #input: RoutingInput<L>
  readonly #links = new Map<string, L>()
  #router: SoleRouter | Router

  constructor(input: RoutingInput<L>) {
    this.#input = input
    const {servers, hello, memory, events, patienceMs, now, onChange, warn, govern} = input
    for (const {link} of servers) this.#links.set(link.server, link)
    this.lists = rememberedLists(servers, {
      hello,
      memory,
      events,
      patienceMs,
      now,
      onChange,
      onRefused: error => warn(messageOf(error)),
      isSole: () => this.#router instanceof SoleRouter,
    })
    const sole = soleOf(servers)
    this.#router = sole
      ? new SoleRouter({server: sole, lists: this.lists, govern})
      : this.#newRouter({isSeveral: servers.length > 1})
  }

  /** The ways to the servers, in configured order; always those that there are now. */
  get links(): ReadonlyMap<string, L> {
    return this.#links
  }

  get router(): RequestRouter {
    return this.#router
  }

  /** Whether there is one server, to which all but its names passes as it is. */
  get isAlone(): boolean {
    const isSeveral = this.#router instanceof Router && this.#router.isSeveral
    return this.#links.size === 1 && !isSeveral
  }

  /** Whether this is the way to its server that is used now. */
  has(link: L): boolean {
    return this.#links.get(link.server) === link
  }

  /**
   * Serves these servers from now on. One with the way that it had is the same.
   * @returns the ways that nobody is given any more
   */
  replace(servers: readonly RoutedServer<L>[]): readonly L[] {
    const sole = soleOf(servers)
    const isSame = sole && this.#links.size === 1 && this.#links.has(sole.link.server)
    const router = this.#router
    if (router instanceof SoleRouter && sole && isSame) router.replace(sole)
    else if (!(router instanceof Router && router.isSeveral)) this.#widen()
    const left = [...this.#links.values()].filter(link => servers.every(one => one.link !== link))
    this.#links.clear()
    for (const {link} of servers) this.#links.set(link.server, link)
    this.lists.replace(servers)
    return left
  }

  /** There may be several servers from now on, and clients may know the names and URIs of the one that there was. */
  #widen(): void {
    if (this.#router instanceof SoleRouter) this.lists.keepOwnNames()
    const router = this.#newRouter({isSeveral: true})
    router.keepOwn([...this.#links.keys()][0])
    this.#router = router
  }

  #newRouter({isSeveral}: {isSeveral: boolean}): Router {
    const {helloOf, govern, patienceMs, warn, seal} = this.#input
    const {lists} = this
    const links = this.#links
    return new Router({links, lists, hello: helloOf, govern, patienceMs, warn, seal, isSeveral})
  }
}

/** The only server, where its own names are good enough. */
function soleOf<L extends ServerLink>(
  servers: readonly RoutedServer<L>[],
): RoutedServer<L> | undefined {
  const [sole, ...others] = servers
  return others.length === 0 && sole?.prefix === undefined ? sole : undefined
}
