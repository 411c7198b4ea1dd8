import {createHash} from 'node:crypto'
import {readFile, rm, stat} from 'node:fs/promises'
import {join} from 'node:path'
import * as z from 'zod'
import {writeFileAtomic} from '../files/atomic.ts'
import {keptFiles} from '../files/kept.ts'
import {withFileLock} from '../files/lock.ts'
import type {StatePaths} from '../files/paths.ts'

/** One for each file of a client; a person has a few, in every repository perhaps. */
const MOST_BACKUPS = 200

/** What a file of a client was before our first change, and what is needed to take that back. */
export interface Backup {
  readonly path: string
  /** The whole text; undefined when there was no file. */
  readonly original: string | undefined
  /** How many of the container's keys there were. */
  readonly keep: number
  /** Folders that were made for the file, the innermost first. */
  readonly folders: readonly string[]
  /** Of the text that we wrote last; undefined when a person had changed something else before. */
  readonly written: string | undefined
  /** The rights of the file, when they were narrowed. */
  readonly mode?: number | undefined
  /** A link stood at the path, which led nowhere. */
  readonly isLink?: boolean | undefined
}

const SCHEMA = z.object({
  path: z.string(),
  original: z.string().optional(),
  keep: z.number().int().min(0),
  folders: z.array(z.string()),
  written: z.string().optional(),
  mode: z.number().int().min(0).max(0o777).optional(),
  isLink: z.boolean().optional(),
})

/** What is kept of a file; undefined when nothing is, or it cannot be read. */
export async function readBackup(paths: StatePaths, path: string): Promise<Backup | undefined> {
  try {
    const text = await readFile(backupFile(paths, path), 'utf8')
    const found = SCHEMA.safeParse(JSON.parse(text)).data
    return found?.path === path
      ? {...found, original: found.original, written: found.written}
      : undefined
  } catch {
    // A backup that is broken is none: the entry is still removed, alone.
    return undefined
  }
}

/**
 * Keeps a backup, for this user only: files of clients have credentials in them.
 * @throws PluginError FILE_DENIED
 */
export async function keepBackup(paths: StatePaths, backup: Backup): Promise<void> {
  const file = backupFile(paths, backup.path)
  await writeFileAtomic(file, `${JSON.stringify(backup)}\n`, {mode: 0o600})
  await forgetOldest(join(file, '..'))
}

/**
 * Runs a task while no other process of ours changes a file of a client or what is kept of it. Beside the file there is
 * another lock, which makes its folder: what folders were there before is to be known first.
 * @throws PluginError FILE_BUSY, FILE_DENIED; what the task throws
 */
export function whileKept<T>(paths: StatePaths, path: string, task: () => Promise<T>): Promise<T> {
  return withFileLock(backupFile(paths, path), task)
}

/** Removes the backup of a file, if there is one. */
export async function forgetBackup(paths: StatePaths, path: string): Promise<void> {
  await rm(backupFile(paths, path), {force: true})
}

/** What tells whether a text is the one that we wrote. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function backupFile({stateDir}: StatePaths, path: string): string {
  return join(stateDir, 'clients', `${digestOf(path).slice(0, 32)}.json`)
}

async function forgetOldest(folder: string): Promise<void> {
  const names = (await keptFiles(folder)).filter(name => name.endsWith('.json'))
  if (names.length <= MOST_BACKUPS) return
  const all = await Promise.all(
    names.map(async name => {
      const file = join(folder, name)
      const {mtimeMs} = await stat(file).catch(() => ({mtimeMs: 0}))
      return {file, mtimeMs}
    }),
  )
  const old = all.toSorted((a, b) => b.mtimeMs - a.mtimeMs).slice(MOST_BACKUPS)
  await Promise.all(old.map(({file}) => rm(file, {force: true})))
}
