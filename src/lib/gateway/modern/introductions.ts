import {isJsonObject, type JsonObject} from '../../base/json.ts'
import {gatewayInfo} from '../relay/hello.ts'
import {hintIn} from '../relay/hints.ts'
import {isInTime, SHORT_PATIENCE_MS} from '../relay/lists.ts'
import {isResult, request, result, type Request, type Response} from '../wire/jsonrpc.ts'
import {META, metaOf} from '../wire/meta.ts'
import type {EraLink} from './era-link.ts'
import {gatewayDiscovery, ownDiscovery} from './own-discovery.ts'

/** What clients wait to hear what a server can do that was never seen. */
const INTRODUCTION_MS = 5000

export interface IntroductionsInput {
  readonly version: string
  readonly servers: readonly {readonly link: EraLink; readonly isDoubtful: boolean}[]
  readonly patienceMs: number
  /** Milliseconds from any fixed point. */
  readonly now: () => number
}

/** What the servers of one view say of themselves, and what the gateway says for them (MCP 2026-07-28, discovery). */
export class Introductions {
  readonly #input: IntroductionsInput
  readonly #links: readonly EraLink[]
  /** What servers said of themselves before they are open. */
  readonly #remembered = new Map<string, JsonObject | undefined>()
  /** What they have said since they were opened. */
  readonly #newest = new Map<string, JsonObject>()
  readonly #openedAt = new Map<string, number>()
  /** Servers of which nothing was known when patience with them was over. */
  readonly #waitedFor = new Set<string>()

  constructor(input: IntroductionsInput) {
    this.#input = input
    this.#links = input.servers.map(({link}) => link)
  }

  /** Takes what a server said the last time that it was used, if that is known. */
  remember(server: string, hello: JsonObject | undefined): void {
    this.#remembered.set(server, hello)
  }

  /** A server was opened, and has said of itself what its link knows. */
  opened(server: string): void {
    this.#openedAt.set(server, this.#input.now())
    this.#newest.delete(server)
  }

  /** What a server says of itself, or said the last time that anyone asked. */
  of(server: string): JsonObject | undefined {
    const {hello} = this.#links.find(link => link.server === server) ?? {}
    return this.#newest.get(server) ?? hello ?? this.#remembered.get(server)
  }

  /** Who answers, where a server does not say so itself. */
  get serverInfo(): JsonObject {
    const hello = this.#sole && this.of(this.#sole.server)
    const own = metaOf(hello)[META.server] ?? hello?.['serverInfo']
    return isJsonObject(own) ? own : gatewayInfo(this.#input.version)
  }

  /**
   * Answers `server/discover`. The only server does so itself when it is of the same era; otherwise what is known is put
   * together.
   */
  async answer(message: Request, signal: AbortSignal): Promise<Response> {
    const sole = this.#sole
    if (sole) {
      // What it said earlier will do for a server that is not there yet.
      void sole.ready().catch(() => undefined)
      await this.heard()
      if (sole.isModern) {
        const answer = await sole.request(message, {about: message.id, signal})
        return isResult(answer) ? {...answer, result: ownDiscovery(answer.result)} : answer
      }
    }
    await this.heard()
    await this.#refreshed()
    const {version, now} = this.#input
    const servers = this.#input.servers.map(({link: {server: name}}) => {
      const openedAt = this.#openedAt.get(name)
      const ageMs = openedAt === undefined ? Infinity : now() - openedAt
      return {name, hello: this.of(name), ageMs}
    })
    return result(message.id, gatewayDiscovery({version, servers}))
  }

  /** Waits for servers of which nothing is known, as long as patience allows, and never twice for the same. */
  async heard(): Promise<void> {
    const unknown = this.#input.servers.filter(
      ({link: {server}}) => !this.of(server) && !this.#waitedFor.has(server),
    )
    const patienceMs = Math.min(this.#input.patienceMs, INTRODUCTION_MS)
    await Promise.all(
      unknown.map(async ({link, isDoubtful}) => {
        const ready = link.ready().catch(() => undefined)
        await isInTime(ready, isDoubtful ? Math.min(patienceMs, SHORT_PATIENCE_MS) : patienceMs)
        if (!this.of(link.server)) this.#waitedFor.add(link.server)
      }),
    )
  }

  /** Asks modern servers again for what they say of themselves, where that must not be kept any longer. */
  async #refreshed(): Promise<void> {
    const {now, patienceMs} = this.#input
    const old = this.#links.filter(({server, isModern}) => {
      const hint = hintIn(this.of(server) ?? {})
      return isModern && hint && now() - (this.#openedAt.get(server) ?? 0) >= hint.ttlMs
    })
    const again = old.map(async link => {
      const answer = await link.request(request('discover', 'server/discover'))
      if (!isResult(answer)) return
      this.#openedAt.set(link.server, now())
      this.#newest.set(link.server, answer.result)
    })
    await isInTime(Promise.allSettled(again), Math.min(patienceMs, INTRODUCTION_MS))
  }

  get #sole(): EraLink | undefined {
    return this.#links.length === 1 ? this.#links[0] : undefined
  }
}
