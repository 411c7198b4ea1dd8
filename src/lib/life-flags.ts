import {Flags} from '@oclif/core'
import type {Interfaces} from '@oclif/core'
import {PluginError} from './base/errors.ts'
import type {StandbySize} from './gateway/life-policy.ts'
import type {GatewayOptions} from './gateway/setup.ts'
import {variable} from './list-flag.ts'
import {parseBytes} from './model/bytes.ts'

const LIFE = {helpGroup: 'Flags for how long containers live'}

/** The flags that say how long the containers of servers live, and how many are kept ready. */
export const lifeFlags = {
  'idle-timeout': Flags.integer({
    summary: 'seconds after which a container that nobody uses is stopped, 0 for never',
    default: 300,
    min: 0,
    max: 86_400,
    env: variable('idle-timeout'),
    helpValue: '<seconds>',
    ...LIFE,
  }),
  'long-lived': Flags.boolean({
    summary: 'keep containers as long as the session that uses them',
    allowNo: true,
    env: variable('long-lived'),
    ...LIFE,
  }),
  standby: Flags.string({
    summary: 'containers that are kept ready: <always>:<while in use> for each server',
    default: '0:1',
    env: variable('standby'),
    helpValue: '<min>:<max>',
    ...LIFE,
  }),
  'standby-memory': Flags.string({
    summary: 'memory that all containers that are kept ready may take',
    default: '256Mb',
    env: variable('standby-memory'),
    helpValue: '<size>',
    ...LIFE,
  }),
}

/**
 * How long containers live, by the flags.
 * @throws PluginError USAGE for what is no number of containers or no size
 */
export function lifeOptions(
  flags: Interfaces.InferredFlags<typeof lifeFlags>,
): Pick<GatewayOptions, 'life' | 'standbyMemoryBytes'> {
  return {
    life: {
      idleMs: flags['idle-timeout'] * 1000 || undefined,
      longLived: flags['long-lived'],
      standby: readStandby(flags.standby),
    },
    standbyMemoryBytes: readStandbyMemory(flags['standby-memory']),
  }
}

/** The same as for a catalog entry. */
const MOST_STANDBY = 32

function readStandby(text: string): StandbySize {
  const [, first = '', second] = /^(\d{1,2})(?::(\d{1,2}))?$/.exec(text) ?? []
  const [min, max] = second === undefined ? [0, Number(first)] : [Number(first), Number(second)]
  if (first !== '' && min <= max && max <= MOST_STANDBY) return {min, max}
  throw new PluginError(
    'USAGE',
    `--standby ${JSON.stringify(text)} is not a number of containers`,
    {
      hint: `write <min>:<max>, at most ${MOST_STANDBY}: 0:1 keeps one ready while a server is used, 1:1 always, 0:0 none`,
    },
  )
}

function readStandbyMemory(text: string): number {
  const bytes = parseBytes(text)
  if (bytes !== undefined) return bytes
  throw new PluginError('USAGE', `--standby-memory ${JSON.stringify(text)} is not a size`, {
    hint: 'write a number with a unit, for example 256Mb',
  })
}
