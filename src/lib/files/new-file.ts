import {chmod, open, rm, stat} from 'node:fs/promises'
import {dirname} from 'node:path'
import {PluginError, systemCode} from '../base/errors.ts'
import {followLinks, writeFileAtomic} from './atomic.ts'
import {fileDenied} from './denied.ts'
import {removeDrafts} from './drafts.ts'
import {withFileLock} from './lock.ts'

/**
 * Writes a file that only this user may read, whole or not at all. What one that was killed has left of it is removed, or
 * taken over.
 * @param options `replace`: whether a file that is there may go
 * @throws PluginError FILE_DENIED, which also says that there is one; then that one is as it was
 */
export async function writePrivateFile(
  path: string,
  text: string,
  {replace}: {replace: boolean},
): Promise<void> {
  await folderIsThere(path)
  await withFileLock(path, async () => {
    await removeDrafts(path)
    const isNew = await reserve(path)
    if (!isNew && !replace && !(await isReserved(path))) throw thereAlready(path)
    try {
      if (!isNew) await makePrivate(path)
      await writeFileAtomic(path, text)
    } catch (error) {
      if (isNew) await rm(path, {force: true})
      throw fileDenied(error, {verb: 'write', path})
    }
  })
}

/**
 * Looks whether {@link writePrivateFile} would refuse a path, before something is read that is given to nobody then.
 * @throws PluginError FILE_DENIED
 */
export async function checkNewFile(path: string, {replace}: {replace: boolean}): Promise<void> {
  await folderIsThere(path)
  if (replace || !(await isThere(path)) || (await isReserved(path))) return
  throw thereAlready(path)
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw fileDenied(error, {verb: 'write', path})
  }
}

function thereAlready(path: string): PluginError {
  return new PluginError('FILE_DENIED', `${path} is there already`, {
    hint: 'to replace it, add: --force',
  })
}

/** A folder that is not there is a mistake in the path, and the lock would make it. */
async function folderIsThere(path: string): Promise<void> {
  try {
    await stat(dirname(await followLinks(path)))
  } catch (error) {
    throw fileDenied(error, {verb: 'write', path})
  }
}

/** Whether it is what {@link reserve} makes, of one that went no further. */
async function isReserved(path: string): Promise<boolean> {
  const facts = await stat(path)
  return facts.isFile() && facts.size === 0 && (facts.mode & 0o077) === 0
}

/** An atomic write keeps the mode of what was there, and would put a file in the place of a device. */
async function makePrivate(path: string): Promise<void> {
  if (!(await stat(path)).isFile()) {
    throw new PluginError('FILE_DENIED', `${path} is not a file`, {hint: 'name another one'})
  }
  await chmod(path, 0o600)
}

/** Makes the file, so that what comes to be there in the same moment is not replaced. */
async function reserve(path: string): Promise<boolean> {
  try {
    const handle = await open(await followLinks(path), 'wx', 0o600)
    await handle.close()
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw fileDenied(error, {verb: 'write', path})
  }
}
