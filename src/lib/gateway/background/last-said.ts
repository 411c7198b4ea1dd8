const MOST_LINES = 20
/** What goes well, and what is told in any case. */
const NEWS = /^[->] /

/**
 * The end of what a gateway said that did not start: why, and not how far it came.
 * @param text of its log
 * @returns lines that are indented but for the first; empty when it said nothing
 */
export function lastSaid(text: string): string {
  const lines = text.trim().split('\n')
  const reasons = lines.filter(line => !NEWS.test(line))
  return (reasons.length > 0 ? reasons : lines).slice(-MOST_LINES).join('\n  ')
}
