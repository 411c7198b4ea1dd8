import {describe, expect, test} from 'vitest'
import {inWords, mostBytes} from '../../../src/lib/secrets/keyring-words.ts'

describe('inWords', () => {
  test.each([
    ['Secret Service: unlock prompt was dismissed', 'it is locked, and was not unlocked'],
    ['Secret Service: no result found', 'the keyring service has no default keyring yet'],
    [
      'User interaction is not allowed. (-25308)',
      'it is locked, or this session cannot show its question',
    ],
    [
      'The user name or passphrase you entered is not correct.',
      'its password was not the right one',
    ],
    ['User canceled the operation. (-128)', 'its owner did not allow it'],
    [
      'Windows ERROR_NO_SUCH_LOGON_SESSION: no such logon session',
      'this session, as one over ssh, has no Credential Manager',
    ],
    ['it did not answer within 60 s', 'it did not answer within 60 s'],
  ])('says %j as %j', (message, words) => {
    expect(inWords(message)).toBe(words)
  })

  test('does not repeat a long text', () => {
    expect(inWords('x'.repeat(10_000))).toHaveLength(200)
  })
})

test('Windows alone limits what a keyring keeps', () => {
  expect(mostBytes('win32')).toBe(2560)
  expect(mostBytes('linux')).toBe(Number.POSITIVE_INFINITY)
  expect(mostBytes('darwin')).toBe(Number.POSITIVE_INFINITY)
})
