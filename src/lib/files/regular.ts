import {constants, type FileHandle, open} from 'node:fs/promises'
import {PluginError, systemCode} from '../base/errors.ts'

const {O_RDONLY, O_WRONLY, O_APPEND, O_CREAT} = constants
/** Opening a pipe would wait for who is at its other end; Windows has none. */
const NOT_WAITING = constants.O_NONBLOCK ?? 0

/**
 * Opens a file of ours, which nobody has reason to make a pipe or a device of: reading or writing one may never end.
 * @param purpose `append` makes it with mode 0600 when it is not there
 * @throws PluginError FILE_DENIED for what is no regular file; the system's error
 */
export async function openRegular(path: string, purpose: 'read' | 'append'): Promise<FileHandle> {
  const flags = purpose === 'read' ? O_RDONLY : O_WRONLY | O_APPEND | O_CREAT
  const handle = await open(path, flags | NOT_WAITING, 0o600).catch((error: unknown) => {
    // A pipe that nobody reads, or a socket.
    throw systemCode(error) === 'ENXIO' ? irregular(path) : error
  })
  const facts = await handle.stat()
  // What is written to /dev/null keeps nobody waiting.
  if (facts.isFile() || (purpose === 'append' && facts.isCharacterDevice())) return handle
  await handle.close()
  throw irregular(path)
}

function irregular(path: string): PluginError {
  return new PluginError('FILE_DENIED', `${path} is no regular file`, {
    hint: `see what it is: ls -l ${path}; if it is nothing of yours, remove it`,
  })
}
