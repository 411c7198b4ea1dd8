import type {Agent} from 'node:http'
import {parseMessages} from '../wire/batch.ts'
import {readEvents} from '../wire/events.ts'
import {isRequest, type Id, type Message} from '../wire/jsonrpc.ts'
import {sendHttp} from './http.ts'
import {lostAnswer, type Loss, notReached, reasonOf, refusalOf, refused} from './http-answers.ts'
import {reportOversize} from './oversize.ts'
import {agentOf, takenInTime, type RemoteInput} from './remote-wire.ts'
import type {CloseReason, Upstream} from './upstream.ts'

/**
 * A server over the transport of MCP 2024-11-05 (HTTP+SSE): one stream carries everything
 * that comes, and names the address that messages are posted to.
 */
export class SseUpstream implements Upstream {
  readonly closed: Promise<CloseReason>
  /** Settles when the server has said where messages are posted; never, when it ends before. */
  readonly opened: Promise<void>
  readonly #input: RemoteInput
  readonly #agent: Agent | undefined
  readonly #stop = new AbortController()
  /** Aborted when the server does not know the session any more, though its stream is there. */
  readonly #leave = new AbortController()
  readonly #refused = new Set<Id>()
  readonly #endpoint: Promise<URL>
  /** Ends when the last message that must come before others has been taken. */
  #order: Promise<void> = Promise.resolve()

  constructor(input: RemoteInput) {
    this.#input = input
    this.#agent = agentOf(input)
    const endpoint = Promise.withResolvers<URL>()
    this.#endpoint = endpoint.promise
    this.opened = new Promise(resolve => {
      endpoint.promise.then(
        () => resolve(),
        () => undefined,
      )
    })
    // Told to whoever sends; with nobody sending there is nobody to tell.
    this.#endpoint.catch(() => undefined)
    this.closed = this.#read(endpoint).then(what => {
      endpoint.reject(new Error(what))
      this.#stop.abort()
      this.#agent?.destroy()
      return {what, stderr: [], junk: undefined, refused: this.#refused}
    })
  }

  redact(text: string): string {
    return this.#input.redact(text)
  }

  send(message: Message): void {
    const sent = this.#order.then(() => this.#post(message))
    // What is no request changes how the server takes the next message, and has no answer to wait for.
    if (!isRequest(message)) this.#order = takenInTime(sent)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.closed
  }

  /** Reads the stream to its end, and tells how it ended. */
  async #read(endpoint: PromiseWithResolvers<URL>): Promise<string> {
    const {url, onMessage, maxMessageBytes, redact, connect} = this.#input
    try {
      const response = await this.#fetch(url, {headers: {accept: 'text/event-stream'}})
      if (!response.ok || !response.body) return `answered with HTTP status ${response.status}`
      await readEvents(response.body, maxMessageBytes, {
        onEvent({event, data}) {
          if (event === 'endpoint') return endpoint.resolve(endpointOf(data, url))
          for (const message of parseMessages(data)) onMessage(message)
        },
        onOversize: oversize => reportOversize(oversize, this.#input, onMessage),
      })
      return 'has ended its stream'
    } catch (error) {
      if (this.#stop.signal.aborted) return 'was left'
      if (this.#leave.signal.aborted) return 'has ended the session'
      const verb = connect ? 'has an HTTP server that does not answer' : 'cannot be reached'
      return redact(`${verb}: ${reasonOf(error)}`)
    }
  }

  async #post(message: Message): Promise<void> {
    try {
      const response = await this.#fetch(await this.#endpoint, {
        method: 'POST',
        headers: {'content-type': 'application/json'},
        body: JSON.stringify(message),
      })
      if (response.ok) return await response.body?.cancel()
      const {status} = response
      const {isOfSession, words} = await refusalOf(response, isRequest(message) ? message.id : 0)
      if (status === 404 || (status === 400 && isOfSession)) return this.#forgotten(message)
      this.#fail(message, refused(this.#input, status, words))
    } catch (error) {
      if (!(await this.#input.hasEnded?.())) this.#fail(message, notReached(this.#input, error))
    }
  }

  /** The server knows nothing of the session (MCP 2024-11-05 says no more): it has not taken the message. */
  #forgotten(message: Message): void {
    if (isRequest(message)) this.#refused.add(message.id)
    this.#leave.abort()
  }

  #fail(message: Message, loss: Loss): void {
    if (!isRequest(message) || this.#stop.signal.aborted || this.#leave.signal.aborted) return
    this.#input.onMessage(lostAnswer(this.#input, message, loss))
  }

  #fetch(
    url: string | URL,
    {
      method = 'GET',
      body,
      ...init
    }: {method?: string; body?: string; headers: Record<string, string>},
  ): Promise<Response> {
    const headers = new Headers(this.#input.headers.map(([name, value]) => [name, value]))
    for (const [name, value] of new Headers(init.headers)) headers.set(name, value)
    const signal = AbortSignal.any([this.#stop.signal, this.#leave.signal])
    return sendHttp(url, {method, body, headers, signal, agent: this.#agent})
  }
}

/** @throws Error for an address on another host: our headers are for this one alone */
function endpointOf(data: string, url: string): URL {
  const endpoint = new URL(data.trim(), url)
  if (endpoint.origin === new URL(url).origin) return endpoint
  throw new Error(`the server wants messages posted to another host: ${endpoint.origin}`)
}
