import type {ServerResponse} from 'node:http'
import type {LogLine, LogRing} from '../log-ring.ts'

/** What may wait for a reader who is slow; then lines are left out, and counted. */
const MOST_UNREAD_BYTES = 1024 * 1024

export interface SentLog {
  /** How many of the last lines. */
  readonly lines: number
  /** And those to come, until the reader leaves. */
  readonly isFollowed: boolean
  readonly redact: (text: string) => string
  /** Aborted when no more will come. */
  readonly ending: AbortSignal
}

/** Sends the last lines of a log as JSON, one a line. */
export function sendLog(
  response: ServerResponse,
  log: LogRing,
  {lines, isFollowed, redact, ending}: SentLog,
): void {
  const send = (line: LogLine) =>
    void response.write(`${JSON.stringify({...line, text: redact(line.text)})}\n`)
  response.writeHead(200, {'content-type': 'application/x-ndjson'})
  // The head says that it is known here, also when nothing follows for long.
  response.flushHeaders()
  if (lines > 0) for (const line of log.lines.slice(-lines)) send(line)
  if (!isFollowed) {
    response.end()
    return
  }
  let missed = 0
  const following = log.follow(line => {
    if (response.writableLength > MOST_UNREAD_BYTES) {
      missed += 1
      return
    }
    if (missed > 0) send({...line, text: `… ${missed} lines are left out: they came too fast`})
    missed = 0
    send(line)
  })
  ending.addEventListener('abort', end, {once: true})
  response.once('close', () => {
    ending.removeEventListener('abort', end)
    following[Symbol.dispose]()
  })

  function end(): void {
    response.end()
  }
}
