import {execFileSync, spawn} from 'node:child_process'
import {once} from 'node:events'
import {
  constants,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import {expect, onTestFinished, test} from 'vitest'
import * as z from 'zod'
import {appendOnly, readAppended} from '../../../src/lib/files/append.ts'

const LINE = z.strictObject({name: z.string(), i: z.int()})
const MANY = 1_000_000

async function tempDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'append-'))
  onTestFinished(() => rm(dir, {recursive: true, force: true}))
  return dir
}

/** Another process that appends lines with its name and their numbers, beginning with 1. */
async function writer(file: string, maxBytes: number, name: string, times: number): Promise<void> {
  const script = fileURLToPath(new URL('../../fixtures/append-lines.ts', import.meta.url))
  const args = [script, file, String(maxBytes), name, String(times)]
  const child = spawn(process.execPath, args, {stdio: 'inherit'})
  onTestFinished(() => void child.kill('SIGKILL'))
  const [code]: unknown[] = await once(child, 'exit')
  expect(code).toBe(0)
}

function linesIn(text: string) {
  return text
    .trimEnd()
    .split('\n')
    .map(line => LINE.parse(JSON.parse(line)))
}

test('makes the file and its folder, for its owner alone', async () => {
  const file = join(await tempDir(), 'sub', 'f')
  await appendOnly(file, MANY)('one\n')
  expect(await readAppended(file)).toBe('one\n')
  expect((await stat(file)).mode & 0o777).toBe(0o600)
})

test('reads nothing where there is nothing', async () => {
  expect(await readAppended(join(await tempDir(), 'f'))).toBe('')
})

test('neither waits for a pipe nor writes into one', async () => {
  const dir = await tempDir()
  const pipe = join(dir, 'pipe')
  execFileSync('mkfifo', [pipe])
  await mkdir(join(dir, 'folder'))
  const refused = {code: 'FILE_DENIED', message: `${pipe} is no regular file`}
  await expect(readAppended(pipe)).rejects.toMatchObject(refused)
  await expect(appendOnly(pipe, MANY)('one\n')).rejects.toMatchObject(refused)
  // Somebody reads it.
  await using end = await open(pipe, constants.O_RDONLY | constants.O_NONBLOCK)
  await expect(appendOnly(pipe, MANY)('one\n')).rejects.toMatchObject(refused)
  expect((await end.read()).bytesRead).toBe(0)
  await symlink('pipe', join(dir, 'f.1'))
  await expect(readAppended(join(dir, 'f'))).rejects.toMatchObject({code: 'FILE_DENIED'})
  await expect(appendOnly(join(dir, 'folder'), MANY)('one\n')).rejects.toMatchObject({
    code: 'FILE_DENIED',
  })
})

test('mixes and loses no line of two processes', async () => {
  const file = join(await tempDir(), 'f')
  await Promise.all([writer(file, MANY, 'a', 1500), writer(file, MANY, 'b', 1500)])
  const lines = linesIn(await readAppended(file))
  for (const name of ['a', 'b']) {
    const own = lines.filter(line => line.name === name).map(({i}) => i)
    expect(own).toEqual(Array.from({length: 1500}, (_, at) => at + 1))
  }
})

test('puts the file aside when it is too large, though two processes write, and keeps the newest lines', async () => {
  const dir = await tempDir()
  const file = join(dir, 'f')
  await Promise.all([writer(file, 2000, 'a', 400), writer(file, 2000, 'b', 400)])
  expect((await readdir(dir)).filter(name => !name.endsWith('.lock'))).toEqual(['f', 'f.1'])
  expect((await stat(join(dir, 'f.1'))).size).toBeLessThan(4000)
  const lines = linesIn(await readAppended(file))
  expect(lines.length).toBeGreaterThan(40)
  expect(lines.at(-1)?.i).toBe(400)
  for (const name of ['a', 'b']) {
    const own = lines.filter(line => line.name === name).map(({i}) => i)
    expect(own).toEqual(own.map((_, at) => own[0]! + at))
  }
})

test('follows a link, and puts aside what it leads to', async () => {
  const dir = await tempDir()
  const link = join(dir, 'link')
  await symlink('real', link)
  const append = appendOnly(link, 6)
  await append('larger\n')
  await append('two\n')
  expect(await readAppended(link)).toBe('larger\ntwo\n')
  expect((await readdir(dir)).toSorted()).toEqual(['link', 'real', 'real.1'])
})

test('says why it cannot write, and goes on when it can again', async () => {
  const dir = await tempDir()
  const file = join(dir, 'folder', 'f')
  await writeFile(join(dir, 'folder'), '')
  const append = appendOnly(file, MANY)
  await expect(append('one\n')).rejects.toMatchObject({code: 'FILE_DENIED'})
  await rm(join(dir, 'folder'))
  await append('two\n')
  expect(await readFile(file, 'utf8')).toBe('two\n')
})

test.runIf(process.platform === 'linux')('tells a full disk', async () => {
  const link = join(await tempDir(), 'f')
  await symlink('/dev/full', link)
  const why = `cannot write ${link}: no space is left: the disk is full`
  await expect(appendOnly(link, MANY)('one\n')).rejects.toThrow(why)
})
