import {stat} from 'node:fs/promises'
import {oneLine} from '../base/one-line.ts'

/** Each file once, however often a gateway reads it anew. */
const told = new Set<string>()

/**
 * Tells the person who named a file of secrets, once, that others on this machine may use it. No refusal: most are written
 * with an editor, and are as open as the editor leaves them. Of files of others nothing is said, as of those that are
 * mounted into a container: their owner decides, and `chmod` would not help.
 */
export async function tellOpenToOthers(
  path: string,
  notify: ((line: string) => void) | undefined,
): Promise<void> {
  if (!notify || told.has(path) || process.platform === 'win32') return
  if (path.startsWith('/run/secrets/')) return
  const facts = await stat(path).catch(() => undefined)
  if (!facts?.isFile() || facts.uid !== process.getuid?.() || (facts.mode & 0o077) === 0) return
  told.add(path)
  const what = (facts.mode & 0o022) === 0 ? 'read' : 'change'
  notify(`! others may ${what} ${oneLine(path)}, which holds secrets: chmod 600 ${oneLine(path)}`)
}
