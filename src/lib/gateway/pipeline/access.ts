import {PluginError} from '../../base/errors.ts'
import type {JsonObject} from '../../base/json.ts'
import type {ClientAccess} from '../../model/access.ts'
import {failure, RPC} from '../wire/jsonrpc.ts'
import type {Middleware} from './call.ts'
import {toolFailure} from './explain.ts'

/**
 * Refuses what the client may not use, as if it did not exist: whoever may not use something is not told that it is
 * there. Where a tool's definition decides and is not known, its server is asked for it first: what is only remembered
 * may be another tool today.
 * @param access what the client may use
 * @param prefixOf what stands before the names of a server's tools
 */
export function controlAccess(
  access: ClientAccess,
  prefixOf: (server: string) => string | undefined,
): Middleware {
  return next =>
    async function controlled(call) {
      const {kind, server, name, request} = call
      const refused = failure(request.id, RPC.invalidParams, `Unknown ${kind}: ${name}`)
      if (kind !== 'tool') return access.mayUse(server) ? next(call) : refused
      if (!access.allowsTool({server, tool: name, prefix: prefixOf(server)})) return refused
      if (!access.readsDefinitions) return next(call)
      let definition: JsonObject | undefined
      try {
        definition = call.definition ?? (await call.define?.())
      } catch (error) {
        if (!(error instanceof PluginError)) throw error
        return toolFailure(request.id, error, server)
      }
      return access.allowsDefinition(definition) ? next({...call, definition}) : refused
    }
}
