import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {describe, expect, onTestFinished, test} from 'vitest'
import {statePaths, type StatePaths} from '../../../src/lib/files/paths.ts'
import {readProfile} from '../../../src/lib/profile/legacy.ts'

async function stateWith(files: Readonly<Record<string, string>>): Promise<StatePaths> {
  const home = await mkdtemp(join(tmpdir(), 'profile-'))
  onTestFinished(() => rm(home, {recursive: true, force: true}))
  const paths = statePaths({configFlag: home, env: {}})
  await mkdir(paths.dir)
  await Promise.all(
    Object.entries(files).map(([name, text]) => writeFile(join(paths.dir, name), text)),
  )
  return paths
}

describe('readProfile', () => {
  test('is empty when there are no files', async () => {
    const profile = await readProfile(await stateWith({}), {})
    expect(profile).toEqual({
      enabled: [],
      config: new Map(),
      tools: new Map(),
      entries: new Map(),
      id: 'default',
      problems: [],
      notices: [],
    })
  })

  test('reads the three default files', async () => {
    const paths = await stateWith({
      'registry.yaml':
        'registry:\n  zoo:\n    ref: ""\n  duckduckgo: {ref: "", config: {}}\n  a:\n',
      'config.yaml': 'grafana: {url: https://x, deep: {n: 1}}\nempty:\n',
      'tools.yaml': 'github: [create_issue, "get"]\nnone: []\nnull_is_none:\n',
    })
    expect(await readProfile(paths, {})).toEqual({
      entries: new Map(),
      id: 'default',
      problems: [],
      notices: [],
      enabled: ['zoo', 'duckduckgo', 'a'],
      config: new Map([
        ['grafana', {url: 'https://x', deep: {n: 1}}],
        ['empty', {}],
      ]),
      tools: new Map([
        ['github', ['create_issue', 'get']],
        ['none', []],
        ['null_is_none', []],
      ]),
    })
  })

  test.each(['', '# nothing\n', 'registry:\n', 'registry: {}\n', 'other: 1\n'])(
    'has nothing on for the registry file %j',
    async text => {
      const paths = await stateWith({'registry.yaml': text})
      expect((await readProfile(paths, {})).enabled).toEqual([])
    },
  )

  test('reads the named files in order, and a later one wins per server', async () => {
    const paths = await stateWith({
      'registry.yaml': 'registry: {default: {}}',
      'one.yaml': 'registry: {a: {}, b: {}}',
      'conf1.yaml': 'a: {x: 1, y: 1}\nb: {x: 1}',
    })
    const cwd = await mkdtemp(join(tmpdir(), 'profile-cwd-'))
    onTestFinished(() => rm(cwd, {recursive: true}))
    await writeFile(join(cwd, 'two.yaml'), 'registry: {c: {}, a: {}}')
    await writeFile(join(cwd, 'conf2.yaml'), 'a: {x: 2}')
    const profile = await readProfile(paths, {
      cwd,
      registry: ['one.yaml', './two.yaml'],
      config: ['conf1.yaml', join(cwd, 'conf2.yaml')],
    })
    expect(profile.enabled).toEqual(['a', 'b', 'c'])
    expect([...profile.config]).toEqual([
      ['a', {x: 2}],
      ['b', {x: 1}],
    ])
  })

  test('refuses a named file that does not exist', async () => {
    const paths = await stateWith({})
    await expect(readProfile(paths, {registry: ['other.yaml']})).rejects.toMatchObject({
      code: 'FILE_MISSING',
      message: `${join(paths.dir, 'other.yaml')} does not exist`,
    })
    expect(await readProfile(paths, {registry: ['registry.yaml']})).toMatchObject({enabled: []})
    await expect(readProfile(paths, {tools: ['../t.yaml'], cwd: '/a/b'})).rejects.toMatchObject({
      message: '/a/t.yaml does not exist',
    })
  })

  test.each([
    ['registry.yaml', 'registry:\n  a: [\n', '3:1'],
    ['registry.yaml', 'x: 1\nregistry: [a]\n', '2:1: “registry” is not a map of servers'],
    ['registry.yaml', 'registry:\n  a: {}\n  b: on\n', '3:3: “b” is not a map of values'],
    ['config.yaml', '# c\na: {}\nb: 1\n', '3:1: “b” is not a map of values'],
    ['config.yaml', '- a\n', '1:1: the top is not a map of keys'],
    ['tools.yaml', 'a: [x]\nb: x\n', '2:1: “b” is not a list of tool names'],
    ['tools.yaml', 'a: [1]\n', '1:1: “a” is not a list of tool names'],
  ])('refuses %s when it is %j, with the place', async (name, text, place) => {
    const paths = await stateWith({[name]: text})
    await expect(readProfile(paths, {})).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: expect.stringContaining(`${join(paths.dir, name)}:${place}`),
    })
  })

  test('keeps names that JavaScript knows as names', async () => {
    const paths = await stateWith({
      'registry.yaml': 'registry: {__proto__: {}, constructor: {}}',
      'config.yaml': '__proto__: {x: 1}',
    })
    const profile = await readProfile(paths, {})
    expect(profile.enabled).toEqual(['__proto__', 'constructor'])
    expect(profile.config.get('__proto__')).toEqual({x: 1})
  })
})
