import {decode, encode} from 'dns-packet'
import type {Packet, RecordType} from 'dns-packet'
import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {answerQuery} from '../../../src/lib/egress/dns.ts'

const RESPONSE = 0x80_00
const RECURSION_DESIRED = 0x01_00
const RECURSION_AVAILABLE = 0x80

const book = {
  isAllowed: (name: string) => /^(?:[a-z0-9-]+\.)?allowed\.test$/i.test(name),
  addressOf: (name: string) => (name.startsWith('full') ? undefined : '127.1.0.1'),
}

const ask = (packet: Packet): Buffer | undefined => answerQuery(encode(packet), book)

const answerTo = (name: string, type: RecordType = 'A', more: Packet = {}) => {
  const answer = ask({id: 7, flags: RECURSION_DESIRED, questions: [{name, type}], ...more})
  if (answer === undefined) throw new Error('no answer')
  return {...decode(answer), rcode: answer.readUInt16BE(2) & 15, flags: answer.readUInt16BE(2)}
}

/** A query whose question is written by hand. */
const queryOf = (question: Buffer, {count = 1, flags = 0, id = 1} = {}): Buffer => {
  const header = Buffer.alloc(12)
  header.writeUInt16BE(id, 0)
  header.writeUInt16BE(flags, 2)
  header.writeUInt16BE(count, 4)
  return Buffer.concat([header, question])
}

const labels = (...parts: (string | Buffer)[]): Buffer =>
  Buffer.concat([
    ...parts.flatMap(part => [Buffer.of(Buffer.byteLength(part)), Buffer.from(part)]),
    Buffer.of(0),
  ])

const A_IN = Buffer.from([0, 1, 0, 1])

/** The code of what answers a query: 1 = FORMERR, 3 = NXDOMAIN, 4 = NOTIMP, 5 = REFUSED. */
const codeFor = (query: Buffer): number | undefined => {
  const answer = answerQuery(query, book)
  return answer && answer.readUInt16BE(2) & 15
}

const isReply = (answer: Buffer, query: Buffer): boolean =>
  answer.readUInt16BE(0) === query.readUInt16BE(0) &&
  decode(answer).type === 'response' &&
  answer.length <= query.length + 300

describe('answerQuery', () => {
  test('gives an allowed name its address for a minute', () => {
    expect(answerTo('allowed.test')).toMatchObject({
      id: 7,
      type: 'response',
      rcode: 0,
      flags: RESPONSE | RECURSION_DESIRED | RECURSION_AVAILABLE,
      questions: [{name: 'allowed.test', type: 'A', class: 'IN'}],
      answers: [{name: 'allowed.test', type: 'A', class: 'IN', ttl: 60, data: '127.1.0.1'}],
    })
  })

  test('repeats the question in the case in which it was asked', () => {
    const {questions, answers} = answerTo('aLLoWed.TeST')
    expect(questions).toMatchObject([{name: 'aLLoWed.TeST'}])
    expect(answers).toMatchObject([{name: 'aLLoWed.TeST', data: '127.1.0.1'}])
  })

  test.each(['AAAA', 'TXT', 'MX', 'SRV', 'ANY', 'UNKNOWN_65'])(
    'knows nothing else of an allowed name: %s',
    type => {
      const query = encode({questions: [{name: 'allowed.test', type: 'A'}]})
      const number = {AAAA: 28, TXT: 16, MX: 15, SRV: 33, ANY: 255}[type] ?? 65
      query.writeUInt16BE(number, query.length - 4)
      const answer = answerQuery(query, book) ?? Buffer.alloc(0)
      expect(decode(answer)).toMatchObject({questions: [{type}], answers: []})
      expect(answer.readUInt16BE(2) & 15).toBe(0)
    },
  )

  test.each(['evil.test', 'test', '.', 'allowed.test.evil.test', '1.0.1.127.in-addr.arpa'])(
    'says that %s does not exist',
    name => {
      expect(answerTo(name)).toMatchObject({rcode: 3, questions: [{name}], answers: []})
      expect(answerTo(name, 'TXT')).toMatchObject({rcode: 3, answers: []})
    },
  )

  test('fails for an allowed name that no address is left for', () => {
    expect(answerTo('full.allowed.test')).toMatchObject({rcode: 2, answers: []})
    expect(answerTo('full.allowed.test', 'AAAA')).toMatchObject({rcode: 0, answers: []})
  })

  test('does not mind what the asker understands beyond the question', () => {
    const additionals: Packet['additionals'] = [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: 1232,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [],
      },
    ]
    expect(answerTo('allowed.test', 'A', {additionals})).toMatchObject({
      rcode: 0,
      answers: [{data: '127.1.0.1'}],
      additionals: [],
    })
    const junk = Buffer.concat([labels('allowed', 'test'), A_IN, Buffer.alloc(40, 255)])
    const query = queryOf(junk)
    query.writeUInt16BE(0xff_ff, 10)
    expect(codeFor(query)).toBe(0)
  })

  test.each([
    ['no question', queryOf(Buffer.alloc(0), {count: 0}), 1],
    [
      'two questions',
      queryOf(Buffer.concat([labels('a'), A_IN, labels('b'), A_IN]), {count: 2}),
      1,
    ],
    ['65535 questions', queryOf(Buffer.alloc(0), {count: 0xff_ff}), 1],
    ['a label with a dot', queryOf(Buffer.concat([labels('allowed.test'), A_IN])), 1],
    ['a label of other bytes', queryOf(Buffer.concat([labels(Buffer.of(255, 254)), A_IN])), 1],
    ['a line break behind a dot', queryOf(Buffer.concat([labels('a.\n', 'b'), A_IN])), 1],
    ['a control character', queryOf(Buffer.concat([labels('a\tb', 'c'), A_IN])), 3],
    [
      'a class with another bit',
      queryOf(Buffer.concat([labels('allowed', 'test'), Buffer.from([0, 1, 128, 1])])),
      1,
    ],
    [
      'class CH',
      queryOf(Buffer.concat([labels('version', 'bind'), Buffer.from([0, 16, 0, 3])])),
      5,
    ],
    ['an inverse query', queryOf(Buffer.concat([labels('a'), A_IN]), {flags: 1 << 11}), 4],
    ['an update', queryOf(Buffer.concat([labels('a'), A_IN]), {flags: 5 << 11}), 4],
  ])('does not answer %s', (_name, query, code) => {
    expect(codeFor(query)).toBe(code)
    const answer = answerQuery(query, book)
    expect(answer?.readUInt16BE(0)).toBe(1)
    expect(answer?.readUInt16BE(6)).toBe(0)
  })

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['half a header', Buffer.alloc(11)],
    ['a response', queryOf(Buffer.concat([labels('allowed', 'test'), A_IN]), {flags: RESPONSE})],
    ['no end of the name', queryOf(Buffer.from([3, 97, 98]))],
    ['no type', queryOf(labels('allowed', 'test'))],
    ['a pointer to itself', queryOf(Buffer.concat([Buffer.from([0xc0, 12]), A_IN]))],
    ['a pointer ahead', queryOf(Buffer.concat([Buffer.from([0xc0, 14, 0]), A_IN]))],
    ['a label of another kind', queryOf(Buffer.concat([Buffer.from([0x80, 1, 0]), A_IN]))],
    [
      'a name of 300 characters',
      queryOf(Buffer.concat([labels(...Array<string>(150).fill('a')), A_IN])),
    ],
  ])('drops %s', (_name, query) => {
    expect(answerQuery(query, book)).toBeUndefined()
  })

  test('has an answer for every well-formed query, with its id and its question', () => {
    const label = fc.stringMatching(/^[a-zA-Z0-9_-]{1,20}$/)
    const name = fc.array(label, {minLength: 1, maxLength: 6}).map(parts => parts.join('.'))
    const types = fc.constantFrom<RecordType>('A', 'AAAA', 'TXT', 'NS', 'PTR', 'SRV')
    fc.assert(
      fc.property(name, types, fc.nat(0xff_ff), (asked, type, id) => {
        const question = {name: asked, type, class: 'IN' as const}
        const answer = ask({id, questions: [question]}) ?? Buffer.alloc(12)
        expect(decode(answer)).toMatchObject({id, type: 'response', questions: [question]})
        expect(answer.readUInt16BE(2) & 15).toBe(book.isAllowed(asked) ? 0 : 3)
      }),
    )
  })

  test('answers anything with nothing, or with a packet that has the same id and is a response', () => {
    const bytes = fc.uint8Array({maxLength: 300}).map(each => Buffer.from(each))
    const near = fc
      .tuple(bytes, fc.nat(0xff_ff), fc.constantFrom(0, RECURSION_DESIRED))
      .map(([question, id, flags]) => queryOf(question, {id, flags}))
    fc.assert(
      fc.property(fc.oneof(bytes, near), query => {
        const answer = answerQuery(query, book)
        expect(answer === undefined || isReply(answer, query)).toBe(true)
      }),
      {numRuns: 2000},
    )
  })
})
