import type {IncomingMessage, RequestListener, ServerResponse} from 'node:http'
import {isIPv4} from 'node:net'
import {messageOf} from '../../base/errors.ts'
import {askerOf, type ClientToken} from './clients.ts'
import {answerElsewhere} from './front-page.ts'
import {HEALTH_PATH, MCP_PATH, MESSAGES_PATH, pathOf, SSE_PATH} from './paths.ts'

/** @param client the name that the request has proved; undefined for one of those that have none */
type Handler = (
  request: IncomingMessage,
  response: ServerResponse,
  client: string | undefined,
) => Promise<void>

export interface HttpAppInput {
  /** What `Authorization: Bearer` must carry; undefined lets everyone in. */
  readonly token: string | undefined
  /** The clients that have tokens of their own, at this moment; nobody when it is not given. */
  readonly clients?: () => readonly ClientToken[]
  /** Whether only this machine can reach the listener: then the Host must name this machine, too. */
  readonly loopback: boolean
  /** Whether the gateway can serve. */
  readonly isReady: () => boolean
  /** Answers requests to the endpoint of streamable HTTP. */
  readonly mcp: Handler
  /** Answers requests to the two paths of HTTP+SSE. */
  readonly sse: Handler
  readonly warn: (text: string) => void
}

/**
 * Everything that is decided about an HTTP request before MCP sees it: where it may come from, which path it is for,
 * and who may ask. `/health` answers everyone, with nothing but its status.
 */
export function httpApp(input: HttpAppInput): RequestListener {
  const whoAsks = askerOf({shared: input.token, named: input.clients ?? (() => [])})
  const handlers = new Map([
    [MCP_PATH, input.mcp],
    [SSE_PATH, input.sse],
    [MESSAGES_PATH, input.sse],
  ])
  return (request, response) => {
    // A client that leaves is an error to whoever writes to it, and without a listener the end of the process.
    response.on('error', () => undefined)
    const path = pathOf(request)
    if (path === HEALTH_PATH) return void response.writeHead(input.isReady() ? 200 : 503).end()
    if (!isFromHere(request, input.loopback))
      return plain(response, 403, 'Host or Origin is not allowed here')
    const handler = handlers.get(path)
    if (!handler) {
      return answerElsewhere(request, response, {path, needsToken: input.token !== undefined})
    }
    const asker = whoAsks(request.headers.authorization)
    if (!asker) {
      response.setHeader('www-authenticate', 'Bearer realm="MCP Gateway"')
      return plain(response, 401, 'a bearer token is needed')
    }
    handler(request, response, asker.client).catch((error: unknown) => {
      if (response.destroyed) return
      input.warn(`! ${request.method} ${path}: ${messageOf(error)}`)
      if (response.headersSent) response.destroy()
      else plain(response, 500, 'the gateway failed on this request')
    })
  }
}

/**
 * A web page must not reach the gateway through the user's browser (DNS rebinding, cross-site requests). Where others
 * may come in, a page of the very name that they use for the gateway may, too: there a token is always asked for.
 */
function isFromHere(request: IncomingMessage, loopback: boolean): boolean {
  const {host = '', origin} = request.headers
  if (loopback && !USUAL_HOST.test(host) && !isLocalName(webUrl(`http://${host}`)?.hostname)) {
    return false
  }
  if (origin === undefined) return true
  const page = webUrl(origin)
  if (!page) return false
  return isLocalName(page.hostname) || (!loopback && page.host === host.toLowerCase())
}

/** What nearly every client sends as its Host, told without reading it as a URL. */
const USUAL_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::[1-5]?\d{1,4})?$/

function webUrl(text: string): URL | undefined {
  const url = URL.parse(text)
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? url : undefined
}

/** Whether a host name or address means this machine alone (RFC 6761 section 6.3, RFC 1122 section 3.2.1.3). */
export function isLocalName(name: string | undefined): boolean {
  if (name === undefined || !/^[\w.:[\]-]+$/.test(name)) return false
  // One address has many spellings; a URL has but one.
  const url = URL.parse(
    `http://${name.includes(':') && !name.startsWith('[') ? `[${name}]` : name}`,
  )
  const host = url?.hostname ?? ''
  if (host === 'localhost' || host === '[::1]' || /^\[::ffff:7f[0-9a-f]{2}:/.test(host)) return true
  return isIPv4(host) && host.startsWith('127.')
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {'content-type': 'text/plain; charset=utf-8'}).end(`${text}\n`)
}
