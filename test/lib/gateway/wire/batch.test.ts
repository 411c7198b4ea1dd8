import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {
  parseIncoming,
  parseMessages,
  refusalText,
  whyNoBatch,
} from '../../../../src/lib/gateway/wire/batch.ts'
import {notification, request, result} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {parseMessage} from '../../../../src/lib/gateway/wire/parse.ts'

const VERSION = '2025-03-26'
const ping = request(1, 'ping')

const message = fc.oneof(
  fc.nat().map(id => request(id, 'ping')),
  fc.string().map(method => notification(method)),
  fc.string().map(id => result(id, {})),
)
const junk = fc.oneof(fc.jsonValue(), fc.constant({jsonrpc: '2.0', id: 7}))

describe('text', () => {
  test('of a batch is each of its elements, read as it would be by itself', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(message, junk), {maxLength: 20}), elements => {
        expect(parseIncoming(JSON.stringify(elements))).toEqual(
          elements.map(element => parseMessage(JSON.stringify(element))),
        )
      }),
    )
  })

  test('that is no batch is read as ever', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          message.map(one => JSON.stringify(one)),
          fc.string(),
        ),
        text => {
          fc.pre(!text.trimStart().startsWith('['))
          expect(parseIncoming(text)).toEqual(parseMessage(text))
        },
      ),
    )
  })

  test.each(['[', '[{}', '[1]]', ' \n['])('like %j is no JSON', text => {
    expect(parseIncoming(text)).toMatchObject({code: -32700})
  })

  test('of a batch too large is refused as a whole', () => {
    expect(parseIncoming(JSON.stringify(Array(1000).fill(ping)))).toHaveLength(1000)
    expect(parseIncoming(JSON.stringify(Array(1001).fill(ping)))).toMatchObject({
      code: -32600,
      reason: 'a batch holds at most 1000 messages',
    })
  })

  test('nested too deep is refused whole, before it is read', () => {
    const deep = `{"jsonrpc":"2.0","id":5,"result":${'{"a":'.repeat(600)}1${'}'.repeat(600)}}`
    expect(parseIncoming(`[${deep},{"jsonrpc":"2.0","id":6,"method":"ping"}]`)).toMatchObject({
      code: -32600,
      reason: 'nested deeper than 512 levels',
    })
  })
})

describe('the messages of a server', () => {
  test('are taken one by one out of a batch, without what is none', () => {
    fc.assert(
      fc.property(fc.array(message, {maxLength: 20}), messages => {
        const mixed = messages.flatMap(one => [one, 'junk', {id: 1}])
        expect(parseMessages(` ${JSON.stringify(mixed)}`)).toEqual(messages)
      }),
    )
  })

  test.each(['', 'junk', '{}', '[]', '[1]'])('are none in %j', text => {
    expect(parseMessages(text)).toEqual([])
  })

  test('are one when there is no batch', () => {
    expect(parseMessages(JSON.stringify(ping))).toEqual([ping])
  })
})

describe('a batch of a client', () => {
  test('is taken in the one revision that has them', () => {
    expect(whyNoBatch([ping, notification('x'), request('1', 'ping')], VERSION)).toBeUndefined()
  })

  test.each(['2024-11-05', '2025-06-18', '2025-11-25', undefined])(
    'is not taken in %s',
    version => {
      expect(whyNoBatch([ping], version)).toBe('batches are not taken: send one message at a time')
    },
  )

  test.each([
    ['is empty', [], 'the batch is empty'],
    ['opens a session', [ping, request(2, 'initialize')], 'initialize is sent by itself'],
    ['uses an id twice', [ping, ping], 'two requests of the batch have the same id'],
  ])('is not taken when it %s', (_, elements, why) => {
    expect(whyNoBatch(elements, VERSION)).toBe(why)
  })
})

test('what is no message is answered under its id, or under none', () => {
  const refused = {code: -32600, reason: 'no'}
  expect(JSON.parse(refusalText({...refused, id: 0}))).toEqual({
    jsonrpc: '2.0',
    error: {code: -32600, message: 'no'},
    id: 0,
  })
  expect(JSON.parse(refusalText({...refused, id: undefined}))).toMatchObject({id: null})
})
