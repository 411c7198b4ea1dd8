import {createParser, type EventSourceMessage} from 'eventsource-parser'

/**
 * Reads a body as text.
 * @throws Error for a body that is too long, the rest of which is not read
 */
export async function readText(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
): Promise<string> {
  const decoder = new TextDecoder()
  const parts: string[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.length
    if (size > maxBytes) throw new Error(`an answer of the server is longer than ${maxBytes} bytes`)
    parts.push(decoder.decode(chunk, {stream: true}))
  }
  return parts.join('')
}

/**
 * Reads server-sent events (HTML standard, 9.2) to the end of a response's body.
 * @param maxBytes the longest event; a stream with a longer one is broken off
 * @param onRetry takes the milliseconds after which the server wants to be asked again once the stream has ended
 * @throws Error for an event that is too long; what the body's reading throws
 */
export async function readEvents(
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
  onEvent: (event: EventSourceMessage) => void,
  onRetry?: (milliseconds: number) => void,
): Promise<void> {
  let tooLong = false
  const parser = createParser({
    onEvent,
    ...(onRetry && {onRetry}),
    maxBufferSize: maxBytes,
    onError: error => {
      tooLong ||= error.type === 'max-buffer-size-exceeded'
    },
  })
  const decoder = new TextDecoder()
  for await (const chunk of body) {
    parser.feed(decoder.decode(chunk, {stream: true}))
    if (tooLong) throw new Error(`an event of the server is longer than ${maxBytes} bytes`)
  }
}
