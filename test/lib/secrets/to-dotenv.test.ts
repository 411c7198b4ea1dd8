import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {parseDotenv} from '../../../src/lib/secrets/dotenv.ts'
import {dotenvOf, toDotenv} from '../../../src/lib/secrets/to-dotenv.ts'

const one = (value: string) => toDotenv([{name: 'a.key', value: Buffer.from(value)}])

describe('toDotenv', () => {
  test('is read back as it was, whatever the text', () => {
    const texts = fc.oneof(
      fc.string({unit: 'binary'}).filter(text => text.isWellFormed()),
      fc.string({unit: fc.constantFrom(...Array.from('\'"\\$#\r\n\t =`\uFEFF\u2028a'))}),
    )
    const names = fc.stringMatching(/^[\w.:-][\w.:/-]*$/)
    fc.assert(
      fc.property(fc.dictionary(names, texts, {noNullPrototype: true}), values => {
        const secrets = Object.entries(values).map(([name, text]) => ({
          name,
          value: Buffer.from(text),
        }))
        expect([...parseDotenv(toDotenv(secrets), 'x')]).toEqual(Object.entries(values))
      }),
    )
  })

  test.for([
    ['ghp_a1B2/c+d=', 'a.key=ghp_a1B2/c+d=\n'],
    ['two words', "a.key='two words'\n"],
    ['pa$$word', "a.key='pa$$word'\n"],
    ["it's", 'a.key="it\'s"\n'],
    ['one\ntwo\n', 'a.key="one\\ntwo\\n"\n'],
  ] as const)('writes %j as %j', ([value, line]) => {
    expect(one(value)).toBe(line)
  })

  test.for([
    ['a name that no file can have', {name: 'a key', value: Buffer.from('x')}, 'a key'],
    ['bytes that are no text', {name: 'a.key', value: Buffer.from([0xc3, 0x28])}, 'a.key'],
  ] as const)('refuses %s', ([, secret, named]) => {
    expect(() => toDotenv([{name: 'fine', value: Buffer.from('y')}, secret])).toThrow(
      expect.objectContaining({
        code: 'FILE_INVALID',
        message: expect.stringMatching(new RegExp(`^${named} `)),
      }),
    )
  })
})

test('what such a file cannot hold is left out by name where that is asked for', () => {
  const value = Buffer.from('x')
  const bytes = Buffer.from([0xc3, 0x28])
  expect(
    dotenvOf([
      {name: 'a key', value},
      {name: 'team/key', value},
      {name: 'fine', value},
      {name: 'key', value: bytes},
      {name: 'a=b', value: bytes},
    ]),
  ).toEqual({
    text: 'team/key=x\nfine=x\n',
    refused: [
      {names: ['a key', 'a=b'], why: expect.stringContaining('KEY=VALUE')},
      {names: ['key', 'a=b'], why: 'is no text in UTF-8'},
    ],
  })
})
