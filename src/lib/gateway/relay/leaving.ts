/** A way to a server that can be ended when it is not used any more. */
export interface Leavable {
  /** Settles when no request is in flight on it. */
  idle(): Promise<void>
  /**
   * Ends it for good.
   * @param what why, as one clause for whoever still waits, such as "was changed"
   * @throws what keeps it from being ended
   */
  close(what?: string): Promise<void>
}

/**
 * Ways to servers that are served no more, or are others now: each ends as soon as it has answered what it was asked. How
 * long that may take is for the limits of the calls themselves to say.
 */
export class Leaving<L extends Leavable> {
  readonly #links = new Map<L, Promise<void>>()

  /**
   * Takes a way that nobody is given any more.
   * @param what why it ends, as one clause
   * @returns settles when it has ended, or could not be. Never rejects
   */
  add(link: L, what: string): Promise<void> {
    const over = this.#end(link, what)
    this.#links.set(link, over)
    return over
  }

  /** Ends all of them now. @throws AggregateError of what went wrong, when all have been tried */
  async close(): Promise<void> {
    const closings = await Promise.allSettled([...this.#links.keys()].map(link => link.close()))
    const failures = closings.filter(closing => closing.status === 'rejected')
    if (failures.length > 0) throw new AggregateError(failures.map(({reason}) => reason))
  }

  /** One that cannot be ended is tried again when all end. */
  async #end(link: L, what: string): Promise<void> {
    await link.idle()
    await link.close(what).then(
      () => this.#links.delete(link),
      () => undefined,
    )
  }
}
