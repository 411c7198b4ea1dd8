import {PluginError} from '../../base/errors.ts'
import type {LogLine} from '../log-ring.ts'
import type {RunningGateway} from './client.ts'
import {pluginError, servedByNone, someGateway} from './processes.ts'

/** What gateways keep of a server's log. */
export interface ServerLog {
  /** The last lines, of all gateways that serve it, in the order of time. */
  readonly lines: readonly LogLine[]
  /** The gateways that serve it. */
  readonly gateways: readonly RunningGateway[]
  /** Of gateways that run and do not answer. */
  readonly failures: readonly PluginError[]
}

/**
 * Reads the last lines of a server's log.
 * @param lines how many of them at most
 * @throws PluginError GATEWAY_UNREACHABLE when no gateway runs, or none tells and one does not answer; SERVER_UNKNOWN
 *   when none serves it
 */
export async function serverLog(
  gateways: readonly RunningGateway[],
  server: string,
  lines: number,
  signal?: AbortSignal,
): Promise<ServerLog> {
  someGateway(gateways)
  const answers = await Promise.all(
    gateways.map(gateway => logOf(gateway, {server, lines, signal})),
  )
  const failures = answers.filter(answer => answer instanceof PluginError)
  const told = answers.flatMap(answer => (answer instanceof PluginError ? [] : (answer ?? [])))
  if (told.length === 0) throw failures[0] ?? (await servedByNone(server, gateways))
  const inTime = told
    .flatMap(one => one.lines)
    .toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at))
  return {
    lines: lines === 0 ? [] : inTime.slice(-lines),
    gateways: told.map(({gateway}) => gateway),
    failures,
  }
}

/** What one gateway tells. @returns undefined when it does not serve it; perhaps another does */
async function logOf(
  gateway: RunningGateway,
  {server, lines, signal}: {server: string; lines: number; signal: AbortSignal | undefined},
): Promise<{gateway: RunningGateway; lines: readonly LogLine[]} | PluginError | undefined> {
  try {
    return {gateway, lines: await all(gateway.logs(server, {lines}, signal))}
  } catch (error) {
    const failure = pluginError(error)
    return failure.code === 'SERVER_UNKNOWN' ? undefined : failure
  }
}

/**
 * Tells of the last lines of a server's log and of each that comes, until all gateways have ended or the signal aborts.
 * One that breaks ends nothing for the others.
 * @param gateways those that serve it, as {@link serverLog} found out
 * @param wanted `lines`: how many of the last ones of each gateway; `onLine` gets them in the order in which they come;
 *   `onFailure` is told why a gateway cannot be followed any more
 */
export async function followLog(
  gateways: readonly RunningGateway[],
  server: string,
  wanted: {
    lines: number
    onLine: (line: LogLine) => void
    onFailure: (failure: PluginError) => void
    signal: AbortSignal
  },
): Promise<void> {
  const {lines, onLine, onFailure, signal} = wanted
  await Promise.all(
    gateways.map(async gateway => {
      try {
        for await (const line of gateway.logs(server, {lines, follow: true}, signal)) onLine(line)
      } catch (error) {
        if (!signal.aborted) onFailure(pluginError(error))
      }
    }),
  )
}

async function all(log: AsyncIterable<LogLine>): Promise<readonly LogLine[]> {
  const lines: LogLine[] = []
  for await (const line of log) lines.push(line)
  return lines
}
