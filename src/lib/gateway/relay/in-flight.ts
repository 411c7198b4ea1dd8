/** What is under way and must be over before something ends. */
export class InFlight {
  #count = 0
  readonly #waiting: (() => void)[] = []

  /** Does something that counts as under way until it is settled. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.begin()
    try {
      return await work()
    } finally {
      this.end()
    }
  }

  /** Something is under way; {@link end} says when it is not any more. */
  begin(): void {
    this.#count += 1
  }

  end(): void {
    this.#count -= 1
    if (this.#count > 0) return
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Settles when nothing is under way. */
  async idle(): Promise<void> {
    if (this.#count > 0) await new Promise<void>(resolve => this.#waiting.push(resolve))
  }
}
