import {findLeak} from '../../secrets/leak-rules.ts'
import {failure, result, RPC, type Response} from '../wire/jsonrpc.ts'
import {textOf} from '../wire/text.ts'
import type {Call, Middleware} from './call.ts'

/** Refuses calls whose arguments, and results whose content, hold what looks like a credential. */
export function blockSecrets(): Middleware {
  return next =>
    async function scanned(call) {
      const sent = findLeak(JSON.stringify(call.request.params ?? {}))
      if (sent) return blocked(call, `a secret (${sent.title}) is being passed to`)
      const response = await next(call)
      const returned = findLeak(textOf(response))
      if (!returned) return response
      return blocked(call, `a secret (${returned.title}) is being returned by`)
    }
}

/** A model can act on a failed tool; prompts and resources have only protocol errors. */
function blocked({kind, name, request}: Call, what: string): Response {
  // The URI of a resource may be what holds the secret.
  const target = findLeak(name) ? `a ${kind}` : `${kind} ${name}`
  const text = `Blocked: ${what} ${target}. Leave the credential out, or ask the user to run the gateway with --block-secrets=false.`
  if (kind !== 'tool') return failure(request.id, RPC.internalError, text)
  return result(request.id, {isError: true, content: [{type: 'text', text}]})
}
