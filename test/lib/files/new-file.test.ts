import {chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, test} from 'vitest'
import {writePrivateFile} from '../../../src/lib/files/new-file.ts'

const modeOf = async (path: string) => (await stat(path)).mode & 0o777

describe('writePrivateFile', () => {
  let folder: string
  let file: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'new-file-'))
    file = join(folder, 'out.env')
  })

  afterEach(() => rm(folder, {recursive: true}))

  test('makes a file that nobody else may read', async () => {
    await writePrivateFile(file, 'text', {replace: false})
    expect(await readFile(file, 'utf8')).toBe('text')
    expect(await modeOf(file)).toBe(0o600)
    expect(await readdir(folder)).toEqual(['out.env'])
  })

  test('leaves one that is there as it is', async () => {
    await writeFile(file, 'before')
    await chmod(file, 0o644)
    await expect(writePrivateFile(file, 'text', {replace: false})).rejects.toMatchObject({
      code: 'FILE_DENIED',
      message: expect.stringContaining('there already'),
    })
    expect(await readFile(file, 'utf8')).toBe('before')
    expect(await modeOf(file)).toBe(0o644)
  })

  test('goes on after one that was killed, whose values do not stay', async () => {
    await writeFile(file, '', {mode: 0o600})
    await writeFile(`${file}.tmp-0123456789abcdef`, 'text', {mode: 0o600})
    await writePrivateFile(file, 'text', {replace: false})
    expect(await readFile(file, 'utf8')).toBe('text')
    expect(await readdir(folder)).toEqual(['out.env'])
    await writeFile(`${file}.tmp-0123456789abcdef`, 'text', {mode: 0o600})
    await expect(writePrivateFile(file, 'more', {replace: false})).rejects.toThrow('there already')
    expect(await readdir(folder)).toEqual(['out.env'])
  })

  test('leaves an empty one that others may read', async () => {
    await writeFile(file, '')
    await chmod(file, 0o644)
    await expect(writePrivateFile(file, 'text', {replace: false})).rejects.toThrow('there already')
    expect(await readFile(file, 'utf8')).toBe('')
  })

  test('makes no folder', async () => {
    const path = join(folder, 'none', 'out.env')
    await expect(writePrivateFile(path, 'text', {replace: true})).rejects.toMatchObject({
      code: 'FILE_DENIED',
    })
    expect(await readdir(folder)).toEqual([])
  })

  test('replaces one that others could read by one that they cannot', async () => {
    await writeFile(file, 'before')
    await chmod(file, 0o644)
    await writePrivateFile(file, 'text', {replace: true})
    expect(await readFile(file, 'utf8')).toBe('text')
    expect(await modeOf(file)).toBe(0o600)
  })

  test('replaces no device and no folder', async () => {
    const link = join(folder, 'null')
    await symlink('/dev/null', link)
    await expect(writePrivateFile(link, 'text', {replace: true})).rejects.toMatchObject({
      code: 'FILE_DENIED',
    })
    expect((await stat('/dev/null')).isCharacterDevice()).toBe(true)
    await expect(writePrivateFile(folder, 'text', {replace: true})).rejects.toMatchObject({
      code: 'FILE_DENIED',
    })
  })
})
