import {limitConcurrency} from '../../base/async.ts'
import {PluginError} from '../../base/errors.ts'
import type {Json} from '../../base/json.ts'
import type {OpenTasks} from './open-tasks.ts'

/** Servers of one link that run at the same time, those that are being ended included. */
const MOST_AT_ONCE = 64

/** Calls of one link that wait for their turn. */
const MOST_WAITING = 1000

/** What is opened for one call. */
export interface OpenedForCall {
  /** What it works on behind its answer. */
  readonly tasks: OpenTasks
  /** @param what why, as one clause for whoever waits for an answer */
  close(what?: string): Promise<void>
}

/**
 * Opens a server anew for each call, and ends it behind the answer, in the background. One that has made a task of the
 * call stays until it is told that it is idle.
 */
export class PerCall<T extends OpenedForCall> {
  readonly #server: string
  readonly #inTurn = limitConcurrency(MOST_AT_ONCE)
  /** Not ended yet. */
  readonly #open = new Set<T>()
  /** Those that have made a task, with what gives their turn to the next one. */
  readonly #kept = new Map<T, () => void>()
  #closed: Error | undefined
  /** Calls that have their turn or wait for it. */
  #count = 0

  constructor(server: string) {
    this.#server = server
  }

  /** What runs now. */
  get open(): Iterable<T> {
    return this.#open
  }

  /** The one that has made a task; undefined when it has ended, or there never was one. */
  withTask(id: Json | undefined): T | undefined {
    for (const one of this.#open) if (one.tasks.has(id)) return one
    return undefined
  }

  /**
   * Makes one and uses it.
   * @param signal ends the waiting for a turn
   * @throws what the use throws; PluginError SERVER_BUSY when too many wait; the signal's reason
   */
  async run<R>(make: () => T, use: (one: T) => Promise<R>, signal?: AbortSignal): Promise<R> {
    if (this.#count >= MOST_AT_ONCE + MOST_WAITING) throw busy(this.#server)
    this.#count += 1
    return new Promise((resolve, reject) => {
      const turn = this.#inTurn(async () => {
        if (this.#closed) throw this.#closed
        const one = make()
        this.#open.add(one)
        await use(one).then(resolve, reject)
        if (one.tasks.exist) await new Promise<void>(next => this.#kept.set(one, next))
        else await this.end(one)
      }, signal)
      void turn.catch(reject).finally(() => {
        this.#count -= 1
      })
    })
  }

  /** Ends one. Never rejects: what fails is tried again at the end. */
  async end(one: T): Promise<void> {
    if (await isClosed(one)) this.#open.delete(one)
    this.#kept.get(one)?.()
    this.#kept.delete(one)
  }

  /** Ends all. @throws AggregateError of what went wrong, when all have been tried */
  async close(why: Error, what?: string): Promise<void> {
    this.#closed ??= why
    const closings = await Promise.allSettled([...this.#open].map(one => one.close(what)))
    const failures = closings.filter(closing => closing.status === 'rejected')
    if (failures.length > 0) throw new AggregateError(failures.map(({reason}) => reason))
  }
}

async function isClosed(one: OpenedForCall): Promise<boolean> {
  return one.close().then(
    () => true,
    () => false,
  )
}

function busy(server: string): PluginError {
  const what = `${MOST_AT_ONCE} containers run for calls of this client, and ${MOST_WAITING} more calls wait`
  return new PluginError('SERVER_BUSY', `server ${server}: ${what}`, {
    hint: 'try again when other calls are done',
  })
}
