import {setTimeout as sleep} from 'node:timers/promises'
import {PluginError} from '../../base/errors.ts'
import type {ContainerReport, LifeReport} from '../lives.ts'
import type {RunningGateway} from './client.ts'
import {cpuPercent} from './cpu.ts'
import type {ContainerState, GatewayState} from './state.ts'

/** A container of a running gateway, or a server that is wanted and has none. */
export interface ProcessRow extends Omit<LifeReport, 'containers'> {
  /** The gateway's own id, which its containers carry as the label `docker-mcp-owner`. */
  readonly gateway: string
  /** The gateway's process. */
  readonly pid: number
  readonly container?: ProcessContainer
}

export interface ProcessContainer extends ContainerReport {
  readonly memoryBytes?: number
  readonly memoryLimitBytes?: number
  /** Of one core, in the moment of the look. */
  readonly cpuPercent?: number
}

/** What all gateways that answer tell. */
export interface ProcessReport {
  /** How many gateways answer. */
  readonly answering: number
  readonly rows: readonly ProcessRow[]
  /** Of gateways that run and do not answer. */
  readonly failures: readonly PluginError[]
}

/** So long is looked at what the processor does. */
const BETWEEN_LOOKS_MS = 300

/** Asks all gateways what runs; twice when something does, to tell what the processor does for it. */
export async function processes(gateways: readonly RunningGateway[]): Promise<ProcessReport> {
  const first = await statesOf(gateways)
  const isMeasured = containersOf(first.states).some(({cpuNanos}) => cpuNanos !== undefined)
  if (isMeasured) await sleep(BETWEEN_LOOKS_MS)
  // Whoever did not answer is not waited for again.
  const second = isMeasured ? await statesOf(first.answering) : {states: first.states, failures: []}
  const {states} = second
  return {
    answering: states.length,
    rows: processRows(states, first.states),
    failures: [...first.failures, ...second.failures],
  }
}

/**
 * A row for each container, the oldest first, and one for each server without any that is being started or failed.
 * What sleeps has none.
 * @param before an earlier look, for what the processor does
 */
export function processRows(
  states: readonly GatewayState[],
  before: readonly GatewayState[],
): readonly ProcessRow[] {
  const earlier = new Map(containersOf(before).map(container => [container.id, container]))
  return states.flatMap(({owner, pid, servers}) =>
    servers.flatMap(({containers, ...server}): readonly ProcessRow[] => {
      const row = {gateway: owner, pid, ...server}
      if (containers.length === 0) {
        return server.state === 'failed' || server.state === 'starting' ? [row] : []
      }
      return containers
        .toSorted((a, b) => Date.parse(a.since) - Date.parse(b.since))
        .map(container => ({...row, container: measured(container, earlier.get(container.id))}))
    }),
  )
}

/** @throws PluginError GATEWAY_UNREACHABLE: what can be seen of servers is seen by gateways that run */
export function someGateway(gateways: readonly RunningGateway[]): void {
  if (gateways.length > 0) return
  throw new PluginError('GATEWAY_UNREACHABLE', 'no gateway of this user runs', {
    hint: 'open the client that starts one, or run: docker mcp gateway run',
  })
}

/** The error for a server that none of these gateways serves. */
export async function servedByNone(
  server: string,
  gateways: readonly RunningGateway[],
): Promise<PluginError> {
  const {states} = await statesOf(gateways)
  const names = [...new Set(states.flatMap(({servers}) => servers.map(each => each.server)))]
  return new PluginError('SERVER_UNKNOWN', `no running gateway serves ${server}`, {
    hint:
      names.length === 0
        ? 'enable it and start the gateway again: docker mcp server enable <name>'
        : `they serve: ${names.join(', ')}`,
  })
}

/** Asks all gateways how they are doing. */
export async function statesOf(gateways: readonly RunningGateway[]): Promise<{
  readonly states: readonly GatewayState[]
  /** The gateways that did. */
  readonly answering: readonly RunningGateway[]
  readonly failures: readonly PluginError[]
}> {
  const answers = await Promise.all(
    gateways.map(gateway => gateway.state().catch((error: unknown) => pluginError(error))),
  )
  return {
    states: answers.flatMap(answer => (answer instanceof PluginError ? [] : [answer])),
    answering: gateways.filter((_, index) => !(answers[index] instanceof PluginError)),
    failures: answers.filter(answer => answer instanceof PluginError),
  }
}

/** @throws what is a defect of the program */
export function pluginError(error: unknown): PluginError {
  if (error instanceof PluginError) return error
  throw error
}

function containersOf(states: readonly GatewayState[]): readonly ContainerState[] {
  return states.flatMap(({servers}) => servers.flatMap(({containers}) => containers))
}

function measured(
  {cpuNanos, measuredAt, ...container}: ContainerState,
  before: ContainerState | undefined,
): ProcessContainer {
  const percent = cpuPercent(before, {
    ...(cpuNanos !== undefined && {cpuNanos}),
    ...(measuredAt !== undefined && {measuredAt}),
  })
  return {...container, ...(percent !== undefined && {cpuPercent: percent})}
}
