import {isJsonObject, type Json, type JsonObject} from '../../src/lib/base/json.ts'
import type {Id} from '../../src/lib/gateway/wire/jsonrpc.ts'
import {Inbox} from './inbox.ts'
import type {Deliver, RawWire, Stream} from './raw-wires.ts'

/** A message of the server and where it arrived. */
export interface LabArrival {
  readonly message: JsonObject
  readonly stream: Stream | undefined
}

/** What a server in test/fixtures/mcp-server/lab.mjs does, see there. */
export interface LabScript {
  /** Members for the result of `initialize`; null for one that never answers it. */
  readonly hello?: JsonObject | null
  readonly on?: Readonly<Record<string, readonly LabAnswer[]>>
  /** Says nothing to the server; makes a client that nothing is remembered of. */
  readonly for?: string
}

export interface LabAnswer {
  /** Members that the params must have; null for one that they must not have. */
  readonly when?: JsonObject
  /** How often it answers; then it is the turn of the ones behind it. */
  readonly times?: number
  readonly steps?: readonly LabStep[]
  readonly result?: JsonObject
  readonly error?: JsonObject
  /** Members of the answer besides its result. */
  readonly more?: JsonObject
  readonly silent?: true
}

/** What is done before an answer; `alone` means outside of every request. */
export type LabStep = {readonly alone?: true} & (
  | {readonly notify: JsonObject}
  | {readonly ask: JsonObject; readonly leave?: true}
  | {readonly raw: JsonObject}
  | {readonly until: string; readonly times?: number}
)

/** How a client introduces itself: members of the params of `initialize`, and what its servers are to do. */
export interface LabHello {
  readonly params?: JsonObject
  readonly capabilities?: JsonObject
  readonly script?: LabScript
  /** By server, where there are several. */
  readonly scripts?: Readonly<Record<string, LabScript>>
}

/** What is on every message that goes to or comes from a lab server: whose it is. */
const STAMP = 'lab'

/**
 * A client without an SDK: it sends any message and keeps everything that arrives, in order. What belongs to another
 * client is kept in `foreign`. Pings are answered.
 */
export class LabClient implements AsyncDisposable {
  readonly who: string
  readonly wire: RawWire
  readonly arrived = new Inbox<LabArrival>()
  readonly foreign: JsonObject[] = []
  /** The result of `initialize`. */
  hello: JsonObject = {}
  #lastId = 0
  #ended: Promise<void> | undefined

  constructor(who: string, connect: (deliver: Deliver) => RawWire) {
    this.who = who
    this.wire = connect((message, stream) => {
      const {[STAMP]: owner = who, ...rest} = message
      if (owner !== who) this.foreign.push(message)
      this.arrived.add({message: rest, stream})
      const {id, method} = rest
      if (method === 'ping' && id !== undefined) void this.send({id, result: {}})
    })
  }

  /** Opens the session and listens. */
  async initialize(hello: LabHello = {}): Promise<void> {
    const {params, capabilities = {}, script = {}, scripts} = hello
    const {experimental} = capabilities
    const lab = {who: this.who, ...script, ...(scripts && {servers: scripts})}
    const own = isJsonObject(experimental) ? experimental : {}
    this.hello = await this.ask('initialize', {
      protocolVersion: '2025-11-25',
      clientInfo: {name: 'lab-client', version: '1'},
      ...params,
      capabilities: {...capabilities, experimental: {...own, lab: plain(lab)}},
    })
    await this.send({method: 'notifications/initialized'})
    await this.wire.listen()
  }

  /** Sends a message with any members. */
  send(message: JsonObject): Promise<void> {
    return this.wire.send({jsonrpc: '2.0', [STAMP]: this.who, ...message})
  }

  /** Sends a request and gives its answer number `nth` (from 0), whole. */
  async request(message: JsonObject & {readonly id: Id}, nth = 0): Promise<JsonObject> {
    await this.send(message)
    return this.answer(message.id, nth)
  }

  /** The answer to a request, whole, as soon as it is there. */
  async answer(id: Id, nth = 0): Promise<JsonObject> {
    const isAnswer = ({message}: LabArrival) => !('method' in message) && message['id'] === id
    return (await this.arrived.find(isAnswer, nth)).message
  }

  /** Makes a request under an id of its own and gives the result. @throws Error of the refusal */
  async ask(method: string, params?: JsonObject): Promise<JsonObject> {
    const {result, error} = await this.request(this.#numbered(method, params))
    if (isJsonObject(result)) return result
    throw new Error(`refused: ${JSON.stringify(error)}`)
  }

  /** The same for a request that is refused: gives the error. @throws Error when it is not */
  async refusal(method: string, params?: JsonObject): Promise<JsonObject> {
    const {result, error} = await this.request(this.#numbered(method, params))
    if (isJsonObject(error)) return error
    throw new Error(`not refused: ${JSON.stringify(result)}`)
  }

  /** Calls a tool. */
  call(name: string, args: JsonObject = {}): Promise<JsonObject> {
    return this.ask('tools/call', {name, arguments: args})
  }

  /** The notification number `nth` (from 0) of a method, as soon as it is there. */
  async notice(method: string, nth = 0): Promise<LabArrival> {
    return this.arrived.find(({message}) => message['method'] === method && !('id' in message), nth)
  }

  /** The request number `nth` (from 0) of a method that the server made, as soon as it is there. */
  async asked(method: string, nth = 0): Promise<LabArrival & {readonly id: Json}> {
    const arrival = await this.arrived.find(
      ({message}) => message['method'] === method && 'id' in message,
      nth,
    )
    return {...arrival, id: arrival.message['id'] ?? null}
  }

  /** The messages of a method that the server has received, as soon as there are so many. */
  async seen(method: string, times = 1, tool = 'seen'): Promise<readonly JsonObject[]> {
    const {structuredContent} = await this.call(tool, {method, times})
    const messages = isJsonObject(structuredContent) ? structuredContent['messages'] : undefined
    return Array.isArray(messages) ? messages.filter(isJsonObject) : []
  }

  /** The params of the messages that have arrived of a method. */
  paramsOf(method: string): readonly Json[] {
    return this.arrived.items.flatMap(({message}) =>
      message['method'] === method ? [message['params'] ?? null] : [],
    )
  }

  /** Everything that has arrived, each different message once, in an order of its own: sessions can be compared. */
  get transcript(): readonly string[] {
    const texts = this.arrived.items
      // What servers see differs: the ids of a gateway count what it asks for itself.
      .filter(({message}) => !isSeen(message))
      .map(({message}) => JSON.stringify(withoutFreeIds(message)))
      .map(text => text.replaceAll(`"${this.who}"`, '"somebody"'))
    return [...new Set(texts)].toSorted()
  }

  /** Ends the session. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#ended ??= this.#end()
    return this.#ended
  }

  async #end(): Promise<void> {
    await this.wire[Symbol.asyncDispose]()
  }

  #numbered(method: string, params: JsonObject | undefined): JsonObject & {readonly id: Id} {
    return {id: `ask-${++this.#lastId}`, method, ...(params && {params})}
  }
}

function isSeen({result}: JsonObject): boolean {
  const structured = isJsonObject(result) ? result['structuredContent'] : undefined
  return isJsonObject(structured) && 'messages' in structured
}

/** Whoever asks chooses the id and the token: of what comes from the server's side, they may be any. */
function withoutFreeIds({id, ...message}: JsonObject): JsonObject {
  if (!('method' in message)) return {...message, id}
  if (id === undefined) return message
  const params = isJsonObject(message['params']) ? message['params'] : {}
  const {progressToken: _, ..._meta} = isJsonObject(params['_meta']) ? params['_meta'] : {}
  return {...message, params: {...params, _meta}}
}

function plain(value: object): JsonObject {
  return JSON.parse(JSON.stringify(value))
}
