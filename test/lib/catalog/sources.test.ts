import {execFile} from 'node:child_process'
import {cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'
import * as fc from 'fast-check'
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
} from 'vitest'
import {PluginError} from '../../../src/lib/base/errors.ts'
import {isJsonObject, type JsonObject} from '../../../src/lib/base/json.ts'
import {fromArtifact, toArtifact} from '../../../src/lib/catalog/artifact-document.ts'
import {addServers, createCatalog} from '../../../src/lib/catalog/edit.ts'
import {importCatalogs} from '../../../src/lib/catalog/import.ts'
import {removeCatalog} from '../../../src/lib/catalog/manage.ts'
import {savedCatalogs} from '../../../src/lib/catalog/saved.ts'
import {pullCatalog, pushCatalog, tagCatalog} from '../../../src/lib/catalog/share.ts'
import {savedSource, savedUrl, sourceOf} from '../../../src/lib/catalog/source.ts'
import {catalogRows} from '../../../src/lib/catalog/show.ts'
import {loadCatalogs, type CatalogInput} from '../../../src/lib/catalog/store.ts'
import {refreshCatalogs, updateCatalogs} from '../../../src/lib/catalog/update.ts'
import {printOf, ReadFiles} from '../../../src/lib/files/reads.ts'
import {statePaths} from '../../../src/lib/files/paths.ts'
import {parseCatalog} from '../../../src/lib/model/catalog.ts'
import {httpsHost, type HttpsHost} from '../../support/https-host.ts'
import {registryServer, type TestRegistry} from '../../support/registry.ts'

const run = promisify(execFile)
const TEAM = '# ours\nname: team\ndisplayName: Team\nregistry:\n  one: {image: team/one}\n'
const TWO = TEAM.replace('one: {', 'two: {image: team/two}\n  one: {')
const PLAIN = {force: false, dryRun: false}

let host: HttpsHost
let registry: TestRegistry
let folder: string
let input: CatalogInput
let told: string[]

beforeAll(async () => {
  ;[host, registry] = await Promise.all([
    httpsHost((_request, response) => response.end()),
    registryServer(),
  ])
})

afterAll(async () => {
  await Promise.all([host[Symbol.asyncDispose](), registry[Symbol.asyncDispose]()])
})

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'docker-mcp-sources-'))
  const paths = statePaths({configFlag: folder, env: {}})
  await mkdir(paths.catalogsDir, {recursive: true})
  const {catalog} = parseCatalog(
    {name: 'docker-mcp', registry: {fetch: {image: 'mcp/fetch', title: 'Fetch'}}},
    'embedded',
  )
  told = []
  input = {
    paths,
    cwd: folder,
    embedded: async () => catalog,
    settings: async () => ({catalogs: {allowPrivateHosts: ['127.0.0.1']}}),
    outgoing: {env: {}, ca: host.ca},
    notify: line => told.push(line),
  }
})

afterEach(() => rm(folder, {recursive: true, force: true}))

/** From now on the host has this text, in a version of its own. */
function publish(text: string, etag = `"${text.length}"`): string {
  host.answer(({headers}, response) => {
    if (headers['if-none-match'] === etag) response.writeHead(304).end()
    else response.setHeader('etag', etag).end(text)
  })
  return `${host.url}/team.yaml`
}

function breakHost(): void {
  host.answer((_request, response) => response.writeHead(503).end())
}

/** Every file of the state folder with its text; locks are gone when nobody writes. */
async function state(): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(input.paths.dir, {recursive: true, withFileTypes: true})
  const files = entries.filter(entry => entry.isFile()).map(one => join(one.parentPath, one.name))
  const texts = files.map(async file => [file, await readFile(file, 'utf8')] as const)
  return Object.fromEntries(await Promise.all(texts))
}

/** Of bytes: more than there is room for on the disk of {@link tinyDisk}. */
const FULL = 256 * 1024

/** Puts a folder, with what is in it, onto a disk of its own that holds little. It takes root. */
async function tinyDisk(dir: string): Promise<{unmount(): Promise<void>}> {
  const kept = `${dir}.kept`
  await cp(dir, kept, {recursive: true})
  await run('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', dir])
  await cp(kept, dir, {recursive: true})
  return {
    async unmount() {
      await run('umount', [dir])
    },
  }
}

async function namesOf(): Promise<readonly string[]> {
  return (await savedCatalogs(input.paths)).map(({name}) => name)
}

describe('an imported catalog', () => {
  test('of an address is kept as it was written, with what the host calls it', async () => {
    const url = publish(TEAM)
    expect(await importCatalogs(url, input, PLAIN)).toEqual([
      {name: 'team', servers: 1, url, replaced: false, notices: [], remarks: []},
    ])
    expect(await readFile(join(input.paths.catalogsDir, 'team.yaml'), 'utf8')).toBe(TEAM)
    expect(await savedCatalogs(input.paths)).toMatchObject([
      {name: 'team', displayName: 'Team', url, etag: `"${TEAM.length}"`},
    ])
    expect((await loadCatalogs(input)).servers.get('one')?.image).toBe('team/one')
  })

  test('of a folder is one for each file, and none of them when one is wrong', async () => {
    const dir = join(folder, 'many')
    await mkdir(dir)
    await writeFile(join(dir, 'b.yaml'), TEAM)
    await writeFile(join(dir, 'a.json'), '{"registry": {"x": {"image": "a/x"}}}')
    await writeFile(join(dir, 'notes.txt'), 'not a catalog')
    const before = await state()
    await writeFile(join(dir, 'c.yaml'), 'registry: [1]')
    await expect(importCatalogs('./many', input, PLAIN)).rejects.toThrow('c.yaml is not a catalog')
    expect(await state()).toEqual(before)
    await rm(join(dir, 'c.yaml'))
    const all = await importCatalogs('./many', input, PLAIN)
    expect(all.map(({name}) => name)).toEqual(['a', 'team'])
    expect(await namesOf()).toEqual(['a', 'team'])
  })

  test('is only looked at in a dry run', async () => {
    const before = await state()
    const all = await importCatalogs(publish(TEAM), input, {...PLAIN, dryRun: true})
    expect(all).toMatchObject([{name: 'team', servers: 1}])
    expect(await state()).toEqual(before)
  })

  test('replaces one from somewhere else only by force', async () => {
    const file = join(folder, 'own.yaml')
    await writeFile(file, TWO)
    await importCatalogs(file, input, PLAIN)
    const before = await state()
    const url = publish(TEAM)
    await expect(importCatalogs(url, input, PLAIN)).rejects.toThrow(
      `there is a catalog team already, which came from file://${file}`,
    )
    expect(await state()).toEqual(before)
    expect(await importCatalogs(url, input, {...PLAIN, name: 'other'})).toMatchObject([
      {name: 'other', replaced: false},
    ])
    expect(await importCatalogs(url, input, {...PLAIN, force: true})).toMatchObject([
      {name: 'team', url, replaced: true},
    ])
  })

  test.each([
    ['../../outside', 'which no catalog can have'],
    ['/etc/passwd', 'which no catalog can have'],
    ['a\nb', 'which no catalog can have'],
    ['docker-mcp', 'which is the embedded catalog’s'],
  ])('cannot call itself %j', async (name, reason) => {
    const before = await state()
    const url = publish(JSON.stringify({name, registry: {}}))
    await expect(importCatalogs(url, input, PLAIN)).rejects.toThrow(reason)
    expect(await state()).toEqual(before)
  })

  test.each([
    ['a duplicate key', 'registry: {}\nregistry: {}\n', 'team.yaml:2:1: Map keys must be unique'],
    ['a tab', 'registry:\n\tx: {}\n', 'team.yaml:2'],
    ['a wrong type', 'registry: 5\n', '"registry" is not a map'],
    ['an unknown version', 'version: 9\nregistry: {}\n', 'its version'],
    ['a cycle', 'registry: &a\n  x: *a\n', 'team.yaml has no server that can be used'],
    ['no text', '\u0000\u0001', 'team.yaml'],
    ['a page of a portal', '<html><body>Log in</body></html>', 'team.yaml'],
  ])('is none with %s, and the one before it stays byte for byte', async (_what, text, reason) => {
    const url = publish(TEAM)
    await importCatalogs(url, input, PLAIN)
    const before = await state()
    publish(text, '"wrong"')
    await expect(importCatalogs(url, input, PLAIN)).rejects.toThrow(reason)
    const [updated] = await updateCatalogs(input, 'team')
    expect(updated).toMatchObject({outcome: 'failed'})
    expect(updated?.error?.message).toContain(reason)
    expect(await state()).toEqual(before)
  })

  test('that is too large is not read to its end', async () => {
    host.answer((_request, response) => {
      response.writeHead(200, {'content-length': String(17 * 1024 * 1024)}).write('registry:')
    })
    const url = `${host.url}/team.yaml`
    await expect(importCatalogs(url, input, PLAIN)).rejects.toThrow('more than 16777216 bytes')
  })

  test('says which of its servers are wrong, and has the others', async () => {
    const url = publish(`${TEAM}  bad: {image: x, command: 5}\n`)
    const [imported] = await importCatalogs(url, input, PLAIN)
    expect(imported).toMatchObject({
      servers: 1,
      notices: [expect.stringMatching(/^server bad: command .*\/team\.yaml:6\)$/)],
    })
  })

  test('says which of its keys mean nothing, and that it is empty', async () => {
    const url = publish(`${TEAM}  two: {image: x, foo: 1}\n`)
    const [imported] = await importCatalogs(url, input, PLAIN)
    expect(imported?.remarks).toEqual([
      expect.stringMatching(/^the catalog entry of two has keys .*: foo \(.*team\.yaml:6\)$/),
    ])
    const [empty] = await importCatalogs(publish('name: none\nregistry: {}\n'), input, PLAIN)
    expect(empty?.remarks).toEqual([expect.stringMatching(/team\.yaml has no servers$/)])
  })

  test('may be a file:// address', async () => {
    await writeFile(join(folder, 'a b.yaml'), TEAM)
    const [imported] = await importCatalogs(`file://${folder}/a%20b.yaml`, input, PLAIN)
    expect(imported).toMatchObject({name: 'team', servers: 1})
    for (const wrong of ['file://elsewhere/a.yaml', 'file:///a%2fb', 'file:///%zz']) {
      await expect(importCatalogs(wrong, input, PLAIN)).rejects.toMatchObject({code: 'USAGE'})
    }
  })

  test('keeps nothing of what was said of the text before it', async () => {
    const url = publish(TEAM)
    await importCatalogs(url, input, PLAIN)
    host.answer((_request, response) => response.end(TWO))
    await importCatalogs(url, input, PLAIN)
    expect((await savedCatalogs(input.paths))[0]).not.toHaveProperty('etag')
  })

  test('takes no name that somebody else took in the meantime', async () => {
    host.answer((_request, response) => {
      void createCatalog(input.paths, {name: 'team', url: 'user:cli'}, [], {replace: false}).then(
        () => response.end(TEAM),
      )
    })
    const url = `${host.url}/team.yaml`
    await expect(importCatalogs(url, input, PLAIN)).rejects.toThrow('there is a catalog team')
    expect(await savedCatalogs(input.paths)).toMatchObject([{name: 'team', url: 'user:cli'}])
  })

  test('of docker is refused while only catalogs of the user count', async () => {
    const mine = {...input, settings: async () => ({catalogs: {default: false}})}
    const before = await state()
    await expect(importCatalogs('docker-mcp', mine, PLAIN)).rejects.toMatchObject({
      code: 'USAGE',
      hint: expect.stringContaining('docker mcp catalog init'),
    })
    expect(await state()).toEqual(before)
  })

  test('survives two that import at once', async () => {
    const url = publish(TEAM)
    const names = ['a', 'b', 'c', 'd']
    await Promise.all(names.map(name => importCatalogs(url, input, {...PLAIN, name})))
    expect((await namesOf()).toSorted()).toEqual(names)
  })
})

test.runIf(process.getuid?.() === 0)(
  'a catalog of a full disk, or one that may not be written, is the one before it',
  async () => {
    const url = publish(TEAM)
    await importCatalogs(url, input, PLAIN)
    const before = await state()
    const full = await tinyDisk(input.paths.dir)
    try {
      publish(`${TWO}# ${'x'.repeat(FULL)}\n`)
      const [updated] = await updateCatalogs(input, 'team')
      expect(updated).toMatchObject({outcome: 'failed', error: {code: 'FILE_DENIED'}})
      expect(await state()).toEqual(before)
      publish(TWO)
      expect(await updateCatalogs(input, 'team')).toMatchObject([{outcome: 'updated'}])
    } finally {
      await full.unmount()
    }
  },
)

describe('an update', () => {
  test('asks whether there is something new, and takes it', async () => {
    const url = publish(TEAM)
    await importCatalogs(url, input, PLAIN)
    const before = await state()
    expect(await refreshCatalogs(input)).toEqual([])
    expect(host.asked.at(-1)?.headers['if-none-match']).toBe(`"${TEAM.length}"`)
    expect(await state()).toEqual(before)
    publish(TWO)
    expect(await refreshCatalogs(input)).toEqual(['team'])
    expect((await loadCatalogs(input)).servers.get('two')?.image).toBe('team/two')
    expect(told).toEqual([])
  })

  test('of one that fails does not keep others from theirs', async () => {
    const own = join(folder, 'own.yaml')
    await writeFile(own, 'name: own\nregistry: {}\n')
    await importCatalogs(publish(TEAM), input, PLAIN)
    await importCatalogs(own, input, PLAIN)
    await writeFile(own, 'name: own\nregistry: {x: {image: own/x}}\n')
    breakHost()
    expect(await refreshCatalogs(input)).toEqual(['own'])
    expect(told).toEqual([expect.stringMatching(/^! the catalog team stays as it was: .*503$/)])
  })

  test('gets a whole one where the file is gone, though the host has nothing new', async () => {
    await importCatalogs(publish(TEAM), input, PLAIN)
    await rm(join(input.paths.catalogsDir, 'team.yaml'))
    expect(await refreshCatalogs(input)).toEqual(['team'])
  })

  const meanwhile: readonly (readonly [string, () => Promise<unknown>, readonly string[]])[] = [
    ['removed', () => removeCatalog(input, 'team'), []],
    [
      'made anew',
      async () => {
        await removeCatalog(input, 'team')
        await createCatalog(input.paths, {name: 'team', url: 'user:cli'}, [], {replace: false})
      },
      ['team'],
    ],
    [
      'changed',
      () => addServers(input.paths, 'team', [{name: 'x', entry: {image: 'x'}}], {replace: false}),
      ['team'],
    ],
  ]
  test.each(meanwhile)(
    'drops what comes for one that was %s meanwhile',
    async (_what, act, left) => {
      const url = publish(TEAM)
      await importCatalogs(url, input, PLAIN)
      let after = {}
      const actAndAnswer = async (answer: () => void) => {
        await act()
        after = await state()
        answer()
      }
      host.answer((_request, response) => void actAndAnswer(() => response.end(TWO)))
      expect(await updateCatalogs(input, 'team')).toMatchObject([
        {outcome: 'failed', error: {code: 'FILE_BUSY'}},
      ])
      expect(await state()).toEqual(after)
      expect(await namesOf()).toEqual(left)
    },
  )

  test('of one that was changed here is refused, unless it is forced', async () => {
    const url = publish(TEAM)
    await importCatalogs(url, input, PLAIN)
    await addServers(input.paths, 'team', [{name: 'x', entry: {image: 'x'}}], {replace: false})
    const before = await state()
    publish(TWO)
    expect(await updateCatalogs(input, 'team')).toMatchObject([
      {outcome: 'failed', error: {code: 'CATALOG_EXISTS'}},
    ])
    await expect(importCatalogs(url, input, PLAIN)).rejects.toThrow('team was changed here')
    const said = new Set<string>()
    expect(await refreshCatalogs(input, said)).toEqual([])
    expect(await refreshCatalogs(input, said)).toEqual([])
    expect(told).toEqual([expect.stringContaining('team was changed here')])
    expect(await state()).toEqual(before)
    expect(await updateCatalogs(input, 'team', {force: true})).toMatchObject([{outcome: 'updated'}])
    expect([...(await loadCatalogs(input)).servers.keys()]).toEqual(['fetch', 'two', 'one'])
    expect(await refreshCatalogs(input)).toEqual([])
  })

  test('of one that an older program kept sees changes that are made from now on', async () => {
    const url = publish(TEAM)
    await importCatalogs(url, input, PLAIN)
    await writeFile(input.paths.catalogIndex, JSON.stringify({catalogs: {team: {url}}}))
    publish(TWO)
    expect(await updateCatalogs(input)).toMatchObject([{outcome: 'updated'}])
    await writeFile(input.paths.catalogIndex, JSON.stringify({catalogs: {team: {url}}}))
    await addServers(input.paths, 'team', [{name: 'x', entry: {image: 'x'}}], {replace: false})
    expect(await updateCatalogs(input)).toMatchObject([{outcome: 'failed'}])
  })

  test('that would leave no server is refused, unless it is forced', async () => {
    await importCatalogs(publish(TEAM), input, PLAIN)
    const before = await state()
    publish('name: team\nregistry: {}\n')
    const [updated] = await updateCatalogs(input)
    expect(updated?.error?.message).toMatch(/has no servers any more$/)
    expect(await state()).toEqual(before)
    expect(await updateCatalogs(input, 'team', {force: true})).toMatchObject([{outcome: 'updated'}])
  })

  test('of one that came from nowhere, or is none, says so', async () => {
    await writeFile(input.paths.catalogIndex, '{"catalogs": {"mine": {"url": "user:cli"}}}')
    expect(await updateCatalogs(input)).toEqual([])
    await expect(updateCatalogs(input, 'mine')).rejects.toMatchObject({code: 'USAGE'})
    await expect(updateCatalogs(input, 'other')).rejects.toMatchObject({code: 'CATALOG_UNKNOWN'})
  })
})

describe('a catalog that is named where a gateway starts', () => {
  test('is asked for at its address, and used as it was while the host is away', async () => {
    const url = publish(TEAM)
    const load = () => loadCatalogs(input, {catalogs: [url]})
    expect((await load()).servers.get('one')?.image).toBe('team/one')
    breakHost()
    expect((await load()).servers.get('one')?.image).toBe('team/one')
    expect(told).toEqual([
      expect.stringMatching(/^! the catalog https:.*team\.yaml is used as it was last: .*503$/),
    ])
    publish('<html>', '"page"')
    expect([...(await load()).servers.keys()]).toEqual(['one'])
    publish(TWO)
    expect([...(await load()).servers.keys()]).toEqual(['two', 'one'])
    expect(await namesOf()).toEqual([])
  })

  test('is asked for once by one who keeps what it gave, and again when that is cleared', async () => {
    const url = publish(TEAM)
    const fetched = new Map()
    const load = () => loadCatalogs({...input, fetched}, {catalogs: [url]})
    expect([...(await load()).servers.keys()]).toEqual(['one'])
    publish(TWO)
    expect([...(await load()).servers.keys()]).toEqual(['one'])
    fetched.clear()
    expect([...(await load()).servers.keys()]).toEqual(['two', 'one'])
  })

  test('is another one when a file comes into its folder', async () => {
    const several = await mkdtemp(join(tmpdir(), 'catalogs-'))
    onTestFinished(() => rm(several, {recursive: true}))
    await writeFile(join(several, 'one.yaml'), TEAM)
    const reads = new ReadFiles(input.paths.stateDir)
    await reads.during(() => loadCatalogs(input, {catalogs: [several]}))
    const before = reads.prints.get(several)
    expect(before).toBe(await printOf(several))
    await writeFile(join(several, 'two.yaml'), TWO)
    expect(await printOf(several)).not.toBe(before)
  })

  test('is an error when the host is away and nothing is kept, or may not be asked', async () => {
    breakHost()
    const url = `${host.url}/never.yaml`
    await expect(loadCatalogs(input, {catalogs: [url]})).rejects.toMatchObject({
      code: 'FETCH_FAILED',
    })
    publish(TEAM)
    await loadCatalogs(input, {catalogs: [url]})
    const strict = {...input, settings: async () => ({})}
    await expect(loadCatalogs(strict, {catalogs: [url]})).rejects.toMatchObject({
      code: 'ADDRESS_REFUSED',
    })
  })

  test('may be a folder: all that is in it', async () => {
    const dir = join(folder, 'many')
    await mkdir(dir)
    await writeFile(join(dir, 'a.yaml'), TEAM)
    await writeFile(join(dir, 'b.yaml'), TEAM.replace('team/one', 'b/one'))
    const {loaded, servers} = await loadCatalogs(input, {catalogs: ['./many']})
    expect(loaded.map(({source}) => source)).toEqual([join(dir, 'a.yaml'), join(dir, 'b.yaml')])
    expect(servers.get('one')?.image).toBe('b/one')
    await mkdir(join(folder, 'empty'))
    await expect(loadCatalogs(input, {catalogs: ['./empty']})).rejects.toThrow('does not exist')
  })

  test('is never a file outside of the folder of catalogs, unless the name is a path', async () => {
    await writeFile(join(folder, 'secret.yaml'), TEAM)
    await expect(loadCatalogs(input, {catalogs: ['x/../../../secret.yaml']})).rejects.toMatchObject(
      {
        code: 'CATALOG_UNKNOWN',
      },
    )
  })
})

describe('a catalog in a registry', () => {
  test('is pushed, and pulled by somebody else', async () => {
    await importCatalogs(publish(TWO), input, PLAIN)
    const ref = `${registry.host}/org/team`
    expect(await tagCatalog('team', ref, input)).toEqual({from: 'team', to: `${ref}:latest`})
    const {digest} = await pushCatalog(ref, input)
    await rm(input.paths.dir, {recursive: true})
    expect(await pullCatalog(ref, input)).toEqual({name: `${ref}:latest`, digest, notices: []})
    expect(await savedCatalogs(input.paths)).toMatchObject([
      {name: `${ref}:latest`, displayName: 'Team', url: `oci:${ref}`, digest},
    ])
    const {servers, origins} = await loadCatalogs(input)
    expect(servers.get('two')).toMatchObject({name: 'two', image: 'team/two'})
    expect(origins.get('two')).toBe(`${ref}:latest`)
    expect([...(await loadCatalogs(input, {catalogs: [ref]})).servers.keys()]).toEqual([
      'two',
      'one',
    ])
  })

  test('is updated when the tag means something else, unless it was pulled by its digest', async () => {
    const ref = `${registry.host}/org/moving`
    await tagCatalog('docker-mcp', ref, input)
    const {digest} = await pushCatalog(ref, input)
    await pullCatalog(ref, input)
    expect(await refreshCatalogs(input)).toEqual([])
    await importCatalogs(publish(TEAM), input, PLAIN)
    await tagCatalog('team', ref, input)
    await pushCatalog(ref, input)
    await pullCatalog(`${ref}@${digest}`, input)
    expect((await loadCatalogs(input, {catalogs: [ref]})).servers.get('fetch')?.title).toBe('Fetch')
    expect(await updateCatalogs(input, ref)).toMatchObject([{outcome: 'unchanged'}])
    await pullCatalog(ref, input)
    expect([...(await loadCatalogs(input, {catalogs: [ref]})).servers.keys()]).toEqual(['one'])
  })

  test('shows the digest of what it is, also when it was changed here', async () => {
    const ref = `${registry.host}/org/edited`
    await tagCatalog('docker-mcp', ref, input)
    const {digest} = await pushCatalog(ref, input)
    await pullCatalog(ref, input)
    const shown = async () => catalogRows(await loadCatalogs(input)).at(-1)?.digest
    expect(await shown()).toBe(digest)
    await addServers(input.paths, ref, [{name: 'x', entry: {image: 'x'}}], {replace: false})
    const changed = await shown()
    expect(changed).not.toBe(digest)
    expect(await updateCatalogs(input, ref)).toMatchObject([{error: {code: 'CATALOG_EXISTS'}}])
    const file = (await loadCatalogs(input)).loaded.at(-1)?.source ?? ''
    await writeFile(file, `${await readFile(file, 'utf8')}# by hand\n`)
    expect(await shown()).not.toBe(changed)
    expect(await updateCatalogs(input, ref, {force: true})).toMatchObject([{outcome: 'updated'}])
    expect(await shown()).toBe(digest)
  })

  test('takes the place of references only', async () => {
    await createCatalog(input.paths, {name: 'mine'}, [], {replace: false})
    await createCatalog(input.paths, {name: 'precious'}, [], {replace: false})
    const before = await state()
    await expect(tagCatalog('mine', 'precious', input)).rejects.toMatchObject({
      code: 'CATALOG_EXISTS',
    })
    for (const name of ['mine', 'docker-mcp', `mine@sha256:${'a'.repeat(64)}`]) {
      await expect(pullCatalog(name, input)).rejects.toMatchObject({code: 'USAGE'})
    }
    expect(await state()).toEqual(before)
    await tagCatalog('mine', 'other', input)
    expect(await namesOf()).toEqual(['mine', 'precious', 'other'])
  })

  test('is not pushed under a plain name, with a wrong server, or when there is none', async () => {
    await importCatalogs(publish(`${TEAM}  bad: {command: 5}\n`), input, PLAIN)
    const ref = `${registry.host}/org/bad`
    await tagCatalog('team', ref, input)
    await expect(pushCatalog(ref, input)).rejects.toThrow('since it is not whole: server bad')
    await expect(pushCatalog('team', input)).rejects.toThrow('in which registry')
    await expect(pushCatalog(`${registry.host}/org/none`, input)).rejects.toThrow(
      'there is no catalog',
    )
    await expect(tagCatalog('none', ref, input)).rejects.toThrow('there is no catalog "none"')
    await expect(tagCatalog('team', 'docker-mcp', input)).rejects.toThrow('part of the program')
  })

  test('that is none leaves the one before it byte for byte', async () => {
    const ref = `${registry.host}/org/broken`
    await tagCatalog('docker-mcp', ref, input)
    const before = await state()
    const config = await registry.putBlob('org/broken', Buffer.from('{}'))
    const layer = await registry.putBlob('org/broken', Buffer.from('[]'))
    await registry.putManifest('org/broken', 'latest', {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      artifactType: 'application/vnd.docker.mcp.catalog.v1+json',
      config: {mediaType: 'application/vnd.oci.empty.v1+json', ...config},
      layers: [{mediaType: 'application/json', ...layer}],
    })
    await expect(pullCatalog(ref, input)).rejects.toThrow('not a JSON object')
    expect(await state()).toEqual(before)
  })
})

describe('a catalog as an artefact', () => {
  const text = fc.string({minLength: 1, maxLength: 8})
  const entry = fc.record(
    {
      image: text,
      description: text,
      command: fc.array(text),
      config: fc.array(fc.record({name: text, properties: fc.dictionary(text, fc.constant({}))})),
      'x-own': fc.dictionary(text, text),
    },
    {requiredKeys: []},
  )
  const servers = fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/), entry)

  test('is the same catalog again, unknown keys included', () => {
    fc.assert(
      fc.property(servers, text, (entries, displayName) => {
        const plain = JSON.parse(JSON.stringify(entries)) as JsonObject
        const {document, leftOut} = fromArtifact(
          toArtifact({displayName, registry: plain}),
          'a/b:c',
        )
        expect(document).toEqual({version: 3, name: 'a/b:c', displayName, registry: plain})
        expect(leftOut).toEqual([])
      }),
    )
  })

  test('is an error or a catalog, whatever the registry gives', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), given => {
        expect(['catalog', 'CATALOG_INVALID']).toContain(outcomeOf(given))
      }),
    )
  })

  test('leaves out what has no name, and what has a name for the second time', () => {
    const server = {name: 'a', image: 'x'}
    const elements = [{snapshot: {server}}, {type: 'image', image: 'y'}, {snapshot: {server}}, 5]
    expect(fromArtifact(JSON.stringify({title: 'T', servers: elements}), 'c')).toEqual({
      document: {version: 3, name: 'c', displayName: 'T', registry: {a: {image: 'x'}}},
      leftOut: [
        'server 2 of c has no name',
        'c has the server a twice',
        'server 4 of c has no name',
      ],
    })
  })
})

describe('a source', () => {
  test.each(['https://example.test/c.yaml', 'oci:org/team:1', '/abs/file.yaml'])(
    'that is %s is the same when it is read again',
    text => {
      const source = sourceOf(text, '/home')
      expect(savedSource({url: savedUrl(source), digest: 'sha256:…'})).toEqual(source)
    },
  )

  test.each([{}, {url: 'user:cli'}, {url: 'oci:org/team:1'}, {url: 'legacy-catalog:/x'}])(
    'that was made here is none: %o',
    saved => {
      expect(savedSource(saved)).toBeUndefined()
    },
  )
})

function outcomeOf(given: string): string {
  try {
    const {document} = fromArtifact(given, 'x')
    return isJsonObject(document['registry']) ? 'catalog' : 'no registry'
  } catch (error) {
    return error instanceof PluginError ? error.code : String(error)
  }
}
