import {describe, expect, test} from 'vitest'
import {setSecret, usableStores, type Stores} from '../../../src/lib/secrets/change.ts'
import {forgettableNames, removableNames, removeSecrets} from '../../../src/lib/secrets/remove.ts'
import type {SecretStore} from '../../../src/lib/secrets/store.ts'

/** A store in memory. */
class MemoryStore implements SecretStore {
  readonly name: string
  readonly #values = new Map<string, Buffer>()
  readonly #why: string | undefined

  constructor(name: string, values: Readonly<Record<string, string>> = {}, why?: string) {
    this.name = name
    for (const [key, value] of Object.entries(values)) this.#values.set(key, Buffer.from(value))
    this.#why = why
  }

  async unavailable() {
    return this.#why
  }

  async names() {
    return [...this.#values.keys()]
  }

  async get(name: string) {
    return this.#values.get(name)
  }

  async set(name: string, value: Buffer) {
    this.#values.set(name, value)
  }

  async remove(name: string) {
    if (this.#why !== undefined) throw new Error(this.#why)
    return this.#values.delete(name)
  }

  async forget(name: string) {
    return this.#values.delete(name)
  }
}

function memory(name: string, values?: Readonly<Record<string, string>>, why?: string) {
  return new MemoryStore(name, values, why)
}

/** One that somebody else fills. */
function fixed(name: string, ...names: readonly string[]): SecretStore {
  return {
    name,
    unavailable: async () => undefined,
    names: async () => names,
    get: async () => Buffer.from('theirs'),
  }
}

function broken(name: string): SecretStore {
  return {
    ...fixed(name),
    names: async () => {
      throw new Error('it is damaged')
    },
  }
}

const stores = (...all: readonly SecretStore[]): Promise<Stores> =>
  usableStores({stores: all, skipped: []})

const secret = (name: string, store?: string) => ({name, value: Buffer.from('new'), store})

describe('setSecret', () => {
  test('takes the first store that takes any', async () => {
    const [keyring, file] = [memory('keyring', {}, 'no D-Bus'), memory('file')]
    const from = await stores(fixed('env'), keyring, file, memory('pass'))
    expect(await setSecret(from, secret('a'))).toMatchObject({store: 'file', replaced: false})
    expect(await file.get('a')).toEqual(Buffer.from('new'))
    expect(await keyring.get('a')).toBeUndefined()
  })

  test('replaces a secret where it is', async () => {
    const pass = memory('pass', {a: 'old'})
    const from = await stores(memory('file'), pass)
    expect(await setSecret(from, secret('a'))).toMatchObject({store: 'pass', replaced: true})
    expect(await pass.get('a')).toEqual(Buffer.from('new'))
  })

  test('tells of a store that counts before, whether others fill it or it cannot be used now', async () => {
    const file = memory('file')
    const locked = memory('keyring', {b: 'old'}, 'it is locked')
    const from = await stores(locked, fixed('x.env', 'a'), file)
    expect(await setSecret(from, secret('a'))).toMatchObject({store: 'file', hiddenBy: 'x.env'})
    expect(await setSecret(from, secret('b'))).toMatchObject({
      store: 'file',
      hiddenBy: undefined,
      insteadOf: 'keyring',
    })
  })

  test('says nothing of stores that count after', async () => {
    const from = await stores(memory('file'), fixed('env', 'a'))
    expect((await setSecret(from, secret('a', 'file'))).hiddenBy).toBeUndefined()
  })

  test('takes the store that is named, also one that only says that it cannot be used', async () => {
    const keyring = memory('keyring', {}, 'it is locked')
    const from = await stores(memory('file', {a: 'old'}), keyring)
    expect(await setSecret(from, secret('a', 'keyring'))).toEqual({
      store: 'keyring',
      replaced: false,
      hiddenBy: 'file',
    })
  })

  test('is not kept from it by a store that is broken', async () => {
    const from = await stores(broken('credentials'), memory('file'))
    expect(await setSecret(from, secret('a'))).toMatchObject({store: 'file'})
  })

  test.for([
    ['a store that others fill', 'x.env', /others fill it/],
    ['a store that is not known', 'vault', /there is no such store/],
  ] as const)('refuses %s', async ([, store, message]) => {
    const from = await stores(fixed('x.env'), memory('file'))
    await expect(setSecret(from, secret('a', store))).rejects.toMatchObject({
      code: 'STORE_UNUSABLE',
      message: expect.stringMatching(message),
      hint: expect.stringContaining('file'),
    })
  })

  test('says why none can be written', async () => {
    const from = await stores(memory('keyring', {}, 'no D-Bus'), fixed('env'))
    await expect(setSecret(from, secret('a'))).rejects.toMatchObject({
      code: 'STORE_UNUSABLE',
      hint: expect.stringContaining('keyring: no D-Bus'),
    })
  })

  test.for(['', 'a b', '../a', 'a/', 'a'.repeat(257)])(
    'refuses the name %j without repeating it',
    async name => {
      const from = await stores(memory('file'))
      await expect(setSecret(from, secret(name))).rejects.toMatchObject({
        code: 'USAGE',
        message: 'that is not a name of a secret',
      })
    },
  )

  test('refuses an empty value', async () => {
    const from = await stores(memory('file'))
    await expect(setSecret(from, {name: 'a', value: Buffer.alloc(0)})).rejects.toMatchObject({
      code: 'USAGE',
    })
  })
})

describe('removeSecrets', () => {
  test('removes from every store that can be changed', async () => {
    const [file, pass] = [memory('file', {a: '1', b: '2'}), memory('pass', {a: '3'})]
    const from = await stores(file, pass)
    expect(await removeSecrets(from, ['a', 'a'])).toEqual({
      removed: [{name: 'a', from: ['file', 'pass'], forgotten: [], left: []}],
      failed: undefined,
    })
    expect(await file.names()).toEqual(['b'])
  })

  test('removes from one store only, and says who else has it', async () => {
    const [file, pass] = [memory('file', {a: '1'}), memory('pass', {a: '3'})]
    const from = await stores(file, pass)
    const {removed} = await removeSecrets(from, ['a'], {store: 'pass'})
    expect(removed).toMatchObject([{name: 'a', from: ['pass'], left: [{name: 'file'}]}])
    expect(await file.names()).toEqual(['a'])
  })

  test('tells of one that only others can remove', async () => {
    const from = await stores(memory('file', {a: '1'}), fixed('x.env', 'a', 'b'))
    const {removed, failed} = await removeSecrets(from, ['a', 'b'])
    expect(removed).toMatchObject([{name: 'a', from: ['file'], left: [{name: 'x.env'}]}])
    expect(failed).toMatchObject({
      code: 'STORE_UNUSABLE',
      message: expect.stringMatching(/^b is in x\.env/),
    })
  })

  test('says that a store cannot be used which has it, and forgets it when told to', async () => {
    const keyring = memory('keyring', {a: '1', b: '2'}, 'it is locked')
    const from = await stores(keyring, memory('file', {b: '3'}), fixed('x.env'))
    expect(await removableNames(from)).toEqual(['b'])
    expect(await forgettableNames(from)).toEqual(['a', 'b'])
    expect(await forgettableNames(from, {store: 'file'})).toEqual([])
    const {removed, failed} = await removeSecrets(from, ['a', 'b'])
    expect(removed).toMatchObject([{name: 'b', from: ['file'], left: [{name: 'keyring'}]}])
    expect(failed).toMatchObject({
      code: 'STORE_UNUSABLE',
      message: 'a is in keyring, which cannot be used here: it is locked',
      hint: expect.stringContaining('docker mcp secret rm --forget a'),
    })
    const forgetting = {store: 'keyring', isForgetting: true}
    expect(await removableNames(from, forgetting)).toEqual(['a', 'b'])
    expect(await removeSecrets(from, ['a', 'b'], forgetting)).toMatchObject({
      removed: [
        {name: 'a', from: [], forgotten: ['keyring'], left: []},
        {name: 'b', from: [], forgotten: ['keyring'], left: []},
      ],
      failed: undefined,
    })
    expect(await keyring.names()).toEqual([])
  })

  test('says what to do about a store that cannot be used here and has no list', async () => {
    const pass = {
      ...fixed('pass', 'a'),
      unavailable: async () => 'it is not installed',
      set: async () => undefined,
      remove: async () => false,
    }
    const {failed} = await removeSecrets(await stores(pass, memory('file')), ['a'])
    expect(failed).toMatchObject({
      message: 'a is in pass, which cannot be used here: it is not installed',
      hint: 'make pass usable again, see: docker mcp secret ls --stores',
    })
  })

  test('names what may have been meant, and removes the others', async () => {
    const from = await stores(memory('file', {'brave.api_key': '1', a: '2'}))
    const {removed, failed} = await removeSecrets(from, ['brave.apikey', 'a'])
    expect(removed.map(({name}) => name)).toEqual(['a'])
    expect(failed).toMatchObject({
      code: 'SECRET_UNKNOWN',
      message: 'no store has brave.apikey',
      hint: 'did you mean brave.api_key?',
    })
  })
})

test('removableNames has every name once, of stores that can be changed here', async () => {
  const from = await stores(
    memory('keyring', {z: '1'}, 'no D-Bus'),
    memory('file', {b: '1', a: '1'}),
    memory('pass', {a: '1', c: '1'}),
    fixed('env', 'x'),
  )
  expect(await removableNames(from)).toEqual(['a', 'b', 'c'])
  expect(await removableNames(from, {store: 'pass'})).toEqual(['a', 'c'])
})
