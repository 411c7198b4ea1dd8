import * as z from 'zod'
import type {ContainerReport, LifeReport} from '../lives.ts'
import type {LogLine} from '../log-ring.ts'

/** What a gateway tells of itself and its servers. */
export interface GatewayState {
  /** The gateway's own id, which every container of it carries as the label `docker-mcp-owner`. */
  readonly owner: string
  readonly pid: number
  readonly version: string
  /** ISO 8601 */
  readonly startedAt: string
  /** `stdio`, `streaming` or `sse` */
  readonly transport: string
  /** Where its clients reach it, for those over HTTP. */
  readonly address?: string
  /** By which it is stopped and connected to. */
  readonly name?: string
  /** The id of the profile that it serves; gateways of earlier versions do not tell. */
  readonly profile?: string
  /** What clients call themselves that have a session or are connected; gateways of earlier versions do not tell. */
  readonly clients?: readonly string[]
  /** What became of the configuration since then; gateways of earlier versions do not tell. */
  readonly configuration?: ConfigurationState
  /** All that it serves, those too that nobody has asked for anything, in the order of its plan. */
  readonly servers: readonly ServerState[]
}

/** What became of the configuration since a gateway was started. */
export interface ConfigurationState {
  /** Whether changes of the files are followed. */
  readonly isWatched: boolean
  /** When it was last read anew and taken over, ISO 8601. */
  readonly reloadedAt?: string
  /** Servers that came then. */
  readonly added?: readonly string[]
  /** Servers that went then. */
  readonly removed?: readonly string[]
  /** Servers that became others then. */
  readonly changed?: readonly string[]
  /** Why it cannot be used as it is now, and since when: what is served is what there was before. */
  readonly failure?: Failure
  /** Settings that have changed and count only for a gateway that is started anew. */
  readonly needsRestart: readonly string[]
}

type Failure = NonNullable<LifeReport['lastError']>

export interface ServerState extends Omit<LifeReport, 'containers'> {
  readonly containers: readonly ContainerState[]
}

/** A container with what it takes; the figures are not there when the engine could not tell them in time. */
export interface ContainerState extends ContainerReport {
  /** As `docker stats` counts it. */
  readonly memoryBytes?: number
  readonly memoryLimitBytes?: number
  /** What it has used of all cores since it was started, in nanoseconds. */
  readonly cpuNanos?: number
  /** When the figures were taken, by the engine's clock, ISO 8601. */
  readonly measuredAt?: string
}

const MOST_TEXT = 64 * 1024
const text = z.string().max(MOST_TEXT)
const moment = z.iso.datetime()
const amount = z.number().nonnegative()

const containerSchema = z.object({
  id: text,
  name: text,
  since: moment,
  use: z.enum(['serving', 'standby']),
  memoryBytes: amount.exactOptional(),
  memoryLimitBytes: amount.exactOptional(),
  cpuNanos: amount.exactOptional(),
  measuredAt: moment.exactOptional(),
})

const failureSchema = z.object({
  code: text,
  message: text,
  hint: text.exactOptional(),
  at: moment,
})

const configurationSchema = z.object({
  isWatched: z.boolean(),
  reloadedAt: moment.exactOptional(),
  added: z.array(text).exactOptional(),
  removed: z.array(text).exactOptional(),
  changed: z.array(text).exactOptional(),
  failure: failureSchema.exactOptional(),
  needsRestart: z.array(text),
})

const serverSchema = z.object({
  server: text,
  state: z.enum(['starting', 'ready', 'idle', 'failed', 'sleeping']),
  containers: z.array(containerSchema),
  restarts: z.int().nonnegative(),
  lastUsedAt: moment.exactOptional(),
  lastError: failureSchema.exactOptional(),
})

/** `GET /state`. */
export const stateSchema: z.ZodType<GatewayState> = z.object({
  owner: text,
  pid: z.int().positive(),
  version: text,
  startedAt: moment,
  transport: text,
  address: text.exactOptional(),
  name: text.exactOptional(),
  profile: text.exactOptional(),
  clients: z.array(text).exactOptional(),
  configuration: configurationSchema.exactOptional(),
  servers: z.array(serverSchema),
})

/** One line of `GET /logs`. */
export const logLineSchema: z.ZodType<LogLine> = z.object({
  at: moment,
  container: text,
  text,
})

/** `POST /restart`. */
export interface Restarted {
  /** How many containers, or connections to a remote server, were started. */
  readonly restarted: number
  readonly isRemote: boolean
}
export const restartedSchema: z.ZodType<Restarted> = z.object({
  restarted: z.int().nonnegative(),
  isRemote: z.boolean(),
})

/** `POST /stop`. */
export const stoppedSchema: z.ZodType<{readonly pid: number}> = z.object({
  pid: z.int().positive(),
})

/** What a gateway answers instead when it cannot do what it was asked; with status 200 when it learned it late. */
export const refusalSchema = z.object({
  code: text,
  message: text,
  hint: text.exactOptional(),
})
