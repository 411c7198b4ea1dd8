import {readdir, readFile} from 'node:fs/promises'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {missingTools} from '../../../scripts/test-tools.ts'
import {openEncryptedFile, reencrypt} from '../../../src/lib/secrets/encrypted-file.ts'
import {openKeyring} from '../../../src/lib/secrets/keyring.ts'
import {sessionBus, type SessionBus} from '../../support/session-bus.ts'

const missing = (await missingTools()).filter(name => /dbus|keyring/.test(name))

let bus: SessionBus
beforeAll(async () => {
  if (missing.length > 0) return
  bus = await sessionBus()
  await bus.startKeyring()
})
afterAll(async () => bus?.[Symbol.asyncDispose]())

describe.skipIf(missing.length > 0)('an encrypted file whose key is in the keyring', () => {
  test('opens with it, and not without it; the key is in no list of secrets', async () => {
    const input = bus.input()
    const {paths} = input
    const file = () => openEncryptedFile(input)
    const header = async () => JSON.parse(await readFile(paths.secretsFile, 'utf8')).key
    await file().set?.('a', Buffer.from('value'))
    expect((await header()).kind).toBe('keyring')
    expect(await file().get('a')).toEqual(Buffer.from('value'))
    expect(await openKeyring(input).names()).toEqual([])
    expect(await readdir(paths.dir)).toEqual(['secrets.enc.json'])

    const {id} = await header()
    await reencrypt(input, {kind: 'keyring'})
    expect((await header()).id).not.toBe(id)
    expect(await file().get('a')).toEqual(Buffer.from('value'))

    await bus.lock()
    await expect(file().get('a')).rejects.toMatchObject({
      code: 'SECRET_LOCKED',
      message: `the key of ${paths.secretsFile} belongs in the keyring, which cannot be used: the keyring is locked`,
    })
    await bus.unlock()
    expect(await file().get('a')).toEqual(Buffer.from('value'))

    await reencrypt(input, {kind: 'own-key'})
    expect(await file().get('a')).toEqual(Buffer.from('value'))
    expect((await readdir(paths.dir)).toSorted()).toEqual(['secrets.enc.json', 'secrets.key'])
  })
})
