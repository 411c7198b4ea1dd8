import {chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {delimiter, join} from 'node:path'
import * as fc from 'fast-check'
import {describe, expect, onTestFinished, test} from 'vitest'
import {missingTools} from '../../../scripts/test-tools.ts'
import {statePaths} from '../../../src/lib/files/paths.ts'
import {openCredentialStore} from '../../../src/lib/secrets/credential-store.ts'
import {noteSecret} from '../../../src/lib/secrets/index-file.ts'
import type {SecretStore, StoreInput} from '../../../src/lib/secrets/store.ts'
import {sessionBus} from '../../support/session-bus.ts'

/** With what is around it, the longest line that a helper reads. */
const LONGEST =
  64 * 1024 -
  1 -
  JSON.stringify({ServerURL: 'https://docker-mcp.invalid/real', Username: 'docker-mcp', Secret: ''})
    .length

const missing = (await missingTools()).filter(name => /dbus|keyring|credential/.test(name))

/** Keeps each credential in a file of its folder, named as its address in base64, and each verb in `calls`. */
const HELPER = `#!${process.execPath}
const {appendFileSync, existsSync, readFileSync, rmSync, writeFileSync} = require('node:fs')
const verb = process.argv[2]
const text = readFileSync(0, 'utf8')
const file = url => process.env.FOLDER + '/' + Buffer.from(url.trim()).toString('base64url')
appendFileSync(process.env.FOLDER + '/calls', verb + '\\n')
const none = () => { console.log('credentials not found in native keychain'); process.exit(1) }
if (verb === 'store') writeFileSync(file(JSON.parse(text).ServerURL), text)
else if (verb === 'get') existsSync(file(text)) ? console.log(readFileSync(file(text), 'utf8')) : none()
else if (verb === 'erase') existsSync(file(text)) ? rmSync(file(text)) : none()
else process.exit(2)
`

/** docker's folder, with a helper program that does what the script says. */
async function dockerWith(script: string | undefined, config: unknown = {credsStore: 'test'}) {
  const home = await mkdtemp(join(tmpdir(), 'credential-store-'))
  onTestFinished(() => rm(home, {recursive: true}))
  const kept = join(home, 'kept')
  const bin = join(home, 'bin')
  for (const folder of [kept, bin, join(home, '.docker')]) await mkdir(folder)
  const text = typeof config === 'string' ? config : JSON.stringify(config)
  await writeFile(join(home, '.docker', 'config.json'), text)
  if (script !== undefined) {
    await writeFile(join(bin, 'docker-credential-test'), script)
    await chmod(join(bin, 'docker-credential-test'), 0o755)
  }
  const env = {PATH: `${bin}${delimiter}${process.env['PATH']}`, HOME: home, FOLDER: kept}
  return {input: {env, cwd: home, paths: statePaths({env})}, kept}
}

type Changeable = SecretStore & Required<Pick<SecretStore, 'set' | 'remove'>>

function changeable(input: StoreInput, options?: {withinMs: number}): Changeable {
  const store = openCredentialStore(input, options)
  if (!store.set || !store.remove) throw new Error('this store can be changed')
  return store as Changeable
}

describe('the store of credentials', () => {
  test('gives back the bytes that were set, whatever they are', async () => {
    const {input} = await dockerWith(HELPER)
    const store = changeable(input)
    expect(await store.unavailable()).toBeUndefined()
    const bytes = fc.oneof(
      fc.string({minLength: 1}).map(text => Buffer.from(text)),
      fc.uint8Array({minLength: 1}),
    )
    await fc.assert(
      fc.asyncProperty(bytes, async value => {
        await store.set('any', Buffer.from(value))
        expect(await store.get('any')).toEqual(Buffer.from(value))
      }),
      {
        numRuns: 6,
        examples: [
          [Buffer.from(' two\nlines\r\n\0')],
          [Buffer.from('schön')],
          [Buffer.from('base64:QQ==')],
        ],
      },
    )
  })

  test('keeps plain text as it is, under an address that is no registry', async () => {
    const {input, kept} = await dockerWith(HELPER)
    const store = changeable(input)
    await store.set('team/key', Buffer.from('ghp_secret value'))
    const file = (await readdir(kept)).find(name => name !== 'calls') ?? ''
    expect(JSON.parse(await readFile(join(kept, file), 'utf8'))).toEqual({
      ServerURL: 'https://docker-mcp.invalid/team/key',
      Username: 'docker-mcp',
      Secret: 'ghp_secret value',
    })
    expect(await readFile(input.paths.secretsIndex, 'utf8')).not.toContain('ghp_')
  })

  test('tells its names without the helper, and asks for none that it was not given', async () => {
    const {input, kept} = await dockerWith(HELPER)
    const store = changeable(input)
    expect(await store.names()).toEqual([])
    expect(await store.get('other')).toBeUndefined()
    expect(await store.remove('other')).toBe(false)
    expect(await readdir(kept)).toEqual([])
    await store.set('one', Buffer.from('1'))
    expect(await store.names()).toEqual(['one'])
    expect(await readFile(join(kept, 'calls'), 'utf8')).toBe('store\n')
  })

  test('removes what it has put there, and nothing of others', async () => {
    const {input, kept} = await dockerWith(HELPER)
    const store = changeable(input)
    await store.set('one', Buffer.from('1'))
    expect(await store.remove('one')).toBe(true)
    expect(await readdir(kept)).toEqual(['calls'])
    expect(await store.names()).toEqual([])

    const foreign = Buffer.from('https://docker-mcp.invalid/two').toString('base64url')
    const login = {ServerURL: 'https://docker-mcp.invalid/two', Username: 'me', Secret: 'login'}
    await writeFile(join(kept, foreign), JSON.stringify(login))
    await noteSecret(input.paths, {name: 'two', store: 'credentials'})
    expect(await store.get('two')).toBeUndefined()
    expect(await store.remove('two')).toBe(true)
    expect(await readdir(kept)).toContain(foreign)
  })

  test('does not mix up the secrets of two folders of docker', async () => {
    const {input} = await dockerWith(HELPER)
    const dir = join(input.cwd, 'other')
    await mkdir(dir)
    await writeFile(join(dir, 'config.json'), '{"credsStore": "test"}')
    const other = changeable({...input, paths: statePaths({env: input.env, configFlag: dir})})
    const usual = changeable(input)
    await usual.set('same', Buffer.from('usual'))
    await other.set('same', Buffer.from('other'))
    expect(await usual.remove('same')).toBe(true)
    expect(await other.get('same')).toEqual(Buffer.from('other'))
  })

  test.each([
    ['no helper', {}, HELPER, 'names no credential helper (credsStore)'],
    ['a broken file', '{"credsStore": ', HELPER, 'names no credential helper (credsStore)'],
    ['a helper that is missing', {credsStore: 'test'}, undefined, 'is not installed'],
  ])('cannot be used with %s, and says so', async (_, config, script, why) => {
    const store = changeable((await dockerWith(script, config)).input)
    expect(await store.unavailable()).toContain(why)
    await expect(store.set('one', Buffer.from('s3cret'))).rejects.toMatchObject({
      code: 'STORE_UNUSABLE',
      message: expect.stringContaining('not keep the secret one: '),
    })
  })

  test.each([
    ['cat; exit 3', 'docker-credential-test: it ended with code 3'],
    ['exec sleep 1000', 'docker-credential-test: it did not answer within 2 s'],
    ['yes s3cret', 'docker-credential-test: its answer does not end'],
  ])('tells nobody what a helper printed that failed: %s', async (script, why) => {
    const {input} = await dockerWith(`#!/bin/sh\n${script}\n`)
    const store = changeable(input, {withinMs: why.endsWith('within 2 s') ? 2000 : 60_000})
    const failure = await store.set('one', Buffer.from('s3cret')).catch((error: unknown) => error)
    expect(failure).toMatchObject({
      code: 'STORE_UNUSABLE',
      message: `docker's credential helper does not keep the secret one: ${why}`,
    })
    expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure))).not.toContain('s3cret')
    // One that was ended may have kept it: it can be removed.
    expect(await store.names()).toEqual(why.includes('code') ? [] : ['one'])
  })

  test('refuses what no helper can read', async () => {
    const {input, kept} = await dockerWith(HELPER)
    await expect(changeable(input).set('big', Buffer.alloc(65_500, 'x'))).rejects.toMatchObject({
      message: expect.stringContaining('65500 bytes, more than a helper takes'),
    })
    expect(await readdir(kept)).toEqual([])
  })

  test.skipIf(missing.length > 0)('works with the helper for the secret service', async () => {
    await using bus = await sessionBus()
    await bus.startKeyring()
    const {input} = await dockerWith(undefined, {credsStore: 'secretservice'})
    const env = {...bus.env, HOME: input.env.HOME}
    const store = changeable({...input, env})
    expect(await store.unavailable()).toBeUndefined()
    const values = ['plain text', 'two\nlines\n', Buffer.from([0, 255, 10]), 'x'.repeat(LONGEST)]
    for (const value of values.map(each => Buffer.from(each as Buffer))) {
      await store.set('real', value)
      expect(await store.get('real')).toEqual(value)
    }
    expect(await store.remove('real')).toBe(true)
    await noteSecret(input.paths, {name: 'real', store: 'credentials'})
    expect(await store.get('real')).toBeUndefined()
  })
})
