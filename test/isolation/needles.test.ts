import {assert, property, string} from 'fast-check'
import {expect, test} from 'vitest'

import {found, freshSecret, needlesOf} from './needles.ts'

const secret = freshSecret()
const needles = needlesOf(secret)

test('a secret is found in every way of writing it, whatever stands around it', () => {
  assert(
    property(string(), string(), (before, after) => {
      const text = `${before}${secret}${after}`
      const bytes = Buffer.from(text)
      const ways = [
        text,
        JSON.stringify({text}),
        JSON.stringify({text: JSON.stringify({text})}),
        encodeURIComponent(text.toWellFormed()),
        bytes.toString('base64'),
        bytes.toString('base64url'),
        bytes.toString('hex'),
        bytes.toString('hex').toUpperCase(),
      ]
      expect(ways.filter(way => found(needles, way).length === 0)).toEqual([])
    }),
  )
})

test('no other secret is taken for it', () => {
  assert(
    property(string(), text => {
      expect(found(needles, `${text}${freshSecret()}`)).toEqual([])
    }),
  )
})
