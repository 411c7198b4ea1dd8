import {rename, stat} from 'node:fs/promises'
import {dirname} from 'node:path'
import {systemCode} from '../base/errors.ts'
import {followLinks} from './atomic.ts'
import {fileDenied} from './denied.ts'
import {makeFolder} from './folder.ts'
import {withFileLock} from './lock.ts'
import {openRegular} from './regular.ts'

/** Whoever has the lock for longer is putting the file aside himself. */
const TURN_MS = 1000

/**
 * Opens a file of lines that only grows. Each text is written by a single call of the system to the file's end, so that
 * the lines of two processes never mix. A file that is larger than it may be is put aside as `<file>.1`, in place of the
 * one before it, and the next text begins a new one.
 * @param maxBytes when the file is put aside; it may be larger by one text of each writer
 * @returns appends whole lines, one text after the other; rejects with PluginError FILE_DENIED, or the system's error
 */
export function appendOnly(path: string, maxBytes: number): (lines: string) => Promise<void> {
  let last: Promise<unknown> = Promise.resolve()
  // What is left of a text whose end found no room would swallow the line behind it.
  let isTorn = false

  /** Gives how large the file is then. */
  async function write(lines: string): Promise<number> {
    const bytes = Buffer.from(isTorn ? `\n${lines}` : lines)
    try {
      const target = await followLinks(path)
      await makeFolder(dirname(target))
      await using file = await openRegular(target, 'append')
      const {bytesWritten} = await file.write(bytes)
      isTorn = bytesWritten < bytes.length && (isTorn || bytesWritten > 0)
      if (bytesWritten < bytes.length) {
        throw Object.assign(new Error('no room for it'), {code: 'ENOSPC'})
      }
      return (await file.stat()).size
    } catch (error) {
      throw fileDenied(error, {verb: 'write', path})
    }
  }

  return async lines => {
    const written = last.then(() => write(lines))
    last = written
      .then(size => (size > maxBytes ? putAside(path, maxBytes) : undefined))
      .catch(() => undefined)
    await written
  }
}

/**
 * Reads such a file with the one that was put aside, the older lines first.
 * @returns the lines of both; empty when there is neither
 * @throws PluginError FILE_DENIED
 */
export async function readAppended(path: string): Promise<string> {
  const target = await followLinks(path).catch((error: unknown) => {
    throw fileDenied(error, {verb: 'read', path})
  })
  for (;;) {
    const before = await inodeOf(target)
    const text = (await textOf(asideOf(target))) + (await textOf(target))
    // Put aside between the two, it would be missing.
    if ((await inodeOf(target)) === before) return text
  }
}

/** What was written is in the file whatever becomes of this. */
async function putAside(path: string, maxBytes: number): Promise<void> {
  const look = async () => {
    const target = await followLinks(path)
    // Another process was quicker.
    if ((await stat(target)).size > maxBytes) await rename(target, asideOf(target))
  }
  await withFileLock(path, look, {waitMs: TURN_MS}).catch(() => undefined)
}

function asideOf(path: string): string {
  return `${path}.1`
}

async function textOf(path: string): Promise<string> {
  try {
    await using file = await openRegular(path, 'read')
    return await file.readFile('utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return ''
    throw fileDenied(error, {verb: 'read', path})
  }
}

async function inodeOf(path: string): Promise<bigint | undefined> {
  try {
    return (await stat(path, {bigint: true})).ino
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw fileDenied(error, {verb: 'read', path})
  }
}
