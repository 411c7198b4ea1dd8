import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {complete, readCompletion, withoutDescriptions} from '../../../src/lib/plugin/complete.ts'
import type {
  ArgShape,
  CommandShape,
  FlagShape,
  ValueSource,
} from '../../../src/lib/plugin/complete.ts'

const flag = (name: string, more: Partial<FlagShape> = {}): FlagShape => ({
  name,
  summary: `the ${name}`,
  boolean: false,
  multiple: false,
  hidden: false,
  ...more,
})

const arg = (name: string, values?: string, multiple = false): ArgShape => ({
  name,
  values,
  multiple,
})

const command = (id: string, more: Partial<CommandShape> = {}): CommandShape => ({
  id,
  aliases: [],
  summary: `does ${id}`,
  hidden: false,
  flags: [],
  args: [],
  ...more,
})

const format = flag('format', {options: ['human', 'json', 'yaml']})

const TREE: CommandShape[] = [
  command('version'),
  command('secret-door', {hidden: true, aliases: ['backdoor'], args: [arg('x', 'server')]}),
  command('server:ls', {aliases: ['server:list'], flags: [format]}),
  command('server:enable', {
    flags: [
      flag('quiet', {char: 'q', boolean: true}),
      flag('profile', {char: 'p', values: 'profile'}),
      flag('tag', {multiple: true, options: ['red', 'green']}),
      flag('note'),
      flag('secret-flag', {hidden: true, options: ['psst']}),
    ],
    args: [arg('servers', 'server', true)],
  }),
  command('catalog:server:add', {args: [arg('catalog', 'catalog'), arg('server', 'server')]}),
  command('profile', {summary: 'shows the profile', args: [arg('id', 'profile')]}),
  command('profile:rm'),
  command('profile:import', {args: [arg('file', 'file')], flags: [flag('log', {values: 'file'})]}),
]

const NAMES: Record<string, string[]> = {
  server: ['time', 'github', 'gitlab', 'default'],
  catalog: ['default', 'team'],
  profile: ['default', 'work'],
}

const values: ValueSource = async kind =>
  (NAMES[kind] ?? []).map(value => ({value, description: `${kind} ${value}`}))

const rejects: ValueSource = () => Promise.reject(new Error('no engine'))

const throws: ValueSource = () => {
  throw new Error('no engine')
}

const hostile: ValueSource = async () => [
  {value: 'two\nlines'},
  {value: 'tab\there'},
  {value: '\u001b[2J'},
  {value: 'right\u202eleft'},
  {value: 'good', description: ' a\tb\u001b[31m c\r\nsecond line'},
  {value: 'plain', description: '\n'},
]

/** The values alone, and the directive. */
const ask = async (...words: string[]) =>
  withoutDescriptions(await complete(TREE, words, values)).join(' ')

describe('complete', () => {
  test.each<[string[], string]>([
    // topics, commands, aliases
    [[''], 'catalog profile server version :4'],
    [[], 'catalog profile server version :4'],
    [['s'], 'server :4'],
    [['secret-d'], ':4'],
    [['zzz'], ':4'],
    [['zzz', ''], ':4'],
    [['server', ''], 'enable list ls :4'],
    [['server', 'l'], 'list ls :4'],
    [['server', 'zzz', ''], ':4'],
    [['catalog', 'server', ''], 'add :4'],
    [['profile', ''], 'import rm default work :4'],
    [['version', ''], ':4'],
    // flags
    [['server', 'ls', ''], ':4'],
    [['server', 'ls', '-'], '--format :4'],
    [['server', 'list', '--f'], '--format :4'],
    [['server', '-'], ':4'],
    [['server', 'enable', '-'], '--quiet -q --profile -p --tag --note :4'],
    [['server', 'enable', '--q'], '--quiet :4'],
    [['server', 'enable', '-q', '--'], '--profile --tag --note :4'],
    [['server', 'enable', '--no-quiet', '--'], '--profile --tag --note :4'],
    [['server', 'enable', '-qp', 'x', '--'], '--tag --note :4'],
    [['server', 'enable', '-qpx', '--'], '--tag --note :4'],
    [['server', 'enable', '-p=x', '--'], '--quiet --tag --note :4'],
    [['server', 'enable', '--tag=red', '--ta'], '--tag :4'],
    [['server', 'enable', '--unknown', '-z', '--ta'], '--tag :4'],
    // flag values
    [['server', 'ls', '--format', ''], 'human json yaml :4'],
    [['server', 'ls', '--format', 'j'], 'json :4'],
    [['server', 'ls', '--format=j'], 'json :4'],
    [['server', 'ls', '--format='], 'human json yaml :4'],
    [['server', 'ls', '--unknown='], ':4'],
    [['server', 'enable', '--quiet='], 'true false :4'],
    [['server', 'enable', '--profile', 'w'], 'work :4'],
    [['server', 'enable', '-p', ''], 'default work :4'],
    [['server', 'enable', '-qp', ''], 'default work :4'],
    [['server', 'enable', '--note', ''], ':4'],
    [['server', 'enable', '--secret-flag', ''], 'psst :4'],
    [['server', 'enable', '--tag', 'red', '--tag', ''], 'green :4'],
    [['server', 'enable', '--tag', 'red', '--tag='], 'green :4'],
    // positionals
    [['server', 'enable', ''], 'time github gitlab default :4'],
    [['server', 'enable', 'gi'], 'github gitlab :4'],
    [['server', 'enable', 'github', 'gi'], 'gitlab :4'],
    [['server', 'enable', '-p', 'github', 'gith'], 'github :4'],
    [['server', 'enable', 'a', 'b', 'c', 't'], 'time :4'],
    [['server', 'enable', '--', '-'], ':4'],
    [['server', 'enable', '--', '--tag', 't'], 'time :4'],
    [['server', 'enable', '-', 't'], 'time :4'],
    [['catalog', 'server', 'add', ''], 'default team :4'],
    [['catalog', 'server', 'add', 'default', 'd'], 'default :4'],
    [['catalog', 'server', 'add', 'default', 'time', ''], ':4'],
    [['secret-door', ''], 'time github gitlab default :4'],
    [['backdoor', ''], 'time github gitlab default :4'],
    // files
    [['profile', 'import', ''], ':0'],
    [['profile', 'import', './x'], ':0'],
    [['profile', 'import', '--log', ''], ':0'],
    [['profile', 'import', '--log=./'], ':0'],
  ])('%j offers %s', async (words, expected) => {
    expect(await ask(...words)).toBe(expected)
  })

  test('puts a description after a tab where there is one', async () => {
    expect(await complete(TREE, ['p'], values)).toEqual(['profile\tshows the profile', ':4'])
    expect(await complete(TREE, ['s'], values)).toEqual(['server', ':4'])
    expect(await complete(TREE, ['server', 'enable', '--n'], values)).toEqual([
      '--note\tthe note',
      ':4',
    ])
    expect(await complete(TREE, ['server', 'enable', 't'], values)).toEqual([
      'time\tserver time',
      ':4',
    ])
  })

  test('asks the source for the kind and the part that was typed', async () => {
    const asked: string[][] = []
    const source: ValueSource = async (kind, prefix) => {
      asked.push([kind, prefix])
      return []
    }
    await complete(TREE, ['server', 'enable', 'gi'], source)
    await complete(TREE, ['server', 'enable', '--profile=wo'], source)
    await complete(TREE, ['profile', 'import', 'x'], source)
    expect(asked).toEqual([
      ['server', 'gi'],
      ['profile', 'wo'],
    ])
  })

  test('a source that fails gives no values and no error', async () => {
    expect(await complete(TREE, ['server', 'enable', ''], rejects)).toEqual([':4'])
    expect(withoutDescriptions(await complete(TREE, ['profile', ''], throws))).toEqual([
      'import',
      'rm',
      ':4',
    ])
  })

  test('keeps control characters of names and descriptions from the terminal', async () => {
    expect(await complete(TREE, ['server', 'enable', ''], hostile)).toEqual([
      'good\ta b [31m c',
      'plain',
      ':4',
    ])
  })

  test('answers any line with whole lines and one directive, the last', async () => {
    const word = fc.oneof(
      fc.string(),
      fc.constantFrom('server', 'enable', 'ls', 'profile', '--tag', '--', '-p', '-qp', '--format='),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(word), fc.string(), async (words, value) => {
        const lines = await complete(TREE, words, async () => [{value, description: value}])
        expect(lines.at(-1)).toMatch(/^:[04]$/u)
        expect(lines.join('')).not.toContain('\n')
        for (const text of lines) expect(text.split('\t').length).toBeLessThan(3)
      }),
    )
  })
})

describe('readCompletion', () => {
  test.each([
    [['__complete', 'mcp', 's'], {words: ['s'], descriptions: true}],
    [['__complete', 'mcp', ''], {words: [''], descriptions: true}],
    [['__completeNoDesc', 'mcp', 'server', ''], {words: ['server', ''], descriptions: false}],
    [['__complete', 'server', ''], {words: ['server', ''], descriptions: true}],
    [['__complete', 'mcp'], {words: ['mcp'], descriptions: true}],
    [['__complete'], {words: [], descriptions: true}],
    [['server', '__complete'], undefined],
    [[], undefined],
  ])('%j', (argv, expected) => {
    expect(readCompletion(argv)).toEqual(expected)
  })
})

describe('withoutDescriptions', () => {
  test('keeps values and the directive', () => {
    expect(withoutDescriptions(['a\tb c', 'd', ':4'])).toEqual(['a', 'd', ':4'])
  })
})
