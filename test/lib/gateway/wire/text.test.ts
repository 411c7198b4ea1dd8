import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {isResponse, type Id, type Response} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {parseMessage} from '../../../../src/lib/gateway/wire/parse.ts'
import {textOf, withId} from '../../../../src/lib/gateway/wire/text.ts'

const LARGE = 'x'.repeat(70_000)
const id = fc.oneof(fc.string(), fc.integer(), fc.constantFrom('', '"', '0', 0))

/** An answer as it is read from this text. */
function answer(text: string): Response {
  const message = parseMessage(text)
  if (!('jsonrpc' in message) || !isResponse(message)) throw new Error(`no answer: ${text}`)
  return message
}

/** What a client reads of an answer that was given another id. */
function passedOn(text: string, to: Id): unknown {
  return JSON.parse(textOf(withId(answer(text), to)))
}

describe('an answer under another id', () => {
  test('is the same but for its id, in whatever form it comes and however large it is', () => {
    const value = fc.dictionary(fc.string(), fc.jsonValue(), {maxKeys: 4})
    fc.assert(
      fc.property(value, id, fc.boolean(), fc.boolean(), (result, to, isLarge, isTail) => {
        const body = isLarge ? {...result, LARGE} : result
        const own = isTail
          ? {result: body, jsonrpc: '2.0', id: 7}
          : {jsonrpc: '2.0', id: 7, result: body}
        const text = JSON.stringify(own)
        // What is not the same in JSON, as -0 is not, is not for the answer to keep.
        expect(passedOn(text, to)).toEqual({...JSON.parse(text), id: to})
      }),
    )
  })

  test('keeps the text of a large one, numbers that no reader keeps included', () => {
    const text = `{"jsonrpc":"2.0","id":7,"result":{"n":1.00,"big":12345678901234567890,"text":"${LARGE}"}}`
    expect(textOf(withId(answer(text), 'a'))).toBe(text.replace('"id":7', '"id":"a"'))
    const tail = `{"result":{"n":1.00,"text":"${LARGE}"},"jsonrpc":"2.0","id":7}`
    expect(textOf(withId(answer(tail), 'a'))).toBe(tail.replace('"id":7', '"id":"a"'))
  })

  test.each([
    ['a second id behind the result', `{"jsonrpc":"2.0","id":7,"result":{"a":"${LARGE}"},"id":7}`],
    [
      'a second id and a second result',
      `{"jsonrpc":"2.0","id":7,"result":{"a":"${LARGE}"},"id":7,"result":{}}`,
    ],
    [
      'an id at both ends',
      `{"jsonrpc":"2.0","id":7,"result":{"a":"${LARGE}"},"jsonrpc":"2.0","id":7}`,
    ],
    ['an escaped id', `{"jsonrpc":"2.0","id":7,"result":{"a":"${LARGE}"},"\\u0069d":7}`],
    ['an id of the result', `{"jsonrpc":"2.0","id":7,"result":{"id":7,"a":"${LARGE}"}}`],
    ['space', `{ "jsonrpc":"2.0", "id":7, "result":{"a":"${LARGE}"}}`],
  ])('has that id alone, whatever else the server wrote: %s', (_what, text) => {
    const read = passedOn(text, 'mine')
    expect(read).toEqual({...answer(text), id: 'mine'})
  })

  test('has no line break, and no letter as an escape that a search would not find', () => {
    const pretty = `{"jsonrpc":"2.0","id":7,"result":\n{"a":"${LARGE}"}}`
    expect(textOf(withId(answer(pretty), 1))).not.toContain('\n')
    const escaped = `{"jsonrpc":"2.0","id":7,"result":{"a":"\\u0067hp_ ${LARGE}"}}`
    expect(textOf(withId(answer(escaped), 1))).toContain('"ghp_ ')
  })
})
