import {withDeadline} from '../base/async.ts'
import {messageOf, PluginError} from '../base/errors.ts'
import type {EraMemory} from './bridge/eras.ts'
import type {Clients} from './clients.ts'
import {governing} from './governing.ts'
import {lifePolicy, NO_CONTAINER, type LifeDefaults, type LifePolicy} from './life-policy.ts'
import type {Lives} from './lives.ts'
import type {Memory} from './memory.ts'
import {withoutLists} from './without-lists.ts'
import type {Exchange} from './modern/exchange.ts'
import {Exchanges, type ExchangedServer} from './modern/exchanges.ts'
import {allowsTool, notServed, type Plan, type PlannedServer} from './plan.ts'
import type {Middleware} from './pipeline/call.ts'
import {isInTime} from './relay/in-time.ts'
import {Session} from './relay/session.ts'
import type {Downstream, ServersMemory, SessionServer} from './relay/session-input.ts'
import {ServerNews} from './server-news.ts'
import {ServerOpeners} from './server-openers.ts'
import {fingerprints, type StatusStore} from './status.ts'
import type {ToolLimits} from './tool-budget.ts'
import type {Fleet} from './upstream/fleet.ts'
import {failure, RPC, type Notification, type Response} from './wire/jsonrpc.ts'

export interface GatewayInput {
  readonly version: string
  readonly plan: Plan
  /** How much clients may be shown before a person is told. */
  readonly limits: ToolLimits
  readonly fleet: Fleet
  /** Disposed of last. */
  readonly housekeeping: AsyncDisposable
  readonly lives: Lives
  readonly life: LifeDefaults
  readonly status: StatusStore
  readonly memory: Memory
  /** Whether sessions are shown what is remembered of servers until these have answered. */
  readonly showRemembered: boolean
  /** Who may use what of all that. */
  readonly clients: Clients
  readonly middlewares: readonly Middleware[]
  /** How long a list waits for a server that is slow to start. */
  readonly patienceMs: number
  /** Milliseconds from any fixed point. */
  readonly now: () => number
  /** Masks the secrets of all servers, which may quote them in whatever they say. */
  readonly redact: (text: string) => string
  /** Running commentary. */
  readonly log: (line: string) => void
  /** What a person must know. */
  readonly notify: (line: string) => void
  /** Ends the starts and pulls that are under way. */
  readonly stop: AbortController
}

/** What a gateway serves, and how: it can become another while clients are connected. */
export type Serving = Pick<
  GatewayInput,
  'plan' | 'clients' | 'limits' | 'life' | 'middlewares' | 'patienceMs' | 'showRemembered'
>

/** What a session may take to end: its servers have about five seconds, and a start under way a little more. */
const SESSION_END_MS = 10_000
const tooLate = () => new Error('it takes too long')

/** How long the clients of one kind wait for one of them to find out what new servers list, in milliseconds. */
const SCOUT_MS = 5000

/** Owns the plan, the fleet and the sessions: opens sessions, remembers what became of servers, stops everything. */
export class Gateway implements AsyncDisposable {
  readonly #input: GatewayInput
  /** With the client that each belongs to, by the name that it has proved. */
  readonly #sessions = new Map<Session, string | undefined>()
  readonly #news: ServerNews
  /** Those of each client, which share nothing. */
  readonly #exchanges = new Map<string | undefined, Exchanges>()
  #serving: Serving
  readonly #openers: ServerOpeners
  /** What a reload leaves to do. */
  readonly #afterwards = new Set<Promise<unknown>>()
  #isStopped = false

  constructor(input: GatewayInput) {
    this.#input = input
    this.#serving = input
    this.#openers = new ServerOpeners(input)
    this.#news = new ServerNews({
      ...input,
      plan: () => this.plan,
      limits: () => this.#serving.limits,
    })
  }

  /** Reads what is remembered of the servers, so that the first client is told what they can do. */
  async load(): Promise<void> {
    const prints = fingerprints(this.plan.servers)
    await Promise.all([this.#news.load(prints), this.#input.memory.load(prints)])
  }

  /** What is served now. */
  get plan(): Plan {
    return this.#serving.plan
  }

  /**
   * Makes ready to serve something else, and changes nothing yet.
   * @param same the names of the servers that keep what runs of them; every other one of the plan is started anew
   * @returns serves it from then on, also those who are connected
   * @throws Error when the gateway is stopping; what keeps files of what servers list from being read
   */
  async prepare(next: Serving, same: ReadonlySet<string>): Promise<() => void> {
    const {memory} = this.#input
    const others = next.plan.servers.filter(({name}) => !same.has(name))
    const prints = fingerprints(others)
    const takeMemory = await memory.look(prints)
    if (this.#isStopped) throw new Error('the gateway is stopping')
    return () => {
      if (this.#isStopped) return
      takeMemory()
      // What cannot be started has nothing to show any more.
      for (const {name} of others) if (!prints.has(name)) memory.forget(name)
      this.#serve(next, same)
    }
  }

  #serve(next: Serving, same: ReadonlySet<string>): void {
    const {memory, fleet} = this.#input
    const gone = this.plan.servers.map(({name}) => name).filter(name => !same.has(name))
    for (const name of gone) {
      memory.distrust(name)
      this.#news.forget(name)
      this.#openers.forget(name)
      this.#later(fleet.forget(name))
    }
    this.#serving = next
    for (const [session, client] of this.#sessions) session.replace(this.#sessionServers(client))
    for (const [client, exchanges] of this.#exchanges) {
      this.#later(exchanges.replace(this.#exchangedServers(client)))
    }
    this.#later(this.#explore())
  }

  /** The servers that cannot be used now, and why. */
  get failures(): ReadonlyMap<string, PluginError> {
    return this.#news.failures
  }

  /** What the clients with sessions call themselves, in the order in which they came. */
  get connected(): readonly string[] {
    return [...this.#sessions.keys()].flatMap(({clientName}) => clientName ?? [])
  }

  /** Who may use what now. */
  get clients(): Clients {
    return this.#serving.clients
  }

  /**
   * Opens a client's session. It ends when it is closed, or with the gateway.
   * @param client the name that the client has proved; undefined for one without
   * @throws Error when the gateway is stopping: nobody would end the session
   */
  openSession(id: string, downstream: Downstream, client?: string): Session {
    if (this.#isStopped) throw new Error('the gateway is stopping')
    const {version, now} = this.#input
    const session = new Session({
      id,
      version,
      downstream,
      patienceMs: this.#serving.patienceMs,
      now,
      servers: this.#sessionServers(client),
      memory: this.#memory,
      govern: governing(() => this.#serving, client),
      events: this.#news,
      onClose: () => this.#sessions.delete(session),
    })
    this.#sessions.set(session, client)
    return session
  }

  /**
   * Answers one request of a client without a session (MCP 2026-07-28).
   * @param client the name that the client has proved; undefined for one without
   * @throws the signal's reason when the client is gone
   */
  async answer(exchange: Exchange, client?: string): Promise<Response> {
    if (this.#isStopped) {
      return failure(exchange.request.id, RPC.internalError, 'the gateway is stopping')
    }
    const exchanges = this.#exchanges.get(client) ?? this.#openExchanges(client)
    this.#exchanges.set(client, exchanges)
    return exchanges.answer(exchange)
  }

  /** The engine has this image for a server: what is remembered of another one does not count any more. */
  hasImage(server: string, id: string): void {
    if (!this.#input.memory.hasImage(server, id)) return
    for (const session of this.#sessions.keys()) session.distrust(server)
    for (const exchanges of this.#exchanges.values()) exchanges.distrust(server)
  }

  /** A server cannot be used now, which was found out before anybody needed it. */
  failed(server: string, error: PluginError): void {
    this.#news.onFailed(server, error)
  }

  /** Takes what a client without a session says that is no request, and concerns none. */
  notify(message: Notification, client?: string): void {
    this.#exchanges.get(client)?.notify(message)
  }

  /**
   * Ends whatever runs of a server, forgets what went wrong with it, and opens again what was open. Calls in flight get
   * an error that says so.
   * @returns how many times it was opened
   * @throws PluginError SERVER_UNKNOWN when it is not served; what keeps it from being started
   */
  async restart(server: string): Promise<number> {
    const {lives, fleet} = this.#input
    const planned = this.plan.servers.find(({name}) => name === server)
    if (!planned) throw notServed(server)
    if (planned.start instanceof PluginError) throw planned.start
    // At the same time: who asks while the running ones end must not get one that was kept ready before.
    const [stopped] = await Promise.all([
      lives.of(server).stop('was restarted'),
      fleet.flush(server),
    ])
    const opened = await Promise.allSettled(stopped.map(reopen => reopen()))
    for (const outcome of opened) if (outcome.status === 'rejected') throw outcome.reason
    return opened.filter(outcome => outcome.status === 'fulfilled' && outcome.value).length
  }

  /** Ends every session with its servers, in bounded time. Never rejects. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true
    this.#input.stop.abort(new Error('the gateway is stopping'))
    const ends = [
      ...[...this.#sessions.keys()].map(session => () => session.close()),
      ...[...this.#exchanges.values()].map(exchanges => () => exchanges[Symbol.asyncDispose]()),
    ]
    // All at once: each waits for its slowest server.
    await Promise.all(ends.map(end => this.#end(end)))
    await Promise.allSettled(this.#afterwards)
    await this.#input.fleet[Symbol.asyncDispose]()
    await this.#input.housekeeping[Symbol.asyncDispose]()
    await Promise.all([this.#news.kept(), this.#input.memory.saved()])
  }

  #openExchanges(client: string | undefined): Exchanges {
    const {version, now} = this.#input
    return new Exchanges({
      version,
      patienceMs: this.#serving.patienceMs,
      now,
      servers: this.#exchangedServers(client),
      memory: this.#memory,
      govern: governing(() => this.#serving, client),
      events: this.#news,
    })
  }

  /** Something that nobody waits for before the gateway ends. */
  #later(task: Promise<unknown>): void {
    const settled = task.catch(() => undefined).finally(() => this.#afterwards.delete(settled))
    this.#afterwards.add(settled)
  }

  /**
   * Has those who are connected hear of what new servers list. One client of each kind finds it out for the others, if
   * that does not take long. Never rejects.
   */
  async #explore(): Promise<void> {
    const {clients} = this.#serving
    const byKind = Map.groupBy(
      [...this.#sessions],
      ([session, client]) => `${session.kind} ${clients.of(client).key}`,
    )
    const kinds = [...byKind.values()].map(alike => alike.map(([session]) => session))
    await Promise.all([
      ...kinds.map(async ([first, ...others]) => {
        if (first) await isInTime(first.explore(), SCOUT_MS)
        await Promise.all(others.map(session => session.explore()))
      }),
      ...[...this.#exchanges.values()].map(exchanges => exchanges.explore()),
    ])
  }

  async #end(end: () => Promise<void>): Promise<void> {
    await withDeadline(end(), SESSION_END_MS, tooLate).catch((error: unknown) =>
      this.#input.notify(`! a session did not end cleanly: ${messageOf(error)}`),
    )
  }

  /** What clients are shown of servers that are not there yet. */
  get #memory(): ServersMemory & EraMemory {
    const {memory} = this.#input
    const {showRemembered} = this.#serving
    return showRemembered ? memory : withoutLists(memory)
  }

  #policy(start: PlannedServer['start']): LifePolicy {
    return start instanceof PluginError ? NO_CONTAINER : lifePolicy(start, this.#serving.life)
  }

  #exchangedServers(client: string | undefined): readonly ExchangedServer[] {
    const all = this.plan.servers.map(server => ({
      ...this.#shown(server),
      openers: this.#openers.of(server).openers,
    }))
    return this.#serving.clients.servers(all, client)
  }

  #sessionServers(client: string | undefined): readonly SessionServer[] {
    const all = this.plan.servers.map(server => ({
      ...this.#shown(server),
      open: this.#openers.of(server).open,
    }))
    return this.#serving.clients.servers(all, client)
  }

  #shown(server: PlannedServer): Omit<SessionServer & ExchangedServer, 'open' | 'openers'> {
    const {name, prefix, startTimeoutMs, start} = server
    return {
      name,
      prefix,
      startTimeoutMs,
      allows: tool => allowsTool(server, tool),
      // Who is shown nothing from memory would take a server that is late for one without tools.
      isDoubtful: this.#serving.showRemembered && this.#news.isDoubtful(name),
      isBroken: start instanceof PluginError,
      policy: this.#policy(start),
      life: this.#input.lives.of(name),
    }
  }
}
