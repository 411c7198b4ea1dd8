import {mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, test} from 'vitest'
import {remarks} from '../../../src/lib/catalog/remarks.ts'
import {readChecked} from '../../../src/lib/catalog/checked.ts'
import {catalogText} from '../../../src/lib/catalog/edit.ts'
import {manyServers} from '../../support/many-servers.ts'

const TEXT = catalogText(manyServers(20))
let stateDir: string

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'docker-mcp-checked-'))
})
afterEach(() => rm(stateDir, {recursive: true, force: true}))

const read = (text: string, program?: string) =>
  readChecked(text, {file: '/c/many.yaml', stateDir, program})
const copies = async () =>
  (await readdir(join(stateDir, 'catalogs'))).map(name => join(stateDir, 'catalogs', name))

/** Makes what is read from the copy tell itself apart from what is read from the text. */
async function mark(): Promise<void> {
  const [copy = ''] = await copies()
  const text = await readFile(copy, 'utf8')
  await writeFile(copy, text.replace('"displayName":"Many servers"', '"displayName":"the copy"'))
}

const isCopy = async (text: string, program: string) =>
  (await read(text, program)).catalog.displayName === 'the copy'

describe('readChecked', () => {
  test('gives from its copy exactly what the text gives', async () => {
    const odd = TEXT.replace('title: Acme', 'titel: Acme')
    const first = await read(odd, 'one')
    expect(first.problems).toHaveLength(1)
    const [copy = ''] = await copies()
    expect(await readFile(copy, 'utf8')).toContain('titel')
    expect(await read(odd, 'one')).toEqual(first)
    expect(await read(odd)).toEqual(first)
  })

  test('takes the copy for the same text and the same program only', async () => {
    await read(TEXT, 'one')
    await mark()
    expect(await isCopy(TEXT, 'one')).toBe(true)
    expect(await isCopy(`${TEXT}# more\n`, 'one')).toBe(false)
    await read(TEXT, 'one')
    await mark()
    expect(await isCopy(TEXT, 'two')).toBe(false)
  })

  test('reads the text when the copy is torn', async () => {
    const whole = await read(TEXT, 'one')
    const [copy = ''] = await copies()
    const text = await readFile(copy, 'utf8')
    for (const torn of [
      text.slice(0, -10),
      text.slice(0, 160),
      '',
      `${text.slice(0, 150)},null}`,
    ]) {
      await writeFile(copy, torn)
      expect(await read(TEXT, 'one')).toEqual(whole)
    }
  })

  test('keeps nothing of a text that is none, and of a short one', async () => {
    await expect(read(`${TEXT}\tx: 1\n`, 'one')).rejects.toMatchObject({code: 'FILE_INVALID'})
    await read('registry: {}\n', 'one')
    await expect(copies()).rejects.toMatchObject({code: 'ENOENT'})
  })

  test('does without a copy where it cannot write one', async () => {
    await writeFile(join(stateDir, 'catalogs'), 'a file is in the way')
    expect((await read(TEXT, 'one')).catalog.servers.size).toBe(20)
  })
})

test('says on which line a key is that no catalog has, and once for all catalogs', async () => {
  const text =
    'name: c\nregistry:\n  x:\n    image: mcp/x\n    metadata:\n      catgory: y\nregsitry: 3\n'
  const {problems} = await readChecked(text, {file: 'c.yaml', stateDir: '/nowhere'})
  expect(problems.map(({path, place}) => [path, place])).toEqual([
    ['regsitry', 'c.yaml:7'],
    ['metadata.catgory', 'c.yaml:6'],
  ])
  expect(remarks({problems}, [])).toEqual([
    'the catalogs have keys that mean nothing here: regsitry (c.yaml:7)',
  ])
})
