import {isIP} from 'node:net'
import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {
  addressOf,
  isNameAllowed,
  isPlaceAllowed,
  parseAllowRule,
  parseHost,
} from '../../../src/lib/model/allow-rule.ts'

const LOCALHOST =
  'names localhost, which in a container is the container itself: ' +
  'name an address, or give the host a name by extraHosts'

const rulesOf = (...texts: string[]) => texts.map(parseAllowRule)

/** The host of a rule; anything but a rule or a RangeError is thrown on. */
const hostIn = (text: string): string => {
  try {
    return parseAllowRule(text).host
  } catch (error) {
    if (error instanceof RangeError) return 'refused'
    throw error
  }
}

/** Behind `xn--` only few texts are a name. */
const label = fc
  .stringMatching(/^[a-z][a-z0-9_-]{0,8}$/)
  .filter(text => text !== 'localhost' && !text.startsWith('xn--'))
const name = fc.array(label, {minLength: 1, maxLength: 5}).map(labels => labels.join('.'))
const port = fc.integer({min: 1, max: 65_535})

describe('parseAllowRule', () => {
  test.each([
    ['api.example.com:443', 'api.example.com', 443, undefined],
    ['API.Example.COM.:443/HTTPS', 'api.example.com', 443, 'https'],
    ['db:5432/tcp', 'db', 5432, 'tcp'],
    ['my_host-1.a--b:1/http', 'my_host-1.a--b', 1, 'http'],
    ['*.example.com:65535', '*.example.com', 65_535, undefined],
    ['*:443', '*', 443, undefined],
    ['10.0.0.5:80', '10.0.0.5', 80, undefined],
    ['[2001:DB8:0::1]:80', '2001:db8::1', 80, undefined],
    ['[::ffff:7f00:1]:80', '127.0.0.1', 80, undefined],
    ['bücher.example:443', 'xn--bcher-kva.example', 443, undefined],
    ['*.bücher.example:443', '*.xn--bcher-kva.example', 443, undefined],
    ['1password.com:443', '1password.com', 443, undefined],
    ['1.2.3.4.example:443', '1.2.3.4.example', 443, undefined],
    ['0x7f.com:1', '0x7f.com', 1, undefined],
    ['localhost.example:80', 'localhost.example', 80, undefined],
    ['notlocalhost:80', 'notlocalhost', 80, undefined],
    ['dns.example:53', 'dns.example', 53, undefined],
  ])('reads %s', (text, host, at, protocol) => {
    expect(parseAllowRule(text)).toEqual({host, port: at, protocol, text})
  })

  test.each([
    ['', 'has no port: write host:port'],
    ['api.example.com', 'has no port: write host:port'],
    ['api.example.com:', 'has no port: write host:port'],
    ['[::1]', 'has no port: write host:port'],
    ['example.com/path', 'has an unknown protocol: write tcp, http or https, or nothing'],
    ['example.com/tcp', 'has no port: write host:port'],
    [':443', 'has no host: write host:port'],
    ['https://example.com:443', 'is a URL: write host:port'],
    ['::1', 'is an IPv6 address without a port: write [address]:port'],
    ['2001:db8::1:443', 'is an IPv6 address without a port: write [address]:port'],
    ['a:b:443', 'has a colon in its host: write an IPv6 address as [address]:port'],
    ['[fe80::1%eth0]:80', 'has an address with a zone, which cannot be allowed'],
    ['[127.0.0.1]:80', 'has brackets around what is no IPv6 address'],
    ['[]:80', 'has brackets around what is no IPv6 address'],
    ['a:0', 'has a port that is not a number from 1 to 65535'],
    ['a:65536', 'has a port that is not a number from 1 to 65535'],
    ['a:0443', 'has a port that is not a number from 1 to 65535'],
    ['a:+1', 'has a port that is not a number from 1 to 65535'],
    ['a:1e3', 'has a port that is not a number from 1 to 65535'],
    ['a: 80', 'has a port that is not a number from 1 to 65535'],
    ['a:١', 'has a port that is not a number from 1 to 65535'],
    ['a:80-90', 'has a range of ports: write a rule for each'],
    ['a:*', 'has no single port: write a rule for each'],
    ['a:53/udp', 'asks for udp: only TCP can be allowed'],
    ['a:53/', 'has an unknown protocol: write tcp, http or https, or nothing'],
    ['a:53/sctp', 'has an unknown protocol: write tcp, http or https, or nothing'],
    ['a:53/constructor', 'has an unknown protocol: write tcp, http or https, or nothing'],
    ['a.*.b:80', 'has a * that is not its first label: write *.name'],
    ['*a.b:80', 'has a * that is not its first label: write *.name'],
    ['*.*.b:80', 'has a * that is not its first label: write *.name'],
    ['*.:80', 'has no host: write host:port'],
    ['*.10.0.0.1:80', 'has a wildcard before an address'],
    ['*.[::1]:80', 'has a wildcard before an address'],
    ['.a:80', 'has a host that is neither a name nor an address'],
    ['a..b:80', 'has a host that is neither a name nor an address'],
    ['a..:80', 'has a host that is neither a name nor an address'],
    [' a:80', 'has a host that is neither a name nor an address'],
    ['a b:80', 'has a host that is neither a name nor an address'],
    ['user@a:80', 'has a host that is neither a name nor an address'],
    ['ä／b:80', 'has a host that is neither a name nor an address'],
    ['ä%2eb:80', 'has a host that is neither a name nor an address'],
    ['a\n:80', 'has a host that is neither a name nor an address'],
    [`${'a'.repeat(64)}:80`, 'has a host that is neither a name nor an address'],
    [`${'a.'.repeat(127)}a:80`, 'has a host name of more than 253 characters'],
    ['localhost:8080', LOCALHOST],
    ['LocalHost.:80/http', LOCALHOST],
    ['a.b.localhost:80', LOCALHOST],
    ['*.localhost:80', LOCALHOST],
    ['*.a.LOCALHOST.:80', LOCALHOST],
    ['127.1:80', 'has a name that ends in a number: write an address as four decimal numbers'],
    ['0x7f.1:80', 'has a name that ends in a number: write an address as four decimal numbers'],
    ['2130706433:80', 'has a name that ends in a number: write an address as four decimal numbers'],
    ['0177.0.0.1:80', 'has a name that ends in a number: write an address as four decimal numbers'],
    ['1.2.3.4.:80', 'has a name that ends in a number: write an address as four decimal numbers'],
    ['a.0x7F:80', 'has a name that ends in a number: write an address as four decimal numbers'],
    [
      '１２７.0.0.1:80',
      'has a name that ends in a number: write an address as four decimal numbers',
    ],
  ])('refuses %j: %s', (text, reason) => {
    expect(() => parseAllowRule(text)).toThrow(new RangeError(reason))
  })

  test('reads every name with every port, and gives them back', () => {
    fc.assert(
      fc.property(name, port, (host, at) => {
        expect(parseAllowRule(`${host}:${at}`)).toMatchObject({host, port: at})
        expect(parseAllowRule(`*.${host}:${at}`)).toMatchObject({host: `*.${host}`, port: at})
      }),
    )
  })

  test('refuses every name that ends in localhost, however it is written', () => {
    const dot = fc.constantFrom('', '.')
    const local = fc.mixedCase(fc.constant('localhost'))
    const before = fc.oneof(
      fc.constantFrom('', '*.'),
      name.map(each => `${each}.`),
    )
    fc.assert(
      fc.property(before, local, dot, port, (first, last, end, at) => {
        expect(() => parseAllowRule(`${first}${last}${end}:${at}`)).toThrow(LOCALHOST)
      }),
    )
  })

  test('gives a rule or a RangeError for any text, and never a host of another kind', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({unit: 'binary'}), fc.webUrl(), fc.ipV6()), host => {
        for (const text of [host, `${host}:80`, `[${host}]:80`, `*.${host}:80`]) {
          expect(hostIn(text)).toMatch(/^(?:refused|\*|(?:\*\.)?[a-z0-9_:.-]+)$/)
          expect(hostIn(text)).not.toMatch(/(?:^|\.)localhost$/)
        }
      }),
    )
  })
})

describe('parseHost', () => {
  test('takes IPv6 in brackets only, and IPv4 without', () => {
    expect(parseHost('[::1]')).toBe('::1')
    expect(parseHost('127.0.0.1')).toBe('127.0.0.1')
    expect(() => parseHost('::1')).toThrow(RangeError)
    expect(() => parseHost('[127.0.0.1]')).toThrow(RangeError)
    expect(() => parseHost('*')).toThrow(RangeError)
  })

  test('gives what it gave, given it again', () => {
    fc.assert(
      fc.property(fc.oneof(name, fc.domain(), fc.ipV4()), host => {
        const once = parseHost(host)
        expect(parseHost(once)).toBe(once)
      }),
    )
  })
})

describe('addressOf', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['0:0:0:0:0:FFFF:7f00:0001', '127.0.0.1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['::', '::'],
    ['::127.0.0.1', '::7f00:1'],
    ['fe80::1%eth0', undefined],
    ['127.1', undefined],
    ['0177.0.0.1', undefined],
    ['localhost', undefined],
    ['[::1]', undefined],
  ])('writes %s as %s', (text, address) => {
    expect(addressOf(text)).toBe(address)
  })

  test('gives an address for every address, and the same one for its own', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), text => {
        const address = addressOf(text) ?? ''
        expect(isIP(address)).not.toBe(0)
        expect(addressOf(address)).toBe(address)
        expect(addressOf(address.toUpperCase())).toBe(address)
      }),
    )
  })
})

describe('what rules allow', () => {
  const rules = rulesOf('a.test:443', '*.b.test:80', '10.0.0.5:80', '[2001:db8::5]:80')

  test('is a name that a rule has, at its ports', () => {
    expect(isNameAllowed(rules, 'a.test')).toBe(true)
    expect(isPlaceAllowed(rules, 'a.test', 443)).toBe(true)
    expect(isPlaceAllowed(rules, 'a.test', 80)).toBe(false)
    expect(isNameAllowed(rules, 'x.a.test')).toBe(false)
    expect(isNameAllowed(rules, 'test')).toBe(false)
  })

  test('is every name below a wildcard, and not its end itself', () => {
    expect(isNameAllowed(rules, 'x.b.test')).toBe(true)
    expect(isPlaceAllowed(rules, 'y.x.b.test', 80)).toBe(true)
    expect(isNameAllowed(rules, 'b.test')).toBe(false)
    expect(isNameAllowed(rules, 'xb.test')).toBe(false)
  })

  test('is an address only where it is written down', () => {
    expect(isPlaceAllowed(rules, '10.0.0.5', 80)).toBe(true)
    expect(isPlaceAllowed(rules, '10.0.0.6', 80)).toBe(false)
    expect(isPlaceAllowed(rules, '2001:db8::5', 80)).toBe(true)
    expect(isPlaceAllowed(rulesOf('*:80'), '10.0.0.5', 80)).toBe(false)
    expect(isPlaceAllowed(rulesOf('*:80'), '::1', 80)).toBe(false)
    expect(isPlaceAllowed(rulesOf('*:80'), 'any.test', 80)).toBe(true)
  })

  test('is no lookup of an address', () => {
    expect(isNameAllowed(rules, '10.0.0.5')).toBe(false)
    expect(isNameAllowed(rulesOf('*:80'), '10.0.0.5')).toBe(false)
  })
})
