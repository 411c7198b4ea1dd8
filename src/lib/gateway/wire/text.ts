import type {Message} from './jsonrpc.ts'

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
