import {classify, failure, isUnusable, RPC, type Message, type Unusable} from './jsonrpc.ts'
import {identify} from './oversize.ts'
import {keepText} from './text.ts'

/** No tool needs more; what reads JSON by recursion gives up, or dies, at a few thousand. */
const MOST_LEVELS = 512
/** Objects and arrays in one message. An empty one has two characters and takes fifty times as much memory. */
const MOST_PARTS = 2_000_000

/**
 * Reads one message from text.
 * @returns the message, or why the text is none. An answer that is too much to be read becomes an error, so that
 *   whoever waits for it does not wait for ever
 */
export function parseMessage(text: string): Message | Unusable {
  const tooMuch = whyTooMuch(text)
  if (tooMuch === undefined) return parsed(text)
  const {id, isCall} = identify({
    bytes: text.length,
    head: text.slice(0, 512),
    tail: text.slice(-512),
  })
  if (id !== undefined && !isCall) return failure(id, RPC.internalError, `the answer is ${tooMuch}`)
  return {code: RPC.invalidRequest, reason: tooMuch, id}
}

function parsed(text: string): Message | Unusable {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return {code: RPC.parseError, reason: 'not JSON', id: undefined}
  }
  const message = classify(value)
  if (!isUnusable(message)) keepText(message, text)
  return message
}

/** Why JSON is more than can be read, written, merged or checked; undefined when it is not. */
export function whyTooMuch(json: string): string | undefined {
  // So many levels need so many brackets, and counting those of one kind is native.
  if (!hasMore(json, '[', MOST_LEVELS / 2) && !hasMore(json, '{', MOST_LEVELS / 2)) return undefined
  let depth = 0
  let parts = 0
  for (let at = 0; at < json.length; at += 1) {
    switch (json.charCodeAt(at)) {
      case 0x22: // "
        at = endOfString(json, at)
        break
      case 0x5b: // [
      case 0x7b: // {
        depth += 1
        parts += 1
        if (depth > MOST_LEVELS) return `nested deeper than ${MOST_LEVELS} levels`
        if (parts > MOST_PARTS) return `made of more than ${MOST_PARTS} objects and arrays`
        break
      case 0x5d: // ]
      case 0x7d: // }
        depth -= 1
    }
  }
  return undefined
}

/** Whether a text has a character more often than so many times. */
function hasMore(text: string, character: string, times: number): boolean {
  let at = -1
  for (let found = 0; found <= times; found += 1) {
    at = text.indexOf(character, at + 1)
    if (at === -1) return false
  }
  return true
}

/** Where the string that begins at `start` ends. Searched for natively: most of a large message is text. */
function endOfString(json: string, start: number): number {
  let end = start
  do end = json.indexOf('"', end + 1)
  while (end !== -1 && isEscaped(json, end))
  return end === -1 ? json.length : end
}

function isEscaped(json: string, at: number): boolean {
  let backslashes = 0
  while (json.charCodeAt(at - 1 - backslashes) === 0x5c) backslashes += 1
  return backslashes % 2 === 1
}
