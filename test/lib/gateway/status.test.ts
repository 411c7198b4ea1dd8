import {mkdir, mkdtemp, readdir, rm, stat, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import * as fc from 'fast-check'
import {afterEach, beforeEach, describe, expect, test} from 'vitest'
import {PluginError} from '../../../src/lib/base/errors.ts'
import {fingerprint, statusStore} from '../../../src/lib/gateway/status.ts'
import {bindServer} from '../../../src/lib/model/server.ts'

let dir: string
beforeEach(async () => {
  dir = join(await mkdtemp(join(tmpdir(), 'status-')), 'state')
})
afterEach(() => rm(join(dir, '..'), {recursive: true}))

const at = new Date('2026-11-20T12:00:00Z')
const store = () => statusStore(dir, () => at)
const failure = new PluginError('SERVER_START_FAILED', 'it fell', {hint: 'pick it up'})

function specOf(image: string) {
  const spec = bindServer({name: 'one', image}, {}, '/home/me')
  if (spec.kind !== 'container') throw new Error(spec.kind)
  return spec
}

describe('statusStore', () => {
  test('remembers nothing before anything is written', async () => {
    expect(await store().read()).toEqual(new Map())
  })

  test('remembers that a server answered, and for which specification', async () => {
    await store().ready('one', specOf('a'))
    expect(await store().read()).toEqual(
      new Map([
        [
          'one',
          {
            server: 'one',
            state: 'ready',
            at: at.toISOString(),
            fingerprint: fingerprint(specOf('a')),
          },
        ],
      ]),
    )
  })

  test('lets no record of one server keep the others from being read', async () => {
    await store().ready('one', specOf('a'))
    await writeFile(
      join(dir, 'long.json'),
      `{"server":"long","x":"${'x'.repeat(17 * 1024 * 1024)}"}`,
    )
    const deep = `${'{"a":'.repeat(4000)}1${'}'.repeat(4000)}`
    await writeFile(
      join(dir, 'deep.json'),
      `{"server":"deep","state":"ready","at":"now","hello":${deep}}`,
    )
    expect((await store().read()).get('one')).toMatchObject({state: 'ready'})
  })

  test('remembers why a server failed, and for which specification', async () => {
    await store().failed('one', failure, specOf('a'))
    expect((await store().read()).get('one')).toMatchObject({
      state: 'failed',
      error: {code: 'SERVER_START_FAILED', message: 'it fell', hint: 'pick it up'},
      fingerprint: fingerprint(specOf('a')),
    })
  })

  test('takes a server without a specification', async () => {
    await store().failed('one', new PluginError('SERVER_UNKNOWN', 'who?'), undefined)
    const record = (await store().read()).get('one')
    expect(record).toMatchObject({error: {code: 'SERVER_UNKNOWN', message: 'who?'}})
    expect(record?.fingerprint).toBeUndefined()
  })

  test('keeps its files to the user', async () => {
    await store().ready('one', specOf('a'))
    expect((await stat(join(dir, 'one.json'))).mode & 0o777).toBe(0o600)
  })

  test('has a file for each server, in the folder, whatever the server is called', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(
          fc.oneof(
            fc.string({unit: 'binary'}),
            fc.constantFrom('..', '../x', '/x', 'x'.repeat(500)),
          ),
          {
            minLength: 1,
            maxLength: 4,
          },
        ),
        async names => {
          for (const name of names) await store().failed(name, failure, undefined)
          const records = await store().read()
          for (const name of names) expect(records.get(name)?.server).toBe(name)
          expect(await readdir(join(dir, '..'))).toEqual(['state'])
        },
      ),
      {numRuns: 25},
    )
  })

  test('does not trip over files that are no records', async () => {
    await store().ready('one', specOf('a'))
    await mkdir(dir, {recursive: true})
    const bad = {
      'a.json': '{',
      'b.json': '[]',
      'c.json': '{"server": 1}',
      'd.txt': 'x',
      'e.json': '',
    }
    for (const [name, text] of Object.entries(bad)) await writeFile(join(dir, name), text)
    expect([...(await store().read()).keys()]).toEqual(['one'])
  })
})

describe('fingerprint', () => {
  test('is another one for another image, and the same for the same', () => {
    expect(fingerprint(specOf('a'))).toBe(fingerprint(specOf('a')))
    expect(fingerprint(specOf('a'))).not.toBe(fingerprint(specOf('b')))
  })
})
