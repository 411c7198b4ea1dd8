import {isJsonObject, type JsonObject} from '../../base/json.ts'
import {failure, idOf, RPC, type ErrorResponse, type Id} from './jsonrpc.ts'

/** What is kept of a message that is too large to be read whole. */
export interface Oversize {
  /** How large it was. */
  readonly bytes: number
  /** Its first and last few hundred bytes as text; a character may be cut in two. */
  readonly head: string
  readonly tail: string
}

/** Enough for an id, a method and a version at either end. */
const KEPT_BYTES = 512
/** So many small pieces are joined into one: each costs a hundred bytes of its own, however small it is. */
const MANY_PIECES = 256

/** Collects the pieces of one message; of one that is too large only the ends. */
export class Collector {
  readonly #maxBytes: number
  #joined: Buffer[] = []
  #pieces: Buffer[] = []
  #size = 0
  #ends: Ends | undefined

  /** @param maxBytes the largest message that is kept whole */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Adds the next piece, which must not change afterwards. */
  add(piece: Buffer): void {
    if (piece.length === 0) return
    this.#size += piece.length
    if (this.#ends) return this.#ends.add(piece)
    this.#pieces.push(piece)
    if (this.#size > this.#maxBytes) this.#drop()
    else if (this.#pieces.length === MANY_PIECES) {
      this.#joined.push(Buffer.concat(this.#pieces))
      this.#pieces = []
    }
  }

  /** Gives the message, and starts with the next one; undefined when there was not a byte of it. */
  take(): Buffer | Oversize | undefined {
    const taken = this.#ends?.take() ?? this.#whole()
    this.#forget()
    this.#size = 0
    this.#ends = undefined
    return taken
  }

  #whole(): Buffer | undefined {
    const all = [...this.#joined, ...this.#pieces]
    // Most messages come in one piece, which needs no copy.
    return all.length > 1 ? Buffer.concat(all, this.#size) : all[0]
  }

  #drop(): void {
    this.#ends = new Ends()
    for (const piece of [...this.#joined, ...this.#pieces]) this.#ends.add(piece)
    this.#forget()
  }

  #forget(): void {
    this.#joined = []
    this.#pieces = []
  }
}

/** Keeps the first and the last bytes of what goes by. */
export class Ends {
  #head = Buffer.alloc(0)
  #tail = Buffer.alloc(0)
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  add(piece: Buffer): void {
    this.#bytes += piece.length
    const missing = KEPT_BYTES - this.#head.length
    // Copies, so that the whole piece is not kept for the sake of its ends.
    if (missing > 0) this.#head = Buffer.concat([this.#head, piece.subarray(0, missing)])
    this.#tail = Buffer.concat([this.#tail, piece.subarray(-KEPT_BYTES)]).subarray(-KEPT_BYTES)
  }

  /** Gives what was kept, and starts again. */
  take(): Oversize {
    const {bytes} = this
    const [head, tail] = [this.#head.toString(), this.#tail.toString()]
    this.#head = Buffer.alloc(0)
    this.#tail = Buffer.alloc(0)
    this.#bytes = 0
    return {bytes, head, tail}
  }
}

/**
 * Finds out what a message was from its two ends. Right for every JSON object: only its own members count, never
 * those of something inside it.
 * @returns its id, if it stood at one of the ends; whether it is known to be a request or notification
 */
export function identify({head, tail}: Oversize): {id: Id | undefined; isCall: boolean} {
  const members = {...membersOfHead(head), ...membersOfTail(tail)}
  return {id: idOf(members), isCall: members['method'] !== undefined}
}

/**
 * The answer that takes the place of one that was too large, so that whoever waits for it does not wait for ever.
 * @param why the message of the error
 * @returns undefined when it was no answer, or nobody can tell which one
 */
export function answerInPlaceOf(oversize: Oversize, why: string): ErrorResponse | undefined {
  const {id, isCall} = identify(oversize)
  return id === undefined || isCall ? undefined : failure(id, RPC.internalError, why)
}

/**
 * Why a message was refused, with the flag that lets it through.
 * @param what the message, such as "an answer of server github"
 */
export function tooLarge(
  what: string,
  {bytes, maxBytes}: {bytes: number; maxBytes: number},
): string {
  return `${what} has ${bytes} bytes, more than the ${maxBytes} that --max-message-size allows`
}

/** Cut at one of the commas between its members, and closed there, the head of an object is an object itself. */
function membersOfHead(head: string): JsonObject {
  for (let end = head.lastIndexOf(','); end > 0; end = head.lastIndexOf(',', end - 1)) {
    const members = objectIn(`${head.slice(0, end)}}`)
    if (members) return members
  }
  return {}
}

/** Opened at the name of one of its own members, the tail of an object is an object itself. */
function membersOfTail(tail: string): JsonObject {
  for (const {index} of tail.matchAll(/(?<=[,{]\s*)"/g)) {
    const members = objectIn(`{${tail.slice(index)}`)
    if (members) return members
  }
  return {}
}

function objectIn(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
