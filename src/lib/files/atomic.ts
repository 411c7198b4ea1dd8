import {lstat, open, readlink, realpath, type FileHandle} from 'node:fs/promises'
import {basename, dirname, resolve} from 'node:path'
import {Readable} from 'node:stream'
import {PluginError, systemCode} from '../base/errors.ts'
import {fileDenied} from './denied.ts'
import {makeFolder} from './folder.ts'
import {notedRead} from './reads.ts'
import {openRegular} from './regular.ts'
import {loadDeafToSignals} from './signals.ts'

/** Nothing that a person keeps in a file of ours comes near this; what is larger is a mistake or an attack. */
const MAX_BYTES = 16 * 1024 * 1024

const MOST_FILES_BYTES = 65_536
/** Of a file that has more, as much as a catalog of a few thousand servers is read at once. */
const MANY_BYTES = 1024 * 1024

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
    await makeFolder(dirname(target))
    const kept = await exists(target)
    const {writeFile} = await loadDeafToSignals(() => import('atomically'))
    // As a stream: `atomically` writes a text with one call, and takes no notice when a disk that becomes full takes a part.
    await writeFile(target, Readable.from([Buffer.from(text)]), {
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
export function readTextFile(path: string): Promise<string | undefined> {
  return notedRead(path, () => readText(path))
}

/**
 * As {@link readTextFile}, for a file that is ours: a pipe or a device in its place is refused, and not waited for.
 * @throws PluginError FILE_DENIED for that, too
 */
export function readOwnFile(path: string): Promise<string | undefined> {
  return notedRead(path, () => readText(path, openRegular))
}

/**
 * Reads a file that is one value, such as a secret: bytes of any kind.
 * @param most so many bytes it may have
 * @returns undefined when there is no such file
 * @throws PluginError FILE_DENIED when it may not be read or is a folder; FILE_INVALID when it is larger
 */
export async function readValueFile(path: string, most: number): Promise<Buffer | undefined> {
  // Reads are noted as text; latin1 has a character for every byte.
  const text = await notedRead(
    path,
    async () => (await readBytes(path, most))?.toString('latin1'),
    {
      isValue: true,
    },
  )
  if (text === undefined || text.length <= most) {
    return text === undefined ? undefined : Buffer.from(text, 'latin1')
  }
  throw new PluginError('FILE_INVALID', `${path} is larger than ${most / 1024} KiB`, {
    hint: `check that ${path} is the file you mean`,
  })
}

async function readText(path: string, opening = openAny): Promise<string | undefined> {
  const bytes = await readBytes(path, MAX_BYTES, opening)
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
async function readBytes(
  path: string,
  most: number,
  opening = openAny,
): Promise<Buffer | undefined> {
  let handle: FileHandle | undefined
  try {
    handle = await opening(path, 'read')
    const chunks: Buffer[] = []
    for (let total = 0; total <= most; ) {
      const size = total === 0 ? MOST_FILES_BYTES : MANY_BYTES
      const chunk = Buffer.allocUnsafe(Math.min(size, most + 1 - total))
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

function openAny(path: string, _purpose: 'read'): Promise<FileHandle> {
  return open(path, 'r')
}
