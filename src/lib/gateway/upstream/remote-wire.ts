import type {Agent} from 'node:http'
import {pause, withDeadline} from '../../base/async.ts'
import {type Outgoing, outgoingAgent} from '../../net/agents.ts'
import {readEvents, readText} from '../wire/events.ts'
import type {Message} from '../wire/jsonrpc.ts'
import {sendHttp} from './http.ts'
import {deliver, isEventStream, refusalOf} from './http-answers.ts'
import {reportOversize, type SizeLimit} from './oversize.ts'
import type {RemoteSession} from './remote-session.ts'
import {readResumable} from './resumable.ts'
import {StreamAgent, type Connect} from './stream-agent.ts'
import type {MessageListener} from './upstream.ts'

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
  /** How this machine reaches others; without it, directly. */
  readonly outgoing?: Outgoing | undefined
  /** Makes the connections to a server that runs in a container of ours; without it the system does. */
  readonly connect?: Connect
  /**
   * Asked when a connection broke: whether the server as a whole has ended, which says more than the connection does.
   * Then nobody is told of the connection.
   */
  readonly hasEnded?: () => Promise<boolean>
}

/** What makes the connections to a server; ended with the upstream. */
export function agentOf({
  connect,
  outgoing,
  url,
}: Pick<RemoteInput, 'connect' | 'outgoing' | 'url'>): Agent | undefined {
  if (connect) return new StreamAgent(connect)
  return outgoing && outgoingAgent(new URL(url), outgoing)
}

/** One exchange over HTTP: the session that it belongs to, and when nobody waits for it any more. */
export interface Within {
  readonly session: RemoteSession
  readonly signal: AbortSignal
}

/** The HTTP of a session over streamable HTTP (MCP 2025-11-25, basic/transports): what is sent, and what is read of it. */
export class RemoteWire implements Disposable {
  readonly #input: RemoteInput
  readonly #agent: Agent | undefined

  constructor(input: RemoteInput) {
    this.#input = input
    this.#agent = agentOf(input)
  }

  /** Posts a message. @throws what broke the connection before the head of the answer came */
  async post(message: Message, {session, signal}: Within): Promise<Response> {
    const response = await this.#fetch(session, {
      method: 'POST',
      body: JSON.stringify(message),
      signal,
    })
    if (response.ok) session.id = response.headers.get('mcp-session-id') ?? session.id
    return response
  }

  /**
   * Reads all that comes with an answer, also what comes over other connections.
   * @param isOver whether the answer was in what came
   * @returns false when the answer is too large to tell more about it
   * @throws what broke a stream that cannot be resumed
   */
  async read(
    response: Response,
    {session, signal}: Within,
    {
      receive,
      isOver,
    }: {readonly receive: (message: Message) => void; readonly isOver: () => boolean},
  ): Promise<boolean> {
    const {maxMessageBytes} = this.#input
    if (!isEventStream(response) || !response.body) {
      const text = await readText(response.body, maxMessageBytes)
      if (text !== undefined) deliver(text, receive)
      return text !== undefined
    }
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
      rest: last => this.#rest(last, {session, signal}),
      isOver,
      signal,
    })
    return true
  }

  /**
   * Keeps the stream of the server's own messages open. A server that has none refuses it, which is its right.
   * @returns true when the server had one, and knows nothing of the session any more
   */
  async listen(session: RemoteSession, stop: AbortSignal): Promise<boolean> {
    const signal = AbortSignal.any([stop, session.over.signal])
    const receive = (message: Message) => this.#input.onMessage(message, 'alone')
    let last: string | undefined
    let wasOpen = false
    for (let lost = 0; !signal.aborted; lost += 1) {
      const from = last === undefined ? {} : {last}
      const asked = this.#fetch(session, {method: 'GET', signal, ...from})
      const response = await asked.catch(() => undefined)
      if (response && !isEventStream(response)) {
        if (await saysForgotten(response, wasOpen)) return true
        // What is wrong there may be over soon.
        const isPassing = response.status >= 500 || response.status === 429
        if (last === undefined && !isPassing) return false
        // It may only not know that event any more.
        if (!isPassing) {
          last = undefined
          continue
        }
      }
      if (response?.ok && response.body) {
        wasOpen = true
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
    return false
  }

  /** Tells the server that a session is over. Never rejects. */
  async leave(session: RemoteSession): Promise<void> {
    if (session.id === undefined) return
    const farewell = {method: 'DELETE', signal: AbortSignal.timeout(FAREWELL_MS)}
    const taken = this.#fetch(session, farewell).then(response => response.body?.cancel())
    await taken.catch(() => undefined)
  }

  [Symbol.dispose](): void {
    this.#agent?.destroy()
  }

  /** Opens the rest of a stream behind an event; undefined when the server does not have it. */
  async #rest(
    last: string,
    {session, signal}: Within,
  ): Promise<ReadableStream<Uint8Array> | undefined> {
    const response = await this.#fetch(session, {method: 'GET', signal, last})
    if (isEventStream(response) && response.body) return response.body
    await response.body?.cancel()
    return undefined
  }

  /** @param init with the id of the last event when the rest of a stream is wanted */
  #fetch(
    {id, version}: RemoteSession,
    {last, ...init}: {method: string; body?: string; signal: AbortSignal; last?: string},
  ): Promise<Response> {
    const headers = new Headers(this.#input.headers.map(([name, value]) => [name, value]))
    headers.set(
      'accept',
      init.method === 'GET' ? 'text/event-stream' : 'application/json, text/event-stream',
    )
    if (init.body !== undefined) headers.set('content-type', 'application/json')
    if (id !== undefined) headers.set('mcp-session-id', id)
    if (version !== undefined) headers.set('mcp-protocol-version', version)
    if (last !== undefined) headers.set('last-event-id', last)
    return sendHttp(this.#input.url, {...init, headers, agent: this.#agent})
  }
}

/** Whether a server that had a stream knows nothing of its session any more. Reads the body or leaves it. */
async function saysForgotten(response: Response, wasOpen: boolean): Promise<boolean> {
  if (wasOpen && response.status === 400) return (await refusalOf(response, 0)).isOfSession
  await response.body?.cancel()
  return wasOpen && response.status === 404
}

/** Waits until a message was taken, but not for ever: one that hangs must not hold back the ones behind it. */
export async function takenInTime(sent: Promise<void>): Promise<void> {
  await withDeadline(sent, TAKEN_MS, () => new Error('too late')).catch(() => undefined)
}
