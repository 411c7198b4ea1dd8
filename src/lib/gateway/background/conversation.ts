import {isJsonObject, type JsonObject} from '../../base/json.ts'
import {CANCELLED, LISTEN} from '../downstream/modern.ts'
import {noticesOf} from '../modern/filter.ts'
import {isUsable, parseIncoming} from '../wire/batch.ts'
import {
  failure,
  isRequest,
  isResponse,
  isResult,
  notification,
  request,
  result,
  RPC,
  type Id,
  type Message,
  type Notification,
  type Request,
  type Response,
} from '../wire/jsonrpc.ts'
import {LIST_NOTICES} from '../wire/list-notices.ts'
import {META, metaOf, withMeta} from '../wire/meta.ts'
import {textOf, withId} from '../wire/text.ts'

export interface ConversationEnds {
  /** Takes one line for the client. */
  readonly toClient: (line: string) => void
  /** Takes one line for the gateway that is connected. */
  readonly toGateway: (line: string) => void
  /** A gateway that came later knows all that the one before it knew: what the client says may go on. */
  readonly onResumed: () => void
  /** A gateway that came later does not take the client. */
  readonly onRefused: (why: string) => void
}

const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged'
/** No client has ids like this. */
const OWN = 'docker-mcp-connect-'

/**
 * What a client and a gateway have said to each other, as far as another gateway must know it that takes the place of
 * the first: how the client introduced itself, its log level, what it has subscribed to and listens to. All else passes
 * as it is, but for the ids of what the gateway asks, so that a late answer never reaches another gateway's question.
 */
export class Conversation {
  readonly #ends: ConversationEnds
  readonly #inFlight = new Map<Id, Request>()
  readonly #listens = new Map<Id, Request>()
  /** Those of them whose next acknowledgement the client has had already. */
  readonly #again = new Set<Id>()
  readonly #subscriptions = new Map<string, JsonObject>()
  /** What the gateway has asked the client: its ids, by ours. */
  readonly #asked = new Map<Id, Id>()
  #lastAsked = 0
  #opening: Request | undefined
  #isOpen = false
  #level: JsonObject | undefined
  #lists: readonly string[] = []

  constructor(ends: ConversationEnds) {
    this.#ends = ends
  }

  /** Passes on what the client says. */
  fromClient(line: string): void {
    const passed = this.#each(line, message => this.#said(message))
    if (passed !== undefined) this.#ends.toGateway(passed)
  }

  /** Passes on what the gateway says. */
  fromGateway(line: string): void {
    const passed = this.#each(line, message => this.#heard(message))
    if (passed !== undefined) this.#ends.toClient(passed)
  }

  /** Answers what the client wants though no gateway can be reached. */
  refuse(line: string, why: string): void {
    for (const message of messagesIn(line)) {
      if (isRequest(message)) this.#tell(failure(message.id, RPC.internalError, why))
    }
  }

  /** Whether the client waits for what is to be sent again. */
  get isWanted(): boolean {
    return [...this.#inFlight.keys()].some(id => !this.#listens.has(id))
  }

  /**
   * The gateway is gone: what it had not answered gets an error, since nobody knows what became of it. What changes
   * nothing is asked of the next one.
   */
  lost(why: string): void {
    for (const [id, {method}] of this.#inFlight) {
      if (isRepeatable(method) || this.#listens.has(id)) continue
      this.#inFlight.delete(id)
      // We are there.
      if (method === 'ping') this.#tell(result(id, {}))
      else this.#tell(failure(id, RPC.internalError, `${method}: ${why}`))
    }
    for (const requestId of this.#asked.keys()) {
      this.#tell(notification(CANCELLED, {requestId, reason: why}))
    }
    this.#asked.clear()
  }

  /** No next gateway can be asked: what was to be sent to it gets an error. */
  giveUp(why: string): void {
    for (const id of this.#inFlight.keys()) {
      if (this.#listens.has(id)) continue
      this.#inFlight.delete(id)
      this.#tell(failure(id, RPC.internalError, why))
    }
    // The client has been told that it has not introduced itself.
    if (!this.#isOpen) this.#opening = undefined
  }

  /** Has a gateway that is connected now know what the one before it knew. */
  resume(): void {
    if (!this.#opening) return this.#goOn()
    if (this.#isOpen) this.#send(request(`${OWN}initialize`, 'initialize', this.#opening.params))
    else {
      this.#send(this.#opening)
      this.#goOn()
    }
  }

  #goOn(): void {
    if (this.#isOpen) {
      this.#send(notification('notifications/initialized'))
      if (this.#level) this.#send(request(`${OWN}level`, 'logging/setLevel', this.#level))
      for (const [uri, params] of this.#subscriptions) {
        this.#send(request(`${OWN}subscribe-${uri}`, 'resources/subscribe', params))
      }
    }
    for (const [id, asked] of this.#inFlight) {
      if (this.#listens.has(id)) this.#again.add(id)
      if (asked !== this.#opening) this.#send(asked)
    }
    this.#ends.onResumed()
    // Whatever the client has read may be another by now.
    for (const {kind, method} of LIST_NOTICES) {
      if (this.#isOpen && this.#lists.includes(kind)) this.#tell(notification(method))
    }
    for (const uri of this.#subscriptions.keys()) {
      this.#tell(notification('notifications/resources/updated', {uri}))
    }
  }

  /** @returns what the gateway is to get of a message of the client */
  #said(message: Message): Message | undefined {
    if (isResponse(message)) {
      const id = this.#asked.get(message.id)
      this.#asked.delete(message.id)
      return id === undefined ? undefined : withId(message, id)
    }
    if (isRequest(message)) {
      this.#inFlight.set(message.id, message)
      if (message.method === LISTEN) this.#listens.set(message.id, message)
      if (message.method === 'initialize' && !this.#isOpen) this.#opening = message
    } else if (message.method === CANCELLED) this.#forget(message.params?.['requestId'])
    return message
  }

  /** What is cancelled is not answered. */
  #forget(id: unknown): void {
    if (typeof id !== 'string' && typeof id !== 'number') return
    this.#inFlight.delete(id)
    this.#listens.delete(id)
  }

  /** @returns what the client is to get of a message of the gateway */
  #heard(message: Message): Message | undefined {
    if (isResponse(message)) return this.#answered(message)
    if (isRequest(message)) {
      this.#lastAsked += 1
      this.#asked.set(this.#lastAsked, message.id)
      return {...message, id: this.#lastAsked}
    }
    return this.#noticed(message)
  }

  #noticed(message: Notification): Message | undefined {
    if (message.method === CANCELLED) {
      const theirs = message.params?.['requestId']
      const [ours] = [...this.#asked].find(([, id]) => id === theirs) ?? []
      if (ours === undefined) return message
      this.#asked.delete(ours)
      return {...message, params: {...message.params, requestId: ours}}
    }
    const id = metaOf(message.params)[META.subscription]
    if (message.method !== ACKNOWLEDGED || !isId(id) || !this.#again.delete(id)) return message
    const honoured = message.params?.['notifications']
    for (const notice of isJsonObject(honoured) ? noticesOf(honoured, honoured) : []) {
      this.#tell(withMeta(notice, {[META.subscription]: id}))
    }
    return undefined
  }

  #answered(message: Response): Message | undefined {
    const {id} = message
    if (typeof id === 'string' && id.startsWith(OWN)) {
      if (id === `${OWN}initialize`) this.#reopened(message)
      return undefined
    }
    const asked = this.#inFlight.get(id)
    if (!asked) return message
    if (this.#listens.has(id)) {
      // It ends with its gateway, and goes on with the next.
      if (isResult(message)) return undefined
      this.#listens.delete(id)
    }
    this.#inFlight.delete(id)
    if (isResult(message)) this.#learn(asked, message.result)
    return message
  }

  #reopened(message: Response): void {
    if (isResult(message)) this.#goOn()
    else this.#ends.onRefused(message.error.message)
  }

  #learn({method, params = {}}: Request, learnt: JsonObject): void {
    const uri = params['uri']
    if (method === 'initialize') {
      this.#isOpen = true
      this.#lists = announced(learnt['capabilities'])
    } else if (method === 'logging/setLevel') this.#level = params
    else if (method === 'resources/subscribe' && typeof uri === 'string') {
      this.#subscriptions.set(uri, params)
    } else if (method === 'resources/unsubscribe' && typeof uri === 'string') {
      this.#subscriptions.delete(uri)
    }
  }

  /** Looks at each message of a line. @returns the line that is left; the same one when nothing was changed */
  #each(line: string, look: (message: Message) => Message | undefined): string | undefined {
    const incoming = parseIncoming(line)
    if (!Array.isArray(incoming)) {
      if (!isUsable(incoming)) return line
      const left = look(incoming)
      return left === incoming ? line : left && textOf(left)
    }
    const left = incoming.map(one => (isUsable(one) ? look(one) : undefined))
    // Whatever else is in a batch is judged by the gateway, in one that it gets as it is.
    if (incoming.every((one, index) => !isUsable(one) || left[index] === one)) return line
    const kept = left.flatMap(one => (one ? [textOf(one)] : []))
    return kept.length === 0 ? undefined : `[${kept.join(',')}]`
  }

  #send(message: Message): void {
    this.#ends.toGateway(textOf(message))
  }

  #tell(message: Message): void {
    this.#ends.toClient(textOf(message))
  }
}

/** Whether it changes nothing, so that it can be asked twice. */
function isRepeatable(method: string): boolean {
  return method === 'initialize' || method === 'server/discover' || method.endsWith('/list')
}

function messagesIn(line: string): readonly Message[] {
  const incoming = parseIncoming(line)
  return (Array.isArray(incoming) ? incoming : [incoming]).filter(isUsable)
}

function announced(capabilities: unknown): readonly string[] {
  if (!isJsonObject(capabilities)) return []
  return LIST_NOTICES.flatMap(({kind}) => {
    const capability = capabilities[kind]
    return isJsonObject(capability) && capability['listChanged'] === true ? [kind] : []
  })
}

function isId(id: unknown): id is Id {
  return typeof id === 'string' || typeof id === 'number'
}
