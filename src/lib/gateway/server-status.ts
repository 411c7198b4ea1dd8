import {leftOut, loadCatalogs} from '../catalog/store.ts'
import type {ContainerFacts, Engine} from '../engine/engine.ts'
import {runsInContainer} from '../engine/own-container.ts'
import {PluginError, type ErrorCode} from '../base/errors.ts'
import {homeDir} from '../files/paths.ts'
import {isLocalOnly} from '../images/reference.ts'
import type {ConnectedSpec} from '../model/server.ts'
import {readProfile} from '../profile/legacy.ts'
import type {ServersInput} from '../profile/servers.ts'
import {openSecrets, type SecretSource} from '../secrets/source.ts'
import {buildPlan, type PlannedServer} from './plan.ts'
import {fingerprint, statusStore, type ServerRecord} from './status.ts'
import {agentSockets, resolveBinds} from './upstream/binds.ts'
import {secretValues} from './upstream/delivery.ts'

/** How an enabled server is doing, and what to do about it when it is not well. */
export interface ServerStatus {
  readonly name: string
  /**
   * `running`: in a container now · `ready`: nothing keeps it from starting · `not pulled`: the image is fetched at
   * the first start · `failed`: its last start went wrong · `blocked`: something must be set first · `unknown`: the
   * engine cannot be asked
   */
  readonly state: 'running' | 'ready' | 'not pulled' | 'failed' | 'blocked' | 'unknown'
  readonly containers: readonly {readonly id: string; readonly since: string}[]
  /** Why, for the states that have a reason. A running server has one when a later start of it failed. */
  readonly reason?: string
  /** What to do about it. */
  readonly next?: string
  /** When it last started or failed, ISO 8601. */
  readonly at?: string
}

/** What could be found out. */
export interface StatusReport {
  readonly servers: readonly ServerStatus[]
  /** Why the engine could not be asked; then the servers are told from configuration and records alone. */
  readonly engineFailure?: PluginError
}

/**
 * Looks at every enabled server: what is configured, what the engine has and runs, how the last start went. What was
 * remembered of a server that has been changed since does not count.
 * @throws PluginError for files that are wrong
 */
export async function serverStatus(
  input: ServersInput & {engine: () => Promise<Engine>},
  chosen: {readonly secrets: string; readonly allowMounts: readonly string[]},
): Promise<StatusReport> {
  const [catalogs, profile, secrets, records, asked] = await Promise.all([
    loadCatalogs(input),
    readProfile(input.paths, {}),
    openSecrets(chosen.secrets, input),
    statusStore(input.paths.stateDir, () => new Date()).read(),
    askEngine(input.engine),
  ])
  const plan = buildPlan({
    home: homeDir(input.env),
    names: profile.enabled,
    refused: leftOut(catalogs),
    servers: catalogs.servers,
    config: profile.config,
    tools: profile.tools,
    toolFilter: undefined,
  })
  const engine = 'containers' in asked ? asked : undefined
  const {allowMounts} = chosen
  const sockets = [...(engine?.engine.sockets ?? []), ...agentSockets(input.env)]
  const facts = {secrets, records, engine, allowMounts, sockets, home: homeDir(input.env)}
  const servers = await Promise.all(plan.servers.map(server => statusOf(server, facts)))
  return {servers, ...('failure' in asked && {engineFailure: asked.failure})}
}

interface AskedEngine {
  readonly engine: Engine
  readonly containers: readonly ContainerFacts[]
}

async function askEngine(
  open: () => Promise<Engine>,
): Promise<AskedEngine | {readonly failure: PluginError}> {
  try {
    const engine = await open()
    return {engine, containers: await engine.list({'docker-mcp': 'true'})}
  } catch (error) {
    if (error instanceof PluginError) return {failure: error}
    throw error
  }
}

interface Facts {
  readonly engine: AskedEngine | undefined
  readonly secrets: SecretSource
  readonly allowMounts: readonly string[]
  readonly sockets: readonly string[]
  readonly records: ReadonlyMap<string, ServerRecord>
  readonly home: string
}

async function statusOf(server: PlannedServer, facts: Facts): Promise<ServerStatus> {
  const {name, start} = server
  const containers = (facts.engine?.containers ?? [])
    .filter(({labels, state}) => labels['docker-mcp-name'] === name && state === 'running')
    .map(({id, createdAt}) => ({id: id.slice(0, 12), since: createdAt.toISOString()}))
  if (start instanceof PluginError) {
    const state = containers.length > 0 ? 'running' : 'blocked'
    return {name, containers, state, ...reasonOf(start)}
  }
  const record = currentRecord(facts.records.get(name), start)
  const base = {name, containers, ...(record && {at: record.at})}
  const failed = record?.error
  if (containers.length > 0) return {...base, state: 'running', ...(failed && reasonOf(failed))}
  const blocked = await blockedBy(start, facts)
  if (blocked) return {...base, state: 'blocked', ...reasonOf(blocked)}
  return {...base, ...(await startable(start, failed, facts.engine?.engine))}
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
    const isLocal = (engine?.engine.isLocal ?? false) && !(await runsInContainer())
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
])

async function startable(
  spec: ConnectedSpec,
  failed: ServerRecord['error'],
  engine: Engine | undefined,
): Promise<Pick<ServerStatus, 'state' | 'reason' | 'next'>> {
  const isPresent = spec.kind === 'remote' ? true : await engine?.hasImage(spec.image)
  const isOld =
    failed && (CHECKED_NOW.has(failed.code) || (isPresent && failed.code === 'IMAGE_MISSING'))
  if (failed && !isOld) return {state: 'failed', ...reasonOf(failed)}
  if (isPresent === undefined) return {state: 'unknown'}
  if (spec.kind === 'remote' || isPresent) return {state: 'ready'}
  return {state: 'not pulled', ...missingImage(spec.name, spec.image)}
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
