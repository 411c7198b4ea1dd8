import {spawn, type ChildProcess} from 'node:child_process'
import {once} from 'node:events'
import {mkdir, mkdtemp, readFile, readdir, rm, symlink, utimes, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import {describe, expect, onTestFinished, test} from 'vitest'
import {withFileLock} from '../../../src/lib/files/lock.ts'

async function tempDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'lock-'))
  onTestFinished(() => rm(dir, {recursive: true, force: true}))
  return dir
}

function start(fixture: string, ...args: string[]): ChildProcess {
  const script = fileURLToPath(new URL(`../../fixtures/${fixture}`, import.meta.url))
  const child = spawn(process.execPath, [script, ...args], {stdio: ['ignore', 'pipe', 'inherit']})
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  return child
}

async function exitCode(child: ChildProcess): Promise<unknown> {
  const [code]: unknown[] = await once(child, 'exit')
  return code
}

async function holdLock(file: string): Promise<ChildProcess> {
  const child = start('hold-lock.ts', file)
  if (child.stdout) await once(child.stdout, 'data')
  return child
}

describe('withFileLock', () => {
  test('gives what the task gives and leaves no lock behind', async () => {
    const dir = await tempDir()
    const seen = await withFileLock(join(dir, 'sub', 'f'), () => readdir(join(dir, 'sub')))
    expect(seen).toEqual(['f.lock'])
    expect(await readdir(join(dir, 'sub'))).toEqual([])
  })

  test('passes the task its error on and gives the lock back', async () => {
    const file = join(await tempDir(), 'f')
    const failing = withFileLock(file, () => Promise.reject(new Error('task failed')))
    await expect(failing).rejects.toThrow('task failed')
    expect(await withFileLock(file, async () => 'again', {waitMs: 0})).toBe('again')
  })

  test('lets tasks of one process run one after the other', async () => {
    const file = join(await tempDir(), 'f')
    let inside = 0
    let most = 0
    const task = async () => {
      inside += 1
      most = Math.max(most, inside)
      await new Promise(resolve => setImmediate(resolve))
      inside -= 1
    }
    await Promise.all(Array.from({length: 10}, () => withFileLock(file, task)))
    expect(most).toBe(1)
  })

  test('lets no two processes in at once', async () => {
    const file = join(await tempDir(), 'count')
    const children = Array.from({length: 4}, () => start('count-under-lock.ts', file, '25'))
    expect(await Promise.all(children.map(exitCode))).toEqual([0, 0, 0, 0])
    expect(await readFile(file, 'utf8')).toBe('100')
  })

  test('lets one process in after another when all find the same stale lock', async () => {
    const file = join(await tempDir(), 'count')
    await mkdir(`${file}.lock`)
    await utimes(`${file}.lock`, new Date(0), new Date(0))
    const children = Array.from({length: 6}, () => start('count-under-lock.ts', file, '3'))
    expect(await Promise.all(children.map(exitCode))).toEqual([0, 0, 0, 0, 0, 0])
    expect(await readFile(file, 'utf8')).toBe('18')
  })

  test('says which file is busy and which lock is in the way', async () => {
    const file = join(await tempDir(), 'f')
    await holdLock(file)
    await expect(withFileLock(file, async () => 'in', {waitMs: 50})).rejects.toMatchObject({
      code: 'FILE_BUSY',
      message: `cannot lock ${file}: another process keeps it locked`,
      hint: expect.stringContaining(`${file}.lock`),
    })
  })

  test('takes over the lock of a process that was killed', async () => {
    const file = join(await tempDir(), 'f')
    const holder = await holdLock(file)
    const ended = once(holder, 'exit')
    holder.kill('SIGKILL')
    await ended
    expect(await withFileLock(file, async () => 'in', {waitMs: 30_000})).toBe('in')
  })

  test('gives the lock back when a signal ends the process', async () => {
    const dir = await tempDir()
    const holder = await holdLock(join(dir, 'f'))
    const ended = once(holder, 'exit')
    holder.kill('SIGTERM')
    await ended
    expect(await readdir(dir)).toEqual([])
  })

  test('uses one lock for a file and the links to it', async () => {
    const dir = await tempDir()
    await writeFile(join(dir, 'real'), '')
    await symlink('real', join(dir, 'link'))
    const inner = withFileLock(join(dir, 'real'), () =>
      withFileLock(join(dir, 'link'), async () => 'in', {waitMs: 0}),
    )
    await expect(inner).rejects.toMatchObject({code: 'FILE_BUSY'})
  })

  test('says when the lock was taken away meanwhile', async () => {
    const file = join(await tempDir(), 'f')
    const task = () => rm(`${file}.lock`, {recursive: true})
    await expect(withFileLock(file, task)).rejects.toMatchObject({
      code: 'FILE_BUSY',
      message: `cannot lock ${file}: another process took over its lock`,
    })
  })

  test('refuses a folder that is not one', async () => {
    const dir = await tempDir()
    await writeFile(join(dir, 'f'), '')
    await expect(withFileLock(join(dir, 'f', 'g'), async () => 'in')).rejects.toMatchObject({
      code: 'FILE_DENIED',
    })
  })

  test('refuses a lock that is not ours to remove', async () => {
    const file = join(await tempDir(), 'f')
    await mkdir(join(`${file}.lock`, 'mine'), {recursive: true})
    await utimes(`${file}.lock`, new Date(0), new Date(0))
    await expect(withFileLock(file, async () => 'in')).rejects.toMatchObject({
      code: 'FILE_DENIED',
      message: expect.stringContaining('a folder stands where the lock belongs'),
    })
  })
})
