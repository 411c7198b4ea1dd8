import {request as httpRequest, type Agent, type IncomingMessage} from 'node:http'
import {request as httpsRequest} from 'node:https'
import {Readable} from 'node:stream'

/** A request to a server that is not spoken with over stdio. */
export interface HttpRequest {
  readonly method: string
  readonly headers: Headers
  readonly body?: string | undefined
  readonly signal: AbortSignal
  /** Makes the connections to a server that the system cannot reach; only for http addresses. */
  readonly agent?: Agent | undefined
}

/**
 * Sends an HTTP request. Unlike `fetch`, it never gives up by itself: an answer may take as long as a person who is
 * asked something, and a stream be silent for hours. Redirects are not followed: that would take the headers, and the
 * secrets in them, to another host.
 * @returns the answer as soon as its head is there
 * @throws what keeps the server from being reached; the signal's reason
 */
export async function sendHttp(url: string | URL, request: HttpRequest): Promise<Response> {
  const {method, headers, body, signal, agent} = request
  // Node would send it all the same.
  signal.throwIfAborted()
  const target = new URL(url)
  const send = target.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const own = {...Object.fromEntries(headers), 'accept-encoding': 'identity'}
    const outgoing = send(target, {method, headers: own, signal, agent})
    outgoing.once('error', reject)
    // What goes wrong in a listener ends the whole process: nothing a server sends may throw there.
    outgoing.once('response', incoming => {
      try {
        resolve(answer(incoming))
      } catch (error) {
        incoming.destroy()
        reject(new Error(`it answers with HTTP status ${incoming.statusCode}`, {cause: error}))
      }
    })
    outgoing.once('upgrade', ({statusCode}, socket) => {
      socket.destroy()
      reject(new Error(`it answers with HTTP status ${statusCode}`))
    })
    outgoing.end(body)
  })
}

/** These have no body (Fetch standard, null body status). */
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304])

function answer(incoming: IncomingMessage): Response {
  const headers = new Headers()
  for (const [name, values = []] of Object.entries(incoming.headersDistinct)) {
    for (const value of values) headers.append(name, value)
  }
  const status = incoming.statusCode ?? 0
  if (!WITHOUT_BODY.has(status)) return new Response(Readable.toWeb(incoming), {status, headers})
  incoming.resume()
  return new Response(null, {status, headers})
}
