import {hostname} from 'node:os'
import type {Readable} from 'node:stream'
import {withDeadline} from '../base/async.ts'
import {Scope} from '../base/scope.ts'
import {ReadFiles} from '../files/reads.ts'
import {StopRequested} from '../plugin/stop-signal.ts'
import {Changes} from './changes.ts'
import {claimName} from './background/claim.ts'
import {openControl, serveControl} from './control/serve.ts'
import {socketSite} from './control/place.ts'
import {serveStdio, type StdioClient} from './downstream/stdio.ts'
import {containersOf, needsEngine} from './plan.ts'
import type {Exchange} from './modern/exchange.ts'
import type {Downstream} from './relay/session-input.ts'
import type {Notification} from './wire/jsonrpc.ts'
import {Reloader} from './reloader.ts'
import {serveHttp, type HttpTransport} from './serve-http.ts'
import {warmUp} from './warm-up.ts'
import {setUpGateway, type GatewayDeps, type GatewayOptions, type GatewaySetup} from './setup.ts'

/** What answers may take that are under way when stdin ends; clients kill what lives on for much longer. */
const LAST_ANSWERS_MS = 1500

/** How clients reach the gateway. */
export type Transport = {readonly kind: 'stdio'} | HttpTransport

export interface RunInput {
  readonly deps: GatewayDeps
  /** Reads what the user chose: at the start, and when a file that may say it has changed. */
  readonly options: () => Promise<GatewayOptions>
  readonly transport: Transport
  /** Whether what changes in the files counts while the gateway runs. */
  readonly isWatching: boolean
  /** The name by which it is stopped and connected to: the only gateway of that name. */
  readonly name?: string | undefined
  /** The address of its engine, for those who look for one that speaks to the engine that they mean. */
  readonly engineAddress?: (() => Promise<string>) | undefined
  /** Told once, when clients can come and the engine answers. */
  readonly onReady?: (() => void) | undefined
  /** Fetches the catalogs again that are elsewhere. */
  readonly refreshCatalogs: () => Promise<unknown>
  readonly stdin: Readable
  /** Takes whole lines for the client of the stdio transport. */
  readonly write: (line: string) => void
  /** How many bytes of what `write` took have not been read. */
  readonly unreadBytes: () => number
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
  const reads = new ReadFiles(deps.paths.stateDir)
  const options = await reads.during(input.options)
  const stuck = new AbortController()
  const asked = new AbortController()
  const stopped = AbortSignal.any([input.signal, asked.signal])
  const left = [stopped, stuck.signal, ...(unread ? [unread] : [])]
  const signal = transport.kind === 'stdio' ? AbortSignal.any(left) : stopped
  let client: StdioClient | undefined
  let setup: GatewaySetup
  let address: string | undefined
  let checkClients: (() => void) | undefined
  if (transport.kind === 'stdio') {
    const begun = await begin(input, {options, reads}, scope)
    setup = begun
    const {client: name} = options
    const served = serveStdio({
      stdin: input.stdin,
      write: input.write,
      unreadBytes: input.unreadBytes,
      onStuck: () => stuck.abort(),
      warn: deps.notify,
      maxMessageBytes: options.maxMessageBytes,
      openSession: downstream => begun.gateway.openSession('stdio', downstream, name),
      answer: exchange => begun.gateway.answer(exchange, name),
      notify: message => begun.gateway.notify(message, name),
      signal,
    })
    scope.defer(() => served[Symbol.dispose]())
    client = served
  } else {
    const {maxMessageBytes} = options
    const begun = () => begin(input, {options, reads}, scope)
    const served = await serveHttp({deps, transport, maxMessageBytes, begin: begun}, scope)
    ;({setup, address, checkClients} = served)
  }
  const reloader = new Reloader({
    log: deps.log,
    notify: deps.notify,
    reads,
    options: input.options,
    started: options,
    setup: {
      redact: setup.redact,
      get lacksSecrets() {
        return setup.lacksSecrets
      },
      async reload(wanted) {
        const reloaded = await setup.reload(wanted)
        checkClients?.()
        return reloaded
      },
    },
    isWatched: input.isWatching,
    now: Date.now,
  })
  scope.use(
    await openToOthers(input, {
      setup,
      reloader,
      address,
      maxMessageBytes: options.maxMessageBytes,
      stop: () => asked.abort(),
    }),
  )
  if (input.isWatching) {
    scope.use(
      new Changes({
        reads,
        reloader,
        notify: deps.notify,
        refreshCatalogs: input.refreshCatalogs,
      }),
    )
  }
  deps.log(`> Initialized in ${Math.round(performance.now() - started)}ms`)
  await Promise.race([aborted(signal), engineLost(input, setup, input.onReady)])
  if (client && saidAll(signal.reason)) await answeredInTime(client)
  deps.log('> Stopping')
}

/** Lets `gateway ps`, `server logs` and the like see this gateway. */
async function openToOthers(
  {deps, transport, name, engineAddress}: RunInput,
  running: {
    setup: GatewaySetup
    reloader: Reloader
    address: string | undefined
    maxMessageBytes: number
    stop: () => void
  },
): Promise<AsyncDisposable> {
  const {setup, reloader, address, maxMessageBytes, stop} = running
  const {gateway, lives, owner, redact} = setup
  // Where the engine cannot be found out, that is told by whatever needs it.
  const engine = await engineAddress?.().catch(() => undefined)
  const about = {
    owner,
    pid: process.pid,
    host: hostname(),
    startedAt: new Date().toISOString(),
    version: deps.version,
    transport: transport.kind === 'streamable' ? 'streaming' : transport.kind,
    ...(address !== undefined && {address}),
    ...(name !== undefined && {name}),
    ...(engine !== undefined && {engine}),
  }
  const control = {
    about,
    site: socketSite(deps.paths.stateDir, deps.env),
    servers: () => setup.plan.servers,
    configuration: () => reloader.state,
    profile: () => setup.profile,
    clients: () => gateway.connected,
    lives,
    engine: deps.engine,
    redact,
    restart: (server: string) => gateway.restart(server),
    stop,
    attach: {
      admit: (client: string | undefined) => gateway.clients.mustKnow(client),
      openSession: (id: string, downstream: Downstream, client?: string) =>
        gateway.openSession(id, downstream, client),
      answer: (exchange: Exchange, client?: string) => gateway.answer(exchange, client),
      notify: (message: Notification, client?: string) => gateway.notify(message, client),
      warn: deps.notify,
      maxMessageBytes,
    },
  }
  if (name === undefined) return openControl(control, deps.notify)
  // Whoever has a name is there to be found.
  return claimName(deps.paths.stateDir, name, () => serveControl(control))
}

/** Clients are answered at once; an engine that is not there ends the gateway with the reason. */
async function engineLost(
  {deps}: RunInput,
  {plan}: GatewaySetup,
  onReady: (() => void) | undefined,
): Promise<never> {
  if (needsEngine(plan)) await deps.engine()
  onReady?.()
  return new Promise(() => undefined)
}

/** Whether the client has sent its last message but may still read, as in `echo … | docker mcp gateway run`. */
function saidAll(reason: unknown): boolean {
  return reason instanceof StopRequested && reason.trigger === 'stdin'
}

async function answeredInTime(client: StdioClient): Promise<void> {
  await withDeadline(client.idle(), LAST_ANSWERS_MS, () => new Error('too late')).catch(
    () => undefined,
  )
}

async function begin(
  {deps, signal}: RunInput,
  from: {options: GatewayOptions; reads: ReadFiles},
  scope: Scope,
): Promise<GatewaySetup> {
  const setup = await from.reads.during(() => setUpGateway(deps, from.options))
  scope.use(setup.gateway)
  const {gateway, fleet, plan} = setup
  void warmUp(containersOf(plan), {gateway, fleet, signal}) // never rejects
  const names = plan.servers.map(({name}) => name)
  deps.log(
    names.length > 0
      ? `- Those servers are enabled: ${names.join(', ')}`
      : '- No server is enabled; enable one with: docker mcp server enable <name>',
  )
  return setup
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), {once: true})
  })
}
