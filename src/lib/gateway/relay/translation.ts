import {isJsonObject, type JsonObject} from '../../base/json.ts'
import {
  isResult,
  type ErrorResponse,
  type Notification,
  type Request,
  type Response,
} from '../wire/jsonrpc.ts'
import type {Own} from './exposures.ts'
import type {Lists} from './lists.ts'
import {mapRelatedTask, mapResultTasks, mapResultUris, mapText, mapUiUris} from './places.ts'
import {Resources} from './resources.ts'
import {TASK_METHODS, Tasks, type TaskIds} from './tasks.ts'

/** What two servers can both have, in words for people. */
export type Shared = 'tool' | 'prompt' | 'resource' | 'resource template' | 'task'

/**
 * Puts what several servers of one session call by the same URI or task id into words that are different for the
 * client, and back. Messages are not changed: what differs is a new object, and most are passed as they are.
 */
export class Translation {
  readonly resources: Resources
  readonly tasks: TaskIds

  /**
   * @param onMarked two servers have the same, and this one's is shown in another form
   * @param tasks for clients whose tasks outlive what is known here
   */
  constructor(
    lists: Lists,
    onMarked: (what: Shared, own: Own, exposed: string) => void,
    tasks: TaskIds = new Tasks((own, exposed) => onMarked('task', own, exposed)),
  ) {
    this.resources = new Resources({
      lists,
      onMarked: (kind, own, exposed) =>
        onMarked(kind === 'resources' ? 'resource' : 'resource template', own, exposed),
    })
    this.tasks = tasks
  }

  /** A server's tool for the client. */
  tool(server: string, tool: JsonObject): JsonObject {
    return mapUiUris(tool, uri => this.resources.expose(server, uri))
  }

  /** A server's answer for the client. */
  answer(server: string, asked: Asked, answer: Response): Response {
    if (!isResult(answer)) return asked.resource ? withUri(answer, asked.resource) : answer
    const exposeTask = (id: string) => this.tasks.expose(server, id)
    let mapped = this.#uris(server, answer.result, asked.resource)
    mapped = mapResultTasks(mapped, exposeTask)
    if (TASK_METHODS.has(asked.method) || mapped['resultType'] === 'task') {
      mapped = mapText(this.#taskResult(server, mapped), 'taskId', exposeTask)
    }
    return mapped === answer.result ? answer : {...answer, result: mapped}
  }

  /** A server's notification, or request, for the client. */
  fromServer<T extends Notification | Request>(server: string, message: T): T {
    if (!message.params) return message
    const exposeTask = (id: string) => this.tasks.expose(server, id)
    let params = mapRelatedTask(message.params, exposeTask)
    if (message.method === 'notifications/message') params = withLogger(params, server)
    if (message.method === 'notifications/tasks/status')
      params = mapText(params, 'taskId', exposeTask)
    if (message.method === 'notifications/tasks')
      params = mapText(this.#taskResult(server, params), 'taskId', exposeTask)
    if (message.method === 'notifications/resources/updated') {
      params = mapText(params, 'uri', uri => this.resources.expose(server, uri))
    }
    return params === message.params ? message : {...message, params}
  }

  /** A request of the client for the server whose task it belongs to. */
  request(message: Request): Request {
    if (!message.params) return message
    const params = mapRelatedTask(message.params, id => this.#ownTask(id))
    return params === message.params ? message : {...message, params}
  }

  /** The client's answer to a server. */
  response(message: Response): Response {
    if (!isResult(message)) return message
    const mapped = mapRelatedTask(message.result, id => this.#ownTask(id))
    return mapped === message.result ? message : {...message, result: mapped}
  }

  /** The server's own id of a task; of one that no server has told of, the same. */
  #ownTask(exposed: string): string {
    return this.tasks.find(exposed)?.own ?? exposed
  }

  #uris(server: string, result: JsonObject, {own, shown}: Partial<Named> = {}): JsonObject {
    // What the client has named differently keeps the client's name.
    const isOther = own !== shown
    return mapResultUris(result, uri =>
      isOther && uri === own && shown !== undefined ? shown : this.resources.expose(server, uri),
    )
  }

  /** A task that is done carries the result of what it was made for. */
  #taskResult(server: string, task: JsonObject): JsonObject {
    const {result} = task
    if (!isJsonObject(result)) return task
    const mapped = this.#uris(server, result)
    return mapped === result ? task : {...task, result: mapped}
  }
}

/** What a server was asked. */
export interface Asked {
  readonly method: string
  /** The resource that it was asked about. */
  readonly resource?: Named | undefined
}

/** What a server and its client call the same resource. */
interface Named {
  readonly own: string
  readonly shown: string
}

/** An error often repeats the URI. */
function withUri(answer: ErrorResponse, {own, shown}: Named): ErrorResponse {
  const {data} = answer.error
  if (own === shown || !isJsonObject(data) || data['uri'] !== own) return answer
  return {...answer, error: {...answer.error, data: {...data, uri: shown}}}
}

/** The same notification of the log with the name of the server that it comes from. */
function withLogger(params: JsonObject, server: string): JsonObject {
  const {logger} = params
  const isNamed = typeof logger === 'string' && logger !== ''
  return {...params, logger: isNamed ? `${server}/${logger}` : server}
}
