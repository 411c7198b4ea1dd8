import {unlessAborted} from '../../base/async.ts'
import type {JsonObject} from '../../base/json.ts'
import {PluginError, type ErrorCode} from '../../base/errors.ts'
import type {EraMemory} from '../bridge/eras.ts'
import type {Asking} from '../relay/connection.ts'
import {InFlight} from '../relay/in-flight.ts'
import type {Leavable} from '../relay/leaving.ts'
import {isResult, type Notification, type Request, type Response} from '../wire/jsonrpc.ts'
import {NotModern} from './discover.ts'
import type {ModernLink, ViewLink, Watch} from './view-link.ts'
import {mayBeLegacy, mayBeModern} from './wrong-era.ts'

/** A server is not asked more often than this whether it is of the other era now. */
const CHECK_MS = 5000

/** What is said of a server that was not there, or ended. */
const GONE: ReadonlySet<ErrorCode> = new Set(['SERVER_START_FAILED', 'SERVER_ENDED'])

export interface EraLinkInput {
  readonly server: string
  /** The way to the server if it is a modern one; undefined when it cannot be. */
  readonly modern: ModernLink | undefined
  /** The way to it if it is a legacy one, and whether calls of it wait there for their clients to come back. */
  readonly legacy: ViewLink & Leavable & {readonly isWaiting: boolean}
  /** Whether it is reached over HTTP, where another one may come to its place without any end being seen. */
  readonly isRemote: boolean
  readonly eras: EraMemory
  /** Milliseconds, from any fixed point. */
  readonly now: () => number
  /** The server has turned out to be a modern one; `until` is aborted when it is none any more. */
  readonly onModern: (link: ModernLink, until: AbortSignal) => void
}

/**
 * A server whose era shows when it is opened: a modern client is best served by a modern server, so that is tried
 * first, unless it is known that there is none (MCP 2026-07-28, backward compatibility). A server that turns out to be
 * of the other era than it was is found out again.
 */
export class EraLink implements ViewLink, Leavable {
  readonly #input: EraLinkInput
  readonly #inFlight = new InFlight()
  #choice: Promise<ViewLink> | undefined
  #chosen: ViewLink | undefined
  /** Aborted when another way is chosen. */
  #until = new AbortController()
  /** Who waits until a way is chosen. */
  readonly #waiting = new Set<() => void>()
  #checkedAt = -Infinity
  #checking: Promise<boolean> | undefined

  constructor(input: EraLinkInput) {
    this.#input = input
  }

  get server(): string {
    return this.#input.server
  }

  get isOpen(): boolean {
    return this.#chosen?.isOpen ?? false
  }

  get hello(): JsonObject | undefined {
    return this.#chosen?.hello
  }

  /** Whether a client may come back with the answer to a question of the server. */
  get isWaiting(): boolean {
    return this.#input.legacy.isWaiting
  }

  /** Whether the server is known to speak the client's own era. */
  get isModern(): boolean {
    return this.#chosen !== undefined && this.#chosen === this.#input.modern
  }

  ready(): Promise<JsonObject> {
    return this.#with(link => link.ready())
  }

  /** What a server of the other era refused is asked once more, in its own era. */
  request(message: Request, asking?: Asking): Promise<Response> {
    return this.#inFlight.during(() => this.#request(message, asking))
  }

  /** Calls whose clients are to come back with answers are in flight, too. */
  async idle(): Promise<void> {
    await Promise.all([this.#inFlight.idle(), this.#input.legacy.idle()])
  }

  async #request(message: Request, asking?: Asking): Promise<Response> {
    let link: ViewLink | undefined
    let wasSent = false
    const told = asking && {
      ...asking,
      onProgress: (isUserAsked: boolean) => {
        wasSent = true
        asking.onProgress?.(isUserAsked)
      },
    }
    const again = () => {
      link = undefined
      return this.#with(other => other.request(message, asking))
    }
    try {
      const answer = await this.#with(used => {
        link = used
        return used.request(message, told)
      })
      if (isResult(answer) || !link || !this.#mayBeOther(link, answer)) return answer
      return (await this.#isOther(link)) ? await again() : answer
    } catch (error) {
      const isGone = error instanceof PluginError && GONE.has(error.code)
      // What the server may have begun is not done twice.
      if (!link || !isGone || !(await this.#isOther(link)) || wasSent) throw error
      return again()
    }
  }

  notify(message: Notification): void {
    this.#chosen?.notify(message)
  }

  async watch(
    filter: JsonObject,
    tell: (notice: Notification) => void,
    signal: AbortSignal,
  ): Promise<Watch> {
    let link: ViewLink | undefined
    const watched = (used: ViewLink) => {
      link = used
      return used.watch(filter, tell, AbortSignal.any([signal, this.#until.signal]))
    }
    try {
      return await this.#with(watched)
    } catch (error) {
      if (signal.aborted || !link || !(await this.#isOther(link))) throw error
      return this.#with(watched)
    }
  }

  async whenOpen(signal: AbortSignal): Promise<void> {
    while (!this.#chosen) await this.#whenChosen(signal)
    await this.#chosen.whenOpen(AbortSignal.any([signal, this.#until.signal]))
  }

  async close(what?: string): Promise<void> {
    this.#until.abort()
    await Promise.all([this.#input.modern?.close(what), this.#input.legacy.close(what)])
  }

  /** A server that was started again may be another one: then its era is found out once more. */
  async #with<T>(use: (link: ViewLink) => Promise<T>): Promise<T> {
    const link = this.#chosen ?? (await this.#choose())
    try {
      return await use(link)
    } catch (error) {
      if (!(error instanceof NotModern)) throw error
      if (this.#chosen === link) this.#forget()
      return use(await this.#choose())
    }
  }

  async #whenChosen(signal: AbortSignal): Promise<void> {
    const {promise, resolve} = Promise.withResolvers<void>()
    this.#waiting.add(resolve)
    try {
      await unlessAborted(promise, signal)
    } finally {
      this.#waiting.delete(resolve)
    }
  }

  #forget(): void {
    this.#until.abort()
    this.#chosen = undefined
    this.#choice = undefined
  }

  #choose(): Promise<ViewLink> {
    this.#choice ??= this.#findOut().then(
      link => this.#take(link),
      (error: unknown) => {
        this.#choice = undefined
        throw error
      },
    )
    return this.#choice
  }

  #take(link: ViewLink): ViewLink {
    const {modern, eras, server, onModern} = this.#input
    this.#until.abort()
    this.#until = new AbortController()
    this.#chosen = link
    this.#choice = Promise.resolve(link)
    for (const tell of this.#waiting) tell()
    if (modern && link === modern) {
      eras.learn(server, 'modern', true)
      onModern(modern, this.#until.signal)
    }
    return link
  }

  async #findOut(): Promise<ViewLink> {
    const {modern, legacy, eras, server} = this.#input
    if (!modern) return legacy
    if (eras.speaks(server, 'modern') === false) return this.#legacyOr(modern)
    try {
      await modern.ready()
      return modern
    } catch (error) {
      if (!(error instanceof NotModern)) throw error
      const found = error.why === 'silence' ? await this.#legacyOr(modern) : await this.#legacy()
      if (found === legacy && error.why !== 'trouble') this.#learnLegacy()
      return found
    }
  }

  async #legacy(): Promise<ViewLink> {
    const {legacy} = this.#input
    await legacy.ready()
    return legacy
  }

  /** What is remembered may be out of date, and a server that did not answer in time may only be slow. */
  async #legacyOr(modern: ModernLink): Promise<ViewLink> {
    try {
      return await this.#legacy()
    } catch (failure) {
      const ready = modern.ready().catch((error: unknown) => {
        // The second time, it has all the time that there is.
        if (error instanceof NotModern && error.why === 'silence') return modern.ready()
        throw error
      })
      return ready.then(
        () => modern,
        () => {
          throw failure
        },
      )
    }
  }

  #learnLegacy(): void {
    const {eras, server} = this.#input
    eras.learn(server, 'modern', false)
    eras.learn(server, 'legacy', true)
  }

  #mayBeOther(link: ViewLink, answer: Response): boolean {
    if (isResult(answer)) return false
    const {error} = answer
    return link === this.#input.modern ? mayBeLegacy(error) : mayBeModern(error)
  }

  /** Whether a server turns out to be of the other era than the way that was taken to it. */
  async #isOther(link: ViewLink): Promise<boolean> {
    const {modern, isRemote, now} = this.#input
    if (!modern || !isRemote) return false
    // Others have found it out meanwhile.
    if (this.#chosen !== link) return this.#chosen !== undefined
    if (!this.#checking) {
      if (now() - this.#checkedAt < CHECK_MS) return false
      this.#checkedAt = now()
      const check = link === modern ? this.#becameLegacy(modern) : this.#becameModern(modern)
      this.#checking = check.finally(() => {
        this.#checking = undefined
      })
    }
    return this.#checking
  }

  async #becameLegacy(modern: ModernLink): Promise<boolean> {
    const failure = await modern.check().then(
      () => undefined,
      (error: unknown) => error,
    )
    if (!(failure instanceof NotModern) || failure.why !== 'refusal') return false
    const legacy = await this.#legacy().catch(() => undefined)
    if (!legacy) return false
    this.#learnLegacy()
    this.#take(legacy)
    return true
  }

  /** Also a server of both eras is better asked in the client's own. */
  async #becameModern(modern: ModernLink): Promise<boolean> {
    const isModern = await modern.check().then(
      () => true,
      () => false,
    )
    if (isModern) this.#take(modern)
    return isModern
  }
}
