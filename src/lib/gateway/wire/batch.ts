import {classify, isRequest, isUnusable, RPC, type Message, type Unusable} from './jsonrpc.ts'
import {parseMessage, whyTooMuch} from './parse.ts'

/** The one revision that has batches (MCP 2025-03-26, base protocol, batching). */
const VERSION_WITH_BATCHES = '2025-03-26'
/** More than anybody sends at once; each request of a batch is work that runs beside the others. */
const MOST_MESSAGES = 1000

/** A message, or why there is none. */
export type Incoming = Message | Unusable

/**
 * Reads text that may be a JSON-RPC batch.
 * @returns one message or why the text is none; for a JSON array the same for each of its elements, in order
 */
export function parseIncoming(text: string, most = MOST_MESSAGES): Incoming | Incoming[] {
  if (!isArray(text)) return parseMessage(text)
  const tooMuch = whyTooMuch(text)
  if (tooMuch !== undefined) return {code: RPC.invalidRequest, reason: tooMuch, id: undefined}
  let values: unknown
  try {
    values = JSON.parse(text)
  } catch {
    values = undefined
  }
  if (!Array.isArray(values)) return {code: RPC.parseError, reason: 'not JSON', id: undefined}
  if (values.length <= most) return values.map(classify)
  const reason = `a batch holds at most ${most} messages`
  return {code: RPC.invalidRequest, reason, id: undefined}
}

/** Reads the messages in a text of a server: one, those of a batch, or none. What is no message is left out. */
export function parseMessages(text: string): Message[] {
  // Each of them may be an answer that somebody waits for.
  const incoming = parseIncoming(text, Infinity)
  const all = Array.isArray(incoming) ? incoming : [incoming]
  return all.filter(isUsable)
}

/**
 * Tells what keeps a batch from being taken at all.
 * @param version what the session negotiated; undefined before that
 */
export function whyNoBatch(
  elements: readonly Incoming[],
  version: string | undefined,
): string | undefined {
  if (elements.length === 0) return 'the batch is empty'
  if (version !== VERSION_WITH_BATCHES) return 'batches are not taken: send one message at a time'
  const requests = elements.filter(isUsable).filter(isRequest)
  if (requests.some(({method}) => method === 'initialize')) return 'initialize is sent by itself'
  const ids = new Set(requests.map(({id}) => id))
  return ids.size < requests.length ? 'two requests of the batch have the same id' : undefined
}

/** The answer to a part of a batch that is no message (JSON-RPC 2.0, section 6): without an id where none is known. */
export function refusalText({id, code, reason}: Unusable): string {
  return JSON.stringify({jsonrpc: '2.0', error: {code, message: reason}, id: id ?? null})
}

/** Tells a message from what is none. */
export function isUsable(incoming: Incoming): incoming is Message {
  return !isUnusable(incoming)
}

const WHITE_SPACE = /\S/

/** Whether a text, if it is JSON, is an array; found without reading on. */
function isArray(text: string): boolean {
  if (text.startsWith('{')) return false
  return text[text.search(WHITE_SPACE)] === '['
}
