import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {parseChallenge} from '../../../src/lib/images/challenge.ts'

const quoted = (text: string) => `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`

describe('parseChallenge', () => {
  test.each([
    [
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull"',
      {scheme: 'bearer', realm: 'https://auth.docker.io/token', service: 'registry.docker.io'},
    ],
    ['bearer Realm=https://a.example/t', {scheme: 'bearer', realm: 'https://a.example/t'}],
    ['Basic realm="a test"', {scheme: 'basic'}],
    ['Basic', {scheme: 'basic'}],
    [
      'Basic realm="x", Bearer realm="https://a.example/t"',
      {scheme: 'bearer', realm: 'https://a.example/t'},
    ],
    [
      'Bearer realm="https://a.example/t", Basic realm="x", service="not for the token"',
      {scheme: 'bearer', realm: 'https://a.example/t'},
    ],
    [
      String.raw`Bearer realm="a \"quoted\" one",service="Basic realm=no"`,
      {scheme: 'bearer', realm: 'a "quoted" one', service: 'Basic realm=no'},
    ],
    ['Digest realm="x", nonce="y"', undefined],
    ['Negotiate', undefined],
    ['Bearer error="invalid_token"', undefined],
    ['', undefined],
  ])('reads %s', (header, challenge) => {
    expect(parseChallenge(header)).toEqual(challenge)
  })

  test('finds a realm and a service again, whatever they are', () => {
    const text = fc.string({unit: 'grapheme-ascii'})
    fc.assert(
      fc.property(text, text, (realm, service) => {
        const header = `Bearer realm=${quoted(realm)}, service=${quoted(service)}`
        expect(parseChallenge(header)).toEqual({scheme: 'bearer', realm, service})
      }),
    )
  })

  test('takes any text, also a long one', () => {
    const parts = fc.constantFrom('Bearer', 'Basic', ' ', ',', '=', '"', '\\', 'realm', 'x', '\t')
    fc.assert(
      fc.property(fc.array(parts, {maxLength: 60}), words => {
        const challenge = parseChallenge(words.join(''))
        expect([undefined, 'basic', 'bearer']).toContain(challenge?.scheme)
      }),
    )
    for (const unit of ['Bearer ', 'a=', '"\\', ', a ', ' ', 'a', 'a,']) {
      expect(parseChallenge(unit.repeat(16_000 / unit.length))).toBeUndefined()
    }
  })
})
