import {describe, expect, test} from 'vitest'

import {gatewayName} from '../../../../src/lib/gateway/background/name.ts'

describe('the name of a gateway', () => {
  test.each(['default', 'Work', 'a.b-c_d', '100', 'console', 'com10', 'nul-x'])(
    'may be %j',
    name => {
      expect(gatewayName({name})).toBe(name.toLowerCase())
    },
  )

  test.each(['con', 'NUL', 'aux', 'prn', 'com1', 'lpt9', 'con.work', 'a.', '.a', 'a/b', 'a b'])(
    'may not be %j',
    name => {
      expect(() => gatewayName({name})).toThrow('cannot be the name of a gateway')
    },
  )

  test('is that of the profile when nobody says one', () => {
    expect(gatewayName({profile: 'work'})).toBe('work')
    expect(gatewayName({name: 'one', profile: 'work'})).toBe('one')
    expect(gatewayName({})).toBe('default')
  })
})
