import {assemble} from '../../src/lib/gateway/pipeline/assemble.ts'
import {compose, type Handler} from '../../src/lib/gateway/pipeline/call.ts'

/** Everything that can govern a call. */
export const middlewares = assemble({
  logCalls: true,
  blockSecrets: true,
  log: () => undefined,
  now: () => 0,
  timeoutOf: () => 60_000,
})

/** Governs calls by all of it. */
export function governed(send: Handler): Handler {
  return compose(middlewares, send)
}
