import {PluginError} from '../../base/errors.ts'
import {objectOf, type JsonObject} from '../../base/json.ts'
import type {EraMemory} from '../bridge/eras.ts'
import {LegacyServer} from '../bridge/legacy-server.ts'
import {Parking} from '../bridge/parking.ts'
import {Seal} from '../bridge/seal.ts'
import type {Handler} from '../pipeline/call.ts'
import {pluginFailure} from '../pipeline/explain.ts'
import {gatewayInfo, LEGACY_VERSIONS} from '../relay/hello.ts'
import type {ClientHello} from '../relay/link.ts'
import type {ServersMemory, SessionEvents} from '../relay/session-input.ts'
import type {Openers} from '../upstream/upstream.ts'
import {LEGACY_NOTICES} from '../wire/era.ts'
import {failure, RPC, type Id, type Notification, type Response} from '../wire/jsonrpc.ts'
import {META, metaOf, MODERN_VERSIONS} from '../wire/meta.ts'
import {withId} from '../wire/text.ts'
import {EraLink} from './era-link.ts'
import type {Exchange} from './exchange.ts'
import {SharedServer} from './shared-server.ts'
import {View} from './view.ts'
import {TOO_MUCH, ViewKeys} from './view-keys.ts'

/** One server as modern clients need it. */
export interface ExchangedServer {
  readonly name: string
  readonly prefix: string | undefined
  readonly allows: (tool: string) => boolean
  readonly openers: Openers
  readonly startTimeoutMs: number
  readonly isDoubtful: boolean
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
  readonly #views = new Map<string, Entry>()
  /** The ends of views that gave way. */
  readonly #closing = new Set<Promise<void>>()
  readonly #keys = new ViewKeys()
  readonly #shared = new Map<string, SharedServer>()
  /** The requests that are being answered, by the ids that stand for the clients' own. */
  readonly #active = new Map<Id, Active>()
  readonly #seal = new Seal()
  readonly #parking: Parking
  readonly #stop = new AbortController()
  readonly #sweep: NodeJS.Timeout
  #last = 0

  constructor(input: ExchangesInput) {
    this.#input = input
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
      ...[...this.#shared.values()].map(server => server[Symbol.asyncDispose]()),
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
      servers: this.#input.servers.map(server => ({...server, link: this.#link(server, about)})),
      memory,
      govern,
      seal: this.#seal,
      patienceMs,
      now,
      events,
      stop: AbortSignal.any([this.#stop.signal, stop.signal]),
    })
    view = opened
    return {view: opened, stop, usedAt: now(), inFlight: 0}
  }

  #link(
    server: ExchangedServer,
    {id, capabilities, view}: {id: string; capabilities: JsonObject; view: () => View | undefined},
  ): EraLink {
    const {name, openers, startTimeoutMs} = server
    const {now, events, memory, version} = this.#input
    const clientInfo = gatewayInfo(version)
    const protocolVersion = LEGACY_VERSIONS[0]
    const hello: ClientHello = {
      protocolVersion,
      params: {protocolVersion, capabilities, clientInfo},
    }
    const legacy = new LegacyServer({
      server: {name, open: openers.legacy, startTimeoutMs, tellsOrigin: openers.tellsOrigin},
      view: id,
      hello,
      parking: this.#parking,
      now,
      events: {
        onOpened: answer => view()?.opened(name, answer),
        onFailed: error => events.onFailed(name, error),
        onNotification: (message, about) => this.#hear(name, message, {about, view: view()}),
      },
    })
    const modern = this.#sharedServer(server)?.view({
      [META.version]: MODERN_VERSIONS[0],
      [META.client]: clientInfo,
      [META.capabilities]: capabilities,
    })
    return new EraLink({
      server: name,
      modern,
      legacy,
      eras: memory,
      isRemote: openers.tellsOrigin,
      now,
      onModern: (link, until) => view()?.openedModern(link, until),
    })
  }

  #sharedServer({name, openers, startTimeoutMs}: ExchangedServer): SharedServer | undefined {
    const open = openers.modern
    if (!open) return undefined
    const known = this.#shared.get(name)
    if (known) return known
    const {now, events, memory} = this.#input
    const server = new SharedServer({
      server: name,
      open,
      startTimeoutMs,
      isKnown: () => memory.speaks(name, 'modern') === true,
      now,
      events: {
        onOpened: () => events.onOpened(name),
        onFailed: error => events.onFailed(name, error),
        onNotification: (message, about) => this.#hear(name, message, {about, view: undefined}),
      },
    })
    this.#shared.set(name, server)
    return server
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
    for (const server of this.#shared.values()) void server[Symbol.asyncDispose]() // never rejects
    this.#shared.clear()
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
