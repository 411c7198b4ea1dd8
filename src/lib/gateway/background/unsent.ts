import {isUsable, parseIncoming} from '../wire/batch.ts'
import {isRequest, isResponse, type Message, type Request, result} from '../wire/jsonrpc.ts'
import {textOf} from '../wire/text.ts'

/** From so many bytes on the client waits. */
const MANY_BYTES = 8 * 1024 * 1024

/**
 * What a client has said while no gateway hears it. Only a request, or what is no message and must be told so, makes
 * somebody wait for a gateway; a ping asks whether we are there, and is answered at once.
 */
export class Unsent {
  readonly #toClient: (line: string) => void
  #lines: string[] = []
  #bytes = 0
  #isWanted = false

  constructor(toClient: (line: string) => void) {
    this.#toClient = toClient
  }

  /** Whether the client waits for a gateway. */
  get isWanted(): boolean {
    return this.#isWanted
  }

  /** Whether the client has to wait until what it has said is taken. */
  get isFull(): boolean {
    return this.#bytes > MANY_BYTES
  }

  push(line: string): void {
    const incoming = parseIncoming(line)
    const messages = Array.isArray(incoming) ? incoming : [incoming]
    const [first] = messages
    if (!Array.isArray(incoming) && first && isUsable(first)) {
      if (isPing(first)) return this.#toClient(textOf(result(first.id, {})))
      // Whoever asked is gone.
      if (isResponse(first)) return
    }
    this.#isWanted ||= messages.some(one => !isUsable(one) || (isRequest(one) && !isPing(one)))
    this.#lines.push(line)
    this.#bytes += line.length
    // Nobody comes to take them.
    if (this.isFull && !this.#isWanted) this.take()
  }

  /** All of it, once. */
  take(): readonly string[] {
    const lines = this.#lines
    this.#lines = []
    this.#bytes = 0
    this.#isWanted = false
    return lines
  }
}

function isPing(message: Message): message is Request {
  return isRequest(message) && message.method === 'ping'
}
