import {chmod, lstat} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'
import {makeFolder} from '../../files/folder.ts'
import {recordsDir} from './record.ts'

export interface SocketSite {
  readonly platform: NodeJS.Platform
  /** Where this program keeps its state. */
  readonly stateDir: string
  readonly env: NodeJS.ProcessEnv
  /** The system's folder for temporary files. */
  readonly tmp: string
  /** The user's number; Windows has none. */
  readonly uid: number | undefined
}

/** What `sun_path` takes without its end: 104 bytes on macOS and BSD, 108 on Linux (unix(4), unix(7)). */
const LONGEST_PATH = 103

/** Where a gateway could listen, the best place first. Each folder is of this user alone, or is made so. */
export function socketPlaces(
  {platform, stateDir, env, tmp, uid}: SocketSite,
  owner: string,
): readonly string[] {
  // Nobody but its user, administrators and the system may write to a pipe, unless it is opened to more.
  if (platform === 'win32') return [`\\\\.\\pipe\\docker-mcp-${owner}`]
  const runtimeDir = env['XDG_RUNTIME_DIR']
  const folders = [
    recordsDir(stateDir),
    ...(runtimeDir?.startsWith('/') ? [join(runtimeDir, 'docker-mcp')] : []),
    ...new Set([tmp, '/tmp'].map(dir => join(dir, `docker-mcp-${uid}`))),
  ]
  return folders
    .map(folder => join(folder, `${owner}.sock`))
    .filter(path => Buffer.byteLength(path) <= LONGEST_PATH)
}

/** This machine's. */
export function socketSite(stateDir: string, env: NodeJS.ProcessEnv): SocketSite {
  return {platform: process.platform, stateDir, env, tmp: tmpdir(), uid: process.getuid?.()}
}

/**
 * Makes the folder of a socket one that only this user may enter: what listens there does what it is told.
 * @throws Error saying why it cannot be; the system's
 */
export async function makePrivate(socket: string, {platform, uid}: SocketSite): Promise<void> {
  if (platform === 'win32') return
  const folder = dirname(socket)
  await makeFolder(folder, {mode: 0o700})
  const found = await lstat(folder)
  // In the folder for temporary files somebody else may have made it first.
  if (!found.isDirectory()) throw new Error(`${folder} is no folder`)
  if (found.uid !== uid) throw new Error(`${folder} belongs to another user`)
  if ((found.mode & 0o077) !== 0) await chmod(folder, 0o700)
}
