import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {addressOf} from '../../../src/lib/model/allow-rule.ts'
import {parseHostEntry} from '../../../src/lib/model/host-entry.ts'

describe('parseHostEntry', () => {
  test.each([
    ['db:10.0.0.1', 'db', '10.0.0.1'],
    ['DB.Example.COM.:10.0.0.1', 'db.example.com', '10.0.0.1'],
    ['my_db:192.0.2.1', 'my_db', '192.0.2.1'],
    ['here:host-gateway', 'here', 'host-gateway'],
    ['six:2001:db8::1', 'six', '2001:db8::1'],
    ['six:[2001:DB8:0:0::1]', 'six', '2001:db8::1'],
    ['six:::1', 'six', '::1'],
    ['four:::ffff:192.0.2.1', 'four', '192.0.2.1'],
    ['bücher.example:192.0.2.1', 'xn--bcher-kva.example', '192.0.2.1'],
  ])('reads %s', (text, name, address) => {
    expect(parseHostEntry(text)).toEqual({name, address})
  })

  test.each([
    ['', 'has no address: write name:address'],
    ['db', 'has no address: write name:address'],
    ['db=10.0.0.1', 'has no address: write name:address'],
    [':10.0.0.1', 'does not begin with a host name'],
    ['*.example:10.0.0.1', 'does not begin with a host name'],
    ['::1', 'does not begin with a host name'],
    ['10.0.0.1:db', 'has an address where its name should be'],
    ['10.0.0.1:10.0.0.2', 'has an address where its name should be'],
    ['[::1]:10.0.0.1', 'has a host that is neither a name nor an address'],
    ['a b:10.0.0.1', 'has a host that is neither a name nor an address'],
    ['a\nb:10.0.0.1', 'has a host that is neither a name nor an address'],
    ['0x7f:10.0.0.1', 'has a name that ends in a number: write an address as four decimal numbers'],
    ['db:', 'has no IP address behind the name, nor host-gateway'],
    ['db:other', 'has no IP address behind the name, nor host-gateway'],
    ['db:10.0.0.1:80', 'has no IP address behind the name, nor host-gateway'],
    ['db:10.0.0', 'has no IP address behind the name, nor host-gateway'],
    ['db:[10.0.0.1]', 'has no IP address behind the name, nor host-gateway'],
    ['db:[::1', 'has no IP address behind the name, nor host-gateway'],
    ['db:fe80::1%eth0', 'has no IP address behind the name, nor host-gateway'],
    ['db:Host-Gateway', 'has no IP address behind the name, nor host-gateway'],
    ['db: 10.0.0.1', 'has no IP address behind the name, nor host-gateway'],
  ])('refuses %j', (text, message) => {
    expect(() => parseHostEntry(text)).toThrow(new RangeError(message))
  })

  test('takes every name with every address, in brackets or not', () => {
    const address = fc.oneof(
      fc.ipV4().map(text => ({text, is: text})),
      fc.ipV6().map(text => ({text, is: addressOf(text)})),
      fc.ipV6().map(text => ({text: `[${text}]`, is: addressOf(text)})),
    )
    fc.assert(
      fc.property(fc.domain(), address, (name, {text, is}) => {
        const entry = parseHostEntry(`${name}:${text}`)
        expect(entry).toEqual({name: name.toLowerCase(), address: is})
        // What it gives is read as the same again: as the engine gets it.
        expect(parseHostEntry(`${entry.name}:${entry.address}`)).toEqual(entry)
      }),
    )
  })

  test('gives nothing for any other text that could begin a second line or argument', () => {
    fc.assert(
      fc.property(fc.string({unit: 'binary'}), fc.string({unit: 'binary'}), (a, b) => {
        const {name, address} = entryOf(`${a}:${b}`) ?? {name: 'refused', address: '::'}
        expect(name).toMatch(/^[a-z0-9_.-]+$/)
        expect(address).toMatch(/^[0-9a-f:.]+$|^host-gateway$/)
      }),
    )
  })
})

/** @returns undefined for a text that is refused */
function entryOf(text: string) {
  try {
    return parseHostEntry(text)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}
