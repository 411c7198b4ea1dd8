import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {judgeSimpleSigning} from '../../../src/lib/images/simple-signing.ts'
import {payloadFor, signed, signingKey, testKey} from '../../support/signing.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`
const OTHER = `sha256:${'b'.repeat(64)}`
const key = testKey()

function judged(payload: Buffer, signature: Buffer | string, keys = [signingKey(key)]) {
  const text = typeof signature === 'string' ? signature : signature.toString('base64')
  const annotations = {'dev.cosignproject.cosign/signature': text}
  return judgeSimpleSigning({payload, annotations, digest: DIGEST, keys})
}

describe('judgeSimpleSigning', () => {
  test.each(['P-256', 'P-384', 'P-521', 'ed25519', 'rsa'] as const)(
    'takes a signature by a key of kind %s',
    kind => {
      const own = testKey(kind)
      const payload = payloadFor(DIGEST)
      const keys = [signingKey(testKey()), signingKey(own)]
      expect(judged(payload, signed(payload, own), keys)).toEqual({is: 'valid', key: keys[1]})
    },
  )

  test('does not care for the name that the signer gave the image', () => {
    const payload = payloadFor(DIGEST, 'another.registry/another/name')
    expect(judged(payload, signed(payload, key)).is).toBe('valid')
  })

  test('refuses a payload that was signed for another image, and says for which', () => {
    const payload = payloadFor(OTHER)
    expect(judged(payload, signed(payload, key))).toEqual({is: 'other image', names: OTHER})
  })

  test('refuses another key, whatever the payload says', () => {
    const payload = payloadFor(DIGEST)
    expect(judged(payload, signed(payload, testKey()))).toEqual({is: 'other key'})
  })

  test('refuses a layer without a signature', () => {
    const payload = payloadFor(DIGEST)
    const keys = [signingKey(key)]
    const judgement = judgeSimpleSigning({payload, annotations: {}, digest: DIGEST, keys})
    expect(judgement.is).toBe('unreadable')
  })

  test.each([
    ['no JSON', 'not JSON'],
    ['null', 'null'],
    ['a list', '[]'],
    ['no image in it', '{"critical": {"type": "cosign container image signature"}}'],
    [
      'an image that is no map',
      '{"critical": {"type": "cosign container image signature", "image": "x"}}',
    ],
    [
      'a digest that is no text',
      '{"critical": {"type": "cosign container image signature", "image": {"docker-manifest-digest": 5}}}',
    ],
    ['nested beyond measure', '['.repeat(200_000)],
  ])('refuses what the key signed but is no payload: %s', (_what, text) => {
    const payload = Buffer.from(text)
    expect(judged(payload, signed(payload, key))).toEqual({is: 'other image', names: 'no image'})
  })

  test('refuses a payload of another type by the same key', () => {
    const text = payloadFor(DIGEST).toString().replace('container image signature', 'something')
    const payload = Buffer.from(text)
    expect(judged(payload, signed(payload, key)).is).toBe('other image')
  })

  test('refuses a payload with any bit turned', () => {
    const payload = payloadFor(DIGEST)
    const signature = signed(payload, key)
    fc.assert(
      fc.property(fc.nat(payload.length * 8 - 1), bit => {
        const changed = Buffer.from(payload)
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        expect(judged(changed, signature)).toEqual({is: 'other key'})
      }),
    )
  })

  test('refuses any bytes as a signature', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String()), text => {
        expect(judged(payloadFor(DIGEST), text)).toEqual({is: 'other key'})
      }),
    )
  })
})
