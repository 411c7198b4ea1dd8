import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import type {Json, JsonObject} from '../../../src/lib/base/json.ts'
import {checkConfig, requiredConfig} from '../../../src/lib/model/config-check.ts'

function check(schema: JsonObject, config: JsonObject) {
  return checkConfig({name: 'x', config: [{name: 'x', type: 'object', ...schema}]}, config)
}

function checkOne(property: JsonObject, value: Json) {
  return check({properties: {v: property}}, {v: value}).map(({message}) => message)
}

describe('checkConfig', () => {
  test('has nothing to say about an entry without schemas', () => {
    expect(checkConfig({name: 'x'}, {any: 'thing'})).toEqual([])
  })

  for (const value of [undefined, null, '', [], {}]) {
    test(`reports a required value that is ${JSON.stringify(value)}`, () => {
      expect(check({properties: {v: {type: 'string'}}, required: ['v']}, {v: value})).toEqual([
        {path: 'v', message: 'is not set'},
      ])
    })
  }

  test('takes false and zero as set', () => {
    const schema = {properties: {a: {type: 'boolean'}, b: {type: 'integer'}}, required: ['a', 'b']}
    expect(check(schema, {a: false, b: 0})).toEqual([])
  })

  test('asks for nothing that has a default or is not required', () => {
    const properties = {a: {type: 'string', default: 'x'}, b: {type: 'string'}}
    expect(check({properties, required: ['a']}, {})).toEqual([])
  })

  test('asks for a required value that the schema does not describe', () => {
    expect(check({properties: {}, required: ['a']}, {})).toEqual([
      {path: 'a', message: 'is not set'},
    ])
  })

  const types: readonly (readonly [string, Json, string | undefined])[] = [
    ['string', 'a', undefined],
    ['string', 5, 'must be text, not a number (put it in quotes)'],
    ['string', true, 'must be text, not true or false (put it in quotes)'],
    ['string', ['a'], 'must be text, not a list'],
    ['integer', 5, undefined],
    ['integer', 5.5, 'must be a whole number, not a number'],
    ['integer', '5', 'must be a whole number, not text'],
    ['number', 5.5, undefined],
    ['number', 'x', 'must be a number, not text'],
    ['boolean', false, undefined],
    ['boolean', 'true', 'must be true or false, not text'],
    ['object', {a: 1}, undefined],
    ['object', 'a', 'must be a map, not text'],
    ['array', ['a'], undefined],
    ['array', {a: 1}, 'must be a list, not a map'],
    ['constructor', 'a', undefined],
  ]
  for (const [type, value, message] of types) {
    test(`says ${message ?? 'nothing'} for ${JSON.stringify(value)} as ${type}`, () => {
      expect(checkOne({type}, value)).toEqual(message === undefined ? [] : [message])
    })
  }

  test('looks at each item of a list', () => {
    const property = {type: 'array', items: {type: 'string'}}
    expect(check({properties: {v: property}}, {v: ['a', 1, null]})).toEqual([
      {path: 'v.1', message: 'must be text, not a number (put it in quotes)'},
      {path: 'v.2', message: 'must be text, not nothing'},
    ])
  })

  test('looks into maps that are set, and names what is missing inside', () => {
    const jira = {type: 'object', properties: {url: {type: 'string'}}, required: ['url']}
    expect(check({properties: {jira}}, {})).toEqual([])
    expect(check({properties: {jira}}, {jira: {user: 'a'}})).toEqual([
      {path: 'jira.url', message: 'is not set'},
    ])
    expect(check({properties: {jira}, required: ['jira']}, {})).toEqual([
      {path: 'jira.url', message: 'is not set'},
    ])
  })

  test('wants one of several groups where the schema says so', () => {
    const anyOf = [{required: ['a']}, {required: ['b', 'c']}]
    expect(check({anyOf}, {a: '1'})).toEqual([])
    expect(check({anyOf}, {b: '1', c: '2'})).toEqual([])
    expect(check({anyOf}, {b: '1'})).toEqual([
      {path: '', message: 'one of these must be set: a, b and c'},
    ])
  })

  test('compares with the choices, the range and the pattern', () => {
    expect(checkOne({enum: ['a', 'b']}, 'c')).toEqual(['must be one of: a, b'])
    expect(checkOne({enum: ['a', 'b']}, 'b')).toEqual([])
    expect(checkOne({minimum: 1, maximum: 9}, 0)).toEqual(['must be at least 1'])
    expect(checkOne({minimum: 1, maximum: 9}, 10)).toEqual(['must be at most 9'])
    expect(checkOne({minimum: 1, maximum: 9}, 5)).toEqual([])
    expect(checkOne({pattern: '^https?://'}, 'ftp://x')).toEqual([
      'must match the pattern ^https?://',
    ])
    expect(checkOne({pattern: '^https?://'}, 'http://x')).toEqual([])
  })

  test('does not run patterns that are wrong or could run for hours', () => {
    const value = `${'a'.repeat(200)}!`
    for (const pattern of ['(', '(a+)+$', '(a|aa)*$', 'a*a*a*a*a*$', '(a)\\1', 'x'.repeat(201)]) {
      expect(checkOne({pattern}, value)).toEqual([])
    }
    expect(checkOne({pattern: '^b'}, 'a'.repeat(257))).toEqual([])
  })

  test('reads strange schemas without throwing, and never repeats a text value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.stringMatching(/^s3cret-[a-z]{8}$/u), (schema, secret) => {
        const property: Json = JSON.parse(JSON.stringify(schema))
        const config = [{name: 'x', properties: {v: property}, required: property, anyOf: property}]
        const problems = checkConfig({name: 'x', config}, {v: secret})
        expect(JSON.stringify(problems)).not.toContain(secret)
      }),
    )
  })
})

describe('requiredConfig', () => {
  test('names the values that must be set, at their depth', () => {
    const jira = {type: 'object', properties: {url: {type: 'string'}}, required: ['url']}
    const properties = {jira, dir: {type: 'string'}, mode: {type: 'string', default: 'ro'}}
    const config = [{name: 'x', properties, required: ['jira', 'dir', 'mode', 'other']}]
    expect(requiredConfig({name: 'x', config})).toEqual(['jira.url', 'dir', 'other'])
    expect(requiredConfig({name: 'x'})).toEqual([])
  })
})
