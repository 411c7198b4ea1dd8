import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {expandHeaders, expandSecrets} from '../../../src/lib/model/expand.ts'

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
    expect(expandSecrets(spec, SECRETS)).toEqual({env: [], command: ['']})
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

describe('expandHeaders', () => {
  const headers = [
    {name: 'Authorization', value: 'Bearer $TOKEN'},
    {name: 'X-Version', value: '2'},
    {name: 'X-Empty', value: ''},
  ]

  test('puts secrets in and leaves empty headers out', () => {
    expect(expandHeaders({secrets: [TOKEN], headers}, SECRETS)).toEqual([
      ['Authorization', 'Bearer abc'],
      ['X-Version', '2'],
    ])
  })

  test('leaves a header out whose secret has no value', () => {
    expect(expandHeaders({secrets: [TOKEN], headers}, new Map())).toEqual([['X-Version', '2']])
  })
})
