import {type ChildProcess, spawn} from 'node:child_process'
import {once} from 'node:events'
import {cp, mkdtemp, readdir, readFile, rm, utimes} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import {describe, expect, onTestFinished, test} from 'vitest'
import {missingTools} from '../../../scripts/test-tools.ts'
import {statePaths} from '../../../src/lib/files/paths.ts'
import {openEncryptedFile, reencrypt} from '../../../src/lib/secrets/encrypted-file.ts'
import type {SecretStore, StoreInput} from '../../../src/lib/secrets/store.ts'
import {NO_KEYRING} from '../../support/no-keyring.ts'

const FIXTURE = fileURLToPath(new URL('../../fixtures/change-secrets.ts', import.meta.url))
const hasStrace = process.platform === 'linux' && !(await missingTools()).includes('strace')

const RENAMES = 'rename,renameat,renameat2'

/** All that changes a folder or a file; a process is killed before each of them, in turn. */
const SYSCALLS = [
  'write,pwrite64,writev,pwritev',
  'open,openat',
  RENAMES,
  'fsync,fdatasync',
  'mkdir,mkdirat',
  'rmdir,unlink,unlinkat,link,linkat',
  'chmod,fchmod,fchmodat,chown,fchown,utimensat',
]

const PASSPHRASE = 'correct horse battery staple'

async function home(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'killed-'))
  onTestFinished(() => rm(dir, {recursive: true, force: true}))
  return dir
}

function inputOf(dir: string, passphrase = ''): StoreInput {
  const env = {HOME: dir, DOCKER_MCP_SECRETS_PASSPHRASE: passphrase}
  return {paths: statePaths({env}), env, cwd: dir}
}

async function valuesIn(store: SecretStore): Promise<Record<string, string | undefined>> {
  const names = await store.names()
  const values = await Promise.all(names.map(async name => (await store.get(name))?.toString()))
  return Object.fromEntries(names.map((name, index) => [name, values[index]]))
}

/** Runs a change and kills it before the n-th call of one of the system calls; gives whether it came to its end. */
async function runKilled(dir: string, args: readonly string[], calls: string, n: number) {
  const child = spawn(process.execPath, [FIXTURE, dir, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // strace counts the calls of each thread for itself: with one, all that Node does with files is counted.
    env: {...process.env, UV_THREADPOOL_SIZE: '1', UV_USE_IO_URING: '0'},
  })
  const ended = once(child, 'exit')
  const ready: unknown[] = await Promise.race([once(child.stdout, 'data'), ended])
  expect(String(ready[0])).toBe('ready\n')
  const inject = ['-e', `trace=${calls}`, '-e', `inject=${calls}:signal=SIGKILL:when=${n}`]
  const strace = spawn('strace', ['-f', '-o', '/dev/null', ...inject, '-p', String(child.pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const straceEnded = once(strace, 'exit')
  await attached(strace)
  child.stdin.write('go\n')
  const [code, signal]: unknown[] = await ended
  await straceEnded
  expect([code, signal]).toEqual(signal === null ? [0, null] : [null, 'SIGKILL'])
  return signal === null
}

async function attached(strace: ChildProcess): Promise<void> {
  let said = ''
  for await (const chunk of strace.stderr ?? []) {
    said += String(chunk)
    if (said.includes('attached')) return
  }
  throw new Error(`strace does not attach: ${said}`)
}

/** What a dead process held is given up after seconds; here at once. */
async function forgetLocks(dir: string): Promise<void> {
  const names = await readdir(dir).catch(() => [])
  for (const name of names) {
    if (name.endsWith('.lock')) await utimes(join(dir, name), new Date(0), new Date(0))
  }
}

/** All that is in the files of a folder, drafts included. */
async function contents(dir: string): Promise<string> {
  const entries = await readdir(dir, {recursive: true, withFileTypes: true})
  const files = entries.filter(entry => entry.isFile())
  const texts = files.map(file => readFile(join(file.parentPath, file.name), 'latin1'))
  return (await Promise.all(texts)).join('\n')
}

/** Where a case begins: no file, or one with these secrets and a key of ours. */
async function prepared(values: Record<string, string> | undefined): Promise<string> {
  const dir = await home()
  if (!values) return dir
  await reencrypt(inputOf(dir), {kind: 'own-key'}, NO_KEYRING)
  const store = openEncryptedFile(inputOf(dir), NO_KEYRING)
  for (const [name, value] of Object.entries(values)) await store.set?.(name, Buffer.from(value))
  return dir
}

describe.skipIf(!hasStrace)('an encrypted file whose writer is killed', () => {
  const OLD = {kept: 'value-that-stays', changed: 'value-before'}
  const NEW = {...OLD, changed: 'value-after'}
  const values = [OLD.kept, OLD.changed, NEW.changed]

  test.each([
    {what: 'its first secret is set', args: ['set', 'changed', NEW.changed], renames: 2},
    {what: 'a secret is set', old: OLD, args: ['set', 'changed', NEW.changed], renames: 1},
    {what: 'it gets another key of ours', old: OLD, args: ['rekey', 'own-key'], renames: 3},
    {what: 'it gets a passphrase', old: OLD, args: ['rekey', 'passphrase', PASSPHRASE], renames: 1},
  ])('has all old or all new values: $what', {timeout: 600_000}, async ({old, args, renames}) => {
    const isSet = args[0] === 'set'
    const expected = isSet ? {...old, changed: NEW.changed} : OLD
    const before = await prepared(old)
    const kills: Record<string, number> = {}
    for (const calls of SYSCALLS) {
      for (let n = 1, isDone = false; !isDone; n += 1) {
        const dir = await home()
        await cp(before, dir, {recursive: true})
        isDone = await runKilled(dir, args, calls, n)
        if (!isDone) kills[calls] = n
        const input = inputOf(dir, isSet ? '' : args[2])
        const {paths} = input
        const store = openEncryptedFile(input, NO_KEYRING)
        const found = await valuesIn(store)
        expect(isDone ? [expected] : [old ?? {}, expected]).toContainEqual(found)
        const all = await contents(dir)
        expect(values.filter(value => all.includes(value))).toEqual([])

        await forgetLocks(paths.dir)
        await store.set?.('next', Buffer.from('works'))
        expect(await valuesIn(store)).toEqual({...found, next: 'works'})
        const names = await readdir(paths.dir)
        expect(names.filter(name => !/^secrets\.(?:enc\.json|key)$/.test(name))).toEqual([])
      }
    }
    expect(kills).toMatchObject({[RENAMES]: renames})
  })
})
