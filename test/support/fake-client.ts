import type {PluginError} from '../../src/lib/base/errors.ts'
import {isJsonObject, type JsonObject} from '../../src/lib/base/json.ts'
import type {Handler} from '../../src/lib/gateway/pipeline/call.ts'
import type {ListsByKind} from '../../src/lib/gateway/relay/list-state.ts'
import {Session} from '../../src/lib/gateway/relay/session.ts'
import {
  isRequest,
  isResponse,
  isResult,
  notification,
  request,
  type Id,
  type Message,
  type Request,
  type Response,
} from '../../src/lib/gateway/wire/jsonrpc.ts'
import type {FakeServer} from './fake-upstream.ts'
import {Inbox} from './inbox.ts'
import {fixedMemory} from './memory.ts'
import {lasting} from './server-life.ts'

export interface FakeClientInput {
  /** By name, in configured order. */
  readonly servers: Readonly<Record<string, FakeServer>>
  readonly prefixes?: Readonly<Record<string, string>>
  readonly allows?: (tool: string) => boolean
  readonly known?: Readonly<Record<string, JsonObject>>
  /** What servers are known to have listed. */
  readonly remembered?: Readonly<Record<string, ListsByKind>>
  /** Whether that is good enough not to start servers for a list. */
  readonly isTrusted?: boolean
  /** Names under which items were shown earlier, by `server name`. */
  readonly names?: Readonly<Record<string, string>>
  readonly govern?: (send: Handler) => Handler
  readonly patienceMs?: number
  /** Servers whose last start failed. */
  readonly doubtful?: readonly string[]
  readonly startTimeoutMs?: number
  /** What is said of the life of a server; as long as the session, unless anything is. */
  readonly life?: (server: string) => Partial<ReturnType<typeof lasting>>
}

/** What came out of a session for its client, with the request that it was sent about. */
export interface Arrival {
  readonly message: Message
  readonly about: Id | undefined
}

/** A client at the end of a session of its own, without any wire between. */
export class FakeClient {
  readonly arrived = new Inbox<Arrival>()
  readonly dropped: Id[] = []
  readonly opened: string[] = []
  readonly failed: {server: string; error: PluginError}[] = []
  readonly warnings: string[] = []
  readonly session: Session
  /** What the session takes for the time, in milliseconds. */
  now = 0
  isClosed = false
  #lastId = 0

  constructor(input: FakeClientInput) {
    this.session = new Session({
      id: 'session',
      version: '1.2.3',
      servers: Object.entries(input.servers).map(([name, {open}]) => ({
        name,
        open,
        prefix: input.prefixes?.[name],
        allows: input.allows ?? (() => true),
        startTimeoutMs: input.startTimeoutMs ?? 60_000,
        ...lasting(name),
        ...input.life?.(name),
        isDoubtful: input.doubtful?.includes(name) ?? false,
      })),
      memory: fixedMemory(input.known, input.remembered, input.names, input.isTrusted),
      downstream: {
        send: (message, about) => this.arrived.add({message, about}),
        drop: about => void this.dropped.push(about),
      },
      govern: input.govern ?? (send => send),
      patienceMs: input.patienceMs ?? 60_000,
      now: () => this.now,
      events: {
        onOpened: server => void this.opened.push(server),
        onFailed: (server, error) => void this.failed.push({server, error}),
        onListed: () => undefined,
        onTools: () => undefined,
        onWarning: text => void this.warnings.push(text),
      },
      onClose: () => {
        this.isClosed = true
      },
    })
  }

  /** Sends a request as it is and gives its answer. */
  async send(message: Request): Promise<Response> {
    const before = this.arrived.items.length
    this.session.receive(message)
    const {message: answer} = await this.arrived.find(
      arrival =>
        isResponse(arrival.message) &&
        arrival.message.id === message.id &&
        this.arrived.items.indexOf(arrival) >= before,
    )
    if (!isResponse(answer)) throw new Error('not a response')
    return answer
  }

  /** Makes a request and gives its result. */
  async ask(method: string, params?: JsonObject): Promise<JsonObject> {
    const answer = await this.send(request(++this.#lastId, method, params))
    if (!isResult(answer)) throw new Error(`${answer.error.code} ${answer.error.message}`)
    return answer.result
  }

  /** Makes a request that is refused, and gives the error. */
  async refusal(method: string, params?: JsonObject): Promise<JsonObject> {
    const answer = await this.send(request(++this.#lastId, method, params))
    if (isResult(answer)) throw new Error(`not refused: ${JSON.stringify(answer.result)}`)
    return answer.error
  }

  /** Starts a session. */
  async initialize(params: JsonObject = {}): Promise<JsonObject> {
    const hello = await this.ask('initialize', {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: {name: 'tester', version: '0'},
      ...params,
    })
    this.session.receive(notification('notifications/initialized'))
    return hello
  }

  /** The notification number `nth` of a method that the client was sent, as soon as it is there. */
  async notice(method: string, nth = 0): Promise<Arrival & {readonly params: JsonObject}> {
    const arrival = await this.arrived.find(({message}) => message['method'] === method, nth)
    const {message} = arrival
    const params = message['params']
    return {...arrival, params: isJsonObject(params) ? params : {}}
  }

  /** The request number `nth` of a method that a server made of the client, as soon as it is there. */
  async asked(method: string, nth = 0): Promise<Request> {
    const {message} = await this.arrived.find(
      arrival => isRequest(arrival.message) && arrival.message.method === method,
      nth,
    )
    if (!isRequest(message)) throw new Error('not a request')
    return message
  }
}

/** Opens a session and says hello. */
export async function connectedClient(
  input: FakeClientInput,
  hello: JsonObject = {},
): Promise<FakeClient> {
  const client = new FakeClient(input)
  await client.initialize(hello)
  return client
}
