import {createServer, STATUS_CODES} from 'node:http'
import type {IncomingMessage, Server, ServerResponse} from 'node:http'
import type {Duplex} from 'node:stream'
import {messageOf, systemCode} from '../base/errors.ts'
import {EgressFailure} from './failure.ts'
import {forward} from './forward.ts'
import type {Outside} from './outside.ts'
import {parseConnectTarget, parseHttpTarget} from './target.ts'
import type {Target} from './target.ts'
import {tunnel} from './tunnel.ts'

const MAX_HEADER_BYTES = 32_768
const LONGEST_NAME = 253
const HEAD_MS = 60_000

/**
 * An HTTP proxy for the programs of one container that know how to use one. It does not listen: connections are given
 * to it with `emit('connection', …)`. CONNECT makes a tunnel, requests with a whole URL are passed on.
 */
export function createProxy(outside: Outside): Server {
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    insecureHTTPParser: false,
    keepAliveTimeout: 0,
  })
  limitHeads(server)
  server.on('clientError', (error: Error, client) => turnAway(client, unreadable(error)))
  server.on('request', (request, response) => void answer(outside, request, response))
  server.on('connect', (request, connection, head) => {
    void open(outside, request.url ?? '', connection, head)
  })
  return server
}

/**
 * Ends connections on which no whole head of a request comes in time: each holds one of few streams. Node does that only
 * for a server that listens.
 */
function limitHeads(server: Server): void {
  const timers = new WeakMap<Duplex, NodeJS.Timeout>()
  /** Requests whose heads came and that are not answered yet. One may come before the last one is answered. */
  const requests = new WeakMap<Duplex, number>()
  const wait = (connection: Duplex) => {
    if (connection.destroyed) return
    timers.set(connection, setTimeout(() => connection.destroy(), HEAD_MS).unref())
  }
  const count = (connection: Duplex, change: number) => {
    const left = (requests.get(connection) ?? 0) + change
    requests.set(connection, left)
    clearTimeout(timers.get(connection))
    if (left === 0) wait(connection)
  }
  server.on('connection', connection => {
    wait(connection)
    connection.once('close', () => clearTimeout(timers.get(connection)))
  })
  // A tunnel is never answered.
  server.on('connect', (_request, connection) => count(connection, 1))
  server.on('request', ({socket}, response) => {
    count(socket, 1)
    response.once('finish', () => count(socket, -1))
  })
}

async function open(outside: Outside, url: string, client: Duplex, head: Buffer): Promise<void> {
  // Before anything is waited for: when the program has ended its side already, the stream would end without this.
  if (head.length > 0) client.unshift(head)
  try {
    const {host, port} = read(outside, url, parseConnectTarget)
    const socket = await outside.connect(host, port, client)
    client.write('HTTP/1.1 200 Connection established\r\n\r\n')
    tunnel(client, socket)
  } catch (error) {
    turnAway(client, failureOf(error))
  }
}

/** Says why and ends. A reset could come before the words. */
function turnAway(client: Duplex, {status, message}: EgressFailure): void {
  if (!client.writable) {
    client.destroy()
    return
  }
  const body = bodyOf(message)
  client.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
  // What still comes is of no interest to anybody, a parser that has failed least of all.
  client.removeAllListeners('data').resume()
}

function unreadable(error: Error): EgressFailure {
  return systemCode(error) === 'HPE_HEADER_OVERFLOW'
    ? new EgressFailure(431, `the headers are larger than ${MAX_HEADER_BYTES} bytes`)
    : new EgressFailure(400, 'this is not HTTP as it is written down')
}

async function answer(
  outside: Outside,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const {url = '', method = ''} = request
    if (!/^[a-z][a-z\d+.-]*:/i.test(url)) throw new EgressFailure(400, ORIGIN_FORM)
    const target = read(outside, url, text => parseHttpTarget(text, method))
    await forward({target, request, response, outside})
  } catch (error) {
    if (response.headersSent) response.destroy()
    else refuse(response, failureOf(error))
  }
}

function refuse(response: ServerResponse, {status, message}: EgressFailure): void {
  const body = bodyOf(message)
  response.writeHead(status, STATUS_CODES[status], {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
  })
  response.end(body)
}

const ORIGIN_FORM = 'this is a proxy: it takes CONNECT and requests with a whole http:// URL'

/** Reads where a request is to go; what no rule could ever allow is refused as if it were not allowed. */
function read<T extends Target>(outside: Outside, text: string, parse: (text: string) => T): T {
  const target = parsed(outside, text, parse)
  const {host, port} = target
  if (host !== 'localhost' && !host.endsWith('.localhost')) return target
  throw outside.refuse(`${host}:${port}`, 'it is the container itself, which needs no proxy')
}

function parsed<T>(outside: Outside, text: string, parse: (text: string) => T): T {
  try {
    return parse(text)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw outside.refuse(placeIn(text).slice(0, LONGEST_NAME), `it ${error.message}`)
  }
}

/** Host and port as they were written. What stands around them in a URL may be a secret. */
function placeIn(text: string): string {
  const [, place = ''] = /^(?:[a-z][a-z\d+.-]*:\/\/)?(?:[^/?#]*@)?([^/?#]*)/i.exec(text) ?? []
  return place
}

function failureOf(error: unknown): EgressFailure {
  if (error instanceof EgressFailure) return error
  return new EgressFailure(502, `the other side failed: ${systemCode(error) ?? messageOf(error)}`)
}

function bodyOf(message: string): string {
  return `docker mcp: ${message}\n`
}
