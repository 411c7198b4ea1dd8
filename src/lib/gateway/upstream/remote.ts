import {isJsonObject} from '../../base/json.ts'
import {
  isRequest,
  isResponse,
  notification,
  type Id,
  type Message,
  type Request,
  type Response as Answer,
} from '../wire/jsonrpc.ts'
import {
  longAnswer,
  lostAnswer,
  notReached,
  placeOf,
  refusalOf,
  refused,
  type Loss,
} from './http-answers.ts'
import {agree, hasBegun, newSession, type RemoteSession, Setup} from './remote-session.ts'
import {type RemoteInput, RemoteWire, takenInTime, type Within} from './remote-wire.ts'
import type {CloseReason, Upstream} from './upstream.ts'

/** What a server that has forgotten the session may take to begin a new one. */
const RENEWAL_MS = 30_000

/**
 * A message came to nothing, since the server knows nothing of the session: it has done nothing, either. Its message is
 * what the server says.
 */
class Forgotten extends Error {}

/**
 * A server over MCP's streamable HTTP transport (2025-03-26 to 2025-11-25): every message is a POST of its own, whose
 * answer carries what belongs to it; a GET stream carries the rest. A session that the server has forgotten is begun
 * anew, once for all who need it, and the requests that it was no use for are sent again; no other ever is, since the
 * server may have done what it did not answer.
 */
export class RemoteUpstream implements Upstream {
  readonly closed: Promise<CloseReason>
  readonly #input: RemoteInput
  readonly #wire: RemoteWire
  readonly #stop = new AbortController()
  #close: (reason: CloseReason) => void = () => undefined
  /** The requests whose answers are still coming, by id. */
  readonly #open = new Map<unknown, AbortController>()
  /** Those that the server has certainly done nothing of. */
  readonly #unseen = new Set<Id>()
  #session = newSession()
  readonly #setup = new Setup()
  #refusal: number | undefined
  /** The session is being begun anew; gives whether that worked. */
  #renewing: Promise<boolean> | undefined
  #renewals = 0
  /** Ends when the last message that must come before others has been taken. */
  #order: Promise<void> = Promise.resolve()

  constructor(input: RemoteInput) {
    this.#input = input
    this.#wire = new RemoteWire(input)
    this.closed = new Promise(resolve => {
      this.#close = resolve
    })
  }

  /** The HTTP status that `initialize` was refused with. */
  get refusal(): number | undefined {
    return this.#refusal
  }

  redact(text: string): string {
    return this.#input.redact(text)
  }

  send(message: Message): void {
    if (isRequest(message)) this.#unseen.add(message.id)
    const sent = this.#order.then(() => this.#post(message))
    // What is no request changes how the server takes the next message, and has no answer to wait for.
    if (!isRequest(message)) this.#order = takenInTime(sent)
    if (message['method'] !== 'notifications/cancelled') return
    const {params} = message
    if (isJsonObject(params)) void this.#order.then(() => this.#leave(params['requestId']))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end('was left')
    await this.#wire.leave(this.#session)
    this.#wire[Symbol.dispose]()
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
      await this.#deliver(message, signal)
    } catch (error) {
      if (!signal.aborted && isRequest(message)) {
        await this.#fail(message, notReached(this.#input, error))
      }
    } finally {
      if (isRequest(message)) this.#settle(message.id)
    }
  }

  #settle(id: Id): void {
    this.#open.delete(id)
    // When all is over, somebody may still ask what became of it.
    if (!this.#stop.signal.aborted) this.#unseen.delete(id)
  }

  /** Sends a message in the session that there is, and a request once more in the next one. */
  async #deliver(message: Message, signal: AbortSignal): Promise<void> {
    for (let isAgain = false; ; isAgain = true) {
      await this.#renewing
      signal.throwIfAborted()
      const within = {session: this.#session, signal}
      try {
        return await this.#exchange(message, within)
      } catch (error) {
        if (!(error instanceof Forgotten)) throw error
        if (isAgain) return this.#forgetful(message, error)
        if (isRequest(message)) this.#unseen.add(message.id)
        const isRenewed = await this.#renew(within.session)
        // What is no request was about something that went with the session.
        if (!isRenewed || !isRequest(message)) return
      }
    }
  }

  /** @throws Forgotten; what broke the connection */
  async #exchange(message: Message, within: Within): Promise<void> {
    if (isRequest(message)) this.#unseen.delete(message.id)
    const response = await this.#wire.post(message, within)
    if (!response.ok) return this.#refused(response, message, within.session)
    if (isRequest(message)) {
      const origin = {request: message.id}
      await this.#answers(response, message, {
        ...within,
        receive: part => this.#input.onMessage(part, origin),
        onAnswer: answer => {
          if (message.method === 'initialize') agree(within.session, answer)
          this.#setup.note(message, answer)
        },
      })
    } else await response.body?.cancel()
    if (message['method'] === 'notifications/initialized') void this.#listen(within.session)
  }

  /** Passes on what comes with the answer to a request; one that never answers is answered for. */
  async #answers(
    response: Response,
    request: Request,
    {
      receive,
      onAnswer,
      ...within
    }: Within & {
      readonly receive: (message: Message) => void
      readonly onAnswer: (answer: Answer) => void
    },
  ): Promise<void> {
    let isAnswered = false
    const take = (message: Message) => {
      if (isResponse(message) && message.id === request.id) {
        isAnswered = true
        onAnswer(message)
      }
      receive(message)
    }
    const isRead = await this.#wire.read(response, within, {
      receive: take,
      isOver: () => isAnswered,
    })
    if (!isRead) return this.#fail(request, {why: longAnswer(this.#input), isUnknown: true})
    if (isAnswered) return
    const why = `${placeOf(this.#input)} ended its answer before the result`
    await this.#fail(request, {why, isUnknown: true})
  }

  /**
   * A body that is a JSON-RPC error is the server's own answer; anything else is told by its status, and by its first line.
   * @throws Forgotten
   */
  async #refused(response: Response, message: Message, session: RemoteSession): Promise<void> {
    const {status} = response
    const refusal = await refusalOf(response, isRequest(message) ? message.id : 0)
    const {told, isOwn, isOfSession, words} = refusal
    const isForgotten = (status === 404 && !isOwn) || (status === 400 && isOfSession)
    if (isForgotten && hasBegun(session)) throw new Forgotten(words)
    if (!isRequest(message)) return
    if (message.method === 'initialize') this.#refusal = status
    if (told) return this.#input.onMessage(told)
    this.#tell(message, refused(this.#input, status, words))
  }

  #forgetful(message: Message, {message: words}: Forgotten): void {
    const said = words === '' ? '' : `: ${words}`
    const why = `${placeOf(this.#input)} forgets every session at once${said}`
    if (isRequest(message)) this.#tell(message, {why, isUnknown: false})
  }

  /** What ends with the server as a whole is told with its end. */
  async #fail(request: Request, loss: Loss): Promise<void> {
    if (!(await this.#input.hasEnded?.())) this.#tell(request, loss)
  }

  #tell(request: Request, loss: Loss): void {
    this.#input.onMessage(lostAnswer(this.#input, request, loss))
  }

  /** Begins the session anew, once however many ask. @returns whether there is one; if not, all is over */
  async #renew(forgotten: RemoteSession): Promise<boolean> {
    // Others have seen it meanwhile.
    if (forgotten !== this.#session) return true
    this.#renewing ??= this.#begin().then(session => {
      this.#renewing = undefined
      if (session) this.#enter(session)
      else this.#end('has ended the session')
      return session !== undefined
    })
    return this.#renewing
  }

  /** @returns a session like the one before; undefined when the server refuses it, or is not what it was */
  async #begin(): Promise<RemoteSession | undefined> {
    this.#renewals += 1
    const hello = this.#setup.hello(`again-${this.#renewals}`)
    const session = newSession()
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(RENEWAL_MS)])
    const within = {session, signal}
    try {
      const answer = hello && (await this.#ask(hello, within))
      if (!answer) return undefined
      agree(session, answer)
      if (!this.#setup.isSame(answer)) {
        await this.#wire.leave(session)
        return undefined
      }
      const taken = await this.#wire.post(notification('notifications/initialized'), within)
      await taken.body?.cancel()
      return taken.ok ? session : undefined
    } catch {
      return undefined
    }
  }

  #enter(session: RemoteSession): void {
    const {server, warn} = this.#input
    this.#session.over.abort()
    this.#session = session
    warn(`server ${server} had forgotten the session; a new one was begun`)
    void this.#listen(session)
    void this.#repeat(session)
  }

  /** Has the server tell again what it told before, and tells what may have changed meanwhile. */
  async #repeat(session: RemoteSession): Promise<void> {
    const signal = AbortSignal.any([this.#stop.signal, session.over.signal])
    for (const told of this.#setup.repeated()) {
      // What it answers makes no difference: the client was told that it is done.
      await this.#ask(told, {session, signal}).catch(() => undefined)
      if (signal.aborted) return
    }
    for (const notice of this.#setup.news()) this.#input.onMessage(notice, 'alone')
  }

  /** Asks something of our own. @returns undefined when there is no answer @throws what broke the connection */
  async #ask(request: Request, within: Within): Promise<Answer | undefined> {
    const response = await this.#wire.post(request, within)
    if (!response.ok) {
      await response.body?.cancel()
      return undefined
    }
    let answer: Answer | undefined
    const receive = (message: Message) => {
      if (!isResponse(message)) this.#input.onMessage(message, 'alone')
      else if (message.id === request.id) answer = message
    }
    await this.#wire.read(response, within, {receive, isOver: () => answer !== undefined})
    return answer
  }

  async #listen(session: RemoteSession): Promise<void> {
    if (await this.#wire.listen(session, this.#stop.signal)) await this.#renew(session)
  }

  #end(what: string): void {
    this.#stop.abort()
    this.#close({what, stderr: [], junk: undefined, refused: new Set(this.#unseen)})
  }
}
