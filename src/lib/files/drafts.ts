import {readdir, rm} from 'node:fs/promises'
import {basename, dirname, join} from 'node:path'
import {systemCode} from '../base/errors.ts'
import {followLinks} from './atomic.ts'
import {fileDenied} from './denied.ts'

/** What `atomically` calls a file that it has not moved into its place yet. */
const DRAFT = /^\.tmp-\d{10}[0-9a-f]{6}$/

/**
 * Removes what processes that were killed while they wrote a file have left beside it. Only for one who holds the lock of
 * that file: then nobody alive is writing it.
 * @throws PluginError FILE_DENIED
 */
export async function removeDrafts(path: string): Promise<void> {
  try {
    const target = await followLinks(path)
    const [folder, name] = [dirname(target), basename(target)]
    const drafts = (await namesIn(folder)).filter(
      entry => entry.startsWith(name) && DRAFT.test(entry.slice(name.length)),
    )
    await Promise.all(drafts.map(draft => rm(join(folder, draft), {force: true})))
  } catch (error) {
    throw fileDenied(error, {verb: 'write', path})
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}
