import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {PluginError} from '../../../src/lib/base/errors.ts'
import {readPullPolicy} from '../../../src/lib/catalog/pull-policy.ts'

function isReadOrRefused(text: string): boolean {
  try {
    return readPullPolicy(text).whenOlderMs >= 0
  } catch (error) {
    return error instanceof PluginError && error.code === 'USAGE'
  }
}

describe('when to pull', () => {
  test.each([
    ['never', false, Infinity],
    ['never@1h', false, Infinity],
    ['missing', true, Infinity],
    ['missing@1h', true, Infinity],
    ['initial', true, Infinity],
    ['always', true, 0],
    ['always@2s', true, 2000],
    ['exists', false, 0],
    ['exists@6h', false, 21_600_000],
    ['1h30m', true, 5_400_000],
    ['1.5s', true, 1500],
    ['1d', true, 86_400_000],
    ['250ms', true, 250],
    ['missing+exists@1m', true, 60_000],
    ['never+exists@1m+exists@1s', false, 1000],
  ])('%s', (text, whenMissing, whenOlderMs) => {
    expect(readPullPolicy(text)).toEqual({whenMissing, whenOlderMs})
  })

  test.each([
    '',
    'sometimes',
    'always@',
    '1',
    '1x',
    '@1h',
    '1h@1h',
    'always@1h@1h',
    '+',
    '-1h',
    '__proto__',
    'h',
  ])('is not "%s"', text => {
    expect(() => readPullPolicy(text)).toThrow(/--pull does not take/)
  })

  test('is read or refused, whatever is written', () => {
    const unit = fc.constantFrom('never', 'always', '@', '+', '1', '.', 'h', 'ms', '\u0000')
    fc.assert(fc.property(fc.string({unit}), isReadOrRefused))
  })

  test('of several is what the most eager one of them says', () => {
    const words = fc.constantFrom('never', 'missing', 'initial', 'always@3s', 'exists@1s', '2s')
    fc.assert(
      fc.property(fc.array(words, {minLength: 1}), options => {
        const each = options.map(readPullPolicy)
        expect(readPullPolicy(options.join('+'))).toEqual({
          whenMissing: each.some(({whenMissing}) => whenMissing),
          whenOlderMs: Math.min(...each.map(({whenOlderMs}) => whenOlderMs)),
        })
      }),
    )
  })
})
