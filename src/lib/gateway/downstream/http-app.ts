import {hash, timingSafeEqual} from 'node:crypto'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import {isIPv4, type AddressInfo} from 'node:net'
import {messageOf, PluginError, systemCode} from '../../base/errors.ts'

export interface HttpAppInput {
  /** What `Authorization: Bearer` must carry; undefined lets everyone in. */
  readonly token: string | undefined
  /** Whether only this machine can reach the listener: then the Host must name this machine, too. */
  readonly loopback: boolean
  /** Whether the gateway can serve. */
  readonly isReady: () => boolean
  /** Answers requests to the MCP endpoint. */
  readonly mcp: (request: IncomingMessage, response: ServerResponse) => Promise<void>
  readonly warn: (text: string) => void
}

export const MCP_PATH = '/mcp'

/**
 * Everything that is decided about an HTTP request before MCP sees it: where it may come from, who may ask, and
 * which path it is for. `/health` answers everyone, with nothing but its status.
 */
export function httpApp(input: HttpAppInput): RequestListener {
  const isAllowed = tokenCheck(input.token)
  return (request, response) => {
    // A client that leaves is an error to whoever writes to it, and without a listener the end of the process.
    response.on('error', () => undefined)
    const path = (request.url ?? '/').split('?')[0]
    if (path === '/health') return void response.writeHead(input.isReady() ? 200 : 503).end()
    if (!isFromHere(request, input.loopback))
      return plain(response, 403, 'Host or Origin is not allowed here')
    if (!isAllowed(request.headers.authorization)) {
      response.setHeader('www-authenticate', 'Bearer realm="MCP Gateway"')
      return plain(response, 401, 'a bearer token is needed')
    }
    if (path !== MCP_PATH) return void response.writeHead(307, {location: MCP_PATH}).end()
    input.mcp(request, response).catch((error: unknown) => {
      if (response.destroyed) return
      input.warn(`! ${request.method} ${path}: ${messageOf(error)}`)
      if (response.headersSent) response.destroy()
      else plain(response, 500, 'the gateway failed on this request')
    })
  }
}

/**
 * Listens.
 * @returns the server and the port it got (which is the wanted one unless that was 0)
 * @throws PluginError PORT_IN_USE, LISTEN_FAILED
 */
export async function listen(
  app: RequestListener,
  host: string,
  port: number,
): Promise<{server: Server; port: number}> {
  const server = createServer(app)
  await new Promise<void>((resolve, reject) => {
    // It stays: what fails later (no file descriptor for a connection) must not end the process.
    server.on('error', error => reject(listenError(error, host, port)))
    server.listen(port, host, resolve)
  })
  const address = server.address()
  return {server, port: isAddress(address) ? address.port : port}
}

function isAddress(address: string | AddressInfo | null): address is AddressInfo {
  return typeof address === 'object' && address !== null
}

function listenError(error: Error, host: string, port: number): PluginError {
  const code = systemCode(error)
  if (code === 'EADDRINUSE') {
    return new PluginError('PORT_IN_USE', `port ${port} on ${host} is in use by another program`, {
      hint: 'choose another one with --port, or stop the other program',
      cause: error,
    })
  }
  const why = code === 'EACCES' ? 'this user may not open that port' : messageOf(error)
  return new PluginError('LISTEN_FAILED', `cannot listen on ${host} port ${port}: ${why}`, {
    hint: 'choose a --host of this machine and a --port above 1023',
    cause: error,
  })
}

/** Compares digests, so that neither the length nor the matching part of a guess shows in the time it takes. */
function tokenCheck(token: string | undefined): (header: string | undefined) => boolean {
  if (token === undefined) return () => true
  const expected = digest(token)
  return header => {
    const given = /^Bearer +(\S+)$/i.exec(header ?? '')?.[1]
    return given !== undefined && timingSafeEqual(digest(given), expected)
  }
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer')
}

/** A web page must not reach the gateway through the user's browser (DNS rebinding, cross-site requests). */
function isFromHere(request: IncomingMessage, loopback: boolean): boolean {
  const {host = '', origin} = request.headers
  if (loopback && !USUAL_HOST.test(host) && !isLocalName(hostName(`http://${host}`))) return false
  return origin === undefined || isLocalName(hostName(origin))
}

/** What nearly every client sends as its Host, told without reading it as a URL. */
const USUAL_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::[1-5]?\d{1,4})?$/

function hostName(text: string): string | undefined {
  const url = URL.parse(text)
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? url.hostname : undefined
}

/** Whether a host name or address means this machine alone (RFC 6761 section 6.3, RFC 1122 section 3.2.1.3). */
export function isLocalName(name: string | undefined): boolean {
  if (name === undefined || !/^[\w.:[\]-]+$/.test(name)) return false
  // One address has many spellings; a URL has but one.
  const url = URL.parse(
    `http://${name.includes(':') && !name.startsWith('[') ? `[${name}]` : name}`,
  )
  const host = url?.hostname ?? ''
  if (host === 'localhost' || host === '[::1]' || host.startsWith('[::ffff:7f')) return true
  return isIPv4(host) && host.startsWith('127.')
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {'content-type': 'text/plain; charset=utf-8'}).end(`${text}\n`)
}
