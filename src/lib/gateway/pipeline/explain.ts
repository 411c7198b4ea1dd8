import {PluginError} from '../../base/errors.ts'
import {isJsonObject} from '../../base/json.ts'
import {
  failure,
  isResult,
  result,
  RPC,
  type ErrorResponse,
  type Id,
  type Response,
  type ResultResponse,
} from '../wire/jsonrpc.ts'
import type {Middleware} from './call.ts'

/** Turns the failure of a server into an answer that names the server, the cause and the next step. */
export function explainFailures(): Middleware {
  return next =>
    async function explained(call) {
      try {
        const answer = await next(call)
        return call.kind === 'tool' && isLost(answer, call.server) ? asResult(answer) : answer
      } catch (error) {
        if (!(error instanceof PluginError)) throw error
        const {id} = call.request
        return call.kind === 'tool'
          ? toolFailure(id, error, call.server)
          : pluginFailure(id, error, call.server)
      }
    }
}

/**
 * The JSON-RPC error for a refusal of this program, with `data: {server?, reason}`: the server concerned and the
 * stable code of the refusal.
 */
export function pluginFailure(id: Id, error: PluginError, server?: string): ErrorResponse {
  return failure(id, RPC.internalError, explanation(error, server), {
    ...(server !== undefined && {server}),
    reason: error.code,
  })
}

/** Whether an answer is one of this program, in place of one that a server did not give. */
function isLost(answer: Response, server: string): answer is ErrorResponse {
  if (isResult(answer)) return false
  const {data} = answer.error
  return isJsonObject(data) && data['server'] === server && typeof data['reason'] === 'string'
}

function asResult({id, error}: ErrorResponse): ResultResponse {
  return result(id, {isError: true, content: [{type: 'text', text: error.message}]})
}

/** A model can act on a failed tool, so it is told as a result. */
export function toolFailure(id: Id, error: PluginError, server: string): ResultResponse {
  return result(id, {isError: true, content: [{type: 'text', text: explanation(error, server)}]})
}

function explanation({message, hint}: PluginError, server: string | undefined): string {
  const isNamed = server === undefined || message.includes(`server ${server}`)
  const named = isNamed ? message : `server ${server}: ${message}`
  return hint === undefined ? named : `${named} (${hint})`
}
