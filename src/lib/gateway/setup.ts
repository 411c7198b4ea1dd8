import {availableParallelism} from 'node:os'
import {join} from 'node:path'
import type {Engine} from '../engine/engine.ts'
import {runsInContainer} from '../engine/own-container.ts'
import {newOwner} from '../engine/owner.ts'
import {homeDir} from '../files/paths.ts'
import {dockerCredentials} from '../images/credentials.ts'
import type {AccessControl} from '../model/access.ts'
import type {Outgoing} from '../net/agents.ts'
import type {ServersInput} from '../profile/servers.ts'
import {openAudit} from '../secrets/audit.ts'
import {Clients, clientTokens} from './clients.ts'
import {socketPlaces, socketSite} from './control/place.ts'
import {fleetInput, onlyAtStart, readConfigured, type Configured} from './configured.ts'
import type {Facts, FactsSelection} from './facts.ts'
import {Gateway, type Serving} from './gateway.ts'
import type {LifeDefaults} from './life-policy.ts'
import {Lives} from './lives.ts'
import {Memory} from './memory.ts'
import {assemble} from './pipeline/assemble.ts'
import {containersOf, declaredSecrets, type Plan} from './plan.ts'
import {Redaction} from './redaction.ts'
import {
  differences,
  keptValuesError,
  mustStayReadable,
  oneByOne,
  startedAnew,
  type Reloaded,
} from './reload.ts'
import {statusStore} from './status.ts'
import type {ToolLimits} from './tool-budget.ts'
import {agentSockets} from './upstream/binds.ts'
import {createFleet, type Fleet} from './upstream/fleet.ts'
import {housekeeping} from './upstream/housekeeping.ts'
import {warmUp} from './warm-up.ts'

/** What a gateway is made with. */
export interface GatewayDeps extends ServersInput {
  readonly version: string
  readonly engine: () => Promise<Engine>
  /** Running commentary. */
  readonly log: (line: string) => void
  /** What a person must know: pulls, failures, what is not protected. */
  readonly notify: (line: string) => void
  /** The file of the program that clears away what a killed gateway leaves (src/reaper.ts); undefined: nobody does. */
  readonly watchdog?: string | undefined
  /** Whether a person reads that on a terminal: elsewhere it is kept, and must hold no secret. */
  readonly isTerminal: boolean
}

/** What a user chose for a gateway: the flags of `gateway run` that say what it serves and how. */
export interface GatewayOptions extends FactsSelection {
  /** Cores for a server, such as `1.5`; 0 for no limit. */
  readonly cpus: string
  /** Memory for a server, such as `2Gb`; empty for no limit. */
  readonly memory: string
  /** The largest message that is taken, from clients and servers alike. */
  readonly maxMessageBytes: number
  readonly logCalls: boolean
  readonly blockSecrets: boolean
  /** Mask secrets in what servers say to clients, too. */
  readonly maskSecrets: boolean
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
  /** How long containers live of servers whose entries say nothing of it. */
  readonly life: LifeDefaults
  /** What all containers that are kept ready may take together. */
  readonly standbyMemoryBytes: number
  /** Start only images whose signatures can be verified, where there is a key for them. */
  readonly verifySignatures: boolean
  /** How much clients may be shown before a person is told. */
  readonly limits: ToolLimits
  readonly verbose: boolean
  /** The gateway's own file that these options were read from; it need not exist. */
  readonly gatewayFile?: string | undefined
  /** How old lists may be that a server need not confirm, in milliseconds; a day when it is not given. */
  readonly trustListsMs?: number | undefined
  /** How often to look at files and at catalogs that are somewhere else, in milliseconds; 0: only as files change. */
  readonly discoveryIntervalMs?: number | undefined
  /** How the gateway itself reaches others; by the environment when it is not given. */
  readonly outgoing?: Outgoing | undefined
  /** What has changed since the gateway started and only counts after the next start, such as `transport`. */
  readonly needsRestart?: readonly string[] | undefined
  /** Who may use what; everybody everything when it is not given. */
  readonly accessControl?: AccessControl | undefined
  /** The name of the one client that there is, as the person says who starts the gateway for it. */
  readonly client?: string | undefined
  /** How long a list waits for a server that is slow to start, in milliseconds. */
  readonly patienceMs: number
  /** Show what is remembered of servers until they have answered: for clients that do not wait. */
  readonly showRemembered: boolean
}

/** A gateway that is ready for sessions, with the parts that the command line asks about. */
export interface GatewaySetup {
  readonly gateway: Gateway
  /** What is served now. */
  readonly plan: Plan
  readonly fleet: Fleet
  /** The id of the profile that is served now. */
  readonly profile: string
  /** What becomes of the servers. */
  readonly lives: Lives
  /** The gateway's own id, which every container of it carries as the label `docker-mcp-owner`. */
  readonly owner: string
  /** Masks the secrets of all servers, which may quote them in whatever they say. */
  readonly redact: (text: string) => string
  /** Whether a store may have more to give than it could: a keyring that is unlocked tells nobody. */
  readonly lacksSecrets: boolean
  /**
   * Reads everything that the user configured once more and serves that from now on, also clients that are connected.
   * A server that is the same keeps its containers. One that is another, or is gone, does what it was asked before.
   * Reloads happen one after the other.
   * @throws PluginError for files and flags that are wrong: then nothing has changed
   */
  reload(options: GatewayOptions): Promise<Reloaded>
}

/**
 * Reads everything that the user configured and makes a gateway of it. Starts no server.
 * @throws PluginError for files and flags that are wrong; a server that cannot run does not stop the others
 */
export async function setUpGateway(
  deps: GatewayDeps,
  options: GatewayOptions,
): Promise<GatewaySetup> {
  const redaction = new Redaction()
  const redact = (text: string) => redaction.mask(text)
  const log = (line: string) => deps.log(redact(line))
  const notify = (line: string) => deps.notify(redact(line))
  const read = (wanted: GatewayOptions, before?: Configured) =>
    readConfigured(deps, {options: wanted, before, notify})
  let now = await read(options)
  redaction.learn(givenSecrets(now.facts))
  for (const line of now.facts.notices) notify(`! ${line}`)
  const stop = new AbortController()
  const owner = newOwner()
  const keeper = housekeeping({owner, watchdog: deps.watchdog, log, notify})
  const lives = new Lives(Date.now)
  const fixed = {
    engine: deps.engine,
    audit: openAudit({paths: deps.paths, by: 'gateway', owner, warn: notify}),
    credentials: dockerCredentials({dockerConfigDir: deps.paths.dockerConfigDir, env: deps.env}),
    housekeeping: keeper,
    owner,
    sockets: [...agentSockets(deps.env), ...controlSockets(deps, owner)],
    sharesFiles: !(await runsInContainer()),
    maxMessageBytes: options.maxMessageBytes,
    startsAtOnce: 2 * availableParallelism(),
    home: homeDir(deps.env),
    log,
    notify,
    lives,
    redaction,
    signal: stop.signal,
  }
  const fleet = createFleet(fleetInput(fixed, () => now))
  const serving = ({options: chosen, facts: {plan}}: Configured): Serving => ({
    plan,
    clients: new Clients(chosen.accessControl, clientTokens(chosen.accessControl, deps.env)),
    life: chosen.life,
    limits: chosen.limits,
    middlewares: assemble({
      ...chosen,
      timeoutOf: timeouts(plan, chosen.callTimeoutMs),
      log,
      now: monotonic,
    }),
    showRemembered: chosen.showRemembered,
    patienceMs: chosen.patienceMs,
  })
  const gateway = new Gateway({
    ...serving(now),
    version: deps.version,
    fleet,
    housekeeping: keeper,
    lives,
    status: statusStore(deps.paths.stateDir, () => new Date()),
    memory: new Memory({
      dir: join(deps.paths.stateDir, 'lists'),
      warn: notify,
      redact,
      now: Date.now,
      trustedForMs: () => now.options.trustListsMs,
    }),
    now: monotonic,
    redact,
    log,
    notify,
    stop,
  })
  await gateway.load()
  const told = new Set(now.facts.notices)
  const inTurn = oneByOne()

  async function reload(wanted: GatewayOptions): Promise<Reloaded> {
    const next = await read(wanted, now)
    mustStayReadable(now.facts.catalogs, next.facts.catalogs)
    const {plan, notices} = next.facts
    const differs = differences(now.keys, next.keys)
    // What servers say from now on may have them, and what is said of the reload.
    redaction.learn(givenSecrets(next.facts))
    const before = now
    const take = await gateway.prepare(serving(next), differs.same)
    now = next
    take()
    const {signal} = stop
    void warmUp(containersOf(startedAnew(plan, differs)), {gateway, fleet, signal}) // never rejects
    const fresh = notices.filter(line => !told.has(line))
    for (const line of fresh) told.add(line)
    const {added, removed, changed} = differs
    const needsRestart = [...onlyAtStart(before.options, wanted), ...(wanted.needsRestart ?? [])]
    const unread = keptValuesError(next.kept)
    return {added, removed, changed, notices: fresh, needsRestart, ...(unread && {unread})}
  }

  return {
    gateway,
    get plan() {
      return gateway.plan
    },
    get profile() {
      return now.facts.profile.id
    },
    fleet,
    lives,
    owner,
    redact,
    get lacksSecrets() {
      const {plan, secrets} = now.facts
      const isUnsure = (name: string) =>
        secrets.problem(name) !== undefined || secrets.passedOver(name).length > 0
      return now.kept.size > 0 || declaredSecrets(plan).some(isUnsure)
    },
    reload: wanted => inTurn(() => reload(wanted)),
  }
}

/**
 * Where this gateway lets others look at it and restart servers: no server may. The places that come next, for when
 * this one cannot be used, are not refused: the whole folder for temporary files would be, with them.
 */
function controlSockets({paths, env}: GatewayDeps, owner: string): readonly string[] {
  return socketPlaces(socketSite(paths.stateDir, env), owner).slice(0, 1)
}

function givenSecrets({plan, secrets}: Facts): readonly (string | Uint8Array)[] {
  return declaredSecrets(plan).flatMap(name => secrets.get(name) ?? secrets.bytes(name) ?? [])
}

function monotonic(): number {
  return performance.now()
}

function timeouts(plan: Plan, byDefault: number): (server: string) => number | undefined {
  const own = new Map(plan.servers.map(({name, callTimeoutMs}) => [name, callTimeoutMs]))
  return server => own.get(server) ?? (byDefault || undefined)
}
