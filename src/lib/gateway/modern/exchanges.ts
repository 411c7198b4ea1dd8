import {PluginError} from '../../base/errors.ts'
import {objectOf, type JsonObject} from '../../base/json.ts'
import type {EraMemory} from '../bridge/eras.ts'
import {Parking} from '../bridge/parking.ts'
import {Seal} from '../bridge/seal.ts'
import type {LifePolicy} from '../life-policy.ts'
import type {ServerLife} from '../lives.ts'
import type {Handler} from '../pipeline/call.ts'
import {pluginFailure} from '../pipeline/explain.ts'
import type {Allows} from '../relay/list-state.ts'
import type {ServersMemory, SessionEvents} from '../relay/session-input.ts'
import type {Openers} from '../upstream/upstream.ts'
import {LEGACY_NOTICES} from '../wire/era.ts'
import {failure, RPC, type Id, type Notification, type Response} from '../wire/jsonrpc.ts'
import {META, metaOf, MODERN_VERSIONS} from '../wire/meta.ts'
import {withId} from '../wire/text.ts'
import type {EraLink} from './era-link.ts'
import type {Exchange} from './exchange.ts'
import {newEraLink, type LinkOf} from './new-link.ts'
import {SharedServers} from './shared-servers.ts'
import {View} from './view.ts'
import {TOO_MUCH, ViewKeys} from './view-keys.ts'

/** One server as modern clients need it. */
export interface ExchangedServer {
  readonly name: string
  readonly prefix: string | undefined
  readonly allows: Allows
  readonly openers: Openers
  readonly startTimeoutMs: number
  readonly policy: LifePolicy
  readonly life: ServerLife
  readonly isDoubtful: boolean
  /** As it is configured it cannot be started. */
  readonly isBroken?: boolean | undefined
}

export interface ExchangesInput {
  readonly version: string
  readonly servers: readonly ExchangedServer[]
  readonly memory: ServersMemory & EraMemory
  readonly govern: (send: Handler) => Handler
  readonly patienceMs: number
  readonly now: () => number
  readonly events: SessionEvents
}

/** So many kinds of clients are served at the same time; the one that was not used for the longest time gives way. */
const MOST_VIEWS = 32
/** Views whose servers are being ended, which takes seconds each: with more of them, no further kind is let in. */
const MOST_CLOSING = 32
/** A view that nobody has used for this long is closed, and what was opened for it with it. */
const IDLE_MS = 30 * 60_000
const SWEEP_MS = 60_000

interface Entry {
  readonly id: string
  readonly capabilities: JsonObject
  readonly view: View
  readonly stop: AbortController
  usedAt: number
  inFlight: number
}

interface Active {
  readonly exchange: Exchange
  readonly view: View
}

/**
 * The gateway towards modern clients (MCP 2026-07-28): every request is answered by itself. Clients that differ in
 * what they can do, or may do, get views of their own; modern servers are shared by all of them, since such a
 * server keeps nothing of whoever asks.
 */
export class Exchanges implements AsyncDisposable {
  readonly #input: ExchangesInput
  #servers: readonly ExchangedServer[]
  readonly #views = new Map<string, Entry>()
  /** The ends of views that gave way. */
  readonly #closing = new Set<Promise<void>>()
  readonly #keys = new ViewKeys()
  readonly #shared: SharedServers
  /** The requests that are being answered, by the ids that stand for the clients' own. */
  readonly #active = new Map<Id, Active>()
  readonly #seal = new Seal()
  readonly #parking: Parking
  readonly #stop = new AbortController()
  readonly #sweep: NodeJS.Timeout
  #last = 0

  constructor(input: ExchangesInput) {
    this.#input = input
    this.#servers = input.servers
    this.#shared = new SharedServers(input, (name, message, about) =>
      this.#hear(name, message, {about, view: undefined}),
    )
    this.#parking = new Parking({seal: this.#seal, now: input.now})
    this.#sweep = setInterval(() => this.#closeIdle(), SWEEP_MS)
    this.#sweep.unref()
  }

  /**
   * Answers a request under the client's own id. What belongs to it and comes earlier goes to the exchange.
   * @throws the signal's reason when the client is gone
   */
  async answer(exchange: Exchange): Promise<Response> {
    const {request} = exchange
    const capabilities = metaOf(request.params)[META.capabilities]
    const key = this.#keys.of(objectOf(capabilities))
    if (key === undefined) return failure(request.id, RPC.invalidParams, TOO_MUCH)
    const entry = this.#viewFor(key)
    if (entry instanceof PluginError) return pluginFailure(request.id, entry)
    // No server sees it, and nobody can use one of another client. A number keeps the text of a large answer.
    const id = ++this.#last
    this.#active.set(id, {exchange, view: entry.view})
    entry.inFlight += 1
    try {
      return withId(await entry.view.answer(id, exchange), request.id)
    } finally {
      this.#active.delete(id)
      entry.inFlight -= 1
      entry.usedAt = this.#input.now()
    }
  }

  /** What is remembered of a server was learnt of another one. */
  distrust(server: string): void {
    for (const {view} of this.#views.values()) view.distrust(server)
  }

  /**
   * Serves these servers from now on. One with the openers that it had is the same; what it was asked before, every other
   * one answers still.
   * @returns settles when those have ended. Never rejects
   */
  async replace(servers: readonly ExchangedServer[]): Promise<void> {
    const before = new Map(this.#servers.map(({name, openers}) => [name, openers]))
    this.#servers = servers
    const endShared = this.#shared.replace(servers)
    const left = [...this.#views.values()].map(({view, id, capabilities}) => {
      const linked = servers.map(server => {
        const known = before.get(server.name) === server.openers && view.link(server.name)
        return {
          ...server,
          link: known || this.#link(server, {id, capabilities, view: () => view}),
        }
      })
      return view.replace(linked)
    })
    await Promise.all(left)
    await endShared()
  }

  /** Finds out what servers list that have come or changed, for clients that listen. Never rejects. */
  async explore(): Promise<void> {
    await Promise.all([...this.#views.values()].map(({view}) => view.explore()))
  }

  /** Takes what a client says that is no request: the servers of its view hear of it, if there are any. */
  notify(message: Notification): void {
    if (LEGACY_NOTICES.has(message.method)) return
    const capabilities = metaOf(message.params)[META.capabilities]
    const key = this.#keys.of(objectOf(capabilities))
    if (key !== undefined) this.#views.get(key)?.view.notify(message)
  }

  /** Ends everything that was opened for modern clients, parked calls included. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sweep)
    this.#stop.abort()
    const entries = [...this.#views.values()]
    this.#views.clear()
    await Promise.all([
      ...this.#closing,
      ...entries.map(entry => closeView(entry)),
      this.#shared.end(),
    ])
  }

  #viewFor(key: string): Entry | PluginError {
    const known = this.#views.get(key)
    if (known) {
      known.usedAt = this.#input.now()
      return known
    }
    if (this.#views.size >= MOST_VIEWS && !this.#closeOldest()) return tooManyKinds()
    const entry = this.#open(JSON.parse(key))
    this.#views.set(key, entry)
    return entry
  }

  #open(capabilities: JsonObject): Entry {
    const {version, memory, govern, patienceMs, now, events} = this.#input
    const id = `view-${++this.#last}`
    const stop = new AbortController()
    let view: View | undefined
    const about = {id, capabilities, view: () => view}
    const opened = new View({
      id,
      version,
      hello: {protocolVersion: MODERN_VERSIONS[0], params: {capabilities}},
      servers: this.#servers.map(server => ({...server, link: this.#link(server, about)})),
      memory,
      govern,
      seal: this.#seal,
      patienceMs,
      now,
      events,
      stop: AbortSignal.any([this.#stop.signal, stop.signal]),
    })
    view = opened
    return {id, capabilities, view: opened, stop, usedAt: now(), inFlight: 0}
  }

  #link(server: ExchangedServer, of: LinkOf): EraLink {
    return newEraLink(server, of, {
      ...this.#input,
      parking: this.#parking,
      shared: this.#shared,
      hear: (message, about, view) => this.#hear(server.name, message, {about, view}),
    })
  }

  /** What belongs to a request goes to whoever made it; what belongs to none concerns the view's lists at most. */
  #hear(
    server: string,
    message: Notification,
    {about, view}: {about: Id | undefined; view: View | undefined},
  ): void {
    if (about === undefined) return view?.heard(server, message)
    const active = this.#active.get(about)
    active?.exchange.notify(active.view.toClient(server, message))
  }

  #closeOldest(): boolean {
    if (this.#closing.size >= MOST_CLOSING) return false
    const free = [...this.#views].filter(
      ([, {inFlight, view}]) => inFlight === 0 && !view.isWaiting,
    )
    const [oldest] = free.toSorted(([, a], [, b]) => a.usedAt - b.usedAt)
    if (!oldest) return false
    this.#close(...oldest)
    return true
  }

  #closeIdle(): void {
    const now = this.#input.now()
    for (const [key, entry] of this.#views) {
      if (entry.inFlight === 0 && !entry.view.isWaiting && now - entry.usedAt > IDLE_MS)
        this.#close(key, entry)
    }
    if (this.#views.size > 0) return
    void this.#shared.end() // never rejects
  }

  #close(key: string, entry: Entry): void {
    this.#views.delete(key)
    const closing = closeView(entry)
    this.#closing.add(closing)
    void closing.then(() => this.#closing.delete(closing))
  }
}

/** What goes wrong at the end of a server is told by whoever ends it. */
async function closeView({view, stop}: Entry): Promise<void> {
  stop.abort()
  await view.close().catch(() => undefined)
}

function tooManyKinds(): PluginError {
  return new PluginError('TOOL_FAILED', 'too many different kinds of clients are served at once', {
    hint: 'try again when others are done',
  })
}
