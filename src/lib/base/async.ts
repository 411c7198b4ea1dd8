/** Runs a task when its turn comes. The signal ends the waiting, with its reason; the task itself goes on. */
type InTurn = <T>(task: () => Promise<T>, signal?: AbortSignal) => Promise<T>

/**
 * Lets at most `slots` tasks run at once; the rest wait in the order in which they came.
 * @returns a function that runs a task when its turn comes and gives the task's outcome
 */
export function limitConcurrency(slots: number): InTurn {
  let free = slots
  const waiting = new Set<() => void>()
  const turn = (signal: AbortSignal | undefined) =>
    new Promise<void>((resolve, reject) => {
      const leave = () => {
        waiting.delete(take)
        reject(signal?.reason)
      }
      const take = () => {
        waiting.delete(take)
        signal?.removeEventListener('abort', leave)
        resolve()
      }
      waiting.add(take)
      signal?.addEventListener('abort', leave, {once: true})
    })
  return async (task, signal) => {
    signal?.throwIfAborted()
    if (free > 0) free -= 1
    else await turn(signal)
    try {
      return await task()
    } finally {
      const [next] = waiting
      if (next) next()
      else free += 1
    }
  }
}

/**
 * Waits for `task`, but not longer than `milliseconds`.
 * The task itself goes on; what it does is its own to stop.
 * @throws the error that `onTimeout` makes
 */
export async function withDeadline<T>(
  task: Promise<T>,
  milliseconds: number,
  onTimeout: () => Error,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(onTimeout()), milliseconds)
  })
  try {
    return await Promise.race([task, timeout])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Waits for a task that goes on for others, unless whoever waits is gone. A failure that nobody waits for any more is
 * nobody's.
 * @throws what the task throws; the signal's reason
 */
export async function unlessAborted<T>(task: Promise<T>, signal: AbortSignal): Promise<T> {
  task.catch(() => undefined)
  let stop: (() => void) | undefined
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, {once: true})
  })
  try {
    return await Promise.race([task, aborted])
  } finally {
    if (stop) signal.removeEventListener('abort', stop)
  }
}

/** Waits until the signal aborts. Never rejects. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return unlessAborted(new Promise<void>(() => undefined), signal).catch(() => undefined)
}

/**
 * Waits for some milliseconds, or until the signal aborts. Never rejects.
 * @param ref whether the process goes on for the sake of it
 */
export function pause(
  milliseconds: number,
  signal: AbortSignal,
  {ref = true}: {readonly ref?: boolean} = {},
): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => {
    const timer = setTimeout(done, milliseconds)
    if (!ref) timer.unref()
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done, {once: true})
  })
}
