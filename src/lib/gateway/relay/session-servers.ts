import type {JsonObject} from '../../base/json.ts'
import type {Listed} from '../directory.ts'
import {notification, type Id, type Message, type Notification} from '../wire/jsonrpc.ts'
import {CallLink} from './call-link.ts'
import type {Connection} from './connection.ts'
import {gatewayHello} from './hello.ts'
import {Leaving} from './leaving.ts'
import {Link, type ClientHello, type LinkEvents} from './link.ts'
import {changedKind, type ListChanges} from './list-changes.ts'
import type {LogLevel} from './log-level.ts'
import type {RequestRouter} from './request-router.ts'
import type {Kind} from './pages.ts'
import {Routing, type RoutedServer} from './routing.ts'
import type {SessionLink} from './server-link.ts'
import type {ServerRequests} from './server-requests.ts'
import type {SessionInput, SessionServer} from './session-input.ts'

export interface SessionServersInput
  extends Pick<
    SessionInput,
    'id' | 'version' | 'memory' | 'govern' | 'patienceMs' | 'now' | 'events'
  > {
  readonly servers: readonly SessionServer[]
  /** How the client introduced itself. */
  readonly hello: ClientHello
  readonly changes: ListChanges
  readonly level: LogLevel
  readonly serverRequests: ServerRequests
  /** Sends a message to the client. */
  readonly tell: (message: Message, about?: Id) => void
  /** Takes what a person may want to know, once for each kind of thing. */
  readonly warn: (text: string) => void
}

/** A server as it is served. */
interface Served {
  /** One that is opened otherwise is another one. */
  readonly open: SessionServer['open']
  readonly routed: RoutedServer<SessionLink>
}

/** The servers of one client's session, from its `initialize` on, each with a connection of its own. */
export class SessionServers {
  /** The gateway's answer to the client's `initialize`. */
  readonly answer: JsonObject
  readonly #input: SessionServersInput
  readonly #routing: Routing<SessionLink>
  readonly #leaving = new Leaving<SessionLink>()
  readonly #served = new Map<string, Served>()
  /** What servers said of themselves the last time that anyone asked. */
  readonly #hellos = new Map<string, JsonObject | undefined>()
  /** Those that nobody has been told of whose lists may be news. */
  readonly #unexplored = new Set<string>()

  constructor(input: SessionServersInput) {
    const {servers, hello, memory, events, govern, patienceMs, now, changes, warn} = input
    this.#input = input
    this.#routing = new Routing({
      servers: servers.map(server => this.#connected(server)),
      hello,
      memory,
      events,
      helloOf: server => this.#routing.links.get(server)?.hello ?? this.#hellos.get(server),
      govern,
      patienceMs,
      now,
      onChange: kind => changes.add(kind),
      warn,
    })
    const known = servers.map(({name}) => ({name, hello: this.#hellos.get(name)}))
    this.answer = gatewayHello({...hello, version: input.version, servers: known})
  }

  get router(): RequestRouter {
    return this.#routing.router
  }

  get links(): readonly SessionLink[] {
    return [...this.#routing.links.values()]
  }

  /** Whether there is one server, to which all but its names passes as it is. */
  get isAlone(): boolean {
    return this.#routing.isAlone
  }

  /** What each server lists, as far as it is known now and clients may see it; the names are the servers' own. */
  listed(kind: Kind): readonly Listed[] {
    return this.#routing.lists.known(kind)
  }

  /** The servers of which a list is not known, or only guessed, because they are slow or do not start. */
  unanswered(kind: Kind): readonly string[] {
    return this.#routing.lists.unanswered(kind)
  }

  /** What is remembered of a server was learnt of another one. */
  distrust(server: string): void {
    this.#routing.lists.distrust(server)
  }

  /**
   * Serves these servers from now on. Those that are the same keep their connections; the others do what they were asked,
   * and end then. The client hears of lists that are known to differ; what new servers list is found out by
   * {@link explore}.
   */
  replace(servers: readonly SessionServer[]): void {
    const before = this.#routing.links
    const routed = servers.map(server => this.#connected(server))
    const fresh = routed.filter(({link}) => before.get(link.server) !== link)
    for (const link of this.#routing.replace(routed)) {
      const isServed = servers.some(({name}) => name === link.server)
      void this.#leaving.add(link, isServed ? 'was changed' : 'was taken out') // never rejects
    }
    for (const {link} of fresh) this.#unexplored.add(link.server)
    for (const name of this.#served.keys()) {
      if (this.#routing.links.has(name)) continue
      this.#served.delete(name)
      this.#hellos.delete(name)
      this.#unexplored.delete(name)
    }
  }

  /**
   * Finds out what servers list that came or changed, so that the client hears of it without asking. What other clients of
   * its kind have found out need not be asked again. Never rejects.
   */
  async explore(): Promise<void> {
    const {memory, hello} = this.#input
    const names = [...this.#unexplored]
    this.#unexplored.clear()
    await Promise.all(
      names.map(async name => {
        const link = this.#routing.links.get(name)
        // Whoever watches something relies on the server being there.
        if (link && link.subscriptions.length > 0) void link.ready().catch(() => undefined)
        const {lists, isTrusted} = memory.recall(name, hello)
        await this.#routing.lists.explore(name, isTrusted ? lists : undefined)
      }),
    )
  }

  /** Ends every connection. @throws AggregateError of what went wrong at the servers, when all have been tried */
  async close(): Promise<void> {
    const ends = [...this.links.map(link => link.close()), this.#leaving.close()]
    const closings = await Promise.allSettled(ends)
    const failures = closings.filter(closing => closing.status === 'rejected')
    if (failures.length > 0) throw new AggregateError(failures.map(({reason}) => reason))
  }

  /** A server with its connection: the one that there is, if the server is still the same. */
  #connected(server: SessionServer): RoutedServer<SessionLink> {
    const {name, open, prefix, allows, isDoubtful, isBroken} = server
    const former = this.#served.get(name)
    const isSame = former?.open === open
    const {link, ...shown} = isSame ? former.routed : this.#introduced(server, former)
    const routed = {link, ...shown, prefix, allows, isDoubtful, isBroken}
    this.#served.set(name, {open, routed})
    return routed
  }

  /** A server that came, or is another one now, with what is remembered of it. */
  #introduced(
    server: SessionServer,
    former: Served | undefined,
  ): Pick<
    RoutedServer<SessionLink>,
    'link' | 'remembered' | 'guesses' | 'isTrusted' | 'isUnknown'
  > {
    const {name} = server
    const {memory} = this.#input
    const {hello, lists, guesses, isTrusted} = memory.recall(name, this.#input.hello)
    this.#hellos.set(name, hello)
    const link = this.#newLink(server, former?.routed.link.subscriptions ?? [])
    // What a server is that has become another one is asked.
    const isAsRemembered = isTrusted && !former
    return {link, remembered: lists, guesses, isTrusted: isAsRemembered, isUnknown: !hello}
  }

  #newLink(server: SessionServer, subscriptions: readonly string[]): SessionLink {
    const {name, open, startTimeoutMs, policy, life} = server
    const {id, now, hello} = this.#input
    const Way = policy.serves === 'call' ? CallLink : Link
    const link: SessionLink = new Way(
      {server: name, session: id, hello, open, startTimeoutMs, policy, life, now, subscriptions},
      this.#linkEvents(name, () => this.#routing.has(link)),
    )
    return link
  }

  /** @param isCurrent whether the link is the one that is used; what another one finds out is of no use any more */
  #linkEvents(name: string, isCurrent: () => boolean): LinkEvents {
    const {events, memory, hello, level, serverRequests} = this.#input
    return {
      onServerRequest: (from, message, about) =>
        serverRequests.ask(from, this.router.toClient(name, message), about),
      onNotification: (from, message, about) => {
        if (isCurrent() || !changedKind(message.method)) this.#relay({name, from}, message, about)
      },
      onOpened: (answer, connection) => {
        level.tell(answer, connection)
        if (!isCurrent()) return
        memory.opened(name, hello, answer)
        events.onOpened(name)
        this.#routing.lists.refresh(name, {isReopened: false})
      },
      onReopened: (from, uris) => this.#reopened({name, from}, uris),
      onFailed: error => {
        if (isCurrent()) events.onFailed(name, error)
      },
      onEnded: connection => serverRequests.forget(connection),
    }
  }

  /** A server was started again: whatever it lists, and whatever the client watches there, may have changed. */
  #reopened(server: {name: string; from: Connection}, uris: readonly string[]): void {
    this.#routing.lists.refresh(server.name, {isReopened: true})
    for (const uri of uris) {
      this.#relay(server, notification('notifications/resources/updated', {uri}), undefined)
    }
  }

  #relay(
    {name, from}: {name: string; from: Connection},
    message: Notification,
    about: Id | undefined,
  ): void {
    const {changes, tell, serverRequests} = this.#input
    const kind = changedKind(message.method)
    if (kind) {
      const {lists} = this.#routing
      lists.forget(name, kind)
      if (kind === 'resources') lists.forget(name, 'templates')
      if (!this.isAlone) changes.add(kind)
      else if (changes.isNews(kind)) tell(message)
    } else if (message.method === 'notifications/cancelled') {
      serverRequests.cancel(from, message)
    } else {
      // News of a resource belong to whoever subscribed, not to a request (MCP 2025-11-25, transports).
      tell(
        this.router.toClient(name, message),
        message.method === 'notifications/resources/updated' ? undefined : about,
      )
    }
  }
}
