import type {BigIntStats} from 'node:fs'
import {rmdir, stat} from 'node:fs/promises'
import {dirname} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import {PluginError, systemCode} from '../base/errors.ts'
import {followLinks} from './atomic.ts'
import {fileDenied} from './denied.ts'
import {makeFolder} from './folder.ts'

/** A living holder touches its lock every two seconds; one that is older belongs to a process that is gone. */
const STALE_MS = 6000
const TOUCH_MS = 2000
const MAX_PAUSE_MS = 100

/**
 * Runs a task while no other process of ours runs one for the same file. The lock is a folder `<file>.lock`
 * beside the file (beside its target, when the file is a symbolic link); the file itself need not exist.
 * @param task what to do; the lock is given back when it settles
 * @param options `waitMs`: how long to wait for another holder, 10 s when not given; `folderMode`: of the folders above
 *   it that are missing
 * @returns what the task gives
 * @throws PluginError FILE_BUSY when another process keeps the file locked, or took the lock over because this
 *   one was stopped for too long; FILE_DENIED when the folder may not be written; whatever the task throws
 */
export async function withFileLock<T>(
  path: string,
  task: () => Promise<T>,
  options: {waitMs?: number; folderMode?: number} = {},
): Promise<T> {
  const held = await acquire(path, options)
  try {
    const outcome = await task()
    if (await held.isLost()) throw busy(path, 'another process took over its lock')
    return outcome
  } finally {
    await held.release()
  }
}

interface Held {
  isLost(): Promise<boolean>
  release(): Promise<void>
}

async function acquire(
  path: string,
  {waitMs = 10_000, folderMode}: {waitMs?: number; folderMode?: number},
): Promise<Held> {
  try {
    const target = await followLinks(path)
    await makeFolder(dirname(target), folderMode === undefined ? {} : {mode: folderMode})
    const deadline = performance.now() + waitMs
    for (let pause = 10; ; pause = Math.min(pause * 2, MAX_PAUSE_MS)) {
      const held = await tryAcquire(target)
      if (held) return held
      await removeStale(`${target}.lock`)
      const left = deadline - performance.now()
      if (left <= 0) throw busy(path, 'another process keeps it locked', `${target}.lock`)
      await delay(Math.min(pause, left))
    }
  } catch (error) {
    throw fileDenied(error, {verb: 'lock', path})
  }
}

/** Never lets the library judge what is stale: see {@link removeStale}. */
async function tryAcquire(target: string): Promise<Held | undefined> {
  const {default: lockfile} = await import('proper-lockfile')
  let lost = false
  const release = await unlessLocked(
    lockfile.lock(target, {
      realpath: false,
      stale: Number.POSITIVE_INFINITY,
      update: TOUCH_MS,
      onCompromised: () => {
        lost = true
      },
    }),
  )
  if (!release) return undefined
  const lockDir = `${target}.lock`
  const own = await inodeOf(lockDir)
  const isLost = async () => lost || own === undefined || (await inodeOf(lockDir)) !== own
  return {
    isLost,
    release: async () => {
      // What stands there now would be another holder's.
      if (!(await isLost())) await release()
    },
  }
}

/**
 * Removes a dead holder's lock. The library does that without holding anything, so that two processes which
 * see the same stale lock can each remove the other's new one and both go on. Here only the holder of a second
 * lock removes, after looking again.
 */
async function removeStale(lockDir: string): Promise<void> {
  if (!(await isStale(lockDir))) return
  const {default: lockfile} = await import('proper-lockfile')
  const release = await unlessLocked(
    lockfile.lock(lockDir, {realpath: false, stale: STALE_MS, onCompromised: () => {}}),
  )
  if (!release) return
  try {
    if (await isStale(lockDir)) await rmdir(lockDir)
  } finally {
    await release()
  }
}

async function inodeOf(lockDir: string): Promise<bigint | undefined> {
  return (await statOf(lockDir))?.ino
}

async function isStale(lockDir: string): Promise<boolean> {
  const found = await statOf(lockDir)
  return found !== undefined && Number(found.mtimeMs) < Date.now() - STALE_MS
}

async function statOf(lockDir: string): Promise<BigIntStats | undefined> {
  try {
    return await stat(lockDir, {bigint: true})
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

async function unlessLocked<T>(attempt: Promise<T>): Promise<T | undefined> {
  try {
    return await attempt
  } catch (error) {
    if (systemCode(error) === 'ELOCKED') return undefined
    throw error
  }
}

function busy(path: string, reason: string, lockDir?: string): PluginError {
  return new PluginError('FILE_BUSY', `cannot lock ${path}: ${reason}`, {
    hint: lockDir
      ? `try again; if no other docker mcp is running, remove the folder ${lockDir}`
      : `look whether ${path} is as you want it, and try again`,
  })
}
