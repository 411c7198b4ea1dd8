import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {toPlainJson} from '../../../src/lib/model/plain-json.ts'

describe('toPlainJson', () => {
  test('leaves out what is nothing and what JSON cannot carry', () => {
    expect(toPlainJson({a: null, b: undefined, c: Number.NaN, d: () => 1, e: 1n, f: 1})).toEqual({
      f: 1,
    })
    expect(toPlainJson(undefined)).toBeUndefined()
  })

  test('keeps the places of a list', () => {
    expect(toPlainJson([1, undefined, null, 'a'])).toEqual([1, null, null, 'a'])
  })

  test('writes a date as text', () => {
    expect(toPlainJson({at: new Date(0)})).toEqual({at: '1970-01-01T00:00:00.000Z'})
  })

  test('leaves out __proto__', () => {
    const copy = toPlainJson(JSON.parse('{"__proto__": {"evil": true}, "a": 1}'))
    expect(copy).toEqual({a: 1})
    expect(Object.keys(copy ?? {})).toEqual(['a'])
  })

  test('stops at a cycle', () => {
    const list: unknown[] = []
    list.push(list)
    expect(() => toPlainJson(list)).toThrow(RangeError)
  })

  test('gives any plain value without empty keys back, as a copy', () => {
    fc.assert(
      fc.property(fc.jsonValue({maxDepth: 6}), value => {
        const json: unknown = JSON.parse(JSON.stringify(value))
        const once = toPlainJson(json)
        expect(toPlainJson(once)).toEqual(once)
        expect(JSON.stringify(json)).toBe(JSON.stringify(value))
      }),
    )
  })
})
