import type {Id, Message, Response} from './jsonrpc.ts'

const texts = new WeakMap<Message, string>()

/**
 * A message as JSON. The text is made once, however many look at it on its way: messages are replaced, never changed,
 * and writing out a large one takes longer than most of what is done with it.
 */
export function textOf(message: Message): string {
  const known = texts.get(message)
  if (known !== undefined) return known
  const text = JSON.stringify(message)
  texts.set(message, text)
  return text
}

/** Code units from which on the text that a message came in is worth keeping. */
const LONG_TEXT = 64 * 1024

/**
 * Keeps the text that a large message was read from, so that it need not be written out again. One in which a letter
 * may stand as an escape, where no search would find it, or with line breaks, which end a message elsewhere, is
 * written out anew.
 */
export function keepText(message: Message, text: string): void {
  if (text.length < LONG_TEXT || UNFIT.some(part => text.includes(part))) return
  texts.set(message, text)
}

const UNFIT = ['\n', '\r', '\\u']
const ID = '"id"'

/** Where an answer's own id stands in its text, in the forms that libraries write. */
const ID_AT_HEAD = /^\{"jsonrpc":"2\.0","id":(\d{1,15}),(?="(?:result|error)":)/
const ID_AT_TAIL = /,"jsonrpc":"2\.0","id":(\d{1,15})\}$/

/** The same answer under another id, with its text if that was kept. */
export function withId(response: Response, id: Id): Response {
  const renamed = {...response, id}
  const text = texts.get(response)
  if (text === undefined) return renamed
  // With several, only a parser could tell which of them counts.
  if (text.indexOf(ID, text.indexOf(ID) + 1) !== -1) return renamed
  const head = ID_AT_HEAD.exec(text)
  const found = head ?? ID_AT_TAIL.exec(text.slice(-100))
  if (!found || Number(found[1]) !== response.id) return renamed
  const own = `"jsonrpc":"2.0","id":${JSON.stringify(id)}`
  const rest = head ? text.slice(found[0].length) : text.slice(0, -found[0].length)
  texts.set(renamed, head ? `{${own},${rest}` : `${rest},${own}}`)
  return renamed
}
