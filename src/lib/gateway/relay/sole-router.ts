import {PluginError} from '../../base/errors.ts'
import type {Call, Caller, Handler} from '../pipeline/call.ts'
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
import type {ListedServer, Lists} from './lists.ts'
import {can, itemsOf, KINDS, listedBy, type Items, type Kind} from './pages.ts'
import type {RequestRouter} from './router.ts'

export interface SoleRouterInput {
  readonly server: ListedServer
  readonly lists: Lists
  /** Wraps the sending of a governed call with everything that governs it. */
  readonly govern: (send: Handler) => Handler
  readonly caller: Caller
}

/** A list that is longer is not remembered. */
const MOST_ITEMS = 100_000

/**
 * Answers the requests of a session with one server: names, URIs, cursors and methods are the server's own, and it
 * answers for itself. Only a list that is asked for before the server is there is answered from what is remembered.
 */
export class SoleRouter implements RequestRouter {
  readonly #input: SoleRouterInput
  readonly #govern: Handler
  /** The pages that the client has read so far of each list, with the cursor of the next one. */
  readonly #pages = new Map<Kind, {readonly items: Items; readonly next: string}>()

  constructor(input: SoleRouterInput) {
    this.#input = input
    this.#govern = input.govern(call => this.#send(call))
  }

  answer(message: Request, signal: AbortSignal): Promise<Response> {
    const kind = listedBy(message.method)
    if (kind) return this.#list(message, kind, signal)
    switch (message.method) {
      case 'tools/call':
        return this.#call(message, 'tool', signal)
      case 'prompts/get':
        return this.#call(message, 'prompt', signal)
      case 'resources/read':
        return this.#call(message, 'resource', signal)
      case 'logging/setLevel':
        return this.#setLevel(message, signal)
      default:
        return this.#ask(message, signal)
    }
  }

  /** A client that came before the server was ever seen was promised levels. */
  async #setLevel(message: Request, signal: AbortSignal): Promise<Response> {
    const answer = await this.#ask(message, signal)
    const isRefused = !isResult(answer) && answer.error.code === RPC.methodNotFound
    return isRefused && this.#input.server.isUnknown ? result(message.id, {}) : answer
  }

  toClient<T>(_server: string, message: T): T {
    return message
  }

  toServer(message: Response): Response {
    return message
  }

  async #list(message: Request, kind: Kind, signal: AbortSignal): Promise<Response> {
    const {lists} = this.#input
    const cursor = message.params?.['cursor']
    if (cursor === undefined && !(await lists.isDirect(kind))) {
      const [listed] = await lists.collect(kind, {isShown: true})
      return result(message.id, {[KINDS[kind].key]: [...(listed?.items ?? [])]})
    }
    const {link, isUnknown} = this.#input.server
    // Nobody knew what it can do when the client was told.
    if (isUnknown && link.hello && !can(link.hello, KINDS[kind].capability)) {
      return result(message.id, {[KINDS[kind].key]: []})
    }
    const answer = await this.#ask(message, signal)
    return isResult(answer) ? this.#page(answer, kind, cursor) : answer
  }

  /** Takes a page of a list, and leaves out what the configuration does not let the client see. */
  #page(answer: ResultResponse, kind: Kind, cursor: unknown): Response {
    const {key} = KINDS[kind]
    const items = itemsOf(answer.result[key])
    this.#read(kind, cursor, {items, next: answer.result['nextCursor']})
    if (kind !== 'tools') return answer
    const {allows} = this.#input.server
    const allowed = items.filter(({name}) => typeof name !== 'string' || allows(name))
    if (allowed.length === items.length) return answer
    return {...answer, result: {...answer.result, [key]: allowed}}
  }

  /** Once a client has read all pages, the whole list is known. */
  #read(kind: Kind, cursor: unknown, page: {items: Items; next: unknown}): void {
    const {lists, server} = this.#input
    const before = this.#pages.get(kind)
    this.#pages.delete(kind)
    if (cursor !== undefined && before?.next !== cursor) return
    const items = cursor === undefined ? page.items : [...(before?.items ?? []), ...page.items]
    if (typeof page.next !== 'string') lists.keep(server.link.server, kind, items)
    else if (items.length < MOST_ITEMS) this.#pages.set(kind, {items, next: page.next})
  }

  #call(message: Request, kind: Call['kind'], signal: AbortSignal): Promise<Response> {
    const {server, lists, caller} = this.#input
    const given = message.params?.[kind === 'resource' ? 'uri' : 'name']
    const name = typeof given === 'string' ? given : ''
    if (kind === 'tool' && !server.allows(name)) {
      return Promise.resolve(failure(message.id, RPC.invalidParams, `Unknown tool: ${name}`))
    }
    const own = server.link.server
    const definition = kind === 'tool' ? lists.definition(own, name) : undefined
    return this.#govern({kind, server: own, name, definition, request: message, caller, signal})
  }

  /** Asks the server what nothing governs. */
  async #ask(message: Request, signal: AbortSignal): Promise<Response> {
    const {link} = this.#input.server
    try {
      return await link.request(message, {about: message.id, signal})
    } catch (error) {
      if (error instanceof PluginError) return pluginFailure(message.id, error, link.server)
      throw error
    }
  }

  #send({request, signal, onProgress}: Call): Promise<Response> {
    return this.#input.server.link.request(request, {about: request.id, signal, onProgress})
  }
}
