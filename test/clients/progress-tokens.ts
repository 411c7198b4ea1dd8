/**
 * Who wants to hear of the progress of which call. The SDKs' own way to ask for it forgets who asked as soon as an answer
 * is read, and so all progress that is read together with it.
 */
export class ProgressTokens {
  readonly #listeners = new Map<string | number, (progress: number) => void>()

  /** The member of a call's params that asks for its progress. */
  meta(listener: ((progress: number) => void) | undefined): {_meta?: {progressToken: string}} {
    if (!listener) return {}
    const progressToken = `progress-${this.#listeners.size}`
    this.#listeners.set(progressToken, listener)
    return {_meta: {progressToken}}
  }

  told({progressToken, progress}: {progressToken: string | number; progress: number}): void {
    this.#listeners.get(progressToken)?.(progress)
  }
}
