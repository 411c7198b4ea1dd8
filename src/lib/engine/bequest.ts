import {setTimeout} from 'node:timers/promises'
import type {ContainerFacts, Engine} from './engine.ts'
import {belongingsOf} from './reap.ts'
import {removeBelongings} from './removal.ts'

/** How often to look, in milliseconds. */
const LOOK_MS = 400
/** So long may something still appear that the gateway asked for in its last moment. */
const LATE_MS = 3000
/**
 * So long may a server take to end by itself: it gets SIGTERM 5 s after the end of its stdin, and SIGKILL after 7 s,
 * which is too late where all is to be over after 10 s on a busy machine.
 */
const GRACE_MS = 5500
/** So long is tried what the engine refuses, or does not answer. */
const END_MS = 30_000

/** So long the engine may take to tell what there is: one that hangs is asked anew, until time is over. */
const ANSWER_MS = 5000

/** States in which a container never ends by itself. */
const STUCK: ReadonlySet<string> = new Set(['created', 'paused', 'exited', 'dead'])

/**
 * Clears away what a gateway has left on an engine that is gone as of now: what runs may end by itself first, as after
 * every end of its stdin.
 * @param input `open`: the way to the engine, which may be away for a moment; `owner`: the gateway's id
 * @returns whether nothing is left
 */
export async function clearBequest({
  open,
  owner,
}: {
  readonly open: () => Promise<Engine>
  readonly owner: string
}): Promise<boolean> {
  const begun = performance.now()
  let engine: Engine | undefined
  for (;;) {
    engine ??= await open().catch(() => undefined)
    const passed = performance.now() - begun
    const left = engine && (await clear(engine, owner, passed >= GRACE_MS).catch(() => undefined))
    if (left === 0 && passed >= LATE_MS) return true
    if (passed >= END_MS) return false
    await setTimeout(LOOK_MS)
  }
}

/** @returns how many things there still were */
async function clear(engine: Engine, owner: string, isOverdue: boolean): Promise<number> {
  const {containers, networks} = await belongingsOf(engine, owner, AbortSignal.timeout(ANSWER_MS))
  const isDoomed = ({state}: ContainerFacts) => isOverdue || STUCK.has(state)
  const doomed = containers.filter(isDoomed)
  // A network that a server still uses goes with it.
  const isLast = doomed.length === containers.length
  await removeBelongings(engine, {containers: doomed, networks: isLast ? networks : []})
  return containers.length + networks.length
}
