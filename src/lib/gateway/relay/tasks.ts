import {isJsonObject, type JsonObject} from '../../base/json.ts'
import {isResult, request, type Request} from '../wire/jsonrpc.ts'
import type {Asking} from './connection.ts'
import {Exposures, type ExposuresInput, type Own} from './exposures.ts'
import type {ServerLink} from './server-link.ts'
import {mapText} from './places.ts'

/** Which task of which server an id means to clients. */
export interface TaskIds {
  /** What the client sees of a server's task id. */
  expose(server: string, id: string): string
  /** Whose task the client means; undefined when nobody can have it. */
  find(exposed: string): Own | undefined
}

/**
 * Task ids that name their server by themselves (tasks extension of MCP 2026-07-28): a client without a session may
 * come back with one at any time, also after the gateway was started again.
 */
export class NamedTasks implements TaskIds {
  readonly #servers: Iterable<string>

  /** @param servers those that there are whenever it is asked */
  constructor(servers: Iterable<string>) {
    this.#servers = servers
  }

  expose(server: string, id: string): string {
    return `${encodeURIComponent(server).replaceAll('~', '%7E')}~${id}`
  }

  find(exposed: string): Own | undefined {
    const [name = '', ...rest] = exposed.split('~')
    const server = [...this.#servers].find(one => this.expose(one, '') === `${name}~`)
    return server === undefined || rest.length === 0 ? undefined : {server, own: rest.join('~')}
  }
}

/** The ids of the tasks that servers of one session have made (MCP 2025-11-25, tasks; SEP-1686). */
export class Tasks implements TaskIds {
  readonly #ids: Exposures

  constructor(onMarked: ExposuresInput['onMarked']) {
    this.#ids = new Exposures({mark: (id, name) => `${name}~${id}`, onMarked})
  }

  /** What the client sees of a server's task id. */
  expose(server: string, id: string): string {
    return this.#ids.expose({server, own: id})
  }

  /** Whose task the client means; undefined when no server has told of it. */
  find(exposed: string): Own | undefined {
    return this.#ids.find(exposed)
  }
}

/** The methods about one task, which its server gets. */
export const TASK_METHODS: ReadonlySet<string> = new Set([
  'tasks/get',
  'tasks/result',
  'tasks/update',
  'tasks/cancel',
])

/** Whether a server declared that it lists its tasks. */
export function listsTasks(hello: JsonObject | undefined): boolean {
  const capabilities = hello?.['capabilities']
  const tasks = isJsonObject(capabilities) ? capabilities['tasks'] : undefined
  return isJsonObject(tasks) && Boolean(tasks['list'])
}

/**
 * The tasks of these servers under the ids that the client knows. A server that fails is left out.
 * @param asking ends also those that are too slow
 */
export async function listTasks(
  ids: TaskIds,
  links: readonly ServerLink[],
  asking: Asking,
): Promise<JsonObject[]> {
  const lists = await Promise.all(
    links.map(async link => {
      const tasks = await pagesOf(link, asking).catch(() => [])
      return tasks.map(task => mapText(task, 'taskId', id => ids.expose(link.server, id)))
    }),
  )
  return lists.flat()
}

/** More would crowd out the tasks that the client works with. */
const MOST_TASKS = 1000
const MOST_PAGES = 100

async function pagesOf(link: ServerLink, asking: Asking): Promise<JsonObject[]> {
  const tasks: JsonObject[] = []
  const seen = new Set<string>()
  let next: Request = request('tasks 0', 'tasks/list')
  while (seen.size < MOST_PAGES && tasks.length < MOST_TASKS) {
    const response = await link.request(next, asking)
    if (!isResult(response)) break
    const {tasks: page, nextCursor: cursor} = response.result
    for (const task of Array.isArray(page) ? page : []) if (isJsonObject(task)) tasks.push(task)
    if (typeof cursor !== 'string' || seen.has(cursor)) break
    seen.add(cursor)
    next = request(`tasks ${seen.size}`, 'tasks/list', {cursor})
  }
  return tasks.slice(0, MOST_TASKS)
}
