import type {IncomingMessage, ServerResponse} from 'node:http'
import {PluginError} from '../base/errors.ts'
import type {Scope} from '../base/scope.ts'
import {gatewayToken, tokenFile} from '../files/settings.ts'
import type {ClientToken} from './downstream/clients.ts'
import {httpApp, isLocalName} from './downstream/http-app.ts'
import {listen} from './downstream/listen.ts'
import {MCP_PATH, SSE_PATH} from './downstream/paths.ts'
import {SseEndpoint} from './downstream/sse-endpoint.ts'
import {StreamableEndpoint} from './downstream/streamable.ts'
import {readTls, type TlsFiles} from './downstream/tls.ts'
import type {Downstream} from './relay/session-input.ts'
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
 * @returns the gateway, the address that was printed, and what ends the streams of clients whose tokens count no more
 * @throws PluginError for a host, a token, a certificate or a port that cannot be used; what `begin` throws
 */
export async function serveHttp(
  input: ServeHttpInput,
  scope: Scope,
): Promise<{
  readonly setup: GatewaySetup
  readonly address: string
  readonly checkClients: () => void
}> {
  const {deps, transport, maxMessageBytes} = input
  const host = bindHost(transport.host)
  const loopback = isLocalName(host)
  const token = await tokenFor(deps, {...transport, host, loopback})
  const tls = transport.tls && (await readTls(transport.tls, {cwd: deps.cwd, warn: deps.notify}))
  let opened: ClientEndpoints | undefined
  const handle =
    (kind: keyof Endpoints) =>
    async (request: IncomingMessage, response: ServerResponse, client: string | undefined) => {
      if (opened) return opened.of(client)[kind].handle(request, response)
      response.writeHead(503, {'retry-after': '1'}).end()
    }
  const app = httpApp({
    token: token?.value,
    clients: () => opened?.clients() ?? [],
    loopback,
    isReady: () => opened !== undefined,
    mcp: handle('streamable'),
    sse: handle('sse'),
    warn: deps.notify,
  })
  // Before anything is read or started: a port in use must not cost the user that wait.
  const listening = scope.use(await listen(app, {host, port: transport.port, tls}))
  const setup = await input.begin()
  const endpoints = new ClientEndpoints(setup, {warn: deps.notify, maxMessageBytes})
  opened = endpoints
  // The first thing to end is the listening, so that nobody comes in while the rest ends.
  scope.defer(() => {
    listening.server.close()
    endpoints[Symbol.dispose]()
  })
  const path = transport.kind === 'sse' ? SSE_PATH : MCP_PATH
  const address = `${tls ? 'https' : 'http'}://${urlHost(host)}:${listening.port}${path}`
  deps.notify(`> Gateway: ${address}`)
  if (token) deps.notify(tokenLine(token, deps))
  return {setup, address, checkClients: () => void endpoints.clients()}
}

interface Endpoints {
  readonly streamable: StreamableEndpoint
  readonly sse: SseEndpoint
}

/** Endpoints of its own for each client that has a name: what one has opened does not exist for another. */
class ClientEndpoints implements Disposable {
  readonly #setup: GatewaySetup
  readonly #options: {warn: (text: string) => void; maxMessageBytes: number}
  readonly #open = new Map<string | undefined, Endpoints>()
  #isStopped = false

  constructor(
    setup: GatewaySetup,
    options: {warn: (text: string) => void; maxMessageBytes: number},
  ) {
    this.#setup = setup
    this.#options = options
  }

  /** The clients that have tokens of their own. What others had open is ended. */
  clients(): readonly ClientToken[] {
    const known = this.#setup.gateway.clients.tokens
    for (const client of this.#open.keys()) {
      if (client !== undefined && !known.some(one => one.client === client)) this.#close(client)
    }
    return known
  }

  of(client: string | undefined): Endpoints {
    const known = this.#open.get(client)
    if (known) return known
    const endpoints = openEndpoints(this.#setup, {...this.#options, client})
    this.#open.set(client, endpoints)
    if (this.#isStopped) end(endpoints)
    return endpoints
  }

  [Symbol.dispose](): void {
    this.#isStopped = true
    for (const endpoints of this.#open.values()) end(endpoints)
  }

  #close(client: string): void {
    const endpoints = this.#open.get(client)
    this.#open.delete(client)
    if (endpoints) end(endpoints)
  }
}

function end({streamable, sse}: Endpoints): void {
  streamable[Symbol.dispose]()
  sse[Symbol.dispose]()
}

function openEndpoints(
  {gateway}: GatewaySetup,
  {
    client,
    ...options
  }: {warn: (text: string) => void; maxMessageBytes: number; client: string | undefined},
): Endpoints {
  const openSession = (id: string, downstream: Downstream) =>
    gateway.openSession(id, downstream, client)
  return {
    streamable: new StreamableEndpoint({
      ...options,
      openSession,
      answer: exchange => gateway.answer(exchange, client),
      notify: message => gateway.notify(message, client),
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
