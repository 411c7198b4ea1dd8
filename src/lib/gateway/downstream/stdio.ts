import type {Readable} from 'node:stream'
import type {Exchange} from '../modern/exchange.ts'
import type {Session} from '../relay/session.ts'
import type {Downstream} from '../relay/session-input.ts'
import {isUsable, parseIncoming, refusalText, whyNoBatch, type Incoming} from '../wire/batch.ts'
import {modernVersion} from '../wire/era.ts'
import {
  failure,
  isRequest,
  isResponse,
  isUnusable,
  RPC,
  type Id,
  type Message,
  type Notification,
  type Response,
} from '../wire/jsonrpc.ts'
import {lineReader} from '../wire/lines.ts'
import {identify, tooLarge, type Oversize} from '../wire/oversize.ts'
import {textOf} from '../wire/text.ts'
import {CANCELLED} from './modern.ts'
import {StdioExchanges} from './modern-stdio.ts'
import {isDispensable, MANY_UNREAD_BYTES, mostUnreadBytes} from './unread.ts'

export interface StdioInput {
  /** The client's messages. */
  readonly stdin: Readable
  /** Takes whole lines for the client. */
  readonly write: (line: string) => void
  /** How many bytes of what was written the client has not read. */
  readonly unreadBytes: () => number
  /** What went wrong with single messages, for the log. */
  readonly warn: (text: string) => void
  /** The largest message that is taken. */
  readonly maxMessageBytes: number
  /** Called when the client does not read at all: it is sent nothing more, and its session is to end. */
  readonly onStuck: () => void
  readonly openSession: (downstream: Downstream) => Session
  /** Answers one request of a revision without sessions. */
  readonly answer: (exchange: Exchange) => Promise<Response>
  /** Takes what the client says in such a revision that is no request, and concerns none. */
  readonly notify: (message: Notification) => void
  /** Ends the reading, so that an open stdin does not keep the process. */
  readonly signal?: AbortSignal
}

/**
 * The client at the other end of stdin and stdout. Disposing of it answers what it has under way in revisions without
 * sessions; its session is ended by whoever opened it.
 */
export interface StdioClient extends Disposable {
  readonly session: Session
  /** Settles when the client waits for no answer. */
  idle(): Promise<void>
}

/**
 * Serves one client over a pair of byte streams (MCP stdio transport): one message, or one batch, a line. It may mix
 * messages of both eras.
 */
export function serveStdio(input: StdioInput): StdioClient {
  const {stdin, warn, maxMessageBytes} = input
  const downstream = new StdioDownstream(input)
  const session = input.openSession(downstream)
  const exchanges = new StdioExchanges({...input, send: message => downstream.send(message)})
  const ends = {session, exchanges, downstream}
  const lines = lineReader(maxMessageBytes, {
    onLine(line) {
      const incoming = parseIncoming(line)
      const why = Array.isArray(incoming) ? takeBatch(incoming, ends) : take(incoming, ends)
      if (why !== undefined) warn(`! a line on stdin is no message: ${why}`)
    },
    onOversize(oversize) {
      const reason = tooLarge('the message', {bytes: oversize.bytes, maxBytes: maxMessageBytes})
      warn(`! a line on stdin was refused: ${reason}`)
      refuseLarge(oversize, reason, {session, downstream})
    },
  })
  const read = (chunk: Buffer) => lines.push(chunk)
  stdin.on('data', read)
  // A terminal that went away is an error to its reader; `close` follows, and that is what ends the gateway.
  stdin.on('error', () => undefined)
  input.signal?.addEventListener('abort', () => stdin.off('data', read).pause(), {once: true})
  return {
    session,
    async idle() {
      await Promise.all([session.idle(), exchanges.idle()])
    },
    [Symbol.dispose]: () => exchanges[Symbol.dispose](),
  }
}

interface Ends {
  readonly session: Session
  readonly exchanges: StdioExchanges
  readonly downstream: StdioDownstream
}

/** Takes what a line holds. @returns why it is no message */
function take(incoming: Incoming, {session, exchanges, downstream}: Ends): string | undefined {
  if (isUnusable(incoming)) {
    const {id, code, reason} = incoming
    if (id === undefined) downstream.write(refusalText(incoming))
    else downstream.send(failure(id, code, reason))
    return reason
  }
  const hasSession = session.protocolVersion !== undefined
  const isModern = modernVersion(incoming, {hasSession}) !== undefined
  if (isResponse(incoming)) session.receive(incoming)
  else if (isRequest(incoming)) {
    const {id} = incoming
    if (exchanges.isServing(id) || (isModern && session.isServing(id))) {
      downstream.send(failure(id, RPC.invalidRequest, 'this id is already in use'))
    } else if (isModern) exchanges.take(incoming)
    else session.receive(incoming)
  } else if (incoming.method === CANCELLED) {
    if (!exchanges.cancel(incoming)) session.receive(incoming)
    // Its sender may have nothing to say of itself, but without a session it belongs to none.
  } else if (isModern || !hasSession) exchanges.hear(incoming)
  else session.receive(incoming)
  return undefined
}

function refuseLarge(
  oversize: Oversize,
  reason: string,
  {session, downstream}: {session: Session; downstream: StdioDownstream},
): void {
  const {id, isCall} = identify(oversize)
  if (id === undefined) {
    downstream.write(refusalText({code: RPC.invalidRequest, reason, id: undefined}))
  } else if (isCall) downstream.send(failure(id, RPC.invalidRequest, reason))
  // The client's answer to a server, which is not to wait for ever.
  else session.receive(failure(id, RPC.internalError, reason))
}

/** Takes the messages of a batch, whose answers go out as one. @returns why it is not taken */
function takeBatch(
  elements: readonly Incoming[],
  {session, exchanges, downstream}: Ends,
): string | undefined {
  const messages = elements.filter(isUsable)
  const ids = messages.filter(isRequest).map(({id}) => id)
  const reason =
    whyNoBatch(elements, session.protocolVersion) ??
    (ids.some(id => session.isServing(id) || exchanges.isServing(id))
      ? 'a request id in it is already in use'
      : undefined)
  if (reason !== undefined) {
    downstream.write(refusalText({code: RPC.invalidRequest, reason, id: undefined}))
    return reason
  }
  downstream.expect(ids, elements.filter(isUnusable).map(refusalText))
  for (const message of messages) session.receive(message)
  return undefined
}

interface Batch {
  readonly answers: string[]
  missing: number
}

/** The client's end of the session: one line a message. */
class StdioDownstream implements Downstream {
  readonly #input: StdioInput
  /** The batches whose answers are not complete, by each request that is missing. */
  readonly #batches = new Map<Id, Batch>()
  #isStuck = false

  constructor(input: StdioInput) {
    this.#input = input
  }

  send(message: Message, about?: Id): void {
    const batch = about === undefined ? undefined : this.#batches.get(about)
    if (batch && about !== undefined && isResponse(message)) {
      batch.answers.push(textOf(message))
      this.drop(about)
    } else if (!isDispensable(message) || this.#input.unreadBytes() <= MANY_UNREAD_BYTES) {
      this.write(textOf(message))
    }
  }

  drop(about: Id): void {
    const batch = this.#batches.get(about)
    if (!batch) return
    this.#batches.delete(about)
    batch.missing -= 1
    this.#finish(batch)
  }

  /** Collects the answers to these requests, and sends them as one batch with those that are there already. */
  expect(ids: readonly Id[], answers: string[]): void {
    const batch = {answers, missing: ids.length}
    for (const id of ids) this.#batches.set(id, batch)
    this.#finish(batch)
  }

  /** Writes a line; a client that never reads is given up. */
  write(json: string): void {
    if (this.#isStuck) return
    this.#input.write(`${json}\n`)
    if (this.#input.unreadBytes() <= mostUnreadBytes(this.#input.maxMessageBytes)) return
    this.#isStuck = true
    this.#input.warn('! the client does not read what it is sent: its session ends')
    this.#input.onStuck()
  }

  #finish({answers, missing}: Batch): void {
    if (missing === 0 && answers.length > 0) this.write(`[${answers.join(',')}]`)
  }
}
