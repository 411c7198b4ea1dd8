import type {IncomingMessage} from 'node:http'
import {createGunzip} from 'node:zlib'
import {messageOf, PluginError, systemCode} from '../base/errors.ts'
import {oneLine} from '../base/one-line.ts'
import {outgoingAgent, type Outgoing} from './agents.ts'
import {checkPublicUrl, judgedLookup} from './public-host.ts'
import {send} from './send.ts'

export interface FetchOptions {
  readonly outgoing: Outgoing
  /** Hosts that may have private addresses and may be asked without TLS: `name`, `*.name` or an address. */
  readonly allowPrivateHosts?: readonly string[] | undefined
  /** Of the body, as it is sent and as it reads when it was compressed. */
  readonly maxBytes: number
  /** From the first question to the last byte, redirects included. */
  readonly timeoutMs: number
  /** What the host called the version that is here already. */
  readonly etag?: string | undefined
  readonly accept?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Fetched {
  /** 304: what is here already is what there is; there is no text then. */
  readonly status: 200 | 304
  readonly text: string
  /** What the host calls this version. */
  readonly etag?: string
  /** Where it was in the end, after redirects. */
  readonly finalUrl: string
}

const MOST_REDIRECTS = 5
const REDIRECTS = new Set([301, 302, 303, 307, 308])
/** An ETag is kept, and sent back (RFC 9110, 8.8.3). */
const ETAG = /^(?:W\/)?"[\x21\x23-\x7e]{0,200}"$/

/**
 * Gets a text from the public internet, over HTTPS. Each host is judged by its name and by the addresses that the
 * connection goes to, the first one and those that it redirects to. No login or cookie is ever sent.
 * @throws PluginError ADDRESS_REFUSED; FETCH_FAILED naming the host and the reason. The signal's reason
 */
export async function fetchPublic(address: string | URL, options: FetchOptions): Promise<Fetched> {
  const {timeoutMs, signal: outer} = options
  const late = AbortSignal.timeout(timeoutMs)
  const signal = outer ? AbortSignal.any([outer, late]) : late
  let url = parse(String(address))
  for (let hops = 0; hops <= MOST_REDIRECTS; hops += 1) {
    checkPublicUrl(url, options.allowPrivateHosts)
    try {
      const next = await askOne(url, options, signal)
      if (!(next instanceof URL)) return next
      url = next
    } catch (error) {
      outer?.throwIfAborted()
      if (error instanceof PluginError) throw error
      const why = late.aborted ? `it took longer than ${timeoutMs / 1000} s` : reasonOf(error)
      throw failed(url, why, error)
    }
  }
  throw failed(url, `it sent us on more than ${MOST_REDIRECTS} times`)
}

/** @returns what is there, or where we are sent to */
async function askOne(
  url: URL,
  options: FetchOptions,
  signal: AbortSignal,
): Promise<Fetched | URL> {
  const {etag, accept = '*/*', allowPrivateHosts, outgoing, maxBytes} = options
  const agent = outgoingAgent(url, outgoing, judgedLookup(url, allowPrivateHosts))
  try {
    const answer = await send(url, {
      agent,
      signal,
      headers: {
        accept,
        'accept-encoding': 'gzip, identity;q=0.5',
        'user-agent': 'docker-mcp',
        ...(etag !== undefined && {'if-none-match': etag}),
      },
    })
    const {statusCode = 0, headers} = answer
    if (REDIRECTS.has(statusCode)) return nextOf(headers.location, url)
    const given = ETAG.test(headers.etag ?? '') ? headers.etag : undefined
    const known = given ?? (statusCode === 304 ? etag : undefined)
    const about = {finalUrl: url.href, ...(known !== undefined && {etag: known})}
    if (statusCode === 304 && etag !== undefined) return {status: 304, text: '', ...about}
    if (statusCode !== 200) throw failed(url, `it answered with status ${statusCode}`)
    return {status: 200, text: await textOf(answer, {url, maxBytes}), ...about}
  } finally {
    // Also ends what was not read.
    agent.destroy()
  }
}

function nextOf(location: string | undefined, from: URL): URL {
  if (location !== undefined && URL.canParse(location, from.href)) return new URL(location, from)
  throw failed(from, 'it sent us on, but not where to')
}

async function textOf(
  answer: IncomingMessage,
  {url, maxBytes}: {url: URL; maxBytes: number},
): Promise<string> {
  const tooLarge = () => failed(url, `it sent more than ${maxBytes} bytes`)
  if (Number(answer.headers['content-length'] ?? 0) > maxBytes) throw tooLarge()
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of unpacked(answer, {url, maxBytes, tooLarge})) {
    size += chunk.length
    if (size > maxBytes) throw tooLarge()
    chunks.push(chunk)
  }
  try {
    return new TextDecoder('utf-8', {fatal: true}).decode(Buffer.concat(chunks))
  } catch (error) {
    throw failed(url, 'what it sent is not text in UTF-8', error)
  }
}

function unpacked(
  answer: IncomingMessage,
  {url, maxBytes, tooLarge}: {url: URL; maxBytes: number; tooLarge: () => PluginError},
): AsyncIterable<Buffer> {
  const {'content-encoding': encoding = 'identity'} = answer.headers
  if (encoding === 'identity') return answer
  if (encoding !== 'gzip') {
    throw failed(url, `it sent it as ${oneLine(encoding)}, which was not asked for`)
  }
  const unpack = createGunzip()
  let sent = 0
  answer.on('data', (chunk: Buffer) => {
    sent += chunk.length
    // A stream can be long, and unpack to nothing.
    if (sent > maxBytes) answer.destroy(tooLarge())
  })
  answer.on('error', error => unpack.destroy(error))
  return answer.pipe(unpack)
}

function parse(text: string): URL {
  if (URL.canParse(text)) return new URL(text)
  throw new PluginError('ADDRESS_REFUSED', `${oneLine(text)} is not an address`, {
    hint: 'write it as https://host/path',
  })
}

function reasonOf(error: unknown): string {
  return systemCode(error) === 'ENOTFOUND'
    ? 'its name is not known (ENOTFOUND)'
    : oneLine(messageOf(error))
}

function failed(url: URL, why: string, cause?: unknown): PluginError {
  // Without what follows the `?`: it may be a key.
  const what = oneLine(url.pathname)
  return new PluginError('FETCH_FAILED', `${url.host} did not give ${what}: ${why}`, {
    hint: 'try again later, or check the address and how this machine reaches it (proxy, certificates)',
    cause,
  })
}
