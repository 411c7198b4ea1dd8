import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import * as fc from 'fast-check'
import {describe, expect, onTestFinished, test} from 'vitest'
import {openEnvironment} from '../../../src/lib/secrets/environment.ts'

const OURS = {isPlain: false}
const ANY = {isPlain: true}

async function fileWith(text: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'secret-env-'))
  onTestFinished(() => rm(dir, {recursive: true, force: true}))
  await writeFile(join(dir, 'value'), text)
  return dir
}

describe('secrets of the environment', () => {
  test('are in variables of our own', async () => {
    const env = {DOCKER_MCP_SECRET_BRAVE_API_KEY: 'sesame', BRAVE_API_KEY: 'other'}
    const store = openEnvironment({env, cwd: '/'}, OURS)
    expect(String(await store.get('brave.api_key'))).toBe('sesame')
    expect(await store.has?.('brave.api-key')).toBe(true)
    expect(await store.names()).toEqual(['BRAVE_API_KEY'])
    expect(store.howToSet?.('brave.api_key')).toContain('DOCKER_MCP_SECRET_BRAVE_API_KEY')
  })

  test('are in no other variable, whatever a catalog calls them', async () => {
    const env = {AWS_SECRET_ACCESS_KEY: 'hunter2', HOME: '/home/me', A_FILE: '/etc/hostname'}
    const store = openEnvironment({env, cwd: '/'}, OURS)
    const names = fc.oneof(
      fc.constantFrom('AWS_SECRET_ACCESS_KEY', 'aws.secret-access_key', 'home', 'a', 'a_file'),
      fc.string(),
    )
    await fc.assert(
      fc.asyncProperty(names, async name => {
        expect(await store.get(name)).toBeUndefined()
      }),
    )
  })

  test('are in plain variables, too, when the user says so; ours win', async () => {
    const env = {A_KEY: 'plain', DOCKER_MCP_SECRET_B: 'ours', B: 'plain', EMPTY: ''}
    const store = openEnvironment({env, cwd: '/'}, ANY)
    expect(String(await store.get('a.key'))).toBe('plain')
    expect(String(await store.get('b'))).toBe('ours')
    expect(await store.get('empty')).toBeUndefined()
    expect(await store.names()).toEqual(['B'])
  })

  test('are in the files that variables name', async () => {
    const cwd = await fileWith('from a file\n')
    const env = {DOCKER_MCP_SECRET_A_FILE: 'value', B_FILE: join(cwd, 'value')}
    expect(String(await openEnvironment({env, cwd}, OURS).get('a'))).toBe('from a file')
    expect(await openEnvironment({env, cwd}, OURS).get('b')).toBeUndefined()
    expect(String(await openEnvironment({env, cwd}, ANY).get('b'))).toBe('from a file')
    expect(await openEnvironment({env, cwd}, OURS).names()).toEqual(['A'])
  })

  test('fail when the file that is named is not there', async () => {
    const env = {DOCKER_MCP_SECRET_A_FILE: '/none/value'}
    await expect(openEnvironment({env, cwd: '/'}, OURS).get('a')).rejects.toMatchObject({
      code: 'FILE_MISSING',
      message: '/none/value, which DOCKER_MCP_SECRET_A_FILE names, does not exist',
    })
  })
})
