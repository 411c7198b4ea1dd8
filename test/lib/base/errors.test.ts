import {describe, expect, test} from 'vitest'
import {messageOf, PluginError, systemCode} from '../../../src/lib/base/errors.ts'

describe('PluginError', () => {
  test('carries the code, the next step and the cause', () => {
    const cause = new Error('underneath')
    const error = new PluginError('FILE_MISSING', 'no such file', {hint: 'make it', cause})
    expect(error).toMatchObject({
      name: 'PluginError',
      code: 'FILE_MISSING',
      message: 'no such file',
      hint: 'make it',
      cause,
    })
  })

  test('has neither a hint nor a cause when none is given', () => {
    const error = new PluginError('USAGE', 'no')
    expect(error.hint).toBeUndefined()
    expect(Object.hasOwn(error, 'cause')).toBe(false)
  })
})

describe('messageOf', () => {
  test.each([
    [new Error('text'), 'text'],
    ['text', 'text'],
    [undefined, 'undefined'],
    [null, 'null'],
    [new AggregateError([new Error('a'), 'b', new AggregateError([new Error('c')])]), 'a; b; c'],
    [new AggregateError([new Error('a')], 'both failed'), 'both failed'],
  ])('gives the text of %s', (thrown, message) => {
    expect(messageOf(thrown)).toBe(message)
  })
})

describe('systemCode', () => {
  test('gives the code of a system error', () => {
    expect(systemCode(Object.assign(new Error('x'), {code: 'ENOENT'}))).toBe('ENOENT')
  })

  test.each([
    new Error('x'),
    Object.assign(new Error('x'), {code: 5}),
    {code: 'ENOENT'},
    undefined,
  ])('gives nothing for %s', thrown => {
    expect(systemCode(thrown)).toBeUndefined()
  })
})
