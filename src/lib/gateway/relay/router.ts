import {isJsonObject, type JsonObject} from '../../base/json.ts'
import {PluginError} from '../../base/errors.ts'
import {nearestNames} from '../../catalog/search.ts'
import type {Call, Caller, Handler} from '../pipeline/call.ts'
import {pluginFailure} from '../pipeline/explain.ts'
import {failure, isResult, result, RPC, type Request, type Response} from '../wire/jsonrpc.ts'
import type {Link} from './link.ts'
import type {Lists} from './lists.ts'
import {can, type Kind} from './pages.ts'
import {ownersOf} from './uris.ts'

export interface RouterInput {
  readonly links: ReadonlyMap<string, Link>
  readonly lists: Lists
  /** Wraps the sending of a governed call with everything that governs it. */
  readonly govern: (send: Handler) => Handler
  readonly caller: Caller
}

/** Answers the requests of an initialized session. */
export interface RequestRouter {
  /**
   * @param signal aborted when the client gives up; what it then gets is nobody's answer
   * @throws Cancelled when the client gave up
   */
  answer(message: Request, signal: AbortSignal): Promise<Response>
}

/**
 * Answers the requests of a session with several servers: lists from all servers, calls from the one server whose name or
 * URI is meant, with the server's own names put back in.
 */
export class Router implements RequestRouter {
  readonly #input: RouterInput
  readonly #govern: Handler

  constructor(input: RouterInput) {
    this.#input = input
    this.#govern = input.govern(call => this.#send(call))
  }

  /**
   * @param signal aborted when the client gives up; what it then gets is nobody's answer
   * @throws Cancelled when the client gave up
   */
  answer(message: Request, signal: AbortSignal): Promise<Response> {
    switch (message.method) {
      case 'tools/list':
        return this.#listNamed(message, 'tools')
      case 'prompts/list':
        return this.#listNamed(message, 'prompts')
      case 'resources/list':
        return this.#listPlain(message, {kind: 'resources', key: 'resources'})
      case 'resources/templates/list':
        return this.#listPlain(message, {kind: 'templates', key: 'resourceTemplates'})
      case 'tools/call':
        return this.#callNamed(message, 'tool', signal)
      case 'prompts/get':
        return this.#callNamed(message, 'prompt', signal)
      case 'resources/read':
        return this.#askOwners(message, call => this.#govern({...call, signal}))
      case 'resources/subscribe':
      case 'resources/unsubscribe':
        return this.#askOwners(message, ({server}) => this.#ask(server, message, signal))
      case 'completion/complete':
        return this.#complete(message, signal)
      default:
        return this.#unknownMethod(message, signal)
    }
  }

  async #listNamed(message: Request, kind: 'tools' | 'prompts'): Promise<Response> {
    if (typeof message.params?.['cursor'] === 'string') return noSuchCursor(message)
    const {items} = await this.#input.lists.table(kind)
    return result(message.id, {[kind]: [...items]})
  }

  async #listPlain(
    message: Request,
    {kind, key}: {kind: 'resources' | 'templates'; key: string},
  ): Promise<Response> {
    if (typeof message.params?.['cursor'] === 'string') return noSuchCursor(message)
    const listed = await this.#input.lists.collect(kind)
    return result(message.id, {[key]: listed.flatMap(({items}) => items)})
  }

  async #callNamed(
    message: Request,
    kind: 'tool' | 'prompt',
    signal: AbortSignal,
  ): Promise<Response> {
    const {lists, caller} = this.#input
    const exposed = text(message.params, 'name')
    const list = kind === 'tool' ? 'tools' : 'prompts'
    const shown = lists.shown(list)?.owners.get(exposed)
    const table = shown ? undefined : await lists.table(list)
    const owner = shown ?? table?.owners.get(exposed)
    if (!owner) {
      const near = nearestNames(exposed, [...(table?.owners.keys() ?? [])])
      const hint = near.length > 0 ? `; near to it: ${near.join(', ')}` : ''
      return this.#unknown(message, list, `Unknown ${kind}: ${exposed}${hint}`)
    }
    const renamed = {...message, params: {...message.params, name: owner.name}}
    const {server, name} = owner
    const definition = kind === 'tool' ? lists.definition(server, name) : undefined
    return this.#govern({kind, server, name, definition, request: renamed, caller, signal})
  }

  /** A server that does not have a resource says so, each in its own way, and the next likely one is asked. */
  async #askOwners(
    message: Request,
    ask: (call: Omit<Call, 'signal'>) => Promise<Response>,
  ): Promise<Response> {
    const {lists, links, caller} = this.#input
    const uri = text(message.params, 'uri')
    const [resources, templates] = await Promise.all([
      lists.collect('resources'),
      lists.collect('templates'),
    ])
    const owners = ownersOf(uri, resources, templates).filter(server =>
      can(links.get(server)?.hello, 'resources'),
    )
    let likeliest: Response | undefined
    for (const server of owners) {
      const answer = await ask({kind: 'resource', server, name: uri, request: message, caller})
      if (isResult(answer)) return answer
      likeliest ??= answer
    }
    return likeliest ?? this.#unknown(message, 'resources', `Unknown resource: ${uri}`)
  }

  async #complete(message: Request, signal: AbortSignal): Promise<Response> {
    const {links} = this.#input
    const ref = message.params?.['ref']
    if (!isJsonObject(ref)) return failure(message.id, RPC.invalidParams, 'ref is missing')
    const owner =
      ref['type'] === 'ref/prompt' ? await this.#ownPrompt(ref) : await this.#ownTemplate(ref)
    // With several servers, completions were promised for all of them.
    const able = owner && (links.size === 1 || can(links.get(owner.server)?.hello, 'completions'))
    if (!able) return result(message.id, {completion: {values: []}})
    const params = {...message.params, ref: owner.ref}
    return this.#ask(owner.server, {...message, params}, signal)
  }

  async #ownPrompt(ref: JsonObject): Promise<OwnRef | undefined> {
    const {lists} = this.#input
    const exposed = text(ref, 'name')
    const shown = lists.shown('prompts')?.owners.get(exposed)
    const owner = shown ?? (await lists.table('prompts')).owners.get(exposed)
    return owner && {server: owner.server, ref: {...ref, name: owner.name}}
  }

  async #ownTemplate(ref: JsonObject): Promise<OwnRef | undefined> {
    const [server] = ownersOf(text(ref, 'uri'), [], await this.#input.lists.collect('templates'))
    return server === undefined ? undefined : {server, ref}
  }

  /** Several servers may know the method; only with one is it clear whom the client means. */
  async #unknownMethod(message: Request, signal: AbortSignal): Promise<Response> {
    const [only, ...others] = this.#input.links.keys()
    if (only !== undefined && others.length === 0) return this.#ask(only, message, signal)
    return failure(message.id, RPC.methodNotFound, `Method not found: ${message.method}`)
  }

  /** What nobody lists may yet be one of a server that is not there. */
  #unknown(message: Request, kind: Kind, what: string): Response {
    const absent = this.#input.lists.unanswered(kind)
    const hint = absent.length > 0 ? `; no answer yet from: ${absent.join(', ')}` : ''
    return failure(message.id, RPC.invalidParams, `${what}${hint}`)
  }

  /** Asks a server what nothing governs. */
  async #ask(server: string, message: Request, signal: AbortSignal): Promise<Response> {
    try {
      return await this.#link(server).request(message, {about: message.id, signal})
    } catch (error) {
      if (error instanceof PluginError) return pluginFailure(message.id, error, server)
      throw error
    }
  }

  #send({server, request, signal, onProgress}: Call): Promise<Response> {
    return this.#link(server).request(request, {about: request.id, signal, onProgress})
  }

  #link(server: string): Link {
    const link = this.#input.links.get(server)
    if (!link) throw new Error(`server ${server} is not part of this session`)
    return link
  }
}

/** What is to be completed, as the server that it belongs to calls it. */
interface OwnRef {
  readonly server: string
  readonly ref: JsonObject
}

/** A member that should be text; anything else is no name or URI that anybody has. */
function text(object: JsonObject | undefined, key: string): string {
  const value = object?.[key]
  return typeof value === 'string' ? value : ''
}

function noSuchCursor(message: Request): Response {
  return failure(message.id, RPC.invalidParams, 'no such cursor: lists come in one page here')
}
