/** A regular file of an archive. */
export interface TarFile {
  /** Permissions, with the bits above them (0o7777). */
  readonly mode: number
  readonly content: Buffer
}

const BLOCK = 512

/**
 * The regular files of a tar archive that is not compressed, by their names (pax interchange format, POSIX.1-2017,
 * `pax`). Names of more than 100 bytes are cut off. Folders, links and the rest are left out, and what follows the
 * first thing that is no entry is not read, so any bytes may be given.
 */
export function tarFiles(archive: Buffer): ReadonlyMap<string, TarFile> {
  const files = new Map<string, TarFile>()
  let offset = 0
  while (offset + BLOCK <= archive.length) {
    const header = archive.subarray(offset, offset + BLOCK)
    const mode = octal(header.subarray(100, 108))
    const size = octal(header.subarray(124, 136))
    if (mode === undefined || size === undefined) break
    const start = offset + BLOCK
    const content = archive.subarray(start, start + size)
    if (content.length < size) break
    const type = header[156]
    if (type === REGULAR || type === OLD_REGULAR) {
      files.set(textOf(header.subarray(0, 100)), {mode: mode & 0o7777, content})
    }
    offset = start + Math.ceil(size / BLOCK) * BLOCK
  }
  return files
}

const REGULAR = '0'.charCodeAt(0)
const OLD_REGULAR = 0

function octal(field: Buffer): number | undefined {
  const digits = textOf(field).trim()
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : undefined
}

function textOf(field: Buffer): string {
  const end = field.indexOf(0)
  return field.subarray(0, end === -1 ? field.length : end).toString()
}
