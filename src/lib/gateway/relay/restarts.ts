import {pause} from '../../base/async.ts'
import {PluginError, type ErrorCode} from '../../base/errors.ts'
import {Backoff, RESTARTS} from './backoff.ts'

/** A request waits for the end of a shorter pause, in milliseconds. */
const LONGEST_WAIT_MS = 2000

/** So long a start that has failed is the answer to all who ask, in milliseconds: lists come in threes. */
const FAILED_MS = 1000
/** So long what a server turned out to be is what it is: another may come to its place. */
const KNOWN_MS = 5000

/**
 * Failures that have nothing to do with the server: it is tried again as soon as somebody needs it. An engine that is
 * just coming up, or going down, refuses what it is asked before any program runs.
 */
const NOT_ITS_FAULT: ReadonlySet<ErrorCode> = new Set([
  'CONFIG_MISSING',
  'ENGINE_FAILED',
  'ENGINE_UNREACHABLE',
  'SECRET_MISSING',
])

/** Keeps a server that does not stay up from being started over and over, see {@link RESTARTS}. */
export class Restarts {
  readonly #backoff: Backoff
  readonly #now: () => number
  #error: Error | undefined
  /** Until when nobody tries to do better. */
  #settledUntil = -Infinity

  /** @param now milliseconds from any fixed point */
  constructor(now: () => number) {
    this.#now = now
    this.#backoff = new Backoff(RESTARTS, now)
  }

  /** What is left of the pause before the server may be started, in milliseconds. */
  get leftMs(): number {
    return Math.max(this.#backoff.leftMs, this.#settledUntil - this.#now())
  }

  /** Why the server could not be had the last time. */
  get error(): Error | undefined {
    return this.#error
  }

  /**
   * Tells when the server may be started.
   * @returns what is to be waited for, if it is soon; undefined: now
   * @throws why it could not be had the last time, if that is just over, or with the time of the next try
   */
  turn(signal: AbortSignal): Promise<void> | undefined {
    if (this.#error && this.#settledUntil > this.#now()) throw this.#error
    const {leftMs} = this.#backoff
    if (leftMs >= LONGEST_WAIT_MS && this.#error) throw refused(this.#error, leftMs)
    return leftMs > 0 ? waited(leftMs, signal) : undefined
  }

  /** The server is started now. */
  tried(): void {
    this.#backoff.tried()
  }

  /** The server is there. */
  opened(): void {
    this.#error = undefined
    this.#settledUntil = -Infinity
    this.#backoff.begun()
  }

  /** The server ended by itself. */
  ended(error: Error): void {
    this.#error = error
    this.#backoff.lost()
  }

  /** The server could not be started; any error but a PluginError says what it is instead. */
  failed(error: Error): void {
    const isKnown = !(error instanceof PluginError)
    if (!isKnown && NOT_ITS_FAULT.has(error.code)) return
    this.#error = error
    this.#settledUntil = this.#now() + (isKnown ? KNOWN_MS : FAILED_MS)
    // Starts at the same time fail together.
    if (!isKnown && this.#backoff.leftMs === 0) this.#backoff.lost()
  }

  /** Whatever was wrong may be right now. */
  forget(): void {
    this.#error = undefined
    this.#settledUntil = -Infinity
    this.#backoff.forget()
  }
}

/** The same where each call has a server of its own: only one that does not start is waited for. */
export class StartsAlone extends Restarts {
  override ended(): void {}
}

async function waited(milliseconds: number, signal: AbortSignal): Promise<void> {
  await pause(milliseconds, signal)
  signal.throwIfAborted()
}

function refused(error: Error, leftMs: number): Error {
  if (!(error instanceof PluginError)) return error
  const {code, message, hint, cause} = error
  const seconds = Math.ceil(leftMs / 1000)
  const when = `it is not started again before ${seconds} s have passed`
  return new PluginError(code, `${message}; ${when}`, {
    ...(hint !== undefined && {hint}),
    ...(cause !== undefined && {cause}),
  })
}
