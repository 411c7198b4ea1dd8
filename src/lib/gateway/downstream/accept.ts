/** The forms of an answer that a client takes. */
export interface Accepted {
  readonly json: boolean
  readonly events: boolean
}

/** What was read last: clients say the same each time. */
let latest: {readonly header: string; readonly accepted: Accepted} | undefined

/** Reads `Accept` (RFC 9110, section 12.5.1); without one, a client takes everything. */
export function acceptedForms(header: string | undefined): Accepted {
  if (header === undefined) return {json: true, events: true}
  if (latest?.header !== header) latest = {header, accepted: formsIn(header)}
  return latest.accepted
}

function formsIn(header: string): Accepted {
  const ranges = header.toLowerCase().split(',').filter(isWanted).map(mediaRange)
  const any = ranges.includes('*/*')
  return {
    json: any || ranges.includes('application/json') || ranges.includes('application/*'),
    events: any || ranges.includes('text/event-stream') || ranges.includes('text/*'),
  }
}

/** What is asked for many times, and mostly answered at once. */
const CALLS: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read'])

/**
 * The forms in which a request is best answered: a call may be answered in plain JSON, which costs less; everything
 * else is a stream, which can be resumed from its first moment on.
 */
export function formsFor(method: string, accepted: Accepted): Accepted {
  return CALLS.has(method) || !accepted.events ? accepted : {json: false, events: true}
}

/** A weight of nothing refuses what it stands at. */
function isWanted(range: string): boolean {
  return !/;\s*q=0(?:\.0*)?\s*(?:;|$)/.test(range)
}

function mediaRange(range: string): string {
  return (range.split(';')[0] ?? '').trim()
}
