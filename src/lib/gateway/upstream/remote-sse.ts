import {parseMessages} from '../wire/batch.ts'
import {readEvents} from '../wire/events.ts'
import {failure, isRequest, RPC, type Message} from '../wire/jsonrpc.ts'
import {sendHttp} from './http.ts'
import {placeOf, reasonOf} from './http-answers.ts'
import {reportOversize} from './oversize.ts'
import {takenInTime, type RemoteInput} from './remote.ts'
import {StreamAgent} from './stream-agent.ts'
import type {CloseReason, Upstream} from './upstream.ts'

/**
 * A server over the transport of MCP 2024-11-05 (HTTP+SSE): one stream carries everything
 * that comes, and names the address that messages are posted to.
 */
export class SseUpstream implements Upstream {
  readonly closed: Promise<CloseReason>
  readonly #input: RemoteInput
  readonly #agent: StreamAgent | undefined
  readonly #stop = new AbortController()
  readonly #endpoint: Promise<URL>
  /** Messages go out one after another, in the order in which they were sent. */
  #order: Promise<void> = Promise.resolve()

  constructor(input: RemoteInput) {
    this.#input = input
    this.#agent = input.connect && new StreamAgent(input.connect)
    const endpoint = Promise.withResolvers<URL>()
    this.#endpoint = endpoint.promise
    // Told to whoever sends; with nobody sending there is nobody to tell.
    this.#endpoint.catch(() => undefined)
    this.closed = this.#read(endpoint).then(what => {
      endpoint.reject(new Error(what))
      this.#stop.abort()
      this.#agent?.destroy()
      return {what, stderr: [], junk: undefined}
    })
  }

  redact(text: string): string {
    return this.#input.redact(text)
  }

  send(message: Message): void {
    this.#order = this.#order.then(() => takenInTime(this.#post(message)))
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
      await response.body?.cancel()
      if (!response.ok) this.#fail(message, `answered with HTTP status ${response.status}`)
    } catch (error) {
      if (!(await this.#input.hasEnded?.())) this.#fail(message, reasonOf(error))
    }
  }

  #fail(message: Message, why: string): void {
    if (!isRequest(message) || this.#stop.signal.aborted) return
    const {redact, onMessage} = this.#input
    const text = redact(`${placeOf(this.#input)}: ${why}`)
    onMessage(failure(message.id, RPC.internalError, text))
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
    return sendHttp(url, {method, body, headers, signal: this.#stop.signal, agent: this.#agent})
  }
}

/** @throws Error for an address on another host: our headers are for this one alone */
function endpointOf(data: string, url: string): URL {
  const endpoint = new URL(data.trim(), url)
  if (endpoint.origin === new URL(url).origin) return endpoint
  throw new Error(`the server wants messages posted to another host: ${endpoint.origin}`)
}
