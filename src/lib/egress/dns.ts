import {decode, encode, RECURSION_AVAILABLE, RECURSION_DESIRED} from 'dns-packet'
import type {Answer, DecodedPacket, Question} from 'dns-packet'

/** Decides about names. They come as they were asked, without the dot at their end. */
export interface NameBook {
  readonly isAllowed: (name: string) => boolean
  /** The IPv4 address that stands for an allowed name; undefined when there is none left. */
  readonly addressOf: (name: string) => string | undefined
}

const HEADER_BYTES = 12
const TTL_SECONDS = 60
/** RFC 1035, 4.1.1. */
const RCODE = {ok: 0, formatError: 1, failed: 2, unknownName: 3, notImplemented: 4, refused: 5}
const OPCODE_BITS = 0x78_00
const CHECKING_DISABLED = 0x10

/**
 * Answers a DNS query from the book alone: an allowed name has one A record and nothing else, any other does not exist.
 * Nothing is looked up, so no query carries anything out.
 * @returns undefined for what is no query, however it is broken
 */
export function answerQuery(query: Buffer, book: NameBook): Buffer | undefined {
  const packet = decodeQuery(query)
  if (packet?.type !== 'query') return undefined
  const question = packet.questions?.at(0)
  if (((packet.flags ?? 0) & OPCODE_BITS) !== 0) return reply(packet, RCODE.notImplemented)
  if (!question || !isWhole(query, question)) return reply(packet, RCODE.formatError)
  if (question.class !== 'IN') return reply(packet, RCODE.refused, question)
  const name = question.name.replace(/\.$/, '')
  if (!book.isAllowed(name)) return reply(packet, RCODE.unknownName, question)
  if (question.type !== 'A') return reply(packet, RCODE.ok, question)
  const data = book.addressOf(name)
  if (data === undefined) return reply(packet, RCODE.failed, question)
  return reply(packet, RCODE.ok, question, {type: 'A', name: question.name, ttl: TTL_SECONDS, data})
}

/**
 * Reads the header and, when there is just one, the question. What follows, such as what the asker understands beyond
 * RFC 1035, is not needed for an answer, so it is not even read.
 */
function decodeQuery(query: Buffer): DecodedPacket | undefined {
  if (query.length < HEADER_BYTES) return undefined
  const head = Buffer.from(query)
  const questions = head.readUInt16BE(4)
  head.writeUInt16BE(questions === 1 ? 1 : 0, 4)
  head.fill(0, 6, HEADER_BYTES)
  try {
    return decode(head)
  } catch {
    return undefined
  }
}

/**
 * Whether the question, written again, is what was asked, byte by byte. If not, its name is none that could be compared
 * (a label with a dot in it, bytes that are no text, a pointer), or its class has bits that stand for something else.
 */
function isWhole(query: Buffer, question: Question): boolean {
  const again = encode({questions: [question]}).subarray(HEADER_BYTES)
  return query.subarray(HEADER_BYTES, HEADER_BYTES + again.length).equals(again)
}

function reply(query: DecodedPacket, rcode: number, question?: Question, answer?: Answer): Buffer {
  const kept = (query.flags ?? 0) & (OPCODE_BITS | RECURSION_DESIRED | CHECKING_DISABLED)
  return encode({
    type: 'response',
    id: query.id ?? 0,
    flags: kept | RECURSION_AVAILABLE | rcode,
    questions: question ? [question] : [],
    answers: answer ? [answer] : [],
  })
}
