import {expect, test} from 'vitest'
import {maskKnownSecrets} from '../../src/lib/base/known-secrets.ts'
import {rememberTypedSecrets} from '../../src/lib/last-words.ts'

test.each([
  [['secret', 'set', 'a=typed-value-one'], 'typed-value-one'],
  [['mcp', 'secret', '--store', 'file', 'set', 'a=typed-value-two'], 'typed-value-two'],
  [['secret', '--store=file', 'set', 'a', 'typed-value-three'], 'typed-value-three'],
  [
    ['secret', 'set', 'a', '-----BEGIN KEY-----\nTypedLineFour\n-----END KEY-----'],
    'TypedLineFour',
  ],
  [['secret', 'set', 'a', '-typed-value-five'], '-typed-value-five'],
  [['secret', 'set', 'a', '--of=typed-value-six'], 'typed-value-six'],
  [['secret', 'a=typed-value-seven'], 'typed-value-seven'],
  [['secret', 'rm', 'set', 'a=typed-value-eight'], 'typed-value-eight'],
])('%j says a secret, which no error shows', (words, value) => {
  rememberTypedSecrets(words)
  expect(maskKnownSecrets(`it was ${value}`)).not.toContain(value)
})

test.each([
  [['secret', 'rm', 'set', '--store=plain-value']],
  [['secret', 'set', 'a', '--store=plain-value']],
  [['secret', 'set', 'a', '--stor', '--help', '-h']],
  [['profile', 'config', '--set', 'a=plain-value']],
])('%j says none', words => {
  rememberTypedSecrets(words)
  expect(maskKnownSecrets('it was plain-value; see: --help, --store')).toBe(
    'it was plain-value; see: --help, --store',
  )
})
