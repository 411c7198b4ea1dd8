import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {parseConnectTarget, parseHttpTarget} from '../../../src/lib/egress/target.ts'

const attempt = (read: () => unknown): unknown => {
  try {
    return read()
  } catch (error) {
    if (error instanceof RangeError) return 'refused'
    throw error
  }
}

describe('parseConnectTarget', () => {
  test.each([
    ['api.example.com:443', 'api.example.com', 443],
    ['API.Example.com.:443', 'api.example.com', 443],
    ['10.0.0.5:80', '10.0.0.5', 80],
    ['[2001:DB8::1]:80', '2001:db8::1', 80],
    ['[::ffff:7f00:1]:80', '127.0.0.1', 80],
  ])('reads %s', (text, host, port) => {
    expect(parseConnectTarget(text)).toEqual({host, port})
  })

  test.each([
    '',
    'api.example.com',
    'api.example.com:',
    'api.example.com:0',
    'api.example.com:65536',
    'api.example.com:443:443',
    ':443',
    '::1:443',
    '*:443',
    '*.example.com:443',
    'user@a.test:443',
    'http://a.test:443',
    '0x7f.1:80',
    '0x7f000001:80',
    '2130706433:80',
    '127.1:80',
    '127.0.0.1.:80',
    '0177.0.0.1:80',
    '１２７.0.0.1:80',
    '[fe80::1%eth0]:80',
    '[::ffff:127.1]:80',
  ])('refuses %j', text => {
    expect(() => parseConnectTarget(text)).toThrow(RangeError)
  })
})

describe('parseHttpTarget', () => {
  test.each([
    ['http://a.test/', 'a.test', 80, 'a.test', '/'],
    ['HTTP://A.test:8080/x/../y?q=1', 'a.test', 8080, 'A.test:8080', '/x/../y?q=1'],
    ['http://a.test', 'a.test', 80, 'a.test', '/'],
    ['http://a.test:', 'a.test', 80, 'a.test:', '/'],
    ['http://a.test?q=/', 'a.test', 80, 'a.test', '/?q=/'],
    ['http://a.test//x', 'a.test', 80, 'a.test', '//x'],
    ['http://a.test/x@y', 'a.test', 80, 'a.test', '/x@y'],
    ['http://[2001:db8::1]/', '2001:db8::1', 80, '[2001:db8::1]', '/'],
    ['http://[::1]:81/', '::1', 81, '[::1]:81', '/'],
  ])('reads %s', (text, host, port, authority, path) => {
    expect(parseHttpTarget(text, 'GET')).toEqual({host, port, authority, path})
  })

  test('asks for the whole host with OPTIONS', () => {
    expect(parseHttpTarget('http://a.test', 'OPTIONS').path).toBe('*')
    expect(parseHttpTarget('http://a.test/', 'OPTIONS').path).toBe('/')
  })

  test.each([
    '',
    '/',
    'a.test',
    'http:/a.test/',
    'http:///',
    'http://:80/',
    'https://a.test/',
    'ftp://a.test/',
    'http://user@a.test/',
    'http://a.test@evil.test/',
    'http://a.test/#fragment',
    'http://a.test:0/',
    'http://a.test:99999/',
    'http://a.test:80:80/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://127.1/',
    'http://[::ffff:127.1]/',
    'http://a.test\\@b.test/',
    'http://a.test%2f/',
    'http:// a.test/',
    ' http://a.test/',
  ])('refuses %j', text => {
    expect(() => parseHttpTarget(text, 'GET')).toThrow(RangeError)
  })

  test('sees the same host as a browser would, or none', () => {
    const url = fc.oneof(
      fc.webUrl({withQueryParameters: true}),
      fc.ipV6().map(ip => `http://[${ip}]/`),
    )
    fc.assert(
      fc.property(url, text => {
        const plain = text.replace(/^https:/, 'http:')
        const {host, port, path} = parseHttpTarget(plain, 'GET')
        const seen = new URL(plain)
        expect(seen.port || '80').toBe(String(port))
        expect(new URL(`http://${host.includes(':') ? `[${host}]` : host}/`).hostname).toBe(
          seen.hostname.replace(/\.$/, ''),
        )
        expect(path.startsWith('/')).toBe(true)
      }),
    )
  })

  test('gives a target or a RangeError for any text', () => {
    fc.assert(
      fc.property(fc.string({unit: 'binary'}), text => {
        for (const each of [text, `http://${text}`, `http://${text}:80/`]) {
          expect(attempt(() => parseHttpTarget(each, 'GET'))).toBeDefined()
          expect(attempt(() => parseConnectTarget(each))).toBeDefined()
        }
      }),
    )
  })
})
