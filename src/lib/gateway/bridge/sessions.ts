import {PluginError} from '../../base/errors.ts'
import type {LifePolicy} from '../life-policy.ts'
import type {LegacySession} from './legacy-session.ts'
import type {Places} from './places.ts'

/** Sessions of one view with one server. */
const MOST_SESSIONS = 8

/** Calls that wait for a session. */
const MOST_WAITING = 1000
/** How often a call that waits looks whether it waits for nothing but users, in milliseconds. */
const WAIT_MS = 60_000

/** A session that nobody used for so long is closed, in milliseconds; the first one stays. */
const IDLE_MS = 60_000

/** How long a server may take to answer a call that was given up, in milliseconds, before the session is closed. */
const SETTLE_MS = 2000

interface Waiting {
  readonly resolve: (session: LegacySession) => void
  readonly reject: (error: unknown) => void
}

interface Slot {
  readonly session: LegacySession
  isTaken: boolean
  idle?: NodeJS.Timeout
}

/**
 * The sessions of one view with one legacy server. Calls whose clients can be asked something have one each while
 * they run, since most servers do not say which call a question belongs to. They are given out in a stable order:
 * who makes one call after the other always gets the same.
 */
export class Sessions {
  readonly #server: string
  /** Whether a session that was leased is never given out again. */
  readonly #isForOneCall: boolean
  readonly #places: Places
  readonly #listening: Disposable
  readonly #open: (index: number) => LegacySession
  /** By their numbers, some of which may be unused. */
  readonly #slots: (Slot | undefined)[] = []
  /** No longer given out, and not closed yet. */
  readonly #leaving = new Set<LegacySession>()
  readonly #waiting = new Set<Waiting>()
  /** Places that are taken for sessions beyond the only one. */
  #taken = 0
  #closed: PluginError | undefined

  /** @param open makes a session that is opened on first use; the number of the first one is 0 */
  constructor(
    {server, serves}: {server: string; serves: LifePolicy['serves']},
    places: Places,
    open: (index: number) => LegacySession,
  ) {
    this.#server = server
    this.#isForOneCall = serves === 'call'
    this.#places = places
    this.#listening = places.onFree(() => this.#serve())
    this.#open = open
  }

  /** The one for everything that needs none of its own. @throws PluginError after `close` */
  get first(): LegacySession {
    if (this.#closed) throw this.#closed
    const known = this.#slots[0]
    if (known) return known.session
    // One that is being replaced may be there still: this one is opened whether there is a place for both or not.
    this.#takePlace()
    return this.#add(0).session
  }

  /** The same, if it is there and its server is. */
  get firstOpen(): LegacySession | undefined {
    const session = this.#slots[0]?.session
    return session?.link.isOpen === true ? session : undefined
  }

  /**
   * Gives a session to a call alone, as soon as there is one.
   * @throws PluginError when too many wait, or all wait for users; the signal's reason
   */
  async lease(signal: AbortSignal): Promise<LegacySession> {
    signal.throwIfAborted()
    if (this.#closed) throw this.#closed
    return this.#take() ?? this.#wait(signal)
  }

  /** The call has ended, or was given up. */
  release(session: LegacySession): void {
    if (this.#isForOneCall) return this.#retire(session)
    if (!session.isUnsure) return this.#free(session)
    void session
      .settled(SETTLE_MS)
      .then(isSettled => (isSettled ? this.#free(session) : this.#retire(session)))
  }

  /** Closes all. @throws AggregateError of what went wrong, when all have been tried */
  async close(what?: string): Promise<void> {
    const why = what === undefined ? ': the gateway no longer serves these clients' : ` ${what}`
    this.#closed = new PluginError('SERVER_START_FAILED', `server ${this.#server}${why}`)
    for (const {reject} of this.#waiting) reject(this.#closed)
    for (const slot of this.#slots) clearTimeout(slot?.idle)
    const open = this.#slots.flatMap(slot => (slot ? [slot.session] : []))
    const all = [...open, ...this.#leaving]
    const closings = await Promise.allSettled(all.map(({link}) => link.close(what)))
    this.#listening[Symbol.dispose]()
    for (; this.#taken > 0; this.#taken--) this.#places.give()
    const failures = closings.filter(closing => closing.status === 'rejected')
    if (failures.length > 0) throw new AggregateError(failures.map(({reason}) => reason))
  }

  get #size(): number {
    return this.#slots.filter(slot => slot).length + this.#leaving.size
  }

  #add(index: number): Slot {
    const slot = {session: this.#open(index), isTaken: false}
    this.#slots[index] = slot
    return slot
  }

  /** Takes a place for one more. @returns whether there was one; the only one needs none */
  #takePlace(): boolean {
    const size = this.#size
    if (size === 0) return true
    if (size >= MOST_SESSIONS || !this.#places.take()) return false
    this.#taken += 1
    return true
  }

  #take(): LegacySession | undefined {
    for (let index = this.#isForOneCall ? 1 : 0; index < MOST_SESSIONS; index++) {
      const known = this.#slots[index]
      if (known ? known.isTaken : !this.#takePlace()) continue
      const slot = known ?? this.#add(index)
      clearTimeout(slot.idle)
      slot.isTaken = true
      return slot.session
    }
    return undefined
  }

  async #wait(signal: AbortSignal): Promise<LegacySession> {
    if (this.#waiting.size >= MOST_WAITING) throw this.#busy('too many calls wait for a session')
    const {promise, resolve, reject} = Promise.withResolvers<LegacySession>()
    const waiting = {resolve, reject}
    const leave = (error: unknown) => {
      this.#waiting.delete(waiting)
      reject(error)
    }
    const onAbort = () => leave(signal.reason)
    // Servers that are at work have a limit of their own; users may take very long.
    const look = () => {
      if (this.#slots.every(slot => !slot || slot.session.isParked)) {
        leave(this.#busy(`no session was free for ${WAIT_MS / 1000} s`))
      }
    }
    const timer = setInterval(look, WAIT_MS)
    this.#waiting.add(waiting)
    signal.addEventListener('abort', onAbort)
    try {
      return await promise
    } finally {
      clearInterval(timer)
      signal.removeEventListener('abort', onAbort)
    }
  }

  #free(session: LegacySession): void {
    const index = this.#slots.findIndex(slot => slot?.session === session)
    const slot = this.#slots[index]
    if (!slot || this.#closed) return
    slot.isTaken = false
    this.#serve()
    if (slot.isTaken || index === 0) return
    slot.idle = setTimeout(() => this.#retire(session), IDLE_MS).unref()
  }

  #retire(session: LegacySession): void {
    const index = this.#slots.findIndex(slot => slot?.session === session)
    if (index === -1 || this.#closed) return
    this.#slots[index] = undefined
    this.#leaving.add(session)
    void this.#close(session)
  }

  async #close(session: LegacySession): Promise<void> {
    try {
      await session.leave()
    } catch {
      // It counts until the end, when it is tried again.
      return
    }
    this.#leaving.delete(session)
    if (this.#taken > 0 && this.#taken >= this.#size) {
      this.#taken -= 1
      this.#places.give()
    }
    this.#serve()
  }

  /** Whoever waits longest comes first. */
  #serve(): void {
    for (const waiting of this.#waiting) {
      const session = this.#closed ? undefined : this.#take()
      if (!session) return
      this.#waiting.delete(waiting)
      waiting.resolve(session)
    }
  }

  #busy(what: string): PluginError {
    const taken = this.#slots.filter(slot => slot?.isTaken)
    const parked = taken.filter(slot => slot?.session.isParked).length
    const running = taken.length - parked
    return new PluginError(
      'SERVER_BUSY',
      `server ${this.#server}: ${what} (sessions that wait for the answers of users: ${parked}; at work: ${running})`,
      {
        hint:
          parked > 0
            ? 'answer what was asked, or cancel it'
            : 'try again when other calls are done',
      },
    )
  }
}
