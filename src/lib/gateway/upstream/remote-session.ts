import {isJsonObject, type JsonObject} from '../../base/json.ts'
import {
  isResult,
  notification,
  request,
  type Id,
  type Notification,
  type Request,
  type Response,
} from '../wire/jsonrpc.ts'
import {LIST_NOTICES} from '../wire/list-notices.ts'

/** A client that subscribes to more gets no news of the rest from the next session. */
const MOST_SUBSCRIPTIONS = 10_000

/** One session with a server over streamable HTTP, as far as messages carry it. */
export interface RemoteSession {
  /** Undefined: the server has given none. */
  id: string | undefined
  /** Undefined until the server has agreed to it. */
  version: string | undefined
  /** Aborted when another session has taken its place. */
  readonly over: AbortController
}

/** A session that has not begun. */
export function newSession(): RemoteSession {
  return {id: undefined, version: undefined, over: new AbortController()}
}

/** Notes what the answer to `initialize` agrees to. */
export function agree(session: RemoteSession, answer: Response): void {
  const version = isResult(answer) ? answer.result['protocolVersion'] : undefined
  if (typeof version === 'string') session.version = version
}

/** Whether the server may know nothing of a session because it has forgotten it, or was started again. */
export function hasBegun({version}: RemoteSession): boolean {
  return version !== undefined
}

/**
 * What a server was told in a session and would have to be told again in the next one. Nothing else of a session is
 * known outside: what its tools have done in it is lost with it.
 */
export class Setup {
  #hello: JsonObject | undefined
  #answer: JsonObject | undefined
  #level: JsonObject | undefined
  readonly #uris = new Set<string>()

  /** Takes what a client has asked and the server has answered. */
  note({method, params = {}}: Request, answer: Response): void {
    if (!isResult(answer)) return
    const {uri} = params
    switch (method) {
      case 'initialize':
        this.#hello = params
        this.#answer = answer.result
        return
      case 'logging/setLevel':
        this.#level = params
        return
      case 'resources/unsubscribe':
        if (typeof uri === 'string') this.#uris.delete(uri)
        return
      case 'resources/subscribe':
        if (typeof uri === 'string' && this.#uris.size < MOST_SUBSCRIPTIONS) this.#uris.add(uri)
    }
  }

  /** The request that begins a session like the one before; undefined when there was none. */
  hello(id: Id): Request | undefined {
    return this.#hello && request(id, 'initialize', this.#hello)
  }

  /** Whether the server is what it was: clients were told what it can do, and cannot be told anew. */
  isSame(answer: Response): boolean {
    return isResult(answer) && abilities(answer.result) === abilities(this.#answer ?? {})
  }

  /** Requests that make the server tell what it told before. */
  *repeated(): Iterable<Request> {
    if (this.#level) yield request('again-level', 'logging/setLevel', this.#level)
    for (const uri of this.#uris) yield request('again-uri', 'resources/subscribe', {uri})
  }

  /** Whatever the server lists, and whatever is watched there, may have changed meanwhile. */
  news(): readonly Notification[] {
    const capabilities = this.#answer?.['capabilities']
    const kinds = isJsonObject(capabilities) ? capabilities : {}
    return [
      ...LIST_NOTICES.filter(({kind}) => kinds[kind] !== undefined).map(({method}) =>
        notification(method),
      ),
      ...[...this.#uris].map(uri => notification('notifications/resources/updated', {uri})),
    ]
  }
}

function abilities({protocolVersion, capabilities}: JsonObject): string {
  return JSON.stringify([protocolVersion, capabilities])
}
