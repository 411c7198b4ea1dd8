import type {PluginError} from '../../base/errors.ts'
import type {RunningGateway} from './client.ts'
import {statesOf} from './processes.ts'
import type {ConfigurationState, GatewayState, ServerState} from './state.ts'

/** A running gateway as a whole: one line of `gateway status`. */
export interface GatewayRow {
  /** The gateway's own id, which its containers carry as the label `docker-mcp-owner`. */
  readonly gateway: string
  readonly pid: number
  readonly version: string
  /** `stdio`, `streaming` or `sse` */
  readonly transport: string
  /** Where its clients reach it, for those over HTTP. */
  readonly address?: string
  /** By which it is stopped and connected to; most have none. */
  readonly name?: string
  /** The id of the profile that it serves. */
  readonly profile?: string
  /** What the clients call themselves that have a session, or are connected by `gateway connect`. */
  readonly clients?: readonly string[]
  /** ISO 8601 */
  readonly startedAt: string
  /** The names of its servers, in the order of its plan, by what they are doing. */
  readonly servers: Readonly<Partial<Record<ServerState['state'], readonly string[]>>>
  /** What became of the configuration since the start. */
  readonly configuration?: ConfigurationState
}

/** What all gateways that answer tell of themselves. */
export interface GatewaysReport {
  /** The oldest first. */
  readonly rows: readonly GatewayRow[]
  /** Of gateways that run and do not answer. */
  readonly failures: readonly PluginError[]
}

/** Asks all gateways how they are doing. */
export async function gatewaysReport(gateways: readonly RunningGateway[]): Promise<GatewaysReport> {
  const {states, failures} = await statesOf(gateways)
  return {rows: states.map(gatewayRow), failures}
}

/** One gateway as a whole. */
function gatewayRow({owner, servers, ...state}: GatewayState): GatewayRow {
  const byState: Partial<Record<ServerState['state'], string[]>> = {}
  for (const {server, state: does} of servers) (byState[does] ??= []).push(server)
  return {gateway: owner, ...state, servers: byState}
}
