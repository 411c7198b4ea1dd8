import {readFile} from 'node:fs/promises'
import {setTimeout as delay} from 'node:timers/promises'
import {PluginError, systemCode} from '../../base/errors.ts'
import type {Engine} from '../../engine/engine.ts'
import type {RunningGateway} from '../control/client.ts'
import {namedGateway} from './claim.ts'
import {readKept} from '../../files/kept.ts'
import {readLaunch, writeLaunch} from './launch-file.ts'
import {inFolder} from './launch-folder.ts'
import {gatewayFiles} from './name.ts'
import {type BackgroundInput, type Started, startHeld, withGatewayLock} from './start.ts'

export interface StopInput {
  readonly stateDir: string
  /** For what is left of one that had to be killed. */
  readonly engine: () => Promise<Engine>
}

export type Stopped = 'stopped' | 'killed' | 'not running'

/** A gateway takes up to 15 s when its servers do not end by themselves. */
const GRACE_MS = 20_000
/** What a process takes to be gone that was killed, and its watchdog to clear away what it left. */
const GONE_MS = 15_000
const LOOK_MS = 25

/**
 * Stops the gateway of a name, and waits until it and its containers are gone.
 * @throws PluginError GATEWAY_UNREACHABLE when it cannot be ended
 */
export function stopGateway(input: StopInput, name: string): Promise<Stopped> {
  return withGatewayLock(input.stateDir, name, async () => {
    const file = gatewayFiles(input.stateDir, name).launch
    const launch = await readLaunch(file)
    // First, so that nobody who loses it now starts it again.
    if (launch) await writeLaunch(file, {...launch, stopped: true})
    return stopHeld(input, name)
  })
}

/**
 * Stops the gateway of a name and starts it as it was started.
 * @throws PluginError GATEWAY_UNREACHABLE when none is known; GATEWAY_RUNNING when somebody else started it;
 *   GATEWAY_START_FAILED
 */
export function restartGateway(input: StopInput & BackgroundInput, name: string): Promise<Started> {
  return withGatewayLock(input.stateDir, name, async () => {
    const files = gatewayFiles(input.stateDir, name)
    const launch = await readLaunch(files.launch)
    if (!launch || (await readKept(files.service)) !== undefined) {
      throw await notOurs(input.stateDir, name)
    }
    // What cannot be started is not stopped: its folder may be gone, or the disk full, which writing the same again shows.
    const next = await inFolder(launch)
    await writeLaunch(files.launch, launch)
    await stopHeld(input, name)
    return startHeld(input, name, next)
  })
}

async function stopHeld({stateDir, engine}: StopInput, name: string): Promise<Stopped> {
  const gateway = await namedGateway(stateDir, name)
  if (!gateway) return 'not running'
  const {pid, owner} = gateway.record
  if (await endsByItself(gateway)) return 'stopped'
  kill(pid)
  if (!(await isGone(pid, GONE_MS))) {
    throw new PluginError(
      'GATEWAY_UNREACHABLE',
      `process ${pid} of the gateway ${name} does not end`,
      {
        hint: 'end it yourself, then try again',
      },
    )
  }
  await containersGone(engine, owner)
  return 'killed'
}

/** One that hangs does not even answer; one that answers has done all its clearing away when its process ends. */
async function endsByItself(gateway: RunningGateway): Promise<boolean> {
  try {
    await gateway.stop()
  } catch {
    return isGone(gateway.record.pid, 0)
  }
  return isGone(gateway.record.pid, GRACE_MS)
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error
  }
}

async function isGone(pid: number, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs
  while (await isRunning(pid)) {
    if (performance.now() >= deadline) return false
    await delay(LOOK_MS)
  }
  return true
}

/** One that has ended keeps its number until somebody asks for its exit code. */
async function isRunning(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return systemCode(error) === 'EPERM'
  }
  if (process.platform !== 'linux') return true
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The name before it is in brackets, and may hold anything (proc(5)).
  return !/^\d+ \([^]*\) [ZX] /.test(stat)
}

/** The watchdog of a gateway that was killed removes them. */
async function containersGone(open: () => Promise<Engine>, owner: string): Promise<void> {
  const engine = await open().catch(() => undefined)
  if (!engine) return
  const deadline = performance.now() + GONE_MS
  while (performance.now() < deadline) {
    const left = await engine.list({'docker-mcp-owner': owner}).catch(() => [])
    if (left.length === 0) return
    await delay(LOOK_MS * 4)
  }
}

async function notOurs(stateDir: string, name: string): Promise<PluginError> {
  const running = await namedGateway(stateDir, name)
  if (!running) {
    return new PluginError(
      'GATEWAY_UNREACHABLE',
      `no gateway ${name} was started in the background`,
      {
        hint: `start it with: docker mcp gateway start --name ${name}`,
      },
    )
  }
  return new PluginError(
    'GATEWAY_RUNNING',
    `the gateway ${name} was not started by gateway start`,
    {
      hint: `start it again where it was started`,
    },
  )
}
