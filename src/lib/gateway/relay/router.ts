import {isJsonObject, type JsonObject} from '../../base/json.ts'
import {PluginError} from '../../base/errors.ts'
import {nearestNames} from '../../catalog/search.ts'
import type {NameTable} from '../directory.ts'
import type {Call, Handler} from '../pipeline/call.ts'
import {pluginFailure} from '../pipeline/explain.ts'
import {
  failure,
  result,
  RPC,
  type Notification,
  type Request,
  type Response,
} from '../wire/jsonrpc.ts'
import type {Ask} from './ask.ts'
import {Collisions} from './collisions.ts'
import type {Own} from './exposures.ts'
import {notServed, type ServerLink} from './server-link.ts'
import type {Lists} from './lists.ts'
import {can, type Kind} from './pages.ts'
import {defining, definitionOf, type Inquiry, type RequestRouter} from './request-router.ts'
import type {ResourceKind} from './resources.ts'
import {methodNotFound, Several, type Seal} from './several.ts'
import {NamedTasks} from './tasks.ts'
import {Translation, type Asked} from './translation.ts'

export interface RouterInput {
  readonly links: ReadonlyMap<string, ServerLink>
  readonly lists: Lists
  /** What a server answered to `initialize` in this session, or else the last time that anyone asked. */
  readonly hello: (server: string) => JsonObject | undefined
  /** Wraps the sending of a governed call with everything that governs it. */
  readonly govern: (send: Handler) => Handler
  /** How long a list of tasks waits for a server. */
  readonly patienceMs: number
  /** Takes what a person may want to know, once for each kind of thing. */
  readonly warn: (text: string) => void
  /** For clients without a session: what they bring back says by itself which server it is for. */
  readonly seal?: Seal | undefined
  /** Whether there are several servers, or may be later. */
  readonly isSeveral: boolean
}

/**
 * Answers the requests of a session with several servers: lists from all of them, everything else from the one
 * server that is meant, in its own words. With one server that has a prefix, all but its names passes as it is.
 */
export class Router implements RequestRouter {
  readonly #input: RouterInput
  readonly #govern: Handler
  /** With several servers only. */
  readonly #several: {find: Several; translation: Translation} | undefined
  readonly #collisions: Collisions

  /** @param input `links`: always those of the servers that there are now */
  constructor(input: RouterInput) {
    this.#input = input
    this.#collisions = new Collisions(input.warn)
    this.#govern = input.govern(call => this.#send(call))
    if (input.isSeveral) {
      const {lists, links, seal} = input
      const tasks = seal && new NamedTasks({[Symbol.iterator]: () => links.keys()})
      const translation = new Translation(
        lists,
        (...marked) => this.#collisions.tell(...marked),
        tasks,
      )
      this.#several = {find: new Several({...input, translation}), translation}
    }
  }

  /** Whether what clients see of servers is put into words that are different for each of them. */
  get isSeveral(): boolean {
    return this.#several !== undefined
  }

  /** Clients know what there is so far of this server, the only one, by its own words. */
  keepOwn(server: string | undefined): void {
    this.#several?.translation.resources.keepOwn()
    if (server !== undefined) this.#several?.find.keepOwn(server)
  }

  async answer(message: Request, inquiry: Inquiry): Promise<Response> {
    const asked = this.#several?.translation.request(message) ?? message
    switch (message.method) {
      case 'tools/list':
        return this.#listNamed(asked, 'tools')
      case 'prompts/list':
        return this.#listNamed(asked, 'prompts')
      case 'resources/list':
        return this.#listPlain(asked, {kind: 'resources', key: 'resources'})
      case 'resources/templates/list':
        return this.#listPlain(asked, {kind: 'templates', key: 'resourceTemplates'})
      case 'tools/call':
        return this.#callNamed(asked, 'tool', inquiry)
      case 'prompts/get':
        return this.#callNamed(asked, 'prompt', inquiry)
      case 'resources/read':
      case 'resources/subscribe':
      case 'resources/unsubscribe':
        return this.#askForResource(asked, inquiry)
      case 'completion/complete':
        return this.#complete(asked, inquiry)
      default:
        return this.#askOther(asked, inquiry)
    }
  }

  async owners(uris: readonly string[]): Promise<readonly (readonly Own[])[]> {
    const found = await this.#several?.find.references(uris)
    return uris.map((uri, index) => {
      const owner = found?.[index]
      return owner ? [owner] : [...this.#input.links.keys()].map(server => ({server, own: uri}))
    })
  }

  task(id: string): Own | undefined {
    if (this.#several) return this.#several.translation.tasks.find(id)
    const [server] = this.#input.links.keys()
    return server === undefined ? undefined : {server, own: id}
  }

  toClient<T extends Notification | Request>(server: string, message: T): T {
    return this.#several?.translation.fromServer(server, message) ?? message
  }

  toServer(message: Response): Response {
    return this.#several?.translation.response(message) ?? message
  }

  async #listNamed(message: Request, kind: 'tools' | 'prompts'): Promise<Response> {
    if (typeof message.params?.['cursor'] === 'string') return noSuchCursor(message)
    const {items, owners} = await this.#table(kind, {isShown: true})
    const several = kind === 'tools' ? this.#several : undefined
    if (!several) return result(message.id, {[kind]: [...items]})
    const tools = [...owners].map(([name, {server, item}]) =>
      several.translation.tool(server, item['name'] === name ? item : {...item, name}),
    )
    return result(message.id, {tools})
  }

  async #listPlain(
    message: Request,
    {kind, key}: {kind: ResourceKind; key: string},
  ): Promise<Response> {
    if (typeof message.params?.['cursor'] === 'string') return noSuchCursor(message)
    if (this.#several) {
      return result(message.id, {[key]: await this.#several.translation.resources.list(kind)})
    }
    const listed = await this.#input.lists.collect(kind, {isShown: true})
    return result(message.id, {[key]: listed.flatMap(({items}) => items)})
  }

  async #callNamed(message: Request, kind: 'tool' | 'prompt', inquiry: Inquiry): Promise<Response> {
    const {lists} = this.#input
    const exposed = text(message.params, 'name')
    const list = kind === 'tool' ? 'tools' : 'prompts'
    const shown = lists.shown(list)?.owners.get(exposed) ?? lists.claimed(list, exposed)
    const table = shown ? undefined : await this.#table(list, {isShown: false})
    const owner = shown ?? table?.owners.get(exposed)
    if (!owner) {
      const near = nearestNames(exposed, [...(table?.owners.keys() ?? [])])
      const hint = near.length > 0 ? `; near to it: ${near.join(', ')}` : ''
      return this.#unknown(message, list, `Unknown ${kind}: ${exposed}${hint}`)
    }
    const renamed = {...message, params: {...message.params, name: owner.name}}
    const {server, name} = owner
    const definition = kind === 'tool' ? await definitionOf(lists, owner, inquiry) : undefined
    const define = defining(lists, owner, inquiry)
    const call = {kind, server, name, definition, define, request: renamed, ...inquiry}
    return this.#translated(server, message, await this.#govern(call))
  }

  async #table(kind: 'tools' | 'prompts', options: {isShown: boolean}): Promise<NameTable> {
    const {lists} = this.#input
    const table = await lists.table(kind, options)
    const what = kind === 'tools' ? 'tool' : 'prompt'
    if (!this.#several || this.#collisions.isTold(what)) return table
    this.#collisions.tellFirst(what, table, lists.known(kind))
    return table
  }

  async #askForResource(message: Request, inquiry: Inquiry): Promise<Response> {
    const uri = text(message.params, 'uri')
    const {links} = this.#input
    const ask: Ask = async (server, request, {own} = {own: uri}) => {
      const resource = {own, shown: uri}
      if (message.method !== 'resources/read') {
        return this.#ask(server, request, inquiry, resource)
      }
      const call = {kind: 'resource', server, name: own, request, ...inquiry} as const
      return this.#translated(server, message, await this.#govern(call), resource)
    }
    const [only] = links.keys()
    const answer = this.#several
      ? await this.#several.find.resource(message, uri, ask)
      : only !== undefined && (await ask(only, message))
    return answer || this.#unknown(message, 'resources', `Unknown resource: ${uri}`)
  }

  async #complete(message: Request, inquiry: Inquiry): Promise<Response> {
    const ref = message.params?.['ref']
    if (!isJsonObject(ref)) return failure(message.id, RPC.invalidParams, 'ref is missing')
    const owner =
      ref['type'] === 'ref/prompt' ? await this.#ownPrompt(ref) : await this.#ownTemplate(ref)
    // With several servers, completions were promised for all of them.
    const isAble = !this.#several || (owner && can(this.#input.hello(owner.server), 'completions'))
    if (!owner || !isAble) return result(message.id, {completion: {values: []}})
    const params = {...message.params, ref: owner.ref}
    return this.#ask(owner.server, {...message, params}, inquiry)
  }

  async #ownPrompt(ref: JsonObject): Promise<OwnRef | undefined> {
    const exposed = text(ref, 'name')
    const shown = this.#input.lists.shown('prompts')?.owners.get(exposed)
    const owner = shown ?? (await this.#table('prompts', {isShown: false})).owners.get(exposed)
    return owner && {server: owner.server, ref: {...ref, name: owner.name}}
  }

  async #ownTemplate(ref: JsonObject): Promise<OwnRef | undefined> {
    const [only] = this.#input.links.keys()
    if (!this.#several) return only === undefined ? undefined : {server: only, ref}
    const owner = await this.#several.find.reference(text(ref, 'uri'))
    return owner && {server: owner.server, ref: {...ref, uri: owner.own}}
  }

  /** Several servers may know the method; with one it is clear whom the client means. */
  async #askOther(message: Request, inquiry: Inquiry): Promise<Response> {
    const [only] = this.#input.links.keys()
    if (!this.#several) {
      return only === undefined ? methodNotFound(message) : this.#ask(only, message, inquiry)
    }
    const ask: Ask = (server, request) => this.#ask(server, request, inquiry)
    return this.#several.find.other(message, ask, inquiry.signal)
  }

  /** What nobody lists may yet be one of a server that is not there. */
  #unknown(message: Request, kind: Kind, what: string): Response {
    const absent = this.#input.lists.unanswered(kind)
    const hint = absent.length > 0 ? `; no answer yet from: ${absent.join(', ')}` : ''
    return failure(message.id, RPC.invalidParams, `${what}${hint}`)
  }

  /** Asks a server what nothing governs. */
  async #ask(
    server: string,
    message: Request,
    {signal, mirrored}: Inquiry,
    resource?: Asked['resource'],
  ): Promise<Response> {
    try {
      const asking = {about: message.id, signal, mirrored}
      const answer = await this.#link(server).request(message, asking)
      return this.#translated(server, message, answer, resource)
    } catch (error) {
      if (error instanceof PluginError) return pluginFailure(message.id, error, server)
      throw error
    }
  }

  /** A server's answer as the client is to see it. @param resource what it was asked for, if it was a resource */
  #translated(
    server: string,
    {method}: Request,
    answer: Response,
    resource?: Asked['resource'],
  ): Response {
    return this.#several?.translation.answer(server, {method, resource}, answer) ?? answer
  }

  #send({server, request, signal, mirrored, onProgress}: Call): Promise<Response> {
    const asking = {about: request.id, signal, mirrored, onProgress}
    return this.#link(server).request(request, asking)
  }

  #link(server: string): ServerLink {
    const link = this.#input.links.get(server)
    if (!link) throw notServed(server)
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
