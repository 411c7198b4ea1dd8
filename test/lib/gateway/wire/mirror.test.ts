import {validateHeaderValue} from 'node:http'
import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {
  decodeHeaderValue,
  encodeHeaderValue,
  mirroredName,
  mirrorFault,
} from '../../../../src/lib/gateway/wire/mirror.ts'
import {notification, request, result} from '../../../../src/lib/gateway/wire/jsonrpc.ts'

/** Every code unit, also halves of pairs, and what looks like encoded text. */
const anyText = fc.oneof(
  fc.string({unit: fc.integer({min: 0, max: 0xff_ff}).map(code => String.fromCharCode(code))}),
  fc.string({unit: 'binary'}),
  fc.string(),
  fc.string().map(text => `=?base64?${text}?=`),
  fc.string().map(text => encodeHeaderValue(text)),
  fc.constantFrom('', ' ', '\t', '\ufeff', '=?base64?=', '=?base64??=', '=?BASE64?YQ==?='),
)

describe('the value of a header', () => {
  test('gives back the text that it was made of', () => {
    fc.assert(
      fc.property(anyText, text => {
        expect(decodeHeaderValue(encodeHeaderValue(text))).toBe(text.toWellFormed())
      }),
      {numRuns: 1000},
    )
  })

  test('is one that a header can hold, and loses nothing at its ends', () => {
    fc.assert(
      fc.property(anyText, text => {
        const value = encodeHeaderValue(text)
        expect(value).toMatch(/^[ -~]+$/)
        expect(value.trim()).toBe(value)
        expect(() => validateHeaderValue('mcp-name', value)).not.toThrow()
      }),
      {numRuns: 1000},
    )
  })

  test.each([
    ['us-west1', 'us-west1'],
    ['Hello, 世界', '=?base64?SGVsbG8sIOS4lueVjA==?='],
    [' padded ', '=?base64?IHBhZGRlZCA=?='],
    ['line1\nline2', '=?base64?bGluZTEKbGluZTI=?='],
    ['=?base64?literal?=', '=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?='],
  ])('is written for %j as the specification has it', (text, value) => {
    expect(encodeHeaderValue(text)).toBe(value)
    expect(decodeHeaderValue(value)).toBe(text)
  })

  test.each([
    ['SGVsbG8=', 'SGVsbG8='],
    ['=?base64?SGVsbG8=', '=?base64?SGVsbG8='],
    ['=?Base64?SGVsbG8=?=', '=?Base64?SGVsbG8=?='],
    ['=?base64?=', '=?base64?='],
    ['100%25 of\tit', '100%25 of\tit'],
    ['=?base64??=', ''],
  ])('%j is read as %j', (value, text) => {
    expect(decodeHeaderValue(value)).toBe(text)
  })

  test.each([
    ['without its padding', '=?base64?SGVsbG8?='],
    ['with other letters', '=?base64?SGVs!!!bG8=?='],
    ['of the kind for addresses', '=?base64?_-8=?='],
    ['with bits that mean nothing', '=?base64?SGVsbG9=?='],
    ['of bytes that are no text', '=?base64?/w==?='],
    ['beyond ASCII', 'gr\u00fcn'],
    ['with a control character', 'a\u0001b'],
  ])('%s is none', (_, value) => {
    expect(decodeHeaderValue(value)).toBeUndefined()
  })

  test('whatever it is, is text or nothing', () => {
    fc.assert(
      fc.property(anyText, value => {
        const text = decodeHeaderValue(value)
        expect(['string', 'undefined']).toContain(typeof text)
      }),
    )
  })
})

describe('the name that a header repeats', () => {
  test.each([
    [request(1, 'tools/call', {name: 'n', uri: 'u'}), 'n'],
    [request(1, 'prompts/get', {name: 'n'}), 'n'],
    [request(1, 'resources/read', {uri: 'u', name: 'n'}), 'u'],
    [request(1, 'tasks/cancel', {taskId: 't'}), 't'],
    [request(1, 'tools/call', {name: ['n']}), undefined],
    [request(1, 'tools/call'), undefined],
    [request(1, 'tools/list', {name: 'n'}), undefined],
    [notification('constructor', {name: 'n'}), undefined],
    [result(1, {name: 'n'}), undefined],
  ])('of %j is %j', (message, name) => {
    expect(mirroredName(message)).toBe(name)
  })
})

describe('headers and body', () => {
  const call = request(1, 'tools/call', {name: 'grün'})

  test('agree when the headers are made of the body, whatever it names', () => {
    fc.assert(
      fc.property(anyText, name => {
        const headers = {method: 'tools/call', name: encodeHeaderValue(name)}
        expect(mirrorFault(request(1, 'tools/call', {name}), headers)).toBeUndefined()
      }),
    )
  })

  test.each([
    ['method', {method: undefined, name: 'x'}, 'Mcp-Method is missing'],
    ['method', {method: 'TOOLS/CALL', name: 'x'}, 'Mcp-Method is not the method of the body'],
    ['name', {method: 'tools/call', name: undefined}, 'Mcp-Name is missing'],
    ['name', {method: 'tools/call', name: 'Grun'}, 'Mcp-Name is not params.name of the body'],
    ['name', {method: 'tools/call', name: 'grün'}, 'Mcp-Name holds what no header value may'],
    ['name', {method: 'tools/call', name: 'gr%C3%BCn'}, 'Mcp-Name is not params.name of the body'],
  ])('do not agree on the %s when the headers are %j', (_, headers, fault) => {
    expect(mirrorFault(call, headers)).toContain(fault)
  })

  test('do not agree on a name that the body does not have', () => {
    const nameless = request(1, 'resources/read', {})
    expect(mirrorFault(nameless, {method: 'resources/read', name: ''})).toContain('params.uri')
    expect(mirrorFault(nameless, {method: 'resources/read', name: undefined})).toBeUndefined()
  })

  test('need no name where none is repeated', () => {
    const list = request(1, 'tools/list', {name: 'n'})
    expect(mirrorFault(list, {method: 'tools/list', name: 'other'})).toBeUndefined()
  })
})
