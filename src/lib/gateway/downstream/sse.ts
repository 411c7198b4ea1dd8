import type {ServerResponse} from 'node:http'
import {isRequest, isResponse, type Message} from '../wire/jsonrpc.ts'

/** Comment lines that keep proxies and clients from taking a quiet stream for a dead one. */
const KEEP_ALIVE_MS = 15_000

/** From here on a client that does not read loses notifications; requests and answers still go out. */
const MANY_UNREAD_BYTES = 4 * 1024 * 1024

/** An open stream of server-sent events (HTML standard, 9.2) that carries one message an event. */
export interface EventStream {
  /**
   * Sends a message, or not: what a client does not read is kept for it only up to a bound. Then notifications are
   * left out, and when that is not enough the connection is cut.
   */
  send(message: Message): void
  end(): void
}

/**
 * Turns a response into an event stream.
 * @param headers sent besides the ones that make it a stream
 * @param maxMessageBytes the largest message that comes from the other side
 */
export function openEventStream(
  response: ServerResponse,
  headers: Readonly<Record<string, string>>,
  maxMessageBytes: number,
): EventStream {
  // From here on the client loses the stream. The largest message fits beside everything that may wait before it.
  const mostUnreadBytes = MANY_UNREAD_BYTES + 2 * maxMessageBytes
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    ...headers,
  })
  response.flushHeaders()
  const keepAlive = setInterval(() => {
    if (response.writableLength === 0) response.write(': keep-alive\n\n')
  }, KEEP_ALIVE_MS)
  keepAlive.unref()
  response.once('close', () => clearInterval(keepAlive))
  return {
    send(message) {
      // Writing after the end is an error event, which would end the process.
      if (response.writableEnded || response.destroyed) return
      if (isDispensable(message) && response.writableLength > MANY_UNREAD_BYTES) return
      response.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`)
      if (response.writableLength > mostUnreadBytes) response.destroy()
    },
    end() {
      clearInterval(keepAlive)
      response.end()
    },
  }
}

/** Nobody waits for a notification; a request or an answer that is lost is a call that hangs. */
export function isDispensable(message: Message): boolean {
  return !isRequest(message) && !isResponse(message)
}
