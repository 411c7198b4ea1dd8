import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {mkdir, mkdtemp, open, rename, rm, symlink, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {createInterface} from 'node:readline'
import {expect, test} from 'vitest'
import {readTextFile} from '../../../src/lib/files/atomic.ts'
import {ReadFiles} from '../../../src/lib/files/reads.ts'
import {FileWatch} from '../../../src/lib/gateway/watch.ts'
import {Inbox} from '../../support/inbox.ts'

/** A file that is read again whenever it may have changed. */
interface Followed extends AsyncDisposable {
  readonly dir: string
  readonly file: string
  /** What was read, in order. */
  readonly texts: (string | undefined)[]
  readonly warnings: string[]
}

/** @param prepare makes what is there at first */
async function followed(
  name: string,
  prepare: (dir: string) => Promise<void> = async () => undefined,
): Promise<Followed> {
  const dir = await mkdtemp(join(tmpdir(), 'watch-'))
  await prepare(dir)
  const file = join(dir, name)
  const reads = new ReadFiles(join(dir, 'state'))
  const texts: (string | undefined)[] = []
  const warnings: string[] = []
  const read = async () => void texts.push(await readTextFile(file))
  await reads.during(read)
  const watch = new FileWatch({
    files: () => reads.prints,
    // One that is gone, or has nothing in it any more, is refused.
    onChange: () => reads.anew(read).catch(() => void texts.push(undefined)),
    warn: line => void warnings.push(line),
  })
  return {
    dir,
    file,
    texts,
    warnings,
    async [Symbol.asyncDispose]() {
      await watch[Symbol.asyncDispose]()
      await rm(dir, {recursive: true})
    },
  }
}

/** Writes over what is in a file, in one step: one that is emptied first may be seen empty. */
async function overwrite(file: string, text: string): Promise<void> {
  await using handle = await open(file, 'r+')
  await handle.write(text)
}

/** Puts a file in its place, with what is in it. */
async function put(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text)
  await rename(`${file}.new`, file)
}

const SOON = {timeout: 60_000, interval: 20}

async function sees(at: Followed, text: string | undefined): Promise<void> {
  await expect.poll(() => at.texts.at(-1), SOON).toBe(text)
}

test('a file is followed that is written, replaced, removed, and comes again', async () => {
  await using at = await followed('file', dir => writeFile(join(dir, 'file'), 'one'))
  await overwrite(at.file, 'second')
  await sees(at, 'second')
  await put(at.file, 'third')
  await sees(at, 'third')
  await rm(at.file)
  await sees(at, undefined)
  await put(at.file, 'fourth')
  await sees(at, 'fourth')
  expect(at.texts).toEqual(['one', 'second', 'third', undefined, 'fourth'])
  expect(at.warnings).toEqual([])
})

test('a file is seen that comes in a folder that did not exist, also a second time', async () => {
  await using at = await followed('some/folder/file')
  for (const text of ['one', 'two']) {
    await mkdir(join(at.dir, 'some', 'folder'), {recursive: true})
    await writeFile(at.file, text)
    await sees(at, text)
    await rm(join(at.dir, 'some'), {recursive: true})
    await sees(at, undefined)
  }
})

test('a link on the way that is turned to another folder is seen, and what is written there', async () => {
  // As Kubernetes mounts what is configured.
  await using at = await followed('file', async dir => {
    for (const version of ['v1', 'v2']) {
      await mkdir(join(dir, version))
      await writeFile(join(dir, version, 'file'), version)
    }
    await symlink('v1', join(dir, '..data'))
    await symlink('..data/file', join(dir, 'file'))
  })
  await symlink('v2', join(at.dir, 'next'))
  await rename(join(at.dir, 'next'), join(at.dir, '..data'))
  await sees(at, 'v2')
  await overwrite(join(at.dir, 'v2', 'file'), 'v3')
  await sees(at, 'v3')
  expect(at.texts).toEqual(['v1', 'v2', 'v3'])
})

test('a file in a folder that is a link to elsewhere is followed', async () => {
  await using at = await followed('here/file', async dir => {
    await mkdir(join(dir, 'there'))
    await writeFile(join(dir, 'there', 'file'), 'one')
    await symlink('there', join(dir, 'here'))
  })
  await writeFile(join(at.dir, 'there', 'file'), 'two')
  await sees(at, 'two')
})

test('of many changes at once a few are read, and the last one counts', async () => {
  await using at = await followed('file', dir => writeFile(join(dir, 'file'), 'first'))
  for (let index = 0; index < 500; index += 1) await writeFile(at.file, `text ${index}`)
  await sees(at, 'text 499')
  expect(at.texts.length).toBeLessThan(50)
})

test('what others do in the same folder is no reason to read', async () => {
  await using at = await followed('file', dir => writeFile(join(dir, 'file'), 'first'))
  await writeFile(join(at.dir, 'other'), 'x')
  await mkdir(join(at.dir, 'file.lock'))
  await rm(join(at.dir, 'other'))
  await overwrite(at.file, 'second')
  await sees(at, 'second')
  expect(at.texts).toEqual(['first', 'second'])
})

test.skipIf(process.platform !== 'linux')(
  'where the system tells of no change, it is looked every second, and that is said once',
  async () => {
    const dir = await mkdtemp(join(tmpdir(), 'watch-'))
    const file = join(dir, 'file')
    await writeFile(file, 'one')
    // In a user namespace of its own, so that the limit is nobody else's.
    const script = 'echo 0 > /proc/sys/user/max_inotify_instances && exec "$0" "$@"'
    const program = join(import.meta.dirname, '..', '..', 'fixtures', 'follow-file.ts')
    const alone = ['--user', '--map-root-user']
    const args = [...alone, 'sh', '-c', script, process.execPath, program, file]
    const child = spawn('unshare', args)
    const said = new Inbox<string>()
    const warned = new Inbox<string>()
    createInterface({input: child.stdout}).on('line', line => said.add(line))
    createInterface({input: child.stderr}).on('line', line => warned.add(line))
    const closed = once(child, 'close')
    await warned.find(line => line.includes('looked at every second'))
    for (const text of ['two', 'three']) {
      await put(file, text)
      await expect.poll(() => said.items.at(-1), SOON).toBe(JSON.stringify(text))
    }
    child.stdin.end()
    await closed
    expect(warned.items).toHaveLength(1)
    await rm(dir, {recursive: true})
  },
)
