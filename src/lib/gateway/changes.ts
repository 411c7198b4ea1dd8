import {messageOf} from '../base/errors.ts'
import type {ReadFiles} from '../files/reads.ts'
import type {Reloader} from './reloader.ts'
import {FileWatch} from './watch.ts'

export interface ChangesInput {
  /** Knows what the configuration was read from. */
  readonly reads: ReadFiles
  readonly reloader: Reloader
  /** Fetches the catalogs again that are elsewhere. */
  readonly refreshCatalogs: () => Promise<unknown>
  /** What a person must know. */
  readonly notify: (line: string) => void
}

/** What cannot be read is tried again after that; each time that it still cannot, after twice as long. */
const FIRST_RETRY_MS = 5000
const LAST_RETRY_MS = 60_000

/** Reloads a gateway whenever a file changes that it was made from, and as often as its options say. */
export class Changes implements AsyncDisposable {
  readonly #input: ChangesInput
  readonly #watch: FileWatch
  #every = 0
  #timer: NodeJS.Timeout | undefined
  #isDiscovering = false
  #told = ''
  #isEnded = false
  #retry: NodeJS.Timeout | undefined
  #retryMs = FIRST_RETRY_MS

  constructor(input: ChangesInput) {
    this.#input = input
    this.#watch = new FileWatch({
      files: () => input.reads.prints,
      onChange: async () => {
        await input.reloader.reload()
        this.#plan()
        this.#planRetry()
      },
      warn: input.notify,
    })
    this.#plan()
    this.#planRetry()
  }

  /** What is under way goes on by itself: it may wait for servers, which end with the gateway. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    clearTimeout(this.#retry)
    this.#isEnded = true
    this.#input.reloader.end()
    await this.#watch[Symbol.asyncDispose]()
  }

  /** The time between two looks may itself have changed. */
  #plan(): void {
    const every = this.#input.reloader.discoveryIntervalMs
    if (every === this.#every) return
    this.#every = every
    clearInterval(this.#timer)
    if (every === 0) return
    this.#timer = setInterval(() => void this.#discover(), every) // never rejects
    this.#timer.unref()
  }

  /** No file tells that a keyring was unlocked. */
  #planRetry(): void {
    clearTimeout(this.#retry)
    if (this.#isEnded) return
    if (!this.#input.reloader.mayBeMended) {
      this.#retryMs = FIRST_RETRY_MS
      return
    }
    this.#retry = setTimeout(() => this.#watch.readAnew(), this.#retryMs)
    this.#retry.unref()
    this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS)
  }

  /** Never rejects: a host that is away must not end what others are using. */
  async #discover(): Promise<void> {
    // A host may take longer to answer than the time between two looks.
    if (this.#isDiscovering) return
    this.#isDiscovering = true
    const {refreshCatalogs, notify} = this.#input
    try {
      await refreshCatalogs()
      this.#told = ''
    } catch (error) {
      const why = messageOf(error)
      if (why !== this.#told) notify(`! catalogs could not be fetched again: ${why}`)
      this.#told = why
    }
    this.#isDiscovering = false
    this.#watch.readAnew()
  }
}
