import {posix, win32} from 'node:path'

import type {Platform} from '../../../src/lib/clients/client.ts'
import type {Machine} from '../../../src/lib/clients/locate.ts'

export const PLATFORMS = ['linux', 'darwin', 'win32'] as const satisfies readonly Platform[]

const HOMES = {linux: '/home/ann', darwin: '/Users/ann', win32: 'C:\\Users\\Ann B'} as const
const ENVS = {
  linux: {},
  darwin: {},
  win32: {
    AppData: 'C:\\Users\\Ann B\\AppData\\Roaming',
    LOCALAPPDATA: 'C:\\Users\\Ann B\\AppData\\Local',
    ProgramFiles: 'C:\\Program Files',
  },
} as const

/** A machine on which only these paths, and the folders that lead to them, are there. */
export function machine(
  platform: Platform,
  files: readonly string[] = [],
  env: Readonly<Record<string, string>> = ENVS[platform],
): Machine {
  const {dirname, normalize} = platform === 'win32' ? win32 : posix
  const there = new Set<string>()
  for (const file of files) {
    for (let at = normalize(file); !there.has(at); at = dirname(at)) there.add(at)
  }
  return {platform, env, home: HOMES[platform], exists: path => there.has(path)}
}
