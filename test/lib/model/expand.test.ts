import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {expandSecrets, secretsInCommand} from '../../../src/lib/model/expand.ts'

const TOKEN = {name: 'x.token', env: 'TOKEN', required: true}
const SECRETS = new Map([['TOKEN', 'abc']])

function expandEnv(value: string, secrets: ReadonlyMap<string, string> = SECRETS) {
  const env = [{name: 'V', value, expand: true}]
  return Object.fromEntries(expandSecrets({secrets: [TOKEN], env, command: []}, secrets).env)['V']
}

describe('expandSecrets', () => {
  const table: readonly (readonly [string, string | undefined])[] = [
    ['$TOKEN', 'abc'],
    ['${TOKEN}', 'abc'],
    ['Bearer $TOKEN!', 'Bearer abc!'],
    ['$TOKENS', undefined],
    ['${TOKEN}S', 'abcS'],
    ['$HOME', undefined],
    ['$PATH:/x', ':/x'],
    ['price: $5', 'price: $5'],
    ['$', '$'],
    ['${}', '${}'],
    ['${TOKEN', '${TOKEN'],
    ['{"Authorization": "Bearer $TOKEN"}', '{"Authorization": "Bearer abc"}'],
    ['', undefined],
  ]
  for (const [value, expected] of table) {
    test(`expands ${JSON.stringify(value)} to ${JSON.stringify(expected)}`, () => {
      expect(expandEnv(value)).toBe(expected)
    })
  }

  test('gives the secrets first, then the entries, which see the ones before them', () => {
    const env = [
      {name: 'FIRST', value: 'a-$TOKEN', expand: true},
      {name: 'SECOND', value: '$FIRST-b-$THIRD', expand: true},
      {name: 'THIRD', value: 'c', expand: true},
    ]
    expect(expandSecrets({secrets: [TOKEN], env, command: []}, SECRETS).env).toEqual([
      ['TOKEN', 'abc'],
      ['FIRST', 'a-abc'],
      ['SECOND', 'a-abc-b-'],
      ['THIRD', 'c'],
    ])
  })

  test('leaves alone what came from the configuration', () => {
    const env = [{name: 'V', value: '$TOKEN', expand: false}]
    expect(expandSecrets({secrets: [TOKEN], env, command: []}, SECRETS).env).toEqual([
      ['TOKEN', 'abc'],
      ['V', '$TOKEN'],
    ])
  })

  test('expands arguments and keeps empty ones', () => {
    const spec = {secrets: [TOKEN], env: [], command: ['--key', '$TOKEN', '', '$NONE']}
    expect(expandSecrets(spec, SECRETS).command).toEqual(['--key', 'abc', '', ''])
  })

  test('ignores secrets that the server does not declare', () => {
    const spec = {secrets: [], env: [], command: ['$TOKEN']}
    expect(expandSecrets(spec, SECRETS)).toEqual({env: [], command: [''], files: []})
  })

  test('names each variable once; the later entry wins', () => {
    const env = [{name: 'TOKEN', value: 'other', expand: true}]
    expect(expandSecrets({secrets: [TOKEN], env, command: []}, SECRETS).env).toEqual([
      ['TOKEN', 'other'],
    ])
  })

  test('does not expand a secret that looks like a reference', () => {
    fc.assert(
      fc.property(fc.string({minLength: 1}), secret => {
        const value = `${secret}$TOKEN$&$1`
        expect(expandEnv('<$TOKEN>', new Map([['TOKEN', value]]))).toBe(`<${value}>`)
      }),
    )
  })
})

describe('expandSecrets, of secrets that are files', () => {
  const file = {name: 'x.key', env: 'KEY', required: true, file: 'key.pem'}
  const values = new Map([
    ['TOKEN', 'abc'],
    ['KEY', 'very secret'],
    ['DB_FILE', 'in a file'],
  ])

  test('gives the file its value, and the environment only where it is', () => {
    const custom = {name: 'x.db', env: 'DB_FILE', required: true, file: 'DB'}
    const spec = {secrets: [TOKEN, file, custom], env: [], command: ['$KEY', '$KEY_FILE']}
    expect(expandSecrets(spec, values)).toEqual({
      env: [
        ['TOKEN', 'abc'],
        ['KEY_FILE', '/run/secrets/key.pem'],
        ['DB_FILE', '/run/secrets/DB'],
      ],
      command: ['', '/run/secrets/key.pem'],
      files: [
        ['/run/secrets/key.pem', 'very secret'],
        ['/run/secrets/DB', 'in a file'],
      ],
    })
  })

  test('lets an entry put the path under another name, or replace it', () => {
    const env = [
      {name: 'KEY_PATH', value: '$KEY_FILE', expand: true},
      {name: 'KEY_FILE', value: '/etc/key', expand: true},
    ]
    expect(expandSecrets({secrets: [file], env, command: []}, values).env).toEqual([
      ['KEY_FILE', '/etc/key'],
      ['KEY_PATH', '/run/secrets/key.pem'],
    ])
  })

  test('makes no file and no variable of a secret without a value', () => {
    const spec = {secrets: [{...file, required: false}], env: [], command: []}
    expect(expandSecrets(spec, new Map())).toEqual({env: [], command: [], files: []})
  })

  test('has a value nowhere but in its file, whatever refers to it', () => {
    const reference = fc.constantFrom('$KEY', '${KEY}', '$KEY_FILE', '$A', '$B', '-', '$')
    const text = fc.array(reference, {maxLength: 5}).map(parts => parts.join(''))
    const entry = fc.record({
      name: fc.constantFrom('A', 'B', 'KEY'),
      value: text,
      expand: fc.boolean(),
    })
    fc.assert(
      fc.property(
        fc.array(entry, {maxLength: 5}),
        fc.array(text, {maxLength: 5}),
        (env, command) => {
          const {files, ...seen} = expandSecrets({secrets: [file], env, command}, values)
          expect(files).toEqual([['/run/secrets/key.pem', 'very secret']])
          expect(JSON.stringify(seen)).not.toContain('very secret')
        },
      ),
    )
  })
})

describe('secretsInCommand', () => {
  const OTHER = {name: 'x.other', env: 'OTHER', required: false}
  const file = {name: 'x.key', env: 'KEY', required: true, file: 'key'}

  test.each([
    [[], []],
    [['--token', 'TOKEN'], []],
    [['$KEY', '$KEY_FILE', '$HOME'], []],
    [['--token=$TOKEN', '${TOKEN}'], ['x.token']],
    [['$OTHER:$TOKEN'], ['x.other', 'x.token']],
    [['$URL'], ['x.token']],
    [['$LITERAL'], []],
  ])('of %j are %j', (command, names) => {
    const env = [
      {name: 'AUTH', value: 'Bearer $TOKEN', expand: true},
      {name: 'URL', value: 'http://$AUTH@host', expand: true},
      {name: 'LITERAL', value: '$TOKEN', expand: false},
    ]
    expect(secretsInCommand({secrets: [TOKEN, OTHER, file], env, command})).toEqual(names)
  })

  test('are all those whose values come out in the arguments', () => {
    const secrets = [TOKEN, OTHER, file]
    const values = new Map(secrets.map(({env}) => [env, `<${env}>`]))
    const reference = fc.constantFrom('$TOKEN', '${OTHER}', '$KEY', '$A', '$B', '-')
    const text = fc.array(reference, {maxLength: 3}).map(parts => parts.join(''))
    const name = fc.constantFrom('A', 'B', 'TOKEN')
    const entry = fc.record({name, value: text, expand: fc.boolean()})
    fc.assert(
      fc.property(
        fc.array(entry, {maxLength: 6}),
        fc.array(text, {maxLength: 3}),
        (env, command) => {
          const spec = {secrets, env, command}
          const shown = expandSecrets(spec, values).command.join(' ')
          const visible = secrets.filter(secret => shown.includes(`<${secret.env}>`))
          const named = secretsInCommand(spec)
          expect(named).toEqual(expect.arrayContaining(visible.map(secret => secret.name)))
        },
      ),
    )
  })
})
