import {execFile} from 'node:child_process'
import {mkdir, mkdtemp, rename, rm, symlink, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {describe, expect, test} from 'vitest'
import {readOwnFile, readTextFile} from '../../../src/lib/files/atomic.ts'
import {printOf, ReadFiles, waysTo} from '../../../src/lib/files/reads.ts'

const run = promisify(execFile)

interface Folder extends AsyncDisposable {
  readonly dir: string
}

async function folder(): Promise<Folder> {
  const dir = await mkdtemp(join(tmpdir(), 'reads-'))
  return {dir, [Symbol.asyncDispose]: () => rm(dir, {recursive: true})}
}

describe('what a task reads', () => {
  test('is known, also what does not exist, and nothing of our own', async () => {
    await using at = await folder()
    const there = join(at.dir, 'there')
    const missing = join(at.dir, 'missing')
    const own = join(at.dir, 'state', 'own')
    await mkdir(join(at.dir, 'state'))
    await writeFile(there, 'x')
    await writeFile(own, 'x')
    const reads = new ReadFiles(join(at.dir, 'state'))
    const texts = await reads.during(() => Promise.all([there, missing, own].map(readTextFile)))
    expect(texts).toEqual(['x', undefined, 'x'])
    expect([...reads.prints]).toEqual([
      [there, await printOf(there)],
      [missing, 'ENOENT'],
    ])
  })

  test('is what it read itself, not what others read, nor what it began reads later', async () => {
    await using at = await folder()
    const [mine, others, later] = ['mine', 'others', 'later'].map(name => join(at.dir, name))
    const reads = new ReadFiles(join(at.dir, 'state'))
    const go = Promise.withResolvers<void>()
    let begun: Promise<unknown> | undefined
    await Promise.all([
      reads.during(async () => {
        begun = go.promise.then(() => readTextFile(later ?? ''))
        await readTextFile(mine ?? '')
      }),
      readTextFile(others ?? ''),
    ])
    go.resolve()
    await begun
    expect([...reads.prints.keys()]).toEqual([mine])
  })

  test('read anew, is what counts; when that fails, what was read before counts, too', async () => {
    await using at = await folder()
    const [one, two, three] = ['one', 'two', 'three'].map(name => join(at.dir, name))
    const reads = new ReadFiles(join(at.dir, 'state'))
    await reads.during(() => readTextFile(one ?? ''))
    await reads.anew(() => readTextFile(two ?? ''))
    expect([...reads.prints.keys()]).toEqual([two])
    await writeFile(two ?? '', 'x')
    const failing = reads.anew(async () => {
      await readTextFile(three ?? '')
      throw new Error('wrong')
    })
    await expect(failing).rejects.toThrow('wrong')
    expect([...reads.prints]).toEqual([
      [two, 'ENOENT'],
      [three, 'ENOENT'],
    ])
  })

  test('nobody is told to write a file of secrets by hand that only this program writes', async () => {
    await using at = await folder()
    const file = join(at.dir, 'secrets.enc.json')
    const reads = new ReadFiles(join(at.dir, 'state'))
    await writeFile(file, '{"version": 1}')
    await reads.during(() => readTextFile(file))
    await rm(file)
    await expect(reads.anew(() => readTextFile(file))).rejects.toMatchObject({
      hint: 'put it back, set a secret again, or restart the gateway',
    })
  })

  test.each(['', ' \n', undefined])('is not lost by being emptied or removed: %j', async text => {
    await using at = await folder()
    const file = join(at.dir, 'registry.yaml')
    const reads = new ReadFiles(join(at.dir, 'state'))
    const now = () => reads.anew(() => readTextFile(file))
    await writeFile(file, 'registry: {a: }')
    await reads.during(() => readTextFile(file))
    await (text === undefined ? rm(file) : writeFile(file, text))
    for (const _time of ['once', 'and again']) {
      await expect(now()).rejects.toMatchObject({
        code: text === undefined ? 'FILE_MISSING' : 'FILE_INVALID',
        message: expect.stringContaining(file),
        hint: expect.stringContaining('`registry: {}`'),
      })
    }
    await writeFile(file, 'registry: {}')
    expect(await now()).toBe('registry: {}')
    // What is not read any more may go, and come back empty.
    await reads.anew(async () => undefined)
    await writeFile(file, '')
    expect(await now()).toBe('')
  })

  test('is as it was before it was read: a change in between shows', async () => {
    await using at = await folder()
    const file = join(at.dir, 'file')
    await writeFile(file, 'before')
    const reads = new ReadFiles(join(at.dir, 'state'))
    await reads.during(async () => {
      await readTextFile(file)
      await writeFile(file, 'afterwards')
      await readTextFile(file)
    })
    expect(reads.prints.get(file)).not.toBe(await printOf(file))
  })

  test('is read once where it gives its text only once', async () => {
    await using at = await folder()
    const pipe = join(at.dir, 'pipe')
    await run('mkfifo', [pipe])
    const reads = new ReadFiles(join(at.dir, 'state'))
    const [first] = await Promise.all([
      reads.during(() => readTextFile(pipe)),
      writeFile(pipe, 'KEY=value'),
    ])
    const second = await reads.anew(() => readTextFile(pipe))
    expect([first, second]).toEqual(['KEY=value', 'KEY=value'])
    expect([...reads.prints]).toEqual([])
    await rm(pipe)
    expect(await reads.anew(() => readTextFile(pipe))).toBe('KEY=value')
    await writeFile(pipe, 'KEY=of the file')
    expect(await reads.anew(() => readTextFile(pipe))).toBe('KEY=of the file')
    expect([...reads.prints.keys()]).toEqual([pipe])
  })

  test('is refused no longer when a file takes the place of what was none', async () => {
    await using at = await folder()
    const path = join(at.dir, 'path')
    await run('mkfifo', [path])
    const reads = new ReadFiles(join(at.dir, 'state'))
    await expect(reads.during(() => readOwnFile(path))).rejects.toMatchObject({code: 'FILE_DENIED'})
    await rm(path)
    await writeFile(path, 'KEY=value')
    expect(await reads.anew(() => readOwnFile(path))).toBe('KEY=value')
  })
})

describe('the print of a file', () => {
  test('is another one when it is written, replaced, or gone', async () => {
    await using at = await folder()
    const file = join(at.dir, 'file')
    const prints = [await printOf(file)]
    await writeFile(file, 'a')
    prints.push(await printOf(file))
    await writeFile(file, 'ab')
    prints.push(await printOf(file))
    await writeFile(join(at.dir, 'new'), 'ab')
    await rename(join(at.dir, 'new'), file)
    prints.push(await printOf(file))
    expect(new Set(prints).size).toBe(4)
    await rm(file)
    expect(await printOf(file)).toBe(prints[0])
  })
})

describe('what leads to a file', () => {
  test('are the links on the way, and where it is in the end', async () => {
    await using at = await folder()
    const {dir} = at
    await mkdir(join(dir, 'v1'))
    await writeFile(join(dir, 'v1', 'file'), '')
    await symlink('v1', join(dir, 'data'))
    await symlink('data/file', join(dir, 'file'))
    expect(await waysTo(join(dir, 'file'))).toEqual([
      join(dir, 'file'),
      join(dir, 'data'),
      join(dir, 'v1', 'file'),
    ])
    expect(await waysTo(join(dir, 'no', 'such'))).toEqual([join(dir, 'no', 'such')])
  })

  test('ends also where links go in a circle', async () => {
    await using at = await folder()
    const [a, b] = [join(at.dir, 'a'), join(at.dir, 'b')]
    await symlink('b', a)
    await symlink('a', b)
    expect(new Set(await waysTo(a))).toEqual(new Set([a, b]))
  })
})
