import {
  request as httpRequest,
  type Agent,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http'
import {request as httpsRequest} from 'node:https'

export interface Question {
  readonly agent: Agent
  readonly signal: AbortSignal
  /** GET when not given. */
  readonly method?: string | undefined
  readonly headers: OutgoingHttpHeaders
  readonly body?: Uint8Array | string | undefined
}

/**
 * Sends one request and gives the beginning of its answer, of whatever status; redirects are not followed. Read the
 * answer to its end, or `destroy()` it.
 * @throws what the connection says; the signal's reason, also while the answer is read
 */
export function send(
  url: URL,
  {agent, signal, method, headers, body}: Question,
): Promise<IncomingMessage> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const asked = request(url, {
      agent,
      method: method ?? 'GET',
      headers: {...headers, ...(body !== undefined && {'content-length': Buffer.byteLength(body)})},
    })
    let given: IncomingMessage | undefined
    const stop = () => {
      reject(signal.reason)
      given?.destroy(signal.reason)
      asked.destroy(signal.reason)
    }
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, {once: true})
    asked.on('close', () => signal.removeEventListener('abort', stop))
    // Of a connection that breaks later, the answer itself tells its reader.
    asked.on('error', reject)
    asked.on('response', answer => {
      // Nobody may be listening when it breaks, as between two chunks.
      answer.on('error', () => {})
      given = answer
      resolve(answer)
    })
    asked.end(body)
  })
}
