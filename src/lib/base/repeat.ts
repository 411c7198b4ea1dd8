import {setTimeout as sleep} from 'node:timers/promises'

/**
 * Does something again and again, never twice at once: the next begins so long after the last began, or when that is
 * over, whichever is later.
 * @param task gets the signal, for what it should not finish any more
 * @param everyMs milliseconds
 * @returns the outcomes; ends when the signal aborts, without waiting for a task that is under way
 * @throws what the task throws
 */
export async function* repeatedly<T>(
  task: (signal: AbortSignal) => Promise<T>,
  everyMs: number,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  while (!signal.aborted) {
    const next = performance.now() + everyMs
    const outcome = await unlessAborted(task(signal), signal)
    if (!outcome) return
    yield outcome.value
    const rest = Math.max(0, next - performance.now())
    await sleep(rest, undefined, {signal}).catch(() => undefined)
  }
}

/** @returns undefined when the signal aborts first */
function unlessAborted<T>(
  task: Promise<T>,
  signal: AbortSignal,
): Promise<{readonly value: T} | undefined> {
  return new Promise((resolve, reject) => {
    const leave = () => resolve(undefined)
    if (signal.aborted) leave()
    signal.addEventListener('abort', leave, {once: true})
    task
      .then(value => resolve({value}), reject)
      .finally(() => signal.removeEventListener('abort', leave))
  })
}
