import type {Id, Notification} from '../wire/jsonrpc.ts'
import {CallServer} from './call-server.ts'
import type {ExchangedServer, ExchangesInput} from './exchanges.ts'
import {SharedServer} from './shared-server.ts'
import type {Shared} from './shared-view.ts'

/** The modern servers of a gateway, each one for all its clients. */
export class SharedServers {
  readonly #input: Pick<ExchangesInput, 'events' | 'memory' | 'now'>
  readonly #hear: (server: string, message: Notification, about: Id) => void
  /** With what opens each: one that is opened otherwise is another one. */
  readonly #servers = new Map<
    string,
    {readonly by: ExchangedServer['openers']; readonly shared: Shared}
  >()
  /** Those that are served no more, and not ended yet. */
  readonly #leaving = new Set<Shared>()

  /** @param hear takes what a server says about a request */
  constructor(
    input: Pick<ExchangesInput, 'events' | 'memory' | 'now'>,
    hear: (server: string, message: Notification, about: Id) => void,
  ) {
    this.#input = input
    this.#hear = hear
  }

  /** The server, for all who ask for it; undefined when it cannot be a modern one. */
  of(server: ExchangedServer): Shared | undefined {
    const {name, openers, startTimeoutMs, policy, life} = server
    const open = openers.modern
    if (!open) return undefined
    const known = this.#servers.get(name)
    if (known?.by === openers) return known.shared
    const {now, events, memory} = this.#input
    const Server = policy.serves === 'call' ? CallServer : SharedServer
    const shared: Shared = new Server({
      server: name,
      open,
      startTimeoutMs,
      policy,
      life,
      isKnown: () => memory.speaks(name, 'modern') === true,
      now,
      events: {
        onOpened: () => {
          if (this.#isServed(name, shared)) events.onOpened(name)
        },
        onFailed: error => {
          if (this.#isServed(name, shared)) events.onFailed(name, error)
        },
        onNotification: (message, about) => this.#hear(name, message, about),
      },
    })
    this.#servers.set(name, {by: openers, shared})
    return shared
  }

  /**
   * Gives out none any more that these servers do not have.
   * @returns ends those when nobody uses them any more; never rejects
   */
  replace(servers: readonly ExchangedServer[]): () => Promise<void> {
    const left: {readonly shared: Shared; readonly what: string}[] = []
    for (const [name, {by, shared}] of this.#servers) {
      const now = servers.find(server => server.name === name)
      if (now?.openers === by) continue
      this.#servers.delete(name)
      this.#leaving.add(shared)
      left.push({shared, what: now ? 'was changed' : 'was taken out'})
    }
    const end = async ({shared, what}: (typeof left)[number]) => {
      // What cannot be ended now is tried again when all ends.
      await shared.close(what).then(
        () => this.#leaving.delete(shared),
        () => undefined,
      )
    }
    return async () => void (await Promise.all(left.map(end)))
  }

  /** Ends all; who asks for one after that gets another. Never rejects. */
  async end(): Promise<void> {
    const servers = [...this.#servers.values()].map(({shared}) => shared)
    this.#servers.clear()
    const all = [...servers, ...this.#leaving]
    await Promise.all(all.map(server => server[Symbol.asyncDispose]()))
  }

  #isServed(name: string, shared: Shared): boolean {
    return this.#servers.get(name)?.shared === shared
  }
}
