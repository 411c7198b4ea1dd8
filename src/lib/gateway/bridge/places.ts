/** Sessions with legacy servers beyond the first one of each pool. */
const MOST = 32

/** Counts the sessions that the pools of one gateway have together, beyond the first one of each. */
export class Places {
  readonly #listeners = new Set<() => void>()
  #left = MOST

  /** @returns whether there was one left, which is taken then */
  take(): boolean {
    if (this.#left === 0) return false
    this.#left -= 1
    return true
  }

  /** Gives back what was taken, to whoever takes it first. */
  give(): void {
    this.#left += 1
    for (const tell of this.#listeners) tell()
  }

  /** @param tell called whenever a place is free again, until this is disposed of */
  onFree(tell: () => void): Disposable {
    this.#listeners.add(tell)
    return {[Symbol.dispose]: () => void this.#listeners.delete(tell)}
  }
}
