import {withDeadline} from '../../base/async.ts'
import {isRequest, isResponse, isResult, type Message, type Request} from '../wire/jsonrpc.ts'
import {RemoteUpstream} from './remote.ts'
import {SseUpstream} from './remote-sse.ts'
import type {RemoteInput} from './remote-wire.ts'
import type {CloseReason, MessageListener, Upstream} from './upstream.ts'

/** Statuses that say something of the client or of the moment, and nothing of the transport. */
const NOT_OF_TRANSPORT: ReadonlySet<unknown> = new Set([401, 403, 407, 408, 429])

/** What a server of the other transport may take to say where messages are posted. */
const ENDPOINT_MS = 10_000

/**
 * A server whose transport nobody says: it is asked over streamable HTTP, and over HTTP+SSE when it refuses that (MCP
 * 2025-03-26, basic/transports, backwards compatibility). When it refuses both, what it said first counts.
 */
export class AutoUpstream implements Upstream {
  readonly closed: Promise<CloseReason>
  readonly #input: RemoteInput
  readonly #onTransport: (transport: 'streamable' | 'sse') => void
  #end: (reason: CloseReason) => void = () => undefined
  #current: Upstream
  /** The request that shows which transport is right, until it has. */
  #hello: Request | undefined
  #isTurning = false
  /** What was sent while the other transport was tried. */
  readonly #kept: Message[] = []

  /** @param onTransport told what the server speaks, before anybody hears its answer */
  constructor(input: RemoteInput, onTransport: (transport: 'streamable' | 'sse') => void) {
    this.#input = input
    this.#onTransport = onTransport
    this.closed = new Promise(resolve => {
      this.#end = resolve
    })
    const onMessage: MessageListener = (message, origin) => {
      if (this.#hello && isResponse(message) && message.id === this.#hello.id) {
        if (!isResult(message) && mayBeOther(first.refusal)) {
          return void this.#turn(this.#hello, message)
        }
        this.#hello = undefined
        onTransport('streamable')
      }
      input.onMessage(message, origin)
    }
    const first = new RemoteUpstream({...input, onMessage})
    this.#current = first
    void this.#endWith(first)
  }

  redact(text: string): string {
    return this.#input.redact(text)
  }

  send(message: Message): void {
    if (this.#isTurning) {
      this.#kept.push(message)
      return
    }
    if (isRequest(message) && message.method === 'initialize') this.#hello = message
    this.#current.send(message)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const current = this.#current
    this.#end({what: 'was left', stderr: [], junk: undefined})
    await current[Symbol.asyncDispose]()
  }

  /** Tries the other transport. @param refusal what is told if that is not right, either */
  async #turn(hello: Request, refusal: Message): Promise<void> {
    const left = this.#current
    const sse = new SseUpstream(this.#input)
    this.#isTurning = true
    this.#current = sse
    const opened = Promise.race([sse.opened.then(() => true), sse.closed.then(() => false)])
    const isSse = await withDeadline(opened, ENDPOINT_MS, () => new Error('too late')).catch(
      () => false,
    )
    await left[Symbol.asyncDispose]()
    this.#hello = undefined
    this.#isTurning = false
    if (isSse) return this.#take(sse, hello)
    this.#input.onMessage(refusal)
    await sse[Symbol.asyncDispose]()
    this.#end(await sse.closed)
  }

  /** What was left ends for no reason of the server's. */
  async #endWith(upstream: Upstream): Promise<void> {
    const reason = await upstream.closed
    if (this.#current === upstream) this.#end(reason)
  }

  #take(sse: SseUpstream, hello: Request): void {
    void this.#endWith(sse)
    this.#onTransport('sse')
    for (const message of [hello, ...this.#kept.splice(0)]) sse.send(message)
  }
}

/** Whether a server may refuse what begins a session because it is one of the other transport. */
function mayBeOther(status: number | undefined): boolean {
  if (status === undefined || NOT_OF_TRANSPORT.has(status)) return false
  return status >= 400 && status < 500
}
