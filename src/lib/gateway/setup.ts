import {randomBytes} from 'node:crypto'
import {availableParallelism} from 'node:os'
import {join} from 'node:path'
import {PluginError} from '../base/errors.ts'
import {createRedactor} from '../base/redact.ts'
import {remarks} from '../catalog/remarks.ts'
import {leftOut, loadCatalogs} from '../catalog/store.ts'
import type {Engine} from '../engine/engine.ts'
import {parseCpus, parseMemory} from '../engine/options.ts'
import {runsInContainer} from '../engine/own-container.ts'
import {homeDir} from '../files/paths.ts'
import {readProfile} from '../profile/legacy.ts'
import type {ServersInput} from '../profile/servers.ts'
import {openSecrets, type SecretSource} from '../secrets/source.ts'
import {Gateway} from './gateway.ts'
import {Memory} from './memory.ts'
import {assemble} from './pipeline/assemble.ts'
import {buildPlan, type Plan} from './plan.ts'
import {statusStore} from './status.ts'
import {agentSockets} from './upstream/binds.ts'
import {createFleet, type Fleet} from './upstream/fleet.ts'

/** What a gateway is made with. */
export interface GatewayDeps extends ServersInput {
  readonly version: string
  readonly engine: () => Promise<Engine>
  /** Running commentary. */
  readonly log: (line: string) => void
  /** What a person must know: pulls, failures, what is not protected. */
  readonly notify: (line: string) => void
  /** Whether a person reads that on a terminal: elsewhere it is kept, and must hold no secret. */
  readonly isTerminal: boolean
}

/** What a user chose for a gateway: the flags of `gateway run` that say what it serves and how. */
export interface GatewayOptions {
  readonly servers?: readonly string[] | undefined
  readonly enableAllServers: boolean
  readonly catalogs?: readonly string[] | undefined
  readonly additionalCatalogs?: readonly string[] | undefined
  readonly registry?: readonly string[] | undefined
  readonly config?: readonly string[] | undefined
  readonly toolsConfig?: readonly string[] | undefined
  readonly secrets: string
  readonly tools?: readonly string[] | undefined
  /** Cores for a server, such as `1.5`; 0 for no limit. */
  readonly cpus: string
  /** Memory for a server, such as `2Gb`; empty for no limit. */
  readonly memory: string
  /** The largest message that is taken, from clients and servers alike. */
  readonly maxMessageBytes: number
  readonly logCalls: boolean
  readonly blockSecrets: boolean
  /**
   * For servers whose entries have neither `disableNetwork` nor `allowHosts`: the engine's network, none of it and a
   * line for each attempt, or none of it.
   */
  readonly networkPolicy: 'open' | 'allowlist' | 'none'
  /** Log also what a server may look up and connect to, not only what it may not. */
  readonly debugDns: boolean
  /** For servers whose entries have no `security`. */
  readonly security: 'default' | 'strict'
  /** Paths of this machine, absolute or of the home (`~/…`), that servers may mount though they would be refused. */
  readonly allowMounts: readonly string[]
  /** Servers that may get secrets where others can see them: in arguments, or in the engine's records. */
  readonly exposeSecrets: readonly string[]
  /** Milliseconds that a call may take without a sign of its server; 0 for no limit. A catalog entry's own wins. */
  readonly callTimeoutMs: number
  readonly verbose: boolean
  /** How long a list waits for a server that is slow to start, in milliseconds. */
  readonly patienceMs: number
  /** Show what is remembered of servers until they have answered: for clients that do not wait. */
  readonly showRemembered: boolean
}

/** A gateway that is ready for sessions, with the parts that the command line asks about. */
export interface GatewaySetup {
  readonly gateway: Gateway
  readonly plan: Plan
  readonly fleet: Fleet
  /** The gateway's own id, which every container of it carries as the label `docker-mcp-owner`. */
  readonly owner: string
}

/** So many processes and threads has a well-behaved server never had. */
const MOST_PROCESSES = 256

/**
 * Reads everything that the user configured and makes a gateway of it. Starts no server.
 * @throws PluginError for files and flags that are wrong; a server that cannot run does not stop the others
 */
export async function setUpGateway(
  deps: GatewayDeps,
  options: GatewayOptions,
): Promise<GatewaySetup> {
  const {registry, config, toolsConfig} = options
  const limits = {
    cpus: parseCpus(options.cpus),
    memoryBytes: parseMemory(options.memory),
    pids: MOST_PROCESSES,
  }
  const [catalogs, profile, secrets] = await Promise.all([
    loadCatalogs(deps, {catalogs: options.catalogs, additional: options.additionalCatalogs}),
    readProfile(deps.paths, {registry, config, tools: toolsConfig, cwd: deps.cwd}),
    openSecrets(options.secrets, deps),
  ])
  const home = homeDir(deps.env)
  const names = chosenNames(options, profile.enabled, [...catalogs.servers.keys()])
  const refused = leftOut(catalogs)
  for (const [name, line] of refused) {
    // Who is to run is told of with the other failures.
    if (!names.includes(name)) deps.notify(`! ${line}`)
  }
  for (const line of remarks(catalogs, names)) deps.notify(`! ${line}`)
  const plan = buildPlan({
    home,
    names,
    refused,
    servers: catalogs.servers,
    config: profile.config,
    tools: profile.tools,
    toolFilter: options.tools,
  })
  const redact = createRedactor(givenSecrets(plan, secrets))
  const log = (line: string) => deps.log(redact(line))
  const notify = (line: string) => deps.notify(redact(line))
  const stop = new AbortController()
  const owner = randomBytes(8).toString('hex')
  const fleet = createFleet({
    engine: deps.engine,
    owner,
    secrets,
    limits,
    networkPolicy: options.networkPolicy,
    security: options.security,
    exposeSecrets: options.exposeSecrets,
    debugDns: options.debugDns,
    allowMounts: options.allowMounts,
    sockets: agentSockets(deps.env),
    sharesFiles: !(await runsInContainer()),
    maxMessageBytes: options.maxMessageBytes,
    startsAtOnce: 2 * availableParallelism(),
    home,
    log,
    notify,
    verbose: options.verbose,
    signal: stop.signal,
  })
  const gateway = new Gateway({
    version: deps.version,
    plan,
    fleet,
    status: statusStore(deps.paths.stateDir, () => new Date()),
    middlewares: assemble({
      ...options,
      timeoutOf: timeouts(plan, options.callTimeoutMs),
      log,
      now: monotonic,
    }),
    memory: new Memory(join(deps.paths.stateDir, 'lists'), notify, redact),
    showRemembered: options.showRemembered,
    patienceMs: options.patienceMs,
    now: monotonic,
    redact,
    log,
    notify,
    stop,
  })
  await gateway.load()
  return {gateway, plan, fleet, owner}
}

function givenSecrets({servers}: Plan, source: SecretSource): readonly string[] {
  return servers.flatMap(({start}) =>
    start instanceof PluginError ? [] : start.secrets.flatMap(({name}) => source.get(name) ?? []),
  )
}

function monotonic(): number {
  return performance.now()
}

function timeouts(plan: Plan, byDefault: number): (server: string) => number | undefined {
  const own = new Map(plan.servers.map(({name, callTimeoutMs}) => [name, callTimeoutMs]))
  return server => own.get(server) ?? (byDefault || undefined)
}

function chosenNames(
  options: GatewayOptions,
  enabled: readonly string[],
  all: readonly string[],
): readonly string[] {
  return options.enableAllServers ? all : (options.servers ?? enabled)
}
