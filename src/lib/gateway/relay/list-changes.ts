import {LIST_NOTICES, type Announced} from '../wire/list-notices.ts'
import type {Kind} from './pages.ts'

/** Changes that follow one another within this time, in milliseconds, become one notification, … */
const QUIET_MS = 100
/** … but the first of them is not kept back for longer than this. */
const LONGEST_DELAY_MS = 1000

/** Gathers the changes of one session's lists, so that a burst of them is announced once. */
export class ListChanges {
  readonly #announce: (method: string) => void
  readonly #due = new Map<Announced, {readonly timer: NodeJS.Timeout; readonly since: number}>()
  /** What the client was told of, and has not asked for since. */
  readonly #told = new Set<Announced>()
  #closed = false

  /** @param announce takes the method of the notification to send */
  constructor(announce: (method: string) => void) {
    this.#announce = announce
  }

  /** A list has changed; the client hears of it soon. */
  add(kind: Kind): void {
    const announced = kind === 'templates' ? 'resources' : kind
    if (this.#closed || this.#told.has(announced)) return
    const now = performance.now()
    const due = this.#due.get(announced)
    clearTimeout(due?.timer)
    const since = due?.since ?? now
    const timer = setTimeout(
      () => {
        this.#due.delete(announced)
        this.#told.add(announced)
        this.#announce(`notifications/${announced}/list_changed`)
      },
      Math.max(0, Math.min(QUIET_MS, since + LONGEST_DELAY_MS - now)),
    )
    this.#due.set(announced, {timer, since})
  }

  /** The client asks for a list: it hears of what changes from now on. */
  asked(kind: Kind): void {
    this.#told.delete(kind === 'templates' ? 'resources' : kind)
  }

  /**
   * The only server announces a change itself.
   * @returns whether that is news: not when the client was told just now, and has not asked since
   */
  isNews(kind: Kind): boolean {
    const announced = kind === 'templates' ? 'resources' : kind
    clearTimeout(this.#due.get(announced)?.timer)
    this.#due.delete(announced)
    return !this.#told.has(announced)
  }

  /** Announces nothing any more. */
  close(): void {
    this.#closed = true
    for (const {timer} of this.#due.values()) clearTimeout(timer)
    this.#due.clear()
  }
}

/** Which list a server's notification says has changed; undefined for every other notification. */
export function changedKind(method: string): Announced | undefined {
  return LIST_NOTICES.find(notice => notice.method === method)?.kind
}
