const REPEATED_AFTER_MS = 60_000
const MAX_LINES = 200

/**
 * Passes lines on that a server can cause as often as it likes: each at most once a minute, and at most 200 different
 * ones in a minute, then one that says so, and at the end of that minute how many there were. Disposing of it says that
 * at once, and then nothing any more.
 */
export class RareLines implements Disposable {
  readonly #write: (line: string) => void
  readonly #prefix: string
  /** When each line was written, the oldest first. */
  readonly #written = new Map<string, number>()
  /** Runs while lines are left out. */
  #timer: NodeJS.Timeout | undefined
  #leftOut = 0
  #isDisposed = false

  /** @param prefix stands at the beginning of each line, such as `! time: ` */
  constructor(prefix: string, write: (line: string) => void) {
    this.#prefix = prefix
    this.#write = write
  }

  say(line: string): void {
    if (this.#isDisposed) return
    const now = performance.now()
    this.#forgetBefore(now - REPEATED_AFTER_MS)
    if (this.#written.has(line)) return
    if (this.#written.size < MAX_LINES) {
      this.#written.set(line, now)
      this.#write(`${this.#prefix}${line}`)
    } else this.#leaveOut()
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true
    this.#count()
  }

  #leaveOut(): void {
    this.#leftOut += 1
    if (this.#timer) return
    this.#write(`${this.#prefix}more than ${MAX_LINES} such lines in a minute: others are left out`)
    this.#timer = setTimeout(() => this.#count(), REPEATED_AFTER_MS).unref()
  }

  /** Says how many lines were left out, if any. */
  #count(): void {
    if (!this.#timer) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    const words = this.#leftOut === 1 ? 'more such line is' : 'more such lines are'
    this.#write(`${this.#prefix}${this.#leftOut} ${words} not shown`)
    this.#leftOut = 0
  }

  #forgetBefore(time: number): void {
    for (const [line, written] of this.#written) {
      if (written > time) return
      this.#written.delete(line)
    }
  }
}
