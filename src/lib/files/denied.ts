import {PluginError, messageOf, systemCode} from '../base/errors.ts'

/**
 * Turns what the system refused into an error that names the file.
 * @param error what a file operation threw
 * @param input `verb`: what was tried (`read`, `write`, `lock`); `path`: the file, as the user knows it
 * @returns FILE_DENIED for the refusals in the table; any other error, and that a file to read is missing, unchanged
 */
export function fileDenied(error: unknown, input: {verb: string; path: string}): unknown {
  const code = systemCode(error)
  // For one who reads, the file is missing; for one who makes it, its folder takes none.
  const isRefused = code !== undefined && (code !== 'ENOENT' || input.verb !== 'read')
  const reason = isRefused ? REASONS.get(code) : undefined
  if (code === undefined || reason === undefined) return error
  return new PluginError('FILE_DENIED', `cannot ${input.verb} ${input.path}: ${reason}`, {
    hint: FULL.has(code)
      ? 'make room on that disk, and try again'
      : `check what ${input.path} is and who may use it`,
    cause: new Error(messageOf(error)),
  })
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'permission denied'],
  ['EPERM', 'operation not permitted'],
  ['EROFS', 'the file system is read-only'],
  ['ENOENT', 'no such file can be made in its folder'],
  ['EISDIR', 'it is a folder'],
  ['ENOTDIR', 'a part of the path is not a folder'],
  ['EEXIST', 'a part of the path is not a folder'],
  ['ENOTEMPTY', 'a folder stands where the lock belongs'],
  ['ELOOP', 'its symbolic links go in a circle'],
  ['ENAMETOOLONG', 'the path is too long'],
  ['ENOSPC', 'no space is left: the disk is full'],
  ['EDQUOT', 'the disk quota is used up'],
])

const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT'])
