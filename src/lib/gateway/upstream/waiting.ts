/**
 * Waits for a task that goes on for others, unless whoever waits is gone. A failure that nobody waits for any more is
 * nobody's.
 * @param applies asked when the signal aborts: false goes on waiting
 * @throws what the task throws; the signal's reason
 */
export async function unlessAborted<T>(
  task: Promise<T>,
  signal: AbortSignal,
  applies: () => boolean = () => true,
): Promise<T> {
  task.catch(() => undefined)
  let stop: (() => void) | undefined
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => {
      if (applies()) reject(signal.reason)
    }
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, {once: true})
  })
  try {
    return await Promise.race([task, aborted])
  } finally {
    if (stop) signal.removeEventListener('abort', stop)
  }
}

/** Waits for some milliseconds, or until the signal aborts. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => {
    const timer = setTimeout(done, milliseconds)
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done, {once: true})
  })
}
