import {randomBytes} from 'node:crypto'
import {chmod, mkdtemp, rm, symlink, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {checkKeyFile} from '../../../src/lib/files/key-file.ts'

let dir = ''
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'key-file-'))
})
afterAll(() => rm(dir, {recursive: true, force: true}))

async function keyFile(content: string | Buffer, mode = 0o600): Promise<string> {
  const file = join(dir, randomBytes(8).toString('hex'))
  await writeFile(file, content)
  await chmod(file, mode)
  return file
}

describe('checkKeyFile', () => {
  const key = randomBytes(32)
  test.each<[string, string | Buffer, number]>([
    ['base64', `${key.toString('base64')}\n`, 0o600],
    ['base64url', key.toString('base64url'), 0o400],
    ['hexadecimal digits', `${key.toString('hex')}\n`, 0o600],
    ['bytes', Buffer.concat([Buffer.from([0xff, 0]), key]), 0o600],
  ])('takes a key as %s', async (_form, content, mode) => {
    await expect(checkKeyFile(await keyFile(content, mode))).resolves.toBeUndefined()
  })

  test.each<[string, string | Buffer]>([
    ['nothing', ''],
    ['base64', key.subarray(1).toString('base64')],
    ['hexadecimal digits', key.subarray(1).toString('hex')],
    ['bytes', Buffer.alloc(31, 0xff)],
  ])('refuses a key that is too short, as %s', async (_form, content) => {
    await expect(checkKeyFile(await keyFile(content))).rejects.toMatchObject({code: 'FILE_INVALID'})
  })

  test.each([0o640, 0o604, 0o644, 0o620, 0o602])('refuses mode %o', async mode => {
    const file = await keyFile(key, mode)
    await expect(checkKeyFile(file)).rejects.toMatchObject({
      code: 'FILE_DENIED',
      hint: `chmod 600 ${file}`,
    })
  })

  test('refuses what is no file, is not there, or is far too large', async () => {
    await expect(checkKeyFile(dir)).rejects.toMatchObject({code: 'FILE_INVALID'})
    await expect(checkKeyFile('/dev/zero')).rejects.toMatchObject({code: 'FILE_INVALID'})
    await expect(checkKeyFile(join(dir, 'none'))).rejects.toMatchObject({code: 'FILE_MISSING'})
    const large = await keyFile(Buffer.alloc(65_537, 0xff))
    await expect(checkKeyFile(large)).rejects.toMatchObject({code: 'FILE_INVALID'})
  })

  test('follows a link, as secrets are often mounted', async () => {
    const link = join(dir, 'link')
    await symlink(await keyFile(key), link)
    await expect(checkKeyFile(link)).resolves.toBeUndefined()
  })
})
