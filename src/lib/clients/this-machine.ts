import {lstatSync} from 'node:fs'
import {homedir} from 'node:os'
import {homeDir} from '../files/paths.ts'
import type {Platform} from './client.ts'
import type {Machine} from './locate.ts'

/** The machine that this process runs on. */
export function thisMachine(env: NodeJS.ProcessEnv): Machine {
  const platform = knownPlatform(process.platform)
  // A shell of Unix on Windows has a HOME of its own, which no client of Windows looks at.
  const home = platform === 'win32' ? env['USERPROFILE'] || homedir() : homeDir(env)
  return {platform, env, home, exists: isThere}
}

/** Whether something is there, be it a link that leads nowhere. */
export function isThere(path: string): boolean {
  try {
    return lstatSync(path, {throwIfNoEntry: false}) !== undefined
  } catch {
    return false
  }
}

/** Other systems are like Linux, as far as clients are concerned. */
function knownPlatform(platform: NodeJS.Platform): Platform {
  return platform === 'darwin' || platform === 'win32' ? platform : 'linux'
}
