import {request as httpRequest} from 'node:http'
import type {ClientRequest, IncomingMessage, ServerResponse} from 'node:http'
import {pipeline} from 'node:stream'
import {pipeline as piped} from 'node:stream/promises'
import {EgressFailure} from './failure.ts'
import type {Outside} from './outside.ts'
import type {HttpTarget} from './target.ts'

interface Forwarding {
  readonly target: HttpTarget
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly outside: Outside
}

/** Each is between two neighbours only (RFC 9110, 7.6.1), or told the old way, or is written anew here. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/**
 * Asks the other side what a program asked the proxy, and gives the answer back. Both messages are read and written
 * again by node's HTTP, so that neither side can hide a second one in the first; the header Host is the URL's.
 * @throws EgressFailure when the request is not passed on; other errors when the other side fails
 */
export async function forward({target, request, response, outside}: Forwarding): Promise<void> {
  if (!isPlain(request)) throw new EgressFailure(501, `the request ${ENCODED}`)
  const socket = await outside.connect(target.host, target.port, response)
  response.once('close', () => socket.destroy())
  const onward = httpRequest({
    method: request.method,
    path: target.path,
    headers: [...endToEnd(request), ...chunking(request), 'Host', target.authority],
    createConnection: () => socket,
    setHost: false,
    maxHeaderSize: MAX_HEADER_BYTES,
    insecureHTTPParser: false,
  })
  // What goes wrong on the way there is told by what comes back, or does not.
  pipeline(request, onward, () => {})
  const answer = await answerTo(onward)
  if (!isPlain(answer)) throw new EgressFailure(502, `the answer ${ENCODED}`)
  response.writeHead(answer.statusCode ?? 502, endToEnd(answer))
  await piped(answer, response)
}

const MAX_HEADER_BYTES = 65_536
const ENCODED = 'has a body that is encoded for its transfer in another way than in chunks'

/** What else is named there would be lost, and with it what the body means. */
function isPlain({headers}: IncomingMessage): boolean {
  return /^\s*(?:chunked)?\s*$/i.test(headers['transfer-encoding'] ?? '')
}

function answerTo(onward: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    onward.once('response', resolve)
    // For good: one that comes later is nobody's, and would end the process.
    onward.on('error', reject)
    // Nobody asked for another protocol: that header was left out.
    onward.once('upgrade', (_answer, socket) => {
      socket.destroy()
      reject(new EgressFailure(502, 'the answer changes the protocol'))
    })
  })
}

function chunking({headers}: IncomingMessage): readonly string[] {
  return headers['transfer-encoding'] === undefined ? [] : ['Transfer-Encoding', 'chunked']
}

/**
 * The headers that are for the other end: names and values in turn, in the order and the spelling in which they came.
 * The length of the body stays even where somebody wants it dropped: the body would run into what follows.
 */
function endToEnd({rawHeaders, headers}: IncomingMessage): string[] {
  const pairs = rawHeaders.flatMap((name, at) =>
    at % 2 === 0 ? [[name, rawHeaders[at + 1] ?? '']] : [],
  )
  const named = (headers.connection ?? '').split(',').map(option => option.trim().toLowerCase())
  const dropped = new Set([...HOP_BY_HOP, ...named])
  dropped.delete('content-length')
  return pairs
    .filter(([name = '']) => !dropped.has(name.toLowerCase()) && !/^proxy-/i.test(name))
    .flat()
}
