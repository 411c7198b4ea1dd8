import {PluginError, type ErrorCode} from '../base/errors.ts'
import type {ContainerFacts} from '../engine/engine.ts'
import {runsInContainer} from '../engine/own-container.ts'
import {isLocalOnly} from '../images/reference.ts'
import {pociContainers} from '../model/poci.ts'
import type {ConnectedSpec} from '../model/server.ts'
import {notAgain, type LiveServer} from './live-servers.ts'
import type {LifeReport, LifeState} from './lives.ts'
import type {PlannedServer} from './plan.ts'
import {StatusSource, type StatusFacts, type StatusInput} from './status-source.ts'
import {fingerprint, type ServerRecord} from './status.ts'
import {agentSockets, resolveBinds} from './upstream/binds.ts'
import {secretValues} from './upstream/delivery.ts'

/** How an enabled server is doing, and what to do about it when it is not well. */
export interface ServerStatus {
  readonly name: string
  /**
   * `starting`: a gateway opens it · `ready`: it runs and is used, or runs and its gateway does not answer · `idle`: it runs
   * unused · `sleeping`: it starts when it is needed · `not pulled`: the image is fetched first · `failed`: its last
   * start or its last container went wrong · `blocked`: something must be set first · `unknown`: the engine cannot be
   * asked
   */
  readonly state: LifeState | 'not pulled' | 'blocked' | 'unknown'
  readonly containers: readonly StatusContainer[]
  /** How many more run for gateways that cannot be found from here, as those of another configuration. */
  readonly others?: number
  /** How many of the containers are kept ready for the next use. */
  readonly standby: number
  /** Of all containers, as far as gateways tell. */
  readonly memoryBytes?: number
  /** Per cent of one core, of all containers. */
  readonly cpuPercent?: number
  /** How often it was started again after it had ended by itself; undefined when no gateway tells. */
  readonly restarts?: number
  /** ISO 8601 */
  readonly lastUsedAt?: string
  /** Why it last failed in a gateway that still runs, also when it has come back since. */
  readonly lastError?: NonNullable<LifeReport['lastError']>
  /** Why, for the states that have a reason. A running server has one when a later start of it failed. */
  readonly reason?: string
  /** What to do about it. */
  readonly next?: string
  /** When it last started or failed, ISO 8601. */
  readonly at?: string
}

/** A container that runs. */
export interface StatusContainer {
  /** As docker shortens it. */
  readonly id: string
  readonly name: string
  /** ISO 8601 */
  readonly since: string
  readonly use: 'serving' | 'standby'
  readonly memoryBytes?: number
  readonly memoryLimitBytes?: number
  /** Per cent of one core. */
  readonly cpuPercent?: number
}

/** What could be found out. */
export interface StatusReport {
  readonly servers: readonly ServerStatus[]
  /** How many gateways of this user run and answer, and how many do not answer. */
  readonly gateways: {readonly answering: number; readonly silent: number}
  /** Why the engine could not be asked; then the servers are told from configuration and records alone. */
  readonly engineFailure?: PluginError
  /** What is wrong with `signatures.yaml`: no gateway starts with it, unless it checks no signatures. */
  readonly keysFailure?: PluginError
}

/** What the user gives `server status`, which it needs to tell what a start would come to. */
interface Chosen {
  readonly secrets?: string | undefined
  readonly allowMounts: readonly string[]
}

/** Between the two looks that tell how busy a processor is. */
const CPU_LOOKS_APART_MS = 250

/**
 * Looks at every enabled server: what is configured, what the engine has and runs, what gateways tell, how the last
 * start went. What was remembered of a server that has been changed since does not count.
 * @throws PluginError for files that are wrong
 */
export async function serverStatus(input: StatusInput, chosen: Chosen): Promise<StatusReport> {
  const gateways = (await input.gateways()).map(notAgain)
  const look = statusLooks({...input, gateways: async () => gateways}, chosen)
  const report = await look()
  if (report.servers.every(({memoryBytes}) => memoryBytes === undefined)) return report
  // Only what was used between two looks says how busy a server is.
  await new Promise(resolve => setTimeout(resolve, CPU_LOOKS_APART_MS))
  return look()
}

/** As `serverStatus`, for whoever looks more than once: what seldom changes is not read each time. */
export function statusLooks(
  input: StatusInput,
  chosen: Chosen,
): (signal?: AbortSignal) => Promise<StatusReport> {
  const source = new StatusSource(input, chosen.secrets)
  return async signal => {
    const facts = await source.look(signal)
    const {allowMounts} = chosen
    const sockets = [...(facts.engine?.sockets ?? []), ...agentSockets(input.env)]
    const servers = await Promise.all(
      facts.plan.servers.map(server => statusOf(server, {...facts, allowMounts, sockets})),
    )
    const {gateways, engineFailure, keysFailure} = facts
    return {
      servers,
      gateways,
      ...(engineFailure && {engineFailure}),
      ...(keysFailure && {keysFailure}),
    }
  }
}

interface Facts extends StatusFacts {
  readonly allowMounts: readonly string[]
  readonly sockets: readonly string[]
}

async function statusOf(server: PlannedServer, facts: Facts): Promise<ServerStatus> {
  const {name, start} = server
  const live = facts.lives.get(name)
  const isOf = ({labels}: ContainerFacts) => labels['docker-mcp-name'] === name
  const untold = facts.untold.filter(isOf)
  const others = facts.strangers.filter(isOf).length
  const base = {name, ...seen(live, untold, facts.cpu), ...(others > 0 && {others})}
  const running = runningState(live, untold)
  if (start instanceof PluginError) {
    return {...base, state: running ?? 'blocked', ...reasonOf(start)}
  }
  const record = currentRecord(facts.records.get(name), start)
  const known = {...base, ...(record && {at: record.at})}
  const failed = record?.error
  if (running) return {...known, state: running, ...(failed && reasonOf(failed))}
  const blocked = await blockedBy(start, facts)
  if (blocked) return {...known, state: 'blocked', ...reasonOf(blocked)}
  if (live?.state === 'failed' && live.lastError) {
    return {...known, state: 'failed', ...reasonOf(live.lastError)}
  }
  return {...known, ...(await startable(start, failed, facts))}
}

/** The members that say what runs and how it does. */
function seen(
  live: LiveServer | undefined,
  untold: readonly ContainerFacts[],
  cpu: ReadonlyMap<string, number>,
): Omit<ServerStatus, 'name' | 'state'> {
  const ours = (live?.containers ?? []).map((container): StatusContainer => {
    const {id, name, since, use, memoryBytes, memoryLimitBytes} = container
    const cpuPercent = rounded(cpu.get(id))
    return {
      id: id.slice(0, 12),
      name,
      since,
      use,
      ...(memoryBytes !== undefined && {memoryBytes}),
      ...(memoryLimitBytes !== undefined && {memoryLimitBytes}),
      ...(cpuPercent !== undefined && {cpuPercent}),
    }
  })
  const rest = untold.map(({id, name, createdAt}): StatusContainer => {
    return {id: id.slice(0, 12), name, since: createdAt.toISOString(), use: 'serving'}
  })
  const memoryBytes = total(ours.map(container => container.memoryBytes))
  const cpuPercent = rounded(total(ours.map(container => container.cpuPercent)))
  return {
    containers: [...ours, ...rest],
    standby: ours.filter(({use}) => use === 'standby').length,
    ...(memoryBytes !== undefined && {memoryBytes}),
    ...(cpuPercent !== undefined && {cpuPercent}),
    ...(live && {restarts: live.restarts}),
    ...(live?.lastUsedAt !== undefined && {lastUsedAt: live.lastUsedAt}),
    ...(live?.lastError && {lastError: live.lastError}),
  }
}

/** @returns undefined when no number is known */
function total(numbers: readonly (number | undefined)[]): number | undefined {
  const known = numbers.filter(number => number !== undefined)
  return known.length === 0 ? undefined : known.reduce((sum, number) => sum + number, 0)
}

function rounded(percent: number | undefined): number | undefined {
  return percent === undefined ? undefined : Math.round(percent * 10) / 10
}

function runningState(
  live: LiveServer | undefined,
  untold: readonly ContainerFacts[],
): LifeState | undefined {
  const state = live?.state
  if (state === 'ready') return state
  if (state === 'starting' || state === 'idle') return state
  // Nobody speaks with it, but something of it runs: it is being ended.
  const isEnding = state === 'sleeping' && live?.containers.some(({use}) => use === 'serving')
  if (isEnding) return 'idle'
  // What a gateway tells counts more than what can only be guessed.
  return untold.length > 0 && (!live || state === 'sleeping') ? 'ready' : undefined
}

/** What is remembered of a server, if it still is the same. */
function currentRecord(
  record: ServerRecord | undefined,
  spec: ConnectedSpec,
): ServerRecord | undefined {
  return record?.fingerprint === fingerprint(spec) ? record : undefined
}

/** What would stop the next start before it has begun. */
async function blockedBy(
  spec: ConnectedSpec,
  {secrets, engine, allowMounts, sockets, home}: Facts,
): Promise<PluginError | undefined> {
  try {
    secretValues(spec, secrets)
    const isLocal = (engine?.isLocal ?? false) && !(await runsInContainer())
    if (spec.kind === 'container') {
      const host = {home, platform: process.platform, isLocal, allowMounts, sockets}
      await resolveBinds(spec, host)
    }
    return undefined
  } catch (error) {
    if (error instanceof PluginError) return error
    throw error
  }
}

/** Reasons that are looked into anew here: a remembered one of these is out of date. */
const CHECKED_NOW: ReadonlySet<string> = new Set<ErrorCode>([
  'CONFIG_MISSING',
  'SECRET_MISSING',
  'ENGINE_UNREACHABLE',
  // Keys may have come since, and so may a signature.
])

async function startable(
  spec: ConnectedSpec,
  failed: ServerRecord['error'],
  facts: Facts,
): Promise<Pick<ServerStatus, 'state' | 'reason' | 'next'>> {
  const images = imagesOf(spec)
  const isHere = await Promise.all(images.map(image => facts.hasImage(image)))
  const missing = images.find((_, index) => isHere[index] === false)
  const isPresent = missing === undefined && (isHere.includes(undefined) ? undefined : true)
  const isOld =
    failed && (CHECKED_NOW.has(failed.code) || (isPresent && failed.code === 'IMAGE_MISSING'))
  if (failed && !isOld) return {state: 'failed', ...reasonOf(failed)}
  if (isPresent === undefined) return {state: 'unknown'}
  if (missing === undefined) return {state: 'sleeping'}
  return {state: 'not pulled', ...missingImage(spec.name, missing)}
}

function imagesOf(spec: ConnectedSpec): readonly string[] {
  if (spec.kind === 'remote') return []
  return spec.kind === 'poci' ? pociContainers(spec).map(({image}) => image) : [spec.image]
}

function reasonOf(error: {message: string; hint?: string | undefined}): {
  reason: string
  next?: string
} {
  return {reason: error.message, ...(error.hint !== undefined && {next: error.hint})}
}

function missingImage(name: string, image: string): {reason: string; next: string} {
  const next = isLocalOnly(image) ? 'npm run samples' : `docker mcp server install ${name}`
  return {reason: `the image ${image} is not on the engine`, next}
}
