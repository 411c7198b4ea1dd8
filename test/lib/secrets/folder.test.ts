import {execFile} from 'node:child_process'
import {mkdir, mkdtemp, rename, rm, symlink, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'
import * as fc from 'fast-check'
import {describe, expect, onTestFinished, test} from 'vitest'
import {openFolder} from '../../../src/lib/secrets/folder.ts'
import {secretInFile} from '../../../src/lib/secrets/secret-bytes.ts'

const run = promisify(execFile)

async function temporaryFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'secret-folder-'))
  onTestFinished(() => rm(dir, {recursive: true, force: true}))
  return dir
}

describe('a folder of secrets', () => {
  test('has one for each file, without the line break behind a line', async () => {
    const dir = await temporaryFolder()
    await writeFile(join(dir, 'brave.api_key'), 'sesame\n')
    await writeFile(join(dir, 'empty'), '')
    await writeFile(join(dir, 'not a name'), 'x')
    await mkdir(join(dir, 'docker'))
    await writeFile(join(dir, 'docker/token'), 'nested')
    const store = openFolder(dir)
    expect(await store.unavailable()).toBeUndefined()
    expect(await store.names()).toEqual(['brave.api_key'])
    expect(String(await store.get('brave.api_key'))).toBe('sesame')
    for (const name of ['docker/token', '..data']) {
      expect(await store.get(name)).toBeUndefined()
      expect(await store.has?.(name)).toBe(false)
    }
    expect(await store.has?.('empty')).toBe(false)
    expect(await store.get('nobody')).toBeUndefined()
    expect(await store.get('brave.api_key/below')).toBeUndefined()
  })

  test('gives the bytes of a file as they are', async () => {
    const dir = await temporaryFolder()
    const bytes = Buffer.from(Array.from({length: 256}, (_, byte) => byte))
    await writeFile(join(dir, 'key'), bytes)
    expect(await openFolder(dir).get('key')).toEqual(bytes)
  })

  test('follows the links of Kubernetes, also when they are turned', async () => {
    const dir = await temporaryFolder()
    for (const [version, value] of [
      ['..2026_01', 'one'],
      ['..2026_02', 'two'],
    ] as const) {
      await mkdir(join(dir, version))
      await writeFile(join(dir, version, 'token'), value)
    }
    await symlink('..2026_01', join(dir, '..data'))
    await symlink('..data/token', join(dir, 'token'))
    const store = openFolder(dir)
    expect(await store.names()).toEqual(['token'])
    expect(String(await store.get('token'))).toBe('one')
    await symlink('..2026_02', join(dir, '..data_tmp'))
    await rename(join(dir, '..data_tmp'), join(dir, '..data'))
    expect(String(await store.get('token'))).toBe('two')
  })

  test('leads nowhere else', async () => {
    const dir = await temporaryFolder()
    await mkdir(join(dir, 'secrets'))
    await writeFile(join(dir, 'outside'), 'hunter2')
    await writeFile(join(dir, 'secrets-too'), 'hunter2')
    await symlink('../outside', join(dir, 'secrets/inside'))
    await symlink(join(dir, 'secrets-too'), join(dir, 'secrets/too'))
    const store = openFolder(join(dir, 'secrets'))
    for (const name of ['inside', 'too']) {
      await expect(store.get(name)).rejects.toMatchObject({
        code: 'FILE_DENIED',
        message: expect.stringContaining('leads out of the folder of secrets'),
      })
    }
    for (const name of ['../outside', './../outside', '/etc/hostname', '..', '.', '']) {
      expect(await store.get(name)).toBeUndefined()
    }
  })

  test('never has more than what is in the folder, whatever it is asked for', async () => {
    const dir = await temporaryFolder()
    await mkdir(join(dir, 'in'))
    await writeFile(join(dir, 'out'), 'hunter2')
    const store = openFolder(join(dir, 'in'))
    const parts = fc.constantFrom('..', '.', '/', '\\', 'out', 'in', '\0', '%2e', '')
    await fc.assert(
      fc.asyncProperty(fc.array(parts, {maxLength: 8}), async all => {
        expect(await store.get(all.join(''))).toBeUndefined()
      }),
    )
  })

  test('refuses a file of more than a megabyte, a pipe and a folder', async () => {
    const dir = await temporaryFolder()
    await writeFile(join(dir, 'large'), Buffer.alloc(1024 * 1024 + 1, 65))
    await writeFile(join(dir, 'most'), Buffer.alloc(1024 * 1024, 65))
    await run('mkfifo', [join(dir, 'pipe')])
    await mkdir(join(dir, 'folder'))
    const store = openFolder(dir)
    await expect(store.get('large')).rejects.toMatchObject({code: 'FILE_INVALID'})
    expect(await store.get('most')).toHaveLength(1024 * 1024)
    for (const name of ['pipe', 'folder']) {
      await expect(store.get(name)).rejects.toMatchObject({
        code: 'FILE_DENIED',
        message: expect.stringContaining('is not a file'),
      })
    }
  })

  test('has nothing where there is none', async () => {
    const dir = await temporaryFolder()
    const store = openFolder(join(dir, 'none'))
    expect(await store.unavailable()).toBe('it does not exist')
    expect(await store.names()).toEqual([])
    expect(await store.get('key')).toBeUndefined()
  })
})

describe('what a file says that is one secret', () => {
  test.each([
    ['sesame\n', 'sesame'],
    ['sesame\r\n', 'sesame'],
    ['sesame', 'sesame'],
    ['tab\tin it\n', 'tab\tin it'],
    ['two\nlines\n', 'two\nlines\n'],
    ['sesame\n\n', 'sesame\n\n'],
    ['', ''],
    ['\n', ''],
    ['a\0b\n', 'a\0b\n'],
  ])('%j is %j', (text, value) => {
    expect(secretInFile(Buffer.from(text)).toString()).toBe(value)
  })

  test('changes nothing but the end of a line of text', () => {
    fc.assert(
      fc.property(fc.uint8Array(), bytes => {
        const value = secretInFile(Buffer.from(bytes))
        const lost = Buffer.from(bytes).subarray(value.length).toString()
        expect(value.equals(Buffer.from(bytes).subarray(0, value.length))).toBe(true)
        expect(['', '\n', '\r\n']).toContain(lost)
      }),
    )
  })
})
