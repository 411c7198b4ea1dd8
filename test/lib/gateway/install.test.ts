import {randomUUID} from 'node:crypto'
import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import type {Engine} from '../../../src/lib/engine/engine.ts'
import {installServers, type InstallProgress} from '../../../src/lib/gateway/install.ts'
import {parseCatalog} from '../../../src/lib/model/catalog.ts'
import {stringify} from 'yaml'
import {fixtureImage} from '../../support/fixture-images.ts'
import {testEngine, testHome} from '../../support/in-process-gateway.ts'
import {testKey} from '../../support/signing.ts'

async function inputWith(registry: Readonly<Record<string, object>>, verbs: Partial<Engine> = {}) {
  const home = await testHome(async () => Object.assign(await testEngine(), verbs))
  const {catalog} = parseCatalog({version: 3, name: 'docker-mcp', registry}, 'a test')
  const progress: InstallProgress[] = []
  return {
    progress,
    dir: home.deps.paths.dir,
    install: (...names: readonly string[]) =>
      installServers(
        {
          ...home.deps,
          embedded: async () => catalog,
          settings: async () => ({}),
          toNewest: false,
          verifySignatures: true,
          signal: never,
        },
        names,
        line => progress.push(line),
      ),
    [Symbol.asyncDispose]: () => home[Symbol.asyncDispose](),
  }
}

const never = new AbortController().signal
const absent = () => ({type: 'server', image: `docker-mcp.invalid/${randomUUID()}:1`})

describe('installServers', () => {
  test('says of an image that is there that it is, once for a name that is given twice', async () => {
    const image = await fixtureImage('counts-calls')
    await using input = await inputWith({here: {type: 'server', image}})
    await input.install('here', 'here')
    expect(input.progress).toEqual([
      {server: 'here', image, state: 'waiting', done: 0, total: 0},
      {server: 'here', image, state: 'present', done: 0, total: 0},
    ])
  })

  test('fetches nothing when one of the names is unknown', async () => {
    await using input = await inputWith({here: absent()})
    await expect(input.install('here', 'hear')).rejects.toMatchObject({code: 'SERVER_UNKNOWN'})
    expect(input.progress).toEqual([])
  })

  test('tries every one, and tells every failure with its server', async () => {
    const image = await fixtureImage('counts-calls')
    await using input = await inputWith({
      one: absent(),
      here: {type: 'server', image},
      two: absent(),
      remote: {type: 'remote', remote: {url: 'https://server.invalid/mcp'}},
    })
    await expect(input.install('one', 'here', 'two', 'remote')).rejects.toMatchObject({
      code: 'IMAGE_MISSING',
      message: expect.stringMatching(
        /^server one: the engine could not pull .*\nserver two: the engine could not pull .*\nserver remote has no image/s,
      ),
      hint: expect.any(String),
    })
    const last = new Map(input.progress.map(({server, state}) => [server, state]))
    expect(Object.fromEntries(last)).toEqual({one: 'failed', here: 'present', two: 'failed'})
  })

  test('keeps the code that all failures have', async () => {
    const remote = {type: 'remote', remote: {url: 'https://server.invalid/mcp'}}
    await using input = await inputWith({one: remote, two: remote})
    await expect(input.install('one', 'two')).rejects.toMatchObject({
      code: 'SERVER_UNSUPPORTED',
      message: expect.stringMatching(/^server one has no image.*\nserver two has no image/s),
    })
  })

  test('does not hide a defect behind the failure of another', async () => {
    const defect = new TypeError('a defect')
    const distribution = () => Promise.reject(defect)
    const remote = {type: 'remote', remote: {url: 'https://server.invalid/mcp'}}
    await using input = await inputWith({remote, one: absent()}, {distribution})
    await expect(input.install('remote', 'one')).rejects.toBe(defect)
  })

  test('says of an image that is here and not signed that it is refused', async () => {
    const image = await fixtureImage('counts-calls')
    await using input = await inputWith({here: {type: 'server', image}})
    await mkdir(input.dir, {recursive: true})
    const keys = [{images: 'localhost/*', key: testKey().pem}]
    await writeFile(join(input.dir, 'signatures.yaml'), stringify({keys}))
    await expect(input.install('here')).rejects.toMatchObject({code: 'SIGNATURE_INVALID'})
    expect(input.progress.map(({state}) => state)).toEqual(['waiting', 'refused'])
  })

  test('keeps the code of the only failure', async () => {
    await using input = await inputWith({
      remote: {type: 'remote', remote: {url: 'https://server.invalid/mcp'}},
    })
    await expect(input.install('remote')).rejects.toMatchObject({code: 'SERVER_UNSUPPORTED'})
  })
})
