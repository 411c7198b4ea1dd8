import {chmod, rm, rmdir} from 'node:fs/promises'
import {systemCode} from '../base/errors.ts'
import {followLinks, writeFileAtomic} from '../files/atomic.ts'
import {fileDenied} from '../files/denied.ts'
import {withFileLock} from '../files/lock.ts'
import type {StatePaths} from '../files/paths.ts'
import {digestOf, forgetBackup, readBackup, whileKept, type Backup} from './backup.ts'
import {entryIn, type FileFormat} from './change.ts'
import {readClientText, refuseReadOnly} from './client-text.ts'
import {fileFormat} from './formats.ts'
import type {ClientPlace, PlannedChange} from './connect.ts'
import {changeIn} from './wanted.ts'

/** What disconnecting came to. */
export type Disconnected =
  /** There was no entry of ours. */
  | 'already'
  /** The file is, byte for byte, what it was before it was connected; or it is gone, as it was. */
  | 'restored'
  /** The entry is gone; the rest has changed since, and stayed. */
  | 'removed'

/**
 * Finds what disconnecting would change; writes nothing.
 * @returns undefined when there is nothing to do; an `after` of undefined is no file
 * @throws PluginError FILE_INVALID with `file:line:column`, FILE_DENIED
 */
export async function planDisconnect(
  place: ClientPlace,
  paths: StatePaths,
): Promise<(Omit<PlannedChange, 'after'> & {after: string | undefined}) | undefined> {
  const before = await readClientText(place.path)
  if (before === undefined) return undefined
  const format = await fileFormat(place.file.format)
  const change = changeIn(place.file, undefined)
  if (entryIn(format.read(before, place.path), change, place.path) === undefined) return undefined
  await refuseReadOnly(place.path)
  const backup = await readBackup(paths, place.path)
  return {path: place.path, before, after: afterDisconnect(place, {format, before, backup}).after}
}

/**
 * Takes our entry out of a client's file: when nothing else was changed since, the file becomes what it was before, byte for
 * byte.
 * @throws PluginError FILE_INVALID with `file:line:column`, FILE_DENIED, FILE_BUSY
 */
export async function disconnectClient(
  place: ClientPlace,
  paths: StatePaths,
): Promise<Disconnected> {
  // Without a lock: one would make the folder of a file that is not there.
  if ((await planDisconnect(place, paths)) === undefined) {
    // Whoever has removed the entry in another way wants nothing back; and there may be secrets in what is kept.
    await forgetBackup(paths, place.path)
    return 'already'
  }
  return whileKept(paths, place.path, async () => {
    // Another process may have been first.
    if ((await planDisconnect(place, paths)) === undefined) return 'already'
    const backup = await readBackup(paths, place.path)
    const outcome = await withFileLock(place.path, async (): Promise<Disconnected> => {
      const before = await readClientText(place.path)
      if (before === undefined) return 'already'
      const format = await fileFormat(place.file.format)
      const {after, outcome: done} = afterDisconnect(place, {format, before, backup})
      await write(place.path, after, backup)
      return done
    })
    await forgetBackup(paths, place.path)
    if (backup?.original === undefined) await removeFolders(backup?.folders ?? [])
    return outcome
  })
}

function afterDisconnect(
  {file, path}: ClientPlace,
  {format, before, backup}: {format: FileFormat; before: string; backup: Backup | undefined},
): {after: string | undefined; outcome: Disconnected} {
  if (backup?.written !== undefined && backup.written === digestOf(before)) {
    return {after: backup.original, outcome: 'restored'}
  }
  const change = changeIn(file, undefined)
  const keep = Math.min(backup?.keep ?? file.container.length, file.container.length)
  const after = format.edit(before, {...change, keep}, path)
  const isEmpty = /^\uFEFF?\s*(?:\{\s*\}\s*)?$/.test(after)
  if (backup && backup.original === undefined && isEmpty)
    return {after: undefined, outcome: 'restored'}
  return {after, outcome: after === before ? 'already' : 'removed'}
}

async function write(
  path: string,
  after: string | undefined,
  backup: Backup | undefined,
): Promise<void> {
  if (after !== undefined) await writeFileAtomic(path, after)
  try {
    if (after === undefined) await remove(path, backup)
    // With the token gone, the file may be what it was.
    else if (backup?.mode !== undefined) await chmod(path, backup.mode)
  } catch (error) {
    throw fileDenied(error, {verb: 'write', path})
  }
}

/** What is written is where links lead. One that was there before stays, and leads nowhere as it did. */
async function remove(path: string, backup: Backup | undefined): Promise<void> {
  await rm(await followLinks(path), {force: true})
  if (backup?.isLink !== true) await rm(path, {force: true})
}

/** Those that were made for the file, as long as nothing else is in them. */
async function removeFolders(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    try {
      await rmdir(folder)
    } catch (error) {
      if (systemCode(error) === 'ENOENT') continue
      return
    }
  }
}
