import {objectOf, type JsonObject} from '../../base/json.ts'
import {
  failure,
  result,
  RPC,
  type Notification,
  type Request,
  type Response,
} from '../wire/jsonrpc.ts'
import type {Asking} from './connection.ts'
import {InFlight} from './in-flight.ts'
import {closedError, Link, type LinkEvents, type LinkInput} from './link.ts'
import {PerCall} from './per-call.ts'
import {StartsAlone} from './restarts.ts'
import type {SessionLink} from './server-link.ts'
import {TASK_METHODS} from './tasks.ts'
import {DESCRIBING} from './way.ts'

/** What only describes the server comes in handfuls, and one container is enough for it, in milliseconds. */
export const DESCRIBED_IDLE_MS = 2000
/** A container whose call became a task is not asked for it any more after so long, in milliseconds. */
export const TASK_IDLE_MS = 300_000

/**
 * A server of which every call gets a container of its own, which ends behind the answer. Lists, and whatever else is
 * the same for every container, are asked of one that ends as soon as no more is asked. There is none that could tell
 * of changes later.
 */
export class CallLink implements SessionLink {
  readonly #input: LinkInput
  readonly #events: LinkEvents
  readonly #describing: Link
  readonly #calls: PerCall<Link>
  readonly #restarts: StartsAlone
  readonly #inFlight = new InFlight()
  #hello: JsonObject | undefined
  #last = 0

  constructor(input: LinkInput, events: LinkEvents) {
    this.#input = input
    this.#calls = new PerCall(input.server)
    this.#events = events
    this.#restarts = new StartsAlone(input.now)
    this.#describing = this.#link(DESCRIBED_IDLE_MS)
  }

  get server(): string {
    return this.#input.server
  }

  /** No container of it is there for the next request. */
  get isOpen(): boolean {
    return false
  }

  get hello(): JsonObject | undefined {
    return this.#hello
  }

  /** What it is known to be; it is opened only when nothing is known. */
  async ready(): Promise<JsonObject> {
    if (!this.#hello) await this.#describing.ready()
    return this.#hello ?? {}
  }

  /** There is nobody to tell of changes. */
  readonly subscriptions: readonly string[] = []

  idle(): Promise<void> {
    return this.#inFlight.idle()
  }

  request(message: Request, asking?: Asking): Promise<Response> {
    return this.#inFlight.during(() => this.#request(message, asking))
  }

  async #request(message: Request, asking?: Asking): Promise<Response> {
    const {id, method, params} = message
    if (method === 'resources/subscribe') {
      return failure(id, RPC.methodNotFound, noSubscriptions(this.server))
    }
    if (method === 'resources/unsubscribe') return result(id, {})
    const kept = this.#calls.withTask(params?.['taskId'])
    if (kept) return kept.request(message, asking)
    if (DESCRIBING.has(method) || TASK_METHODS.has(method)) {
      return this.#describing.request(message, asking)
    }
    const make = () => this.#link(this.#input.policy.idleMs ?? TASK_IDLE_MS)
    return this.#calls.run(make, link => link.request(message, asking), asking?.signal)
  }

  /** What a client says to nobody in particular is for the calls that run. */
  notify(message: Notification): void {
    for (const link of this.#calls.open) if (link.isOpen) link.notify(message)
  }

  async close(what?: string): Promise<void> {
    const why = closedError(this.server, what)
    const closings = await Promise.allSettled([
      this.#calls.close(why, what),
      this.#describing.close(what),
    ])
    const failures = closings.filter(closing => closing.status === 'rejected')
    if (failures.length > 0) throw new AggregateError(failures.map(({reason}) => reason))
  }

  #link(idleMs: number): Link {
    const {policy, session} = this.#input
    const events = this.#events
    const link: Link = new Link(
      {
        ...this.#input,
        session: `${session}-${++this.#last}`,
        policy: {...policy, idleMs},
        restarts: this.#restarts,
      },
      {
        ...events,
        onServerRequest: (...args) => events.onServerRequest(...args),
        onNotification: (...args) => events.onNotification(...args),
        onOpened: (answer, connection) => {
          this.#hello = withoutSubscriptions(answer)
          events.onOpened(this.#hello, connection)
        },
        onReopened: () => undefined,
        onFailed: error => events.onFailed(error),
        onEnded: connection => {
          events.onEnded(connection)
          // Nobody has asked for its tasks any more, or they are lost.
          if (link !== this.#describing) void this.#calls.end(link)
        },
      },
    )
    return link
  }
}

/** Why a server with a container for each call has no subscriptions. */
export function noSubscriptions(server: string): string {
  return `server ${server} runs for one call at a time (ephemeral), so there is nobody to tell of changes`
}

/** What a server says of itself, without what it cannot do when it ends with each call. */
export function withoutSubscriptions(hello: JsonObject): JsonObject {
  const capabilities = objectOf(hello['capabilities'])
  const resources = objectOf(capabilities['resources'])
  if (resources['subscribe'] === undefined) return hello
  const {subscribe: _, ...others} = resources
  return {...hello, capabilities: {...capabilities, resources: others}}
}
