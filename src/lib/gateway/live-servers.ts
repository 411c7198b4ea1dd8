import type {RunningGateway} from './control/client.ts'
import {cpuPercent} from './control/cpu.ts'
import type {ContainerState, GatewayState, ServerState} from './control/state.ts'
import type {LifeReport, LifeState} from './lives.ts'

/** A gateway of this user that runs now, as far as its state is concerned. */
export interface LiveGateway extends Pick<RunningGateway, 'state'> {
  readonly record: Pick<RunningGateway['record'], 'owner'>
}

/** The same gateway, which is not asked again after it has once not answered. */
export function notAgain(gateway: LiveGateway): LiveGateway {
  let failure: {readonly error: unknown} | undefined
  return {
    record: gateway.record,
    async state(signal) {
      if (failure) throw failure.error
      try {
        return await gateway.state(signal)
      } catch (error) {
        failure = {error}
        throw error
      }
    },
  }
}

/** What all running gateways together tell of one server. */
export interface LiveServer {
  readonly state: LifeState
  readonly containers: readonly ContainerState[]
  readonly restarts: number
  /** ISO 8601 */
  readonly lastUsedAt?: string
  readonly lastError?: NonNullable<LifeReport['lastError']>
}

/** A server that is in use somewhere is in use; one that failed somewhere has failed, unless it works elsewhere. */
const STATES: readonly LifeState[] = ['ready', 'starting', 'idle', 'failed', 'sleeping']

/** What gateways tell of each server, put together. */
export function liveServers(gateways: readonly GatewayState[]): ReadonlyMap<string, LiveServer> {
  const told = Map.groupBy(
    gateways.flatMap(({servers}) => servers),
    ({server}) => server,
  )
  return new Map([...told].map(([server, reports]) => [server, together(reports)]))
}

function together(reports: readonly ServerState[]): LiveServer {
  const lastUsedAt = latest(reports.map(report => report.lastUsedAt))
  const errors = reports.flatMap(({lastError}) => (lastError ? [lastError] : []))
  const [lastError] = errors.toSorted((one, other) => Date.parse(other.at) - Date.parse(one.at))
  return {
    state: STATES.find(state => reports.some(report => report.state === state)) ?? 'sleeping',
    containers: reports.flatMap(({containers}) => containers),
    restarts: reports.reduce((sum, report) => sum + report.restarts, 0),
    ...(lastUsedAt !== undefined && {lastUsedAt}),
    ...(lastError && {lastError}),
  }
}

function latest(times: readonly (string | undefined)[]): string | undefined {
  return times
    .filter(time => time !== undefined)
    .toSorted((one, other) => Date.parse(other) - Date.parse(one))[0]
}

/** Makes per cent out of processor time, which takes two looks at a container. */
export class CpuMeter {
  #last: ReadonlyMap<string, ContainerState> = new Map()

  /** @returns by id, per cent of one core since the look before; nothing for what was not measured then and now */
  look(containers: readonly ContainerState[]): ReadonlyMap<string, number> {
    const last = this.#last
    this.#last = new Map(containers.map(container => [container.id, container]))
    return new Map(
      containers.flatMap(container => {
        const percent = cpuPercent(last.get(container.id), container)
        return percent === undefined ? [] : [[container.id, percent] as const]
      }),
    )
  }
}
