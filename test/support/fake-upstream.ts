import {isJsonObject, type JsonObject} from '../../src/lib/base/json.ts'
import type {
  CloseReason,
  MessageListener,
  OpenUpstream,
  Origin,
  Upstream,
} from '../../src/lib/gateway/upstream/upstream.ts'
import {
  failure,
  isRequest,
  isResponse,
  result,
  RPC,
  type Message,
  type Request,
  type Response,
} from '../../src/lib/gateway/wire/jsonrpc.ts'
import {Inbox} from './inbox.ts'

/** Gives the result of a request; undefined when the test answers by itself, or nobody ever does. */
export type FakeAnswer = (request: Request, upstream: FakeUpstream) => JsonObject | undefined

export interface FakeScript {
  /** The result of `initialize`; undefined leaves it without an answer. */
  readonly hello?: JsonObject | undefined
  /** By method. What is not here is not known to the server. */
  readonly answers?: Readonly<Record<string, FakeAnswer | JsonObject>>
  /** Runs before the server is there: waits, or throws what keeps it from starting. */
  readonly beforeOpen?: (signal: AbortSignal) => void | Promise<void>
}

/** What every server of this kind has for a secret. */
export const FAKE_SECRET = 'hunter2-of-the-fake'

/** One start of a server in memory: everything that it was sent, and what the test makes it say and do. */
export class FakeUpstream implements Upstream {
  readonly closed: Promise<CloseReason>
  readonly received = new Inbox<Message>()
  disposals = 0
  readonly #script: FakeScript
  readonly #onMessage: MessageListener
  readonly #end: (reason: CloseReason) => void
  #isOpen = true

  constructor(script: FakeScript, onMessage: MessageListener) {
    const {promise, resolve} = Promise.withResolvers<CloseReason>()
    this.#script = script
    this.#onMessage = onMessage
    this.closed = promise
    this.#end = resolve
  }

  redact(text: string): string {
    return text.replaceAll(FAKE_SECRET, '[secret]')
  }

  send(message: Message): void {
    if (!this.#isOpen) return
    this.received.add(message)
    if (isRequest(message)) queueMicrotask(() => this.#answer(message))
  }

  /** Sends a message as the server. */
  say(message: Message, origin?: Origin): void {
    this.#onMessage(message, origin)
  }

  /** Ends the server, as when its process exits. */
  end(reason: Partial<CloseReason> = {}): void {
    this.#isOpen = false
    this.#end({what: 'ended with exit code 3', stderr: [], junk: undefined, ...reason})
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disposals += 1
    this.end({what: 'was stopped'})
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** The request or notification number `nth` (from 0) of a method, as soon as it has arrived. */
  async call(method: string, nth = 0): Promise<Message & {readonly params: JsonObject}> {
    const found = await this.received.find(message => message['method'] === method, nth)
    const params = found['params']
    return {...found, params: isJsonObject(params) ? params : {}}
  }

  /** The same for a request, whose id can be answered. */
  async request(method: string, nth = 0): Promise<Request> {
    const found = await this.received.find(
      message => isRequest(message) && message.method === method,
      nth,
    )
    if (!isRequest(found)) throw new Error('not a request')
    return found
  }

  /** The answer to a request that the server made. */
  async answerTo(id: string | number): Promise<Response> {
    const found = await this.received.find(message => isResponse(message) && message.id === id)
    if (!isResponse(found)) throw new Error('not a response')
    return found
  }

  /** The methods that the server was sent, in order. */
  get methods(): unknown[] {
    return this.received.items.flatMap(message => ('method' in message ? [message.method] : []))
  }

  #answer(message: Request): void {
    const answer = this.#lookUp(message)
    if (answer === undefined) {
      this.say(failure(message.id, RPC.methodNotFound, `no ${message.method} here`))
      return
    }
    const value = typeof answer === 'function' ? answer(message, this) : answer
    if (value !== undefined) this.say(result(message.id, value))
  }

  #lookUp({method}: Request): FakeAnswer | JsonObject | undefined {
    if (method === 'initialize' && !this.#script.answers?.['initialize']) {
      return () => ('hello' in this.#script ? this.#script.hello : {capabilities: {}})
    }
    const answers = this.#script.answers ?? {}
    return Object.hasOwn(answers, method) ? answers[method] : undefined
  }
}

/** A server that can be started any number of times. */
export interface FakeServer {
  readonly open: OpenUpstream
  /** Every start so far, in order. */
  readonly starts: readonly FakeUpstream[]
  /** Start number `nth` (from 0), as soon as it is there. */
  start(nth?: number): Promise<FakeUpstream>
  /** How often a start was tried, those that failed included. */
  readonly attempts: number
}

/** Makes a server of a script. */
export function fakeServer(script: FakeScript = {}): FakeServer {
  const starts = new Inbox<FakeUpstream>()
  let attempts = 0
  return {
    open: async ({onMessage, signal}) => {
      attempts += 1
      await script.beforeOpen?.(signal)
      const upstream = new FakeUpstream(script, onMessage)
      starts.add(upstream)
      return upstream
    },
    starts: starts.items,
    start: (nth = 0) => starts.find(() => true, nth),
    get attempts() {
      return attempts
    },
  }
}

/** The script of a server with these tools, each of which answers with its own name and what it was given. */
export function toolScript(...names: readonly string[]): FakeScript {
  return {
    hello: {capabilities: {tools: {}}},
    answers: {
      'tools/list': {tools: names.map(name => ({name, inputSchema: {type: 'object'}}))},
      'tools/call': ({params}) => ({content: [], structuredContent: {called: params ?? {}}}),
    },
  }
}
