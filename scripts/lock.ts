import {mkdir} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'

import lockfile from 'proper-lockfile'

import {messageOf, PluginError} from '../src/lib/base/errors.ts'

/** Long enough for the slowest holder (an image build on two slow cores), short enough to end. */
const PATIENCE_SECONDS = 600

/**
 * Runs `task` while no other process of this user on this machine runs one under the same name.
 * A holder that was killed is overtaken after 15 seconds.
 * @returns what the task gives
 * @throws PluginError FILE_BUSY when another process holds the lock for ten minutes
 */
export async function withLock<T>(name: string, task: () => Promise<T>): Promise<T> {
  const folder = join(tmpdir(), `docker-mcp-locks-${process.getuid?.() ?? 'user'}`)
  await mkdir(folder, {recursive: true, mode: 0o700})
  const release = await take(join(folder, name))
  try {
    return await task()
  } finally {
    await release()
  }
}

async function take(path: string): Promise<() => Promise<void>> {
  try {
    return await lockfile.lock(path, {
      realpath: false,
      stale: 15_000,
      update: 3000,
      retries: {retries: PATIENCE_SECONDS * 4, factor: 1, minTimeout: 250, maxTimeout: 250},
    })
  } catch (error) {
    throw new PluginError('FILE_BUSY', `${path} is locked: ${messageOf(error)}`, {
      hint: `if no other npm start or npm test is running, remove ${path}.lock`,
      cause: error,
    })
  }
}
