import {messageOf, PluginError} from '../../base/errors.ts'
import {isJsonObject, type JsonObject} from '../../base/json.ts'
import type {CloseReason, Mirrored, Origin, Upstream} from '../upstream/upstream.ts'
import {
  isRequest,
  isResponse,
  isResult,
  notification,
  result,
  type Id,
  type Message,
  type Notification,
  type Request,
  type Response,
} from '../wire/jsonrpc.ts'
import {endedError, unansweredError} from './ended-error.ts'
import {Certain, inFlight, Newest, type InFlight} from './attribution.ts'
import {progressToken, withProgressToken} from './progress.ts'

/** What a server sends of its own accord, with the client's request that it belongs to, as far as that is known. */
export interface ConnectionEvents {
  onServerRequest(from: Connection, message: Request, about: Id | undefined): void
  onNotification(from: Connection, message: Notification, about: Id | undefined): void
}

/** The client's request that is served; what the gateway asks for itself has none. */
export interface Asking {
  readonly about: Id
  /** Aborted with a {@link Cancelled} when the client gives up. */
  readonly signal: AbortSignal
  /** What the client has put into headers besides; undefined where there are none. */
  readonly mirrored?: Mirrored | undefined
  /**
   * Called when the request is sent, for whatever the server is known to say about it, before that is passed on, and
   * whenever the server asks something or is answered; true while an answer of the user is outstanding.
   */
  readonly onProgress?: ((isUserAsked: boolean) => void) | undefined
}

/** Why a request was given up by its client: nobody is to be answered. */
export class Cancelled extends Error {
  /** The params of the client's notice; the server gets the same, with its own `requestId`. */
  readonly params: JsonObject

  constructor(params: JsonObject) {
    super('the client cancelled the request')
    this.params = params
  }
}

/** A request that the server refused, because it knows nothing of the session any more. */
export class NotTaken extends PluginError {
  constructor({code, message, hint}: PluginError) {
    super(code, message, hint === undefined ? {} : {hint})
  }
}

interface Pending extends InFlight {
  readonly method: string
  readonly token: Id | undefined
  readonly onProgress: ((isUserAsked: boolean) => void) | undefined
  readonly resolve: (response: Response) => void
  readonly reject: (error: unknown) => void
}

/** Tasks whose progress is passed on; that of older ones is dropped. */
const MOST_TASKS = 1000

/**
 * One running server as those see it who share a connection with it, from its start to its end. Ids and progress
 * tokens are this connection's own and mapped back with their type. Once the server has ended, every request, waiting or new,
 * rejects with the reason.
 */
export class Connection {
  /** Resolves when the server is gone, with the error of whoever waited on it. */
  readonly ended: Promise<PluginError>
  readonly #server: string
  readonly #upstream: Upstream
  readonly #events: ConnectionEvents
  readonly #pending = new Map<Id, Pending>()
  /** The clients' progress tokens of requests that became tasks (MCP 2025-11-25, tasks), by our own tokens. */
  readonly #taskTokens = new Map<Id, Id>()
  /** What the server asked and was not answered yet, by its own ids. */
  readonly #questions = new Set<Id>()
  readonly #newest = new Newest(this.#pending)
  /** Instead of the former where several clients share the connection, which only modern servers allow. */
  readonly #certain: Certain<Pending> | undefined
  readonly #onEnded: (error: PluginError) => void
  #lastId = 0
  #endedWith: PluginError | undefined
  /** Why we have ended it ourselves. */
  #why: Partial<CloseReason> | undefined
  #disposal: Promise<void> | undefined

  /**
   * @param shared given where the requests of several clients are on the connection, so that nothing may be guessed;
   *   `now` gives milliseconds, from any fixed point
   */
  constructor(
    server: string,
    upstream: Upstream,
    events: ConnectionEvents,
    shared?: {readonly now: () => number},
  ) {
    this.#server = server
    this.#upstream = upstream
    this.#events = events
    this.#certain = shared && new Certain(this.#pending, shared.now)
    const {promise, resolve} = Promise.withResolvers<PluginError>()
    this.ended = promise
    this.#onEnded = resolve
    void upstream.closed.then(reason => this.#finish(reason))
  }

  /** Whether the server waits for the answer to something that it has asked. */
  get isAsking(): boolean {
    return this.#questions.size > 0
  }

  /** Whether the server is gone, as those know first who ask. */
  get hasEnded(): boolean {
    return this.#endedWith !== undefined
  }

  /**
   * Sends a request under an id of this connection and gives the server's answer as it came.
   * @throws PluginError when the server ends before it answers; Cancelled when the client gives up
   */
  request(message: Request, asking?: Asking): Promise<Response> {
    if (this.#endedWith) return Promise.reject(this.#endedWith)
    const id = ++this.#lastId
    const token = progressToken(message)
    const sent = {...(token === undefined ? message : withProgressToken(message, id)), id}
    return new Promise((resolve, reject) => {
      asking?.signal.throwIfAborted()
      asking?.signal.addEventListener('abort', () => this.#giveUp(id, asking.signal.reason))
      const pending = {
        ...inFlight(message, asking?.about),
        method: message.method,
        token,
        onProgress: asking?.onProgress,
        resolve,
        reject,
      }
      this.#pending.set(id, pending)
      this.#certain?.sent(id, pending)
      if (asking) this.#newest.sent(id)
      this.#upstream.send(sent, asking?.mirrored)
      asking?.onProgress?.(this.#questions.size > 0)
    })
  }

  /** Masks the server's secrets in its words, for an error of ours. */
  redact(text: string): string {
    return this.#upstream.redact(text)
  }

  /** Passes a notification on. */
  notify(message: Notification): void {
    this.#upstream.send(message)
  }

  /** Passes the answer to a request of the server. */
  respond(message: Response): void {
    this.#upstream.send(message)
    if (this.#questions.delete(message.id)) this.#tellProgress()
  }

  /** Takes one message of the server. */
  receive(message: Message, origin?: Origin): void {
    if (this.#certain) return this.#receiveCertain(this.#certain, message, origin)
    if (isResponse(message)) return this.#settle(message)
    const pending = this.#newest.find(message, origin)
    // Whatever comes on the stream of a request is a sign that the server works on it.
    if (origin || this.#isSoleLog(message)) this.#tell(pending)
    if (isRequest(message)) this.#serverRequest(message, pending?.about)
    else this.#notification(message, pending?.about)
  }

  /** Whatever is not known for sure to be meant for one of the clients is dropped. */
  #receiveCertain(certain: Certain<Pending>, message: Message, origin: Origin): void {
    if (isResponse(message)) {
      const isMisplaced = origin && (origin === 'alone' || origin.request !== message.id)
      if (!isMisplaced) this.#settle(message)
      return
    }
    // Modern servers ask by their results alone, and nobody may answer anything else.
    if (isRequest(message)) return
    if (message.method === 'notifications/cancelled') return this.#endListen(message, origin)
    const pending = certain.find(message, origin)
    if (pending?.about === undefined) return
    if (message.method === 'notifications/progress') return this.#progress(message)
    this.#tell(pending)
    this.#events.onNotification(this, message, pending.about)
  }

  /** A server may take back nothing but a listen (MCP 2026-07-28, cancellation). */
  #endListen({params}: Notification, origin: Origin): void {
    const id = params?.['requestId']
    if (typeof id !== 'string' && typeof id !== 'number') return
    const pending = this.#pending.get(id)
    if (!pending?.isListen || (origin && (origin === 'alone' || origin.request !== id))) return
    this.#pending.delete(id)
    pending.reject(
      new PluginError('TOOL_FAILED', `server ${this.#server} tells no more of changes`),
    )
  }

  /** Ends the server, once however often it is asked for; what has failed is tried again. */
  dispose(): Promise<void> {
    this.#disposal ??= this.#end().catch((error: unknown) => {
      this.#disposal = undefined
      throw error
    })
    return this.#disposal
  }

  /**
   * Ends the server; whoever waits for it hears why. Never rejects: one that cannot be ended counts as ended.
   * @param what one clause, as in {@link CloseReason}
   * @param isToBlame whether its last words may tell why; else they have nothing to do with it
   */
  async endAs(what: string, isToBlame: boolean): Promise<PluginError> {
    this.#why = isToBlame ? {what} : {what, stderr: [], junk: undefined}
    const isDone = await this.dispose().then(
      () => true,
      () => false,
    )
    return isDone ? this.ended : this.#finish({what, stderr: [], junk: undefined})
  }

  /** Ends a server that never came to serve. @returns what its end looked like, as far as it can be told */
  async abandon(): Promise<CloseReason> {
    return this.dispose().then(
      () => this.#upstream.closed,
      () => ({what: 'ended', stderr: [], junk: undefined}),
    )
  }

  #settle(message: Response): void {
    const pending = this.#pending.get(message.id)
    this.#certain?.answered(message.id, pending)
    if (!pending) return
    this.#pending.delete(message.id)
    if (pending.token !== undefined && isTask(message)) this.#keepToken(message.id, pending.token)
    pending.resolve(message)
  }

  #keepToken(id: Id, token: Id): void {
    this.#taskTokens.set(id, token)
    const [oldest] = this.#taskTokens.keys()
    if (this.#taskTokens.size > MOST_TASKS && oldest !== undefined) this.#taskTokens.delete(oldest)
  }

  /** A late answer finds nobody waiting and is dropped. */
  #giveUp(id: Id, reason: unknown): void {
    const pending = this.#pending.get(id)
    if (!pending) return
    this.#pending.delete(id)
    this.#certain?.left(id, pending)
    const params = reason instanceof Cancelled ? reason.params : {reason: messageOf(reason)}
    this.notify(notification('notifications/cancelled', {...params, requestId: id}))
    pending.reject(reason)
  }

  #serverRequest(message: Request, about: Id | undefined): void {
    if (message.method === 'ping') {
      this.respond(result(message.id, {}))
      return
    }
    this.#questions.add(message.id)
    this.#tellProgress()
    this.#events.onServerRequest(this, message, about)
  }

  /** Which of the requests in flight a question belongs to is not known for sure. */
  #tellProgress(): void {
    for (const pending of this.#pending.values()) this.#tell(pending)
  }

  #tell(pending: Pending | undefined): void {
    pending?.onProgress?.(this.#questions.size > 0)
  }

  #notification(message: Notification, about: Id | undefined): void {
    if (message.method === 'notifications/progress') return this.#progress(message)
    if (message.method === 'notifications/cancelled') this.#withdraw(message)
    this.#events.onNotification(this, message, about)
  }

  /** A guess must not keep a call alive that hangs: a log line counts where it can belong to no other request. */
  #isSoleLog({method}: Request | Notification): boolean {
    return method === 'notifications/message' && this.#pending.size === 1
  }

  #progress(message: Notification): void {
    const id = message.params?.['progressToken']
    if (typeof id !== 'number') return
    const pending = this.#pending.get(id)
    // A task goes on after the answer to the request that made it, and belongs to no stream any more.
    const token = pending ? pending.token : this.#taskTokens.get(id)
    if (token === undefined) return
    this.#tell(pending)
    const params = {...message.params, progressToken: token}
    this.#events.onNotification(this, {...message, params}, pending?.about)
  }

  #withdraw({params}: Notification): void {
    const id = params?.['requestId']
    if (typeof id !== 'string' && typeof id !== 'number') return
    if (this.#questions.delete(id)) this.#tellProgress()
  }

  async #end(): Promise<void> {
    await this.#upstream[Symbol.asyncDispose]()
  }

  #finish(seen: CloseReason): PluginError {
    if (this.#endedWith) return this.#endedWith
    const reason = {...seen, ...this.#why}
    const error = endedError(this.#server, reason)
    this.#endedWith = error
    const waiting = [...this.#pending]
    this.#pending.clear()
    for (const [id, {reject}] of waiting) {
      reject(reason.refused?.has(id) ? new NotTaken(error) : unansweredError(this.#server, reason))
    }
    this.#onEnded(error)
    return error
  }
}

function isTask(answer: Response): boolean {
  return isResult(answer) && isJsonObject(answer.result['task'])
}
