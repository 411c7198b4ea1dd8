import type {JsonObject} from '../../base/json.ts'
import type {CacheHint} from '../relay/hints.ts'
import {isResult, RPC, type Response} from '../wire/jsonrpc.ts'
import {META, metaOf} from '../wire/meta.ts'

/** Methods whose results say how long they may be kept (MCP 2026-07-28, caching). */
const KEPT: ReadonlySet<string> = new Set([
  'server/discover',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  // Skills extension (SEP-2640).
  'resources/directory/read',
  'skills/get',
  'skills/list',
])

/**
 * Makes the answer of a modern server of one that a legacy server, or the gateway itself, has given: with its kind,
 * with whose it is, and with what may be kept. That of a modern server stays as it is.
 * @param by who answers, as `serverInfo`
 */
export function modernAnswer(
  answer: Response,
  {method, by, hint}: {method: string; by: JsonObject; hint: CacheHint},
): Response {
  if (!isResult(answer)) return modernError(answer)
  const {result} = answer
  if (result['resultType'] !== undefined) return answer
  const isKept = KEPT.has(method) && result['ttlMs'] === undefined
  return {
    ...answer,
    result: {
      resultType: 'complete',
      ...result,
      ...(isKept && {ttlMs: hint.ttlMs, cacheScope: hint.cacheScope}),
      _meta: {[META.server]: by, ...metaOf(result)},
    },
  }
}

function modernError(answer: Response): Response {
  if (isResult(answer) || answer.error.code !== RPC.resourceNotFound) return answer
  return {...answer, error: {...answer.error, code: RPC.invalidParams}}
}
