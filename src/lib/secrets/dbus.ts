import {connect, type Socket} from 'node:net'

/** A method of an object on the bus. All that is asked here takes nothing but texts. */
export interface BusCall {
  readonly to: string
  readonly path: string
  readonly interface: string
  readonly member: string
  readonly texts?: readonly string[]
}

/** The bus, or who was asked there, has answered with an error. */
export class BusError extends Error {
  /** Such as `org.freedesktop.DBus.Error.ServiceUnknown`. */
  readonly errorName: string

  /** @param errorName what kind of error it is, as the bus names it */
  constructor(errorName: string) {
    super(errorName)
    this.errorName = errorName
  }
}

/**
 * The socket of a D-Bus address (D-Bus specification, "Server Addresses"): the first that is a Unix socket.
 * @param address such as `unix:path=/run/user/1000/bus`; several are separated by `;`
 * @returns a path; of an abstract socket it begins with a zero byte. Undefined when no address is one
 */
export function busSocket(address: string): string | undefined {
  for (const one of address.split(';')) {
    const [, pairs = ''] = /^unix:(.*)$/.exec(one) ?? []
    const [, key, value = ''] = /(?:^|,)(path|abstract)=([^,]+)/.exec(pairs) ?? []
    const path = unescaped(value)
    if (path) return key === 'abstract' ? `\0${path}` : path
  }
  return undefined
}

/**
 * Talks with a bus as far as asking a few things of it takes (D-Bus specification, "Message Protocol"). It is our own
 * since the library that writes secrets waits on the thread that asks, without an end, for a bus that says nothing.
 * @param socket as {@link busSocket} gives it
 * @param signal ends all that waits, with its reason
 * @returns disposing closes the connection
 * @throws the system's error when nothing listens there; an error in words when what does is no bus
 */
export async function openBus(socket: string, signal: AbortSignal): Promise<Bus> {
  signal.throwIfAborted()
  const bus = new Bus(connect({path: socket}), signal)
  try {
    await bus.greet()
    return bus
  } catch (error) {
    bus[Symbol.dispose]()
    throw signal.aborted ? signal.reason : error
  }
}

const BUS = 'org.freedesktop.DBus'
const CALL = 1
const RETURN = 2
const ERROR = 3
/** What a header says of a message, by the number of the field. */
const FIELD = {path: 1, interface: 2, member: 3, error: 4, replyTo: 5, to: 6, signature: 8} as const
/** The answers that are wanted have a few bytes; signals of others are not much more. */
const LONGEST = 1024 * 1024

/** A connection to a bus. */
class Bus {
  readonly #socket: Socket
  readonly #chunks: AsyncIterator<Buffer>
  readonly #signal: AbortSignal
  readonly #stop: () => void
  #rest = Buffer.alloc(0)
  #serial = 0

  constructor(socket: Socket, signal: AbortSignal) {
    this.#socket = socket
    this.#signal = signal
    this.#chunks = socket[Symbol.asyncIterator]()
    // What went wrong is told by the next read.
    socket.on('error', () => {})
    this.#stop = () => socket.destroy(new Error('stopped waiting'))
    signal.addEventListener('abort', this.#stop, {once: true})
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener('abort', this.#stop)
    this.#socket.destroy()
  }

  async greet(): Promise<void> {
    const user = Buffer.from(String(process.getuid?.() ?? 0)).toString('hex')
    this.#socket.write(`\0AUTH EXTERNAL ${user}\r\n`)
    const line = await this.#line()
    if (!line.startsWith('OK ')) throw new Error('the bus does not accept this user')
    this.#socket.write('BEGIN\r\n')
    await this.call({to: BUS, path: '/org/freedesktop/DBus', interface: BUS, member: 'Hello'})
  }

  /**
   * Calls a method, and waits for its answer.
   * @returns the first text (a string or the path of an object), or the first truth value of the answer
   * @throws BusError; the reason of the signal
   */
  async call(call: BusCall): Promise<string | boolean | undefined> {
    try {
      this.#serial += 1
      this.#socket.write(encoded(call, this.#serial))
      for (;;) {
        const message = decoded(await this.#message())
        if (message.replyTo !== this.#serial) continue
        if (message.type === ERROR) throw new BusError(message.error)
        if (message.type === RETURN) return message.value
      }
    } catch (error) {
      throw this.#signal.aborted ? this.#signal.reason : error
    }
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#rest.indexOf('\r\n')
      if (end !== -1) return (await this.#take(end + 2)).toString('latin1').trimEnd()
      if (this.#rest.length > LONGEST) throw new Error('this is no bus')
      await this.#more()
    }
  }

  async #message(): Promise<Buffer> {
    await this.#atLeast(16)
    const read = reader(this.#rest)
    const header = 16 + read.number(12)
    const length = padded(header, 8) + read.number(4)
    if (length > LONGEST) throw new Error('the answer of the bus is too long')
    return this.#take(length)
  }

  async #take(length: number): Promise<Buffer> {
    await this.#atLeast(length)
    const taken = this.#rest.subarray(0, length)
    this.#rest = this.#rest.subarray(length)
    return taken
  }

  async #atLeast(length: number): Promise<void> {
    while (this.#rest.length < length) await this.#more()
  }

  async #more(): Promise<void> {
    const {value, done} = await this.#chunks.next()
    if (done) throw new Error('the bus has closed the connection')
    this.#rest = Buffer.concat([this.#rest, value])
  }
}
export type {Bus}

/** A message of type CALL, in this form: little endian, flags 0, version 1. */
function encoded({to, path, interface: name, member, texts = []}: BusCall, serial: number): Buffer {
  const fields: (readonly [number, string, string])[] = [
    [FIELD.path, 'o', path],
    [FIELD.interface, 's', name],
    [FIELD.member, 's', member],
    [FIELD.to, 's', to],
  ]
  let head = Buffer.alloc(0)
  for (const [code, type, text] of fields) {
    head = join(head, 8, Buffer.from([code, 1, type.charCodeAt(0), 0]), textBytes(text))
  }
  const signature = 's'.repeat(texts.length)
  const rest = [FIELD.signature, 1, 'g'.charCodeAt(0), 0, signature.length]
  head = join(head, 8, Buffer.from([...rest, ...Buffer.from(signature), 0]))
  let body = Buffer.alloc(0)
  for (const text of texts) body = join(body, 4, textBytes(text))
  const fixed = Buffer.alloc(16)
  fixed.set([0x6c, CALL, 0, 1])
  fixed.writeUInt32LE(body.length, 4)
  fixed.writeUInt32LE(serial, 8)
  fixed.writeUInt32LE(head.length, 12)
  return join(Buffer.concat([fixed, head]), 8, body)
}

function textBytes(text: string): Buffer {
  const bytes = Buffer.from(`${text}\0`)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(bytes.length - 1)
  return Buffer.concat([length, bytes])
}

/** Puts parts behind bytes, with what lies between so that they begin at a multiple of `align`. */
function join(bytes: Buffer, align: number, ...parts: readonly Buffer[]): Buffer<ArrayBuffer> {
  const gap = Buffer.alloc(padded(bytes.length, align) - bytes.length)
  return Buffer.concat([bytes, gap, ...parts])
}

interface Message {
  readonly type: number
  readonly replyTo: number | undefined
  readonly error: string
  readonly value: string | boolean | undefined
}

function decoded(bytes: Buffer): Message {
  const read = reader(bytes)
  const end = 16 + read.number(12)
  let replyTo: number | undefined
  let error = 'an error without a name'
  let signature = ''
  for (let at = 16; at < end; ) {
    at = padded(at, 8)
    const code = bytes[at]
    const type = String.fromCharCode(bytes[at + 2] ?? 0)
    // The code, a signature of one letter with its length and its end, then the value.
    const start = at + 4
    if (type === 'u') {
      if (code === FIELD.replyTo) replyTo = read.number(start)
      at = start + 4
    } else if (type === 'g') {
      if (code === FIELD.signature) signature = read.signature(start)
      at = start + 2 + (bytes[start] ?? 0)
    } else {
      if (code === FIELD.error) error = read.text(start)
      at = start + 5 + read.number(start)
    }
  }
  return {type: bytes[1] ?? 0, replyTo, error, value: read.value(padded(end, 8), signature)}
}

/** Reads members of a message, which says itself in which order its numbers have their bytes. */
function reader(bytes: Buffer) {
  const isLittle = bytes[0] === 0x6c
  const number = (at: number): number =>
    isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)
  const text = (at: number): string => bytes.toString('utf8', at + 4, at + 4 + number(at))
  const signature = (at: number): string =>
    bytes.toString('latin1', at + 1, at + 1 + (bytes[at] ?? 0))
  const value = (at: number, types: string): string | boolean | undefined => {
    if (/^[so]/.test(types)) return text(at)
    if (types.startsWith('b')) return number(at) === 1
    // A value that brings its own type.
    if (types.startsWith('v')) {
      const inner = signature(at)
      return inner === 'v' ? undefined : value(padded(at + 2 + inner.length, 4), inner)
    }
    return undefined
  }
  return {number, text, signature, value}
}

function padded(length: number, align: number): number {
  return Math.ceil(length / align) * align
}

/** Values of addresses have bytes as `%2f`. */
function unescaped(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return ''
  }
}
