import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {inspect} from 'node:util'
import {describe, expect, onTestFinished, test} from 'vitest'
import {openSecrets} from '../../../src/lib/secrets/source.ts'

async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const cwd = await mkdtemp(join(tmpdir(), 'secrets-'))
  onTestFinished(() => rm(cwd, {recursive: true, force: true}))
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(cwd, name), text)))
  return cwd
}

describe('openSecrets', () => {
  test('asks the files in order, key by key', async () => {
    const cwd = await folderWith({'a.env': 'A=1\nB=2\n', 'b.env': 'B=3\nC=4\n'})
    const secrets = await openSecrets('a.env:./b.env', {cwd, env: {}})
    expect(['A', 'B', 'C', 'D'].map(name => secrets.get(name))).toEqual(['1', '2', '4', undefined])
    expect(secrets.where('B')).toBe(join(cwd, 'a.env'))
    expect(secrets.where('C')).toBe(join(cwd, 'b.env'))
    expect(secrets.where('D')).toBeUndefined()
    expect(secrets.names).toEqual(['A', 'B', 'C'])
    expect(secrets.skipped).toEqual([])
  })

  test('lets an empty value of the first file win', async () => {
    const cwd = await folderWith({'a.env': 'A=\n', 'b.env': 'A=1\n'})
    expect((await openSecrets('a.env:b.env', {cwd, env: {}})).get('A')).toBe('')
  })

  test('skips docker-desktop and reads the files behind it', async () => {
    const cwd = await folderWith({'.env': 'A=1\n'})
    const secrets = await openSecrets('docker-desktop:/none/mcp_secret:./.env', {cwd, env: {}})
    expect(secrets.get('A')).toBe('1')
    expect(secrets.skipped).toEqual(['docker-desktop', '/none/mcp_secret'])
  })

  test('has nothing when docker-desktop is all there is', async () => {
    const secrets = await openSecrets('docker-desktop', {cwd: '/', env: {}})
    expect(secrets.names).toEqual([])
    expect(secrets.skipped).toEqual(['docker-desktop'])
  })

  test('refuses the only file when it does not exist', async () => {
    const cwd = await folderWith({})
    await expect(openSecrets('a.env', {cwd, env: {}})).rejects.toMatchObject({
      code: 'FILE_MISSING',
      message: `the file of secrets ${join(cwd, 'a.env')} does not exist`,
    })
  })

  test('finds the home folder', async () => {
    const home = await folderWith({'a.env': 'A=1\n'})
    const secrets = await openSecrets('~/a.env', {cwd: '/', env: {HOME: home}})
    expect(secrets.where('A')).toBe(join(home, 'a.env'))
  })

  test('takes a Windows drive for a part of the name', async () => {
    const cwd = await folderWith({'C:\\x.env': 'A=1\n', 'd:\\y.env': 'B=2\n', z: 'C=3\n'})
    const secrets = await openSecrets('C:\\x.env:d:\\y.env:z::', {cwd, env: {}})
    expect(secrets.names).toEqual(['A', 'B', 'C'])
  })

  test('splits names of one letter', async () => {
    const cwd = await folderWith({a: 'A=1\n', b: 'B=2\n'})
    const secrets = await openSecrets(`a:b:${join(cwd, 'a')}`, {cwd, env: {}})
    expect(secrets.names).toEqual(['A', 'B'])
  })

  test('refuses a folder', async () => {
    const cwd = await folderWith({})
    await mkdir(join(cwd, 'dir'))
    await expect(openSecrets('dir', {cwd, env: {}})).rejects.toMatchObject({code: 'FILE_DENIED'})
  })

  test('names the line of a mistake and never what stands there', async () => {
    const cwd = await folderWith({'a.env': 'A=1\nhunter2\n'})
    const error: unknown = await openSecrets('a.env', {cwd, env: {}}).catch((e: unknown) => e)
    expect(error).toMatchObject({
      code: 'FILE_INVALID',
      message: expect.stringContaining('a.env:2:'),
    })
    expect(inspect(error, {depth: 9, showHidden: true})).not.toContain('hunter2')
  })

  test('shows no value when it is logged', async () => {
    const cwd = await folderWith({'a.env': 'A=hunter2\n'})
    const secrets = await openSecrets('a.env', {cwd, env: {}})
    const shown = [
      inspect(secrets, {depth: 9, showHidden: true, getters: true, showProxy: true}),
      JSON.stringify(secrets),
      JSON.stringify({...secrets}),
      JSON.stringify(structuredClone(secrets)),
    ]
    expect(secrets.get('A')).toBe('hunter2')
    for (const text of shown) expect(text).not.toContain('hunter2')
  })
})
