import {describe, expect, test} from 'vitest'
import {parseAllowRule} from '../../../src/lib/model/allow-rule.ts'
import {httpInside, portClash} from '../../../src/lib/model/http-inside.ts'

const at = (port: number) => ({port, path: '/mcp', transport: 'streamable'}) as const

describe('httpInside', () => {
  test.each([
    ['http://localhost:8080/mcp', undefined, {port: 8080, path: '/mcp', transport: 'streamable'}],
    ['HTTP://LOCALHOST:8080/Mcp', 'http', {port: 8080, path: '/Mcp', transport: 'streamable'}],
    ['http://127.0.0.1:80', 'streamable-http', {port: 80, path: '/', transport: 'streamable'}],
    ['http://[::1]:65535/sse?a=b c', 'sse', {port: 65535, path: '/sse?a=b%20c', transport: 'sse'}],
    ['http://localhost:1?a=b#c', '', {port: 1, path: '/?a=b', transport: 'streamable'}],
    ['http://localhost:8080/a/../b', 'sse', {port: 8080, path: '/b', transport: 'sse'}],
  ])('takes %s', (url, type, http) => {
    expect(httpInside(url, type)).toEqual(http)
  })

  test.each([
    '',
    'http://localhost/mcp',
    'https://localhost:8443/mcp',
    'http://example.com:8080/mcp',
    'http://localhost.example.com:8080/mcp',
    'http://localhost:8080.example.com/mcp',
    'http://localhost:8080@example.com/mcp',
    'http://me:secret@localhost:8080/mcp',
    'http://127.0.0.2:8080/mcp',
    'http://0.0.0.0:8080/mcp',
    'ws://localhost:8080',
    'localhost:8080',
  ])('leaves %s to be spoken to over stdio', url => {
    expect(httpInside(url, 'sse')).toBeUndefined()
  })

  test.each(['http://localhost:0/mcp', 'http://localhost:65536/mcp', 'http://localhost:99999999'])(
    'refuses %s',
    url => {
      expect(() => httpInside(url, '')).toThrow(
        new RangeError('has a port that is not from 1 to 65535'),
      )
    },
  )
})

describe('portClash', () => {
  test.each([
    [undefined, []],
    [at(8080), []],
    [at(8080), ['api.example.com:443', '*:80']],
    [undefined, ['proxy.example.com:3128', '*.example.com:3128', '192.0.2.1:3128']],
  ])('finds none for %j and %j', (http, texts) => {
    expect(portClash(http, texts.map(parseAllowRule))).toBeUndefined()
  })

  test.each([
    [
      at(443),
      ['a.example:80', 'Api.example.com:443/https', 'b.example:443'],
      'allowHosts.1',
      '"Api.example.com:443/https" needs port 443 in the container, where the server listens, as its remote.url says',
    ],
    [at(3128), [], 'remote.url', "names port 3128, which the gateway's proxy has in the container"],
    ...['*:3128', '127.0.0.1:3128', '127.9.9.9:3128', '[::1]:3128'].map(
      text =>
        [
          undefined,
          ['proxy.example:3128', text],
          'allowHosts.1',
          `"${text}" needs port 3128 in the container, which the gateway's proxy has: name a host`,
        ] as const,
    ),
  ] as const)('finds that of %j and %j', (http, texts, path, message) => {
    expect(portClash(http, texts.map(parseAllowRule))).toEqual({path, message})
  })
})
