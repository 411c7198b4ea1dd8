import {isJsonObject, type JsonObject} from '../../base/json.ts'
import type {PluginError} from '../../base/errors.ts'
import type {Asking, Connection} from '../relay/connection.ts'
import {changedKind} from '../relay/list-changes.ts'
import {Link, type ClientHello} from '../relay/link.ts'
import {can} from '../relay/pages.ts'
import type {OpenUpstream} from '../upstream/upstream.ts'
import {
  failure,
  isResponse,
  request,
  RPC,
  type Id,
  type Message,
  type Notification,
  type Request,
  type Response,
} from '../wire/jsonrpc.ts'
import type {BridgedCall} from './bridged-call.ts'
import {heardBy, levelFor, type Hearer} from './hearer.ts'

/** A call that was given up and never answered may still ask or log something for so long, in milliseconds. */
const DOUBT_MS = 60_000

/** How long a session that gets no more requests waits for the answers to those that it has, in milliseconds. */
const LONGEST_LEAVE_MS = 60_000

/** Calls that were given up and are remembered. */
const MOST_GIVEN_UP = 1000

/** A server with sessions, and what it is told of the clients. */
export interface LegacyServerInput {
  readonly name: string
  readonly open: OpenUpstream
  readonly startTimeoutMs: number
  /** Whether every message says which request it belongs to. */
  readonly tellsOrigin: boolean
}

export interface LegacySessionInput {
  readonly server: LegacyServerInput
  /** Its name for those who open the server. */
  readonly id: string
  readonly hello: ClientHello
  readonly now: () => number
}

/** What a session tells of itself. */
export interface LegacySessionEvents {
  onOpened(hello: JsonObject): void
  onFailed(error: PluginError): void
  /** The server said something about a request of a client. */
  onNotification(message: Notification, about: Id): void
  /** A list or a resource of the server has changed. */
  onChange(message: Notification): void
  /** What the server knew of this session is gone. */
  onEnded(): void
}

/** A request that the server is at. */
interface Running {
  readonly hearer: Hearer | undefined
  /** The call that it is, if its client can be asked something for it. */
  readonly call?: BridgedCall
}

/**
 * One session with a legacy server. What the server asks and says of its own accord is given to the request that it
 * belongs to; where that is not certain it is refused or dropped, since the requests may be those of several clients.
 */
export class LegacySession {
  readonly link: Link
  readonly #input: LegacySessionInput
  readonly #events: LegacySessionEvents
  /** By names of our own: those of clients need not differ. */
  readonly #running = new Map<Id, Running>()
  /** Requests that the server was told to give up and has not answered, by the ids that it knows, with the time. */
  readonly #givenUp = new Map<Id, number>()
  #onSettled: (() => void) | undefined
  #onIdle: (() => void) | undefined
  #level: string | undefined
  #hasAsked = false
  #last = 0

  constructor(input: LegacySessionInput, events: LegacySessionEvents) {
    const {server, id, hello, now} = input
    this.#input = input
    this.#events = events
    this.link = new Link(
      {
        server: server.name,
        session: id,
        hello,
        open: this.#watching(server.open),
        startTimeoutMs: server.startTimeoutMs,
        now,
      },
      {
        onOpened: answer => events.onOpened(answer),
        onReopened: () => undefined,
        onFailed: error => events.onFailed(error),
        onEnded: () => this.#ended(),
        onServerRequest: (from, message, about) => this.#asked(from, message, about),
        onNotification: (from, message, about) => this.#heard(from, message, about),
      },
    )
  }

  /** Whether one of its calls waits for its client to come back. */
  get isParked(): boolean {
    return [...this.#running.values()].some(({call}) => call?.openRound !== undefined)
  }

  /**
   * Whether a call that comes next could be asked what belongs to an earlier one: the server asks things, and is
   * perhaps still at a call that was given up.
   */
  get isUnsure(): boolean {
    return this.#hasAsked && this.#isInDoubt
  }

  /** Waits until the server has answered what was given up. @returns whether it has, within so many milliseconds */
  settled(milliseconds: number): Promise<boolean> {
    return new Promise(resolve => {
      const timer = setTimeout(() => resolve(false), milliseconds).unref()
      this.#onSettled = () => {
        clearTimeout(timer)
        resolve(!this.isUnsure)
      }
    })
  }

  /** Sends a request and gives the server's answer. */
  async send(message: Request, running: Running, asking: Omit<Asking, 'about'>): Promise<Response> {
    const about = ++this.#last
    this.#running.set(about, running)
    try {
      this.#setLevel(await this.link.ready())
      return await this.link.request(message, {...asking, about})
    } finally {
      this.#running.delete(about)
      if (this.#running.size === 0) this.#onIdle?.()
    }
  }

  /** Ends it when the last of its requests has ended, or too much later. @throws what the server's end throws */
  async leave(): Promise<void> {
    if (this.#running.size > 0) {
      await new Promise<void>(resolve => {
        this.#onIdle = resolve
        setTimeout(resolve, LONGEST_LEAVE_MS).unref()
      })
    }
    await this.link.close()
  }

  /** Opens servers in such a way that answers to what was given up are noticed, which a connection drops. */
  #watching(open: OpenUpstream): OpenUpstream {
    return async input => {
      const upstream = await open({
        ...input,
        onMessage: (message, origin) => {
          if (isResponse(message)) this.#settle(message.id)
          input.onMessage(message, origin)
        },
      })
      return {
        closed: upstream.closed,
        send: (message, mirrored) => {
          this.#noteGivenUp(message)
          upstream.send(message, mirrored)
        },
        [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
      }
    }
  }

  #noteGivenUp(message: Message): void {
    if (message['method'] !== 'notifications/cancelled' || !isJsonObject(message['params'])) return
    const id = message['params']['requestId']
    if (typeof id !== 'string' && typeof id !== 'number') return
    this.#givenUp.set(id, this.#input.now())
    const [oldest] = this.#givenUp.keys()
    if (this.#givenUp.size > MOST_GIVEN_UP && oldest !== undefined) this.#givenUp.delete(oldest)
  }

  #settle(id: Id): void {
    if (this.#givenUp.delete(id) && this.#givenUp.size === 0) this.#onSettled?.()
  }

  get #isInDoubt(): boolean {
    const now = this.#input.now()
    for (const [id, at] of this.#givenUp) if (now - at >= DOUBT_MS) this.#givenUp.delete(id)
    return this.#givenUp.size > 0
  }

  #ended(): void {
    this.#givenUp.clear()
    this.#level = undefined
    this.#hasAsked = false
    this.#onSettled?.()
    this.#events.onEnded()
  }

  /** The server logs for all who want it to; nobody hears more than they want. */
  #setLevel(hello: JsonObject): void {
    const hearers = [...this.#running.values()].flatMap(({hearer}) => (hearer ? [hearer] : []))
    const level = levelFor(hearers)
    if (level === undefined || level === this.#level || !can(hello, 'logging')) return
    this.#level = level
    // What it answers makes no difference: a server that does not know the level logs as it likes.
    this.link.request(request('level', 'logging/setLevel', {level})).catch(() => undefined)
  }

  #asked(from: Connection, message: Request, about: Id | undefined): void {
    this.#hasAsked = true
    const call = this.#runningFor(about, running => running.call !== undefined)?.call
    if (call) return call.ask(from, message)
    const why = 'it is not certain which call this belongs to'
    from.respond(failure(message.id, RPC.internalError, why))
  }

  #heard(from: Connection, message: Notification, about: Id | undefined): void {
    const {method} = message
    if (changedKind(method) || method === 'notifications/resources/updated') {
      return this.#events.onChange(message)
    }
    if (method === 'notifications/cancelled') {
      const id = message.params?.['requestId']
      for (const {call} of this.#running.values()) call?.withdraw(from, id)
    }
    if (UNKNOWN_TO_CLIENTS.has(method)) return
    // The token of progress is the one of a request.
    const isExact = method === 'notifications/progress'
    const running = isExact ? this.#named(about) : this.#runningFor(about, () => true)
    const hearer = running?.hearer
    const heard = hearer && heardBy(hearer, message)
    if (heard) this.#events.onNotification(heard, hearer.about)
  }

  #named(about: Id | undefined): Running | undefined {
    return about === undefined ? undefined : this.#running.get(about)
  }

  /** Whom a message belongs to: it says so itself, or there is only one such request. */
  #runningFor(about: Id | undefined, isSuch: (one: Running) => boolean): Running | undefined {
    if (this.#input.server.tellsOrigin && about !== undefined) return this.#running.get(about)
    if (this.#isInDoubt) return undefined
    const [sole, ...others] = [...this.#running.values()].filter(isSuch)
    return others.length === 0 ? sole : undefined
  }
}

/** What only sessions have: questions of servers with ids, and tasks at servers without the extension for them. */
const UNKNOWN_TO_CLIENTS: ReadonlySet<string> = new Set([
  'notifications/cancelled',
  'notifications/elicitation/complete',
  'notifications/tasks/status',
])
