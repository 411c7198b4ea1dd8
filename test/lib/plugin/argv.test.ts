import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {readInvocation, spellBooleans} from '../../../src/lib/plugin/argv.ts'
import type {DockerGlobals} from '../../../src/lib/plugin/argv.ts'

const NONE: DockerGlobals = {hosts: [], debug: false, tls: false}

const globalRows: [string[], Partial<DockerGlobals>][] = [
  [[], {}],
  [['--config', '/x'], {config: '/x'}],
  [['--config=/x'], {config: '/x'}],
  [['--config='], {config: ''}],
  [['--config', '--debug'], {config: '--debug'}],
  [['-c', 'ctx'], {context: 'ctx'}],
  [['-c=ctx'], {context: 'ctx'}],
  [['-cctx'], {context: 'ctx'}],
  [['-c='], {context: '='}],
  [['-c', ''], {context: ''}],
  [['--context', 'mcp'], {context: 'mcp'}],
  [['--context', 'a', '--context=b'], {context: 'b'}],
  [['-H', 'unix:///x', '-Hunix:///y', '--host=z'], {hosts: ['unix:///x', 'unix:///y', 'z']}],
  [['-H', ''], {hosts: ['']}],
  [['-D'], {debug: true}],
  [['-D=true'], {debug: true}],
  [['-D=0'], {debug: false}],
  [['-DD'], {debug: true}],
  [['--debug=T'], {debug: true}],
  [['--debug=true', '--debug=false'], {debug: false}],
  [['-Dc', 'ctx'], {debug: true, context: 'ctx'}],
  [['-DHunix:///x'], {debug: true, hosts: ['unix:///x']}],
  [['-l', 'debug'], {logLevel: 'debug'}],
  [['--log-level=info'], {logLevel: 'info'}],
  [['--tls'], {tls: true}],
  [['--tls=false'], {tls: false}],
  [['--tlsverify'], {tlsVerify: true}],
  [['--tlsverify=false'], {tlsVerify: false}],
  [
    ['--tlscacert', '/ca', '--tlscert=/cert', '--tlskey', '/key'],
    {tlsCaCert: '/ca', tlsCert: '/cert', tlsKey: '/key'},
  ],
]

describe('readInvocation: docker global flags', () => {
  test.each(globalRows)('%j in front of mcp', (flags, expected) => {
    const {globals, argv} = readInvocation([...flags, 'mcp', 'server', 'ls', '-c', 'x'], {})
    expect(globals).toEqual({...NONE, ...expected})
    expect(argv).toEqual(['server', 'ls', '-c', 'x'])
  })

  test.each(globalRows)('%j in front of the words, without mcp', (flags, expected) => {
    const {globals, argv} = readInvocation([...flags, 'server', 'ls'], {})
    expect(globals).toEqual({...NONE, ...expected})
    expect(argv).toEqual(['server', 'ls'])
  })

  test('DOCKER_TLS turns TLS on and --tls=false takes it back', () => {
    expect(readInvocation(['mcp'], {DOCKER_TLS: '0'}).globals.tls).toBe(true)
    expect(readInvocation(['mcp'], {DOCKER_TLS: ''}).globals.tls).toBe(false)
    expect(readInvocation(['--tls=false', 'mcp'], {DOCKER_TLS: '1'}).globals.tls).toBe(false)
  })

  test.each(['--config', '-c', '--context', '-H', '-DH', '--log-level', '-l', '--tlskey'])(
    'refuses %s without a value',
    flag => {
      const name = flag === '-DH' ? '-H' : flag
      expect(() => readInvocation([flag], {})).toThrow(
        expect.objectContaining({code: 'USAGE', message: expect.stringContaining(`${name} `)}),
      )
    },
  )

  test.each(['--debug=maybe', '--tls=', '-D=', '-D=x', '--tlsverify=yes'])('refuses %s', word => {
    expect(() => readInvocation([word, 'mcp'], {})).toThrow(
      expect.objectContaining({code: 'USAGE', message: expect.stringContaining(word)}),
    )
  })
})

describe('readInvocation: our words', () => {
  test.each<[string[], string[]]>([
    [[], []],
    [['mcp'], []],
    [['mcp', 'mcp'], ['mcp']],
    [
      ['mcp', '--config', 'x'],
      ['--config', 'x'],
    ],
    [
      ['mcp', '--', 'b'],
      ['--', 'b'],
    ],
    [['--', 'mcp', 'server'], ['server']],
    [['-D', '--', 'server'], ['server']],
    [
      ['server', '-D', 'mcp'],
      ['server', '-D', 'mcp'],
    ],
    [['-v'], ['-v']],
    [['--version'], ['--version']],
    [['-Dv'], ['-v']],
    [['-'], ['-']],
    [['--help'], ['--help']],
    [
      ['--unknown', 'mcp'],
      ['--unknown', 'mcp'],
    ],
    [
      ['--constructor', 'mcp'],
      ['--constructor', 'mcp'],
    ],
    [['help'], ['--help']],
    [['help', 'mcp'], ['--help']],
    [['--help', 'mcp'], ['--help']],
    [
      ['help', 'mcp', 'server', 'ls'],
      ['server', 'ls', '--help'],
    ],
    [
      ['-D', 'help', 'mcp', 'server'],
      ['server', '--help'],
    ],
    [
      ['mcp', 'help', 'server'],
      ['server', '--help'],
    ],
    [
      ['help', 'server'],
      ['server', '--help'],
    ],
    [
      ['mcp', 'server', 'help'],
      ['server', 'help'],
    ],
    [
      ['__complete', 'mcp', 's'],
      ['__complete', 'mcp', 's'],
    ],
  ])('%j is %j', (argv, own) => {
    expect(readInvocation(argv, {}).argv).toEqual(own)
  })

  test('everything after mcp comes through as typed', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string()).filter(words => words[0] !== 'help'),
        words => {
          expect(readInvocation(['-D', 'mcp', ...words], {}).argv).toEqual(words)
        },
      ),
    )
  })
})

describe('spellBooleans', () => {
  const booleans = new Set(['watch', 'log-calls'])

  test.each<[string, string]>([
    ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((value): [string, string] => [
      `--watch=${value}`,
      '--watch',
    ]),
    ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((value): [string, string] => [
      `--log-calls=${value}`,
      '--no-log-calls',
    ]),
    ['--watch', '--watch'],
    ['--no-watch', '--no-watch'],
    ['--format=true', '--format=true'],
    ['watch=true', 'watch=true'],
    ['-watch=true', '-watch=true'],
    ['--', '--'],
    ['', ''],
  ])('%j becomes %j', (word, spelled) => {
    expect(spellBooleans(['gateway', word, 'x'], booleans)).toEqual(['gateway', spelled, 'x'])
  })

  test('leaves what follows a bare -- alone', () => {
    expect(spellBooleans(['--watch=1', '--', '--watch=1', '--', '--watch=no'], booleans)).toEqual([
      '--watch',
      '--',
      '--watch=1',
      '--',
      '--watch=no',
    ])
  })

  test.each(['--watch=maybe', '--watch=', '--watch=tRUE', '--watch= true', '--watch=true=1'])(
    'refuses %j by its name',
    word => {
      expect(() => spellBooleans([word], booleans)).toThrow(
        expect.objectContaining({
          code: 'USAGE',
          message: expect.stringContaining(word),
          hint: expect.stringContaining('--watch=true'),
        }),
      )
    },
  )

  test('changes nothing when no flag is named, and nothing twice', () => {
    const word = fc.oneof(
      fc.string(),
      fc.constantFrom('--watch', '--watch=0', '--log-calls=t', '--', 'mcp'),
    )
    fc.assert(
      fc.property(fc.array(word), words => {
        expect(spellBooleans(words, new Set())).toEqual(words)
        const once = spellBooleans(words, booleans)
        expect(spellBooleans(once, booleans)).toEqual(once)
        expect(once).toHaveLength(words.length)
      }),
    )
  })
})
