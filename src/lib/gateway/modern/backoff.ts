/** Pauses before a server that stopped telling of changes is asked again, … */
const AGAIN_MS = [1000, 5000, 30_000] as const
/** … each longer or shorter by up to this part, so that servers are not asked by all clients at once. */
const JITTER = 0.2
/** One that told for this long is asked again as if for the first time. */
const STEADY_MS = 10_000

/** How long to wait before one server is asked again to tell of changes. */
export class Backoff {
  #lost = 0
  #since: number | undefined

  /** The server tells from now on. */
  begun(): void {
    this.#since = performance.now()
  }

  /** The server tells no more, or refused. @returns how many milliseconds to wait */
  lost(): number {
    const isSteady = this.#since !== undefined && performance.now() - this.#since >= STEADY_MS
    this.#since = undefined
    if (isSteady) this.#lost = 0
    const milliseconds = AGAIN_MS[Math.min(this.#lost, AGAIN_MS.length - 1)] ?? 0
    this.#lost += 1
    return milliseconds * (1 - JITTER + 2 * JITTER * Math.random())
  }
}
