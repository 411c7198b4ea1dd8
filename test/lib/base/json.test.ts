import {describe, expect, test} from 'vitest'
import {isJsonObject} from '../../../src/lib/base/json.ts'

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
