import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {stringify} from 'yaml'
import {removeYamlKey, setYamlKey} from '../../../src/lib/files/yaml-edit.ts'
import {appendYamlItem, editYamlItem, removeYamlItem} from '../../../src/lib/files/yaml-list.ts'
import {parseYamlMap} from '../../../src/lib/files/yaml.ts'
import type {Json} from '../../../src/lib/base/json.ts'

const refused = (message: RegExp) =>
  expect.objectContaining({code: 'FILE_INVALID', message: expect.stringMatching(message)})

const setX = (item: string) => setYamlKey(item, ['config', 'x'], 1)
const afterwards = (text: string) => parseYamlMap(text, 'a test')
const documentOf = (servers: readonly Json[]) => ({id: 'x', servers, z: [1]})

function textOf({
  items,
  how,
  indentSeq,
}: {
  items: readonly Json[]
  how: string
  indentSeq: boolean
}) {
  const document = {id: 'x', servers: items, z: [1]}
  if (how === 'json') return JSON.stringify(document, undefined, 2)
  const collectionStyle = how === 'flow' ? ('flow' as const) : ('any' as const)
  return stringify(document, {indentSeq, collectionStyle})
}

describe('appendYamlItem', () => {
  test.each([
    ['', 'servers:\n  - name: new\n'],
    ['id: x # mine\n', 'id: x # mine\nservers:\n  - name: new\n'],
    ['servers: []\nz: 1\n', 'servers:\n  - name: new\nz: 1\n'],
    [
      'servers:\n- name: a # k\n# end\nz: 1\n',
      'servers:\n- name: a # k\n- name: new\n# end\nz: 1\n',
    ],
    [
      'servers:\n  - name: a\n    # inside\n\nz: 1\n',
      'servers:\n  - name: a\n    # inside\n  - name: new\n\nz: 1\n',
    ],
    [
      'servers:\n    - a: |\n        text\n',
      'servers:\n    - a: |\n        text\n    - name: new\n',
    ],
    ['servers:\n  - name: a', 'servers:\n  - name: a\n  - name: new'],
    ['servers:\r\n  - name: a\r\n', 'servers:\r\n  - name: a\r\n  - name: new\r\n'],
    ['servers: [{name: a}] # k\n', 'servers: [{name: a}, {name: new}] # k\n'],
    ['{"servers": [{"name": "a"}]}', '{"servers": [{"name": "a"}, {"name":"new"}]}'],
    [
      '{\n  "servers": [\n    {"name": "a"}\n  ]\n}\n',
      '{\n  "servers": [\n    {"name": "a"},\n    {"name":"new"}\n  ]\n}\n',
    ],
  ])('adds an item to %j', (before, after) => {
    expect(appendYamlItem(before, 'servers', {name: 'new'})).toBe(after)
  })

  test.each([
    ['servers: 1\n', /not a list/],
    ['a: &a [1]\nservers: *a\n', /alias/],
    ['- 1\n', /not a map/],
  ])('refuses %j', (text, message) => {
    expect(() => appendYamlItem(text, 'servers', {name: 'new'})).toThrow(refused(message))
  })
})

describe('removeYamlItem', () => {
  test.each([
    [
      'servers:\n  - a: 1\n    # of a\n  - b: 2 # of b\nz: 1\n',
      0,
      'servers:\n  - b: 2 # of b\nz: 1\n',
    ],
    ['servers:\n  - a: 1\n  - b: 2\n# end\n', 1, 'servers:\n  - a: 1\n# end\n'],
    ['servers:\n  - a: 1\nz: 1\n', 0, 'servers: []\nz: 1\n'],
    ['servers: [{a: 1}, {b: 2}, {c: 3}]\n', 1, 'servers: [{a: 1}, {c: 3}]\n'],
    ['servers: [{a: 1}, {b: 2}]\n', 1, 'servers: [{a: 1}]\n'],
  ])('removes from %j item %i', (before, index, after) => {
    expect(removeYamlItem(before, 'servers', index)).toBe(after)
  })
})

describe('editYamlItem', () => {
  test.each([
    [
      '# top\nservers:\n  - name: a # k\n    tools: [t]\n  - name: b\n',
      '# top\nservers:\n  - name: a # k\n    tools: [t]\n    config:\n      x: 1\n  - name: b\n',
    ],
    ['servers:\n- name: a\nz: 1', 'servers:\n- name: a\n  config:\n    x: 1\nz: 1'],
    ['servers: [{name: a}]\n', 'servers: [{name: a, config: {x: 1}}]\n'],
    ['{"servers":[{"name":"a"}]}', '{"servers":[{"name":"a", "config":{"x":1}}]}'],
    [
      'servers:\n  - name: a\n    config: # mine\n      y: 2\n      # more\n',
      'servers:\n  - name: a\n    config: # mine\n      y: 2\n      # more\n      x: 1\n',
    ],
  ])('changes the first item of %j', (before, after) => {
    expect(editYamlItem(before, {key: 'servers', index: 0}, setX)).toBe(after)
  })

  test('removes the first key of an item', () => {
    const text = 'servers:\n  - name: a\n    image: x # k\n'
    const after = editYamlItem(text, {key: 'servers', index: 0}, item =>
      removeYamlKey(item, ['name']),
    )
    expect(after).toBe('servers:\n  - image: x # k\n')
  })

  test.each([
    ['servers: [1]\n', /not written as a map/],
    ['a: &a {name: x}\nservers: [*a]\n', /not written as a map/],
  ])('refuses %j', (text, message) => {
    const where = {key: 'servers', index: 0}
    expect(() => editYamlItem(text, where, setX)).toThrow(refused(message))
  })
})

describe('a list', () => {
  const scalar: fc.Arbitrary<Json> = fc.oneof(
    fc.string({maxLength: 8}),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
  )
  const key = fc.stringMatching(/^[a-z]{1,6}$/)
  const member: fc.Arbitrary<Json> = fc.oneof(
    scalar,
    fc.array(scalar, {maxLength: 3}),
    fc.dictionary(key, scalar, {maxKeys: 3}),
  )
  const element = fc.dictionary(key, member, {minKeys: 1, maxKeys: 4})
  const written = fc.record({
    items: fc.array(element, {minLength: 1, maxLength: 5}),
    how: fc.constantFrom('block', 'flow', 'json'),
    indentSeq: fc.boolean(),
  })

  test('has after each change what was meant, and all else as it was', () => {
    fc.assert(
      fc.property(written, element, fc.nat(), (list, item, at) => {
        const text = textOf(list)
        const index = at % list.items.length
        expect(afterwards(appendYamlItem(text, 'servers', item))).toEqual(
          documentOf([...list.items, item]),
        )
        expect(afterwards(removeYamlItem(text, 'servers', index))).toEqual(
          documentOf(list.items.toSpliced(index, 1)),
        )
        const edited = editYamlItem(text, {key: 'servers', index}, one =>
          setYamlKey(one, ['config', 'deep'], item),
        )
        const changed = {...list.items[index], config: {deep: item}}
        expect(afterwards(edited)).toEqual(documentOf(list.items.with(index, changed)))
      }),
    )
  })
})
