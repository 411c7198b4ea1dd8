import {assemble} from '../../src/lib/gateway/pipeline/assemble.ts'
import {compose, type Handler} from '../../src/lib/gateway/pipeline/call.ts'

const middlewares = assemble({
  logCalls: true,
  blockSecrets: true,
  log: () => undefined,
  now: () => 0,
})

/** Governs calls by everything there is. */
export function governed(send: Handler): Handler {
  return compose(middlewares, send)
}
