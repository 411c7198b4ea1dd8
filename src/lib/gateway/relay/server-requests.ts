import type {JsonObject} from '../../base/json.ts'
import {
  failure,
  notification,
  RPC,
  type Id,
  type Message,
  type Notification,
  type Request,
  type Response,
} from '../wire/jsonrpc.ts'
import {progressToken, withProgressToken} from './progress.ts'

/** Which capability a client must have declared to be asked for this. */
const NEEDS: ReadonlyMap<string, string> = new Map([
  ['sampling/createMessage', 'sampling'],
  ['elicitation/create', 'elicitation'],
  ['roots/list', 'roots'],
])

/** The connection that a server's request came over, which is the only one that its answer may go to. */
export interface Asker {
  respond(message: Response): void
  notify(message: Notification): void
}

/** Questions that a client may leave unanswered; a server that asks on is refused. */
const MOST_ASKED = 1000

interface Asked {
  readonly from: Asker
  readonly id: Id
  readonly token: Id | undefined
  readonly about: Id | undefined
}

/**
 * The requests that servers make of this session's client (sampling, elicitation, roots, …). Each gets an id of the
 * gateway's towards the client, and the answer goes back to the server that asked, under the server's own id.
 */
export class ServerRequests {
  /** What the client declared in `initialize`. */
  capabilities: JsonObject = {}
  readonly #send: (message: Message, about: Id | undefined) => void
  readonly #asked = new Map<Id, Asked>()
  #last = 0

  constructor(send: (message: Message, about: Id | undefined) => void) {
    this.#send = send
  }

  /** Passes a server's request to the client, or refuses it when the client never said it could. */
  ask(from: Asker, message: Request, about: Id | undefined): void {
    const need = NEEDS.get(message.method)
    if (need !== undefined && !this.capabilities[need]) {
      from.respond(failure(message.id, RPC.methodNotFound, `the client has no ${need} capability`))
      return
    }
    if (this.#asked.size >= MOST_ASKED) {
      from.respond(failure(message.id, RPC.internalError, 'the client has too many open questions'))
      return
    }
    const id = `g-${++this.#last}`
    const token = progressToken(message)
    this.#asked.set(id, {from, id: message.id, token, about})
    this.#send({...(token === undefined ? message : withProgressToken(message, id)), id}, about)
  }

  /** Takes the client's answer. One that nobody asked for is dropped. */
  answer(message: Response): void {
    const asked = this.#asked.get(message.id)
    if (!asked) return
    this.#asked.delete(message.id)
    asked.from.respond({...message, id: asked.id})
  }

  /** Takes the client's progress on a server's request. */
  progress(message: Notification): void {
    const id = message.params?.['progressToken']
    const asked = typeof id === 'string' ? this.#asked.get(id) : undefined
    if (asked?.token === undefined) return
    asked.from.notify({...message, params: {...message.params, progressToken: asked.token}})
  }

  /** A server gave up on its request: the client is told under the id that the client knows. */
  cancel(from: Asker, message: Notification): void {
    for (const [id, asked] of this.#asked) {
      if (asked.from !== from || asked.id !== message.params?.['requestId']) continue
      this.#giveUp(id, asked, message.params)
    }
  }

  /** A server is gone: the client need not go on with what it was asked for. */
  forget(from: Asker): void {
    for (const [id, asked] of this.#asked) {
      if (asked.from === from) this.#giveUp(id, asked, {reason: 'the server has ended'})
    }
  }

  #giveUp(id: Id, {about}: Asked, params: JsonObject): void {
    this.#asked.delete(id)
    this.#send(notification('notifications/cancelled', {...params, requestId: id}), about)
  }
}
