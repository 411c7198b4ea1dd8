import {describe, expect, test} from 'vitest'
import {canonical, isJsonObject, objectOf} from '../../../src/lib/base/json.ts'

describe('isJsonObject', () => {
  test.each([{}, {a: 1}, JSON.parse('{"__proto__": []}'), Object.create(null)])(
    'takes %j for an object',
    value => {
      expect(isJsonObject(value)).toBe(true)
    },
  )

  test.each([null, undefined, [], [{}], 'text', 0, true])('takes %j for none', value => {
    expect(isJsonObject(value)).toBe(false)
  })
})

test('what is no object counts as one without members', () => {
  expect([{a: 1}, [1], null, undefined, 'x'].map(objectOf)).toEqual([{a: 1}, {}, {}, {}, {}])
})

test('objects with the same members have the same text, at any depth', () => {
  expect(canonical({b: [{d: 1, c: 2}], a: null})).toBe('{"a":null,"b":[{"c":2,"d":1}]}')
  expect(canonical({a: [1, 2]})).not.toBe(canonical({a: [2, 1]}))
})
