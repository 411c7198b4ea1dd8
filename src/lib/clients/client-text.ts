import {constants} from 'node:fs'
import {open, stat} from 'node:fs/promises'
import {PluginError, systemCode} from '../base/errors.ts'
import {fileDenied} from '../files/denied.ts'

/** Claude Code keeps much else in its file; what is larger than this is no file of settings. */
const MOST_BYTES = 64 * 1024 * 1024

/**
 * Reads a file of a client as it is, its byte order mark too, so that writing the text gives the same bytes.
 * @returns undefined when there is no such file, or a link leads nowhere
 * @throws PluginError FILE_DENIED; FILE_INVALID when it is no regular file, larger than 64 MiB, or not UTF-8
 */
export async function readClientText(path: string): Promise<string | undefined> {
  try {
    return textIn(await bytesOf(path), path)
  } catch (error) {
    if (error instanceof PluginError) throw error
    if (systemCode(error) === 'ENOENT') return undefined
    throw fileDenied(error, {verb: 'read', path})
  }
}

/**
 * Refuses a file that its owner may not write: whoever made it so does not want it changed. A folder that may be written
 * would let us replace it.
 * @throws PluginError FILE_DENIED
 */
export async function refuseReadOnly(path: string): Promise<void> {
  try {
    if (((await stat(path)).mode & 0o200) !== 0) return
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return
    throw fileDenied(error, {verb: 'read', path})
  }
  throw new PluginError('FILE_DENIED', `cannot write ${path}: it is read-only`, {
    hint: `if you mean it, make it writable: chmod u+w ${path}`,
  })
}

async function bytesOf(path: string): Promise<Buffer> {
  const {size} = regular(await stat(path), path)
  if (size > MOST_BYTES) throw invalid(path, 'it is too large for a file of settings')
  // A pipe that took its place since would be waited for.
  const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    regular(await handle.stat(), path)
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}

function regular<T extends {isFile(): boolean; isDirectory(): boolean}>(found: T, path: string): T {
  if (found.isDirectory()) throw invalid(path, 'a folder stands in its place')
  if (!found.isFile()) throw invalid(path, 'it is not a regular file')
  return found
}

function textIn(bytes: Buffer, path: string): string {
  if (bytes.includes(0)) throw invalid(path, 'it is not text in UTF-8')
  try {
    return new TextDecoder('utf-8', {fatal: true, ignoreBOM: true}).decode(bytes)
  } catch (error) {
    throw invalid(path, 'it is not text in UTF-8', error)
  }
}

function invalid(path: string, reason: string, cause?: unknown): PluginError {
  const hint = 'look what it is; the client cannot read it either'
  return new PluginError('FILE_INVALID', `${path}: ${reason}`, {hint, cause})
}
