import type {Kind} from './lists.ts'

/** What clients are told about: MCP has one notice for resources and their templates. */
type Announced = Exclude<Kind, 'templates'>

/** Changes within this time, in milliseconds, become one notification. */
const COALESCE_MS = 50

/** Gathers the changes of one session's lists, so that a burst of them is announced once. */
export class ListChanges {
  readonly #announce: (method: string) => void
  readonly #due = new Map<Announced, NodeJS.Timeout>()
  #closed = false

  /** @param announce takes the method of the notification to send */
  constructor(announce: (method: string) => void) {
    this.#announce = announce
  }

  /** A list has changed; the client hears of it soon. */
  add(kind: Kind): void {
    const announced = kind === 'templates' ? 'resources' : kind
    if (this.#closed || this.#due.has(announced)) return
    const timer = setTimeout(() => {
      this.#due.delete(announced)
      this.#announce(`notifications/${announced}/list_changed`)
    }, COALESCE_MS)
    this.#due.set(announced, timer)
  }

  /** Announces nothing any more. */
  close(): void {
    this.#closed = true
    for (const timer of this.#due.values()) clearTimeout(timer)
    this.#due.clear()
  }
}

const KINDS: ReadonlyMap<string, Announced> = new Map([
  ['notifications/tools/list_changed', 'tools'],
  ['notifications/prompts/list_changed', 'prompts'],
  ['notifications/resources/list_changed', 'resources'],
])

/** Which list a server's notification says has changed; undefined for every other notification. */
export function changedKind(method: string): Announced | undefined {
  return KINDS.get(method)
}
