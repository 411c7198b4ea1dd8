import {readdir} from 'node:fs/promises'
import {PluginError, systemCode} from '../base/errors.ts'
import {readTextFile} from './atomic.ts'
import {fileDenied} from './denied.ts'

/**
 * The names in a folder of files that are kept for later.
 * @returns none when there is no such folder yet
 * @throws PluginError FILE_DENIED when it cannot be read
 */
export async function keptFiles(dir: string): Promise<readonly string[]> {
  try {
    return await readdir(dir)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw fileDenied(error, {verb: 'read', path: dir})
  }
}

/** The text of a file that is only a memory: one that cannot be read is none. */
export async function readKept(path: string): Promise<string | undefined> {
  try {
    return await readTextFile(path)
  } catch (error) {
    if (error instanceof PluginError) return undefined
    throw error
  }
}
