import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {hintIn, narrowest, NOT_KEPT} from '../../../../src/lib/gateway/relay/hints.ts'

describe('what a result says about keeping it', () => {
  test.each([
    [
      {ttlMs: 500, cacheScope: 'public'},
      {ttlMs: 500, cacheScope: 'public'},
    ],
    [{ttlMs: 0}, {ttlMs: 0, cacheScope: 'private'}],
    [{resultType: 'complete'}, NOT_KEPT],
    [
      {resultType: 'complete', ttlMs: -1, cacheScope: 'public'},
      {ttlMs: 0, cacheScope: 'public'},
    ],
    [{resultType: 'complete', ttlMs: '9', cacheScope: 'everyone'}, NOT_KEPT],
  ] as const)('is read from %j', (result, hint) => {
    expect(hintIn(result)).toEqual(hint)
  })

  test('is nothing in a result of the handshake revisions', () => {
    expect(hintIn({tools: []})).toBeUndefined()
  })

  test('holds for several by the shortest time and the narrowest scope', () => {
    const scope = fc.constantFrom('public' as const, 'private' as const)
    const hint = fc.record({ttlMs: fc.integer({min: -10, max: 1000}), cacheScope: scope})
    fc.assert(
      fc.property(fc.array(hint, {minLength: 1}), hints => {
        const {ttlMs, cacheScope} = narrowest(hints)
        expect(ttlMs).toBeGreaterThanOrEqual(0)
        for (const one of hints) expect(ttlMs).toBeLessThanOrEqual(Math.max(0, one.ttlMs))
        expect(cacheScope === 'private').toBe(hints.some(one => one.cacheScope === 'private'))
      }),
    )
  })

  test('is that nothing may be kept when there is nothing', () => {
    expect(narrowest([])).toEqual(NOT_KEPT)
  })
})
