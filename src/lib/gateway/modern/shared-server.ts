import {randomUUID} from 'node:crypto'
import {messageOf, PluginError} from '../../base/errors.ts'
import type {JsonObject} from '../../base/json.ts'
import type {ServerLife} from '../lives.ts'
import {Connection, type Asking} from '../relay/connection.ts'
import {dial} from '../relay/dial.ts'
import {startError} from '../relay/ended-error.ts'
import {OpenTasks} from '../relay/open-tasks.ts'
import {Restarts} from '../relay/restarts.ts'
import type {Opening, WayPolicy} from '../relay/way-input.ts'
import {Way} from '../relay/way.ts'
import type {OpenUpstream} from '../upstream/upstream.ts'
import {request, type Id, type Notification, type Request, type Response} from '../wire/jsonrpc.ts'
import {withId} from '../wire/text.ts'
import {discover, NotModern} from './discover.ts'
import {asksForLists} from './filter.ts'
import type {Listener, Shared} from './shared-view.ts'
import type {Watch} from './view-link.ts'
import {openWatch, type Watchers} from './watching.ts'

/** What is told of a server that clients share. */
export interface SharedServerEvents {
  /** The server is open and said this of itself. */
  onOpened(hello: JsonObject): void
  /** What was open is gone; the next request opens it again. */
  onEnded?(): void
  /** The server could not be opened, or ended, or could not be ended; the next request opens it again. */
  onFailed(error: PluginError): void
  /** The server says something about a request in flight: the one with this `asking.about`. */
  onNotification(message: Notification, about: Id): void
}

/** What a shared server is made of. */
export interface SharedServerInput {
  readonly server: string
  /** Opens it as a modern server. */
  readonly open: OpenUpstream
  /** How long it may take to answer `server/discover` once it runs, in milliseconds. */
  readonly startTimeoutMs: number
  readonly policy: WayPolicy
  readonly life: ServerLife
  /** What is known of earlier starts; nothing, unless it is given. */
  readonly restarts?: Restarts
  /** Whether it is known to be a modern one: any other is waited for less long. */
  readonly isKnown: () => boolean
  /** Milliseconds, from any fixed point. */
  readonly now: () => number
  readonly events: SharedServerEvents
}

/** A connection to a server that has said what it can do. */
interface Live {
  readonly connection: Connection
  /** Who has asked it what it can do. */
  readonly own: JsonObject
  hello: JsonObject
}

/**
 * A server of the era without `initialize`, one for all clients of this gateway: every request says itself who asks
 * (MCP 2026-07-28). One process, or one way to it over HTTP, since its tasks and its states are known to no other;
 * opened on first need, once however many ask, and again after it has ended. A server that turns out to be of the
 * other era rejects with NotModern. What it says without saying for sure which request it is about is dropped.
 */
export class SharedServer implements Shared {
  /** What the server works on behind its answers. */
  readonly tasks: OpenTasks
  readonly #input: SharedServerInput
  readonly #restarts: Restarts
  readonly #way: Way<Live, JsonObject>
  readonly #watchers: Watchers = new Map()
  #lastHello: JsonObject | undefined
  /** It did not answer `server/discover` as soon as most do: the next time it gets all the time there is. */
  #isSlow = false
  /** Watches of more than lists: what they watch is known to nobody when the server is not there. */
  #watched = 0

  constructor(input: SharedServerInput) {
    const {server, policy, life, now, restarts = new Restarts(now), events} = input
    this.#input = input
    this.#restarts = restarts
    this.tasks = new OpenTasks(now)
    this.#way = new Way({
      server,
      policy,
      life,
      restarts,
      open: opening => this.#open(opening),
      errorOf: cause => errorOf(server, cause),
      isFailure: error => this.#isFailure(error),
      // There is no ping in this era.
      ping: ({own}) => request('ping', 'server/discover', {_meta: own}),
      isKept: () => this.#watched > 0 || this.tasks.areOpen,
      events: {
        onOpened: ({hello}) => {
          this.#lastHello = hello
          events.onOpened(hello)
        },
        onEnded: () => {
          this.tasks.forget()
          events.onEnded?.()
        },
        onFailed: error => events.onFailed(error),
      },
    })
  }

  get name(): string {
    return this.#input.server
  }

  get isOpen(): boolean {
    return this.#way.opened !== undefined
  }

  get hello(): JsonObject | undefined {
    return this.#lastHello
  }

  async ready(own: JsonObject): Promise<JsonObject> {
    return (await this.#way.current(own)).hello
  }

  async check(own: JsonObject): Promise<JsonObject> {
    const {opened} = this.#way
    // What it was is not what it is.
    if (this.#restarts.error instanceof NotModern) this.#restarts.forget()
    if (!opened) return this.ready(own)
    const hello = await this.#way.during('server/discover', () =>
      this.#discover(opened.connection, own, false),
    )
    opened.hello = hello
    if (this.#way.opened === opened) this.#lastHello = hello
    return hello
  }

  async request(message: Request, own: JsonObject, asking?: Asking): Promise<Response> {
    const response = await this.#way.request(message, own, asking)
    this.tasks.answered(message, response)
    return withId(response, message.id)
  }

  notify(message: Notification): void {
    this.#way.opened?.connection.notify(message)
  }

  async watch(own: JsonObject, filter: JsonObject, {tell, signal}: Listener): Promise<Watch> {
    const {connection} = await this.#way.current(own)
    const watch = {server: this.name, about: randomUUID(), own, filter, tell, signal}
    const opened = openWatch(connection, this.#watchers, watch)
    if (!asksForLists(filter)) this.#keepUntil(opened)
    return opened
  }

  whenOpen(signal: AbortSignal): Promise<void> {
    return this.#way.whenOpen(signal)
  }

  /**
   * Ends the server for good, also one that is still being opened, and with it what is in flight. Never rejects: what
   * goes wrong is told as a failure.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const {server, events} = this.#input
    await this.close().catch((cause: unknown) => {
      events.onFailed(startError(server, ` cannot be ended: ${messageOf(cause)}`, cause))
    })
  }

  close(what?: string): Promise<void> {
    return this.#way.close(unneeded(this.name, what), what)
  }

  /** Somebody relies on what runs until a watch has ended. */
  #keepUntil(opened: Promise<Watch>): void {
    this.#watched += 1
    const over = opened.then(({ended}) => ended)
    const left = () => {
      this.#watched -= 1
      this.#way.rest()
    }
    over.then(left, left)
  }

  async #open({context: own, signal, onDialled}: Opening<JsonObject>): Promise<Live> {
    const {server, open, now} = this.#input
    const events = {
      onServerRequest: () => undefined,
      onNotification: (_from: Connection, message: Notification, about: Id | undefined) => {
        this.tasks.told(message)
        if (about !== undefined) this.#hear(message, about)
      },
    }
    const connection = await dial({
      open: onMessage => open({session: 'shared', onMessage, signal}),
      make: upstream => new Connection(server, upstream, events, {now}),
      signal,
      onDialled,
    })
    try {
      return {connection, own, hello: await this.#discover(connection, own, this.#isPatient)}
    } catch (error) {
      await connection.abandon()
      throw error
    }
  }

  #hear(message: Notification, about: Id): void {
    const watcher = this.#watchers.get(about)
    if (watcher) watcher(message)
    else this.#input.events.onNotification(message, about)
  }

  #discover(connection: Connection, own: JsonObject, isPatient: boolean): Promise<JsonObject> {
    const {server, startTimeoutMs} = this.#input
    return discover(connection, {server, own, startTimeoutMs, isPatient})
  }

  get #isPatient(): boolean {
    return this.#isSlow || this.#input.isKnown()
  }

  /** One that was given too little time may be asked again at once. */
  #isFailure(error: Error): boolean {
    const isSilent = error instanceof NotModern && error.why === 'silence'
    this.#isSlow = isSilent && !this.#isPatient
    return !this.#isSlow
  }
}

function errorOf(server: string, cause: unknown): Error {
  if (cause instanceof PluginError || cause instanceof NotModern) return cause
  return startError(server, `: ${messageOf(cause)}`, cause)
}

/** What whoever asks hears of a server that was ended for good. @param what why, if it is not that nobody needs it */
export function unneeded(server: string, what: string | undefined): PluginError {
  const why = what === undefined ? ': it is no longer needed' : ` ${what}`
  return new PluginError('SERVER_START_FAILED', `server ${server}${why}`)
}
