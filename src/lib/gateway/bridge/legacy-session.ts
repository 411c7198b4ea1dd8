import {withDeadline} from '../../base/async.ts'
import {isJsonObject, type JsonObject} from '../../base/json.ts'
import type {PluginError} from '../../base/errors.ts'
import type {LifePolicy} from '../life-policy.ts'
import type {ServerLife} from '../lives.ts'
import type {Asking, Connection} from '../relay/connection.ts'
import {changedKind} from '../relay/list-changes.ts'
import {Link, type ClientHello} from '../relay/link.ts'
import {can} from '../relay/pages.ts'
import type {Restarts} from '../relay/restarts.ts'
import type {OpenUpstream} from '../upstream/upstream.ts'
import {
  failure,
  isRequest,
  isResponse,
  request,
  RPC,
  type Id,
  type Message,
  type Notification,
  type Request,
  type Response,
} from '../wire/jsonrpc.ts'
import {mayAsk} from '../wire/input-requests.ts'
import type {BridgedCall} from './bridged-call.ts'
import {heardBy, levelFor, type Hearer} from './hearer.ts'

import {Watches} from './watches.ts'

/** How long a session that gets no more requests waits for the answers to those that it has, in milliseconds. */
const LONGEST_LEAVE_MS = 60_000

/** Requests that the server has not answered and that are kept in mind. */
const MOST_UNANSWERED = 10_000

/** How long a call waits until the server has answered at which level it is to log, in milliseconds. */
const LEVEL_MS = 5000

/** A server with sessions, and what it is told of the clients. */
export interface LegacyServerInput {
  readonly name: string
  readonly open: OpenUpstream
  readonly startTimeoutMs: number
  /** Whether every message says which request it belongs to. */
  readonly tellsOrigin: boolean
  readonly policy: LifePolicy
  readonly life: ServerLife
}

export interface LegacySessionInput {
  readonly server: LegacyServerInput
  /** Its name for those who open the server. */
  readonly id: string
  readonly hello: ClientHello
  /** What is known of earlier starts of the server. */
  readonly restarts: Restarts
  readonly now: () => number
}

/** What a session tells of itself. */
export interface LegacySessionEvents {
  onOpened(hello: JsonObject): void
  /** The same once more. */
  onReopened(): void
  onFailed(error: PluginError): void
  /** The server said something about a request of a client. */
  onNotification(message: Notification, about: Id): void
  /** A list of the server has changed. */
  onChange(message: Notification): void
}

/** A request that the server is at. */
interface Running {
  readonly hearer: Hearer | undefined
  /** The call that it is, if its client can be asked something for it. */
  readonly call?: BridgedCall
}

/** A request that the server has not answered. */
interface Unanswered {
  /** Whether the server may ask something for it. */
  readonly mayAsk: boolean
  /** Whether the server was told to give it up, which it need not. */
  isGivenUp: boolean
}

/**
 * One session with a legacy server. What the server asks and says of its own accord is given to the request that it
 * belongs to; where that is not certain it is refused or dropped, since the requests may be those of several clients.
 */
export class LegacySession {
  readonly link: Link
  /** Those who watch what changes in this session. */
  readonly watches: Watches
  readonly #input: LegacySessionInput
  readonly #events: LegacySessionEvents
  /** By names of our own: those of clients need not differ. */
  readonly #running = new Map<Id, Running>()
  /** Everything that it was asked, by the ids that it knows. */
  readonly #unanswered = new Map<Id, Unanswered>()
  #onSettled: (() => void) | undefined
  #onIdle: (() => void) | undefined
  #level: string | undefined
  #levelSet = Promise.resolve()
  #last = 0

  constructor(input: LegacySessionInput, events: LegacySessionEvents) {
    const {server, id, hello, restarts, now} = input
    this.#input = input
    this.#events = events
    this.link = new Link(
      {
        server: server.name,
        session: id,
        hello,
        open: this.#watching(server.open),
        startTimeoutMs: server.startTimeoutMs,
        policy: server.policy,
        life: server.life,
        restarts,
        now,
      },
      {
        onOpened: answer => events.onOpened(answer),
        onReopened: () => events.onReopened(),
        onFailed: error => events.onFailed(error),
        onEnded: () => this.#ended(),
        onServerRequest: (from, message, about) => this.#asked(from, message, about),
        onNotification: (from, message, about) => this.#heard(from, message, about),
      },
    )
    this.watches = new Watches(this.link)
  }

  /** Whether one of its calls waits for its client to come back. */
  get isParked(): boolean {
    return [...this.#running.values()].some(({call}) => call?.openRound !== undefined)
  }

  /** Whether the server is perhaps still at a call that was given up, and may ask something for it. */
  get isUnsure(): boolean {
    if (this.#unanswered.size >= MOST_UNANSWERED) return true
    for (const {mayAsk: may, isGivenUp} of this.#unanswered.values())
      if (may && isGivenUp) return true
    return false
  }

  /** Waits until the server has answered the calls that were given up. @returns whether it has, within so many milliseconds */
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
      const hello = await this.link.ready()
      if (running.hearer?.logLevel !== undefined) await this.#setLevel(hello)
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

  /** Opens servers in such a way that all answers are noticed: a connection drops those to what was given up. */
  #watching(open: OpenUpstream): OpenUpstream {
    return async input => {
      this.#unanswered.clear()
      const upstream = await open({
        ...input,
        onMessage: (message, origin) => {
          if (isResponse(message)) this.#settle(message.id)
          input.onMessage(message, origin)
        },
      })
      return {
        closed: upstream.closed,
        redact: text => upstream.redact(text),
        send: (message, mirrored) => {
          this.#noteSent(message)
          upstream.send(message, mirrored)
        },
        [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
      }
    }
  }

  #noteSent(message: Message): void {
    if (isRequest(message)) {
      const sent = {mayAsk: mayAsk(message.method), isGivenUp: false}
      if (this.#unanswered.size < MOST_UNANSWERED) this.#unanswered.set(message.id, sent)
      return
    }
    if (message['method'] !== 'notifications/cancelled' || !isJsonObject(message['params'])) return
    const id = message['params']['requestId']
    const sent =
      typeof id === 'string' || typeof id === 'number' ? this.#unanswered.get(id) : undefined
    if (sent) sent.isGivenUp = true
  }

  #settle(id: Id): void {
    if (this.#unanswered.delete(id) && this.#onSettled && !this.isUnsure) this.#onSettled()
  }

  #ended(): void {
    this.#unanswered.clear()
    this.#level = undefined
    this.#levelSet = Promise.resolve()
    this.#onSettled?.()
    // Whoever watches has to begin anew.
    this.link.forgetSubscriptions()
    this.watches.end()
  }

  /** The server logs for all who want it to, from the next request on; nobody hears more than they want. */
  #setLevel(hello: JsonObject): Promise<void> {
    const hearers = [...this.#running.values()].flatMap(({hearer}) => (hearer ? [hearer] : []))
    const level = levelFor(hearers)
    if (level !== undefined && level !== this.#level && can(hello, 'logging')) {
      this.#level = level
      // One after the other: over HTTP the one that is sent first need not be the one that arrives first.
      this.#levelSet = this.#levelSet.then(() => this.#sendLevel(level))
    }
    return this.#levelSet
  }

  /** What the server answers makes no difference: one that does not know the level logs as it likes. */
  async #sendLevel(level: string): Promise<void> {
    const answer = this.link.request(request('level', 'logging/setLevel', {level}))
    await withDeadline(answer, LEVEL_MS, () => new Error('no answer')).catch(() => undefined)
  }

  #asked(from: Connection, message: Request, about: Id | undefined): void {
    const call = this.#askedFor(about)
    if (call) return call.ask(from, message)
    const why = 'it is not certain which call this belongs to'
    from.respond(failure(message.id, RPC.internalError, why))
  }

  #heard(from: Connection, message: Notification, about: Id | undefined): void {
    const {method} = message
    if (changedKind(method) || method === 'notifications/resources/updated') {
      this.watches.changed(message)
      if (changedKind(method)) this.#events.onChange(message)
      return
    }
    if (method === 'notifications/cancelled') {
      const id = message.params?.['requestId']
      for (const {call} of this.#running.values()) call?.withdraw(from, id)
    }
    if (UNKNOWN_TO_CLIENTS.has(method)) return
    // The token of progress is the one of a request.
    const isExact = method === 'notifications/progress'
    const hearer = (isExact ? this.#named(about) : this.#saidOf(about))?.hearer
    const heard = hearer && heardBy(hearer, message)
    if (heard) this.#events.onNotification(heard, hearer.about)
  }

  #named(about: Id | undefined): Running | undefined {
    return about === undefined ? undefined : this.#running.get(about)
  }

  /** The call that a question belongs to: the server says so, or there is no other that could ask. */
  #askedFor(about: Id | undefined): BridgedCall | undefined {
    if (this.#input.server.tellsOrigin && about !== undefined) return this.#named(about)?.call
    if (this.isUnsure) return undefined
    const [sole, ...others] = [...this.#running.values()].flatMap(({call}) => call ?? [])
    return others.length === 0 ? sole : undefined
  }

  /** The request that a notice belongs to: the server says so, or it has nothing else to work on. */
  #saidOf(about: Id | undefined): Running | undefined {
    if (this.#input.server.tellsOrigin && about !== undefined) return this.#named(about)
    if (this.#unanswered.size !== 1) return undefined
    const [sole, ...others] = this.#running.values()
    return others.length === 0 ? sole : undefined
  }
}

/** What only sessions have: questions of servers with ids, and tasks at servers without the extension for them. */
const UNKNOWN_TO_CLIENTS: ReadonlySet<string> = new Set([
  'notifications/cancelled',
  'notifications/elicitation/complete',
  'notifications/tasks/status',
])
