import {isJsonObject, type Json, type JsonObject} from '../../base/json.ts'
import {isResult, type Notification, type Request, type Response} from '../wire/jsonrpc.ts'

/** Tasks of one server that are kept in mind; the oldest are forgotten. */
const MOST_TASKS = 1000

/** A task that says nothing of its `ttl` is taken for over when nobody has heard of it for so long, in milliseconds. */
const LONGEST_MS = 24 * 3_600_000

/** How a task is over (MCP 2025-11-25, tasks; the same in the extension of 2026-07-28). */
const ENDS: ReadonlySet<unknown> = new Set(['cancelled', 'completed', 'failed'])

interface Task {
  isOver: boolean
  /** When the server may forget it. */
  readonly until: number
}

/**
 * The tasks that a server works on behind its answers: it must not be ended before they are over, since no other
 * process of it knows them.
 */
export class OpenTasks {
  readonly #now: () => number
  readonly #tasks = new Map<string, Task>()

  /** @param now milliseconds from any fixed point */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Whether a task is not known to be over. */
  get areOpen(): boolean {
    const now = this.#now()
    for (const {isOver, until} of this.#tasks.values()) if (!isOver && until > now) return true
    return false
  }

  /** Whether there is a task, also one that is over. */
  get exist(): boolean {
    return this.#tasks.size > 0
  }

  /** Whether the server has made this task. */
  has(id: Json | undefined): boolean {
    return typeof id === 'string' && this.#tasks.has(id)
  }

  /** Takes an answer of the server. */
  answered({method, params}: Request, response: Response): void {
    if (isResult(response)) {
      const {task} = response.result
      this.#heard(isJsonObject(task) ? task : response.result)
    }
    const id = params?.['taskId']
    if (typeof id !== 'string') return
    // The result of a task is its end; one that the server does not know any more is none.
    if (method === 'tasks/result' || (method === 'tasks/get' && !isResult(response))) this.#end(id)
  }

  /** Takes a notice of the server. */
  told({method, params}: Notification): void {
    if (params && (method === 'notifications/tasks/status' || method === 'notifications/tasks')) {
      this.#heard(params)
    }
  }

  /** The server has ended, and its tasks with it. */
  forget(): void {
    this.#tasks.clear()
  }

  #heard({taskId: id, status, ttl, ttlMs}: JsonObject): void {
    if (typeof id !== 'string' || typeof status !== 'string') return
    const lifetime = [ttl, ttlMs].find(value => typeof value === 'number')
    const milliseconds = typeof lifetime === 'number' ? Math.min(lifetime, LONGEST_MS) : LONGEST_MS
    this.#tasks.set(id, {isOver: ENDS.has(status), until: this.#now() + milliseconds})
    const [oldest] = this.#tasks.keys()
    if (oldest !== undefined && this.#tasks.size > MOST_TASKS) this.#tasks.delete(oldest)
  }

  #end(id: string): void {
    const task = this.#tasks.get(id)
    if (task) task.isOver = true
  }
}
