import type {Readable} from 'node:stream'
import type {Session} from '../relay/session.ts'
import type {Downstream} from '../relay/session-input.ts'
import {failure, isUnusable, parseMessage, RPC} from '../wire/jsonrpc.ts'
import {lineReader} from '../wire/lines.ts'
import {identify, tooLarge, type Oversize} from '../wire/oversize.ts'
import {refusal, whyUnusable} from './refusals.ts'

/**
 * Serves one client over a pair of byte streams (MCP stdio transport): one message a line.
 * @param input `stdin`: the client's messages; `write`: takes whole lines for the client; `warn`: what went wrong
 *   with single messages, for the log; `signal`: ends the reading, so that an open stdin does not keep the process
 */
export function serveStdio(input: {
  stdin: Readable
  write: (line: string) => void
  warn: (text: string) => void
  /** The largest message that is taken. */
  maxMessageBytes: number
  openSession: (downstream: Downstream) => Session
  signal?: AbortSignal
}): Session {
  const {stdin, maxMessageBytes} = input
  const send: Downstream['send'] = message => input.write(`${JSON.stringify(message)}\n`)
  const session = input.openSession({send, drop: () => undefined})
  function refuseLarge(oversize: Oversize, reason: string): void {
    const {id, isCall} = identify(oversize)
    if (id === undefined) {
      input.write(`${JSON.stringify(refusal({code: RPC.invalidRequest, message: reason}))}\n`)
    } else if (isCall) send(failure(id, RPC.invalidRequest, reason))
    // The client's answer to a server, which is not to wait for ever.
    else session.receive(failure(id, RPC.internalError, reason))
  }

  const lines = lineReader(maxMessageBytes, {
    onLine(line) {
      const message = parseMessage(line)
      if (!isUnusable(message)) return session.receive(message)
      const reason = whyUnusable(line, message)
      if (message.id !== undefined) send(failure(message.id, message.code, reason))
      input.warn(`! a line on stdin is no message: ${reason}`)
    },
    onOversize(oversize) {
      const reason = tooLarge('the message', {bytes: oversize.bytes, maxBytes: maxMessageBytes})
      input.warn(`! a line on stdin was refused: ${reason}`)
      refuseLarge(oversize, reason)
    },
  })
  const read = (chunk: Buffer) => lines.push(chunk)
  stdin.on('data', read)
  // A terminal that went away is an error to its reader; `close` follows, and that is what ends the gateway.
  stdin.on('error', () => undefined)
  input.signal?.addEventListener('abort', () => stdin.off('data', read).pause(), {once: true})
  return session
}
