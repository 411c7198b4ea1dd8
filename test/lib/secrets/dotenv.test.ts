import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {parseDotenv} from '../../../src/lib/secrets/dotenv.ts'

const parse = (text: string) => Object.fromEntries(parseDotenv(text, 'f.env'))
const NO_PAIR = 'the line is not KEY=VALUE: write KEY= if it has no value, or take it out'

describe('parseDotenv', () => {
  test.each<[string, Record<string, string>]>([
    ['', {}],
    ['\n  \n# c\n   # d', {}],
    ['A=1\nB=2', {A: '1', B: '2'}],
    ['\uFEFFA=1\r\nB=2\r\n', {A: '1', B: '2'}],
    ['A=1\nA=2\n', {A: '2'}],
    ['A=\nB= \nC=""\n', {A: '', B: '', C: ''}],
    [
      'github.personal_access_token=ghp_x\nmy-key=2',
      {'github.personal_access_token': 'ghp_x', 'my-key': '2'},
    ],
    ['a:b/c=1\nexport docker/x = 2', {'a:b/c': '1', 'docker/x': '2'}],
    ['export A=1\n  export\tB = 2\nexport=3', {A: '1', B: '2', export: '3'}],
    ['A=  two words  \n', {A: 'two words'}],
    ['A=a=b==\n', {A: 'a=b=='}],
    ['A=x # c\nB=x#y\nC=#z\nD= # c\nE=x\t#c', {A: 'x', B: 'x#y', C: '#z', D: '', E: 'x'}],
    ["A='x # \\n \"y\"' # c\nB='l1\r\nl2'", {A: 'x # \\n "y"', B: 'l1\nl2'}],
    ['A="x # \\"y\\"\\n\\\\n" # c\n', {A: 'x # "y"\n\\n'}],
    ['A="l1\nl2\\tx"\nB=2', {A: 'l1\nl2\tx', B: '2'}],
    ['A="a\\$b \\q"', {A: 'a$b \\q'}],
    ['A=it\'s\nB=say "x"', {A: "it's", B: 'say "x"'}],
    ['A=${B}\n', {A: '${B}'}],
  ])('reads %j', (text, values) => {
    expect(parse(text)).toEqual(values)
  })

  test.each([
    ['A=1\nhunter2\n', `f.env:2: ${NO_PAIR}`],
    ['A=MIIB\nHUNTER2\nB=1', `f.env:2: ${NO_PAIR}`],
    ['A=1\r\n  export _HUNTER2 ', `f.env:2: ${NO_PAIR}`],
    ['export hunter2\n', `f.env:1: ${NO_PAIR}`],
    ['# c\r\n\r\n=hunter2\r\n', `f.env:3: ${NO_PAIR}`],
    ['A B=hunter2', `f.env:1: ${NO_PAIR}`],
    ['A="x\ny"\nB="hunter2\n\n', 'f.env:3: the quote is never closed'],
    ["A='hunter2", 'f.env:1: the quote is never closed'],
    ["A='hunter'2", 'f.env:1: something follows the closing quote'],
    ['A="hunter"2', 'f.env:1: something follows the closing quote'],
  ])('refuses %j with its line and without its text', (text, message) => {
    expect(() => parseDotenv(text, 'f.env')).toThrow(
      expect.objectContaining({code: 'FILE_INVALID', message}),
    )
  })

  test('reads back every value that was written in double quotes', () => {
    fc.assert(
      fc.property(entries(fc.string({unit: 'binary'})), list => {
        const lines = list.map(([key, value]) => `${key}="${escape(value)}" # c`)
        expect([...parseDotenv(lines.join('\n'), 'f')]).toEqual(list)
      }),
    )
  })

  test('reads back every value that needs no quotes or only single ones', () => {
    const printable = fc.stringMatching(/^[!-~]([ -~]*[!-~])?$/).filter(text => !/['"#]/.test(text))
    fc.assert(
      fc.property(entries(printable), fc.boolean(), (list, isQuoted) => {
        const quote = isQuoted ? "'" : ''
        const lines = list.map(([key, value]) => `${key}=${quote}${value}${quote}\r\n`)
        expect([...parseDotenv(lines.join(''), 'f')]).toEqual(list)
      }),
    )
  })

  test('reads a value of many megabytes in every style', () => {
    const long = 'x\\\\'.repeat(3_000_000)
    expect(parseDotenv(`A="${long}"`, 'f').get('A')).toHaveLength(6_000_000)
    expect(parseDotenv(`A='${long}'`, 'f').get('A')).toHaveLength(9_000_000)
    expect(parseDotenv(`A=${long}`, 'f').get('A')).toHaveLength(9_000_000)
    const wide = 'x'.repeat(16_000_000)
    expect(parseDotenv(`# ${wide}\nA=1${' '.repeat(16_000_000)}# ${wide}`, 'f').get('A')).toBe('1')
    expect(() => parseDotenv('x/'.repeat(8_000_000), 'f')).toThrow('f:1: the line is not KEY=VALUE')
    expect(() => parseDotenv(wide, 'f')).toThrow('f:1: the line is not KEY=VALUE')
    expect(() => parseDotenv(`A="${long}`, 'f')).toThrow('f:1: the quote is never closed')
  })
})

function entries(value: fc.Arbitrary<string>): fc.Arbitrary<[string, string][]> {
  const key = fc.stringMatching(/^[A-Za-z0-9_.:-][A-Za-z0-9_.:/-]{0,11}$/)
  return fc.uniqueArray(fc.tuple(key, value), {selector: ([name]) => name, maxLength: 6})
}

function escape(value: string): string {
  return value.replaceAll(/[\\"]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\r', '\\r')
}
