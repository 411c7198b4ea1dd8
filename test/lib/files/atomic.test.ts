import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {describe, expect, onTestFinished, test} from 'vitest'
import {readTextFile, writeFileAtomic} from '../../../src/lib/files/atomic.ts'
import {fileDenied} from '../../../src/lib/files/denied.ts'

async function tempDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'files-'))
  onTestFinished(() => rm(dir, {recursive: true, force: true}))
  return dir
}

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777
}

describe('writeFileAtomic', () => {
  test('creates the folders and a file that only its owner may read', async () => {
    const file = join(await tempDir(), 'a', 'b', 'f.yaml')
    await writeFileAtomic(file, 'text\n')
    expect(await readFile(file, 'utf8')).toBe('text\n')
    expect(await modeOf(file)).toBe(0o600)
  })

  test('gives a new file the mode that was asked for', async () => {
    const file = join(await tempDir(), 'f.yaml')
    await writeFileAtomic(file, 'text\n', {mode: 0o644})
    expect(await modeOf(file)).toBe(0o644)
  })

  test('keeps the mode of a file that exists', async () => {
    const file = join(await tempDir(), 'f.yaml')
    await writeFile(file, 'old')
    await chmod(file, 0o640)
    await writeFileAtomic(file, 'new', {mode: 0o600})
    expect(await readFile(file, 'utf8')).toBe('new')
    expect(await modeOf(file)).toBe(0o640)
  })

  test('leaves nothing else in the folder', async () => {
    const dir = await tempDir()
    const texts = Array.from({length: 20}, (_, i) => `text ${i}`)
    await Promise.all(texts.map(text => writeFileAtomic(join(dir, 'f.yaml'), text)))
    expect(await readdir(dir)).toEqual(['f.yaml'])
    expect(texts).toContain(await readFile(join(dir, 'f.yaml'), 'utf8'))
  })

  test('writes through a link and leaves the link', async () => {
    const dir = await tempDir()
    await mkdir(join(dir, 'dotfiles'))
    await writeFile(join(dir, 'dotfiles', 'real.yaml'), 'old')
    await symlink(join('dotfiles', 'real.yaml'), join(dir, 'middle.yaml'))
    await symlink('middle.yaml', join(dir, 'f.yaml'))
    await writeFileAtomic(join(dir, 'f.yaml'), 'new')
    expect(await readlink(join(dir, 'f.yaml'))).toBe('middle.yaml')
    expect(await readFile(join(dir, 'dotfiles', 'real.yaml'), 'utf8')).toBe('new')
  })

  test('writes through a link whose target does not exist yet', async () => {
    const dir = await tempDir()
    await symlink(join('dotfiles', 'real.yaml'), join(dir, 'f.yaml'))
    await writeFileAtomic(join(dir, 'f.yaml'), 'new')
    expect((await lstat(join(dir, 'f.yaml'))).isSymbolicLink()).toBe(true)
    expect(await readFile(join(dir, 'dotfiles', 'real.yaml'), 'utf8')).toBe('new')
  })

  test('refuses links in a circle', async () => {
    const dir = await tempDir()
    await symlink('b', join(dir, 'a'))
    await symlink('a', join(dir, 'b'))
    await expect(writeFileAtomic(join(dir, 'a'), 'x')).rejects.toMatchObject({
      code: 'FILE_DENIED',
      message: `cannot write ${join(dir, 'a')}: its symbolic links go in a circle`,
    })
  })

  test('refuses to replace a folder, and takes its temporary file away', async () => {
    const dir = await tempDir()
    await mkdir(join(dir, 'f.yaml'))
    await expect(writeFileAtomic(join(dir, 'f.yaml'), 'x')).rejects.toMatchObject({
      code: 'FILE_DENIED',
      message: `cannot write ${join(dir, 'f.yaml')}: it is a folder`,
    })
    await expect.poll(() => readdir(dir)).toEqual(['f.yaml'])
  })

  test('refuses a path through a file', async () => {
    const dir = await tempDir()
    await writeFile(join(dir, 'f'), '')
    await expect(writeFileAtomic(join(dir, 'f', 'g'), 'x')).rejects.toMatchObject({
      code: 'FILE_DENIED',
    })
  })
})

describe('readTextFile', () => {
  test('gives undefined for a file that does not exist', async () => {
    expect(await readTextFile(join(await tempDir(), 'none'))).toBeUndefined()
  })

  test('takes the byte order mark off', async () => {
    const file = join(await tempDir(), 'f')
    await writeFile(file, '\uFEFFgrün\r\n')
    expect(await readTextFile(file)).toBe('grün\r\n')
  })

  test('reads a file of 16 MiB and refuses one byte more', async () => {
    const file = join(await tempDir(), 'f')
    await writeFile(file, Buffer.alloc(16 * 1024 * 1024, 97))
    expect(await readTextFile(file)).toHaveLength(16 * 1024 * 1024)
    await writeFile(file, 'b', {flag: 'a'})
    await expect(readTextFile(file)).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: `${file} is larger than 16 MiB`,
    })
  })

  test('refuses a device that never ends', async () => {
    await expect(readTextFile('/dev/zero')).rejects.toMatchObject({code: 'FILE_INVALID'})
  })

  test('refuses bytes that are not UTF-8', async () => {
    const file = join(await tempDir(), 'f')
    await writeFile(file, Buffer.from([0x61, 0xff]))
    await expect(readTextFile(file)).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: `${file} is not text in UTF-8`,
    })
  })

  test('refuses a folder', async () => {
    const dir = await tempDir()
    await expect(readTextFile(dir)).rejects.toMatchObject({
      code: 'FILE_DENIED',
      message: `cannot read ${dir}: it is a folder`,
    })
  })
})

describe('fileDenied', () => {
  test('says permission denied for EACCES', () => {
    const error = Object.assign(new Error('x'), {code: 'EACCES'})
    expect(fileDenied(error, {verb: 'read', path: '/f'})).toMatchObject({
      code: 'FILE_DENIED',
      message: 'cannot read /f: permission denied',
    })
  })

  test('leaves other errors as they are', () => {
    const error = Object.assign(new Error('x'), {code: 'EWHATEVER'})
    expect(fileDenied(error, {verb: 'read', path: '/f'})).toBe(error)
    expect(fileDenied('text', {verb: 'read', path: '/f'})).toBe('text')
  })
})
