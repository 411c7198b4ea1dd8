import {mkdtemp, readFile, rm, stat, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import * as fc from 'fast-check'
import {describe, expect, onTestFinished, test} from 'vitest'
import {statePaths, type StatePaths} from '../../../src/lib/files/paths.ts'
import {forgetSecret, indexedNames, noteSecret} from '../../../src/lib/secrets/index-file.ts'

async function folder(): Promise<StatePaths> {
  const dir = await mkdtemp(join(tmpdir(), 'index-'))
  onTestFinished(() => rm(dir, {recursive: true}))
  return statePaths({configFlag: dir, env: {}})
}

const STORES = ['keyring', 'credentials', 'pass'] as const
const NAMES = ['one', 'two/three', '__proto__', 'constructor', 'a:b.c-d'] as const

describe('the index of secrets', () => {
  test('tells what each store was given, and is another text after each change', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            does: fc.constantFrom('note', 'forget'),
            name: fc.constantFrom(...NAMES),
            store: fc.constantFrom(...STORES),
          }),
          {minLength: 1, maxLength: 12},
        ),
        async steps => {
          const paths = await folder()
          const expected = new Set<string>()
          const texts: string[] = []
          for (const {does, name, store} of steps) {
            const key = `${store} ${name}`
            const wasThere = expected.has(key)
            if (does === 'note') expected.add(key)
            else expected.delete(key)
            const outcome =
              does === 'note'
                ? await noteSecret(paths, {name, store})
                : await forgetSecret(paths, {name, store})
            expect(outcome).toBe(does === 'note' ? undefined : wasThere)
            if (outcome === false) continue
            texts.push(await readFile(paths.secretsIndex, 'utf8'))
          }
          expect(new Set(texts).size).toBe(texts.length)
          for (const store of STORES) {
            const names = NAMES.filter(name => expected.has(`${store} ${name}`))
            expect(await indexedNames(paths, store)).toEqual(names.toSorted())
          }
        },
      ),
      {numRuns: 20},
    )
  })

  test('loses nothing that is noted at the same time', async () => {
    const paths = await folder()
    const names = Array.from({length: 8}, (_, index) => `name.${index}`)
    await Promise.all(names.map(name => noteSecret(paths, {name, store: 'keyring'})))
    expect(await indexedNames(paths, 'keyring')).toEqual(names)
    expect((await stat(paths.secretsIndex)).mode & 0o777).toBe(0o600)
  })

  test('has nothing where there is no file or an empty one, and makes none by looking', async () => {
    const paths = await folder()
    expect(await indexedNames(paths, 'keyring')).toEqual([])
    expect(await forgetSecret(paths, {name: 'one', store: 'keyring'})).toBe(false)
    await expect(stat(paths.dir)).rejects.toMatchObject({code: 'ENOENT'})
  })

  test.each([
    ['2200-01-01T00:00:00.000Z', '2200-01-01T00:00:00.001Z'],
    ['+275760-09-13T00:00:00.000Z', '20'],
    ['no time', '20'],
  ])('goes on from the last change %s, whatever the clock says', async (changed, next) => {
    const paths = await folder()
    await noteSecret(paths, {name: 'one', store: 'keyring'})
    await writeFile(paths.secretsIndex, JSON.stringify({version: 1, changed, secrets: []}))
    await noteSecret(paths, {name: 'one', store: 'keyring'})
    const index = JSON.parse(await readFile(paths.secretsIndex, 'utf8'))
    expect(index.changed).toMatch(new RegExp(`^${next}`))
    expect(index.secrets).toEqual([{name: 'one', store: 'keyring', changed: index.changed}])
  })

  test.each([
    ['{', 'is not JSON'],
    ['[]', 'is not an index of secrets'],
    ['{"version": 2, "changed": "", "secrets": []}', 'is not an index of secrets: version'],
    ['{"version": 1, "changed": "", "secrets": [{"name": 1}]}', 'secrets.0.name'],
  ])('does not write over what it cannot read: %s', async (text, why) => {
    const paths = await folder()
    await noteSecret(paths, {name: 'one', store: 'keyring'})
    await writeFile(paths.secretsIndex, text)
    const refusal = {code: 'FILE_INVALID', message: expect.stringContaining(why)}
    await expect(indexedNames(paths, 'keyring')).rejects.toMatchObject(refusal)
    await expect(noteSecret(paths, {name: 'two', store: 'pass'})).rejects.toMatchObject(refusal)
    await expect(forgetSecret(paths, {name: 'one', store: 'pass'})).rejects.toMatchObject(refusal)
    expect(await readFile(paths.secretsIndex, 'utf8')).toBe(text)
  })
})
