/** The forms of an answer that a client takes. */
export interface Accepted {
  readonly json: boolean
  readonly events: boolean
}

/** Reads `Accept` (RFC 9110, section 12.5.1); without one, a client takes everything. */
export function acceptedForms(header: string | undefined): Accepted {
  if (header === undefined) return {json: true, events: true}
  const ranges = header.toLowerCase().split(',').filter(isWanted).map(mediaRange)
  const any = ranges.includes('*/*')
  return {
    json: any || ranges.includes('application/json') || ranges.includes('application/*'),
    events: any || ranges.includes('text/event-stream') || ranges.includes('text/*'),
  }
}

/** A weight of nothing refuses what it stands at. */
function isWanted(range: string): boolean {
  return !/;\s*q=0(?:\.0*)?\s*(?:;|$)/.test(range)
}

function mediaRange(range: string): string {
  return (range.split(';')[0] ?? '').trim()
}
