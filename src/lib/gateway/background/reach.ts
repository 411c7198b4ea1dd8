import type {Duplex} from 'node:stream'
import {PluginError, systemCode} from '../../base/errors.ts'
import type {RunningGateway} from '../control/client.ts'
import {attachTo} from './attach.ts'
import {namedGateway} from './claim.ts'
import {type Launch, readLaunch} from './launch-file.ts'
import {gatewayFiles} from './name.ts'
import {isOwned, startOwned} from './owned.ts'
import {type BackgroundInput, mustSpeakTo, startHeld, withGatewayLock} from './start.ts'

export interface ReachInput extends BackgroundInput {
  readonly name: string
  /** How it is started when nobody knows how it was started before. */
  readonly launch: () => Promise<Launch>
  /** The id of the profile that it must serve; undefined: whatever it serves. */
  readonly profile: string | undefined
  /** The client of the gateway file whose rules hold. */
  readonly client: string | undefined
}

/**
 * Connects to the gateway of a name. Starts one that was killed, and one that was stopped or never ran when somebody
 * waits for it.
 * @returns undefined when it does not run and is not started
 * @throws PluginError GATEWAY_RUNNING when it serves another profile, or speaks to another engine than the one
 *   that is meant; GATEWAY_START_FAILED, GATEWAY_UNREACHABLE
 */
export async function reachGateway(
  input: ReachInput,
  isWanted: boolean,
): Promise<Duplex | undefined> {
  for (let left = TRIES; ; left -= 1) {
    // oxlint-disable-next-line no-await-in-loop -- the next try is for the gateway after this one
    const running =
      (await namedGateway(input.stateDir, input.name)) ?? (await revive(input, isWanted))
    if (!running) return undefined
    try {
      // oxlint-disable-next-line no-await-in-loop -- as above
      await mustServe(running, input)
      // oxlint-disable-next-line no-await-in-loop -- as above
      return await attachTo(running, input.client)
    } catch (error) {
      // It ended since we looked; nothing was said to it.
      if (left <= 1 || !isGone(error)) throw error
    }
  }
}

/** A gateway that ends whenever it is reached is not started for ever. */
const TRIES = 4

const GONE: ReadonlySet<string> = new Set(['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ENOENT'])

function isGone(error: unknown): boolean {
  const cause = error instanceof PluginError ? error.cause : undefined
  return GONE.has(systemCode(cause) ?? '')
}

async function revive(input: ReachInput, isWanted: boolean): Promise<RunningGateway | undefined> {
  const {stateDir, name, launch} = input
  const {launch: file} = gatewayFiles(stateDir, name)
  // The system starts again what it keeps running.
  const isOurs = async () => isToRun(await readLaunch(file)) && !(await isOwned(stateDir, name))
  if (!isWanted && !(await isOurs())) return undefined
  const owned = await startOwned(stateDir, name)
  if (owned) return owned
  return withGatewayLock(stateDir, name, async () => {
    const running = await namedGateway(stateDir, name)
    if (running) return running
    const kept = await readLaunch(file)
    // It may have been stopped while we waited.
    if (!isWanted && !isToRun(kept)) return undefined
    return (await startHeld(input, name, kept ?? (await launch()))).gateway
  })
}

function isToRun(kept: Launch | undefined): boolean {
  return kept !== undefined && !kept.stopped
}

async function mustServe(running: RunningGateway, input: ReachInput): Promise<void> {
  const {name, profile} = input
  await mustSpeakTo(running, input, input.launch)
  if (profile === undefined) return
  const {profile: served} = await running.state()
  if (served === undefined || served === profile) return
  throw new PluginError(
    'GATEWAY_RUNNING',
    `the gateway ${name} serves the profile ${served}, not ${profile}`,
    {hint: 'leave --profile out to use it, or leave --name out to have a gateway for that profile'},
  )
}
