import {unlessAborted} from '../../base/async.ts'
import type {StandbySize} from '../life-policy.ts'

/** What a container that waits takes of the engine's machine: its shim, and the engine's own process beside it. */
const CONTAINER_BYTES = 8 * 1024 ** 2
/** So long a server counts as used after its last start, when it says nothing itself. */
const USED_MS = 5 * 60_000
/** A start has the machine for itself at first: what it leaves is made up for afterwards. */
const SETTLE_MS = 50
/** An engine on which what waits ends by itself is not kept busy with it. */
const [MOST_LOSSES, LOSSES_MS] = [3, 60_000]

/** Something that was made before it is needed. */
export interface Waiting {
  /** Those with the same key are alike. */
  readonly key: string
  /** Settles when it has ended by itself. Never rejects. */
  readonly gone: Promise<void>
  /** Ends it, unused. Never rejects. */
  end(): Promise<void>
}

/** How many are kept ready of one server, and how one more is made. */
export interface Shelf<T extends Waiting> {
  readonly server: string
  readonly size: StandbySize
  /** After which a server that nobody starts any more has no more than the least, in milliseconds. */
  readonly usedMs: number | undefined
  /** @throws whatever keeps it from being made; the next one who needs it is told */
  readonly make: (signal: AbortSignal) => Promise<T>
}

/**
 * Keeps containers ready for servers that are in use, and for those that are always to have some: one of a server that is
 * used, more of it the more often one was missing, and fewer when it is not used.
 */
export class Standby<T extends Waiting> implements AsyncDisposable {
  readonly #input: {readonly memoryBytes: number; readonly isBusy: () => boolean}
  readonly #pools = new Map<string, Pool<T>>()
  readonly #ending = new Set<Promise<void>>()
  readonly #stop = new AbortController()
  #round: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  /** When the next look is, in milliseconds of the process. */
  #roundAt = Infinity

  /**
   * @param input `memoryBytes`: what all of them may take together; `isBusy`: whether somebody waits for a start, which
   *   comes first
   */
  constructor(input: {readonly memoryBytes: number; readonly isBusy: () => boolean}) {
    this.#input = input
  }

  /** A server is used: from now on there is one more than the least of it. */
  used(shelf: Shelf<T>): void {
    const pool = this.#poolOf(shelf)
    pool.usedAt = performance.now()
    if (pool.isUsed) return
    pool.isUsed = true
    pool.wanted = Math.max(pool.wanted, Math.min(1, shelf.size.max))
    this.#later(SETTLE_MS)
  }

  /** Makes the least of a server, in the background. */
  keep(shelf: Shelf<T>): void {
    this.#poolOf(shelf)
    this.#later(SETTLE_MS)
  }

  /**
   * Gives one of a server that is as the key says; others of it are of no use any more. One that is just being made is
   * waited for: it comes sooner than another.
   * @returns undefined when there is none; next time there may be
   * @throws the signal's reason
   */
  async take(shelf: Shelf<T>, key: string, signal: AbortSignal): Promise<T | undefined> {
    signal.throwIfAborted()
    const pool = this.#poolOf(shelf)
    pool.usedAt = performance.now()
    this.#later(SETTLE_MS)
    for (const other of pool.discard(key)) void this.#end(other)
    return pool.ready.shift() ?? (await this.#fromTheMaking(pool, key, signal))
  }

  /** Ends what is ready of a server, and waits for that. What it is always to have is made anew. */
  async flush(server: string): Promise<void> {
    const pool = await this.#empty(server)
    if (pool && pool.shelf.size.min > 0) this.keep(pool.shelf)
  }

  /** Ends what is ready of a server that is no more, or is another one now, and waits for that. */
  async forget(server: string): Promise<void> {
    await this.#empty(server)
  }

  /** Ends everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the gateway is stopping'))
    clearTimeout(this.#timer)
    await Promise.all([...this.#pools.keys()].map(server => this.flush(server)))
    await this.#round
    await Promise.all(this.#ending)
  }

  async #empty(server: string): Promise<Pool<T> | undefined> {
    const pool = this.#pools.get(server)
    if (!pool) return undefined
    this.#pools.delete(server)
    pool.stop.abort(new Error('it is not needed any more'))
    await pool.making
    await Promise.all(pool.ready.splice(0).map(one => this.#end(one)))
    return pool
  }

  #poolOf(shelf: Shelf<T>): Pool<T> {
    const known = this.#pools.get(shelf.server)
    if (known) {
      known.shelf = shelf
      return known
    }
    const pool = new Pool(shelf)
    // What is asked of one that is over, is asked in vain.
    if (!this.#stop.signal.aborted) this.#pools.set(shelf.server, pool)
    return pool
  }

  async #fromTheMaking(pool: Pool<T>, key: string, signal: AbortSignal): Promise<T | undefined> {
    const {making} = pool
    if (making === undefined || pool.isClaimed) {
      pool.missed()
      return undefined
    }
    pool.isClaimed = true
    try {
      const made = await unlessAborted(making, signal)
      if (made === undefined || made.key === key) return made
      void this.#end(made)
      return undefined
    } catch (error) {
      // Whoever claimed it is gone: it is there for the next one.
      void making.then(made => made && this.#put(pool, made))
      throw error
    }
  }

  #later(milliseconds: number): void {
    const at = performance.now() + milliseconds
    if (this.#stop.signal.aborted || this.#roundAt <= at) return
    clearTimeout(this.#timer)
    this.#roundAt = at
    this.#timer = setTimeout(() => this.#look(), milliseconds).unref()
  }

  #look(): void {
    this.#roundAt = Infinity
    // One that is under way sees itself what has changed.
    this.#round ??= this.#fill().finally(() => {
      this.#round = undefined
    })
  }

  /** Makes one after the other until there are enough, or somebody else needs the machine. */
  async #fill(): Promise<void> {
    for (;;) {
      if (this.#stop.signal.aborted) return
      this.#thin()
      if (this.#input.isBusy()) return this.#later(SETTLE_MS)
      const pool = this.#neediest()
      if (pool === undefined) break
      await this.#makeOne(pool)
    }
    const now = performance.now()
    const next = Math.min(...[...this.#pools.values()].map(pool => pool.lookAgainAt(now)))
    if (Number.isFinite(next)) this.#later(Math.max(next - now, SETTLE_MS))
  }

  #thin(): void {
    const now = performance.now()
    for (const pool of this.#pools.values()) {
      for (const one of pool.surplus(now)) void this.#end(one)
    }
  }

  /** First those that are always to have some, in their order, then those used last; as far as there is room. */
  #neediest(): Pool<T> | undefined {
    const now = performance.now()
    const pools = [...this.#pools.values()].filter(pool => pool.lacks(now))
    const always = pools.find(pool => pool.ready.length < pool.shelf.size.min)
    const [lately] = pools.toSorted((a, b) => b.usedAt - a.usedAt)
    const pool = always ?? lately
    return pool && this.#hasRoom(pool, pool === always) ? pool : undefined
  }

  /** Ends what was used the longest ago where all that there may be are there. */
  #hasRoom(pool: Pool<T>, isAlways: boolean): boolean {
    const pools = [...this.#pools.values()]
    const most = Math.floor(this.#input.memoryBytes / CONTAINER_BYTES)
    if (pools.reduce((sum, {ready}) => sum + ready.length, 0) < most) return true
    const [oldest] = pools
      .filter(({ready, shelf}) => ready.length > shelf.size.min)
      .filter(other => other !== pool && (isAlways || other.usedAt < pool.usedAt))
      .toSorted((a, b) => a.usedAt - b.usedAt)
    const one = oldest?.ready.shift()
    if (!oldest || !one) return false
    oldest.wanted = oldest.ready.length
    void this.#end(one)
    return true
  }

  async #makeOne(pool: Pool<T>): Promise<void> {
    const signal = AbortSignal.any([this.#stop.signal, pool.stop.signal])
    pool.making = pool.shelf.make(signal).catch(() => {
      if (!signal.aborted) pool.lost()
      return undefined
    })
    const made = await pool.making
    const isClaimed = pool.isClaimed
    pool.making = undefined
    pool.isClaimed = false
    if (made && !isClaimed) this.#put(pool, made)
  }

  #put(pool: Pool<T>, made: T): void {
    if (pool.stop.signal.aborted || this.#stop.signal.aborted) return void this.#end(made)
    pool.ready.push(made)
    void this.#watch(pool, made)
  }

  async #watch(pool: Pool<T>, made: T): Promise<void> {
    await made.gone
    const at = pool.ready.indexOf(made)
    if (at < 0) return
    pool.ready.splice(at, 1)
    pool.lost()
    void this.#end(made)
    this.#later(SETTLE_MS)
  }

  #end(one: T): Promise<void> {
    const ended = one.end().finally(() => this.#ending.delete(ended))
    this.#ending.add(ended)
    return ended
  }
}

/** What is ready of one server. */
class Pool<T extends Waiting> {
  /** As it was asked for last: a server can become another one. */
  shelf: Shelf<T>
  readonly ready: T[] = []
  readonly stop = new AbortController()
  /** How many there should be. */
  wanted: number
  making: Promise<T | undefined> | undefined
  /** Whether it is used by anybody, for more than to see what it can do. */
  isUsed = false
  #hasMissed = false
  /** Somebody waits for the one that is being made. */
  isClaimed = false
  /** Milliseconds of the process. */
  usedAt = Number.NEGATIVE_INFINITY
  /** When one was last lost that nobody had taken. */
  #lostAt: number[] = []

  constructor(shelf: Shelf<T>) {
    this.shelf = shelf
    this.wanted = shelf.size.min
  }

  lacks(now: number): boolean {
    return this.ready.length < this.wanted && this.#mayTryAt(now) <= now
  }

  lost(): void {
    this.#lostAt = [...this.#lostAt, performance.now()].slice(-MOST_LOSSES)
  }

  /** Somebody needed one and there was none. */
  missed(): void {
    // What is started to see what it can do, or for the first time, says nothing of the next time.
    if (this.#hasMissed) this.wanted = Math.min(this.wanted + 1, this.shelf.size.max)
    this.#hasMissed = this.isUsed
  }

  /** Takes out what is not as the key says. */
  discard(key: string): readonly T[] {
    const others = this.ready.filter(one => one.key !== key)
    this.ready.splice(0, Infinity, ...this.ready.filter(one => one.key === key))
    return others
  }

  /** Takes out what is more than the least of a server that is not used any more. */
  surplus(now: number): readonly T[] {
    if (this.#unusedAt > now) return []
    this.wanted = this.shelf.size.min
    this.isUsed = false
    this.#hasMissed = false
    return this.ready.splice(this.wanted)
  }

  /** When something may be different by itself, in milliseconds of the process. */
  lookAgainAt(now: number): number {
    const unused = this.wanted > this.shelf.size.min ? this.#unusedAt : Infinity
    const mayTry = this.ready.length < this.wanted ? this.#mayTryAt(now) : Infinity
    return Math.min(unused, mayTry > now ? mayTry : Infinity)
  }

  get #unusedAt(): number {
    return this.usedAt + (this.shelf.usedMs ?? USED_MS)
  }

  #mayTryAt(now: number): number {
    const [first = now] = this.#lostAt
    return this.#lostAt.length < MOST_LOSSES ? now : first + LOSSES_MS
  }
}
