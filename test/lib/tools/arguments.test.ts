import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'

import {PluginError} from '../../../src/lib/base/errors.ts'
import {readArguments} from '../../../src/lib/tools/arguments.ts'

const inputSchema = {
  type: 'object',
  properties: {
    text: {type: 'string'},
    count: {type: 'integer'},
    share: {type: 'number'},
    on: {type: 'boolean'},
    where: {type: 'object'},
    names: {type: 'array', items: {type: 'string'}},
    sizes: {type: 'array', items: {type: 'number'}},
    maybe: {type: ['null', 'number']},
    free: {},
  },
}

const read = (...words: string[]) => readArguments(words, {name: 'weigh', inputSchema})

describe('readArguments', () => {
  test.each([
    [['text=hello'], {text: 'hello'}],
    [['text=a=b=c'], {text: 'a=b=c'}],
    [['text='], {text: ''}],
    [['text=12'], {text: '12'}],
    [['count=12'], {count: 12}],
    [['share=-0.5'], {share: -0.5}],
    [['on=true'], {on: true}],
    [['where={"x": [1]}'], {where: {x: [1]}}],
    [['names=a'], {names: ['a']}],
    [['names=a', 'names=b'], {names: ['a', 'b']}],
    [['names=["a","b"]'], {names: ['a', 'b']}],
    [['sizes=1', 'sizes=2.5'], {sizes: [1, 2.5]}],
    [['maybe=3'], {maybe: 3}],
    [['text'], {text: null}],
    [['free=1'], {free: '1'}],
    [['unknown=1'], {unknown: '1'}],
    [['unknown=1', 'unknown=2'], {unknown: ['1', '2']}],
    [[], {}],
  ] as const)('%j is %j', (words, args) => {
    expect(read(...words)).toEqual(args)
  })

  test.each([
    ['count=many', 'the argument count of weigh must be an integer'],
    ['share=', 'the argument share of weigh must be a number'],
    ['on=yes', 'the argument on of weigh must be a boolean'],
    ['where=[1]', 'the argument where of weigh must be an object'],
    ['sizes=[1', 'the argument sizes of weigh must be an array'],
    ['sizes=big', 'the argument sizes of weigh must be a number'],
    ['count=1.5', 'the argument count of weigh must be an integer'],
  ])('%s is refused: %s', (word, message) => {
    expect(() => read(word)).toThrow(
      new PluginError('USAGE', message, {
        hint: 'see what it takes: docker mcp tools inspect weigh',
      }),
    )
  })

  test('gives every text back as it is when the schema says nothing of it', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[^=]+$/), fc.string(), (key, value) => {
        const args = readArguments([`${key}=${value}`], {name: 'x', inputSchema: {type: 'object'}})
        expect(Object.entries(args)).toEqual([[key, value]])
      }),
    )
  })

  test('reads any JSON value that the schema asks for', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), value => {
        expect(read(`where=${JSON.stringify(value)}`)).toEqual({
          where: JSON.parse(JSON.stringify(value)),
        })
      }),
    )
  })

  test.each([undefined, null, 7, {properties: 7}, {properties: {a: 7}}])(
    'takes all as text when the schema is %j',
    schema => {
      expect(readArguments(['a=1'], {name: 'x', inputSchema: schema})).toEqual({a: '1'})
    },
  )
})
