import {open, rm} from 'node:fs/promises'
import {dirname} from 'node:path'
import {PluginError} from '../base/errors.ts'
import {followLinks, writeFileAtomic} from '../files/atomic.ts'
import {fileDenied} from '../files/denied.ts'
import {removeDrafts} from '../files/drafts.ts'
import {readPrivateFile} from '../files/key-file.ts'
import type {KeyVault} from './key-vault.ts'

const ABOUT = [
  '# docker mcp made these keys. They open the encrypted file of secrets in this folder: whoever has both files has the',
  '# secrets. Without the right key here nobody can read that file again.',
]
const LINE = /^([0-9a-f]{16}) ([A-Za-z0-9+/]{43}=)$/

/**
 * Keys in a file of our own, 0600, one a line after its id. There may be several: while a file is encrypted anew, the old key
 * stays until the new file is in its place.
 * @param path `paths.secretsKey`. Whoever writes holds the lock of the file of secrets.
 */
export function ownKeyVault(path: string): KeyVault {
  return {
    unavailable: async () => undefined,
    get: async id => (await readKeys(path)).get(id),
    set: async (id, key) => {
      const keys = await readKeys(path)
      await writeKeys(path, new Map([...keys, [id, key]]))
    },
    remove: async id => {
      const keys = new Map(await readKeys(path))
      if (keys.delete(id)) await writeKeys(path, keys)
    },
  }
}

async function readKeys(path: string): Promise<ReadonlyMap<string, Buffer>> {
  const content = await readPrivateFile(path)
  const lines = (content?.toString('latin1') ?? '').split(/\r?\n/)
  const keys = new Map<string, Buffer>()
  for (const [index, line] of lines.entries()) {
    const [, id, key] = LINE.exec(line) ?? []
    if (id !== undefined && key !== undefined) keys.set(id, Buffer.from(key, 'base64'))
    else if (line.trim() !== '' && !line.startsWith('#')) throw noKey(path, index + 1)
  }
  return keys
}

async function writeKeys(path: string, keys: ReadonlyMap<string, Buffer>): Promise<void> {
  await removeDrafts(path)
  if (keys.size === 0) {
    await rm(path, {force: true})
    return
  }
  const lines = Array.from(keys, ([id, key]) => `${id} ${key.toString('base64')}`)
  await writeFileAtomic(path, `${[...ABOUT, ...lines].join('\n')}\n`, {mode: 0o600})
  await syncFolder(dirname(await followLinks(path)))
}

/** The key must be on the disk before a file that needs it can be, also when the machine loses its power between the two. */
async function syncFolder(folder: string): Promise<void> {
  // Windows opens no folders, and NTFS keeps the order of renames in its journal.
  if (process.platform === 'win32') return
  try {
    const handle = await open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw fileDenied(error, {verb: 'write', path: folder})
  }
}

function noKey(path: string, line: number): PluginError {
  return new PluginError('FILE_INVALID', `${path}:${line}: the line holds no key`, {
    hint: 'put back a copy of the file; without one, what these keys opened can be read no more',
  })
}
