import {request as httpRequest, type Agent, type IncomingMessage} from 'node:http'
import {request as httpsRequest} from 'node:https'
import {Readable} from 'node:stream'
import {oneLine} from '../../base/one-line.ts'

/** A request to a server that is not spoken with over stdio. */
export interface HttpRequest {
  readonly method: string
  readonly headers: Headers
  readonly body?: string | undefined
  readonly signal: AbortSignal
  /** Makes the connections: through a proxy, or to a server that the system cannot reach. */
  readonly agent?: Agent | undefined
}

/** So many redirects has no address; one that is in a circle has more. */
const MOST_REDIRECTS = 5

/** A request of which the server certainly has not seen the end, so that it has done nothing. */
export class NotSent extends Error {}

/**
 * Sends an HTTP request. Unlike `fetch`, it never gives up by itself: an answer may take as long as a person who is
 * asked something, and a stream be silent for hours. Redirects are followed to the same origin alone, and only those
 * that keep the method (RFC 9110, section 15.4): any other would take the headers, and the secrets in them, to another
 * host, or lose the message.
 * @returns the answer as soon as its head is there
 * @throws NotSent, or what went wrong behind that; the signal's reason
 */
export async function sendHttp(url: string | URL, request: HttpRequest): Promise<Response> {
  let target = new URL(url)
  for (let redirects = 0; ; redirects += 1) {
    const response = await sendOnce(target, request)
    const location = redirectOf(response)
    if (location === undefined) return response
    await response.body?.cancel()
    target = nextOf(location, {from: target, method: request.method, status: response.status})
    if (redirects >= MOST_REDIRECTS) {
      throw new NotSent(`it redirects more than ${MOST_REDIRECTS} times`)
    }
  }
}

function sendOnce(target: URL, request: HttpRequest): Promise<Response> {
  const {method, headers, body, signal, agent} = request
  // Node would send it all the same.
  signal.throwIfAborted()
  const send = target.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const own = {
      'user-agent': 'docker-mcp',
      ...Object.fromEntries(headers),
      'accept-encoding': 'identity',
    }
    const outgoing = send(target, {method, headers: own, signal, agent})
    outgoing.once('error', error => {
      const isSent = outgoing.writableFinished || signal.aborted
      reject(isSent ? error : new NotSent(error.message, {cause: error}))
    })
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

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

function redirectOf({status, headers}: Response): string | undefined {
  return REDIRECTS.has(status) ? (headers.get('location') ?? '') : undefined
}

/** @throws NotSent for a redirect that is not followed, saying what to change */
function nextOf(
  location: string,
  {from, method, status}: {readonly from: URL; readonly method: string; readonly status: number},
): URL {
  const next = URL.parse(location, from.href)
  if (!next) throw new NotSent(`it redirects (HTTP status ${status}) to what is no address`)
  const place = oneLine(`${next.origin}${next.pathname}`)
  if (next.origin !== from.origin) {
    throw new NotSent(
      `it redirects to ${place}, and headers are not sent to another place: if that is right, write it as url in the catalog entry`,
    )
  }
  if (method !== 'GET' && status < 307) {
    throw new NotSent(
      `it redirects with HTTP status ${status}, which loses the message: write ${place} as url in the catalog entry`,
    )
  }
  return next
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
