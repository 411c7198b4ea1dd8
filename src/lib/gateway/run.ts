import type {Readable} from 'node:stream'
import {withDeadline} from '../base/async.ts'
import {Scope} from '../base/scope.ts'
import {StopRequested} from '../plugin/stop-signal.ts'
import {serveStdio, type StdioClient} from './downstream/stdio.ts'
import {needsEngine, type Plan} from './plan.ts'
import {serveHttp, type HttpTransport} from './serve-http.ts'
import {setUpGateway, type GatewayDeps, type GatewayOptions, type GatewaySetup} from './setup.ts'

/** What answers may take that are under way when stdin ends; clients kill what lives on for much longer. */
const LAST_ANSWERS_MS = 1500

/** How clients reach the gateway. */
export type Transport = {readonly kind: 'stdio'} | HttpTransport

export interface RunInput {
  readonly deps: GatewayDeps
  readonly options: GatewayOptions
  readonly transport: Transport
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
  const stuck = new AbortController()
  const left = [input.signal, stuck.signal, ...(unread ? [unread] : [])]
  const signal = transport.kind === 'stdio' ? AbortSignal.any(left) : input.signal
  let client: StdioClient | undefined
  let plan: Plan
  if (transport.kind === 'stdio') {
    const setup = await begin(input, scope)
    plan = setup.plan
    const served = serveStdio({
      stdin: input.stdin,
      write: input.write,
      unreadBytes: input.unreadBytes,
      onStuck: () => stuck.abort(),
      warn: deps.notify,
      maxMessageBytes: input.options.maxMessageBytes,
      openSession: downstream => setup.gateway.openSession('stdio', downstream),
      answer: setup.gateway.answer.bind(setup.gateway),
      notify: setup.gateway.notify.bind(setup.gateway),
      signal,
    })
    scope.defer(() => served[Symbol.dispose]())
    client = served
  } else {
    const {maxMessageBytes} = input.options
    const begun = () => begin(input, scope)
    plan = (await serveHttp({deps, transport, maxMessageBytes, begin: begun}, scope)).plan
  }
  deps.log(`> Initialized in ${Math.round(performance.now() - started)}ms`)
  await Promise.race([aborted(signal), engineLost(input, plan)])
  if (client && saidAll(signal.reason)) await answeredInTime(client)
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

async function answeredInTime(client: StdioClient): Promise<void> {
  await withDeadline(client.idle(), LAST_ANSWERS_MS, () => new Error('too late')).catch(
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

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), {once: true})
  })
}
