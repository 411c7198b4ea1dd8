import {isJsonObject, type JsonObject} from '../../base/json.ts'
import type {Remembered} from '../memory.ts'
import {gatewayInfo} from '../relay/hello.ts'
import {hintIn} from '../relay/hints.ts'
import {isInTime} from '../relay/in-time.ts'
import {SHORT_PATIENCE_MS} from '../relay/list-state.ts'
import {isResult, request, result, type Request, type Response} from '../wire/jsonrpc.ts'
import {META, metaOf} from '../wire/meta.ts'
import type {EraLink} from './era-link.ts'
import {gatewayDiscovery, ownDiscovery} from './own-discovery.ts'

/** What clients wait to hear what a server can do that was never seen. */
const INTRODUCTION_MS = 5000

interface Introduced {
  readonly link: EraLink
  readonly isDoubtful: boolean
}

export interface IntroductionsInput {
  readonly version: string
  readonly servers: readonly Introduced[]
  readonly patienceMs: number
  /** Milliseconds from any fixed point. */
  readonly now: () => number
}

/** What the servers of one view say of themselves, and what the gateway says for them (MCP 2026-07-28, discovery). */
export class Introductions {
  readonly #input: IntroductionsInput
  #servers: readonly Introduced[]
  /** What servers said of themselves before they are open. */
  readonly #remembered = new Map<string, Pick<Remembered, 'hello' | 'isTrusted'>>()
  /** What they have said since they were opened. */
  readonly #newest = new Map<string, JsonObject>()
  readonly #openedAt = new Map<string, number>()
  /** Servers of which nothing was known when patience with them was over. */
  readonly #waitedFor = new Set<string>()

  constructor(input: IntroductionsInput) {
    this.#input = input
    this.#servers = input.servers
  }

  /** There are these servers from now on. What is known of one with another link was said by another one. */
  replace(servers: readonly Introduced[]): void {
    const now = new Set(servers.map(({link}) => link))
    for (const {link} of this.#servers) {
      if (now.has(link)) continue
      const {server} = link
      this.#remembered.delete(server)
      this.#newest.delete(server)
      this.#openedAt.delete(server)
      this.#waitedFor.delete(server)
    }
    this.#servers = servers
  }

  /** Takes what a server said the last time that it was used, if that is known. */
  remember(server: string, known: Pick<Remembered, 'hello' | 'isTrusted'>): void {
    this.#remembered.set(server, known)
  }

  /** A server was opened, and has said of itself what its link knows. */
  opened(server: string): void {
    this.#openedAt.set(server, this.#input.now())
    this.#newest.delete(server)
  }

  /** What a server says of itself, or said the last time that anyone asked. */
  of(server: string): JsonObject | undefined {
    const {hello} = this.#servers.find(({link}) => link.server === server)?.link ?? {}
    return this.#newest.get(server) ?? hello ?? this.#remembered.get(server)?.hello
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
      const isTrusted = this.#remembered.get(sole.server)?.isTrusted ?? false
      if (!isTrusted) void sole.ready().catch(() => undefined)
      await this.heard()
      const known = this.of(sole.server)
      if (sole.isModern && !sole.isOpen && known) return result(message.id, ownDiscovery(known))
      if (sole.isModern) {
        const answer = await sole.request(message, {about: message.id, signal})
        return isResult(answer) ? {...answer, result: ownDiscovery(answer.result)} : answer
      }
    }
    await this.heard()
    await this.#refreshed()
    const {version, now} = this.#input
    const servers = this.#servers.map(({link: {server: name}}) => {
      const openedAt = this.#openedAt.get(name)
      const ageMs = openedAt === undefined ? Infinity : now() - openedAt
      return {name, hello: this.of(name), ageMs}
    })
    return result(message.id, gatewayDiscovery({version, servers}))
  }

  /** Waits for servers of which nothing is known, as long as patience allows, and never twice for the same. */
  async heard(): Promise<void> {
    const unknown = this.#servers.filter(
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
    const links = this.#servers.map(({link}) => link)
    const old = links.filter(({server, isModern, isOpen}) => {
      const hint = hintIn(this.of(server) ?? {})
      // One that sleeps is not woken for what it says of itself.
      return isModern && isOpen && hint && now() - (this.#openedAt.get(server) ?? 0) >= hint.ttlMs
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
    return this.#servers.length === 1 ? this.#servers[0]?.link : undefined
  }
}
