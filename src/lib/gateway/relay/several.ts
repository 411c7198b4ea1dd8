import type {JsonObject} from '../../base/json.ts'
import {failure, isResult, result, RPC, type Request, type Response} from '../wire/jsonrpc.ts'
import {isMissing, withParams, type Ask} from './ask.ts'
import type {Asking} from './connection.ts'
import type {Own} from './exposures.ts'
import type {ServerLink} from './server-link.ts'
import type {Lists} from './lists.ts'
import {can} from './pages.ts'
import type {Candidate} from './resources.ts'
import {Skills} from './skills.ts'
import {listsTasks, listTasks, TASK_METHODS} from './tasks.ts'
import type {Translation} from './translation.ts'
import {declaring} from './vendor.ts'

export interface SeveralInput {
  readonly links: ReadonlyMap<string, ServerLink>
  readonly lists: Lists
  readonly hello: (server: string) => JsonObject | undefined
  readonly translation: Translation
  /** How long a list of tasks waits for a server. */
  readonly patienceMs: number
  /** For clients without a session. */
  readonly seal?: Seal | undefined
}

/** Makes what only this gateway can read, and nobody can change, of what a client is to bring back. */
export interface Seal {
  seal(value: JsonObject): string
  /** Undefined for everything that was not sealed here. */
  open(text: string): JsonObject | undefined
}

/** Finds out which of several servers the client means where it does not say so by a tool's or prompt's name. */
export class Several {
  readonly #input: SeveralInput
  /** The server that was the only one before, whose tasks clients know by its own ids. */
  #former: string | undefined
  readonly #skills: Skills

  constructor(input: SeveralInput) {
    this.#input = input
    this.#skills = new Skills(input)
  }

  /** Takes the server that was the only one so far. */
  keepOwn(server: string): void {
    this.#former = server
  }

  /**
   * Asks the owner of a resource. A server that does not have it says so, and the next likely one is asked.
   * @returns undefined when there is nobody to ask
   */
  async resource(message: Request, uri: string, ask: Ask): Promise<Response | undefined> {
    const state = message.params?.['requestState']
    if (this.#input.seal && typeof state === 'string') {
      return this.#resume(message, {uri, state}, ask)
    }
    let likeliest: Response | undefined
    for await (const candidate of this.#input.translation.resources.candidates(uri)) {
      if (!(await this.#mayHave(candidate))) continue
      const {server, own, certainty} = candidate
      const answer = await ask(server, withParams(message, {uri: own}), {own})
      if (certainty === 'listed' || !isMissing(answer))
        return this.#routed(answer, {server, own, uri})
      likeliest ??= answer
    }
    return likeliest
  }

  /** A server that asked for more is the one that gets it: the state that the client brings back says which it is. */
  async #resume(
    message: Request,
    {uri, state}: {uri: string; state: string},
    ask: Ask,
  ): Promise<Response> {
    const known = this.#input.seal?.open(state)
    const {server, own, inner} = known ?? {}
    if (typeof server !== 'string' || typeof own !== 'string' || known?.['uri'] !== uri) {
      return failure(message.id, RPC.invalidParams, 'requestState is not valid for this request')
    }
    const theirs = {uri: own, requestState: inner}
    const asked = {...message, params: {...message.params, ...theirs}}
    return this.#routed(await ask(server, asked, {own}), {server, own, uri})
  }

  /** An answer whose state says which server it is for. */
  #routed(answer: Response, to: {server: string; own: string; uri: string}): Response {
    const {seal} = this.#input
    if (!seal || !isResult(answer) || answer.result['resultType'] !== 'input_required')
      return answer
    const requestState = seal.seal({...to, inner: answer.result['requestState']})
    return {...answer, result: {...answer.result, requestState}}
  }

  /** Whose a URI, or a template of one, is; servers that have not listed theirs yet are asked when nobody known has it. */
  async reference(uri: string): Promise<Own | undefined> {
    return (await this.references([uri]))[0]
  }

  /** The same for each of several, with one question to the servers for all of them. */
  async references(uris: readonly string[]): Promise<readonly (Own | undefined)[]> {
    const {resources} = this.#input.translation
    const known = uris.map(uri => resources.owner(uri))
    if (!known.includes(undefined)) return known
    await resources.collect()
    return uris.map((uri, index) => known[index] ?? resources.owner(uri))
  }

  /** Answers what is about neither a tool, nor a prompt, nor a resource by name. */
  async other(message: Request, ask: Ask, signal: AbortSignal): Promise<Response> {
    const {method} = message
    if (method === 'tasks/list') return this.#allTasks(message, signal)
    if (TASK_METHODS.has(method)) return this.#task(message, ask)
    return (await this.#skills.answer(message, ask, signal)) ?? this.#vendor(message, ask)
  }

  /** Asks the server whose task it is. */
  async #task(message: Request, ask: Ask): Promise<Response> {
    const id = message.params?.['taskId']
    const {translation, links} = this.#input
    const former = this.#former !== undefined && links.has(this.#former) ? this.#former : undefined
    const task =
      typeof id === 'string'
        ? (translation.tasks.find(id) ?? (former && {server: former, own: id}))
        : undefined
    if (!task) return failure(message.id, RPC.invalidParams, 'Unknown task')
    return ask(task.server, withParams(message, {taskId: task.own}))
  }

  /** The tasks of all servers that are open: one that is not has none of this session. */
  async #allTasks(message: Request, signal: AbortSignal): Promise<Response> {
    const {links, hello, translation, patienceMs} = this.#input
    const able = [...links.values()].filter(({server}) => listsTasks(hello(server)))
    if (able.length === 0) return methodNotFound(message)
    const asking: Asking = {
      about: message.id,
      signal: AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]),
    }
    const open = able.filter(({isOpen}) => isOpen)
    return result(message.id, {tasks: await listTasks(translation.tasks, open, asking)})
  }

  /**
   * Asks the server that declared the method, or else the one whose tool, prompt, resource or task is named; of
   * several that declared it the one that is named, else the first.
   */
  async #vendor(message: Request, ask: Ask): Promise<Response> {
    const {links, hello} = this.#input
    const servers = [...links.keys()].map(name => ({name, hello: hello(name)}))
    const declared = declaring(message.method, servers)
    const named = await this.#named(message.params, declared.length !== 1)
    const meant = named.find(({server}) => declared.length === 0 || declared.includes(server))
    const server = meant?.server ?? declared[0]
    if (server === undefined) return methodNotFound(message)
    const theirs = named.filter(own => own.server === server).map(({key, own}) => [key, own])
    return ask(server, withParams(message, Object.fromEntries(theirs)))
  }

  /** What in params is known as some server's. @param mayWait for servers that have not said yet what they have */
  async #named(params: JsonObject | undefined, mayWait: boolean): Promise<readonly Named[]> {
    const known = this.#namedNow(params)
    const has = (key: string) => typeof params?.[key] === 'string'
    if (known.length > 0 || !mayWait) return known
    const {lists, translation} = this.#input
    if (has('name')) {
      const options = {isShown: false}
      await Promise.all([lists.table('tools', options), lists.table('prompts', options)])
    }
    if (has('uri')) await translation.resources.collect()
    return this.#namedNow(params)
  }

  #namedNow(params: JsonObject = {}): readonly Named[] {
    const {lists, translation} = this.#input
    const {name, uri, taskId} = params
    const known = (key: Named['key'], own: Own | undefined): Named[] => (own ? [{...own, key}] : [])
    const tables = [lists.shown('tools'), lists.shown('prompts')]
    const item = tables.flatMap(
      table => (typeof name === 'string' && table?.owners.get(name)) || [],
    )[0]
    return [
      ...known('name', item && {server: item.server, own: item.name}),
      ...known('uri', typeof uri === 'string' ? translation.resources.owner(uri) : undefined),
      ...known('taskId', typeof taskId === 'string' ? translation.tasks.find(taskId) : undefined),
    ]
  }

  /** A server that can only be guessed must be there: one that does not start must not hide what another has. */
  async #mayHave({server, certainty}: Candidate): Promise<boolean> {
    const {links, hello} = this.#input
    const link = links.get(server)
    if (!link || !can(hello(server), 'resources')) return false
    if (certainty !== 'possible') return true
    return link.ready().then(
      () => true,
      () => false,
    )
  }
}

/** A member of params that is some server's. */
interface Named extends Own {
  readonly key: 'name' | 'uri' | 'taskId'
}

/** Nobody here knows the method, or nobody could tell whose it is. */
export function methodNotFound({id, method}: Request): Response {
  return failure(id, RPC.methodNotFound, `Method not found: ${method}`)
}
