import {answerInPlaceOf, tooLarge, type Oversize} from '../wire/oversize.ts'
import type {MessageListener} from './upstream.ts'

/** How a server's messages are limited, and who hears of what is left out. */
export interface SizeLimit {
  /** The server's name, for errors. */
  readonly server: string
  /** The largest message that is taken from it. */
  readonly maxMessageBytes: number
  /** What was lost and nobody else is told of. */
  readonly warn: (text: string) => void
}

/** Answers for an answer that was too large; of any other message, whose loss nobody waits for, the log is told. */
export function reportOversize(
  oversize: Oversize,
  {server, maxMessageBytes, warn}: SizeLimit,
  onMessage: MessageListener,
): void {
  const {bytes} = oversize
  const why = tooLarge(`a message of server ${server}`, {bytes, maxBytes: maxMessageBytes})
  const answer = answerInPlaceOf(oversize, why)
  if (answer) onMessage(answer)
  else warn(`${why}; it is left out`)
}
