import {META, metaOf} from '../wire/meta.ts'
import type {Asking} from '../relay/connection.ts'
import {LEVELS} from '../relay/log-level.ts'
import {progressToken} from '../relay/progress.ts'
import type {Id, Notification, Request} from '../wire/jsonrpc.ts'

/** Who hears what a server says about a request, and what of it. */
export interface Hearer {
  /** The client's request. */
  readonly about: Id
  /** What the client knows the progress of it by; undefined when it wants to hear of none. */
  readonly token: Id | undefined
  /** The least severe kind of log notices that it wants; undefined: none. */
  readonly logLevel: string | undefined
}

/** Who hears of a request, as the request itself says. */
export function hearerOf(request: Request, {about}: Asking): Hearer {
  const level = metaOf(request.params)[META.logLevel]
  const logLevel = typeof level === 'string' && LEVELS.has(level) ? level : undefined
  return {about, token: progressToken(request), logLevel}
}

/** The notice as the hearer wants it; undefined when it does not. */
export function heardBy(hearer: Hearer, notice: Notification): Notification | undefined {
  if (notice.method === 'notifications/progress') {
    if (hearer.token === undefined) return undefined
    return {...notice, params: {...notice.params, progressToken: hearer.token}}
  }
  if (notice.method !== 'notifications/message') return notice
  if (hearer.logLevel === undefined) return undefined
  const severity = severityOf(notice.params?.['level'])
  return severity >= severityOf(hearer.logLevel) ? notice : undefined
}

/** The level at which a server has to log so that all of them get what they want; undefined when nobody wants any. */
export function levelFor(hearers: readonly Hearer[]): string | undefined {
  return hearers
    .flatMap(({logLevel}) => (logLevel === undefined ? [] : [logLevel]))
    .toSorted((a, b) => severityOf(a) - severityOf(b))[0]
}

/** The more severe, the more; what is no level is never severe enough. */
function severityOf(level: unknown): number {
  return [...LEVELS].indexOf(level)
}
