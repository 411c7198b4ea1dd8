import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import * as fc from 'fast-check'
import {describe, expect, onTestFinished, test} from 'vitest'
import {statePaths, type StatePaths} from '../../../src/lib/files/paths.ts'
import {disableServers, enableServers, resetServers} from '../../../src/lib/profile/legacy-edit.ts'
import {readProfile} from '../../../src/lib/profile/legacy.ts'

async function stateWith(registry?: string): Promise<StatePaths> {
  const home = await mkdtemp(join(tmpdir(), 'profile-'))
  onTestFinished(() => rm(home, {recursive: true, force: true}))
  const paths = statePaths({configFlag: home, env: {}})
  if (registry !== undefined) {
    await mkdir(paths.dir)
    await writeFile(paths.registry, registry)
  }
  return paths
}

const registryOf = (paths: StatePaths) => readFile(paths.registry, 'utf8')

const COMMENTED = `# my servers
registry:
  a: {ref: "x"}   # keep
  # about b
  b:
    ref: ''
extra: [1,  2]
`

describe('enableServers', () => {
  test('writes the first file as docker does', async () => {
    const paths = await stateWith()
    expect(await enableServers(paths, ['duckduckgo', 'time'])).toEqual({
      enabled: ['duckduckgo', 'time'],
      already: [],
    })
    expect(await registryOf(paths)).toBe(
      'registry:\n  duckduckgo:\n    ref: ""\n  time:\n    ref: ""\n',
    )
    expect((await stat(paths.registry)).mode & 0o777).toBe(0o644)
    expect(await readdir(paths.dir)).toEqual(['registry.yaml'])
  })

  test('says which ones were on already and leaves the rest of the file', async () => {
    const paths = await stateWith(COMMENTED)
    expect(await enableServers(paths, ['c', 'b', 'c'])).toEqual({enabled: ['c'], already: ['b']})
    expect(await registryOf(paths)).toBe(COMMENTED.replace('extra', '  c:\n    ref: ""\nextra'))
  })

  test('does not touch the file when all are on', async () => {
    const paths = await stateWith(COMMENTED)
    const before = await stat(paths.registry, {bigint: true})
    await enableServers(paths, ['a'])
    const after = await stat(paths.registry, {bigint: true})
    expect([after.ino, after.mtimeNs]).toEqual([before.ino, before.mtimeNs])
  })

  test.each([
    ['registry:\n  a: "x\n', /registry\.yaml:3:1: /],
    ['registry:\n  a: {}\n  a: {}\n', /registry\.yaml:3:3: Map keys must be unique/],
    ['registry: on\n', /registry\.yaml:1:1: “registry” is not a map of servers/],
    ['registry: &r {}\nz: *r\n', /registry\.yaml: cannot change registry\.new in place/],
  ])('refuses a file it cannot change and leaves it: %j', async (text, message) => {
    const paths = await stateWith(text)
    await expect(enableServers(paths, ['new'])).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: expect.stringMatching(message),
    })
    expect(await registryOf(paths)).toBe(text)
    expect(await readdir(paths.dir)).toEqual(['registry.yaml'])
  })

  test.each([2, 10])('loses nothing of %i processes at the same moment', async count => {
    const paths = await stateWith('# kept\n')
    const names = Array.from({length: count}, (_, i) => `server-${i}`)
    const script = fileURLToPath(new URL('../../fixtures/enable-servers.ts', import.meta.url))
    const children = names.map(name =>
      spawn(process.execPath, [script, paths.dockerConfigDir, name], {
        stdio: ['pipe', 'pipe', 'inherit'],
      }),
    )
    onTestFinished(() => {
      for (const child of children) child.kill('SIGKILL')
    })
    const codes = children.map(child => once(child, 'exit'))
    await Promise.all(children.map(child => once(child.stdout, 'data')))
    for (const child of children) child.stdin.write('go\n')
    expect(await Promise.all(codes)).toEqual(names.map(() => [0, null]))
    expect((await readProfile(paths, {})).enabled.toSorted()).toEqual(names.toSorted())
    expect(await registryOf(paths)).toMatch(/^# kept\nregistry:\n/)
    expect(await readdir(paths.dir)).toEqual(['registry.yaml'])
  })

  test('is undone by disableServers, whatever the names', async () => {
    const paths = await stateWith(COMMENTED)
    const name = fc.string({minLength: 1, maxLength: 20}).filter(text => text !== '<<')
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(name, {minLength: 1, maxLength: 4}), async names => {
        fc.pre(!names.includes('a') && !names.includes('b'))
        await enableServers(paths, names)
        expect((await readProfile(paths, {})).enabled).toEqual(expect.arrayContaining(names))
        await disableServers(paths, names)
        expect(await registryOf(paths)).toBe(COMMENTED)
      }),
      {numRuns: 30},
    )
  })
})

describe('disableServers', () => {
  test('says which ones were not on and leaves the rest of the file', async () => {
    const paths = await stateWith(COMMENTED)
    expect(await disableServers(paths, ['b', 'nope', 'b'])).toEqual({
      disabled: ['b'],
      notEnabled: ['nope'],
    })
    expect(await registryOf(paths)).toBe(COMMENTED.replace("  b:\n    ref: ''\n", ''))
  })

  test('leaves an empty map behind the last one', async () => {
    const paths = await stateWith('registry:\n  a:\n    ref: ""\n')
    await disableServers(paths, ['a'])
    expect(await registryOf(paths)).toBe('registry: {}\n')
    await enableServers(paths, ['b'])
    expect(await registryOf(paths)).toBe('registry:\n  b:\n    ref: ""\n')
  })

  test('writes no file when there is none', async () => {
    const paths = await stateWith()
    expect(await disableServers(paths, ['a'])).toEqual({disabled: [], notEnabled: ['a']})
    expect(await readdir(paths.dir)).toEqual([])
  })

  test('refuses a malformed file and leaves it', async () => {
    const paths = await stateWith('registry: [\n')
    await expect(disableServers(paths, ['a'])).rejects.toMatchObject({code: 'FILE_INVALID'})
    expect(await registryOf(paths)).toBe('registry: [\n')
  })
})

describe('resetServers', () => {
  test('turns all off and keeps what else is there', async () => {
    const paths = await stateWith(COMMENTED)
    expect(await resetServers(paths)).toEqual(['a', 'b'])
    expect(await registryOf(paths)).toBe('# my servers\nregistry: {}\nextra: [1,  2]\n')
    expect(await resetServers(paths)).toEqual([])
  })
})
