import {isJsonObject, type Json, type JsonObject} from '../../base/json.ts'
import {
  failure,
  isResult,
  notification,
  RPC,
  type Id,
  type Message,
  type Notification,
  type Request,
  type Response,
} from '../wire/jsonrpc.ts'
import {neededFor} from '../wire/input-requests.ts'
import {progressToken, withProgressToken} from './progress.ts'

/** The connection that a server's request came over, which is the only one that its answer may go to. */
export interface Asker {
  respond(message: Response): void
  notify(message: Notification): void
}

/** What a server may ask about a task at the client that its own request has made. */
const ABOUT_TASK: ReadonlySet<string> = new Set(['tasks/get', 'tasks/result', 'tasks/cancel'])

/** Tasks at the client whose servers are known; the oldest are forgotten. */
const MOST_TASKS = 1000

/** Questions that a client may leave unanswered; a server that asks on is refused. */
const MOST_ASKED = 1000

interface Asked {
  readonly from: Asker
  readonly id: Id
  readonly token: Id | undefined
  readonly about: Id | undefined
  readonly method: string
}

/**
 * The requests that servers make of this session's client (sampling, elicitation, roots, …). Each gets an id of the
 * gateway's towards the client, and the answer goes back to the server that asked, under the server's own id. A task
 * that the client makes of a request (MCP 2025-11-25, tasks) concerns that server alone.
 */
export class ServerRequests {
  /** What the client declared in `initialize`. */
  capabilities: JsonObject = {}
  readonly #send: (message: Message, about: Id | undefined) => void
  readonly #asked = new Map<Id, Asked>()
  /** The tasks at the client, by the client's id. */
  readonly #tasks = new Map<string, Asker>()
  #last = 0

  constructor(send: (message: Message, about: Id | undefined) => void) {
    this.#send = send
  }

  /** Passes a server's request to the client, or refuses it when the client never said it could. */
  ask(from: Asker, message: Request, about: Id | undefined): void {
    const need = neededFor(message.method)
    if (need !== undefined && !this.capabilities[need]) {
      from.respond(failure(message.id, RPC.methodNotFound, `the client has no ${need} capability`))
      return
    }
    if (ABOUT_TASK.has(message.method) && this.#isForeign(message.params?.['taskId'], from)) {
      from.respond(failure(message.id, RPC.invalidParams, 'Unknown task'))
      return
    }
    if (this.#asked.size >= MOST_ASKED) {
      from.respond(failure(message.id, RPC.internalError, 'the client has too many open questions'))
      return
    }
    const id = `g-${++this.#last}`
    const token = progressToken(message)
    this.#asked.set(id, {from, id: message.id, token, about, method: message.method})
    this.#send({...(token === undefined ? message : withProgressToken(message, id)), id}, about)
  }

  /** Takes the client's answer. One that nobody asked for is dropped. */
  answer(message: Response): void {
    const asked = this.#asked.get(message.id)
    if (!asked) return
    this.#asked.delete(message.id)
    this.#noteTask(message, asked.from)
    const answer = asked.method === 'tasks/list' ? this.#ownTasks(message, asked.from) : message
    asked.from.respond({...answer, id: asked.id})
  }

  /** Takes the client's news of a task. @returns whether it is known whose it is, who has got it then */
  taskStatus(message: Notification): boolean {
    const id = message.params?.['taskId']
    const asker = typeof id === 'string' ? this.#tasks.get(id) : undefined
    asker?.notify(message)
    return asker !== undefined
  }

  /** Takes the client's progress on a server's request. */
  progress(message: Notification): void {
    const id = message.params?.['progressToken']
    const asked = typeof id === 'string' ? this.#asked.get(id) : undefined
    if (asked?.token === undefined) return
    asked.from.notify({...message, params: {...message.params, progressToken: asked.token}})
  }

  /** A server gave up on its request: the client is told under the id that the client knows. */
  cancel(from: Asker, message: Notification): void {
    for (const [id, asked] of this.#asked) {
      if (asked.from !== from || asked.id !== message.params?.['requestId']) continue
      this.#giveUp(id, asked, message.params)
    }
  }

  /** A server is gone: the client need not go on with what it was asked for. */
  forget(from: Asker): void {
    for (const [id, asked] of this.#asked) {
      if (asked.from === from) this.#giveUp(id, asked, {reason: 'the server has ended'})
    }
    for (const [id, asker] of this.#tasks) if (asker === from) this.#tasks.delete(id)
  }

  #noteTask(message: Response, from: Asker): void {
    const task = isResult(message) ? message.result['task'] : undefined
    const id = isJsonObject(task) ? task['taskId'] : undefined
    if (typeof id !== 'string') return
    this.#tasks.set(id, from)
    const [oldest] = this.#tasks.keys()
    if (oldest !== undefined && this.#tasks.size > MOST_TASKS) this.#tasks.delete(oldest)
  }

  /** The client's list of tasks without those of other servers. */
  #ownTasks(message: Response, from: Asker): Response {
    const tasks = isResult(message) ? message.result['tasks'] : undefined
    if (!isResult(message) || !Array.isArray(tasks)) return message
    const own = tasks.filter(task => !isJsonObject(task) || !this.#isForeign(task['taskId'], from))
    return {...message, result: {...message.result, tasks: own}}
  }

  #isForeign(id: Json | undefined, from: Asker): boolean {
    const asker = typeof id === 'string' ? this.#tasks.get(id) : undefined
    return asker !== undefined && asker !== from
  }

  #giveUp(id: Id, {about}: Asked, params: JsonObject): void {
    this.#asked.delete(id)
    this.#send(notification('notifications/cancelled', {...params, requestId: id}), about)
  }
}
