import type {JsonObject} from '../../base/json.ts'
import {isResult, RPC, type Request, type Response} from '../wire/jsonrpc.ts'

/** Sends a request to a server, in the server's words, and gives its answer in the client's. */
export type Ask = (
  server: string,
  message: Request,
  asked?: {readonly own: string},
) => Promise<Response>

/** The request with other params, if they are other ones. */
export function withParams(message: Request, params: JsonObject): Request {
  const isOther = Object.entries(params).some(([key, value]) => message.params?.[key] !== value)
  return isOther ? {...message, params: {...message.params, ...params}} : message
}

/** Whether a server says that it does not have a resource, or nothing of the kind. */
export function isMissing(answer: Response): boolean {
  if (isResult(answer)) return false
  const missing: readonly number[] = [RPC.resourceNotFound, RPC.invalidParams, RPC.methodNotFound]
  return missing.includes(answer.error.code)
}
