import {PluginError} from '../../base/errors.ts'
import {
  failure,
  result,
  RPC,
  type ErrorResponse,
  type Id,
  type ResultResponse,
} from '../wire/jsonrpc.ts'
import type {Middleware} from './call.ts'

/** Turns the failure of a server into an answer that names the server, the cause and the next step. */
export function explainFailures(): Middleware {
  return next =>
    async function explained(call) {
      try {
        return await next(call)
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

/** A model can act on a failed tool, so it is told as a result. */
function toolFailure(id: Id, error: PluginError, server: string): ResultResponse {
  return result(id, {isError: true, content: [{type: 'text', text: explanation(error, server)}]})
}

function explanation({message, hint}: PluginError, server: string | undefined): string {
  const isNamed = server === undefined || message.includes(`server ${server}`)
  const named = isNamed ? message : `server ${server}: ${message}`
  return hint === undefined ? named : `${named} (${hint})`
}
