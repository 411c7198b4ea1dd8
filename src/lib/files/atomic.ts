import {lstat, mkdir, open, readlink, realpath, type FileHandle} from 'node:fs/promises'
import {basename, dirname, resolve} from 'node:path'
import {PluginError, systemCode} from '../base/errors.ts'
import {fileDenied} from './denied.ts'
import {loadDeafToSignals} from './signals.ts'

/** Nothing that a person keeps in a file of ours comes near this; what is larger is a mistake or an attack. */
const MAX_BYTES = 16 * 1024 * 1024

/** Virus scanners hold files on Windows for moments; elsewhere a refusal is final and waiting helps nobody. */
const RETRY_MS = 1000

/**
 * Replaces a file so that a reader sees the old text or the new text and never a part.
 * Creates the folder; keeps the mode and the owner of an existing file; writes through symbolic links.
 * @param options `mode`: of a file that does not exist yet, 0600 when not given
 * @throws PluginError FILE_DENIED naming the file
 */
export async function writeFileAtomic(
  path: string,
  text: string,
  options: {mode?: 0o600 | 0o644} = {},
): Promise<void> {
  try {
    const target = await followLinks(path)
    await mkdir(dirname(target), {recursive: true})
    const kept = await exists(target)
    const {writeFile} = await loadDeafToSignals(() => import('atomically'))
    await writeFile(target, text, {
      timeout: RETRY_MS,
      ...(kept ? {} : {mode: options.mode ?? 0o600}),
    })
  } catch (error) {
    throw fileDenied(error, {verb: 'write', path})
  }
}

/**
 * Reads a file of text; a byte order mark is taken off.
 * @returns the text, or undefined when there is no such file
 * @throws PluginError FILE_DENIED when it may not be read or is a folder; FILE_INVALID when it is larger than
 *   16 MiB or not UTF-8
 */
export async function readTextFile(path: string): Promise<string | undefined> {
  const bytes = await readBytes(path)
  if (bytes === undefined) return undefined
  if (bytes.length > MAX_BYTES) {
    throw new PluginError('FILE_INVALID', `${path} is larger than 16 MiB`, {
      hint: `check that ${path} is the file you mean`,
    })
  }
  try {
    return new TextDecoder('utf-8', {fatal: true}).decode(bytes)
  } catch (cause) {
    throw new PluginError('FILE_INVALID', `${path} is not text in UTF-8`, {
      hint: `save ${path} in the UTF-8 encoding`,
      cause,
    })
  }
}

/**
 * Where a path leads when its last part is a symbolic link, also one whose target does not exist yet.
 * @returns an absolute path
 * @throws the system's error; ELOOP for links in a circle
 */
export async function followLinks(path: string): Promise<string> {
  let target = resolve(path)
  for (let hops = 0; hops < 40; hops += 1) {
    const link = await linkAt(target)
    if (link === undefined) return target
    // `..` in a link counts from the folder where the link really is.
    target = resolve(await realpath(dirname(target)), link)
  }
  throw Object.assign(new Error(`too many symbolic links at ${basename(path)}`), {code: 'ELOOP'})
}

async function linkAt(path: string): Promise<string | undefined> {
  try {
    return await readlink(path)
  } catch (error) {
    // EINVAL: it is there and is no link; UNKNOWN is how Windows says that.
    const code = systemCode(error)
    if (code === 'ENOENT' || code === 'EINVAL' || code === 'UNKNOWN') return undefined
    throw error
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}

/** Stops one byte after the limit, so that neither a growing file nor a device fills the memory. */
async function readBytes(path: string): Promise<Buffer | undefined> {
  let handle: FileHandle | undefined
  try {
    handle = await open(path, 'r')
    const chunks: Buffer[] = []
    for (let total = 0; total <= MAX_BYTES; ) {
      const chunk = Buffer.allocUnsafe(Math.min(65_536, MAX_BYTES + 1 - total))
      const {bytesRead} = await handle.read(chunk, 0, chunk.length, null)
      if (bytesRead === 0) break
      chunks.push(chunk.subarray(0, bytesRead))
      total += bytesRead
    }
    return Buffer.concat(chunks)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw fileDenied(error, {verb: 'read', path})
  } finally {
    await handle?.close()
  }
}
