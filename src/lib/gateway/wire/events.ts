import {createParser, type EventSourceMessage} from 'eventsource-parser'
import {Ends, type Oversize} from './oversize.ts'

/**
 * Reads a body as text.
 * @returns undefined for a body that is too long, the rest of which is not read
 */
export async function readText(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
): Promise<string | undefined> {
  const decoder = new TextDecoder()
  const parts: string[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.length
    if (size > maxBytes) return undefined
    parts.push(decoder.decode(chunk, {stream: true}))
  }
  return parts.join('')
}

export interface EventSink {
  onEvent(event: EventSourceMessage): void
  /** An event larger than the cap was thrown away; of its lines only the data is kept. The stream goes on. */
  onOversize(oversize: Oversize): void
  /** The server wants to be asked again so many milliseconds after the stream has ended. */
  readonly onRetry?: (milliseconds: number) => void
}

/**
 * Reads server-sent events (HTML standard, 9.2) to the end of a response's body.
 * @param maxBytes the largest event that is passed on
 * @throws what the body's reading throws
 */
export async function readEvents(
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
  sink: EventSink,
): Promise<void> {
  const {onRetry} = sink
  const parser = createParser({
    onEvent: event => sink.onEvent(event),
    ...(onRetry && {onRetry}),
  })
  const decoder = new TextDecoder()
  const cut = eventCutter()
  const event = new Ends()
  for await (const chunk of body) {
    for (const {part, isEnd} of cut(
      Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength),
    )) {
      event.add(part)
      const text = decoder.decode(part, {stream: true})
      // Behind a lone return the parser would wait for the rest of the line's end.
      if (event.bytes <= maxBytes) parser.feed(isEnd && text.endsWith('\r') ? `${text}\n` : text)
      else parser.reset()
      if (!isEnd) continue
      const {bytes, head, tail} = event.take()
      if (bytes > maxBytes) sink.onOversize({bytes, head: dataOf(head), tail: dataOf(tail)})
    }
  }
}

const NEWLINE = 0x0a
const CARRIAGE_RETURN = 0x0d

/** Cuts bytes behind each empty line, which ends an event. A line ends with LF, CR or both. */
function eventCutter(): (chunk: Buffer) => Iterable<{part: Buffer; isEnd: boolean}> {
  let isLineEmpty = true
  let isAfterReturn = false
  return function* cut(chunk) {
    let start = 0
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at]
      const isSecondHalf = byte === NEWLINE && isAfterReturn
      isAfterReturn = byte === CARRIAGE_RETURN
      if (isSecondHalf) continue
      if (byte !== NEWLINE && byte !== CARRIAGE_RETURN) {
        isLineEmpty = false
        continue
      }
      if (isLineEmpty) {
        yield {part: chunk.subarray(start, at + 1), isEnd: true}
        start = at + 1
      }
      isLineEmpty = true
    }
    yield {part: chunk.subarray(start), isEnd: false}
  }
}

/** The data of an event's lines, the first or last of which may be cut off. */
function dataOf(text: string): string {
  return text
    .split(/\r\n|\r|\n/)
    .filter(line => !/^(?:event|id|retry)?:/.test(line))
    .map(line => line.replace(/^data: ?/, ''))
    .join('\n')
}
