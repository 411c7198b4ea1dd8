/** Pauses that grow with each loss, until what was lost has lasted for a while. */
export interface Pauses {
  /** In milliseconds; the last one counts for all losses that follow. */
  readonly afterMs: readonly [number, ...number[]]
  /** What lasted for so long is lost as if for the first time. */
  readonly steadyMs: number
  /** So is what nobody has wanted back for so long after its pause was over. */
  readonly forgottenMs: number
  /** Each pause is longer or shorter by up to this part, so that not all come back at once. */
  readonly jitter: number
}

/** Before a server is started again that ends again and again, or does not start. */
export const RESTARTS: Pauses = {
  afterMs: [0, 1000, 2000, 4000, 8000, 16_000, 30_000],
  steadyMs: 10_000,
  forgottenMs: 60_000,
  jitter: 0,
}

/** Before a server that stopped telling of changes is asked again. */
export const LISTENS: Pauses = {
  afterMs: [1000, 5000, 30_000],
  steadyMs: 10_000,
  forgottenMs: Infinity,
  jitter: 0.2,
}

/** How long to wait before something that was lost is tried again. */
export class Backoff {
  readonly #pauses: Pauses
  readonly #now: () => number
  #losses = 0
  #since: number | undefined
  #againAt = -Infinity

  /** @param now milliseconds from any fixed point */
  constructor(pauses: Pauses, now: () => number) {
    this.#pauses = pauses
    this.#now = now
  }

  /** What is left of the pause, in milliseconds. */
  get leftMs(): number {
    return Math.max(0, this.#againAt - this.#now())
  }

  /** It is tried again. */
  tried(): void {
    if (this.#now() - this.#againAt > this.#pauses.forgottenMs) this.#losses = 0
  }

  /** It is there from now on. */
  begun(): void {
    this.#since = this.#now()
  }

  /** It is there no more, or could not be had. @returns how many milliseconds to wait */
  lost(): number {
    const {afterMs, steadyMs, jitter} = this.#pauses
    const now = this.#now()
    if (this.#since !== undefined && now - this.#since >= steadyMs) this.#losses = 0
    this.#since = undefined
    const milliseconds = afterMs[Math.min(this.#losses, afterMs.length - 1)] ?? afterMs[0]
    this.#losses += 1
    const wait = milliseconds * (1 - jitter + 2 * jitter * Math.random())
    this.#againAt = now + wait
    return wait
  }

  /** The next loss is the first one. */
  forget(): void {
    this.#losses = 0
    this.#againAt = -Infinity
  }
}
