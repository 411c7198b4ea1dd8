import {execFile} from 'node:child_process'
import {chmod, mkdir, mkdtemp, rm, symlink, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {inspect, promisify} from 'node:util'
import {describe, expect, onTestFinished, test} from 'vitest'
import {statePaths} from '../../../src/lib/files/paths.ts'
import {openChain} from '../../../src/lib/secrets/chain.ts'
import {noteSecret} from '../../../src/lib/secrets/index-file.ts'
import {passedOverLine, type SecretSource} from '../../../src/lib/secrets/source.ts'
import type {StoreInput} from '../../../src/lib/secrets/store.ts'

const run = promisify(execFile)

async function folderWith(files: Readonly<Record<string, string | Buffer>>): Promise<string> {
  const cwd = await mkdtemp(join(tmpdir(), 'secrets-'))
  onTestFinished(() => rm(cwd, {recursive: true, force: true}))
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(cwd, name), text)))
  return cwd
}

function inputOf(cwd: string, more: Partial<StoreInput> = {}): StoreInput {
  const env = {DOCKER_CONFIG: join(cwd, '.docker'), ...more.env}
  return {cwd, paths: statePaths({env}), ...more, env}
}

async function readAll(
  spec: string,
  input: StoreInput,
  names: readonly string[],
): Promise<SecretSource> {
  return (await openChain(spec, input)).read(names)
}

const LETTERS = ['A', 'B', 'C', 'D']

const slip = (word: string, meant: string) =>
  `--secrets names ${word}, which is no store, and no file either: did you mean ${meant}?`

describe('openChain', () => {
  test('says of a word that is no store and no file what may have been meant', async () => {
    const cwd = await folderWith({'a.env': 'A=1\n'})
    const lines: string[] = []
    const input = inputOf(cwd, {notify: line => lines.push(line)})
    const secrets = await readAll('keychain:a.env:environment:b.env', input, ['A', 'B'])
    expect(lines.filter(line => line.includes('names'))).toEqual([
      slip('keychain', 'keyring'),
      slip('environment', 'env'),
    ])
    expect(secrets.howToSet('B')).toBe(
      `${slip('keychain', 'keyring')}; ${slip('environment', 'env')}; put the line B=<value> into ${join(cwd, 'a.env')}, a file that only you can read`,
    )
  })

  test('says how to set anew what is no text, in the folder that has it', async () => {
    const cwd = await folderWith({})
    await mkdir(join(cwd, 'fol'))
    await writeFile(join(cwd, 'fol', 'A'), Buffer.from([0xff, 0]))
    const secrets = await readAll('./fol', inputOf(cwd), ['A'])
    expect(secrets.howToSet('A')).toBe(`write the value into the file ${join(cwd, 'fol', 'A')}`)
  })

  test('asks the files in order, key by key', async () => {
    const cwd = await folderWith({'a.env': 'A=1\nB=2\n', 'b.env': 'B=3\nC=4\n'})
    const chain = await openChain('a.env:./b.env', inputOf(cwd))
    const secrets = await chain.read(LETTERS)
    expect(LETTERS.map(name => secrets.get(name))).toEqual(['1', '2', '4', undefined])
    expect(secrets.storeOf('B')).toBe(join(cwd, 'a.env'))
    expect(secrets.storeOf('C')).toBe(join(cwd, 'b.env'))
    expect(secrets.storeOf('D')).toBeUndefined()
    expect(secrets.problem('D')).toBeUndefined()
    expect(
      (await Promise.all(LETTERS.map(name => chain.look(name)))).map(({isThere}) => isThere),
    ).toEqual([true, true, true, false])
    expect(chain.skipped).toEqual([])
  })

  test('reads only what it is asked for', async () => {
    const cwd = await folderWith({'a.env': 'A=1\nB=2\n'})
    const secrets = await readAll('a.env', inputOf(cwd), ['A'])
    expect([secrets.get('A'), secrets.get('B')]).toEqual(['1', undefined])
  })

  test('takes an empty value for none', async () => {
    const cwd = await folderWith({'a.env': 'A=\n', 'b.env': 'A=1\n'})
    const chain = await openChain('a.env:b.env', inputOf(cwd))
    expect((await chain.read(['A'])).storeOf('A')).toBe(join(cwd, 'b.env'))
    expect(await (await openChain('a.env', inputOf(cwd))).look('A')).toEqual({isThere: false})
  })

  test('falls back on the files behind docker-desktop', async () => {
    const cwd = await folderWith({'.env': 'A=1\n'})
    const chain = await openChain('docker-desktop:/none/mcp_secret:./.env', inputOf(cwd))
    expect((await chain.read(['A'])).get('A')).toBe('1')
    expect(chain.skipped).toContainEqual({name: '/none/mcp_secret', why: 'it does not exist'})
  })

  test('refuses the only file when it does not exist', async () => {
    const cwd = await folderWith({})
    await expect(openChain('a.env', inputOf(cwd))).rejects.toMatchObject({
      code: 'FILE_MISSING',
      message: `the file of secrets ${join(cwd, 'a.env')} does not exist`,
    })
  })

  test('finds the home folder', async () => {
    const home = await folderWith({'a.env': 'A=1\n'})
    const secrets = await readAll('~/a.env', inputOf('/', {env: {HOME: home}}), ['A'])
    expect(secrets.storeOf('A')).toBe(join(home, 'a.env'))
  })

  test('names the line of a mistake and never what stands there', async () => {
    const cwd = await folderWith({'a.env': 'A=1\nhunter2\n'})
    const error: unknown = await openChain('a.env', inputOf(cwd)).catch((e: unknown) => e)
    expect(error).toMatchObject({
      code: 'FILE_INVALID',
      message: expect.stringContaining('a.env:2:'),
    })
    expect(inspect(error, {depth: 9, showHidden: true})).not.toContain('hunter2')
  })

  test('shows no value when it is logged', async () => {
    const cwd = await folderWith({'a.env': 'A=hunter2\n'})
    const chain = await openChain('a.env', inputOf(cwd))
    const secrets = await chain.read(['A'])
    const shown = [secrets, chain].flatMap(one => [
      inspect(one, {depth: 9, showHidden: true, getters: true, showProxy: true}),
      JSON.stringify(one),
      JSON.stringify({...one}),
    ])
    expect(secrets.get('A')).toBe('hunter2')
    for (const text of shown) expect(text).not.toContain('hunter2')
  })
})

test('takes a folder for one secret a file, and a file of /run/secrets for lines', async () => {
  const cwd = await folderWith({mcp_secret: 'A=1\n'})
  await mkdir(join(cwd, 'folder'))
  await writeFile(join(cwd, 'folder/A'), 'from the folder\n')
  await writeFile(join(cwd, 'folder/B'), Buffer.from([0xff, 0, 0xfe]))
  const secrets = await readAll('./folder:mcp_secret', inputOf(cwd), ['A', 'B'])
  expect(secrets.get('A')).toBe('from the folder')
  expect(secrets.storeOf('A')).toBe(join(cwd, 'folder'))
  expect(secrets.get('B')).toBeUndefined()
  expect(secrets.bytes('B')).toEqual(Buffer.from([0xff, 0, 0xfe]))
  expect((await readAll('mcp_secret', inputOf(cwd), ['A'])).get('A')).toBe('1')
})

const settings = async () => ({credentials: {A: '${TOKEN}', B: 'x${TOKEN}', C: '${NONE}'}})

test('takes the credentials of the gateway file last', async () => {
  const cwd = await folderWith({'a.env': 'A=1\n'})
  const input = inputOf(cwd, {settings, env: {TOKEN: 'sesame'}})
  const secrets = await readAll('a.env', input, LETTERS)
  expect(LETTERS.map(name => secrets.get(name))).toEqual(['1', 'xsesame', undefined, undefined])
})

describe('what is said of a secret that is not there', () => {
  test.each([
    ['docker-desktop', /^docker mcp secret set brave\.api_key$/],
    ['a.env:file', /^docker mcp secret set brave\.api_key --store file$/],
    ['a.env', /put the line brave\.api_key=<value> into .*a\.env/],
    ['folder:a.env', /write the value into the file .*folder\/brave\.api_key/],
    ['env', /set the variable DOCKER_MCP_SECRET_BRAVE_API_KEY/],
  ])('is what helps with --secrets %s', async (spec, hint) => {
    const cwd = await folderWith({'a.env': ''})
    await mkdir(join(cwd, 'folder'))
    const secrets = await readAll(spec, inputOf(cwd), ['brave.api_key'])
    expect(secrets.howToSet('brave.api_key')).toMatch(hint)
  })
})

test('names no store that cannot be used here to set a secret in', async () => {
  const cwd = await folderWith({'a.env': ''})
  const env = {DBUS_SESSION_BUS_ADDRESS: `unix:path=${cwd}/none`}
  const hint = async (spec: string) => {
    const secrets = await readAll(spec, inputOf(cwd, {env}), ['a'])
    return secrets.howToSet('a')
  }
  expect(await hint('keyring:a.env')).toContain(`put the line a=<value> into ${cwd}/a.env`)
  expect(await hint('keyring:file')).toBe('docker mcp secret set a --store file')
  expect(await hint('keyring')).toMatch(
    /^name a store that can have it with --secrets; keyring cannot be used here: no D-Bus session/,
  )
})

test('tells once of a file that others may use, and not of one that somebody else named', async () => {
  const cwd = await folderWith({'a.env': '', 'b.env': '', 'c.env': '', 'd.env': ''})
  await Promise.all(
    [0o666, 0o644, 0o600, 0o666].map((mode, at) => chmod(join(cwd, `${'abcd'[at]}.env`), mode)),
  )
  const lines: string[] = []
  const input = inputOf(cwd, {notify: line => lines.push(line)})
  await openChain('a.env:b.env:c.env', input)
  await openChain('a.env:b.env:c.env', input)
  await openChain('d.env', input, {isShared: true})
  expect(lines.toSorted()).toEqual([
    `! others may change ${cwd}/a.env, which holds secrets: chmod 600 ${cwd}/a.env`,
    `! others may read ${cwd}/b.env, which holds secrets: chmod 600 ${cwd}/b.env`,
  ])
})

describe('a specification of somebody else', () => {
  const shared = {isShared: true}

  test('leads to files of its own folder', async () => {
    const cwd = await folderWith({'.mcp.env': 'A=1\n'})
    const chain = await openChain('docker-desktop-store:.mcp.env', inputOf(cwd), shared)
    expect((await chain.read(['A'])).get('A')).toBe('1')
    await mkdir(join(cwd, 'deploy'))
    await writeFile(join(cwd, 'deploy/team.env'), 'B=2\n')
    await symlink('deploy/team.env', join(cwd, 'link.env'))
    const linked = await openChain('./link.env:gone.env', inputOf(cwd), shared)
    expect((await linked.read(['B'])).get('B')).toBe('2')
  })

  test.each([
    '.ssh',
    './.ssh',
    '.ssh/id_rsa',
    '.ssh/x.env',
    'sub',
    'sub.env',
    'key.env',
    'pipe.env',
    'notes',
  ])('does not lead to %s of its own folder', async spec => {
    const cwd = await folderWith({notes: 'A=hunter2\n'})
    await Promise.all(['.ssh', 'sub', 'sub.env'].map(name => mkdir(join(cwd, name))))
    await Promise.all(
      ['.ssh/id_rsa', '.ssh/x.env', 'sub/A', 'sub.env/A'].map(name =>
        writeFile(join(cwd, name), 'A=hunter2\n'),
      ),
    )
    await symlink('.ssh/id_rsa', join(cwd, 'key.env'))
    await run('mkfifo', [join(cwd, 'pipe.env')])
    await expect(openChain(`${spec}:docker-desktop`, inputOf(cwd), shared)).rejects.toMatchObject({
      code: 'FILE_DENIED',
      message: expect.stringContaining('is no regular file called .env or *.env in'),
      hint: expect.stringContaining('--secrets'),
    })
  })

  test.each([
    '../outside.env',
    '/etc/hostname',
    '~/x.env',
    './../outside.env',
    '.',
    'link.env',
    'C:\\x',
  ])('does not lead to %s', async spec => {
    const cwd = await folderWith({'outside.env': 'A=hunter2\n'})
    await mkdir(join(cwd, 'in'))
    await symlink('../outside.env', join(cwd, 'in/link.env'))
    await expect(openChain(spec, inputOf(join(cwd, 'in')), shared)).rejects.toMatchObject({
      code: 'FILE_DENIED',
      hint: expect.stringContaining('--secrets'),
    })
  })

  test('gets no variable that is not meant for us', async () => {
    const input = inputOf('/', {env: {AWS_KEY: 'hunter2', DOCKER_MCP_SECRET_B: 'ours'}})
    const secrets = await (await openChain('env', input, shared)).read(['aws.key', 'b'])
    expect([secrets.get('aws.key'), secrets.get('b')]).toEqual([undefined, 'ours'])
  })
})

describe('a store that cannot be read', () => {
  test('is passed over where one behind it has the secret, which is told', async () => {
    const cwd = await folderWith({'a.env': 'A=1\n', 'bad.env': 'hunter2\n', 'c.env': 'A=3\nB=4\n'})
    const secrets = await readAll('a.env:bad.env:c.env', inputOf(cwd), ['A', 'B'])
    expect([secrets.get('A'), secrets.get('B')]).toEqual(['1', '4'])
    expect(secrets.problem('B')).toBeUndefined()
    expect(passedOverLine('A', secrets)).toBeUndefined()
    expect(secrets.passedOver('B').map(({store}) => store)).toEqual([join(cwd, 'bad.env')])
    const line = passedOverLine('B', secrets)
    expect(line).toMatch(
      /^secret B is taken from .*c\.env: .*bad\.env may have it and cannot be read: /,
    )
    expect(line).not.toContain('hunter2')
  })

  test('is the problem of the secrets that no other store has', async () => {
    const cwd = await folderWith({'bad.env': 'hunter2\n', 'c.env': 'A=3\n'})
    const secrets = await readAll('bad.env:c.env', inputOf(cwd), ['B'])
    expect(secrets.get('B')).toBeUndefined()
    expect(secrets.storeOf('B')).toBe(join(cwd, 'bad.env'))
    expect(secrets.problem('B')).toMatchObject({
      code: 'FILE_INVALID',
      message: expect.stringMatching(/bad\.env may have it and cannot be read: .*bad\.env:1:/),
    })
    expect(inspect(secrets.problem('B'), {depth: 9})).not.toContain('hunter2')
  })

  test.each([
    ['the keyring', 'keyring', /keyring has it and cannot be used here/],
    ['a helper', 'credentials', /credentials has it and cannot be used here/],
  ])('%s, which cannot be used any more, does not stop what another has', async (_, store, why) => {
    const cwd = await folderWith({'c.env': 'A=3\n'})
    const input = inputOf(cwd)
    await noteSecret(input.paths, {name: 'A', store})
    const spec = `${store}:./c.env`
    const secrets = await readAll(spec, input, ['A'])
    expect(secrets.get('A')).toBe('3')
    expect(passedOverLine('A', secrets)).toMatch(why)
    expect((await readAll(store, input, ['A'])).problem('A')).toMatchObject({
      hint: expect.stringContaining('docker mcp secret rm --forget A'),
    })
    // Whoever wrote the profile would choose the value.
    const shared = await (await openChain(spec, input, {isShared: true})).read(['A'])
    expect([shared.get('A'), shared.storeOf('A')]).toEqual([undefined, store])
  })

  test('is told though a file of somebody else has the secret, which no start takes', async () => {
    const cwd = await folderWith({'bad.env': 'hunter2\n', 'b.env': 'A=1\n'})
    const chain = await openChain('bad.env:b.env', inputOf(cwd), {isShared: true})
    const problem = {code: 'FILE_INVALID', message: expect.stringContaining('bad.env may have it')}
    expect(await chain.look('A')).toMatchObject({isThere: false, problem})
    const secrets = await chain.read(['A'])
    expect(secrets.get('A')).toBeUndefined()
    expect(secrets.problem('A')).toMatchObject(problem)
  })

  test('is a reason, and no end, when nothing about it can be read', async () => {
    const cwd = await folderWith({})
    const input = inputOf(cwd)
    await mkdir(join(cwd, '.docker/config.json'), {recursive: true})
    await mkdir(input.paths.secretsIndex, {recursive: true})
    const chain = await openChain('credentials', input)
    const problem = {
      code: 'FILE_DENIED',
      message: expect.stringContaining('credentials may have it'),
    }
    expect(await chain.look('A')).toMatchObject({isThere: false, problem})
    expect((await chain.read(['A'])).problem('A')).toMatchObject(problem)
    expect((await chain.read([])).howToSet('A')).toMatch(
      /credentials cannot be used here: cannot read .*config\.json/,
    )
  })
})
