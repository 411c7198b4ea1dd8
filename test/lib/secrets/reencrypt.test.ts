import {randomBytes} from 'node:crypto'
import {copyFile, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {describe, expect, onTestFinished, test} from 'vitest'
import {statePaths} from '../../../src/lib/files/paths.ts'
import {openEncryptedFile, reencrypt} from '../../../src/lib/secrets/encrypted-file.ts'
import type {KeyTarget} from '../../../src/lib/secrets/key-sources.ts'
import {ownKeyVault} from '../../../src/lib/secrets/own-key.ts'
import type {StoreInput} from '../../../src/lib/secrets/store.ts'
import {NO_KEYRING} from '../../support/no-keyring.ts'

async function place() {
  const dir = await mkdtemp(join(tmpdir(), 'rekey-'))
  onTestFinished(() => rm(dir, {recursive: true, force: true}))
  await writeFile(join(dir, 'key'), randomBytes(32).toString('hex'), {mode: 0o600})
  const env = {HOME: dir, DOCKER_MCP_SECRETS_PASSPHRASE: 'several words'}
  const input: StoreInput = {paths: statePaths({env}), env, cwd: dir}
  const ring = ownKeyVault(join(dir, 'ring'))
  const value = async (name: string) => (await openEncryptedFile(input, ring).get(name))?.toString()
  const header = async () => JSON.parse(await readFile(input.paths.secretsFile, 'utf8'))
  const rekey = (to: KeyTarget) => reencrypt(input, to, ring)
  return {dir, input, ring, value, header, rekey}
}

const TARGETS: readonly KeyTarget[] = [
  {kind: 'own-key'},
  {kind: 'passphrase', passphrase: 'several words'},
  {kind: 'keyring'},
  {kind: 'key-file', path: 'key'},
]

describe('reencrypt', () => {
  test.each(TARGETS.flatMap(from => TARGETS.map(to => ({from, to}))))(
    'from $from.kind to $to.kind keeps the values and changes all else',
    async ({from, to}) => {
      const {dir, input, ring, value, header, rekey} = await place()
      await rekey(from)
      await openEncryptedFile(input, ring).set?.('a', Buffer.from('value'))
      const before = await header()
      await rekey(to)
      const after = await header()
      expect(await value('a')).toBe('value')
      expect(after.key.kind).toBe(to.kind)
      expect(after.names).toEqual(['a'])
      for (const member of ['nonce', 'data', 'tag']) expect(after[member]).not.toBe(before[member])
      expect(after.key.salt).not.toBe(before.key.salt)
      expect(after.key.check).not.toBe(before.key.check)
      // No key is left that nothing needs.
      const keys = to.kind === 'own-key' ? ['secrets.key'] : []
      expect((await readdir(input.paths.dir)).toSorted()).toEqual(['secrets.enc.json', ...keys])
      expect((await readdir(dir)).includes('ring')).toBe(to.kind === 'keyring')
    },
  )

  test('makes a file with nothing in it, whose key later secrets get', async () => {
    const {input, value, header, rekey, ring} = await place()
    await rekey({kind: 'key-file', path: 'key'})
    expect(await openEncryptedFile(input, ring).names()).toEqual([])
    await openEncryptedFile(input, ring).set?.('a', Buffer.from('value'))
    expect((await header()).key.kind).toBe('key-file')
    expect(await value('a')).toBe('value')
  })

  test.each<[string, KeyTarget, string]>([
    ['an empty passphrase', {kind: 'passphrase', passphrase: ''}, 'USAGE'],
    ['a key file that is not there', {kind: 'key-file', path: 'none'}, 'FILE_MISSING'],
  ])('with %s changes nothing', async (_what, to, code) => {
    const {input, rekey} = await place()
    await rekey({kind: 'own-key'})
    const before = await readFile(input.paths.secretsFile, 'utf8')
    const keys = await readFile(input.paths.secretsKey, 'utf8')
    await expect(rekey(to)).rejects.toMatchObject({code})
    expect(await readFile(input.paths.secretsFile, 'utf8')).toBe(before)
    expect(await readFile(input.paths.secretsKey, 'utf8')).toBe(keys)
  })

  test('without a keyring says so, and changes nothing', async () => {
    const {input, ring, rekey} = await place()
    await rekey({kind: 'passphrase', passphrase: 'several words'})
    const before = await readFile(input.paths.secretsFile, 'utf8')
    const absent = {...ring, unavailable: async () => 'nobody has logged in'}
    await expect(reencrypt(input, {kind: 'keyring'}, absent)).rejects.toMatchObject({
      code: 'STORE_UNUSABLE',
      message: 'there is no keyring here: nobody has logged in; nothing was changed',
      hint: expect.stringContaining('--own-key'),
    })
    expect(await readFile(input.paths.secretsFile, 'utf8')).toBe(before)
  })

  test('opens with the old key as long as the old file is in its place', async () => {
    const {dir, input, value, rekey} = await place()
    const {secretsFile, secretsKey} = input.paths
    await rekey({kind: 'own-key'})
    await openEncryptedFile(input, NO_KEYRING).set?.('a', Buffer.from('value'))
    await copyFile(secretsFile, join(dir, 'old'))
    const old = await readFile(secretsKey, 'utf8')
    await rekey({kind: 'own-key'})
    const added = (await readFile(secretsKey, 'utf8')).trimEnd().split('\n').at(-1)
    // As a process leaves it that dies between its two writes.
    await copyFile(join(dir, 'old'), secretsFile)
    await writeFile(secretsKey, `${old}${added}\n`)
    expect(await value('a')).toBe('value')
    await rekey({kind: 'own-key'})
    expect(await value('a')).toBe('value')
  })

  test('at the same time as reads and writes loses nothing', async () => {
    const {input, value, rekey} = await place()
    const store = openEncryptedFile(input, NO_KEYRING)
    await rekey({kind: 'own-key'})
    await store.set?.('a', Buffer.from('value'))
    const names = Array.from({length: 8}, (_, index) => `name-${index}`)
    const reads = names.map(async name => {
      await store.set?.(name, Buffer.from(name))
      return value('a')
    })
    const done = await Promise.all([...reads, rekey({kind: 'own-key'}), rekey({kind: 'own-key'})])
    expect(done.slice(0, names.length)).toEqual(names.map(() => 'value'))
    expect(await Promise.all(names.map(value))).toEqual(names)
  })
})
