import {lstat} from 'node:fs/promises'
import {connect} from 'node:net'
import {dirname} from 'node:path'
import {systemCode} from '../../base/errors.ts'
import type {LogLine} from '../log-ring.ts'
import {ask, follow} from './asking.ts'
import {type GatewayRecord, readRecords, removeDead} from './record.ts'
import {
  type GatewayState,
  logLineSchema,
  type Restarted,
  restartedSchema,
  stoppedSchema,
  stateSchema,
} from './state.ts'

/** A gateway of this user that runs now. */
export interface RunningGateway {
  readonly record: GatewayRecord
  /**
   * How its servers are doing.
   * @throws PluginError GATEWAY_UNREACHABLE when it does not answer within 5 s
   */
  state(signal?: AbortSignal): Promise<GatewayState>
  /**
   * What a server has written to stderr: the last lines, oldest first, and those to come when they are followed.
   * @throws PluginError SERVER_UNKNOWN when this gateway does not serve it, GATEWAY_UNREACHABLE
   */
  logs(
    server: string,
    wanted: {readonly lines: number; readonly follow?: boolean},
    signal?: AbortSignal,
  ): AsyncIterable<LogLine>
  /**
   * Starts a server anew, and waits until it answers.
   * @throws PluginError SERVER_UNKNOWN when this gateway does not serve it; what keeps the server from starting;
   *   GATEWAY_UNREACHABLE when nothing is heard of it for 5 s; the signal's reason
   */
  restart(server: string, signal?: AbortSignal): Promise<Restarted>
  /**
   * Has it end as a signal would, and does not wait for that.
   * @throws PluginError GATEWAY_UNREACHABLE
   */
  stop(): Promise<void>
}

const STATE_MS = 5000
/** Whoever listens here accepts at once, or its machine is very busy. */
const CONNECT_MS = 2000

/**
 * Finds the gateways of this user that run now, the oldest first. What those left that were killed is removed.
 * @param stateDir where this program keeps its state: gateways with another docker configuration are not found
 */
export async function runningGateways(stateDir: string): Promise<readonly RunningGateway[]> {
  const records = await readRecords(stateDir)
  const found = await Promise.all(
    records.map(async record => {
      const answer = (await isOurs(record.socket)) ? await knock(record.socket) : 'unknown'
      if (answer === 'dead') await removeDead(stateDir, record).catch(() => undefined)
      return answer === 'alive' ? [runningGateway(record)] : []
    }),
  )
  return found.flat()
}

function runningGateway(record: GatewayRecord): RunningGateway {
  const {socket, pid} = record
  const to = {socket, pid}
  return {
    record,
    state: signal =>
      ask(to, {method: 'GET', path: '/state', within: STATE_MS, signal}, stateSchema),
    logs: (server, {lines, follow: isFollowed = false}, signal) =>
      follow(
        to,
        {
          method: 'GET',
          path: `/logs?${new URLSearchParams({server, lines: String(lines), ...(isFollowed && {follow: '1'})}).toString()}`,
          within: STATE_MS,
          signal,
        },
        logLineSchema,
      ),
    restart(server, signal) {
      const path = `/restart?${new URLSearchParams({server}).toString()}`
      return ask(to, {method: 'POST', path, within: STATE_MS, signal}, restartedSchema)
    },
    async stop() {
      await ask(to, {method: 'POST', path: '/stop', within: STATE_MS}, stoppedSchema)
    },
  }
}

/**
 * Whether nobody but this user can have put a socket where it is, and can put another there: what listens elsewhere is
 * not told anything, nor believed. What is not there is nobody's.
 */
async function isOurs(socket: string): Promise<boolean> {
  const uid = process.getuid?.()
  if (uid === undefined) return true
  try {
    const folder = await lstat(dirname(socket))
    if (!folder.isDirectory() || folder.uid !== uid || (folder.mode & 0o077) !== 0) return false
    return (await lstat(socket)).uid === uid
  } catch (error) {
    return DEAD.has(systemCode(error) ?? '')
  }
}

/**
 * Whether somebody listens at a socket. One that lets nobody in tells nothing of its gateway: it may be another
 * user's, or too busy.
 */
function knock(socket: string): Promise<'alive' | 'dead' | 'unknown'> {
  return new Promise(resolve => {
    const connection = connect(socket)
    // The timer may itself be late, on a machine that was stopped: what has come meanwhile is seen first.
    const timer = setTimeout(() => setImmediate(end, 'unknown'), CONNECT_MS)
    const end = (answer: 'alive' | 'dead' | 'unknown') => {
      clearTimeout(timer)
      connection.destroy()
      resolve(answer)
    }
    connection.once('connect', () => end('alive'))
    connection.on('error', error => end(DEAD.has(systemCode(error) ?? '') ? 'dead' : 'unknown'))
  })
}

/** ENOTSOCK: something else has come to stand there. */
const DEAD: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOENT', 'ENOTDIR', 'ENOTSOCK'])
