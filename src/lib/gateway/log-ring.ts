/** One line that a server wrote to stderr, secrets masked. */
export interface LogLine {
  /** ISO 8601 */
  readonly at: string
  /** The name of the container. */
  readonly container: string
  readonly text: string
}

const MOST_LINES = 1000
/** Characters. */
const MOST_TEXT = 256 * 1024
const LONGEST_LINE = 8 * 1024

/** The last lines of one server's log. Bounded, whatever is written to it. */
export class LogRing {
  readonly #now: () => number
  readonly #listeners = new Set<(line: LogLine) => void>()
  #lines: LogLine[] = []
  #length = 0

  /** @param now milliseconds since 1970 */
  constructor(now: () => number) {
    this.#now = now
  }

  /** The lines that are kept, oldest first. */
  get lines(): readonly LogLine[] {
    return this.#lines
  }

  write(container: string, text: string): void {
    const kept = text.length > LONGEST_LINE ? `${text.slice(0, LONGEST_LINE)}…` : text
    const line = {at: new Date(this.#now()).toISOString(), container, text: kept}
    this.#lines.push(line)
    this.#length += kept.length
    // Not one by one: a server that floods its log would have all lines moved for each.
    if (this.#lines.length > 2 * MOST_LINES || this.#length > 2 * MOST_TEXT) this.#shorten()
    for (const listener of this.#listeners) listener(line)
  }

  /** Tells of each new line until it is disposed of. */
  follow(listener: (line: LogLine) => void): Disposable {
    this.#listeners.add(listener)
    return {[Symbol.dispose]: () => void this.#listeners.delete(listener)}
  }

  #shorten(): void {
    let from = Math.max(0, this.#lines.length - MOST_LINES)
    let length = this.#lines.slice(from).reduce((sum, {text}) => sum + text.length, 0)
    for (; length > MOST_TEXT; from++) length -= this.#lines[from]?.text.length ?? 0
    this.#lines = this.#lines.slice(from)
    this.#length = length
  }
}
