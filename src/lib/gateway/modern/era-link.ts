import type {JsonObject} from '../../base/json.ts'
import type {EraMemory} from '../bridge/eras.ts'
import type {Asking} from '../relay/connection.ts'
import type {Notification, Request, Response} from '../wire/jsonrpc.ts'
import {NotModern} from './shared-server.ts'
import type {ViewLink, Watch} from './view-link.ts'

export interface EraLinkInput {
  readonly server: string
  /** The way to the server if it is a modern one; undefined when it cannot be. */
  readonly modern: ViewLink | undefined
  /** The way to it if it is a legacy one. */
  readonly legacy: ViewLink
  readonly eras: EraMemory
  /** The server has turned out to be a modern one, and says this of itself. */
  readonly onModern: (hello: JsonObject, link: ViewLink) => void
}

/**
 * A server whose era shows when it is opened: a modern client is best served by a modern server, so that is tried
 * first, unless it is known that there is none (MCP 2026-07-28, backward compatibility). A server that turns out to be
 * of the other era than it was is found out again.
 */
export class EraLink implements ViewLink {
  readonly #input: EraLinkInput
  #choice: Promise<ViewLink> | undefined
  #chosen: ViewLink | undefined

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

  /** Whether the server is known to speak the client's own era. */
  get isModern(): boolean {
    return this.#chosen !== undefined && this.#chosen === this.#input.modern
  }

  async ready(): Promise<JsonObject> {
    return this.#with(link => link.ready())
  }

  async request(message: Request, asking?: Asking): Promise<Response> {
    return this.#with(link => link.request(message, asking))
  }

  notify(message: Notification): void {
    this.#chosen?.notify(message)
  }

  async watch(
    filter: JsonObject,
    tell: (notice: Notification) => void,
    signal: AbortSignal,
  ): Promise<Watch> {
    return this.#with(link => link.watch(filter, tell, signal))
  }

  async close(): Promise<void> {
    await Promise.all([this.#input.modern?.close(), this.#input.legacy.close()])
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

  #forget(): void {
    this.#chosen = undefined
    this.#choice = undefined
  }

  #choose(): Promise<ViewLink> {
    this.#choice ??= this.#findOut().then(
      link => {
        this.#chosen = link
        return link
      },
      (error: unknown) => {
        this.#choice = undefined
        throw error
      },
    )
    return this.#choice
  }

  async #findOut(): Promise<ViewLink> {
    const {modern, legacy, eras, server} = this.#input
    if (!modern) return legacy
    if (eras.speaks(server, 'modern') === false) {
      const found = await legacy.ready().then(
        () => legacy,
        (error: unknown) => this.#orModern(modern, error),
      )
      return found
    }
    try {
      return await this.#modern(modern)
    } catch (error) {
      if (!(error instanceof NotModern)) throw error
      await legacy.ready()
      eras.learn(server, 'modern', false)
      eras.learn(server, 'legacy', true)
      return legacy
    }
  }

  /** What is remembered may be out of date. */
  async #orModern(modern: ViewLink, failure: unknown): Promise<ViewLink> {
    return this.#modern(modern).catch(() => {
      throw failure
    })
  }

  async #modern(modern: ViewLink): Promise<ViewLink> {
    const hello = await modern.ready()
    this.#input.eras.learn(this.server, 'modern', true)
    this.#input.onModern(hello, modern)
    return modern
  }
}
