/** The requests that a server may answer with questions (MCP 2026-07-28, multi round-trip requests). */
const MAY_ASK: ReadonlySet<string> = new Set(['prompts/get', 'resources/read', 'tools/call'])

/** What a server may ask of its client, and the capability by which a client says that it can be asked. */
const NEEDS: ReadonlyMap<string, string> = new Map([
  ['elicitation/create', 'elicitation'],
  ['roots/list', 'roots'],
  ['sampling/createMessage', 'sampling'],
])

/** Whether a client may be asked something before it gets the answer to this method. */
export function mayAsk(method: string): boolean {
  return MAY_ASK.has(method)
}

/** Whether a server may ask this method of its client. */
export function isQuestion(method: string): boolean {
  return NEEDS.has(method)
}

/** The capability that a client must have declared to be asked this method; undefined for what needs none. */
export function neededFor(method: string): string | undefined {
  return NEEDS.get(method)
}
