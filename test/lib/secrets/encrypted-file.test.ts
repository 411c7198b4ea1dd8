import {execFile, spawn} from 'node:child_process'
import {randomBytes} from 'node:crypto'
import {once} from 'node:events'
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'
import {fileURLToPath} from 'node:url'
import {inspect, promisify} from 'node:util'
import * as fc from 'fast-check'
import {describe, expect, onTestFinished, test} from 'vitest'
import {statePaths} from '../../../src/lib/files/paths.ts'
import {openEncryptedFile, reencrypt} from '../../../src/lib/secrets/encrypted-file.ts'
import {ownKeyVault} from '../../../src/lib/secrets/own-key.ts'
import type {StoreInput} from '../../../src/lib/secrets/store.ts'
import {NO_KEYRING} from '../../support/no-keyring.ts'

const run = promisify(execFile)
const FIXTURE = fileURLToPath(new URL('../../fixtures/change-secrets.ts', import.meta.url))
const isRoot = process.getuid?.() === 0

async function tempDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'secrets-file-'))
  onTestFinished(() => rm(dir, {recursive: true, force: true}))
  return dir
}

function inputIn(dir: string, more: NodeJS.ProcessEnv = {}): StoreInput {
  const env = {HOME: dir, ...more}
  return {paths: statePaths({env}), env, cwd: dir}
}

async function keyFile(dir: string, name = 'key'): Promise<string> {
  const path = join(dir, name)
  await writeFile(path, randomBytes(48).toString('base64'), {mode: 0o600})
  return path
}

async function set(input: StoreInput, name: string, value: string | Buffer): Promise<void> {
  await openEncryptedFile(input, NO_KEYRING).set?.(name, Buffer.from(value))
}

async function get(input: StoreInput, name: string): Promise<string | undefined> {
  return (await openEncryptedFile(input, NO_KEYRING).get(name))?.toString()
}

async function kindOf(input: StoreInput): Promise<unknown> {
  return JSON.parse(await readFile(input.paths.secretsFile, 'utf8')).key.kind
}

/** A file with one secret; the text of it, and what puts another text in its place. */
async function written(more: NodeJS.ProcessEnv = {}) {
  const dir = await tempDir()
  const input = inputIn(dir, more)
  await set(input, 'a.key', 'planted-value')
  const text = await readFile(input.paths.secretsFile, 'utf8')
  return {dir, input, text, replace: (by: string) => writeFile(input.paths.secretsFile, by)}
}

/** All that an error shows when it is printed with everything that hangs on it. */
async function failure(
  task: Promise<unknown>,
): Promise<{code: string; message: string; hint: string; all: string}> {
  const error: unknown = await task.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(Error)
  const {code, message, hint} = Object(error)
  return {code, message, hint, all: inspect(error, {depth: 20, showHidden: true})}
}

describe('openEncryptedFile', () => {
  test('has nothing, makes nothing and can be used where there is no file', async () => {
    const dir = await tempDir()
    const store = openEncryptedFile(inputIn(dir), NO_KEYRING)
    expect(await store.unavailable()).toBeUndefined()
    expect(await store.names()).toEqual([])
    expect(await store.get('a')).toBeUndefined()
    expect(await store.remove?.('a')).toBe(false)
    expect(await readdir(dir)).toEqual([])
  })

  test('says that nothing can be written', async () => {
    const input = inputIn('/dev/null')
    expect(await openEncryptedFile(input, NO_KEYRING).unavailable()).toBe(
      'nothing can be written in /dev/null',
    )
  })

  test('keeps any bytes under any name, and lists names without the key', async () => {
    const input = inputIn(await tempDir())
    const name = fc.stringMatching(/^[\w:-]{1,20}(?:\/[\w:-]{1,20}){0,2}$/)
    const value = fc.uint8Array({minLength: 1, maxLength: 5000})
    const secrets = fc.uniqueArray(fc.tuple(name, value), {selector: one => one[0], maxLength: 8})
    const check = fc.asyncProperty(secrets, async all => {
      await rm(input.paths.dir, {recursive: true, force: true})
      const store = openEncryptedFile(input, NO_KEYRING)
      for (const [one, bytes] of all) await store.set?.(one, Buffer.from(bytes))
      for (const [one, bytes] of all) expect(await store.get(one)).toEqual(Buffer.from(bytes))
      await rm(input.paths.secretsKey, {force: true})
      expect(await store.names()).toEqual(all.map(([one]) => one).toSorted())
    })
    await fc.assert(check, {numRuns: 15})
  })

  test('keeps __proto__ and constructor as names like any other', async () => {
    const input = inputIn(await tempDir())
    await set(input, '__proto__', 'one')
    expect(await get(input, 'constructor')).toBeUndefined()
    expect(await get(input, '__proto__')).toBe('one')
  })

  test('is for its owner alone, and has no value in it', async () => {
    const {input, text} = await written()
    const {secretsFile, secretsKey, dir} = input.paths
    for (const file of [secretsFile, secretsKey]) {
      expect((await stat(file)).mode & 0o777).toBe(0o600)
    }
    for (const shape of ['utf8', 'base64', 'hex'] as const) {
      expect(text).not.toContain(Buffer.from('planted-value').toString(shape))
    }
    expect((await readdir(dir)).toSorted()).toEqual(['secrets.enc.json', 'secrets.key'])
  })

  test('takes a fresh nonce for each write, and writes nothing when nothing changes', async () => {
    const {input, text} = await written()
    await set(input, 'a.key', 'planted-value')
    expect(await openEncryptedFile(input, NO_KEYRING).remove?.('other')).toBe(false)
    expect(await readFile(input.paths.secretsFile, 'utf8')).toBe(text)
    await set(input, 'a.key', 'second-value!')
    const next = await readFile(input.paths.secretsFile, 'utf8')
    expect(JSON.parse(next).nonce).not.toBe(JSON.parse(text).nonce)
    expect(JSON.parse(next).data).toHaveLength(JSON.parse(text).data.length)
  })

  test('removes a secret and says whether it was there', async () => {
    const {input} = await written()
    const store = openEncryptedFile(input, NO_KEYRING)
    expect(await store.remove?.('a.key')).toBe(true)
    expect(await store.remove?.('a.key')).toBe(false)
    expect(await store.names()).toEqual([])
    expect(await store.get('a.key')).toBeUndefined()
  })

  test.each([
    ['an empty value', 'a', Buffer.alloc(0), 'the value of a is empty'],
    [
      'more than 1 MiB',
      'a',
      Buffer.alloc(1024 * 1024 + 1, 1),
      'the value of a is larger than 1 MiB',
    ],
    ['a name that is a path', '../a', Buffer.from('x'), '"../a" is no name of a secret'],
  ])('refuses %s', async (_what, name, value, message) => {
    const {input, text} = await written()
    const setting = openEncryptedFile(input, NO_KEYRING).set?.(name, value)
    await expect(setting).rejects.toMatchObject({code: 'SECRET_INVALID', message})
    expect(await readFile(input.paths.secretsFile, 'utf8')).toBe(text)
  })

  test('refuses more than a file may hold, and keeps what is there', async () => {
    const input = inputIn(await tempDir())
    const names = Array.from({length: 11}, (_, index) => `large-${index}`)
    for (const name of names) await set(input, name, randomBytes(1024 * 1024))
    const before = await readFile(input.paths.secretsFile)
    const one = Buffer.alloc(1024 * 1024, 1)
    await expect(set(input, 'too-much', one)).rejects.toMatchObject({code: 'SECRET_INVALID'})
    expect((await readFile(input.paths.secretsFile)).equals(before)).toBe(true)
  })

  test('shows no value and no key when it is printed', async () => {
    const {input} = await written({DOCKER_MCP_SECRETS_PASSPHRASE: 'a planted passphrase'})
    const {env, ...rest} = input
    const store = openEncryptedFile({...rest, env}, NO_KEYRING)
    await store.get('a.key')
    const shown = inspect(store, {depth: 20, showHidden: true})
    expect(shown).not.toContain('planted')
    expect(JSON.stringify(store)).not.toContain('planted')
  })
})

/** Makes a file anew, and gives what it says about its key. */
async function keyOfNew(input: StoreInput): Promise<unknown> {
  await rm(input.paths.dir, {recursive: true, force: true})
  await set(input, 'a', 'value')
  expect(await get(input, 'a')).toBe('value')
  return JSON.parse(await readFile(input.paths.secretsFile, 'utf8')).key
}

describe('the key of a new file', () => {
  test('is that of the gateway file, then of the variable, then a passphrase, then one of our own', async () => {
    const dir = await tempDir()
    const [ofSettings, ofVariable] = [await keyFile(dir, 'k1'), await keyFile(dir, 'k2')]
    const env = {DOCKER_MCP_SECRETS_KEY_FILE: ofVariable, DOCKER_MCP_SECRETS_PASSPHRASE: 'words'}
    const input = inputIn(dir, env)
    const settings = async () => ({encryptionKeyFile: ofSettings})
    expect(await keyOfNew({...input, settings})).toMatchObject({kind: 'key-file', path: ofSettings})
    expect(await keyOfNew(input)).toMatchObject({kind: 'key-file', path: ofVariable})
    const passphrase = inputIn(dir, {DOCKER_MCP_SECRETS_PASSPHRASE: 'words'})
    expect(await keyOfNew(passphrase)).toMatchObject({
      kind: 'passphrase',
      scrypt: {N: 131_072, r: 8, p: 1},
    })
    expect(await keyOfNew(inputIn(dir, {DOCKER_MCP_SECRETS_PASSPHRASE: ''}))).toMatchObject({
      kind: 'own-key',
    })
  })

  test('can be kept in a keyring, by an id that only the file knows', async () => {
    const dir = await tempDir()
    const input = inputIn(dir)
    const ring = ownKeyVault(join(dir, 'ring'))
    await openEncryptedFile(input, ring).set?.('a', Buffer.from('value'))
    expect(await kindOf(input)).toBe('keyring')
    expect(await openEncryptedFile(input, ring).get('a')).toEqual(Buffer.from('value'))
    expect(await readdir(input.paths.dir)).toEqual(['secrets.enc.json'])
    const absent = {...ring, unavailable: async () => 'nobody has logged in'}
    await expect(openEncryptedFile(input, absent).get('a')).rejects.toMatchObject({
      code: 'SECRET_LOCKED',
      message: `the key of ${input.paths.secretsFile} belongs in the keyring, which cannot be used: nobody has logged in`,
    })
    await rm(join(dir, 'ring'))
    await expect(openEncryptedFile(input, ring).get('a')).rejects.toMatchObject({
      code: 'SECRET_LOCKED',
      message: `the key of ${input.paths.secretsFile} is not in the keyring`,
    })
  })

  test('is ours where there is no keyring', async () => {
    const dir = await tempDir()
    const input = inputIn(dir)
    const absent = {...ownKeyVault(join(dir, 'ring')), unavailable: async () => 'none'}
    await openEncryptedFile(input, absent).set?.('a', Buffer.from('value'))
    expect(await kindOf(input)).toBe('own-key')
  })

  test('of our own is added to those that are there', async () => {
    const {input, text, replace} = await written()
    await rm(input.paths.secretsFile)
    await set(input, 'b', 'another')
    expect(await get(input, 'b')).toBe('another')
    await replace(text)
    expect(await get(input, 'a.key')).toBe('planted-value')
  })
})

describe('a passphrase', () => {
  test('comes from a file, without the line break at its end', async () => {
    const {dir, input} = await written({DOCKER_MCP_SECRETS_PASSPHRASE: 'two words'})
    await writeFile(join(dir, 'words'), 'two words\n', {mode: 0o600})
    const other = inputIn(dir, {DOCKER_MCP_SECRETS_PASSPHRASE_FILE: 'words'})
    expect(await get(other, 'a.key')).toBe('planted-value')
    await chmod(join(dir, 'words'), 0o644)
    await expect(get(other, 'a.key')).rejects.toMatchObject({code: 'FILE_DENIED'})
    await writeFile(join(dir, 'words'), '\n')
    await chmod(join(dir, 'words'), 0o600)
    await expect(get(other, 'a.key')).rejects.toMatchObject({code: 'FILE_INVALID'})
    await rm(join(dir, 'words'))
    await expect(get(other, 'a.key')).rejects.toMatchObject({
      code: 'FILE_MISSING',
      hint: expect.stringMatching(/^DOCKER_MCP_SECRETS_PASSPHRASE_FILE names it/),
    })
    expect(await get(input, 'a.key')).toBe('planted-value')
  })

  test('is the same in each of its spellings', async () => {
    const {dir} = await written({DOCKER_MCP_SECRETS_PASSPHRASE: 'Grün'.normalize('NFC')})
    const other = inputIn(dir, {DOCKER_MCP_SECRETS_PASSPHRASE: 'Grün'.normalize('NFD')})
    expect(await get(other, 'a.key')).toBe('planted-value')
  })

  test('is asked for once, when nothing gives it', async () => {
    const {dir} = await written({DOCKER_MCP_SECRETS_PASSPHRASE: 'typed words'})
    const asked: string[] = []
    const askHidden = async (question: string) => {
      asked.push(question)
      return 'typed words'
    }
    const input = {...inputIn(dir), askHidden}
    const store = openEncryptedFile(input, NO_KEYRING)
    expect(await store.get('a.key')).toEqual(Buffer.from('planted-value'))
    await store.set?.('b', Buffer.from('more'))
    expect(await store.get('b')).toEqual(Buffer.from('more'))
    expect(asked).toEqual([`Passphrase of ${input.paths.secretsFile}: `])
  })

  test('that is wrong or not there is an error without it, and changes nothing', async () => {
    const {dir, input, text} = await written({DOCKER_MCP_SECRETS_PASSPHRASE: 'planted words'})
    const wrong = inputIn(dir, {DOCKER_MCP_SECRETS_PASSPHRASE: 'wrong words'})
    for (const task of [
      () => get(wrong, 'a.key'),
      () => set(wrong, 'b', 'c'),
      () => reencrypt(wrong, {kind: 'own-key'}, NO_KEYRING),
    ]) {
      const {code, message, hint, all} = await failure(task())
      expect(code).toBe('SECRET_LOCKED')
      expect(message).toBe(
        `the passphrase is not the one that ${input.paths.secretsFile} was encrypted with`,
      )
      expect(hint).toContain('remove the file and set the secrets again')
      expect(all).not.toMatch(/wrong words|planted/)
    }
    const {code, message} = await failure(get(inputIn(dir), 'a.key'))
    expect([code, message]).toEqual([
      'SECRET_LOCKED',
      `${input.paths.secretsFile} needs its passphrase`,
    ])
    expect(await readFile(input.paths.secretsFile, 'utf8')).toBe(text)
    expect(await readdir(input.paths.dir)).toEqual(['secrets.enc.json'])
  })
})

describe('a file that cannot be opened', () => {
  test('with any bit of it changed is refused, and stays as it is', async () => {
    const {input, text} = await written()
    const bytes = Buffer.from(text)
    const place = fc.nat(bytes.length * 8 - 1)
    const check = fc.asyncProperty(place, async bit => {
      const changed = Buffer.from(bytes)
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      await writeFile(input.paths.secretsFile, changed)
      for (const task of [() => get(input, 'a.key'), () => set(input, 'a.key', 'next')]) {
        const {code, message, all} = await failure(task())
        expect(['FILE_INVALID', 'SECRET_LOCKED']).toContain(code)
        expect(message).toContain(input.paths.secretsFile)
        expect(all).not.toContain('planted-value')
      }
      expect((await readFile(input.paths.secretsFile)).equals(changed)).toBe(true)
    })
    await fc.assert(check, {numRuns: 400})
  })

  test('that is cut off anywhere is refused', async () => {
    const {input, text, replace} = await written()
    const check = fc.asyncProperty(fc.nat(text.length - 2), async length => {
      await replace(text.slice(0, length))
      await expect(get(input, 'a.key')).rejects.toMatchObject({
        code: 'FILE_INVALID',
        message: expect.stringContaining(`${input.paths.secretsFile} is damaged: it is`),
      })
    })
    await fc.assert(check, {numRuns: 60})
    expect(text.endsWith('}\n')).toBe(true)
  })

  test.each([
    ['names', ['other']],
    ['data', 'AAAA'],
    ['cipher', 'aes-128-gcm'],
    ['nonce', 'AAAAAAAAAAAAAAAA'],
    ['more', 1],
    ['version', 0],
    ['names', Array.from({length: 3}, () => 'a.key')],
    ['names', ['\u001B[2J']],
  ])('whose %s is %j is damaged', async (member, value) => {
    const {input, text, replace} = await written()
    await replace(JSON.stringify({...JSON.parse(text), [member]: value}))
    const {code, message, hint} = await failure(get(input, 'a.key'))
    expect([code, message]).toEqual([
      'FILE_INVALID',
      expect.stringContaining(`${input.paths.secretsFile} is damaged: `),
    ])
    expect(hint).toContain('put back a copy')
  })

  test.each([
    {N: 2 ** 20},
    {N: 2 ** 19, p: 2},
    {N: 2 ** 14},
    {N: 131_071},
    {r: 9},
    {p: 5},
    {p: 0},
    {N: -1},
    {N: 1e300},
  ])('that asks for a key with %j costs nothing', async change => {
    const {input, text, replace} = await written({DOCKER_MCP_SECRETS_PASSPHRASE: 'words'})
    const file = JSON.parse(text)
    file.key.scrypt = {...file.key.scrypt, ...change}
    await replace(JSON.stringify(file))
    await expect(get(input, 'a.key')).rejects.toMatchObject({code: 'FILE_INVALID'})
  })

  test('that is nested without end is refused', async () => {
    const {input, text, replace} = await written()
    await replace(
      text.replace('"version": 1,', `"more": ${'['.repeat(1e6)}${']'.repeat(1e6)},"version": 1,`),
    )
    await expect(get(input, 'a.key')).rejects.toMatchObject({code: 'FILE_INVALID'})
  })

  test('of a newer version says so', async () => {
    const {input, text, replace} = await written()
    await replace(text.replace('"version": 1', '"version": 2'))
    await expect(get(input, 'a.key')).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: `${input.paths.secretsFile} was written by a newer version of docker mcp`,
      hint: expect.stringContaining('update docker mcp'),
    })
  })

  test('without its own key says what is lost', async () => {
    const {input, text} = await written()
    await rm(input.paths.secretsKey)
    const {code, message} = await failure(set(input, 'b', 'c'))
    expect([code, message]).toEqual([
      'SECRET_LOCKED',
      `the key of ${input.paths.secretsFile} is not in ${input.paths.secretsKey}`,
    ])
    expect(await readFile(input.paths.secretsFile, 'utf8')).toBe(text)
  })

  test('names no key when its own key was changed', async () => {
    const {input} = await written()
    const keys = await readFile(input.paths.secretsKey, 'utf8')
    const key = /^[0-9a-f]{16} (.*)$/m.exec(keys)?.[1] ?? 'none'
    await writeFile(input.paths.secretsKey, keys.replace(key, randomBytes(32).toString('base64')))
    expect((await failure(get(input, 'a.key'))).message).toContain('one of the two was changed')
    await writeFile(input.paths.secretsKey, keys.replace(key, key.slice(1)))
    const {code, message, all} = await failure(get(input, 'a.key'))
    expect([code, message]).toEqual([
      'FILE_INVALID',
      `${input.paths.secretsKey}:3: the line holds no key`,
    ])
    expect(all).not.toContain(key.slice(1))
  })

  test('with another key file says which it was', async () => {
    const dir = await tempDir()
    const [right, wrong] = [await keyFile(dir, 'right'), await keyFile(dir, 'wrong')]
    await set(inputIn(dir, {DOCKER_MCP_SECRETS_KEY_FILE: right}), 'a', 'value')
    const input = inputIn(dir, {DOCKER_MCP_SECRETS_KEY_FILE: wrong})
    await expect(get(input, 'a')).rejects.toMatchObject({
      code: 'SECRET_LOCKED',
      message: `${input.paths.secretsFile} was not encrypted with the key in ${wrong}`,
      hint: expect.stringContaining(right),
    })
    // Without a word from anybody, it finds the key where it was.
    expect(await get(inputIn(dir), 'a')).toBe('value')
    await rm(right)
    await expect(get(inputIn(dir), 'a')).rejects.toMatchObject({code: 'FILE_MISSING'})
  })
})

describe('what is in the way', () => {
  test.skipIf(process.platform === 'win32')('a pipe is not waited for', async () => {
    const {input} = await written()
    const file = input.paths.secretsFile
    await rm(file)
    await run('mkfifo', ['-m', '600', file])
    const store = openEncryptedFile(input, NO_KEYRING)
    for (const task of [
      () => store.names(),
      () => store.get('a.key'),
      () => set(input, 'b', 'c'),
    ]) {
      const {code, message} = await failure(task())
      expect([code, message]).toEqual(['FILE_DENIED', `${file} is no regular file`])
    }
  })

  test.skipIf(process.platform === 'win32').each([0o640, 0o604, 0o620, 0o602])(
    'mode %o is refused with the command that mends it',
    async mode => {
      const {input, text} = await written()
      const file = input.paths.secretsFile
      await chmod(file, mode)
      for (const task of [() => get(input, 'a.key'), () => set(input, 'b', 'c')]) {
        const {code, message, hint} = await failure(task())
        expect([code, message, hint]).toEqual([
          'FILE_DENIED',
          `others may use ${file}, which holds secrets`,
          `chmod 600 ${file}`,
        ])
      }
      expect(await openEncryptedFile(input, NO_KEYRING).names()).toEqual(['a.key'])
      expect(await readFile(file, 'utf8')).toBe(text)
      await run('chmod', ['600', file])
      expect(await get(input, 'a.key')).toBe('planted-value')
    },
  )

  test('a key that others may read is refused', async () => {
    const {input} = await written()
    await chmod(input.paths.secretsKey, 0o644)
    await expect(get(input, 'a.key')).rejects.toMatchObject({
      code: 'FILE_DENIED',
      hint: `chmod 600 ${input.paths.secretsKey}`,
    })
  })

  test.each(['secretsFile', 'secretsKey'] as const)('a folder as %s', async which => {
    const input = inputIn(await tempDir())
    await mkdir(input.paths[which], {recursive: true})
    const {code, message} = await failure(set(input, 'a', 'planted'))
    expect(['FILE_DENIED', 'FILE_INVALID']).toContain(code)
    expect(message).toContain(input.paths[which])
    expect((await stat(input.paths[which])).isDirectory()).toBe(true)
  })

  test('a link is followed, and stays', async () => {
    const dir = await tempDir()
    const input = inputIn(dir)
    await mkdir(input.paths.dir, {recursive: true})
    await mkdir(join(dir, 'elsewhere'))
    await symlink(join(dir, 'elsewhere', 's.json'), input.paths.secretsFile)
    await set(input, 'a', 'value')
    expect(await readdir(join(dir, 'elsewhere'))).toEqual(['s.json'])
    expect(await get(input, 'a')).toBe('value')
  })

  test.skipIf(!isRoot || process.platform !== 'linux')(
    'no permission, as another user',
    async () => {
      const {dir, input, text} = await written()
      await chmod(dir, 0o755)
      const code = `
      const {openEncryptedFile} = await import(${JSON.stringify(new URL('../../../src/lib/secrets/encrypted-file.ts', import.meta.url).href)})
      const {statePaths} = await import(${JSON.stringify(new URL('../../../src/lib/files/paths.ts', import.meta.url).href)})
      process.setgid(65534); process.setuid(65534)
      const env = {HOME: ${JSON.stringify(dir)}}
      const store = openEncryptedFile({paths: statePaths({env}), env, cwd: '/'})
      for (const task of [() => store.get('a.key'), () => store.set('b', Buffer.from('c'))]) {
        await task().then(() => console.log('done'), error => console.log(error.code, error.message))
      }`
      await chmod(dirname(input.paths.dir), 0o755)
      await chmod(input.paths.dir, 0o755)
      const {stdout} = await run(process.execPath, ['--input-type=module', '-e', code])
      const line = `FILE_DENIED cannot read ${input.paths.secretsFile}: permission denied`
      expect(stdout.trim().split('\n')).toEqual([line, line])
      expect(await readFile(input.paths.secretsFile, 'utf8')).toBe(text)
    },
  )
})

test.skipIf(!isRoot || process.platform !== 'linux')(
  'a full disk leaves the old file, byte for byte',
  async () => {
    const dir = await tempDir()
    // The disk is in a namespace of its own, and gone with the shell.
    const script = `mount -t tmpfs -o size=400k tmpfs "$1" || exit 99
      run() { { echo ready; } | "$NODE" "$FIXTURE" "$1" set "$2" "$(head -c $3 /dev/zero | tr '\\0' x)"; }
      run "$1" first 90000 >"$1.log" && cp "$1/.docker/mcp/secrets.enc.json" "$1.old"
      for size in 80000 110000; do run "$1" "more$size" $size >>"$1.log" 2>&1 && cp "$1/.docker/mcp/secrets.enc.json" "$1.old" || echo failed; done
      cmp "$1/.docker/mcp/secrets.enc.json" "$1.old" && echo same; ls "$1/.docker/mcp"; cat "$1.log"`
    onTestFinished(async () => {
      await Promise.all(['log', 'old'].map(end => rm(`${dir}.${end}`, {force: true})))
    })
    const env = {...process.env, NODE: process.execPath, FIXTURE}
    const {stdout} = await run('unshare', ['-m', 'sh', '-c', script, 'sh', dir], {env})
    expect(stdout).toContain('failed\nsame\nsecrets.enc.json\nsecrets.key\n')
    expect(stdout).toContain('no space is left: the disk is full')
  },
)

const fifty = (prefix: string) => Array.from({length: 50}, (_, index) => `${prefix}-${index}`)

test('two processes that set fifty secrets each at the same time lose none', async () => {
  const dir = await tempDir()
  const children = ['left', 'right'].map(prefix =>
    spawn(
      process.execPath,
      [FIXTURE, dir, 'set', ...fifty(prefix).flatMap(name => [name, `value of ${name}`])],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: {...process.env, DOCKER_MCP_SECRETS_PASSPHRASE: ''},
      },
    ),
  )
  onTestFinished(() => {
    for (const child of children) child.kill('SIGKILL')
  })
  const ended = children.map(child => once(child, 'exit'))
  await Promise.all(children.map(child => once(child.stdout, 'data')))
  for (const child of children) child.stdin.write('go\n')
  expect(await Promise.all(ended)).toEqual([
    [0, null],
    [0, null],
  ])
  const store = openEncryptedFile(inputIn(dir), NO_KEYRING)
  const all = [...fifty('left'), ...fifty('right')]
  expect(await store.names()).toEqual(all.toSorted())
  const values = await Promise.all(all.map(async name => (await store.get(name))?.toString()))
  expect(values).toEqual(all.map(name => `value of ${name}`))
})
