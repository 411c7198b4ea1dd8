import {PluginError} from '../../base/errors.ts'
import type {ContainerStats, Engine} from '../../engine/engine.ts'
import type {LifeReport, Lives} from '../lives.ts'
import type {PlannedServer} from '../plan.ts'
import {figuresOf} from './figures.ts'
import type {GatewayRecord} from './record.ts'
import type {ConfigurationState, ContainerState, GatewayState, ServerState} from './state.ts'

export interface ReportInput {
  /** Those that are served now. */
  readonly servers: () => readonly PlannedServer[]
  /** What became of the configuration since the start. */
  readonly configuration: () => ConfigurationState
  /** The id of the profile that is served. */
  readonly profile: () => string
  /** The names that the clients give themselves that are there. */
  readonly clients: () => readonly string[]
  readonly lives: Lives
  readonly engine: () => Promise<Engine>
  /** Masks the secrets of all servers, which may quote them in whatever they say. */
  readonly redact: (text: string) => string
}

/** What is told of an error; it may quote a server, which may say anything. */
const LONGEST_WORDS = 16 * 1024

/** Everything that a gateway tells of itself and its servers. */
export async function reportState(
  {owner, pid, version, startedAt, transport, address, name}: GatewayRecord,
  input: ReportInput,
): Promise<GatewayState> {
  const reports = input.servers().map(server => reportOf(server, input, startedAt))
  const ids = reports.flatMap(({containers}) => containers.map(({id}) => id))
  const figures = await figuresOf(input.engine, ids)
  return {
    owner,
    pid,
    version,
    startedAt,
    transport,
    ...(address !== undefined && {address}),
    ...(name !== undefined && {name}),
    profile: input.profile(),
    clients: input.clients(),
    configuration: configurationState(input),
    servers: reports.map(report => serverState(report, figures, input)),
  }
}

function configurationState({configuration, redact}: ReportInput): ConfigurationState {
  const {failure, ...state} = configuration()
  return {...state, ...(failure && {failure: {...wordsOf(failure, redact), at: failure.at}})}
}

/** An error as it may be told outside of the gateway. */
export function wordsOf(
  {code, message, hint}: {code: string; message: string; hint?: string | undefined},
  redact: (text: string) => string,
): {code: string; message: string; hint?: string} {
  const told = (text: string) => redact(text).slice(0, LONGEST_WORDS)
  return {code, message: told(message), ...(hint !== undefined && {hint: told(hint)})}
}

function reportOf({name, start}: PlannedServer, {lives}: ReportInput, since: string): LifeReport {
  const report = lives.of(name).report()
  if (!(start instanceof PluginError) || report.lastError) return report
  // It cannot start, and that was known before anybody asked for it.
  const {code, message, hint} = start
  const lastError = {code, message, ...(hint !== undefined && {hint}), at: since}
  return {...report, state: 'failed', lastError}
}

function serverState(
  {containers, lastError, ...report}: LifeReport,
  figures: ReadonlyMap<string, ContainerStats>,
  {redact}: ReportInput,
): ServerState {
  return {
    ...report,
    ...(lastError && {lastError: {...wordsOf(lastError, redact), at: lastError.at}}),
    containers: containers.map(container => ({...container, ...takes(figures.get(container.id))})),
  }
}

function takes(stats: ContainerStats | undefined): Partial<ContainerState> {
  if (!stats) return {}
  const {memoryBytes, memoryLimitBytes, cpuNanos, at} = stats
  return {
    memoryBytes,
    ...(memoryLimitBytes !== undefined && {memoryLimitBytes}),
    cpuNanos,
    measuredAt: at.toISOString(),
  }
}
