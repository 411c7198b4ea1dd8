import type {ServerResponse} from 'node:http'
import type {Message} from '../wire/jsonrpc.ts'
import {textOf} from '../wire/text.ts'
import {isDispensable, MANY_UNREAD_BYTES, mostUnreadBytes} from './unread.ts'

/** Comment lines that keep proxies and clients from taking a quiet stream for a dead one. */
const KEEP_ALIVE_MS = 15_000
/** The pause after which a client that lost its stream comes back for the rest of it. */
const RETRY_MS = 1000

/** An open stream of server-sent events (HTML standard, 9.2) that carries one message an event. */
export interface EventStream {
  /** Whether there is still a client at its other end. */
  readonly isOpen: boolean
  /**
   * Sends a message, or not: what a client does not read is kept for it only up to a bound. Then notifications are
   * left out, and when that is not enough the connection is cut.
   */
  send(message: Message): void
  /**
   * The same for a message that is text already.
   * @param event `id`: where the client resumes from; `isDispensable`: may be left out
   */
  write(json: string, event: {readonly id: string; readonly isDispensable: boolean}): void
  end(): void
}

export interface StreamOptions {
  /** Sent besides the ones that make it a stream. */
  readonly headers: Readonly<Record<string, string>>
  /** The largest message that comes from the other side. */
  readonly maxMessageBytes: number
}

/**
 * Turns a response into an event stream.
 * @param primeId begins the stream with an event that has this id, a pause before coming back, and no data
 *   (MCP 2025-11-25, transports); clients of older revisions take it for a broken message
 */
export function openEventStream(
  response: ServerResponse,
  {headers, maxMessageBytes}: StreamOptions,
  primeId?: string,
): EventStream {
  const mostUnread = mostUnreadBytes(maxMessageBytes)
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    ...headers,
  })
  if (primeId === undefined) response.flushHeaders()
  else if (!response.destroyed) response.write(`id: ${primeId}\nretry: ${RETRY_MS}\ndata: \n\n`)
  const keepAlive = setInterval(() => {
    if (response.writableLength === 0) response.write(': keep-alive\n\n')
  }, KEEP_ALIVE_MS)
  keepAlive.unref()
  // Whoever has left already will not leave once more.
  if (response.destroyed) clearInterval(keepAlive)
  else response.once('close', () => clearInterval(keepAlive))
  // Writing after the end is an error event, which would end the process.
  const isOpen = () => !response.writableEnded && !response.destroyed
  const put = (json: string, id: string, mayDrop: boolean) => {
    if (!isOpen()) return
    if (mayDrop && response.writableLength > MANY_UNREAD_BYTES) return
    response.write(`event: message\n${id}data: ${json}\n\n`)
    if (response.writableLength > mostUnread) response.destroy()
  }
  return {
    get isOpen() {
      return isOpen()
    },
    send: message => put(textOf(message), '', isDispensable(message)),
    write: (json, event) => put(json, `id: ${event.id}\n`, event.isDispensable),
    end() {
      clearInterval(keepAlive)
      response.end()
    },
  }
}
