import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {
  classify,
  failure,
  isRequest,
  isResponse,
  isResult,
  isUnusable,
  notification,
  request,
  result,
} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {parseMessage} from '../../../../src/lib/gateway/wire/parse.ts'

/** What a value is taken for. */
function kindOf(value: unknown): string {
  const message = classify(value)
  if (isUnusable(message)) return 'unusable'
  if (isResponse(message)) return isResult(message) ? 'result' : 'error'
  return isRequest(message) ? 'request' : 'notification'
}

describe('classify', () => {
  test.each([
    ['request', {id: 0, method: 'm'}],
    ['request', {id: '0', method: 'm', params: {}}],
    ['request', {id: 0.5, method: 'm'}],
    ['request', {id: '', method: ''}],
    ['request', {id: 1, method: 'm', params: null}],
    ['request', {id: 1, method: 'm', result: {}}],
    ['notification', {method: 'm'}],
    ['notification', {method: 'constructor', params: {a: 1}}],
    ['result', {id: 0, result: {}}],
    ['result', {id: '1', result: {a: null}, extra: 1}],
    ['error', {id: 1, error: {code: -1, message: 'no'}}],
    ['error', {id: 1, result: {}, error: {code: -1, message: 'no'}}],
    ['unusable', {}],
    ['unusable', {id: 1}],
    ['unusable', {id: null, method: 'm'}],
    ['unusable', {id: [1], method: 'm'}],
    ['unusable', {id: {}, method: 'm'}],
    ['unusable', {id: true, result: {}}],
    ['unusable', {id: 1, method: 5}],
    ['unusable', {id: 1, method: 'm', params: [1]}],
    ['unusable', {method: 'm', params: 'text'}],
    ['unusable', {id: null, error: {code: -1, message: 'no'}}],
  ])('takes for %s: %j', (kind, members) => {
    expect(kindOf({jsonrpc: '2.0', ...members})).toBe(kind)
  })

  test.each([null, undefined, 5, 'text', true, [], [request(1, 'm')], {method: 'm'}])(
    'refuses what does not say that it is JSON-RPC 2.0: %j',
    value => {
      expect(classify(value)).toMatchObject({code: -32600, id: undefined})
    },
  )

  test('refuses an id that JSON cannot carry back', () => {
    expect(parseMessage('{"jsonrpc":"2.0","id":1e999,"method":"m"}')).toMatchObject({
      code: -32600,
      id: undefined,
    })
  })

  test.each([
    [{result: null}],
    [{result: 'text'}],
    [{result: [1]}],
    [{error: 'text'}],
    [{error: {message: 'no'}}],
    [{error: {code: '1', message: 'no'}}],
  ])('makes an error of an answer that is none, so that nobody waits for ever: %j', members => {
    expect(classify({jsonrpc: '2.0', id: '7', ...members})).toMatchObject({
      id: '7',
      error: {code: -32603, data: members},
    })
  })

  test('gives the very value, unknown members and all', () => {
    const value = {jsonrpc: '2.0', id: 1, method: 'm', params: {a: {b: [1]}}, x: {y: 'z'}}
    expect(classify(value)).toBe(value)
  })

  test('never throws, and answers with the id whenever there is one', () => {
    const anyId = fc.oneof(fc.integer(), fc.string(), fc.double({noNaN: true}))
    const likely = fc.record(
      {
        jsonrpc: fc.constant('2.0'),
        id: fc.oneof(anyId, fc.jsonValue()),
        method: fc.oneof(fc.string(), fc.jsonValue()),
        params: fc.jsonValue(),
        result: fc.jsonValue(),
        error: fc.jsonValue(),
      },
      {requiredKeys: ['jsonrpc']},
    )
    fc.assert(
      fc.property(likely, value => {
        const message = classify(value)
        const id = 'id' in message ? message.id : undefined
        expect(id === undefined || id === value.id).toBe(true)
        expect(isUnusable(message)).toBe(!('jsonrpc' in message))
      }),
    )
  })
})

const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`
const mixed = (pairs: number) => `${'[{"a":'.repeat(pairs)}1${'}]'.repeat(pairs)}`
const call = (value: string) => `{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":${value}}}`

describe('parseMessage', () => {
  test('refuses what is nested too deep for those who must write it again', () => {
    expect(parseMessage(call(nested(510)))).toMatchObject({method: 'm'})
    expect(parseMessage(call(nested(511)))).toMatchObject({code: -32600, id: 1})
    expect(parseMessage(nested(100_000))).toMatchObject({id: undefined})
    expect(parseMessage(call(mixed(255)))).toMatchObject({method: 'm'})
    expect(parseMessage(call(mixed(256)))).toMatchObject({code: -32600, id: 1})
  })

  test('makes an error of an answer that is too deep', () => {
    expect(parseMessage(`{"jsonrpc":"2.0","id":1,"result":{"a":${nested(600)}}}`)).toMatchObject({
      id: 1,
      error: {code: -32603, message: expect.stringContaining('512 levels')},
    })
  })

  test('counts no bracket of a text', () => {
    fc.assert(
      fc.property(fc.string(), text => {
        const value = `${text}\\"${'[{'.repeat(600)}`
        expect(parseMessage(JSON.stringify(notification('m', {value})))).toMatchObject({
          params: {value},
        })
      }),
    )
  })

  test('takes a good answer that says it has no error', () => {
    const text = '{"jsonrpc":"2.0","id":1,"result":{"a":1},"error":null}'
    expect(parseMessage(text)).toEqual({jsonrpc: '2.0', id: 1, result: {a: 1}})
  })

  test.each(['', '{', 'hello', '{"jsonrpc":"2.0","id":1,"method":"m"} x'])(
    'refuses text that is not JSON: %s',
    text => {
      expect(parseMessage(text)).toMatchObject({code: -32700, id: undefined})
    },
  )

  test('gives back every message unchanged', () => {
    const anyObject = fc.dictionary(fc.string(), fc.jsonValue())
    const anyId = fc.oneof(fc.integer(), fc.string())
    const anyMessage = fc.oneof(
      fc.tuple(anyId, fc.string(), anyObject).map(args => JSON.stringify(request(...args))),
      fc.tuple(fc.string(), anyObject).map(args => JSON.stringify(notification(...args))),
      fc.tuple(anyId, anyObject).map(args => JSON.stringify(result(...args))),
      fc.tuple(anyId, fc.integer(), fc.string()).map(args => JSON.stringify(failure(...args))),
    )
    fc.assert(
      fc.property(anyMessage, text => {
        expect(JSON.stringify(parseMessage(text))).toBe(text)
      }),
    )
  })

  test('keeps a member that is called __proto__ as data, in the message and in copies of it', () => {
    const text =
      '{"jsonrpc":"2.0","id":1,"method":"m","params":{"__proto__":{"polluted":true},"a":1}}'
    const message = parseMessage(text)
    expect(JSON.stringify({...message})).toBe(text)
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })
})
