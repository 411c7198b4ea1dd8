import {expect, test} from 'vitest'

import {lastSaid} from '../../../../src/lib/gateway/background/last-said.ts'

test.each([
  ['nothing', '', ''],
  [
    'why, with its hint',
    '- Those servers are enabled: a\n> Gateway: http://…\nno engine\n  start it\n> Initialized in 3ms\n',
    'no engine\n    start it',
  ],
  [
    'what it did, when that is all',
    '- Those servers are enabled: a\n',
    '- Those servers are enabled: a',
  ],
])('of a gateway that did not start is told: %s', (_what, text, told) => {
  expect(lastSaid(text)).toBe(told)
})

test('a gateway that said much is quoted by its end', () => {
  const text = Array.from({length: 100}, (_, index) => `line ${index}`).join('\n')
  expect(lastSaid(text).split('\n  ')).toEqual(
    Array.from({length: 20}, (_, index) => `line ${index + 80}`),
  )
})
