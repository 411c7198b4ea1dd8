import {mkdir, stat} from 'node:fs/promises'
import {dirname, resolve} from 'node:path'
import {PluginError, systemCode} from '../base/errors.ts'

/**
 * Makes a folder and those above it that are missing, as `mkdir -p` does. Node's own recursive mkdir tries for ever,
 * with all of a processor, where the system answers ENOENT in a folder that is there, as `/proc` does.
 * @param options `mode`: of every folder that is made
 * @throws PluginError FILE_DENIED where no folder can be; the system's error for every other refusal
 */
export async function makeFolder(path: string, options: {mode?: number} = {}): Promise<void> {
  const missing: string[] = []
  for (let at = resolve(path); !(await isMade(at)); at = dirname(at)) {
    missing.push(at)
    if (dirname(at) === at) break
  }
  for (const folder of missing.toReversed()) await makeOne(folder, options)
}

async function makeOne(folder: string, options: {mode?: number}): Promise<void> {
  try {
    await mkdir(folder, options)
  } catch (error) {
    // Another process was quicker.
    if (systemCode(error) === 'EEXIST' && (await isMade(folder))) return
    if (systemCode(error) !== 'ENOENT') throw error
    throw new PluginError('FILE_DENIED', `no folder can be made at ${folder}`, {
      hint: 'choose another place: the system keeps no files of yours there',
      cause: error,
    })
  }
}

async function isMade(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}

/** Whether a path leads to a folder. One that cannot be looked at is none: reading it says why. */
export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}
