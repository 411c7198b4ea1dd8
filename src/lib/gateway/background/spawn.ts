import {type ChildProcess, spawn} from 'node:child_process'
import {once} from 'node:events'
import {withDeadline} from '../../base/async.ts'
import {messageOf, PluginError} from '../../base/errors.ts'
import type {GatewayFiles} from './name.ts'
import {lastSaid} from './last-said.ts'
import {openLog, readLog} from './log-file.ts'

/** Longer than reading everything and finding the engine takes on a machine that is very busy. */
const READY_MS = 60_000

/** What a gateway that was started says when clients can come. */
export const READY = 'ready'

export interface SpawnInput {
  /** What starts this program. */
  readonly program: readonly string[]
  readonly words: readonly string[]
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  readonly files: GatewayFiles
  /** Aborted when nobody wants it any more before it is ready. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Starts a gateway that outlives this process: in a session of its own, with nothing of ours open but the log. Waits
 * until it says that it is ready.
 * @returns its process id
 * @throws PluginError GATEWAY_START_FAILED with what it said; the signal's reason. Then it does not run
 */
export async function spawnGateway(input: SpawnInput): Promise<number> {
  const log = await openLog(input.files)
  const offset = (await log.stat()).size
  let child: ChildProcess
  let isReady: Promise<void>
  try {
    const [program = '', ...first] = input.program
    child = spawn(program, [...first, ...input.words], {
      cwd: input.cwd,
      env: ownEnv(input.env),
      detached: true,
      windowsHide: true,
      stdio: ['ignore', log.fd, log.fd, 'ipc'],
    })
    // At once: what cannot be started says so in the next moment.
    isReady = ready(child, input.signal)
    isReady.catch(() => undefined)
  } finally {
    await log.close()
  }
  try {
    await withDeadline(isReady, READY_MS, tooSlow)
  } catch (error) {
    await endChild(child)
    input.signal?.throwIfAborted()
    const {text} = await readLog(input.files.log, {offset})
    throw failed(messageOf(error), text, input.files.log)
  }
  if (child.connected) child.disconnect()
  child.unref()
  if (child.pid === undefined) throw failed('it has no process id', '', input.files.log)
  return child.pid
}

/** docker's socket would end the gateway with the command that started it. */
function ownEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !name.startsWith('DOCKER_CLI_PLUGIN')),
  )
}

function ready(child: ChildProcess, stop: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    stop?.addEventListener('abort', () => reject(stop.reason), {once: true})
    // It may have come while the log was opened.
    if (stop?.aborted) reject(stop.reason)
    child.on('message', said => {
      if (said === READY) resolve()
    })
    child.once('exit', (code, signal) =>
      reject(new Error(`it ended (${signal ?? `exit code ${code}`})`)),
    )
  })
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

function tooSlow(): Error {
  return new Error(`it was not ready within ${READY_MS / 1000} s`)
}

function failed(why: string, said: string, log: string): PluginError {
  const last = lastSaid(said)
  return new PluginError(
    'GATEWAY_START_FAILED',
    last === ''
      ? `the gateway did not start: ${why}`
      : `the gateway did not start: ${why}; it said:\n  ${last}`,
    {hint: `all that it said is in ${log}`},
  )
}
