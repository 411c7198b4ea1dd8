import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {removeYamlKey, setYamlKey} from '../../../src/lib/files/yaml-edit.ts'
import {parseYaml} from '../../../src/lib/files/yaml.ts'
import type {Json} from '../../../src/lib/base/json.ts'

const REF = {ref: ''}
const refused = (message: RegExp) =>
  expect.objectContaining({code: 'FILE_INVALID', message: expect.stringMatching(message)})

describe('setYamlKey', () => {
  test.each([
    ['', 'registry:\n  new:\n    ref: ""\n'],
    ['# c\n', '# c\nregistry:\n  new:\n    ref: ""\n'],
    ['# c', '# c\nregistry:\n  new:\n    ref: ""'],
    ['# c\r\n', '# c\r\nregistry:\r\n  new:\r\n    ref: ""\r\n'],
    ['---\n# c\n...\n', '---\n# c\nregistry:\n  new:\n    ref: ""\n...\n'],
    ['null # c\n', 'registry:\n  new:\n    ref: "" # c\n'],
    ['{}\n', 'registry:\n  new:\n    ref: ""\n'],
    ['--- {}\n', '--- {registry: {new: {ref: ""}}}\n'],
    ['registry:\n', 'registry:\n  new:\n    ref: ""\n'],
    ['registry:', 'registry:\n  new:\n    ref: ""'],
    [
      'registry: # mine\n  # none\nz: 1\n',
      'registry: # mine\n  # none\n  new:\n    ref: ""\nz: 1\n',
    ],
    ['registry: {} # x\n', 'registry: # x\n  new:\n    ref: ""\n'],
    ['registry: ~ # x\nz: 1\n', 'registry: # x\n  new:\n    ref: ""\nz: 1\n'],
    ['registry: {a: {}} # k\n', 'registry: {a: {}, new: {ref: ""}} # k\n'],
    ['registry: {a: {},}\n', 'registry: {a: {}, new: {ref: ""},}\n'],
    ['registry: {a}\n', 'registry: {a, new: {ref: ""}}\n'],
    ['{registry: }\n', '{registry: {new: {ref: ""}} }\n'],
    ['{registry}\n', '{registry: {new: {ref: ""}}}\n'],
    ['{"registry": {}}', '{"registry": {"new":{"ref":""}}}'],
    [
      'registry: {\n  a: {}, # d\n  b: {} # e\n}\n',
      'registry: {\n  a: {}, # d\n  b: {}, # e\n  new: {ref: ""}\n}\n',
    ],
    ['registry: {\n  a: {}, # d\n}\n', 'registry: {\n  a: {}, # d\n  new: {ref: ""},\n}\n'],
    [
      'registry:\n    a: {ref: ""}\n# top\nz: |\n  x\n\n\n',
      'registry:\n    a: {ref: ""}\n    new:\n        ref: ""\n# top\nz: |\n  x\n\n\n',
    ],
    [
      'registry:\r\n  a:\r\n  # b:\r\n\r\nz: 1',
      'registry:\r\n  a:\r\n  # b:\r\n  new:\r\n    ref: ""\r\n\r\nz: 1',
    ],
    [
      'registry:\n  a: |+\n    x\n\nz: 1\n',
      'registry:\n  a: |+\n    x\n\n  new:\n    ref: ""\nz: 1\n',
    ],
    [
      'registry:\n  a: >-\n    x\n\nz: 1\n',
      'registry:\n  a: >-\n    x\n  new:\n    ref: ""\n\nz: 1\n',
    ],
    ['registry:\n  <<: {a: 1}\n', 'registry:\n  <<: {a: 1}\n  new:\n    ref: ""\n'],
    ['? registry\n: a: 1\n', '? registry\n: a: 1\n  new:\n    ref: ""\n'],
  ])('adds a key to %j', (before, after) => {
    expect(setYamlKey(before, ['registry', 'new'], REF)).toBe(after)
  })

  test.each<[string, Json, string]>([
    ['a: 5 # c\n', 6, 'a: 6 # c\n'],
    ['a: 5 # c\n', {x: 1}, 'a: # c\n  x: 1\n'],
    ['a:\n  b: 1\n  c: 2\nd: 1\n', 7, 'a: 7\nd: 1\n'],
    ['a:\n   b: 1\nd: 1\n', {c: [2]}, 'a:\n   c:\n      - 2\nd: 1\n'],
    ['a: # k\n- 1\n- 2\nd: 1\n', 'yes', 'a: "yes" # k\nd: 1\n'],
    ['a: # k\n- 1\n- 2\nd: 1\n', [3], 'a: # k\n  - 3\nd: 1\n'],
    ['a: |\n  t\n\nb: 1\n', 'x, y\nw', 'a: "x, y\\nw"\n\nb: 1\n'],
    ['a: "x\n  y" # c\n', null, 'a: null # c\n'],
    ['{a: 5, b: 1}', {x: 'a, b'}, '{a: {x: "a, b"}, b: 1}'],
    ['{a:\n  5, b: 1}', 6, '{a:\n  6, b: 1}'],
    ['a: &x 1\n', 2, 'a: &x 2\n'],
    ['a:\n', [], 'a: []\n'],
  ])('replaces the value in %j', (before, value, after) => {
    expect(setYamlKey(before, ['a'], value)).toBe(after)
  })

  test('gives the same text when the value is already so', () => {
    const text = 'registry: {new: {ref: ""   }}'
    expect(setYamlKey(text, ['registry', 'new'], REF)).toBe(text)
  })

  test('quotes what readers of YAML 1.1 would take for something else', () => {
    expect(setYamlKey('a: 1\n', ['b'], ['no', '012', '12:30', '2020-01-01', '1_0'])).toBe(
      'a: 1\nb:\n  - "no"\n  - "012"\n  - "12:30"\n  - "2020-01-01"\n  - "1_0"\n',
    )
  })

  test.each([
    ['registry: &r {a: 1}\nz: *r\n', /another value would change with it/],
    ['z: &r {a: 1}\nregistry: *r\n', /an alias is in the way/],
    ['<<: {registry: {a: 1}}\n', /another value would change with it/],
    ['registry:\n- {}\n', /not a map is in the way/],
    ['registry: text\n', /not a map is in the way/],
    ['- registry\n', /not a map of keys/],
    ['registry: [\n', /the text:\d+:\d+: /],
  ])('refuses what cannot be changed alone: %j', (text, message) => {
    expect(() => setYamlKey(text, ['registry', 'new'], REF)).toThrow(refused(message))
  })

  test('refuses an empty path', () => {
    expect(() => setYamlKey('a: 1\n', [], 1)).toThrow(refused(/in place/))
  })

  test('adds lines and leaves every other line as it is', () => {
    fc.assert(
      fc.property(blockDocument(), ({text, eol}) => {
        const after = setYamlKey(text, ['registry', 'zz-new'], REF)
        expect(isInsertion(text.split(eol), after.split(eol), 2)).toBe(true)
      }),
    )
  })

  test('is undone by removeYamlKey to the letter', () => {
    fc.assert(
      fc.property(blockDocument(), ({text}) => {
        const added = setYamlKey(text, ['registry', 'zz-new'], REF)
        expect(removeYamlKey(added, ['registry', 'zz-new'])).toBe(text)
      }),
    )
  })

  test('sets any value under any key, in block and in flow documents', () => {
    const key = fc.string({minLength: 1, maxLength: 12}).filter(name => name !== '<<')
    fc.assert(
      fc.property(
        fc.oneof(blockDocument(), flowDocument()),
        fc.array(key, {minLength: 1, maxLength: 3}),
        fc.jsonValue({depthSize: 'small'}),
        ({text}, path, value) => {
          const plain: Json = JSON.parse(JSON.stringify(value))
          const after = setYamlKey(text, ['q', ...path], plain)
          const inner = path.reduceRight((rest: Json, name) => ({[name]: rest}), plain)
          expect(parseYaml(after, 'f')).toEqual(withKey(parseYaml(text, 'f'), 'q', inner))
        },
      ),
    )
  })

  test('replaces any entry with any value', () => {
    fc.assert(
      fc.property(
        fc.oneof(blockDocument(), flowDocument()),
        fc.jsonValue({depthSize: 'small'}),
        ({text, names}, value) => {
          const plain: Json = JSON.parse(JSON.stringify(value))
          const after = setYamlKey(text, ['registry', names[0] ?? 'x'], plain)
          expect(parseYaml(after, 'f')).toHaveProperty(['registry', names[0] ?? 'x'], plain)
        },
      ),
    )
  })
})

describe('removeYamlKey', () => {
  test.each([
    ['registry:\n  a:\n    ref: ""\n  b: {}\n', 'registry:\n  b: {}\n'],
    ['registry:\n  a: # k\n    ref: "" # l\nz: 1', 'registry: {}\nz: 1'],
    ['z: 1\nregistry: # k\n  # l\n  a:\n    ref: ""', 'z: 1\nregistry: {} # k\n  # l'],
    ['registry: &x\n  a: 1\n', 'registry: &x {}\n'],
    ['registry:\r\n  b:\r\n  a: 1\r\n\r\n# end', 'registry:\r\n  b:\r\n\r\n# end'],
    ['registry:\n  a: |\n    x\n\n  b: 1\n', 'registry:\n\n  b: 1\n'],
    ['registry:\n  ? a\n  : 1\n  b: 1\n', 'registry:\n  b: 1\n'],
    ['registry:\n  a:\n    ref: 1\n    # in a\n  # on b\n  b:\n', 'registry:\n  # on b\n  b:\n'],
    ['registry: {a: {}, b: {}}\n', 'registry: {b: {}}\n'],
    ['registry: {b: {}, a: {}}\n', 'registry: {b: {}}\n'],
    ['registry: {a: {}}\n', 'registry: {}\n'],
    ['registry: {a: {},}\n', 'registry: {}\n'],
    ['registry: {b, a}\n', 'registry: {b}\n'],
    ['registry: {\n  a: 1,\n  # about b\n  b: 2\n}\n', 'registry: {\n  # about b\n  b: 2\n}\n'],
    ['registry: {\n  b: 2, # of b\n  a: 1\n}\n', 'registry: {\n  b: 2 # of b\n}\n'],
    ['registry: {\n  a: 1 # c\n  , b: 2}\n', 'registry: {\n   # c\n   b: 2}\n'],
    ['registry: {}\n', 'registry: {}\n'],
    ['registry: text\n', 'registry: text\n'],
    ['', ''],
  ])('takes the key out of %j', (before, after) => {
    expect(removeYamlKey(before, ['registry', 'a'])).toBe(after)
  })

  test.each([
    ['a: 1\n', '{}\n'],
    ['a: 1', '{}'],
    ['# c\na: 1', '# c\n{}'],
    ['# c\r\na: 1 # d\r\n# e\r\n', '# c\r\n{}\r\n# e\r\n'],
    ['---\na:\n  b: 1\n  # in a\n# e\n...\n', '---\n{}\n# e\n...\n'],
    ['  a: 1\n', '  {}\n'],
    ['? a\n: 1\n', '{}\n'],
    ['{a: 1} # c\n', '{} # c\n'],
  ])('leaves an empty map behind the last key at the top: %j', (text, after) => {
    expect(removeYamlKey(text, ['a'])).toBe(after)
    expect(parseYaml(setYamlKey(after, ['b'], 2), 'f')).toEqual({b: 2})
  })

  test.each([
    ['registry: &r\n  a: 1\nz: *r\n', /another value would change/],
    ['registry:\n  a: &k 1\n  b: *k\n', /surroundings are too unusual/],
    ['registry:\n  <<: {a: 1}\n', /an alias or a merge key/],
    ['? registry\n: a: 1\n', /shares a line/],
  ])('refuses what cannot be removed alone: %j', (text, message) => {
    expect(() => removeYamlKey(text, ['registry', 'a'])).toThrow(refused(message))
  })

  test('takes lines away and leaves every other line as it is', () => {
    fc.assert(
      fc.property(blockDocument(), fc.nat(), ({text, eol, names}, nth) => {
        fc.pre(names.length > 1)
        const name = names[nth % names.length] ?? ''
        const before = text.split(eol)
        const after = removeYamlKey(text, ['registry', name]).split(eol)
        expect(isInsertion(after, before, before.length - after.length)).toBe(true)
        expect(after.length).toBeLessThan(before.length)
      }),
    )
  })

  test('takes every key out of flow maps, one after the other', () => {
    fc.assert(
      fc.property(flowDocument(), ({text, names}) => {
        const empty = names.reduce((rest, name) => removeYamlKey(rest, ['registry', name]), text)
        expect(parseYaml(empty, 'f')).toHaveProperty('registry', {})
      }),
    )
  })
})

/** Whether `longer` is `shorter` with `count` lines put in at one place. */
function isInsertion(shorter: readonly string[], longer: readonly string[], count: number) {
  const wanted = JSON.stringify(shorter)
  return [...longer.keys(), longer.length].some(
    i => JSON.stringify([...longer.slice(0, i), ...longer.slice(i + count)]) === wanted,
  )
}

function withKey(root: unknown, key: string, value: Json) {
  return {...Object(root), [key]: value}
}

interface Sample {
  text: string
  eol: string
  names: string[]
}

/** Documents as people write them: comments, empty lines and every style of value between the entries. */
function blockDocument(): fc.Arbitrary<Sample> {
  const name = fc.stringMatching(/^[a-y][a-z0-9_-]{0,6}$/)
  const noise = fc.constantFrom('', '', '', '\n', '# note', '  # deep note', '#: {', '\n# far\n')
  const style = fc.constantFrom(
    '',
    ' {ref: ""}',
    ' # on\n+ref: ""',
    '\n+ref: \'\'\n+config: {a: [1, "#"]}',
    '\n+# first\n+ref: "a\n+  b"   # why',
    ' |\n+text # no comment\n\n+more',
    ' [a,\n+b]  # list',
    '\n+- a\n+-\n+- b: 1\n+  c: 2',
  )
  return fc
    .record({
      names: fc.uniqueArray(name, {minLength: 1, maxLength: 5}),
      styles: fc.array(style, {minLength: 5, maxLength: 5}),
      noises: fc.array(noise, {minLength: 8, maxLength: 8}),
      step: fc.integer({min: 1, max: 5}),
      eol: fc.constantFrom('\n', '\r\n'),
      tail: fc.constantFrom('', 'z: 1', 'z: |\n zz\n', '# end'),
      final: fc.boolean(),
    })
    .map(({names, styles, noises, step, eol, tail, final}) => {
      const pad = ' '.repeat(step)
      const entries = names.flatMap((key, i) => [
        ...block(noises[i], pad),
        `${pad}${key}:${(styles[i] ?? '').replaceAll('\n+', `\n${pad}${pad}`)}`,
      ])
      const parts = [
        ...block(noises[5], ''),
        `registry:${noises[6] === '# note' ? ' # mine' : ''}`,
        ...entries,
        ...block(noises[7], ''),
        ...(tail === '' ? [] : [tail]),
      ]
      const text = parts.join('\n') + (final || tail === '' ? '\n' : '')
      return {text: text.replaceAll('\n', eol), eol, names}
    })
}

function block(noise: string | undefined, pad: string): string[] {
  return noise ? noise.split('\n').map(line => (line === '' ? '' : pad + line)) : []
}

function flowDocument(): fc.Arbitrary<Sample> {
  const name = fc.stringMatching(/^[a-p][a-z0-9_-]{0,6}$/)
  const value = fc.constantFrom('{}', '{ref: ""}', '1', '"a, b"', "'}'", '[1, {a: 2}]', '')
  const gap = fc.constantFrom('', ' ', '\n  ', ' # note\n  ')
  return fc
    .record({
      names: fc.uniqueArray(name, {minLength: 1, maxLength: 4}),
      values: fc.array(value, {minLength: 4, maxLength: 4}),
      gaps: fc.array(gap, {minLength: 9, maxLength: 9}),
      comma: fc.boolean(),
    })
    .map(({names, values, gaps, comma}) => {
      const entries = names.map((key, i) => `${gaps[i]}${key}: ${values[i]}${gaps[i + 4]}`)
      const text = `{registry: {${entries.join(',')}${comma ? ',' : ''}${gaps[8]}}}\n`
      return {text, eol: '\n', names}
    })
}
