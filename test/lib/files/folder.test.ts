import {mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {describe, expect, onTestFinished, test} from 'vitest'
import {writeFileAtomic} from '../../../src/lib/files/atomic.ts'
import {makeFolder} from '../../../src/lib/files/folder.ts'
import {withFileLock} from '../../../src/lib/files/lock.ts'

const SOURCES = join(import.meta.dirname, '../../../src')

async function tempDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'folder-'))
  onTestFinished(() => rm(dir, {recursive: true, force: true}))
  return dir
}

describe('makeFolder', () => {
  test('makes all that is missing, each with the mode asked for, and leaves what is there', async () => {
    const dir = await tempDir()
    await mkdir(join(dir, 'a'), {mode: 0o755})
    await makeFolder(join(dir, 'a/b/c'), {mode: 0o700})
    await makeFolder(join(dir, 'a/b/c'))
    const modes = await Promise.all(
      ['a', 'a/b', 'a/b/c'].map(async part => (await stat(join(dir, part))).mode & 0o777),
    )
    expect(modes).toEqual([0o755, 0o700, 0o700])
  })

  test('takes a link to a folder for one', async () => {
    const dir = await tempDir()
    await mkdir(join(dir, 'real'))
    await symlink(join(dir, 'real'), join(dir, 'link'))
    await makeFolder(join(dir, 'link/below'))
    expect(await readdir(join(dir, 'real'))).toEqual(['below'])
  })

  test('lets many make the same folder at once', async () => {
    const path = join(await tempDir(), 'a/b/c/d')
    await Promise.all(Array.from({length: 20}, () => makeFolder(path)))
    expect((await stat(path)).isDirectory()).toBe(true)
  })

  test.each(['file', 'file/below', 'nowhere/below'])('says no where %s is in the way', async to => {
    const dir = await tempDir()
    await writeFile(join(dir, 'file'), '')
    await symlink(join(dir, 'gone'), join(dir, 'nowhere'))
    await expect(makeFolder(join(dir, to))).rejects.toMatchObject({
      code: expect.stringMatching(/^(EEXIST|ENOTDIR)$/),
    })
  })

  test.runIf(process.platform === 'linux')(
    'ends where the system keeps no folders, and so do those who write',
    async () => {
      const refusal = {code: 'FILE_DENIED', message: 'no folder can be made at /proc/foo'}
      await expect(makeFolder('/proc/foo/bar')).rejects.toMatchObject(refusal)
      await expect(writeFileAtomic('/proc/foo/x.yaml', '')).rejects.toMatchObject(refusal)
      await expect(writeFileAtomic('/proc/x.yaml', '')).rejects.toMatchObject({
        code: 'FILE_DENIED',
        message: 'cannot write /proc/x.yaml: no such file can be made in its folder',
      })
      await expect(withFileLock('/proc/foo/x', async () => {})).rejects.toMatchObject(refusal)
    },
  )

  test('is what the whole program makes folders with', async () => {
    const files = (await readdir(SOURCES, {recursive: true})).filter(file => /\.tsx?$/.test(file))
    const texts = await Promise.all(
      files.map(async file => ({file, text: await readFile(join(SOURCES, file), 'utf8')})),
    )
    const own = texts.filter(({text}) => /mkdir(?:Sync)?\([^)]*\brecursive\b/.test(text))
    expect(own.map(({file}) => file)).toEqual([])
  })
})
