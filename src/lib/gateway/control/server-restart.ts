import {PluginError} from '../../base/errors.ts'
import type {RunningGateway} from './client.ts'
import {pluginError, servedByNone, someGateway} from './processes.ts'

/** What became of starting a server anew, in all gateways that serve it. */
export interface RestartReport {
  readonly server: string
  /** How many gateways did it. */
  readonly gateways: number
  /** How many containers, or connections to a remote server, were started. */
  readonly restarted: number
  /** It runs elsewhere, so connections were started. */
  readonly isRemote: boolean
  /** What kept it from starting, in the first gateway where something did. */
  readonly error?: PluginError
}

/**
 * Starts servers anew, all at once, and waits until they answer.
 * @param signal for a wait that is given up; what others have done by then is told all the same
 * @returns in the order of the names; a server that cannot be started does not keep others from it
 * @throws PluginError GATEWAY_UNREACHABLE when no gateway runs
 */
export async function restartServers(
  gateways: readonly RunningGateway[],
  servers: readonly string[],
  signal?: AbortSignal,
): Promise<readonly RestartReport[]> {
  someGateway(gateways)
  return Promise.all([...new Set(servers)].map(server => restartServer(gateways, server, signal)))
}

async function restartServer(
  gateways: readonly RunningGateway[],
  server: string,
  signal: AbortSignal | undefined,
): Promise<RestartReport> {
  const outcomes = await Promise.all(
    gateways.map(gateway =>
      gateway
        .restart(server, signal)
        .catch((error: unknown) => (signal?.aborted ? givenUp(gateway) : pluginError(error))),
    ),
  )
  const done = outcomes.flatMap(outcome => (outcome instanceof PluginError ? [] : [outcome]))
  const failures = outcomes.filter(outcome => outcome instanceof PluginError)
  const served = failures.filter(({code}) => code !== 'SERVER_UNKNOWN')
  const isUnknown = done.length === 0 && served.length === 0
  const error = isUnknown ? await servedByNone(server, gateways) : served[0]
  const restarted = done.reduce((sum, one) => sum + one.restarted, 0)
  const isRemote = done.some(one => one.isRemote)
  return {server, gateways: done.length, restarted, isRemote, ...(error && {error})}
}

function givenUp({record: {pid}}: RunningGateway): PluginError {
  return new PluginError(
    'GATEWAY_UNREACHABLE',
    `the gateway with process id ${pid} was not waited for: it may start the server anew all the same`,
    {hint: 'docker mcp gateway ps shows what runs'},
  )
}
