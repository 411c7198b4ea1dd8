import type {Readable} from 'node:stream'
import type {Session} from '../relay/session.ts'
import type {Downstream} from '../relay/session-input.ts'
import {LARGEST_MESSAGE_BYTES, lineReader} from '../wire/lines.ts'
import {failure, isUnusable, parseMessage} from '../wire/jsonrpc.ts'
import {whyUnusable} from './refusals.ts'

/**
 * Serves one client over a pair of byte streams (MCP stdio transport): one message a line.
 * @param input `stdin`: the client's messages; `write`: takes whole lines for the client; `warn`: what went wrong
 *   with single messages, for the log; `signal`: ends the reading, so that an open stdin does not keep the process
 */
export function serveStdio(input: {
  stdin: Readable
  write: (line: string) => void
  warn: (text: string) => void
  openSession: (downstream: Downstream) => Session
  signal?: AbortSignal
}): Session {
  const {stdin} = input
  const send: Downstream['send'] = message => input.write(`${JSON.stringify(message)}\n`)
  const session = input.openSession({send, drop: () => undefined})
  const lines = lineReader(LARGEST_MESSAGE_BYTES, {
    onLine(line) {
      const message = parseMessage(line)
      if (!isUnusable(message)) return session.receive(message)
      const reason = whyUnusable(line, message)
      if (message.id !== undefined) send(failure(message.id, message.code, reason))
      input.warn(`! a line on stdin is no message: ${reason}`)
    },
    onOversize: bytes => input.warn(`! a message of ${bytes} bytes on stdin was refused`),
  })
  const read = (chunk: Buffer) => lines.push(chunk)
  stdin.on('data', read)
  // A terminal that went away is an error to its reader; `close` follows, and that is what ends the gateway.
  stdin.on('error', () => undefined)
  input.signal?.addEventListener('abort', () => stdin.off('data', read).pause(), {once: true})
  return session
}
