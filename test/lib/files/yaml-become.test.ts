import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import type {Json, JsonObject} from '../../../src/lib/base/json.ts'
import {becomeYaml} from '../../../src/lib/files/yaml-become.ts'
import {hasComments, parseYamlMap} from '../../../src/lib/files/yaml.ts'

const TEXT = `# of the file
grafana: # mine
  url: https://x # here
  n: 5

# of the next
zoo: {a: 1, b: 2}
`

describe('becomeYaml', () => {
  test.each<[string, JsonObject, string]>([
    ['nothing', {}, '# of the file\n\n# of the next\n{}\n'],
    ['the same', {zoo: {b: 2, a: 1}, grafana: {n: 5, url: 'https://x'}}, TEXT],
    [
      'one value',
      {grafana: {url: 'https://y', n: 5}, zoo: {a: 1, b: 2}},
      TEXT.replace('https://x', 'https://y'),
    ],
    [
      'one key less, and one more',
      {grafana: {url: 'https://x'}, zoo: {a: 1, c: [true]}},
      TEXT.replace('\n  n: 5', '').replace('b: 2', 'c: [true]'),
    ],
    [
      'another kind of value',
      {grafana: {url: 'https://x', n: 5}, zoo: 'none'},
      TEXT.replace('{a: 1, b: 2}', 'none'),
    ],
  ])('leaves %s', (_what, wanted, after) => {
    expect(parseYamlMap(becomeYaml(TEXT, wanted), 'after')).toEqual(wanted)
    expect(becomeYaml(TEXT, wanted).replace(/^\{\}\n/m, '')).toBe(after.replace(/^\{\}\n/m, ''))
  })

  test('writes values that an alias ties together anew', () => {
    const text = 'a: &x {n: 1}\nb: *x\n'
    expect(parseYamlMap(becomeYaml(text, {a: {n: 1}, b: {n: 2}}), 'after')).toEqual({
      a: {n: 1},
      b: {n: 2},
    })
  })

  test('says what it was told to, whatever was there', () => {
    const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null))
    const {tree} = fc.letrec<{tree: JsonObject; value: Json}>(tie => ({
      value: fc.oneof({maxDepth: 3}, leaf, fc.array(leaf, {maxLength: 3}), tie('tree')),
      tree: fc.dictionary(fc.stringMatching(/^[a-z #:"-]{1,6}$/), tie('value'), {maxKeys: 4}),
    }))
    fc.assert(
      fc.property(tree, tree, (before, wanted) => {
        const text = becomeYaml('', before)
        expect(parseYamlMap(becomeYaml(text, wanted), 'after')).toEqual(wanted)
      }),
    )
  })
})

test.each([
  ['a: "# no"\n', false],
  ['a: |\n  # no\n', false],
  ['a: b#c\n', false],
  ['a: 1 # yes\n', true],
  ['# yes\n', true],
  ['', false],
])('hasComments of %j', (text, has) => {
  expect(hasComments(text)).toBe(has)
})
