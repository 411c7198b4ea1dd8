import {withDeadline} from '../../base/async.ts'
import {isJsonObject, type JsonObject} from '../../base/json.ts'
import {readEvents, readText} from '../wire/events.ts'
import {
  failure,
  isRequest,
  isResponse,
  RPC,
  type Id,
  type Message,
  type Request,
} from '../wire/jsonrpc.ts'
import {reportOversize, type SizeLimit} from './oversize.ts'
import {sendHttp} from './http.ts'
import {deliver, isEventStream, longAnswer, notReached, placeOf, refusalOf} from './http-answers.ts'
import {readResumable} from './resumable.ts'
import {StreamAgent, type Connect} from './stream-agent.ts'
import type {CloseReason, MessageListener, Upstream} from './upstream.ts'
import {pause} from './waiting.ts'

/** What a server may take to take a message before the next ones are sent all the same. */
const TAKEN_MS = 5000
/** What a server may take to hear that the session is over. */
const FAREWELL_MS = 2000
/** Pauses before a lost stream of the server's own messages is opened again. */
const RECONNECT_MS = [1000, 5000, 30_000] as const

export interface RemoteInput extends SizeLimit {
  readonly url: string
  /** Sent with every request to this address, and to no other. */
  readonly headers: readonly (readonly [string, string])[]
  readonly onMessage: MessageListener
  /** Takes the secrets out of a text before anybody sees it. */
  readonly redact: (text: string) => string
  /** Makes the connections to a server that runs in a container of ours; without it the system does. */
  readonly connect?: Connect
  /**
   * Asked when a connection broke: whether the server as a whole has ended, which says more than the connection does.
   * Then nobody is told of the connection.
   */
  readonly hasEnded?: () => Promise<boolean>
}

/**
 * A server over MCP's streamable HTTP transport (2025-03-26 to 2025-11-25): every message is a POST of its own, whose
 * answer carries what belongs to it; a GET stream carries the rest.
 */
export class RemoteUpstream implements Upstream {
  readonly closed: Promise<CloseReason>
  readonly #input: RemoteInput
  readonly #agent: StreamAgent | undefined
  readonly #stop = new AbortController()
  #close: (reason: CloseReason) => void = () => undefined
  /** The requests whose answers are still coming, by id. */
  readonly #open = new Map<unknown, AbortController>()
  #session: string | undefined
  #version: string | undefined
  /** Ends when the last message that must come before others has been taken. */
  #order: Promise<void> = Promise.resolve()

  constructor(input: RemoteInput) {
    this.#input = input
    this.#agent = input.connect && new StreamAgent(input.connect)
    this.closed = new Promise(resolve => {
      this.#close = resolve
    })
  }

  redact(text: string): string {
    return this.#input.redact(text)
  }

  send(message: Message): void {
    const sent = this.#order.then(() => this.#post(message))
    // What is no request changes how the server takes the next message, and has no answer to wait for.
    if (!isRequest(message)) this.#order = takenInTime(sent)
    if (message['method'] !== 'notifications/cancelled') return
    const {params} = message
    if (isJsonObject(params)) void this.#order.then(() => this.#leave(params['requestId']))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end('was left')
    const farewell = {method: 'DELETE', signal: AbortSignal.timeout(FAREWELL_MS)}
    if (this.#session !== undefined) await this.#fetch(farewell).catch(() => undefined)
    this.#agent?.destroy()
  }

  /** Nobody waits for a cancelled request any more; a server that obeys never ends its stream. */
  #leave(request: unknown): void {
    this.#open.get(request)?.abort()
  }

  async #post(message: Message): Promise<void> {
    const leave = new AbortController()
    if (isRequest(message)) this.#open.set(message.id, leave)
    const signal = AbortSignal.any([this.#stop.signal, leave.signal])
    try {
      const response = await this.#fetch({method: 'POST', body: JSON.stringify(message), signal})
      await this.#take(response, message, signal)
    } catch (error) {
      if (signal.aborted) return
      await this.#broke(message, notReached(this.#input, error), {unreachable: true})
    } finally {
      if (isRequest(message)) this.#open.delete(message.id)
    }
  }

  async #take(response: Response, message: Message, signal: AbortSignal): Promise<void> {
    this.#session = response.headers.get('mcp-session-id') ?? this.#session
    if (response.status === 404 && this.#version !== undefined) {
      await response.body?.cancel()
      return this.#end('has ended the session', isRequest(message) ? message.id : undefined)
    }
    if (!response.ok) return this.#refused(response, message)
    if (isRequest(message)) await this.#answers(response, message, signal)
    else await response.body?.cancel()
    if ('method' in message && message.method === 'notifications/initialized') void this.#listen()
  }

  /** Passes on what comes with the answer to a request; one that never answers is answered for. */
  async #answers(response: Response, request: Request, signal: AbortSignal): Promise<void> {
    let answered = false
    const origin = {request: request.id}
    const receive = (message: Message) => {
      if (isResponse(message) && message.id === request.id) {
        answered = true
        if (request.method === 'initialize') this.#initialized(message)
      }
      this.#input.onMessage(message, origin)
    }
    const {maxMessageBytes} = this.#input
    if (isEventStream(response) && response.body) {
      await readResumable(response.body, {
        read: (body, {onEvent, onRetry}) =>
          readEvents(body, maxMessageBytes, {
            onEvent: event => {
              onEvent(event)
              deliver(event.data, receive)
            },
            onOversize: oversize => reportOversize(oversize, this.#input, receive),
            onRetry,
          }),
        rest: last => this.#rest(last, signal),
        isOver: () => answered,
        signal,
      })
    } else {
      const text = await readText(response.body, maxMessageBytes)
      if (text === undefined) return this.#fail(request, longAnswer(this.#input))
      deliver(text, receive)
    }
    if (answered) return
    await this.#broke(request, `${placeOf(this.#input)} ended its answer before the result`)
  }

  /** Opens the rest of a stream behind an event; undefined when the server does not have it. */
  async #rest(last: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array> | undefined> {
    const response = await this.#fetch({method: 'GET', signal, last})
    if (isEventStream(response) && response.body) return response.body
    await response.body?.cancel()
    return undefined
  }

  #initialized(message: Message): void {
    const result = message['result']
    const version = isJsonObject(result) ? result['protocolVersion'] : undefined
    if (typeof version === 'string') this.#version = version
  }

  /** A body that is a JSON-RPC error is the server's own answer; anything else is told by its status. */
  async #refused(response: Response, message: Message): Promise<void> {
    if (!isRequest(message)) return response.body?.cancel()
    const told = await refusalOf(response, message.id)
    if (told) return this.#input.onMessage(told)
    const {status: httpStatus} = response
    const why = `${placeOf(this.#input)} answered with HTTP status ${httpStatus}`
    this.#fail(message, why, {httpStatus})
  }

  async #broke(message: Message, why: string, data?: JsonObject): Promise<void> {
    if (!(await this.#input.hasEnded?.())) this.#fail(message, why, data)
  }

  /** @param data tells whether anybody has looked at the message: who tries other ways to ask goes by it */
  #fail(message: Message, why: string, data?: JsonObject): void {
    if (!isRequest(message)) return
    this.#input.onMessage(failure(message.id, RPC.internalError, this.#input.redact(why), data))
  }

  /** Keeps the stream of the server's own messages open. A server that has none refuses it, which is its right. */
  async #listen(): Promise<void> {
    const {signal} = this.#stop
    const receive = (message: Message) => this.#input.onMessage(message, 'alone')
    let last: string | undefined
    for (let lost = 0; !signal.aborted; lost += 1) {
      const from = last === undefined ? {} : {last}
      const response = await this.#fetch({method: 'GET', signal, ...from}).catch(() => undefined)
      if (response && !isEventStream(response)) {
        await response.body?.cancel()
        // What is wrong there may be over soon.
        const isPassing = response.status >= 500 || response.status === 429
        if (last === undefined && !isPassing) return
        // It may only not know that event any more.
        if (!isPassing) {
          last = undefined
          continue
        }
      }
      if (response?.ok && response.body) {
        await readEvents(response.body, this.#input.maxMessageBytes, {
          onEvent({data, id}) {
            lost = 0
            last = id || last
            deliver(data, receive)
          },
          onOversize: oversize => reportOversize(oversize, this.#input, receive),
        }).catch(() => undefined)
      }
      await pause(RECONNECT_MS[Math.min(lost, RECONNECT_MS.length - 1)] ?? 0, signal)
    }
  }

  /** @param init with the id of the last event when the rest of a stream is wanted */
  #fetch({
    last,
    ...init
  }: {
    method: string
    body?: string
    signal: AbortSignal
    last?: string
  }): Promise<Response> {
    const headers = new Headers(this.#input.headers.map(([name, value]) => [name, value]))
    headers.set(
      'accept',
      init.method === 'GET' ? 'text/event-stream' : 'application/json, text/event-stream',
    )
    if (init.body !== undefined) headers.set('content-type', 'application/json')
    if (this.#session !== undefined) headers.set('mcp-session-id', this.#session)
    if (this.#version !== undefined) headers.set('mcp-protocol-version', this.#version)
    if (last !== undefined) headers.set('last-event-id', last)
    return sendHttp(this.#input.url, {...init, headers, agent: this.#agent})
  }

  #end(what: string, refused?: Id): void {
    this.#stop.abort()
    this.#close({what, stderr: [], junk: undefined, refused})
  }
}

/** Waits until a message was taken, but not for ever: one that hangs must not hold back the ones behind it. */
export async function takenInTime(sent: Promise<void>): Promise<void> {
  await withDeadline(sent, TAKEN_MS, () => new Error('too late')).catch(() => undefined)
}
