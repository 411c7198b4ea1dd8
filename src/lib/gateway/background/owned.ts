import {setTimeout as delay} from 'node:timers/promises'
import {PluginError} from '../../base/errors.ts'
import {readKept} from '../../files/kept.ts'
import type {RunningGateway} from '../control/client.ts'
import {namedGateway} from './claim.ts'
import type {Launch} from './launch-file.ts'
import {lastSaid} from './last-said.ts'
import {readLog} from './log-file.ts'
import {gatewayFiles} from './name.ts'
import {runWords} from './run-words.ts'
import {launchdLabel, systemdName} from './service-text.ts'

/**
 * Has the system start a gateway that it keeps running: one that we started would be in its way.
 * @returns undefined when the system does not keep it, or cannot be asked
 * @throws PluginError GATEWAY_START_FAILED
 */
export async function startOwned(
  stateDir: string,
  name: string,
): Promise<RunningGateway | undefined> {
  if (!(await isOwned(stateDir, name))) return undefined
  const {start} = control(name) ?? {}
  if (!start) return undefined
  const {end} = await readLog(gatewayFiles(stateDir, name).log, {lines: 0})
  try {
    await runWords(start)
  } catch {
    return undefined
  }
  return appeared(stateDir, name, end)
}

/**
 * Has the system start a gateway that a person wants to start, when it keeps it running.
 * @param wanted how it is to be started: as a service, it has flags of its own
 * @returns undefined when it is no service, or runs already
 * @throws PluginError GATEWAY_RUNNING when other flags are wanted; GATEWAY_START_FAILED
 */
export async function startAsService(
  stateDir: string,
  name: string,
  wanted: Launch,
): Promise<{gateway: RunningGateway; isNew: boolean} | undefined> {
  if (!(await isOwned(stateDir, name)) || (await namedGateway(stateDir, name))) return undefined
  if (wanted.flags.length > 0) {
    throw new PluginError(
      'GATEWAY_RUNNING',
      `the gateway ${name} is a service, with flags of its own`,
      {
        hint: `give these flags to: docker mcp gateway install-service --name ${name}; or start one with another --name`,
      },
    )
  }
  const gateway = await startOwned(stateDir, name)
  return gateway && {gateway, isNew: true}
}

/** Whether the system keeps the gateway of a name running. On Windows it only starts it, as a person would. */
export async function isOwned(stateDir: string, name: string): Promise<boolean> {
  if ((await readKept(gatewayFiles(stateDir, name).service)) === undefined) return false
  const {ask} = control(name) ?? {}
  if (!ask) return false
  return runWords(ask).then(
    () => true,
    () => false,
  )
}

/** What a gateway takes to read all and to find the engine. */
const APPEARS_MS = 30_000
const LOOK_MS = 100

/**
 * Waits for a gateway that the system was told to start.
 * @param from the length of its log before that, in bytes
 * @throws PluginError GATEWAY_START_FAILED with what it said
 */
export async function appeared(
  stateDir: string,
  name: string,
  from: number,
): Promise<RunningGateway> {
  const {log} = gatewayFiles(stateDir, name)
  const deadline = performance.now() + APPEARS_MS
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- one look after the other
    const running = await namedGateway(stateDir, name)
    if (running) return running
    // oxlint-disable-next-line no-await-in-loop -- as above
    if (performance.now() >= deadline || (await hasFailed(name))) break
    // oxlint-disable-next-line no-await-in-loop -- as above
    await delay(LOOK_MS)
  }
  const {text} = await readLog(log, {offset: from})
  const said = lastSaid(text)
  throw new PluginError(
    'GATEWAY_START_FAILED',
    `the service of the gateway ${name} does not come up${said === '' ? '' : `; it said:\n  ${said}`}`,
    {
      hint: `the system tries again; all that it said is in ${log}, and docker mcp gateway uninstall-service --name ${name} ends it`,
    },
  )
}

/** systemd waits with its next try: nothing more is to be waited for. */
async function hasFailed(name: string): Promise<boolean> {
  const {state} = control(name) ?? {}
  if (!state) return false
  return runWords(state).then(
    said => said.startsWith('auto-restart'),
    () => false,
  )
}

/** How this system is asked and told about a service. */
function control(name: string):
  | {
      /** Fails when the system does not keep it. */
      readonly ask: readonly string[]
      readonly start: readonly string[]
      /** Prints `auto-restart` when it has ended by itself and is to be started again after a pause. */
      readonly state?: readonly string[]
    }
  | undefined {
  if (process.platform === 'linux') {
    const systemctl = ['systemctl', '--user']
    const unit = systemdName(name)
    return {
      ask: [...systemctl, '--quiet', 'is-enabled', unit],
      start: [...systemctl, 'start', unit],
      state: [...systemctl, 'show', '--property', 'SubState', '--value', unit],
    }
  }
  if (process.platform !== 'darwin') return undefined
  const service = `gui/${process.getuid?.() ?? ''}/${launchdLabel(name)}`
  return {ask: ['launchctl', 'print', service], start: ['launchctl', 'kickstart', service]}
}
