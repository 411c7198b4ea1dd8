import {generateKeyPairSync} from 'node:crypto'
import {chmod, copyFile, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {createSecureContext} from 'node:tls'
import {afterEach, beforeEach, describe, expect, test} from 'vitest'
import {readTls} from '../../../../src/lib/gateway/downstream/tls.ts'

const FILES = join(import.meta.dirname, '../../../fixtures/tls')
let cwd = ''
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'tls-'))
  for (const name of ['cert.pem', 'expired.pem', 'key.pem']) {
    await copyFile(join(FILES, name), join(cwd, name))
  }
  await chmod(join(cwd, 'key.pem'), 0o600)
})
afterEach(() => rm(cwd, {recursive: true}))

const warnings: string[] = []
async function readFiles(cert: string, key: string) {
  warnings.length = 0
  return readTls({cert, key}, {cwd, warn: text => warnings.push(text)})
}

const {privateKey} = generateKeyPairSync('ec', {namedCurve: 'P-256'})
const otherKey = privateKey.export({type: 'pkcs8', format: 'pem'})
const encrypted = privateKey.export({
  type: 'pkcs8',
  format: 'pem',
  cipher: 'aes-256-cbc',
  passphrase: 'secret',
})

describe('readTls', () => {
  test('gives a certificate and its key, by names that are relative to the working directory', async () => {
    const pair = await readFiles('cert.pem', join(cwd, 'key.pem'))
    expect(() => createSecureContext(pair)).not.toThrow()
    expect(pair.cert).toEqual(await readFile(join(FILES, 'cert.pem')))
    expect(warnings).toEqual([])
  })

  test.each([
    ['cert.pem', undefined, 'FILE_MISSING', 'the file of --tls-cert, '],
    ['key.pem', undefined, 'FILE_MISSING', 'the file of --tls-key, '],
    ['cert.pem', 'junk', 'FILE_INVALID', 'cert.pem holds no certificate in PEM form'],
    ['cert.pem', otherKey, 'FILE_INVALID', 'cert.pem holds no certificate in PEM form'],
    [
      'cert.pem',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      'FILE_INVALID',
      'cert.pem holds a certificate that is damaged',
    ],
    ['key.pem', 'junk', 'FILE_INVALID', 'key.pem holds no private key in PEM form'],
    [
      'key.pem',
      '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n',
      'FILE_INVALID',
      'key.pem holds a private key that is encrypted or damaged',
    ],
    ['key.pem', encrypted, 'FILE_INVALID', 'key.pem holds a private key that is encrypted'],
    ['key.pem', otherKey, 'FILE_INVALID', 'key.pem is not the key of the certificate '],
  ])('says of %s what is wrong with it (%#)', async (name, content, code, message) => {
    const path = join(cwd, name)
    if (content === undefined) await rm(path)
    else await writeFile(path, content)
    const error: unknown = await readFiles('cert.pem', 'key.pem').catch((e: unknown) => e)
    expect(error).toMatchObject({code, message: expect.stringContaining(message)})
    expect(error).toMatchObject({message: expect.stringContaining(path)})
  })

  test('does not read what is no file: a pipe would keep it waiting for ever', async () => {
    await expect(readFiles('.', 'key.pem')).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: `${cwd} is no file`,
    })
  })

  test('warns of a key that everybody may read, and of a certificate that has expired', async () => {
    const key = join(cwd, 'key.pem')
    await chmod(key, 0o644)
    await readFiles('expired.pem', 'key.pem')
    expect(warnings).toEqual([
      expect.stringMatching(/^! The certificate .*expired.pem expired on Jan .* 2021 GMT: /),
      expect.stringContaining(`chmod o= ${key}`),
    ])
    await chmod(key, 0o640)
    await readFiles('cert.pem', 'key.pem')
    expect(warnings).toEqual([])
  })
})
