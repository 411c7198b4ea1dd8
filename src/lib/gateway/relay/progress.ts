import {isJsonObject} from '../../base/json.ts'
import type {Id, Request} from '../wire/jsonrpc.ts'

/** The sender's progress token (`params._meta.progressToken`), a string or a number, zero included. */
export function progressToken(message: Request): Id | undefined {
  const meta = message.params?.['_meta']
  const token = isJsonObject(meta) ? meta['progressToken'] : undefined
  return typeof token === 'string' || typeof token === 'number' ? token : undefined
}

/** The same request with another token; everything else in `_meta` stays. */
export function withProgressToken(message: Request, token: Id): Request {
  const meta = message.params?.['_meta']
  return {
    ...message,
    params: {
      ...message.params,
      _meta: {...(isJsonObject(meta) ? meta : {}), progressToken: token},
    },
  }
}
