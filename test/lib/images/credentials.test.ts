import {access, chmod, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {delimiter, join} from 'node:path'
import * as fc from 'fast-check'
import {describe, expect, onTestFinished, test} from 'vitest'
import {PluginError} from '../../../src/lib/base/errors.ts'
import {askHelper} from '../../../src/lib/images/credential-helper.ts'
import {engineAuth, registryAuth} from '../../../src/lib/images/credentials.ts'

const HUB = 'https://index.docker.io/v1/'
const base64 = (text: string) => Buffer.from(text).toString('base64')

/** docker's folder with this config.json, and helper programs: what each runs in the shell of the system. */
async function dockerWith(
  config: object | string,
  helpers: Readonly<Record<string, string>> = {},
): Promise<{dockerConfigDir: string; env: NodeJS.ProcessEnv}> {
  const dir = await mkdtemp(join(tmpdir(), 'credentials-'))
  onTestFinished(() => rm(dir, {recursive: true}))
  const text = typeof config === 'string' ? config : JSON.stringify(config)
  await writeFile(join(dir, 'config.json'), text)
  for (const [name, script] of Object.entries(helpers)) {
    const path = join(dir, `docker-credential-${name}`)
    await writeFile(path, `#!/bin/sh\n${script}\n`)
    await chmod(path, 0o755)
  }
  const env = {PATH: `${dir}${delimiter}${process.env['PATH']}`, FOLDER: dir}
  return {dockerConfigDir: dir, env}
}

const login = (username: string, password: string) =>
  `echo '${JSON.stringify({ServerURL: 'any', Username: username, Secret: password})}'`

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )

describe('registryAuth', () => {
  test('has no login where docker keeps none', async () => {
    const {env} = await dockerWith({})
    expect(await registryAuth('docker.io', {dockerConfigDir: '/nowhere', env})).toBeUndefined()
    for (const config of ['', ' \n', {}, {auths: {}}, {auths: {[HUB]: {}}}, {auths: null}]) {
      expect(await registryAuth('docker.io', await dockerWith(config))).toBeUndefined()
    }
  })

  test.each([
    ['docker.io', HUB],
    ['docker.io', 'index.docker.io'],
    ['docker.io', 'docker.io'],
    ['ghcr.io', 'ghcr.io'],
    ['ghcr.io', 'https://ghcr.io'],
    ['localhost:5000', 'http://localhost:5000/v2/'],
  ])('finds the login of %s under %s', async (registry, key) => {
    const docker = await dockerWith({auths: {[key]: {auth: base64('me:pass:word')}}})
    expect(await registryAuth(registry, docker)).toEqual({username: 'me', password: 'pass:word'})
  })

  test('gives no registry the login of another', async () => {
    const docker = await dockerWith({
      auths: Object.fromEntries(
        ['ghcr.io', 'ghcr.io:443', 'evil-ghcr.io', 'https://a.test/ghcr.io', HUB].map(key => [
          key,
          {auth: base64(`${key}:secret`)},
        ]),
      ),
    })
    expect(await registryAuth('ghcr.io:5000', docker)).toBeUndefined()
    expect(await registryAuth('io', docker)).toBeUndefined()
    expect(await registryAuth('a.test', docker)).toMatchObject({
      password: '//a.test/ghcr.io:secret',
    })
    expect(await registryAuth('ghcr.io', docker)).toEqual({username: 'ghcr.io', password: 'secret'})
  })

  test('takes an identity token before a password, and the plain form of old files', async () => {
    const docker = await dockerWith({
      auths: {
        'a.test': {auth: base64('me:x'), identitytoken: 'token'},
        'b.test': {username: 'me', password: 'plain'},
        'c.test': {username: 'me'},
        'd.test': {auth: base64('me:zero\0\0')},
      },
    })
    expect(await registryAuth('a.test', docker)).toEqual({identityToken: 'token'})
    expect(await registryAuth('b.test', docker)).toEqual({username: 'me', password: 'plain'})
    expect(await registryAuth('c.test', docker)).toBeUndefined()
    expect(await registryAuth('d.test', docker)).toEqual({username: 'me', password: 'zero'})
  })

  test('asks the helper of the registry before the one for all, and no file then', async () => {
    const docker = await dockerWith(
      {
        auths: {'a.test': {auth: base64('me:file')}, 'c.test': {auth: base64('me:file')}},
        credHelpers: {'a.test': 'own', 'c.test': ''},
        credsStore: 'all',
      },
      {own: login('me', 'own'), all: login('me', 'all')},
    )
    expect(await registryAuth('a.test', docker)).toMatchObject({password: 'own'})
    expect(await registryAuth('b.test', docker)).toMatchObject({password: 'all'})
    expect(await registryAuth('c.test', docker)).toMatchObject({password: 'file'})
  })

  test('asks for the Hub as docker does, on stdin alone', async () => {
    const script = `cat > "$FOLDER/asked"; echo "$@" > "$FOLDER/args"; ${login('<token>', 'id')}`
    const docker = await dockerWith({credsStore: 'all'}, {all: script})
    expect(await registryAuth('docker.io', docker)).toEqual({identityToken: 'id'})
    expect(await readFile(join(docker.dockerConfigDir, 'asked'), 'utf8')).toBe(`${HUB}\n`)
    expect(await readFile(join(docker.dockerConfigDir, 'args'), 'utf8')).toBe('get\n')
  })

  test('has no login when the helper has none, says nothing, or is not there', async () => {
    const docker = await dockerWith(
      {credHelpers: {'a.test': 'none', 'b.test': 'absent', 'c.test': 'empty'}},
      {none: 'echo "credentials not found in native keychain"; exit 1', empty: login('', '')},
    )
    for (const registry of ['a.test', 'b.test', 'c.test']) {
      expect(await registryAuth(registry, docker)).toBeUndefined()
    }
  })

  test.each([
    ['echo "the password is s3cret"; exit 3', 'code 3'],
    ['echo "{s3cret"', 'cannot be read'],
    ['echo "{\\"Username\\": 5, \\"Secret\\": \\"s3cret\\"}"', 'cannot be read'],
    ['yes s3cret', 'does not end'],
    ['kill -9 $$', 'code null'],
  ])('tells nobody what a helper printed that failed: %s', async (script, why) => {
    const docker = await dockerWith({credsStore: 'bad'}, {bad: script})
    const failure = await registryAuth('a.test', docker).catch((error: unknown) => error)
    expect(failure).toMatchObject({
      code: 'CREDENTIALS_FAILED',
      message: expect.stringMatching(new RegExp(`docker-credential-bad .*a\\.test.*${why}`)),
    })
    expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure))).not.toContain('s3cret')
  })

  test('starts no program that lies elsewhere', async () => {
    const docker = await dockerWith({credsStore: 'x/../../touch'}, {x: 'touch "$FOLDER/started"'})
    await expect(registryAuth('a.test', docker)).rejects.toMatchObject({code: 'CREDENTIALS_FAILED'})
    expect(await exists(join(docker.dockerConfigDir, 'started'))).toBe(false)
  })

  test('takes DOCKER_AUTH_CONFIG first, and the rest where that has none', async () => {
    const docker = await dockerWith({credsStore: 'all'}, {all: login('me', 'helper')})
    const given = JSON.stringify({auths: {'a.test': {auth: base64('me:variable')}}})
    const input = {...docker, env: {...docker.env, DOCKER_AUTH_CONFIG: given}}
    expect(await registryAuth('a.test', input)).toMatchObject({password: 'variable'})
    expect(await registryAuth('b.test', input)).toMatchObject({password: 'helper'})
  })

  test.each([
    '{"auths": {"a.test": {"auth": "s3cret"',
    '{"auths": {"a.test": {"auth": 5}}, "s3cret": 1}',
    '{"auths": {"a.test": "s3cret"}}',
    `{"auths": {"a.test": {"auth": "${base64('s3cret without a colon')}"}}}`,
    `{"auths": {"a.test": {"auth": "${base64(':s3cret')}"}}}`,
    '[]',
  ])('names the file that is wrong, and nothing that stands in it: %s', async config => {
    const docker = await dockerWith(config)
    const failure = await registryAuth('a.test', docker).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(PluginError)
    const text = JSON.stringify(failure, Object.getOwnPropertyNames(failure))
    expect(text).toContain(join(docker.dockerConfigDir, 'config.json'))
    expect(text).toContain('FILE_INVALID')
    expect(text).not.toContain('s3cret')
  })

  test('finds what any user name without a colon and any password were kept as', async () => {
    const name = fc.string({minLength: 1, unit: 'binary'}).filter(text => !text.includes(':'))
    const password = fc.string({unit: 'binary'}).filter(text => !text.endsWith('\0'))
    await fc.assert(
      fc.asyncProperty(name, password, async (username, secret) => {
        const auths = {'a.test': {auth: base64(`${username}:${secret}`)}}
        const env = {DOCKER_AUTH_CONFIG: JSON.stringify({auths})}
        const found = await registryAuth('a.test', {dockerConfigDir: '/nowhere', env})
        expect(found).toEqual({username, password: secret})
      }),
    )
  })
})

describe('askHelper', () => {
  test('waits no longer than it should, and not for what the helper has started', async () => {
    const {env} = await dockerWith({}, {slow: 'sleep 60 & echo $! > "$FOLDER/pid"; wait'})
    const asking = askHelper('slow', {server: 'a.test', env, withinMs: 5000})
    await expect(asking).rejects.toMatchObject({
      code: 'CREDENTIALS_FAILED',
      message: expect.stringContaining('within 5 s'),
    })
    process.kill(Number(await readFile(join(env['FOLDER'] ?? '', 'pid'), 'utf8')))
  })

  test('ends with its caller', async () => {
    const {env} = await dockerWith({}, {slow: 'exec sleep 60'})
    const leaving = new AbortController()
    const asking = askHelper('slow', {server: 'a.test', env, signal: leaving.signal})
    const reason = new Error('not wanted')
    leaving.abort(reason)
    await expect(asking).rejects.toBe(reason)
  })
})

describe('engineAuth', () => {
  test('is what the Engine API takes: base64 for URLs with its padding', () => {
    const text = engineAuth({username: 'me', password: '>>>???~~~ü'}, 'docker.io')
    expect(text).toMatch(/^[\w-]+={0,2}$/)
    expect(text.length % 4).toBe(0)
    expect(JSON.parse(Buffer.from(text, 'base64url').toString())).toEqual({
      username: 'me',
      password: '>>>???~~~ü',
      serveraddress: HUB,
    })
    const token = engineAuth({identityToken: 'id'}, 'a.test')
    expect(JSON.parse(Buffer.from(token, 'base64url').toString())).toEqual({
      identitytoken: 'id',
      serveraddress: 'a.test',
    })
  })
})
