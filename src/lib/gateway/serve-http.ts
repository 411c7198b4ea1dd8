import type {IncomingMessage, ServerResponse} from 'node:http'
import {PluginError} from '../base/errors.ts'
import type {Scope} from '../base/scope.ts'
import {gatewayToken, tokenFile} from '../files/settings.ts'
import {httpApp, isLocalName} from './downstream/http-app.ts'
import {listen} from './downstream/listen.ts'
import {MCP_PATH, SSE_PATH} from './downstream/paths.ts'
import {SseEndpoint} from './downstream/sse-endpoint.ts'
import {StreamableEndpoint} from './downstream/streamable.ts'
import {readTls, type TlsFiles} from './downstream/tls.ts'
import type {GatewayDeps, GatewaySetup} from './setup.ts'

/** How a gateway serves HTTP. Both of MCP's HTTP transports are served, whichever was asked for. */
export interface HttpTransport {
  /** Which address is printed. */
  readonly kind: 'streamable' | 'sse'
  /** A name or an address of this machine; an IPv6 address with or without brackets. */
  readonly host: string
  readonly port: number
  readonly allowUnauthenticated: boolean
  /** For HTTPS; the names may be relative to the working directory. */
  readonly tls?: TlsFiles | undefined
}

export interface ServeHttpInput {
  readonly deps: GatewayDeps
  readonly transport: HttpTransport
  /** The largest message that is taken. */
  readonly maxMessageBytes: number
  /** Makes the gateway; called when the port is taken. */
  readonly begin: () => Promise<GatewaySetup>
}

/**
 * Serves a gateway over HTTP until the scope is closed, and says where.
 * @throws PluginError for a host, a token, a certificate or a port that cannot be used; what `begin` throws
 */
export async function serveHttp(input: ServeHttpInput, scope: Scope): Promise<GatewaySetup> {
  const {deps, transport, maxMessageBytes} = input
  const host = bindHost(transport.host)
  const loopback = isLocalName(host)
  const token = await tokenFor(deps, {...transport, host, loopback})
  const tls = transport.tls && (await readTls(transport.tls, {cwd: deps.cwd, warn: deps.notify}))
  let endpoints: Endpoints | undefined
  const handle =
    (kind: keyof Endpoints) => async (request: IncomingMessage, response: ServerResponse) => {
      if (endpoints) return endpoints[kind].handle(request, response)
      response.writeHead(503, {'retry-after': '1'}).end()
    }
  const app = httpApp({
    token: token?.value,
    loopback,
    isReady: () => endpoints !== undefined,
    mcp: handle('streamable'),
    sse: handle('sse'),
    warn: deps.notify,
  })
  // Before anything is read or started: a port in use must not cost the user that wait.
  const listening = scope.use(await listen(app, {host, port: transport.port, tls}))
  const setup = await input.begin()
  const opened = openEndpoints(setup, {warn: deps.notify, maxMessageBytes})
  endpoints = opened
  // The first thing to end is the listening, so that nobody comes in while the rest ends.
  scope.defer(() => {
    listening.server.close()
    opened.streamable[Symbol.dispose]()
    opened.sse[Symbol.dispose]()
  })
  const path = transport.kind === 'sse' ? SSE_PATH : MCP_PATH
  deps.notify(`> Gateway: ${tls ? 'https' : 'http'}://${urlHost(host)}:${listening.port}${path}`)
  if (token) deps.notify(tokenLine(token, deps))
  return setup
}

interface Endpoints {
  readonly streamable: StreamableEndpoint
  readonly sse: SseEndpoint
}

function openEndpoints(
  {gateway}: GatewaySetup,
  options: {warn: (text: string) => void; maxMessageBytes: number},
): Endpoints {
  const openSession = gateway.openSession.bind(gateway)
  const answer = gateway.answer.bind(gateway)
  const notify = gateway.notify.bind(gateway)
  return {
    streamable: new StreamableEndpoint({
      ...options,
      openSession,
      answer,
      notify,
      now: () => performance.now(),
    }),
    sse: new SseEndpoint({...options, openSession}),
  }
}

/** @throws PluginError USAGE: an empty host would mean every address of this machine, which must be asked for */
function bindHost(host: string): string {
  const bare = /^\[(.*)\]$/.exec(host)?.[1] ?? host
  if (bare !== '') return bare
  throw new PluginError('USAGE', 'the host to listen on is empty', {
    hint: 'use --host 127.0.0.1 for this machine alone, or --host 0.0.0.0 for all its addresses',
  })
}

/** What clients must show, and whether the user knows it already. */
interface Token {
  readonly value: string
  readonly isOurs: boolean
}

async function tokenFor(
  deps: GatewayDeps,
  where: {allowUnauthenticated: boolean; host: string; loopback: boolean},
): Promise<Token | undefined> {
  const given = deps.env['MCP_GATEWAY_AUTH_TOKEN']
  if (where.allowUnauthenticated) {
    if (!where.loopback) throw openToAll(where.host)
    if (given)
      deps.notify('! MCP_GATEWAY_AUTH_TOKEN is not used: --allow-unauthenticated was given.')
    return undefined
  }
  if (given === undefined || given === '') {
    return {value: await gatewayToken(deps.paths), isOurs: true}
  }
  if (/^[\x21-\x7e]+$/.test(given)) return {value: given, isOurs: false}
  throw new PluginError(
    'USAGE',
    'MCP_GATEWAY_AUTH_TOKEN holds characters that no HTTP header can',
    {
      hint: 'use letters, digits and punctuation without spaces',
    },
  )
}

function openToAll(host: string): PluginError {
  return new PluginError(
    'USAGE',
    `--allow-unauthenticated is for this machine alone: on ${host} everyone who reaches it could use these servers`,
    {
      hint: 'leave --allow-unauthenticated out and give clients the token, or leave --host out',
    },
  )
}

/** A token that is not printed to a person would end in a log. */
function tokenLine(token: Token, {isTerminal, paths}: GatewayDeps): string {
  if (!token.isOurs) return '> Authorization: Bearer $MCP_GATEWAY_AUTH_TOKEN'
  if (isTerminal) return `> Authorization: Bearer ${token.value}`
  return `> Authorization: Bearer … (the token is in ${tokenFile(paths)})`
}

function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}
