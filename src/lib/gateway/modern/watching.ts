import {unlessAborted, withDeadline} from '../../base/async.ts'
import {PluginError} from '../../base/errors.ts'
import {isJsonObject, type JsonObject} from '../../base/json.ts'
import {Cancelled, type Connection} from '../relay/connection.ts'
import {isResult, request, RPC, type Id, type Notification} from '../wire/jsonrpc.ts'
import {META, metaOf} from '../wire/meta.ts'
import type {Watch} from './view-link.ts'

/** What a server may take to say what it will tell of, in milliseconds. */
const ACKNOWLEDGE_MS = 10_000

/** What is to be watched, for whom. */
interface WatchInput {
  readonly server: string
  /** Nobody else's on this connection. */
  readonly about: Id
  /** The entries of `_meta` that say who asks. */
  readonly own: JsonObject
  readonly filter: JsonObject
  readonly tell: (notice: Notification) => void
  readonly signal: AbortSignal
}

/** Where the server's notices that belong to a watch are handed in, by its `about`. */
export type Watchers = Map<Id, (notice: Notification) => void>

/**
 * Sends `subscriptions/listen` and passes on what comes of it (MCP 2026-07-28, subscriptions). What comes before the
 * acknowledgement, which must be first, is dropped. A server that does not know the method honours nothing.
 * @throws PluginError when the server refuses, does not acknowledge in time, or ends; the signal's reason
 */
export async function openWatch(
  connection: Connection,
  watchers: Watchers,
  {server, about, own, filter, tell, signal}: WatchInput,
): Promise<Watch> {
  signal.throwIfAborted()
  const stop = new AbortController()
  const leave = () => stop.abort(new Cancelled({reason: 'nobody listens any more'}))
  signal.addEventListener('abort', leave, {once: true})
  const acknowledged = new Promise<JsonObject>(resolve => {
    watchers.set(about, hearer(resolve, tell))
  })
  const listen = request(about, 'subscriptions/listen', {_meta: own, notifications: filter})
  const answered = connection.request(listen, {about, signal: stop.signal}).finally(() => {
    watchers.delete(about)
    signal.removeEventListener('abort', leave)
  })
  const ended = settled(answered)
  const honoured = Promise.race([
    acknowledged,
    answered.then(answer => {
      if (!isResult(answer) && answer.error.code === RPC.methodNotFound) return undefined
      throw refused(
        server,
        isResult(answer) ? 'it ended at once' : connection.redact(answer.error.message),
      )
    }),
  ])
  try {
    const part = await withDeadline(honoured, ACKNOWLEDGE_MS, () =>
      refused(server, `no acknowledgement within ${ACKNOWLEDGE_MS / 1000} s`),
    )
    if (part) return {honoured: part, ended}
    // The next process of it may be of another version.
    return {honoured: {}, ended: settled(unlessAborted(connection.ended, signal))}
  } catch (error) {
    leave()
    throw signal.aborted ? signal.reason : error
  }
}

/** Takes the notices of one watch. */
function hearer(
  acknowledge: (honoured: JsonObject) => void,
  tell: (notice: Notification) => void,
): (notice: Notification) => void {
  let isAcknowledged = false
  return notice => {
    if (notice.method !== 'notifications/subscriptions/acknowledged') {
      if (isAcknowledged) tell(withoutSubscription(notice))
      return
    }
    isAcknowledged = true
    const honoured = notice.params?.['notifications']
    acknowledge(isJsonObject(honoured) ? honoured : {})
  }
}

/** The id of our own request means nothing to anybody else. */
function withoutSubscription(notice: Notification): Notification {
  const {[META.subscription]: _id, ...meta} = metaOf(notice.params)
  const {_meta, ...params} = notice.params ?? {}
  const isEmpty = Object.keys(meta).length === 0
  return {...notice, params: isEmpty ? params : {...params, _meta: meta}}
}

function settled(promise: Promise<unknown>): Promise<void> {
  return promise.then(
    () => undefined,
    () => undefined,
  )
}

function refused(server: string, why: string): PluginError {
  return new PluginError('TOOL_FAILED', `server ${server} refused subscriptions/listen: ${why}`)
}
