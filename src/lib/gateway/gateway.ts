import {withDeadline} from '../base/async.ts'
import {messageOf, PluginError} from '../base/errors.ts'
import {oneLine} from '../base/one-line.ts'
import type {ConnectedSpec} from '../model/server.ts'
import {openEither} from './bridge/either.ts'
import type {EraMemory} from './bridge/eras.ts'
import type {Memory} from './memory.ts'
import type {Exchange} from './modern/exchange.ts'
import {Exchanges, type ExchangedServer} from './modern/exchanges.ts'
import {allowsTool, type Plan, type PlannedServer} from './plan.ts'
import {compose, type Middleware} from './pipeline/call.ts'
import {Session} from './relay/session.ts'
import type {
  Downstream,
  ServersMemory,
  SessionEvents,
  SessionServer,
} from './relay/session-input.ts'
import {fingerprint, type StatusStore} from './status.ts'
import type {Fleet} from './upstream/fleet.ts'
import {failure, RPC, type Notification, type Response} from './wire/jsonrpc.ts'

export interface GatewayInput {
  readonly version: string
  readonly plan: Plan
  readonly fleet: Fleet
  readonly status: StatusStore
  readonly memory: Memory
  /** Whether sessions are shown what is remembered of servers until these have answered. */
  readonly showRemembered: boolean
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

/** What a session may take to end: its servers have about five seconds, and a start under way a little more. */
const SESSION_END_MS = 10_000

/** Owns the plan, the fleet and the sessions: opens sessions, remembers what became of servers, stops everything. */
export class Gateway implements AsyncDisposable {
  readonly #input: GatewayInput
  readonly #sessions = new Set<Session>()
  /** Servers whose last start failed, in this run or an earlier one. */
  readonly #doubtful = new Set<string>()
  /** The last write of each server's record; they happen one after the other. */
  readonly #writes = new Map<string, Promise<void>>()
  #exchanges: Exchanges | undefined
  readonly #failures = new Map<string, PluginError>()
  #isStopped = false

  constructor(input: GatewayInput) {
    this.#input = input
  }

  /** Reads what is remembered of the servers, so that the first client is told what they can do. */
  async load(): Promise<void> {
    const prints = new Map(
      this.#input.plan.servers.flatMap(({name, start}): [string, string][] =>
        start instanceof PluginError ? [] : [[name, fingerprint(start)]],
      ),
    )
    const [records] = await Promise.all([
      this.#input.status.read(),
      this.#input.memory.load(prints),
    ])
    for (const [name, {state, fingerprint: print}] of records) {
      if (state === 'failed' && print === prints.get(name)) this.#doubtful.add(name)
    }
  }

  /** The servers that cannot be used now, and why. */
  get failures(): ReadonlyMap<string, PluginError> {
    return this.#failures
  }

  /**
   * Opens a client's session. It ends when it is closed, or with the gateway.
   * @throws Error when the gateway is stopping: nobody would end the session
   */
  openSession(id: string, downstream: Downstream): Session {
    if (this.#isStopped) throw new Error('the gateway is stopping')
    const {version, plan, middlewares, patienceMs, now} = this.#input
    const session = new Session({
      id,
      version,
      downstream,
      patienceMs,
      now,
      servers: plan.servers.map(server => this.#sessionServer(server)),
      memory: this.#memory,
      govern: send => compose(middlewares, send),
      events: this.#events(),
      onClose: () => this.#sessions.delete(session),
    })
    this.#sessions.add(session)
    return session
  }

  /**
   * Answers one request of a client without a session (MCP 2026-07-28).
   * @throws the signal's reason when the client is gone
   */
  async answer(exchange: Exchange): Promise<Response> {
    if (this.#isStopped) {
      return failure(exchange.request.id, RPC.internalError, 'the gateway is stopping')
    }
    this.#exchanges ??= this.#openExchanges()
    return this.#exchanges.answer(exchange)
  }

  /** Takes what a client without a session says that is no request, and concerns none. */
  notify(message: Notification): void {
    this.#exchanges?.notify(message)
  }

  /** Ends every session with its servers, in bounded time. Never rejects. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true
    this.#input.stop.abort(new Error('the gateway is stopping'))
    await Promise.all([...this.#sessions].map(session => this.#end(() => session.close())))
    const exchanges = this.#exchanges
    if (exchanges) await this.#end(() => exchanges[Symbol.asyncDispose]())
    await Promise.all([...this.#writes.values(), this.#input.memory.saved()])
  }

  #openExchanges(): Exchanges {
    const {version, plan, middlewares, patienceMs, now} = this.#input
    return new Exchanges({
      version,
      patienceMs,
      now,
      servers: plan.servers.map(server => this.#exchangedServer(server)),
      memory: this.#memory,
      govern: send => compose(middlewares, send),
      events: this.#events(),
    })
  }

  async #end(end: () => Promise<void>): Promise<void> {
    await withDeadline(end(), SESSION_END_MS, tooLate).catch((error: unknown) =>
      this.#input.notify(`! a session did not end cleanly: ${messageOf(error)}`),
    )
  }

  /** What clients are shown of servers that are not there yet. */
  get #memory(): ServersMemory & EraMemory {
    const {memory, showRemembered} = this.#input
    return showRemembered ? memory : withoutLists(memory)
  }

  #exchangedServer(server: PlannedServer): ExchangedServer {
    const {name, prefix, startTimeoutMs, start} = server
    const failed = async (): Promise<never> => {
      throw start
    }
    return {
      name,
      prefix,
      startTimeoutMs,
      allows: tool => allowsTool(server, tool),
      isDoubtful: this.#doubtful.has(name),
      openers:
        start instanceof PluginError
          ? {legacy: failed, modern: undefined, tellsOrigin: false}
          : this.#input.fleet.openers(start),
    }
  }

  #sessionServer(server: PlannedServer): SessionServer {
    const {start} = server
    return {
      name: server.name,
      prefix: server.prefix,
      startTimeoutMs: server.startTimeoutMs,
      allows: tool => allowsTool(server, tool),
      isDoubtful: this.#doubtful.has(server.name),
      open:
        start instanceof PluginError
          ? () => Promise.reject(start)
          : openEither({
              server: server.name,
              openers: this.#input.fleet.openers(start),
              eras: this.#input.memory,
              startTimeoutMs: server.startTimeoutMs,
            }),
    }
  }

  #events(): SessionEvents {
    const {log, status, redact} = this.#input
    return {
      onOpened: name => {
        this.#doubtful.delete(name)
        this.#failures.delete(name)
        const spec = this.#specOf(name)
        if (spec) this.#keep(name, () => status.ready(name, spec))
      },
      onFailed: (name, failed) => {
        const error = masked(failed, redact)
        // Once for each new reason: a server that is asked for again and again fails again and again.
        if (this.#failures.get(name)?.message === error.message) return
        this.#failures.set(name, error)
        this.#doubtful.add(name)
        const about = error.message.startsWith(`server ${name}`) ? '' : `server ${name}: `
        const hint = error.hint ? `\n  ${oneLine(error.hint)}` : ''
        this.#input.notify(`! ${about}${oneLine(error.message)}${hint}`)
        this.#keep(name, () => status.failed(name, error, this.#specOf(name)))
      },
      onListed: (name, kind, count) => log(`  > ${name}: (${count} ${kind})`),
      onWarning: text => log(`  ! ${oneLine(redact(text))}`),
    }
  }

  #specOf(name: string): ConnectedSpec | undefined {
    const start = this.#input.plan.servers.find(server => server.name === name)?.start
    return start instanceof PluginError ? undefined : start
  }

  #keep(name: string, write: () => Promise<void>): void {
    const before = this.#writes.get(name) ?? Promise.resolve()
    const kept = before
      .then(write)
      .catch((error: unknown) =>
        this.#input.notify(`! the state of a server could not be kept: ${messageOf(error)}`),
      )
    this.#writes.set(name, kept)
  }
}

/** What servers can do is of use also where their lists must be fresh. */
function withoutLists(memory: Memory): ServersMemory & EraMemory {
  return {
    speaks: (...args) => memory.speaks(...args),
    learn: (...args) => memory.learn(...args),
    recall: (server, client) => ({...memory.recall(server, client), lists: {}}),
    opened: (...args) => memory.opened(...args),
    listed: (...args) => memory.listed(...args),
    nameOf: (...args) => memory.nameOf(...args),
    named: (...args) => memory.named(...args),
  }
}

/** An error as it may be told and kept: what it quotes of a server is the server's. */
function masked({code, message, hint}: PluginError, redact: (text: string) => string): PluginError {
  return new PluginError(code, redact(message), hint === undefined ? {} : {hint: redact(hint)})
}

function tooLate(): Error {
  return new Error('it takes too long')
}
