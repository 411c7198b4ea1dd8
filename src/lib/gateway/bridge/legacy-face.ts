import {pause} from '../../base/async.ts'
import {isJsonObject, objectOf, type Json, type JsonObject} from '../../base/json.ts'
import {LEVELS} from '../relay/log-level.ts'
import {can} from '../relay/pages.ts'
import type {
  CloseReason,
  MessageListener,
  OpenUpstream,
  Origin,
  Upstream,
} from '../upstream/upstream.ts'
import {LEGACY_NOTICES} from '../wire/era.ts'
import {META, metaOf, MODERN_VERSIONS, withMeta} from '../wire/meta.ts'
import {
  failure,
  isRequest,
  isResponse,
  isResult,
  request,
  result,
  RPC,
  type Id,
  type Message,
  type Notification,
  type Request,
  type Response,
} from '../wire/jsonrpc.ts'
import {FaceSubscriptions} from './face-subscriptions.ts'
import {InputRounds} from './input-rounds.ts'

/**
 * Opens a modern server for a legacy session: towards the session it is a server with `initialize`, that asks the
 * client and keeps levels and subscriptions; towards the server, a client that says all in every request (MCP
 * 2026-07-28, basic).
 * @param open opens the connection that takes requests of the modern era
 * @param wait waits for some milliseconds, or until its signal aborts
 */
export function openLegacyFace(open: OpenUpstream, wait: typeof pause = pause): OpenUpstream {
  return async input => {
    let face: LegacyFace | undefined
    const upstream = await open({
      ...input,
      // A modern server has nothing to say before it is asked.
      onMessage: (message, origin) => face?.receive(message, origin),
    })
    face = new LegacyFace(upstream, input.onMessage, wait)
    return face
  }
}

/** The session's `initialize`, from the question to the server to its answer. */
interface Discovery {
  readonly hello: Request
  /** The id of the `server/discover`. */
  readonly id: Id
  readonly isSecond: boolean
}

class LegacyFace implements Upstream {
  readonly closed: Promise<CloseReason>
  readonly #upstream: Upstream
  readonly #onMessage: MessageListener
  readonly #rounds: InputRounds
  readonly #subscriptions: FaceSubscriptions
  #discovery: Discovery | undefined
  /** What the client has said of itself, as the server is told with every request. */
  #meta: JsonObject = {}
  /** What the server has said of itself. */
  #hello: JsonObject | undefined
  #lastId = 0

  constructor(upstream: Upstream, onMessage: MessageListener, wait: typeof pause) {
    const send = (message: Request | Notification) => this.#send(message)
    // The ids of a session's connection are numbers.
    const newId = () => `face-${++this.#lastId}`
    this.#upstream = upstream
    this.#onMessage = onMessage
    this.#rounds = new InputRounds({
      send,
      onMessage,
      capabilities: () => objectOf(this.#meta[META.capabilities]),
      newId,
    })
    this.#subscriptions = new FaceSubscriptions({
      send,
      tell: notice => onMessage(notice, 'alone'),
      newId,
      pause: wait,
    })
    this.closed = upstream.closed.finally(() => this.#subscriptions.close())
  }

  redact(text: string): string {
    return this.#upstream.redact(text)
  }

  /** Takes a message of the session. */
  send(message: Message): void {
    if (isResponse(message)) this.#rounds.answer(message)
    else if (isRequest(message)) this.#serve(message)
    else this.#hear(message)
  }

  /** Takes a message of the server. */
  receive(message: Message, origin: Origin): void {
    if (this.#subscriptions.take(message, origin)) return
    if (isResponse(message)) {
      if (message.id === this.#discovery?.id) this.#discovered(this.#discovery, message)
      else this.#rounds.settle(message)
      return
    }
    // Modern servers ask in their answers alone, and have nothing to take back but subscriptions.
    if (isRequest(message) || message.method === 'notifications/cancelled') return
    if (typeof origin !== 'object') return this.#onMessage(message, origin)
    const about = this.#rounds.requestOf(origin.request)
    if (about !== undefined) this.#onMessage(message, {request: about})
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscriptions.close()
    await this.#upstream[Symbol.asyncDispose]()
  }

  #serve(message: Request): void {
    switch (message.method) {
      case 'initialize':
        return this.#initialize(message)
      case 'ping':
        return this.#onMessage(result(message.id, {}))
      case 'logging/setLevel':
        return this.#onMessage(this.#setLevel(message))
      case 'resources/subscribe':
        void this.#subscriptions.subscribe(message).then(answer => this.#onMessage(answer))
        return
      case 'resources/unsubscribe':
        return this.#onMessage(this.#subscriptions.unsubscribe(message))
      default:
        return this.#rounds.begin(message)
    }
  }

  #hear(message: Notification): void {
    if (message.method === 'notifications/cancelled') return this.#rounds.cancel(message)
    if (message.method === 'notifications/initialized') {
      this.#subscriptions.begin(objectOf(this.#hello?.['capabilities']))
    }
    if (!LEGACY_NOTICES.has(message.method)) this.#upstream.send(message)
  }

  #send(message: Request | Notification): void {
    this.#upstream.send(isRequest(message) ? withMeta(message, this.#meta) : message)
  }

  #initialize(message: Request): void {
    const {capabilities, clientInfo} = message.params ?? {}
    this.#meta = {
      [META.version]: MODERN_VERSIONS[0],
      ...(isJsonObject(clientInfo) && {[META.client]: clientInfo}),
      [META.capabilities]: objectOf(capabilities),
    }
    this.#discover(message, false)
  }

  #discover(hello: Request, isSecond: boolean): void {
    const id = `face-${++this.#lastId}`
    this.#discovery = {hello, id, isSecond}
    this.#send(request(id, 'server/discover'))
  }

  #discovered({hello, isSecond}: Discovery, response: Response): void {
    this.#discovery = undefined
    if (!isResult(response)) {
      const version = namedVersion(response.error)
      if (version === undefined || isSecond) return this.#onMessage({...response, id: hello.id})
      this.#meta = {...this.#meta, [META.version]: version}
      return this.#discover(hello, true)
    }
    const {supportedVersions: supported} = response.result
    if (commonVersion(supported) === undefined) {
      return this.#onMessage(noCommonVersion(hello.id, supported))
    }
    this.#hello = legacyHello(response.result, hello)
    this.#onMessage(result(hello.id, this.#hello))
  }

  /** The level is told with every request from now on. */
  #setLevel({id, params}: Request): Response {
    const level = params?.['level']
    if (!can(this.#hello, 'logging')) {
      return failure(id, RPC.methodNotFound, 'the server has no log')
    }
    if (!LEVELS.has(level)) {
      return failure(id, RPC.invalidParams, `level is none of ${[...LEVELS].join(', ')}`)
    }
    this.#meta = {...this.#meta, [META.logLevel]: level}
    return result(id, {})
  }
}

/** The answer to `initialize` that says what a server has answered to `server/discover`. */
function legacyHello(discovered: JsonObject, {params}: Request): JsonObject {
  const serverInfo = metaOf(discovered)[META.server] ?? discovered['serverInfo']
  return {
    ...discovered,
    protocolVersion: params?.['protocolVersion'],
    capabilities: objectOf(discovered['capabilities']),
    ...(serverInfo !== undefined && {serverInfo}),
  }
}

/** A version that we speak, of those that a server names when it refuses the one that it was asked in. */
function namedVersion({code, data}: JsonObject): string | undefined {
  if (code !== RPC.unsupportedVersion || !isJsonObject(data)) return undefined
  return commonVersion(data['supported'])
}

function commonVersion(spoken: Json | undefined): string | undefined {
  if (!Array.isArray(spoken)) return undefined
  return MODERN_VERSIONS.find(version => spoken.includes(version))
}

function noCommonVersion(id: Id, supported: Json | undefined): Response {
  const data = {supported: supported ?? [], requested: MODERN_VERSIONS[0]}
  return failure(id, RPC.unsupportedVersion, 'the server speaks no version that we speak', data)
}
