import {unlessAborted, untilAborted} from '../../base/async.ts'
import type {JsonObject} from '../../base/json.ts'
import {
  DESCRIBED_IDLE_MS,
  noSubscriptions,
  TASK_IDLE_MS,
  withoutSubscriptions,
} from '../relay/call-link.ts'
import type {Asking} from '../relay/connection.ts'
import {PerCall} from '../relay/per-call.ts'
import {StartsAlone} from '../relay/restarts.ts'
import {TASK_METHODS} from '../relay/tasks.ts'
import {DESCRIBING} from '../relay/way.ts'
import {failure, RPC, type Notification, type Request, type Response} from '../wire/jsonrpc.ts'
import {SharedServer, unneeded, type SharedServerInput} from './shared-server.ts'
import type {Listener, Shared} from './shared-view.ts'
import type {Watch} from './view-link.ts'

/**
 * A server of the era without `initialize` of which every call gets a container of its own, which ends behind the
 * answer. What is the same for every container is asked of one that ends as soon as no more is asked.
 */
export class CallServer implements Shared {
  readonly #input: SharedServerInput
  readonly #describing: SharedServer
  readonly #calls: PerCall<SharedServer>
  readonly #restarts: StartsAlone
  #hello: JsonObject | undefined

  constructor(input: SharedServerInput) {
    this.#input = input
    this.#calls = new PerCall(input.server)
    this.#restarts = new StartsAlone(input.now)
    this.#describing = this.#server(DESCRIBED_IDLE_MS)
  }

  get name(): string {
    return this.#input.server
  }

  /** No container of it is there for the next request. */
  get isOpen(): boolean {
    return false
  }

  get hello(): JsonObject | undefined {
    return this.#hello
  }

  async ready(own: JsonObject): Promise<JsonObject> {
    if (!this.#hello) await this.#describing.ready(own)
    return this.#hello ?? {}
  }

  check(own: JsonObject): Promise<JsonObject> {
    return this.#describing.check(own)
  }

  async request(message: Request, own: JsonObject, asking?: Asking): Promise<Response> {
    const {method, params} = message
    if (method === 'subscriptions/listen') {
      return failure(message.id, RPC.methodNotFound, noSubscriptions(this.name))
    }
    const kept = this.#calls.withTask(params?.['taskId'])
    if (kept) return kept.request(message, own, asking)
    if (DESCRIBING.has(method) || TASK_METHODS.has(method)) {
      return this.#describing.request(message, own, asking)
    }
    return this.#calls.run(
      () => this.#server(this.#input.policy.idleMs ?? TASK_IDLE_MS),
      server => server.request(message, own, asking),
      asking?.signal,
    )
  }

  notify(message: Notification): void {
    for (const server of this.#calls.open) server.notify(message)
  }

  /** Nobody is there to tell of changes: nothing is honoured, for as long as somebody listens. */
  async watch(_own: JsonObject, _filter: JsonObject, {signal}: Listener): Promise<Watch> {
    return {honoured: {}, ended: untilAborted(signal)}
  }

  /** It never stays open. @throws the signal's reason */
  whenOpen(signal: AbortSignal): Promise<void> {
    return unlessAborted(new Promise(() => undefined), signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ends = this.#calls.close(unneeded(this.name, undefined))
    // Those that cannot be ended have said so.
    await Promise.allSettled([ends, this.#describing[Symbol.asyncDispose]()])
  }

  async close(what?: string): Promise<void> {
    const ends = this.#calls.close(unneeded(this.name, what), what)
    await Promise.all([ends, this.#describing.close(what)])
  }

  #server(idleMs: number): SharedServer {
    const {events} = this.#input
    const server: SharedServer = new SharedServer({
      ...this.#input,
      policy: {...this.#input.policy, idleMs},
      restarts: this.#restarts,
      events: {
        onOpened: hello => {
          this.#hello = withoutSubscriptions(hello)
          events.onOpened(this.#hello)
        },
        // Nobody has asked for its tasks any more, or they are lost.
        onEnded: () => {
          if (server !== this.#describing) void this.#calls.end(server)
        },
        onFailed: error => events.onFailed(error),
        onNotification: (message, about) => events.onNotification(message, about),
      },
    })
    return server
  }
}
