import {copyFileSync, fstatSync, ftruncateSync, statSync} from 'node:fs'
import {type FileHandle, open, rename, stat} from 'node:fs/promises'
import {dirname} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import {systemCode} from '../../base/errors.ts'
import {makeFolder} from '../../files/folder.ts'
import type {GatewayFiles} from './name.ts'

/** So much is kept of a log, and as much again of what was there before. */
const MOST_BYTES = 4 * 1024 * 1024
const LOOK_MS = 1000

/**
 * Opens a log to be written to at its end, whoever else does so.
 * @throws the system's error
 */
export async function openLog({log, olderLog}: GatewayFiles): Promise<FileHandle> {
  await makeFolder(dirname(log), {mode: 0o700})
  // One whose gateways all ended at once was bounded by none of them.
  const found = await stat(log).catch(() => undefined)
  if (found && found.size > MOST_BYTES) await rename(log, olderLog)
  const handle = await open(log, 'a', 0o600)
  if (process.platform !== 'win32') await handle.chmod(0o600)
  return handle
}

/**
 * Keeps a log from growing without end, when this process writes its stderr to it: what is there moves to the older
 * file, and the log begins anew. It stays the same file, since a service manager may have opened it.
 * @param most bytes that make it begin anew
 */
export function boundLog({log, olderLog}: GatewayFiles, most = MOST_BYTES): void {
  if (!isStderr(log)) return
  const look = () => {
    try {
      if (fstatSync(STDERR).size <= most) return
      // Nothing of this process can be written between the two.
      copyFileSync(log, olderLog)
      ftruncateSync(STDERR)
    } catch {
      // A disk that is full, or a file that somebody took away: the log is the last that should end a gateway.
    }
  }
  // At once, too: one that a system starts again and again may never live until the next look.
  look()
  setInterval(look, LOOK_MS).unref()
}

const STDERR = 2

function isStderr(file: string): boolean {
  try {
    const [theirs, ours] = [statSync(file), fstatSync(STDERR)]
    return ours.isFile() && theirs.ino === ours.ino && theirs.dev === ours.dev
  } catch {
    return false
  }
}

/**
 * What was written to a log from one place on; its last part when that is much.
 * @param from a place in bytes, or how many lines at its end
 */
export async function readLog(
  file: string,
  from: {readonly offset: number} | {readonly lines: number},
): Promise<{text: string; end: number}> {
  let handle: FileHandle | undefined
  try {
    handle = await open(file, 'r')
    const {size} = await handle.stat()
    // One that has become shorter has begun anew.
    const wanted = 'offset' in from && from.offset <= size ? from.offset : 0
    const start = Math.max(wanted, size - MOST_READ)
    const buffer = Buffer.alloc(size - start)
    const {bytesRead} = await handle.read(buffer, 0, buffer.length, start)
    const text = buffer.toString('utf8', 0, bytesRead)
    const end = start + bytesRead
    return {text: 'lines' in from ? lastLines(text, from.lines) : text, end}
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return {text: '', end: 0}
    throw error
  } finally {
    await handle?.close()
  }
}

const MOST_READ = 2 * MOST_BYTES

function lastLines(text: string, count: number): string {
  if (count === 0) return ''
  const lines = text.split('\n')
  const isWhole = lines.at(-1) === ''
  return lines.slice(-(isWhole ? count + 1 : count)).join('\n')
}

/** Two looks a second are what people take for at once. */
const FOLLOW_MS = 250

/** Shows what is written to a log from a place in bytes on, until the signal ends it. */
export async function followLogFile(
  file: string,
  {from, show, signal}: {from: number; show: (text: string) => void; signal: AbortSignal},
): Promise<void> {
  let offset = from
  while (!signal.aborted) {
    // oxlint-disable-next-line no-await-in-loop -- one look after the other
    const {text, end} = await readLog(file, {offset})
    if (text !== '') show(text)
    offset = end
    // oxlint-disable-next-line no-await-in-loop -- as above
    await delay(FOLLOW_MS, undefined, {signal}).catch(() => undefined)
  }
}
