import {untilAborted} from '../../base/async.ts'
import {isJsonObject, type JsonObject} from '../../base/json.ts'
import {PluginError} from '../../base/errors.ts'
import type {ViewLink, Watch} from '../modern/view-link.ts'
import {pluginFailure} from '../pipeline/explain.ts'
import type {Asking} from '../relay/connection.ts'
import {DESCRIBED_IDLE_MS, withoutSubscriptions} from '../relay/call-link.ts'
import {InFlight} from '../relay/in-flight.ts'
import type {Leavable} from '../relay/leaving.ts'
import type {ClientHello} from '../relay/link.ts'
import {Restarts, StartsAlone} from '../relay/restarts.ts'
import {DESCRIBING} from '../relay/way.ts'
import {
  failure,
  result,
  RPC,
  type Id,
  type Notification,
  type Request,
  type Response,
} from '../wire/jsonrpc.ts'
import {mayAsk} from '../wire/input-requests.ts'
import {META, metaOf} from '../wire/meta.ts'
import {BridgedCall} from './bridged-call.ts'
import {hearerOf} from './hearer.ts'
import {LegacySession, type LegacyServerInput} from './legacy-session.ts'
import {ownerOf, type Parking} from './parking.ts'
import {canBeAsked, lackingFor, neededFor, urlsNeeded, withKnownError} from './questions.ts'
import {Sessions} from './sessions.ts'

export interface LegacyInput {
  readonly server: LegacyServerInput
  /** A name that no other view has: of the authorization context and the capabilities of its clients. */
  readonly view: string
  /** What the server is told of the clients. */
  readonly hello: ClientHello
  /** One for the whole gateway. */
  readonly parking: Parking
  /** Milliseconds, from any fixed point. */
  readonly now: () => number
  readonly events: LegacyEvents
}

/** What a legacy server tells the view that it belongs to. */
export interface LegacyEvents {
  /** The server is open and answered `initialize` with this. */
  onOpened(hello: JsonObject): void
  /** The same once more. */
  onReopened(): void
  /** The server could not be opened, or ended; the next request opens it again. */
  onFailed(error: PluginError): void
  /** @param about the request that it belongs to; undefined: none, a list has changed */
  onNotification(message: Notification, about: Id | undefined): void
}

/**
 * A legacy server as modern clients of one view see it: sessions with it are opened as they are needed, its questions
 * become results that ask (MCP 2026-07-28, multi round-trip requests), and what it says goes to the request that it
 * belongs to.
 */
export class LegacyServer implements ViewLink, Leavable {
  readonly #input: LegacyInput
  readonly #owner: string
  readonly #capabilities: JsonObject
  readonly #sessions: Sessions
  readonly #calls = new Set<BridgedCall>()
  readonly #inFlight = new InFlight()
  /** Of all containers that are for one call each. */
  readonly #starts: StartsAlone
  #hello: JsonObject | undefined

  constructor(input: LegacyInput) {
    const {server, view, hello} = input
    const {capabilities} = hello.params
    this.#input = input
    this.#owner = ownerOf(view, server.name)
    this.#capabilities = isJsonObject(capabilities) ? capabilities : {}
    const {places} = input.parking
    this.#starts = new StartsAlone(input.now)
    this.#sessions = new Sessions(
      {server: server.name, serves: server.policy.serves},
      places,
      index => this.#session(index),
    )
  }

  get server(): string {
    return this.#input.server.name
  }

  get isOpen(): boolean {
    return this.#sessions.firstOpen !== undefined
  }

  get hello(): JsonObject | undefined {
    return this.#hello
  }

  /** Whether each call gets a container of its own. */
  get #isPerCall(): boolean {
    return this.#input.server.policy.serves === 'call'
  }

  /** Whether a call waits for its client, who may still come back. */
  get isWaiting(): boolean {
    return [...this.#calls].some(({openRound}) => openRound !== undefined)
  }

  async ready(): Promise<JsonObject> {
    if (this.#isPerCall && this.#hello) return this.#hello
    await this.#sessions.first.link.ready()
    return this.#hello ?? {}
  }

  /**
   * Answers a request of a modern client, or of the gateway itself.
   * @throws PluginError when the server cannot be started, ends before it answers, or has no session left; Cancelled
   */
  async request(message: Request, asking?: Asking): Promise<Response> {
    if (!asking || !mayAsk(message.method)) return this.#plain(message, asking)
    const answer = await this.#call(message, asking)
    const urls = urlsNeeded(answer)
    if (urls === undefined || urls.length === 0) return withKnownError(answer)
    return this.#askForUrls(message, urls)
  }

  notify(message: Notification): void {
    this.#sessions.firstOpen?.link.notify(message)
  }

  /** A server that tells of changes in a session does so for all who watch it in this view. */
  async watch(
    filter: JsonObject,
    tell: (notice: Notification) => void,
    signal: AbortSignal,
  ): Promise<Watch> {
    // Nobody is there to tell of changes.
    if (this.#isPerCall) return {honoured: {}, ended: untilAborted(signal)}
    return this.#sessions.first.watches.add(filter, tell, signal)
  }

  whenOpen(signal: AbortSignal): Promise<void> {
    return this.#sessions.first.link.whenOpen(signal)
  }

  /** Settles when no request is in flight, nor any call whose client is to come back. */
  idle(): Promise<void> {
    return this.#inFlight.idle()
  }

  /** Ends all calls and sessions. @throws AggregateError of what went wrong, when all have been tried */
  async close(what?: string): Promise<void> {
    const why = what === undefined ? undefined : `server ${this.server} ${what}`
    for (const call of this.#calls) call.cancel(why ?? 'the gateway no longer serves the client')
    await this.#sessions.close(what)
  }

  #session(index: number): LegacySession {
    const {server, view, hello, now, events} = this.#input
    const isFirst = index === 0
    const restarts = this.#isPerCall ? this.#starts : new Restarts(now)
    return new LegacySession(
      {
        server: isFirst && this.#isPerCall ? describing(server) : server,
        id: `${ownerOf(view, server.name)}-${index}`,
        hello,
        restarts,
        now,
      },
      {
        onOpened: answer => {
          this.#hello = this.#isPerCall ? withoutSubscriptions(answer) : answer
          if (isFirst) events.onOpened(this.#hello)
        },
        onReopened: () => {
          if (isFirst) events.onReopened()
        },
        onFailed: error => events.onFailed(error),
        onNotification: (message, about) => events.onNotification(message, about),
        onChange: message => {
          // Lists are read in the first session: changes of other sessions' are no news.
          if (isFirst) events.onNotification(message, undefined)
        },
      },
    )
  }

  async #plain(message: Request, asking?: Asking): Promise<Response> {
    const hearer = asking && hearerOf(message, asking)
    const patient = asking ?? {signal: new AbortController().signal}
    if (!this.#isPerCall || DESCRIBING.has(message.method)) {
      return withKnownError(await this.#sessions.first.send(toLegacy(message), {hearer}, patient))
    }
    const session = await this.#sessions.lease(patient.signal)
    try {
      return withKnownError(await session.send(toLegacy(message), {hearer}, patient))
    } finally {
      this.#sessions.release(session)
    }
  }

  async #call(message: Request, asking: Asking): Promise<Response> {
    if (message.params?.['requestState'] === undefined) return this.#newCall(message, asking)
    const back = this.#input.parking.read(this.#owner, message)
    if (back === 'again') return this.#newCall(message, asking)
    if (back === 'late') return failure(message.id, RPC.invalidParams, TOO_LATE)
    if (back instanceof PluginError) return pluginFailure(message.id, back, this.server)
    return back?.resume(message, asking) ?? failure(message.id, RPC.invalidParams, NOT_VALID)
  }

  async #newCall(message: Request, asking: Asking): Promise<Response> {
    // Not even over HTTP every server says which call a question belongs to.
    const isAlone = this.#isPerCall || canBeAsked(this.#capabilities)
    const session = isAlone ? await this.#sessions.lease(asking.signal) : this.#sessions.first
    const call = new BridgedCall({
      owner: this.#owner,
      request: message,
      capabilities: this.#capabilities,
      parking: this.#input.parking,
      now: this.#input.now,
      send: async (sent, upstream) => {
        const running = {
          call: sent,
          get hearer() {
            return sent.hearer
          },
        }
        try {
          return await session.send(toLegacy(message), running, upstream)
        } finally {
          if (isAlone) this.#sessions.release(session)
        }
      },
      onEnd: ended => {
        if (this.#calls.delete(ended)) this.#inFlight.end()
      },
    })
    this.#calls.add(call)
    this.#inFlight.begin()
    return call.start(asking)
  }

  /** Once the user has opened what the server wants opened, the client makes the same request again. */
  #askForUrls(message: Request, urls: readonly JsonObject[]): Response {
    const question = {method: 'elicitation/create', params: {mode: 'url'}}
    const lacking = lackingFor(question, this.#capabilities)
    if (lacking) {
      const why = `the user would have to open a URL, but the client has not declared ${neededFor(question)}`
      const data = {requiredCapabilities: lacking}
      return failure(message.id, RPC.missingCapability, why, data)
    }
    const inputRequests = Object.fromEntries(urls.map((url, index) => [String(index + 1), url]))
    const requestState = this.#input.parking.stateToRepeat(this.#owner, message)
    return result(message.id, {resultType: 'input_required', inputRequests, requestState})
  }
}

/** What only describes the server is asked of a container that ends when no more is asked. */
function describing(server: LegacyServerInput): LegacyServerInput {
  return {...server, policy: {...server.policy, idleMs: DESCRIBED_IDLE_MS}}
}

/** Whoever tries states out learns no more than this. */
const NOT_VALID = 'requestState is not valid, or not any more: make the request again without it'

const TOO_LATE =
  'the answers to what the server asked took too long: make the request again without requestState'

/** Members of `_meta` that only modern servers know; one that knows both eras would take the request for a modern one. */
const MODERN_ONLY: ReadonlySet<string> = new Set([
  META.version,
  META.client,
  META.capabilities,
  META.logLevel,
])

/** A modern request as a legacy server is sent it: without what belongs to modern clients alone. */
function toLegacy(message: Request): Request {
  if (!message.params) return message
  const {_meta: _, inputResponses: _r, requestState: _s, ...rest} = message.params
  const entries = Object.entries(metaOf(message.params)).filter(([key]) => !MODERN_ONLY.has(key))
  return {
    ...message,
    params: {...rest, ...(entries.length > 0 && {_meta: Object.fromEntries(entries)})},
  }
}
