import type {JsonObject} from '../../base/json.ts'

/** How long, and for whom, a result may be kept (MCP 2026-07-28, caching). */
export interface CacheHint {
  /** Milliseconds. */
  readonly ttlMs: number
  readonly cacheScope: 'public' | 'private'
}

/** What may not be kept at all: the hint of whoever gives none. */
export const NOT_KEPT: CacheHint = {ttlMs: 0, cacheScope: 'private'}

/**
 * What a result says about keeping it. A modern one that says nothing may not be kept.
 * @returns undefined for a result of the handshake revisions, which tell of changes instead
 */
export function hintIn({ttlMs, cacheScope, resultType}: JsonObject): CacheHint | undefined {
  const isSound = typeof ttlMs === 'number' && ttlMs >= 0
  if (!isSound && resultType === undefined) return undefined
  return {
    ttlMs: isSound ? Math.min(ttlMs, Number.MAX_SAFE_INTEGER) : 0,
    cacheScope: cacheScope === 'public' ? 'public' : 'private',
  }
}

/** What holds for several results together: the shortest time and the narrowest scope. */
export function narrowest(hints: readonly CacheHint[]): CacheHint {
  if (hints.length === 0) return NOT_KEPT
  return {
    ttlMs: Math.max(0, Math.floor(Math.min(...hints.map(({ttlMs}) => ttlMs)))),
    cacheScope: hints.every(({cacheScope}) => cacheScope === 'public') ? 'public' : 'private',
  }
}
