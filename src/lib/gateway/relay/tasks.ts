import {isJsonObject, type JsonObject} from '../../base/json.ts'
import {isResult, request, type Request} from '../wire/jsonrpc.ts'
import type {Asking} from './connection.ts'
import {Exposures, type ExposuresInput, type Own} from './exposures.ts'
import type {ServerLink} from './link.ts'
import {mapText} from './places.ts'

/** The ids of the tasks that servers of one session have made (MCP 2025-11-25, tasks; SEP-1686). */
export class Tasks {
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

  /** The server's own id of a task; of one that no server has told of, the same. */
  ownId(exposed: string): string {
    return this.find(exposed)?.own ?? exposed
  }

  /**
   * The tasks of these servers under the ids that the client knows. A server that fails is left out.
   * @param asking ends also those that are too slow
   */
  async list(links: readonly ServerLink[], asking: Asking): Promise<JsonObject[]> {
    const lists = await Promise.all(
      links.map(async link => {
        const tasks = await pagesOf(link, asking).catch(() => [])
        return tasks.map(task => mapText(task, 'taskId', id => this.expose(link.server, id)))
      }),
    )
    return lists.flat()
  }
}

/** The methods about one task, which its server gets. */
export const TASK_METHODS: ReadonlySet<string> = new Set([
  'tasks/get',
  'tasks/result',
  'tasks/cancel',
])

/** Whether a server declared that it lists its tasks. */
export function listsTasks(hello: JsonObject | undefined): boolean {
  const capabilities = hello?.['capabilities']
  const tasks = isJsonObject(capabilities) ? capabilities['tasks'] : undefined
  return isJsonObject(tasks) && Boolean(tasks['list'])
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
