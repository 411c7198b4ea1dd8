import {withDeadline, pause as waited} from '../../base/async.ts'
import {messageOf} from '../../base/errors.ts'
import type {Engine} from '../../engine/engine.ts'
import {type Lease, type LeaseImage, isLease, openLease} from '../../engine/lease.ts'
import {removeOldPrograms} from '../../engine/old-programs.ts'
import {belongingsOf, reap} from '../../engine/reap.ts'
import {removeBelongings} from '../../engine/removal.ts'
import {LostThings, type LostThing} from './lost-things.ts'
import {startWatchdog, type Watchdog} from './watchdog.ts'

/**
 * How long a gateway has containers before it takes out its lease: it would slow down the very start that somebody
 * waits for, and others take a gateway for dead after 15 s only. One that is over sooner needs none.
 */
const LEASE_AFTER_MS = 2000
const EVERY_MS = 60_000
/** Who is gone and was busy a moment ago is known to be gone after this time. */
const UNSURE_MS = 16_000
/** The pauses after a lease that was lost or could not be had. */
const FIRST_PAUSE_MS = 1000
const LONGEST_PAUSE_MS = 30_000
const WITHOUT_LEASE =
  'this gateway has no lease, so that another one may take it for dead and remove its containers; it goes on trying'
/** What the engine may take for the last questions and removals. */
const END_MS = 3000
/** A watchdog that ended sooner would do so again. */
const WATCHDOG_LIVES_MS = 10_000

export interface HousekeepingInput {
  readonly owner: string
  /** The file of the watchdog's program; undefined: there is none. */
  readonly watchdog: string | undefined
  readonly log: (line: string) => void
  readonly notify: (line: string) => void
}

/** Keeps the engine clean of what gateways leave there. */
export interface Housekeeping extends AsyncDisposable {
  /** A container of this gateway is about to be made. */
  began(engine: Engine, image: LeaseImage): void
  /** Something of this gateway could not be removed. */
  lost(engine: Engine, thing: LostThing): void
}

/**
 * Holds a lease while the gateway has containers, so that others see that it lives; removes what others have left;
 * and has a watchdog see to it that this one leaves nothing. All of it in the background: nothing waits for it, and
 * nothing fails with it. Disposed of last, in bounded time.
 */
export function housekeeping(input: HousekeepingInput): Housekeeping {
  return new Housekeeper(input)
}

class Housekeeper implements Housekeeping {
  readonly #input: HousekeepingInput
  readonly #stop = new AbortController()
  readonly #lost: LostThings
  #latest: {readonly engine: Engine; readonly image: LeaseImage} | undefined
  /** Whether a container was begun since somebody last looked. */
  #hasBegun = false
  #working: Promise<void> | undefined
  #watchdog: Watchdog | undefined
  #isWatchdogOfUse = true
  /** What an engine does not keep is said once. */
  #limits: Promise<void> | undefined

  constructor(input: HousekeepingInput) {
    this.#input = input
    this.#lost = new LostThings(input.notify)
  }

  lost(engine: Engine, thing: LostThing): void {
    this.#lost.add(engine, thing)
  }

  began(engine: Engine, image: LeaseImage): void {
    if (this.#stop.signal.aborted) return
    this.#latest = {engine, image}
    this.#hasBegun = true
    this.#watch(engine)
    this.#working ??= this.#work(engine).finally(() => {
      this.#working = undefined
      // It may have found that nothing is left just before something was begun.
      if (this.#hasBegun) this.began(engine, image)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await Promise.all(
      [this.#working, this.#lost.end()].map(task => inTime(task).catch(() => undefined)),
    )
    const latest = this.#latest
    if (latest) await this.#leave(latest.engine)
  }

  /** Until the gateway has had no container for a while, or is over. Never rejects. */
  async #work(engine: Engine): Promise<void> {
    const {signal} = this.#stop
    await pause(LEASE_AFTER_MS, signal)
    for (let tries = 0; !signal.aborted; tries += 1) {
      this.#askForLimits(engine)
      const lease = await this.#takeLease(engine, tries === 0)
      if (lease) {
        await using held = lease
        tries = 0
        if (await this.#keepClean(engine, held)) return
      }
      await pause(Math.min(FIRST_PAUSE_MS * 2 ** tries, LONGEST_PAUSE_MS), signal)
    }
  }

  /** An engine that does not tell is asked again the next time, whatever went wrong: nobody waits for it. */
  #askForLimits(engine: Engine): void {
    if (this.#limits) return
    this.#limits = this.#sayUnkeptLimits(engine).catch(() => {
      this.#limits = undefined
    })
  }

  /** People rely on limits, and the engine itself says nothing when it drops them. */
  async #sayUnkeptLimits(engine: Engine): Promise<void> {
    const unkept = await engine.unkeptLimits(this.#stop.signal)
    if (unkept.length === 0) return
    this.#input.notify(
      `! this engine does not keep limits of ${unkept.join(', ')}: a server can use up the machine; docker info says why`,
    )
  }

  async #takeLease(engine: Engine, isFirstTry: boolean): Promise<Lease | undefined> {
    const {owner, notify} = this.#input
    const image = this.#latest?.image
    if (image === undefined) return undefined
    try {
      return await openLease(engine, {owner, image}, this.#stop.signal)
    } catch (error) {
      if (isFirstTry && !this.#stop.signal.aborted)
        notify(`! ${WITHOUT_LEASE}: ${messageOf(error)}`)
      return undefined
    }
  }

  /** @returns whether the lease is not needed any more; else it was lost */
  async #keepClean(engine: Engine, lease: Lease): Promise<boolean> {
    const lost = new AbortController()
    void lease.ended.then(() => lost.abort())
    const over = AbortSignal.any([this.#stop.signal, lost.signal])
    const since = performance.now()
    const now = () => new Date(lease.createdAt.getTime() + performance.now() - since)
    await removeOldPrograms(engine, now(), over).catch(() => undefined)
    while (!over.aborted) {
      this.#askForLimits(engine)
      await this.#removeOtherLeases(engine, lease)
      const isUnsure = await this.#reap(engine, now())
      await pause(isUnsure ? UNSURE_MS : EVERY_MS, over)
      if (!isUnsure && !over.aborted && (await this.#isUnused(engine))) {
        await this.#dismiss()
        return true
      }
    }
    return false
  }

  /** One that was lost, or that came too late, may still be there: by it, others would take this gateway for alive. */
  async #removeOtherLeases(engine: Engine, {id}: Lease): Promise<void> {
    try {
      const {containers} = await belongingsOf(engine, this.#input.owner, this.#stop.signal)
      const others = containers.filter(one => isLease(one) && one.id !== id)
      await removeBelongings(engine, {containers: others, networks: []})
    } catch {
      // The next round sees them again.
    }
  }

  /** @returns whether to look again soon */
  async #reap(engine: Engine, now: Date): Promise<boolean> {
    const {owner, notify} = this.#input
    try {
      const {isUnsure, ...removed} = await reap(engine, {owner, now}, this.#stop.signal)
      const isAny = removed.containers + removed.networks > 0
      if (isAny) notify(`- removed what a gateway that is gone had left: ${counted(removed)}`)
      return isUnsure
    } catch {
      // The engine says nothing now; the next round is soon.
      return false
    }
  }

  /** Whether the gateway has had no container for a minute, nor has begun one. */
  async #isUnused(engine: Engine): Promise<boolean> {
    const hasBegun = this.#hasBegun
    this.#hasBegun = false
    if (hasBegun || this.#stop.signal.aborted) return false
    // What cannot be told is no reason to let go.
    const left = await this.#left(engine).catch(() => 1)
    return left === 0 && !this.#hasBegun
  }

  /** How much of this gateway there is on the engine besides the lease. */
  async #left(engine: Engine): Promise<number> {
    const {containers, networks} = await belongingsOf(engine, this.#input.owner)
    return containers.filter(one => !isLease(one)).length + networks.length
  }

  #watch(engine: Engine): void {
    const {owner, watchdog: program, log} = this.#input
    if (program === undefined || this.#watchdog || !this.#isWatchdogOfUse) return
    const begun = performance.now()
    const ended = (why: string) => {
      this.#watchdog = undefined
      this.#isWatchdogOfUse = performance.now() - begun > WATCHDOG_LIVES_MS
      log(`! the process that cleans up after a killed gateway does not run: ${why}`)
    }
    try {
      const watchdog = startWatchdog({program, endpoint: engine.endpoint, owner})
      this.#watchdog = watchdog
      void watchdog.ended.then(why => this.#watchdog === watchdog && ended(why))
    } catch (error) {
      // Where no process can be started, the lease tells others to clean up.
      ended(messageOf(error))
    }
  }

  async #dismiss(): Promise<void> {
    const watchdog = this.#watchdog
    this.#watchdog = undefined
    await watchdog?.dismiss()
  }

  /** What is left now is what the engine would not remove in time: the watchdog goes on trying. */
  async #leave(engine: Engine): Promise<void> {
    const isClean = (await inTime(this.#left(engine)).catch(() => 1)) === 0
    if (isClean) await this.#dismiss()
    else this.#watchdog?.release()
  }
}

function counted({containers, networks}: {containers: number; networks: number}): string {
  const parts = [
    ...(containers > 0 ? [some(containers, 'container')] : []),
    ...(networks > 0 ? [some(networks, 'network')] : []),
  ]
  return parts.join(' and ')
}

function some(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

/** An engine that hangs must not hold up the gateway's own end. */
function inTime<T>(task: Promise<T> | undefined): Promise<T | undefined> {
  if (task === undefined) return Promise.resolve(undefined)
  return withDeadline(task, END_MS, () => new Error('the engine did not answer in time'))
}

/** Keeps no process alive. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return waited(milliseconds, signal, {ref: false})
}
