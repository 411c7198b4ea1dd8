import {limitConcurrency} from '../../base/async.ts'
import type {ContainerStats, Engine} from '../../engine/engine.ts'

/** So many are asked for at once. Most engines look once a second, at all for whom somebody waits. */
const AT_ONCE = 100
/** After which what is there must do; whoever looks wants the rest. */
const WITHIN_MS = 2500

/**
 * Asks the engine what containers take.
 * @returns by id; nothing for those that the engine cannot tell of in time
 */
export async function figuresOf(
  engine: () => Promise<Engine>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, ContainerStats>> {
  const figures = new Map<string, ContainerStats>()
  if (ids.length === 0) return figures
  const late = AbortSignal.timeout(WITHIN_MS)
  const inTurn = limitConcurrency(AT_ONCE)
  const look = async () => {
    const asked = await engine()
    await Promise.all(
      ids.map(id =>
        inTurn(async () => {
          const stats = await asked.stats(id, late)
          if (stats) figures.set(id, stats)
        }).catch(() => undefined),
      ),
    )
  }
  const ended = new Promise<void>(resolve =>
    late.addEventListener('abort', () => resolve(), {once: true}),
  )
  // The engine may be gone: that is told elsewhere, and here its figures are simply not there.
  await Promise.race([look().catch(() => undefined), ended])
  return figures
}
