import {chmod, lstat, stat} from 'node:fs/promises'
import {dirname} from 'node:path'
import {systemCode} from '../base/errors.ts'
import {followLinks, writeFileAtomic} from '../files/atomic.ts'
import {fileDenied} from '../files/denied.ts'
import {withFileLock} from '../files/lock.ts'
import type {StatePaths} from '../files/paths.ts'
import {digestOf, keepBackup, readBackup, whileKept, type Backup} from './backup.ts'
import {depthOf, entryIn, type FileFormat} from './change.ts'
import type {ClientFile} from './client.ts'
import {readClientText, refuseReadOnly} from './client-text.ts'
import {fileFormat} from './formats.ts'
import {lossesOf, NO_LOSSES, type Losses} from './losses.ts'
import {addressKept, changeIn, followDocker, wantedEntry, type Gateway} from './wanted.ts'

/** A file of a client, and where it is. */
export interface ClientPlace {
  readonly file: ClientFile
  readonly path: string
  /** The file is one of a repository, which has no secrets: a new one is as readable as the others there. */
  readonly isProject?: boolean | undefined
}

/** What connecting or disconnecting a client does to its file. */
export interface PlannedChange {
  readonly path: string
  /** Undefined when there is no file. */
  readonly before: string | undefined
  readonly after: string
}

/** What connecting does to a client's file and to its entry. */
export interface PlannedConnect extends PlannedChange {
  readonly losses: Losses
  /** Where the gateway runs, when the entry leads there and stays as it is. */
  readonly address?: string | undefined
}

/** What connecting came to. */
export interface Connected extends Pick<PlannedConnect, 'losses' | 'address'> {
  /** Nothing was to be done. */
  readonly already: boolean
  /** Others can no longer read the file. */
  readonly isNarrowed: boolean
}

const ALREADY = {already: true, isNarrowed: false, losses: NO_LOSSES} as const

/**
 * Finds what connecting would change; writes nothing.
 * @throws PluginError FILE_INVALID with `file:line:column`, FILE_DENIED
 */
export async function planConnect(place: ClientPlace, gateway: Gateway): Promise<PlannedConnect> {
  const {path} = place
  const before = await readClientText(path)
  const planned = edited(await fileFormat(place.file.format), place, {gateway, before})
  if (planned.after !== before) await refuseReadOnly(path)
  return {path, before, ...planned}
}

/**
 * Writes our entry into a client's file, and keeps what the file was before. Nothing else in it changes, and nothing is
 * written when the entry is there already.
 * @param isSecret whether the entry has a token in it: then nobody but the user may read the file
 * @throws PluginError FILE_INVALID with `file:line:column`, FILE_DENIED, FILE_BUSY
 */
export async function connectClient(
  place: ClientPlace,
  input: {readonly paths: StatePaths; readonly gateway: Gateway; readonly isSecret: boolean},
): Promise<Connected> {
  const planned = await planConnect(place, input.gateway)
  const isOpen = input.isSecret && (await openMode(place.path)) !== undefined
  // Without a lock: a file that is right may be one that cannot be written.
  if (planned.before === planned.after && !isOpen) return {...ALREADY, address: planned.address}
  return whileKept(input.paths, place.path, async () => {
    const was = await stateOf(place.path)
    return withFileLock(place.path, () => write(place, input, was))
  })
}

/** What a lock beside the file would hide, or change. */
interface Was {
  /** Folders that have to be made for the file, the innermost first. */
  readonly folders: readonly string[]
  readonly isLink: boolean
}

async function write(
  place: ClientPlace,
  input: {readonly paths: StatePaths; readonly gateway: Gateway; readonly isSecret: boolean},
  was: Was,
): Promise<Connected> {
  const {before, after, losses, address} = await planConnect(place, input.gateway)
  const mode = input.isSecret ? await openMode(place.path) : undefined
  if (before === after && mode === undefined) return {...ALREADY, address}
  const known = await readBackup(input.paths, place.path)
  await keepBackup(input.paths, await backupOf(place, {before, after, mode, was, known}))
  if (mode !== undefined) await narrow(place.path, mode)
  await writeFileAtomic(place.path, after, {mode: place.isProject ? 0o644 : 0o600})
  return {already: false, isNarrowed: mode !== undefined, losses}
}

function edited(
  format: FileFormat,
  {file, path, isProject = false}: ClientPlace,
  {gateway, before}: {gateway: Gateway; before: string | undefined},
): Pick<PlannedConnect, 'after' | 'losses' | 'address'> {
  const text = before ?? ''
  const current = entryIn(format.read(text, path), changeIn(file, undefined), path)
  const address = addressKept(gateway, current)
  if (address !== undefined) return {after: text, losses: NO_LOSSES, address}
  // A file of a repository has none of ours: what is there, somebody wants.
  const {entry, left} = isProject
    ? {entry: current, left: []}
    : followDocker(file, gateway, current)
  const wanted = wantedEntry(file, gateway, entry)
  return {
    after: format.edit(text, changeIn(file, wanted), path),
    losses: lossesOf({current, wanted}, left),
  }
}

/** What is to be kept: of the first change all, of a later one what it was then. */
async function backupOf(
  {file, path}: ClientPlace,
  state: {
    before: string | undefined
    after: string
    mode: number | undefined
    was: Was
    known: Backup | undefined
  },
): Promise<Backup> {
  const {before, after, was, known} = state
  const mode = state.mode ?? known?.mode
  const rights = mode === undefined ? {} : {mode}
  const root = (await fileFormat(file.format)).read(before ?? '', path)
  const change = changeIn(file, undefined)
  if (entryIn(root, change, path) === undefined) {
    const keep = depthOf(root, file.container)
    return {path, ...was, original: before, keep, written: digestOf(after), ...rights}
  }
  const isOurs = known?.written !== undefined && known.written === digestOf(before ?? '')
  if (known) return {...known, written: isOurs ? digestOf(after) : undefined, ...rights}
  // Somebody else wrote the entry: what was before that is not known.
  const keep = file.container.length
  return {path, ...was, original: before, keep, written: undefined, ...rights}
}

/** The rights of a file that others may read; undefined when they may not, or there is none. */
async function openMode(path: string): Promise<number | undefined> {
  try {
    const mode = (await stat(path)).mode & 0o777
    // Windows has no such rights, and makes up what is said here.
    return process.platform !== 'win32' && (mode & 0o077) !== 0 ? mode : undefined
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw fileDenied(error, {verb: 'read', path})
  }
}

/** Before the token is in it. */
async function narrow(path: string, mode: number): Promise<void> {
  try {
    await chmod(path, mode & 0o700)
  } catch (error) {
    throw fileDenied(error, {verb: 'write', path})
  }
}

async function stateOf(path: string): Promise<Was> {
  try {
    const isLink = (await lstat(path).catch(() => undefined))?.isSymbolicLink() === true
    return {isLink, folders: await missingFolders(await followLinks(path))}
  } catch (error) {
    throw fileDenied(error, {verb: 'write', path})
  }
}

async function missingFolders(path: string): Promise<readonly string[]> {
  const missing: string[] = []
  for (let at = dirname(path); at !== dirname(at); at = dirname(at)) {
    try {
      await stat(at)
      break
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') break
      missing.push(at)
    }
  }
  return missing
}
