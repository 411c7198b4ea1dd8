import {expect, test} from 'vitest'
import {listOf} from '../../src/lib/list-flag.ts'

test.each([
  [undefined, undefined],
  [[], []],
  [['a,b'], ['a,b']],
  ['a', ['a']],
  ['a,b', ['a', 'b']],
  [' a , b ', ['a', 'b']],
  ['a\\,b,c', ['a,b', 'c']],
  ['a,', ['a', '']],
])('reads %j as %j', (given, values) => {
  expect(listOf(given)).toEqual(values)
})
