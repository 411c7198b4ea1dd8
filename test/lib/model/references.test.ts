import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {referencesIn, resolveReferences} from '../../../src/lib/model/references.ts'

describe('resolveReferences', () => {
  test.each([
    ['${A}', {A: 'x'}, 'x'],
    ['Bearer ${A}-${B_2}', {A: 'x', B_2: 'y'}, 'Bearer x-y'],
    ['plain', {}, 'plain'],
    ['$A ${} ${1A} ${A', {A: 'x'}, '$A ${} ${1A} ${A'],
    ['${A}', {A: '${B}', B: 'no'}, '${B}'],
    ['${A}', {A: '$&$1'}, '$&$1'],
    ['${A}', {}, undefined],
    ['${A}${B}', {A: 'x', B: ''}, undefined],
  ] as const)('makes of %j with %j: %j', (text, env, resolved) => {
    expect(resolveReferences(text, env)).toBe(resolved)
  })

  test('puts any value in as it is', () => {
    fc.assert(
      fc.property(fc.string(), fc.string({minLength: 1}), (around, value) => {
        fc.pre(referencesIn(around).length === 0 && !around.includes('$'))
        expect(resolveReferences(`${around}\${A}${around}`, {A: value})).toBe(
          around + value + around,
        )
      }),
    )
  })
})

test('names each variable once', () => {
  expect(referencesIn('${A} ${B} ${A}')).toEqual(['A', 'B'])
})
