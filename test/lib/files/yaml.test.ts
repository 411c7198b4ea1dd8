import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {invalidYaml, parseYaml, parseYamlMap} from '../../../src/lib/files/yaml.ts'
import {stringify} from 'yaml'

const invalid = (message: RegExp | string) =>
  expect.objectContaining({code: 'FILE_INVALID', message: expect.stringMatching(message)})

describe('parseYaml', () => {
  test('reads back what was written', () => {
    fc.assert(
      fc.property(fc.jsonValue({depthSize: 'small'}), value => {
        const plain: unknown = JSON.parse(JSON.stringify(value))
        // In the way that puts a key `<<` in quotes: without them, it merges.
        expect(parseYaml(stringify(plain, {compat: 'yaml-1.1'}), 'f.yaml')).toEqual(plain)
      }),
    )
  })

  test('reads as many keys as a file may hold, each once', () => {
    const text = Array.from({length: 50_000}, (_, at) => `k${at}: ${at}\n`).join('')
    expect(parseYaml(text, 'f.yaml')).toHaveProperty('k49999', 49_999)
    expect(() => parseYaml(`${text}k7: 1\n`, 'f.yaml')).toThrow(invalid(/^f\.yaml:50001:1: /))
  })

  test('gives null for an empty document and for one of comments', () => {
    expect(parseYaml('', 'f.yaml')).toBeNull()
    expect(parseYaml('# nothing\n', 'f.yaml')).toBeNull()
  })

  test('takes every key as a string and merges maps', () => {
    const text = 'base: &b {a: 1}\n1:\n  <<: *b\n  c: 2\n__proto__: {x: 1}\n'
    const value = parseYaml(text, 'f.yaml')
    expect(JSON.stringify(value)).toBe('{"1":{"a":1,"c":2},"base":{"a":1},"__proto__":{"x":1}}')
  })

  test.each([
    ['a: 1\nb: 2\na: 3\n', /^f\.yaml:3:1: Map keys must be unique$/],
    ['a:\n  - x\n - y\n', /^f\.yaml:3:1: /],
    ['a: "x\\q"\n', /^f\.yaml:1:6: Invalid escape sequence/],
    ['a: 1\n---\nb: 2\n', /^f\.yaml:2:1: it holds more than one document$/],
    ['a: 1\nb: *nowhere\n', /^f\.yaml:2:4: the alias has no anchor before it$/],
    ['a: &a [1]\nb: [' + '*a,'.repeat(1001) + ']', /^f\.yaml:1:1: Excessive alias count/],
    ['a: &a 1\nb: [' + '*a,'.repeat(10_001) + ']', /^f\.yaml:2:\d+: it holds more than 10000/],
    ['a: &a [1]\n<<: *a\n', /^f\.yaml:1:1: Merge sources must be maps/],
    ['a:\n' + '['.repeat(100_000), /^f\.yaml:2:1: it is nested more than 128 levels deep$/],
    ['- '.repeat(100_000), /^f\.yaml:1:1: it is nested more than 128 levels deep$/],
  ])('refuses a wrong text with its place (%#)', (text, message) => {
    expect(() => parseYaml(text, 'f.yaml')).toThrow(invalid(message))
  })

  test('names the place only, without the lines around it', () => {
    expect(() => parseYaml('token: "hunter2\n', 'f.yaml')).toThrow(invalid(/^(?!.*hunter2)/s))
  })

  test('either gives a value or refuses the file, whatever the text', () => {
    const yamlish = fc.string({
      unit: fc.constantFrom(...Array.from('ab:-?[]{},&*!|>\'"#%@ \n\t\r<~.0')),
      maxLength: 60,
    })
    fc.assert(
      fc.property(fc.oneof(yamlish, fc.string({unit: 'binary'})), text => {
        expect(outcomeOf(text)).toEqual(expect.toBeOneOf([READ, invalid(/^f\.yaml:\d+:\d+: \S/)]))
      }),
      {numRuns: 500},
    )
  })
})

describe('parseYamlMap', () => {
  test('gives an empty map for an empty document', () => {
    expect(parseYamlMap('# nothing\n', 'f.yaml')).toEqual({})
  })

  test.each(['- a\n', 'text\n', '5\n'])('refuses a document that is not a map: %j', text => {
    expect(() => parseYamlMap(`# c\n${text}`, 'f.yaml')).toThrow(
      invalid(/^f\.yaml:2:1: the top is not a map of keys$/),
    )
  })
})

describe('invalidYaml', () => {
  const text = 'a:\n  b:\n    c: 1\n  d: 2\n'

  test('points at the key that a path leads to', () => {
    const error = invalidYaml({text, file: 'f.yaml', path: ['a', 'd']}, 'a reason')
    expect(error).toEqual(invalid(/^f\.yaml:4:3: a reason$/))
  })

  test('points at the last key that is there', () => {
    const error = invalidYaml({text, file: 'f.yaml', path: ['a', 'b', 'x']}, 'a reason')
    expect(error.message).toBe('f.yaml:2:3: a reason')
  })
})

const READ = 'a value'

function outcomeOf(text: string): unknown {
  try {
    parseYaml(text, 'f.yaml')
    return READ
  } catch (error) {
    return error
  }
}
