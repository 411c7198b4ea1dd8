import type {ShownServer} from './status-cells.ts'

/** Only who writes learns that nobody reads a pipe any more. */
const AT_LEAST_EVERY_MS = 60_000

/**
 * Tells whether to print how servers are doing: when something has happened since it was last printed, which figures of
 * memory and processor are not, and else once a minute.
 * @returns takes the time, in milliseconds since 1970
 */
export function changeDetector(): (servers: readonly ShownServer[], now: number) => boolean {
  let last: {readonly seen: string; readonly at: number} | undefined
  return (servers, now) => {
    const seen = JSON.stringify(servers.map(happened))
    if (seen === last?.seen && now - last.at < AT_LEAST_EVERY_MS) return false
    last = {seen, at: now}
    return true
  }
}

function happened({name, state, containers, restarts, lastError, reason, next}: ShownServer) {
  const running = containers.map(({id, use}) => [id, use])
  return [name, state, running, restarts, lastError?.at, reason, next]
}
