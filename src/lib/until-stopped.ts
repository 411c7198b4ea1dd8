import type {App} from './app.ts'
import {watchForStop} from './plugin/stop-signal.ts'

/**
 * Does something until it is over, or somebody stops the program, or nobody reads its stdout any more.
 * @returns what the task gives
 * @throws what the task throws; its signal's reason is StopRequested where somebody has stopped it
 */
export async function untilStopped<T>(
  {env, process}: App,
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const unread = new AbortController()
  const stopReading = () => unread.abort()
  process.stdout.once('error', stopReading)
  using stop = watchForStop({env, process, onSecond: () => leaveNow(process)})
  try {
    return await task(AbortSignal.any([stop.signal, unread.signal]))
  } finally {
    process.stdout.off('error', stopReading)
    if (stop.signal.aborted) leaveUnread(process)
  }
}

/** A second signal means now. The engine ends what still runs when our connections to it end. */
export function leaveNow(process: NodeJS.Process): void {
  // oxlint-disable-next-line unicorn/no-process-exit -- nothing may delay this
  process.exit(130)
}

/** What waits for somebody who does not read would keep this process alive, however finished it is. */
export function leaveUnread(process: NodeJS.Process): void {
  // oxlint-disable-next-line unicorn/no-process-exit -- nothing else lets go of what stdout has taken
  setTimeout(() => process.exit(), LAST_LOOK_MS).unref()
}

/** What who begins to read again gets for the rest. */
const LAST_LOOK_MS = 1000
