import type {Endpoint} from './endpoint.ts'

/** What the watchdog is told, as one line of JSON. */
export interface WatchdogTask {
  readonly endpoint: Endpoint
  /** Whose things are to be removed when the pipe ends. */
  readonly owner: string
}

/** The line that tells it that nothing is left to do. */
export const WATCHDOG_OVER = 'over'
