import {isJsonObject, type JsonObject} from '../../src/lib/base/json.ts'
import {META, metaOf} from '../../src/lib/gateway/wire/meta.ts'
import {
  failure,
  notification,
  RPC,
  type Id,
  type Request,
} from '../../src/lib/gateway/wire/jsonrpc.ts'
import {fakeServer, type FakeAnswer, type FakeServer, type FakeUpstream} from './fake-upstream.ts'

export interface ModernScript {
  readonly capabilities?: JsonObject
  /** More members of the result of `server/discover`. */
  readonly discovered?: JsonObject
  /** By method. */
  readonly answers?: Readonly<Record<string, FakeAnswer | JsonObject>>
  readonly beforeOpen?: (signal: AbortSignal) => void | Promise<void>
}

/** A server of the modern era alone, in memory: it knows no `initialize`, and wants `_meta` in every request. */
export function modernServer(script: ModernScript = {}): FakeServer {
  const own: Readonly<Record<string, FakeAnswer | JsonObject>> = {
    'server/discover': {
      resultType: 'complete',
      supportedVersions: ['2026-07-28'],
      capabilities: script.capabilities ?? {tools: {}},
      instructions: 'Be kind.',
      _meta: {[META.server]: {name: 'modern', version: '7'}},
      ...script.discovered,
    },
    'subscriptions/listen': (request, upstream) => acknowledge(request, upstream),
    ...script.answers,
  }
  const answers = Object.entries(own).map(([method, answer]): [string, FakeAnswer] => [
    method,
    (request, upstream) => {
      const {[META.version]: version, [META.capabilities]: capabilities} = metaOf(request.params)
      if (version === '2026-07-28' && isJsonObject(capabilities)) {
        return typeof answer === 'function' ? answer(request, upstream) : answer
      }
      return refuse(RPC.invalidParams, '_meta is missing')(request, upstream)
    },
  ])
  const initialize = refuse(RPC.methodNotFound, 'only 2026-07-28 is spoken here')
  return fakeServer({
    answers: {...Object.fromEntries(answers), initialize},
    ...(script.beforeOpen && {beforeOpen: script.beforeOpen}),
  })
}

/** Refuses a request. */
export function refuse(code: number, message: string, data?: JsonObject): FakeAnswer {
  return ({id}, upstream) => {
    upstream.say(failure(id, code, message, data))
    return undefined
  }
}

/** Acknowledges a subscription, whole unless it is said what is honoured. */
export function acknowledge(request: Request, upstream: FakeUpstream, honoured?: JsonObject) {
  const notifications = honoured ?? request.params?.['notifications']
  upstream.say(
    onSubscription(request.id, 'notifications/subscriptions/acknowledged', {notifications}),
  )
  return undefined
}

/** A notice that belongs to a subscription. */
export function onSubscription(id: Id, method: string, params: JsonObject = {}) {
  return notification(method, {...params, _meta: {[META.subscription]: id}})
}
