import {describe, expect, test} from 'vitest'
import {askerOf} from '../../../../src/lib/gateway/downstream/clients.ts'

const NAMED = [
  {client: 'ci', token: 'token-of-ci'},
  {client: 'me', token: 'token-of-me'},
]

describe('askerOf', () => {
  const whoAsks = askerOf({shared: 'shared', named: () => NAMED})

  test.each([
    ['Bearer shared', {client: undefined}],
    ['bearer  token-of-ci', {client: 'ci'}],
    ['Bearer token-of-me', {client: 'me'}],
    ['Bearer token-of-m', undefined],
    ['Bearer token-of-mee', undefined],
    ['Bearer Shared', undefined],
    ['Bearer ', undefined],
    ['Basic shared', undefined],
    ['Bearer shared token-of-ci', undefined],
    [`Bearer ${'x'.repeat(100_000)}`, undefined],
    ['', undefined],
    [undefined, undefined],
  ])('knows who says %s', (header, asker) => {
    expect(whoAsks(header)).toEqual(asker)
  })

  test('lets everybody in without a token, and those with one by their names', () => {
    const open = askerOf({shared: undefined, named: () => NAMED})
    expect(open(undefined)).toEqual({client: undefined})
    expect(open('Bearer whatever')).toEqual({client: undefined})
    expect(open('Bearer token-of-ci')).toEqual({client: 'ci'})
  })

  test('knows the tokens as they are at the moment', () => {
    let named = NAMED
    const check = askerOf({shared: 'shared', named: () => named})
    expect(check('Bearer token-of-ci')).toEqual({client: 'ci'})
    named = [{client: 'ci', token: 'another'}]
    expect(check('Bearer token-of-ci')).toBeUndefined()
    expect(check('Bearer another')).toEqual({client: 'ci'})
  })
})
