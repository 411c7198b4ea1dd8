import type {JsonObject} from '../../base/json.ts'
import {failure, RPC} from '../wire/jsonrpc.ts'
import {paramFault, paramHeadersOf, type ParamHeader} from '../wire/param-headers.ts'
import type {Middleware} from './call.ts'

/**
 * Refuses tool calls whose headers do not repeat the arguments as the tool's schema says (MCP 2026-07-28, streamable
 * HTTP, server validation): whoever decides by the headers must not be told something else than the server. Calls that
 * came another way have no headers.
 */
export function checkHeaders(): Middleware {
  const known = new WeakMap<JsonObject, readonly ParamHeader[]>()
  const headersOf = (definition: JsonObject) => {
    const headers = known.get(definition) ?? read(definition)
    known.set(definition, headers)
    return headers
  }
  return next =>
    async function checked(call) {
      const {definition, mirrored, request} = call
      if (!definition || !mirrored) return next(call)
      const args = request.params?.['arguments']
      const fault = paramFault(headersOf(definition), args, mirrored)
      if (fault === undefined) return next(call)
      return failure(request.id, RPC.headerMismatch, `Header mismatch: ${fault}`)
    }
}

/** A tool that wants headers that cannot be gets none. */
function read({inputSchema}: JsonObject): readonly ParamHeader[] {
  const headers = paramHeadersOf(inputSchema)
  return 'invalid' in headers ? [] : headers
}
