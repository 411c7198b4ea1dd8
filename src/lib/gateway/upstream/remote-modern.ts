import type {Agent} from 'node:http'
import {unlessAborted} from '../../base/async.ts'
import type {JsonObject} from '../../base/json.ts'
import {readEvents, readText} from '../wire/events.ts'
import {
  isRequest,
  isResponse,
  isResult,
  request as makeRequest,
  RPC,
  type Message,
  type Notification,
  type Request,
  type Response as Answer,
} from '../wire/jsonrpc.ts'
import {META, metaOf} from '../wire/meta.ts'
import {encodeHeaderValue, mirroredName} from '../wire/mirror.ts'
import {textOf} from '../wire/text.ts'
import {sendHttp} from './http.ts'
import {
  deliver,
  isEventStream,
  longAnswer,
  lostAnswer,
  notReached,
  placeOf,
  reasonOf,
  refusalOf,
  refused,
} from './http-answers.ts'
import {reportOversize} from './oversize.ts'
import {paramValues} from '../wire/param-headers.ts'
import {agentOf, type RemoteInput} from './remote-wire.ts'
import {ToolHeaders} from './tool-headers.ts'
import type {CloseReason, Mirrored, Upstream} from './upstream.ts'

/** What a server may take to end a stream behind the answer; the connection is kept then. */
const LINGER_MS = 1000
/** What a list of tools that nobody but us asked for may take, with all its pages. */
const LIST_MS = 30_000
const MOST_PAGES = 100

/** How one request is sent. */
interface Way {
  readonly mirrored?: Mirrored | undefined
  readonly signal: AbortSignal
  /** Takes what comes before the answer. */
  readonly tell: (message: Notification) => void
}

/**
 * A server over the streamable HTTP transport of MCP 2026-07-28: every request is a POST of
 * its own whose answer carries all that belongs to it, and there is nothing else, no session and no other stream. A
 * failure that is ours says in `error.data` what era detection needs: `unreachable`, or the `httpStatus` of a refusal
 * that is no JSON-RPC error.
 */
export class RemoteModern implements Upstream {
  readonly closed: Promise<CloseReason>
  readonly #input: RemoteInput
  readonly #agent: Agent | undefined
  readonly #stop = new AbortController()
  #close: (reason: CloseReason) => void = () => undefined
  /** The requests whose answers are still coming, by id. */
  readonly #open = new Map<unknown, AbortController>()
  readonly #tools: ToolHeaders
  /** The list that was asked for because of a tool that none had shown; kept, so that it happens once. */
  #listed: Promise<void> | undefined
  /** The list that is asked for because headers were refused; calls that are refused at once share it. */
  #relisting: Promise<void> | undefined
  #lists = 0

  constructor(input: RemoteInput) {
    this.#input = input
    this.#agent = agentOf(input)
    this.#tools = new ToolHeaders(input)
    this.closed = new Promise(resolve => {
      this.#close = resolve
    })
  }

  /** Answers are not sent: servers of this era ask nothing. */
  redact(text: string): string {
    return this.#input.redact(text)
  }

  send(message: Message, mirrored?: Mirrored): void {
    if (isResponse(message)) return
    if (isRequest(message)) void this.#serve(message, mirrored)
    else if (message.method !== 'notifications/cancelled') void this.#notify(message)
    // The end of the connection says it (MCP 2026-07-28, streamable HTTP, cancellation).
    else this.#open.get(message.params?.['requestId'])?.abort()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#close({what: 'was left', stderr: [], junk: undefined})
    this.#agent?.destroy()
  }

  async #serve(request: Request, mirrored: Mirrored | undefined): Promise<void> {
    const leave = new AbortController()
    const signal = AbortSignal.any([this.#stop.signal, leave.signal])
    const origin = {request: request.id}
    const tell = (message: Notification) => {
      if (signal.aborted) return
      if (message.method === 'notifications/tools/list_changed') this.#forget()
      this.#input.onMessage(message, origin)
    }
    this.#open.set(request.id, leave)
    const answer = await this.#answer(request, {mirrored, signal, tell})
    if (this.#open.get(request.id) === leave) this.#open.delete(request.id)
    if (!signal.aborted) this.#input.onMessage(answer, origin)
  }

  #forget(): void {
    this.#tools.forget()
    this.#listed = undefined
  }

  async #answer(request: Request, way: Way): Promise<Answer> {
    const tool = request.method === 'tools/call' ? mirroredName(request) : undefined
    if (tool === undefined) return this.#ask(request, way)
    if (!way.mirrored && !this.#tools.of(tool)) {
      this.#listed ??= this.#list(request)
      await waitFor(this.#listed, way.signal)
    }
    const answer = await this.#ask(request, way)
    if (isResult(answer) || answer.error.code !== RPC.headerMismatch) return answer
    // The list may have changed (MCP 2026-07-28, streamable HTTP, client behavior).
    this.#relisting ??= this.#list(request).finally(() => {
      this.#relisting = undefined
    })
    await waitFor(this.#relisting, way.signal)
    return this.#ask(request, way)
  }

  /**
   * Reads the list of tools, for their annotations alone. One that cannot be had, or does not end, is no reason to
   * hold a call back.
   * @param call whose client it is asked for
   */
  async #list(call: Request): Promise<void> {
    const meta = metaOf(call.params)
    const keys = [META.version, META.client, META.capabilities].filter(key =>
      Object.hasOwn(meta, key),
    )
    const _meta = Object.fromEntries(keys.map(key => [key, meta[key]]))
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(LIST_MS)])
    const seen = new Set<string>()
    let cursor: JsonObject = {}
    while (seen.size < MOST_PAGES && !signal.aborted) {
      this.#lists += 1
      const page = makeRequest(`own-${this.#lists}`, 'tools/list', {...cursor, _meta})
      const answer = await this.#ask(page, {signal, tell: () => undefined})
      const next = isResult(answer) ? answer.result['nextCursor'] : undefined
      if (typeof next !== 'string' || seen.has(next)) return
      seen.add(next)
      cursor = {cursor: next}
    }
  }

  /** Sends a request and gives its answer: the server's, or why there is none. Never rejects. */
  async #ask(request: Request, {mirrored, signal, tell}: Way): Promise<Answer> {
    const late = new AbortController()
    let response: Response
    try {
      response = await this.#post(request, AbortSignal.any([signal, late.signal]), mirrored)
    } catch (error) {
      if (!signal.aborted) await this.#input.hasEnded?.()
      return lostAnswer(this.#input, request, notReached(this.#input, error))
    }
    if (!response.ok) return this.#refused(response, request)
    const answer = await this.#answerIn(response, request, {tell, late})
    if (request.method !== 'tools/list' || !isResult(answer)) return answer
    const admitted = this.#tools.admit(answer.result)
    return admitted === answer.result ? answer : {...answer, result: admitted}
  }

  /**
   * A body that is a JSON-RPC error is the server's own answer; anything else is told by its status, and so is what
   * says nothing of the server's era where that is asked for.
   */
  async #refused(response: Response, request: Request): Promise<Answer> {
    const {told, words} = await refusalOf(response, request.id)
    const {status: httpStatus} = response
    const isPassing = httpStatus >= 500 || [401, 403, 429].includes(httpStatus)
    const isOwn = !isPassing || request.method !== 'server/discover'
    if (isOwn && told && isResponse(told)) return told
    return lostAnswer(this.#input, request, refused(this.#input, httpStatus, words))
  }

  /**
   * Gives the answer as soon as it is there, with what comes before it passed on. Nothing may come behind it: a stream
   * that does not end then is left.
   */
  #answerIn(
    response: Response,
    request: Request,
    {tell, late}: Pick<Way, 'tell'> & {late: AbortController},
  ): Promise<Answer> {
    const {promise, resolve} = Promise.withResolvers<Answer>()
    let linger: NodeJS.Timeout | undefined
    const receive = (message: Message) => {
      // The server must not ask (MCP 2026-07-28, streamable HTTP, receiving messages).
      if (linger || isRequest(message)) return
      if (!isResponse(message)) return tell(message)
      if (message.id !== request.id) return
      linger = setTimeout(() => late.abort(), LINGER_MS).unref()
      resolve(message)
    }
    const end = async (why: string) => {
      clearTimeout(linger)
      if (linger) return
      await this.#input.hasEnded?.()
      resolve(lostAnswer(this.#input, request, {why, isUnknown: true}))
    }
    this.#read(response, receive).then(end, error =>
      end(`${placeOf(this.#input)} broke off its answer: ${reasonOf(error)}`),
    )
    return promise
  }

  /** @returns why there is no answer, should there be none by then */
  async #read(response: Response, receive: (message: Message) => void): Promise<string> {
    const {maxMessageBytes} = this.#input
    if (isEventStream(response) && response.body) {
      await readEvents(response.body, maxMessageBytes, {
        onEvent: ({data}) => deliver(data, receive),
        onOversize: oversize => reportOversize(oversize, this.#input, receive),
      })
    } else {
      const text = await readText(response.body, maxMessageBytes)
      if (text === undefined) return longAnswer(this.#input)
      deliver(text, receive)
    }
    return `${placeOf(this.#input)} ended its answer before the result`
  }

  /** This transport has no notifications of its own; what a client sends all the same is passed on, and that is all. */
  async #notify(message: Notification): Promise<void> {
    try {
      const response = await this.#post(message, this.#stop.signal)
      await response.body?.cancel()
    } catch {
      // Nobody waits for it.
    }
  }

  async #post(
    message: Request | Notification,
    signal: AbortSignal,
    mirrored?: Mirrored,
  ): Promise<Response> {
    const headers = new Headers(this.#input.headers.map(([name, value]) => [name, value]))
    headers.set('accept', 'application/json, text/event-stream')
    headers.set('content-type', 'application/json')
    headers.set('mcp-method', encodeHeaderValue(message.method))
    const version = metaOf(message.params)[META.version]
    if (typeof version === 'string') headers.set('mcp-protocol-version', encodeHeaderValue(version))
    if (isRequest(message)) this.#mirror(message, mirrored, headers)
    const body = textOf(message)
    const agent = this.#agent
    return sendHttp(this.#input.url, {method: 'POST', headers, body, signal, agent})
  }

  /** Repeats in headers what servers of this era want there, and what the client has put there besides. */
  #mirror(request: Request, mirrored: Mirrored | undefined, headers: Headers): void {
    const name = mirroredName(request)
    if (name !== undefined) headers.set('mcp-name', encodeHeaderValue(name))
    const isCall = name !== undefined && request.method === 'tools/call'
    const wanted = (isCall && this.#tools.of(name)) || []
    const computed = new Set(wanted.map(({header}) => header))
    for (const [header, value] of paramValues(wanted, request.params?.['arguments'])) {
      headers.set(header, value)
    }
    for (const [header, value] of mirrored ?? []) {
      const isFree = header.startsWith('mcp-param-') && !headers.has(header)
      if (isFree && !computed.has(header)) headers.set(header, value)
    }
  }
}

/** Waits for what never rejects; whoever leaves does not wait on. */
async function waitFor(task: Promise<void>, signal: AbortSignal): Promise<void> {
  await unlessAborted(task, signal).catch(() => undefined)
}
