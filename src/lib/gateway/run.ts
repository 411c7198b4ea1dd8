import type {Readable} from 'node:stream'
import {withDeadline} from '../base/async.ts'
import {PluginError} from '../base/errors.ts'
import {Scope} from '../base/scope.ts'
import {gatewayToken} from '../files/settings.ts'
import {StopRequested} from '../plugin/stop-signal.ts'
import {httpApp, isLocalName, listen, MCP_PATH} from './downstream/http-app.ts'
import {serveStdio} from './downstream/stdio.ts'
import {StreamableEndpoint} from './downstream/streamable.ts'
import {needsEngine, type Plan} from './plan.ts'
import type {Session} from './relay/session.ts'
import {setUpGateway, type GatewayDeps, type GatewayOptions, type GatewaySetup} from './setup.ts'

/** What answers may take that are under way when stdin ends; clients kill what lives on for much longer. */
const LAST_ANSWERS_MS = 1500

/** How clients reach the gateway. */
export type Transport = {readonly kind: 'stdio'} | StreamableTransport

interface StreamableTransport {
  readonly kind: 'streamable'
  /** A name or an address of this machine; an IPv6 address with or without brackets. */
  readonly host: string
  readonly port: number
  readonly allowUnauthenticated: boolean
}

export interface RunInput {
  readonly deps: GatewayDeps
  readonly options: GatewayOptions
  readonly transport: Transport
  readonly stdin: Readable
  /** Takes whole lines for the client of the stdio transport. */
  readonly write: (line: string) => void
  /** Aborted when nobody reads what `write` takes any more: the client of the stdio transport is gone. */
  readonly unread?: AbortSignal
  /** Aborted when the gateway should stop. */
  readonly signal: AbortSignal
}

/**
 * Runs a gateway until it is told to stop; when this returns, every container is gone and nothing listens.
 * @throws PluginError for what keeps it from starting
 */
export async function runGateway(input: RunInput): Promise<void> {
  await using scope = new Scope()
  const started = performance.now()
  const {transport, unread, deps} = input
  const signal =
    transport.kind === 'stdio' && unread ? AbortSignal.any([input.signal, unread]) : input.signal
  let session: Session | undefined
  let plan: Plan
  switch (transport.kind) {
    case 'stdio': {
      const setup = await begin(input, scope)
      plan = setup.plan
      session = serveStdio({
        stdin: input.stdin,
        write: input.write,
        warn: deps.notify,
        openSession: downstream => setup.gateway.openSession('stdio', downstream),
        signal,
      })
      break
    }
    case 'streamable':
      plan = await serveHttp(input, transport, scope)
  }
  deps.log(`> Initialized in ${Math.round(performance.now() - started)}ms`)
  await Promise.race([aborted(signal), engineLost(input, plan)])
  if (session && saidAll(signal.reason)) await answeredInTime(session)
  deps.log('> Stopping')
}

/** Clients are answered at once; an engine that is not there ends the gateway with the reason. */
async function engineLost({deps}: RunInput, plan: Plan): Promise<never> {
  if (needsEngine(plan)) await deps.engine()
  return new Promise(() => undefined)
}

/** Whether the client has sent its last message but may still read, as in `echo … | docker mcp gateway run`. */
function saidAll(reason: unknown): boolean {
  return reason instanceof StopRequested && reason.trigger === 'stdin'
}

async function answeredInTime(session: Session): Promise<void> {
  await withDeadline(session.idle(), LAST_ANSWERS_MS, () => new Error('too late')).catch(
    () => undefined,
  )
}

async function begin({deps, options}: RunInput, scope: Scope): Promise<GatewaySetup> {
  const setup = await setUpGateway(deps, options)
  scope.use(setup.gateway)
  const names = setup.plan.servers.map(({name}) => name)
  deps.log(
    names.length > 0
      ? `- Those servers are enabled: ${names.join(', ')}`
      : '- No server is enabled; enable one with: docker mcp server enable <name>',
  )
  return setup
}

async function serveHttp(
  input: RunInput,
  transport: StreamableTransport,
  scope: Scope,
): Promise<Plan> {
  const {deps} = input
  const host = bindHost(transport.host)
  const loopback = isLocalName(host)
  const token = await tokenFor(input, transport)
  let endpoint: StreamableEndpoint | undefined
  const app = httpApp({
    token: token?.value,
    loopback,
    isReady: () => endpoint !== undefined,
    mcp: async (request, response) => {
      if (endpoint) return endpoint.handle(request, response)
      response.writeHead(503, {'retry-after': '1'}).end()
    },
    warn: deps.notify,
  })
  // Before anything is read or started: a port in use must not cost the user that wait.
  const {server, port} = await listen(app, host, transport.port)
  scope.defer(async () => {
    const closed = new Promise<void>(resolve => void server.close(() => resolve()))
    server.closeAllConnections()
    await closed
  })
  const {gateway, plan} = await begin(input, scope)
  const opened = new StreamableEndpoint({
    openSession: (id, downstream) => gateway.openSession(id, downstream),
    now: () => performance.now(),
    warn: deps.notify,
  })
  endpoint = opened
  // The first thing to end is the listening, so that nobody comes in while the rest ends.
  scope.defer(() => {
    server.close()
    opened[Symbol.dispose]()
  })
  deps.notify(`> Gateway: http://${urlHost(host)}:${port}${MCP_PATH}`)
  for (const line of tokenLines(token, {host, loopback})) deps.notify(line)
  return plan
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
  {deps}: RunInput,
  {allowUnauthenticated}: StreamableTransport,
): Promise<Token | undefined> {
  const given = deps.env['MCP_GATEWAY_AUTH_TOKEN']
  if (allowUnauthenticated) {
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

function tokenLines(
  token: Token | undefined,
  {host, loopback}: {host: string; loopback: boolean},
): readonly string[] {
  if (token?.isOurs) return [`> Authorization: Bearer ${token.value}`]
  if (token) return ['> Authorization: Bearer $MCP_GATEWAY_AUTH_TOKEN']
  if (loopback) return []
  return [`! Everyone who can reach ${host} can use these servers: no token is asked for.`]
}

function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), {once: true})
  })
}
