import {pause} from '../../base/async.ts'

/** Before a server is asked for the rest of a stream, unless it says how long to wait. */
const PAUSE_MS = 1000
/** A server that closes every stream at once must not keep us busy; and no timer is longer. */
const [SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS] = [100, 2 ** 31 - 1]
/** How often in a row a stream may break without a new event. */
const MOST_BREAKS = 3

type Body = ReadableStream<Uint8Array>

/** A stream of server-sent events that can be had over several connections. */
export interface Resumable {
  /** Reads one connection to its end, and passes on what the stream says about coming back. */
  readonly read: (
    body: Body,
    told: {
      onEvent: (event: {readonly id?: string | undefined}) => void
      onRetry: (milliseconds: number) => void
    },
  ) => Promise<void>
  /** Opens the rest of the stream behind an event; undefined when the server does not have it. */
  readonly rest: (lastEvent: string) => Promise<Body | undefined>
  /** Whether everything has come that was waited for. */
  readonly isOver: () => boolean
  readonly signal: AbortSignal
}

/**
 * Reads a stream until it is over. One that ends too early is taken up behind its last event (MCP 2025-11-25,
 * basic/transports, resumability): servers may close a stream whenever they like and go on with it later.
 * @returns also when it is not over but has no events to go on from, or the server no rest
 * @throws what broke a stream that cannot be resumed, or that keeps breaking; what `rest` throws
 */
export async function readResumable(
  first: Body,
  {read, rest, isOver, signal}: Resumable,
): Promise<void> {
  let last: string | undefined
  let pauseMs = PAUSE_MS
  let breaks = 0
  const told = {
    onEvent({id}: {readonly id?: string | undefined}) {
      last = id ?? last
      breaks = 0
    },
    onRetry(milliseconds: number) {
      pauseMs = Math.min(Math.max(milliseconds, SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS)
    },
  }
  for (let body: Body | undefined = first; body; body = await rest(last)) {
    try {
      await read(body, told)
    } catch (error) {
      breaks += 1
      if (!last || breaks > MOST_BREAKS) throw error
    }
    // An empty id is none (HTML standard, 9.2.6).
    if (isOver() || !last) return
    await pause(pauseMs, signal)
  }
}
