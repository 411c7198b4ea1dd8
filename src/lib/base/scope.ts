/** What must be closed, in the order in which it was opened. */
type Closer = () => void | Promise<void>

/**
 * Owns what was opened and closes it last in first out. Every step runs even when an earlier one failed.
 * (`AsyncDisposableStack` does the same, but Node 22 does not have it.)
 */
export class Scope implements AsyncDisposable {
  readonly #closers: Closer[] = []
  #closing: Promise<void> | undefined

  /** Registers a step of the clean-up. On a scope that is already closed it runs at once. */
  defer(closer: Closer): void {
    if (this.#closing) void Promise.resolve().then(closer)
    else this.#closers.push(closer)
  }

  /** Takes over something that can dispose of itself, and gives it back. */
  use<T extends AsyncDisposable>(resource: T): T {
    this.defer(async () => resource[Symbol.asyncDispose]())
    return resource
  }

  /**
   * Closes everything once; later calls wait for the first.
   * @throws AggregateError of what the steps threw
   */
  close(): Promise<void> {
    this.#closing ??= this.#unwind()
    return this.#closing
  }

  /** Forgets every step: what was opened has got another owner. */
  release(): void {
    this.#closers.length = 0
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #unwind(): Promise<void> {
    const failures: unknown[] = []
    for (let closer = this.#closers.pop(); closer; closer = this.#closers.pop()) {
      try {
        await closer()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw new AggregateError(failures)
  }
}
