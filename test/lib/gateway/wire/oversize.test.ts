import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {
  answerInPlaceOf,
  Collector,
  identify,
  tooLarge,
  type Oversize,
} from '../../../../src/lib/gateway/wire/oversize.ts'

/** What is kept of a text that came in pieces of these sizes. */
function endsOf(text: string, pieces: readonly number[] = []): Oversize {
  const collector = new Collector(0)
  const bytes = Buffer.from(text)
  let at = 0
  for (const size of pieces) collector.add(bytes.subarray(at, (at += size)))
  collector.add(bytes.subarray(at))
  const taken = collector.take()
  if (taken === undefined || Buffer.isBuffer(taken)) throw new Error('it was not too large')
  return taken
}

const BALLAST = 'é"\\,{}[]:"id":5,'.repeat(200)
const id = fc.oneof(fc.integer(), fc.string({maxLength: 40}))
const short = fc.oneof(fc.string({maxLength: 40}), fc.integer(), fc.boolean(), fc.constant(null))
const name = fc.oneof(
  fc.string(),
  fc.constantFrom('jsonrpc', 'method', 'params', 'result', '\\"id'),
)
const anything = fc.oneof(short, fc.jsonValue(), fc.constant(BALLAST), fc.constant([BALLAST]))
const members = fc.array(fc.tuple(name, anything)).map(pairs => new Map(pairs))

/** A message with its members in this order, written with or without spaces. */
function write(pairs: Iterable<readonly [string, unknown]>, space: number): string {
  const parts = [...pairs].map(
    ([key, value]) => `${JSON.stringify(key)}:${' '.repeat(space)}${JSON.stringify(value)}`,
  )
  return `{${parts.join(`,${' '.repeat(space)}`)}}${' '.repeat(space)}`
}

describe('identify', () => {
  test('never takes the id of something inside, or of a text, for that of the message', () => {
    fc.assert(
      fc.property(members, fc.option(id), fc.nat(20), fc.nat(2), (others, own, place, space) => {
        others.delete('id')
        const all: (readonly [string, unknown])[] = [...others]
        if (own !== null) all.splice(place, 0, ['id', own])
        const text = write(all, space)
        const found = identify(endsOf(text))
        expect([own ?? undefined, undefined]).toContain(found.id)
        expect([others.has('method'), false]).toContain(found.isCall)
      }),
      {numRuns: 2000},
    )
  })

  test.each([
    [(own: unknown) => ({jsonrpc: '2.0', id: own, result: {text: BALLAST}})],
    [(own: unknown) => ({result: {text: BALLAST}, jsonrpc: '2.0', id: own})],
    [(own: unknown) => ({result: {text: BALLAST, id: 5}, id: own, jsonrpc: '2.0'})],
    [(own: unknown) => ({id: own, jsonrpc: '2.0', result: {list: [{id: 5}, BALLAST]}})],
  ])('finds the id of an answer in the orders that servers write (%#)', answer => {
    fc.assert(
      fc.property(id, own => {
        const text = JSON.stringify(answer(own))
        expect(identify(endsOf(text))).toEqual({id: own, isCall: false})
      }),
    )
  })

  test.each([
    {jsonrpc: '2.0', id: 7, method: 'tools/call', params: {text: BALLAST}},
    {method: 'tools/call', params: {text: BALLAST}, jsonrpc: '2.0', id: 7},
    {jsonrpc: '2.0', id: 7, params: {text: BALLAST}, method: 'tools/call'},
  ])('tells a request (%#)', message => {
    expect(identify(endsOf(JSON.stringify(message)))).toEqual({id: 7, isCall: true})
  })

  test.each([
    ['', BALLAST],
    ['an array', JSON.stringify([{id: 7, ballast: BALLAST}])],
    ['a notification', JSON.stringify({jsonrpc: '2.0', params: {id: 7, ballast: BALLAST}})],
    ['an id that is none', JSON.stringify({id: {}, ballast: BALLAST})],
    ['an id too far inside', JSON.stringify({first: BALLAST, id: 7, last: BALLAST})],
  ])('finds no id where there is none to find: %s', (_what, text) => {
    expect(identify(endsOf(text)).id).toBeUndefined()
  })
})

function expectedOf(bytes: Buffer, cap: number): Buffer | Oversize | undefined {
  if (bytes.length === 0) return undefined
  if (bytes.length <= cap) return bytes
  const [head, tail] = [bytes.subarray(0, 512).toString(), bytes.subarray(-512).toString()]
  return {bytes: bytes.length, head, tail}
}

describe('Collector', () => {
  test('gives what was put in, or its ends, in however many pieces it came', () => {
    fc.assert(
      fc.property(
        fc.string({unit: 'binary', maxLength: 3000}),
        fc.array(fc.nat(40), {maxLength: 1000}),
        fc.nat(6000),
        (text, pieces, cap) => {
          const bytes = Buffer.from(text)
          const collector = new Collector(cap)
          for (let round = 0; round < 2; round += 1) {
            let at = 0
            for (const size of pieces) collector.add(bytes.subarray(at, (at += size)))
            collector.add(bytes.subarray(at))
            expect(collector.take()).toEqual(expectedOf(bytes, cap))
          }
        },
      ),
    )
  })
})

test('an answer is made for one that was too large, and for nothing else', () => {
  const why = tooLarge('an answer', {bytes: 70, maxBytes: 64})
  expect(why).toBe('an answer has 70 bytes, more than the 64 that --max-message-size allows')
  const answer = endsOf(JSON.stringify({jsonrpc: '2.0', id: 7, result: {text: BALLAST}}))
  expect(answerInPlaceOf(answer, why)).toEqual({
    jsonrpc: '2.0',
    id: 7,
    error: {code: -32603, message: why},
  })
  const call = endsOf(JSON.stringify({id: 7, method: 'x', params: {text: BALLAST}}))
  expect(answerInPlaceOf(call, why)).toBeUndefined()
  expect(answerInPlaceOf(endsOf(BALLAST), why)).toBeUndefined()
})
