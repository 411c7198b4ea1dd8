import {canonical, objectOf} from '../../base/json.ts'
import {messageOf, PluginError} from '../../base/errors.ts'
import type {Listed} from '../directory.ts'
import {clientName, type Caller} from '../pipeline/call.ts'
import {pluginFailure} from '../pipeline/explain.ts'
import {
  failure,
  isRequest,
  isResponse,
  notification,
  result,
  RPC,
  type Id,
  type Message,
  type Notification,
  type Request,
  type Response,
} from '../wire/jsonrpc.ts'
import {Cancelled} from './connection.ts'
import {negotiateVersion} from './hello.ts'
import {ListChanges} from './list-changes.ts'
import {listedBy, type Kind} from './pages.ts'
import {LogLevel} from './log-level.ts'
import {ServerRequests} from './server-requests.ts'
import type {SessionInput, SessionServer} from './session-input.ts'
import {SessionServers} from './session-servers.ts'
import {onceEach} from './warnings.ts'

/** Requests that one client has answered at the same time. */
const MOST_IN_FLIGHT = 1000

const SESSION_ENDED =
  'the session ended before the answer came, and what was asked may have been done; look before you ask again'

/**
 * One client's session (MCP revisions with `initialize`): its own connection to every server, its own directory of
 * names. Messages are passed on as they are, but for ids, progress tokens and exposed names.
 */
export class Session {
  readonly #input: SessionInput
  readonly #serverRequests: ServerRequests
  readonly #changes: ListChanges
  readonly #level = new LogLevel()
  readonly #warn: (text: string) => void
  readonly #inFlight = new Map<Id, AbortController>()
  /** Who waits for the requests in flight. */
  readonly #waiting: (() => void)[] = []
  /** What was configured last. */
  #servers: readonly SessionServer[]
  /** From `initialize` on. */
  #serving: SessionServers | undefined
  #protocolVersion: string | undefined
  #caller: Caller
  #closed = false

  constructor(input: SessionInput) {
    this.#input = input
    this.#servers = input.servers
    this.#caller = {session: input.id, client: clientName(undefined)}
    this.#warn = onceEach(text => input.events.onWarning(text))
    this.#serverRequests = new ServerRequests((message, about) => this.#tell(message, about))
    this.#changes = new ListChanges(method => this.#tell(notification(method)))
  }

  /** Takes one message of the client. Answers and everything else go to the downstream. */
  receive(message: Message): void {
    if (this.#closed) return
    if (isResponse(message)) {
      this.#serverRequests.answer(this.#serving?.router.toServer(message) ?? message)
    } else if (isRequest(message)) void this.#serve(message)
    else this.#hear(message)
  }

  /** What was negotiated with the client; undefined before that. */
  get protocolVersion(): string | undefined {
    return this.#protocolVersion
  }

  /** What the client calls itself; undefined before it has said so. */
  get clientName(): string | undefined {
    return this.#serving && this.#caller.client
  }

  /** Whether a request with this id is being answered. */
  isServing(id: Id): boolean {
    return this.#inFlight.has(id)
  }

  /** Settles when no request is in flight. */
  async idle(): Promise<void> {
    if (this.#inFlight.size > 0) await new Promise<void>(resolve => this.#waiting.push(resolve))
  }

  /**
   * Ends the session and every server connection in it. Requests that are still in flight are answered with an error
   * and cancelled at their servers; after that the client hears nothing any more.
   * @throws AggregateError of what went wrong at the servers, when all of them have been tried
   */
  async close(): Promise<void> {
    for (const [id, call] of this.#inFlight) {
      this.#tell(failure(id, RPC.internalError, SESSION_ENDED), id)
      call.abort(new Cancelled({reason: 'the session has ended'}))
    }
    this.#closed = true
    this.#changes.close()
    try {
      await this.#serving?.close()
    } finally {
      this.#input.onClose()
    }
  }

  /** What each server lists, as far as it is known now and clients may see it; the names are the servers' own. */
  listed(kind: Kind): readonly Listed[] {
    return this.#serving?.listed(kind) ?? []
  }

  /** The servers of which a list is not known, because they are slow or do not start. */
  unanswered(kind: Kind): readonly string[] {
    return this.#serving?.unanswered(kind) ?? []
  }

  #tell(message: Message, about?: Id): void {
    if (!this.#closed) this.#input.downstream.send(message, about)
  }

  async #serve(message: Request): Promise<void> {
    const {id} = message
    if (this.#inFlight.has(id)) {
      return this.#tell(failure(id, RPC.invalidRequest, 'this id is already in use'))
    }
    if (this.#inFlight.size >= MOST_IN_FLIGHT) {
      return this.#tell(failure(id, RPC.internalError, 'too many requests are in flight'), id)
    }
    const call = new AbortController()
    this.#inFlight.set(id, call)
    const answer = await this.#answer(message, call.signal).catch((error: unknown) =>
      error instanceof PluginError
        ? pluginFailure(id, error)
        : failure(id, RPC.internalError, messageOf(error)),
    )
    if (call.signal.aborted) return
    this.#tell(answer, id)
    this.#done(id)
  }

  #done(id: Id): void {
    this.#inFlight.delete(id)
    if (this.#inFlight.size > 0) return
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  async #answer(message: Request, signal: AbortSignal): Promise<Response> {
    if (message.method === 'ping') return result(message.id, {})
    if (message.method === 'initialize') return this.#initialize(message)
    const servers = this.#serving
    if (!servers) {
      return failure(message.id, RPC.invalidRequest, 'the session is not initialized yet')
    }
    const listed = listedBy(message.method)
    if (listed) this.#changes.asked(listed)
    const inquiry = {caller: this.#caller, signal}
    if (message.method !== 'logging/setLevel') return servers.router.answer(message, inquiry)
    return this.#level.set(message, {servers, inquiry})
  }

  #initialize(message: Request): Response {
    if (this.#serving) return failure(message.id, RPC.invalidRequest, 'the session is initialized')
    const params = message.params ?? {}
    const hello = {protocolVersion: negotiateVersion(params['protocolVersion']), params}
    this.#protocolVersion = hello.protocolVersion
    this.#serverRequests.capabilities = objectOf(params['capabilities'])
    this.#caller = {session: this.#input.id, client: clientName(params['clientInfo'])}
    this.#serving = new SessionServers({
      ...this.#input,
      servers: this.#servers,
      hello,
      changes: this.#changes,
      level: this.#level,
      serverRequests: this.#serverRequests,
      tell: (told, about) => this.#tell(told, about),
      warn: this.#warn,
    })
    return result(message.id, this.#serving.answer)
  }

  /** What is remembered of a server was learnt of another one. */
  distrust(server: string): void {
    this.#serving?.distrust(server)
  }

  /** Serves these servers from now on; see {@link SessionServers.replace}. */
  replace(servers: readonly SessionServer[]): void {
    this.#servers = servers
    if (!this.#closed) this.#serving?.replace(servers)
  }

  /** Finds out what servers list that have come or changed; see {@link SessionServers.explore}. Never rejects. */
  async explore(): Promise<void> {
    if (!this.#closed) await this.#serving?.explore()
  }

  /** Alike for sessions whose clients are shown the same. */
  get kind(): string {
    return canonical([this.#protocolVersion ?? '', this.#serverRequests.capabilities])
  }

  #hear(message: Notification): void {
    if (message.method === 'notifications/initialized') return
    if (message.method === 'notifications/progress') return this.#serverRequests.progress(message)
    if (message.method === 'notifications/cancelled') return this.#cancelled(message)
    if (message.method === 'notifications/tasks/status') {
      // A task at the client concerns the server that asked for it, and no other.
      if (this.#serverRequests.taskStatus(message) || !this.#serving?.isAlone) return
    }
    for (const link of this.#serving?.links ?? []) link.notify(message)
  }

  #cancelled({params = {}}: Notification): void {
    const id = params['requestId']
    if (typeof id !== 'string' && typeof id !== 'number') return
    const call = this.#inFlight.get(id)
    if (!call) return
    call.abort(new Cancelled(params))
    this.#input.downstream.drop(id)
    this.#done(id)
  }
}
