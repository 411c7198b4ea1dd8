import type {JsonObject} from '../../src/lib/base/json.ts'
import type {Call, Handler} from '../../src/lib/gateway/pipeline/call.ts'
import {request, result} from '../../src/lib/gateway/wire/jsonrpc.ts'

/** A governed call of `thing` at the server `demo`, with the request id `id`. */
export function callOf(kind: Call['kind'], params: JsonObject = {}, name = 'thing'): Call {
  return {
    kind,
    server: 'demo',
    name,
    request: request('id', `${kind}/method`, params),
    caller: {session: 's', client: 'c'},
    signal: new AbortController().signal,
  }
}

/** A handler that gives every call this result. */
export function answering(value: JsonObject): Handler {
  return async call => result(call.request.id, value)
}

/** A handler that sends a call to a server that never answers; it ends only when it is given up. */
export const hanging: Handler = ({signal, onProgress}) => {
  onProgress?.(false)
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason))
  })
}

/** Looks like a credential and has never opened anything. */
export const SECRET = `ghp_${'a1'.repeat(18)}`
