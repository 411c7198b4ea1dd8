import {withDeadline} from '../../base/async.ts'
import {messageOf} from '../../base/errors.ts'
import type {Engine} from '../../engine/engine.ts'
import {removeNetwork} from '../../engine/removal.ts'

/** Something of ours that the engine did not remove when it was told to. */
export interface LostThing {
  readonly kind: 'container' | 'network'
  /** As the engine knows it. */
  readonly name: string
}

/** The pauses between the tries, in milliseconds: most of what fails is that the engine is busy, or away. */
const FIRST_PAUSE_MS = 5000
const LONGEST_PAUSE_MS = 60_000
/** What the engine may take to remove one thing. */
const REMOVE_MS = 10_000

/** Removes again what could not be removed, until it is gone, and tells what stays. Keeps no process alive. */
export class LostThings {
  readonly #notify: (line: string) => void
  readonly #things = new Map<string, {readonly thing: LostThing; readonly engine: Engine}>()
  readonly #told = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #pauseMs = FIRST_PAUSE_MS
  #isOver = false

  constructor(notify: (line: string) => void) {
    this.#notify = notify
  }

  /** It is told only when it stays: one that ends by itself is removed by the engine, too. */
  add(engine: Engine, thing: LostThing): void {
    this.#things.set(thing.name, {thing, engine})
    this.#pauseMs = FIRST_PAUSE_MS
    this.#later()
  }

  /** One last try of all. Never rejects; the engine may never answer. */
  async end(): Promise<void> {
    this.#isOver = true
    clearTimeout(this.#timer)
    await this.#tryAll()
  }

  #later(): void {
    if (this.#isOver) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#round(), this.#pauseMs).unref()
  }

  async #round(): Promise<void> {
    await this.#tryAll()
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS)
    if (this.#things.size > 0) this.#later()
  }

  async #tryAll(): Promise<void> {
    await Promise.all(
      [...this.#things.values()].map(async ({thing, engine}) => {
        try {
          await withDeadline(removalOf(engine, thing), REMOVE_MS, tooLate)
          this.#things.delete(thing.name)
        } catch (error) {
          this.#tell(thing, error)
        }
      }),
    )
  }

  #tell({kind, name}: LostThing, error: unknown): void {
    if (this.#told.has(name)) return
    this.#told.add(name)
    this.#notify(`! the ${kind} ${name} may be left behind: ${messageOf(error)}`)
  }
}

function removalOf(engine: Engine, {kind, name}: LostThing): Promise<void> {
  return kind === 'network' ? removeNetwork(engine, name) : engine.remove(name, {force: true})
}

function tooLate(): Error {
  return new Error('the engine did not answer in time')
}
