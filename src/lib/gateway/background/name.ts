import {join} from 'node:path'
import {PluginError} from '../../base/errors.ts'
import {isWindowsDevice} from '../../base/windows-device.ts'

/** The name of the gateway in the background when nobody says another. */
const DEFAULT_GATEWAY = 'default'

/** For people. */
export const NAME_RULE = 'up to 64 letters, digits, "_", "-" and "."'

/** Names become file names, and parts of names of services, on every system. */
const NAME = /^[a-z0-9_](?:[a-z0-9_.-]{0,62}[a-z0-9_-])?$/

/** Whether a text can be the name of a gateway. */
export function isGatewayName(text: string): boolean {
  return NAME.test(text) && !isWindowsDevice(text)
}

/**
 * The name of the gateway that is meant: what was said, else the id of the profile that was said, else `default`. Case
 * does not count, since it does not in the file names of some systems.
 * @throws PluginError USAGE for what can be no name
 */
export function gatewayName(said: {
  readonly name?: string | undefined
  readonly profile?: string | undefined
}): string {
  const name = (said.name || said.profile || DEFAULT_GATEWAY).toLowerCase()
  if (isGatewayName(name)) return name
  throw new PluginError('USAGE', `${JSON.stringify(name)} cannot be the name of a gateway`, {
    hint: `say one with --name: ${NAME_RULE}, and none that Windows has a device of, such as con`,
  })
}

/** The files that are kept of a gateway in the background. */
export interface GatewayFiles {
  /** How it was started the last time, and whether it is to run. */
  readonly launch: string
  /** What it has said, and what it had said before that. */
  readonly log: string
  readonly olderLog: string
  /** There when the system keeps it running: the path of what says so. */
  readonly service: string
  /** What is locked while it makes itself known. */
  readonly claim: string
}

/** @param stateDir where this program keeps its state */
export function gatewayFiles(stateDir: string, name: string): GatewayFiles {
  const at = (file: string) => join(stateDir, 'background', file)
  return {
    launch: at(`${name}.json`),
    log: at(`${name}.log`),
    olderLog: at(`${name}.log.1`),
    service: at(`${name}.service`),
    claim: at(`${name}.claim`),
  }
}
