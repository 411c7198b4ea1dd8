import {PluginError} from '../../base/errors.ts'
import type {Call, Handler} from '../pipeline/call.ts'
import {pluginFailure} from '../pipeline/explain.ts'
import {
  failure,
  isResult,
  result,
  RPC,
  type Request,
  type Response,
  type ResultResponse,
} from '../wire/jsonrpc.ts'
import type {Own} from './exposures.ts'
import {hintIn, type CacheHint} from './hints.ts'
import type {ListedServer} from './list-state.ts'
import type {Lists} from './lists.ts'
import {can, itemsOf, KINDS, listedBy, type Items, type Kind} from './pages.ts'
import {defining, definitionOf, type Inquiry, type RequestRouter} from './request-router.ts'

export interface SoleRouterInput {
  readonly server: ListedServer
  readonly lists: Lists
  /** Wraps the sending of a governed call with everything that governs it. */
  readonly govern: (send: Handler) => Handler
}

/** A list that is longer is not remembered. */
const MOST_ITEMS = 100_000

/**
 * Answers the requests of a session with one server: names, URIs, cursors and methods are the server's own, and it
 * answers for itself. Only a list that is asked for before the server is there is answered from what is remembered.
 */
export class SoleRouter implements RequestRouter {
  readonly #input: SoleRouterInput
  #server: ListedServer
  readonly #govern: Handler
  /** The pages that the client has read so far of each list, with the cursor of the next one. */
  readonly #pages = new Map<Kind, {readonly items: Items; readonly next: string}>()

  constructor(input: SoleRouterInput) {
    this.#input = input
    this.#server = input.server
    this.#govern = input.govern(call => this.#send(call))
  }

  /** The same server is another one from now on, or other things are configured for it. */
  replace(server: ListedServer): void {
    if (server.link !== this.#server.link) this.#pages.clear()
    this.#server = server
  }

  answer(message: Request, inquiry: Inquiry): Promise<Response> {
    const kind = listedBy(message.method)
    if (kind) return this.#list(message, kind, inquiry)
    switch (message.method) {
      case 'tools/call':
        return this.#call(message, 'tool', inquiry)
      case 'prompts/get':
        return this.#call(message, 'prompt', inquiry)
      case 'resources/read':
        return this.#call(message, 'resource', inquiry)
      case 'logging/setLevel':
        return this.#setLevel(message, inquiry)
      default:
        return this.#ask(message, inquiry)
    }
  }

  /** A client that came before the server was ever seen was promised levels. */
  async #setLevel(message: Request, inquiry: Inquiry): Promise<Response> {
    const answer = await this.#ask(message, inquiry)
    const isRefused = !isResult(answer) && answer.error.code === RPC.methodNotFound
    return isRefused && this.#server.isUnknown ? result(message.id, {}) : answer
  }

  async owners(uris: readonly string[]): Promise<readonly (readonly Own[])[]> {
    return uris.map(uri => [{server: this.#server.link.server, own: uri}])
  }

  task(id: string): Own {
    return {server: this.#server.link.server, own: id}
  }

  toClient<T>(_server: string, message: T): T {
    return message
  }

  toServer(message: Response): Response {
    return message
  }

  async #list(message: Request, kind: Kind, inquiry: Inquiry): Promise<Response> {
    const {lists} = this.#input
    const cursor = message.params?.['cursor']
    if (cursor === undefined && !(await lists.isDirect(kind))) {
      const [listed] = await lists.collect(kind, {isShown: true})
      return result(message.id, {[KINDS[kind].key]: [...(listed?.items ?? [])]})
    }
    const {link} = this.#server
    // The client was told that there may be any: another server may have some later.
    if (link.hello && !can(link.hello, KINDS[kind].capability)) {
      return result(message.id, {[KINDS[kind].key]: []})
    }
    const answer = await this.#ask(message, inquiry)
    return isResult(answer) ? this.#page(answer, kind, cursor) : answer
  }

  /** Takes a page of a list, and leaves out what the configuration does not let the client see. */
  #page(answer: ResultResponse, kind: Kind, cursor: unknown): Response {
    const {key} = KINDS[kind]
    const items = itemsOf(answer.result[key])
    const {nextCursor: next} = answer.result
    this.#read(kind, cursor, {items, next, hint: hintIn(answer.result)})
    if (kind !== 'tools') return answer
    const {allows} = this.#server
    const allowed = items.filter(
      item => typeof item['name'] !== 'string' || allows(item['name'], item),
    )
    if (allowed.length === items.length) return answer
    return {...answer, result: {...answer.result, [key]: allowed}}
  }

  /** Once a client has read all pages, the whole list is known. */
  #read(
    kind: Kind,
    cursor: unknown,
    page: {items: Items; next: unknown; hint: CacheHint | undefined},
  ): void {
    const {lists} = this.#input
    const server = this.#server
    const before = this.#pages.get(kind)
    this.#pages.delete(kind)
    if (cursor !== undefined && before?.next !== cursor) return
    const items = cursor === undefined ? page.items : [...(before?.items ?? []), ...page.items]
    if (typeof page.next !== 'string') {
      lists.keep(server.link.server, kind, {items, hint: page.hint})
    } else if (items.length < MOST_ITEMS) this.#pages.set(kind, {items, next: page.next})
  }

  async #call(message: Request, kind: Call['kind'], inquiry: Inquiry): Promise<Response> {
    const {lists} = this.#input
    const server = this.#server
    const given = message.params?.[kind === 'resource' ? 'uri' : 'name']
    const name = typeof given === 'string' ? given : ''
    if (kind === 'tool' && !server.allows(name)) {
      return failure(message.id, RPC.invalidParams, `Unknown tool: ${name}`)
    }
    const owner = {server: server.link.server, name}
    const definition = kind === 'tool' ? await definitionOf(lists, owner, inquiry) : undefined
    const define = defining(lists, owner, inquiry)
    return this.#govern({kind, ...owner, definition, define, request: message, ...inquiry})
  }

  /** Asks the server what nothing governs. */
  async #ask(message: Request, {signal, mirrored}: Inquiry): Promise<Response> {
    const {link} = this.#server
    try {
      return await link.request(message, {about: message.id, signal, mirrored})
    } catch (error) {
      if (error instanceof PluginError) return pluginFailure(message.id, error, link.server)
      throw error
    }
  }

  #send({request, signal, mirrored, onProgress}: Call): Promise<Response> {
    const asking = {about: request.id, signal, mirrored, onProgress}
    return this.#server.link.request(request, asking)
  }
}
