import {isJsonObject} from '../../base/json.ts'
import {oneLine} from '../../base/one-line.ts'
import type {Middleware} from './call.ts'

/** Writes a line before and after each call: names, sizes and time, never what was passed. */
export function logCalls(log: (line: string) => void, now: () => number): Middleware {
  return next =>
    async function logged(call) {
      // Names come from servers and URIs from clients: neither may write lines of its own.
      const what = oneLine(`Calling ${call.kind} ${call.name} of ${call.server}`)
      log(`  - ${what} with arguments: ${shape(call.request.params?.['arguments'])}`)
      const started = now()
      try {
        return await next(call)
      } finally {
        log(`  > ${what} took: ${Math.round(now() - started)}ms`)
      }
    }
}

function shape(value: unknown): string {
  if (value === undefined || value === null) return 'none'
  if (isJsonObject(value)) return `object with ${Object.keys(value).length} field(s)`
  return Array.isArray(value) ? `array with ${value.length} item(s)` : typeof value
}
