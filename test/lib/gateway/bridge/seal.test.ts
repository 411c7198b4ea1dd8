import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {Seal} from '../../../../src/lib/gateway/bridge/seal.ts'

const seal = new Seal()
const objects = fc.dictionary(fc.string(), fc.jsonValue({maxDepth: 2}), {
  maxKeys: 5,
  noNullPrototype: true,
})
const values = objects.map(value => ({value: JSON.parse(JSON.stringify(value))}))

describe('a seal', () => {
  test('opens what it has sealed, and gives the same', () => {
    fc.assert(
      fc.property(values, value => {
        expect(seal.open(seal.seal(value))).toEqual(value)
      }),
    )
  })

  test('never seals the same to the same text', () => {
    const texts = Array.from({length: 100}, () => seal.seal({a: 1}))
    expect(new Set(texts).size).toBe(100)
  })

  test('shows nothing of what is sealed', () => {
    const text = seal.seal({secret: 'open sesame'})
    expect(Buffer.from(text.slice(3), 'base64url').toString('latin1')).not.toContain('sesame')
  })

  test('refuses every text in which any character is another one', () => {
    fc.assert(
      fc.property(values, fc.nat(), fc.string({minLength: 1, maxLength: 1}), (value, at, other) => {
        const text = seal.seal(value)
        const place = at % text.length
        fc.pre(text[place] !== other)
        const changed = text.slice(0, place) + other + text.slice(place + 1)
        expect(seal.open(changed)).toBeUndefined()
      }),
    )
  })

  test('refuses every text with any bit of its bytes changed', () => {
    const text = seal.seal({a: 'b'})
    const bytes = Buffer.from(text.slice(3), 'base64url')
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(seal.open(`v1.${changed.toString('base64url')}`)).toBeUndefined()
    }
  })

  test('refuses every text that is cut, or has more at its end', () => {
    const text = seal.seal({a: 'b'})
    for (let length = 0; length < text.length; length++) {
      expect(seal.open(text.slice(0, length))).toBeUndefined()
    }
    for (const more of ['=', 'A', '\n', ' ', text]) expect(seal.open(text + more)).toBeUndefined()
  })

  test('refuses any other text', () => {
    fc.assert(
      fc.property(fc.string(), text => {
        expect(seal.open(text)).toBeUndefined()
        expect(seal.open(`v1.${text}`)).toBeUndefined()
      }),
    )
  })

  test('refuses what another process has sealed', () => {
    expect(seal.open(new Seal().seal({a: 1}))).toBeUndefined()
  })

  test('seals nothing that would be longer than 256 KiB, and opens no such text', () => {
    expect(() => seal.seal({a: 'x'.repeat(256 * 1024)})).toThrow(RangeError)
    expect(seal.open(`v1.${'A'.repeat(256 * 1024)}`)).toBeUndefined()
    const long = {a: 'x'.repeat(190_000)}
    expect(seal.open(seal.seal(long))).toEqual(long)
  })
})
