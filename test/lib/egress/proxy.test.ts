import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi} from 'vitest'
import {TestNetwork} from './network.ts'
import type {Container} from './network.ts'
import {FETCH, SAY} from './programs.ts'
import {startInside} from './relay-program.ts'

const RULES = [
  'allowed.test:8443',
  'allowed.test:80/http',
  'allowed.test:8081/http',
  '10.0.0.5:80',
  '[2001:db8::5]:80',
  'other.test:443',
  ...['private', 'metadata', 'loop'].map(name => `${name}.test:8443`),
  ...['nowhere', 'silent'].map(name => `${name}.test:80`),
]

const PATIENT = {timeout: 60_000}

let network: TestNetwork
let container: Container

beforeAll(async () => {
  network = await TestNetwork.start()
})
afterAll(() => network[Symbol.asyncDispose]())

beforeEach(async () => {
  container = await network.container(RULES)
  await network.visits()
  await network.lookups()
})
afterEach(() => container[Symbol.asyncDispose]())

/** A message of HTTP. */
const message = (lines: readonly string[], body = ''): string =>
  `${lines.join('\r\n')}\r\n\r\n${body}`

const say = async (lines: readonly string[], body = ''): Promise<string> =>
  (await container.run(SAY, [message(lines, body)])).stdout

const connect = (place: string): Promise<string> =>
  say([`CONNECT ${place} HTTP/1.1`, `Host: ${place}`])

const get = (url: string, ...headers: string[]): Promise<string> =>
  say([`GET ${url} HTTP/1.1`, 'Host: evil.test', 'Connection: close', ...headers])

/** What the web server was asked, as it tells in the body of its answer. */
const askedIn = (
  answer: string,
): {rawHeaders: string[]; url: string; body: string; address: string} =>
  JSON.parse(answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1))

describe('a program that uses the proxy', () => {
  test('reaches what is allowed, without looking it up itself', async () => {
    const env = {...container.env, NODE_USE_ENV_PROXY: '1'}
    const {stdout} = await container.run(FETCH, ['http://allowed.test/path?q=1'], env)
    expect(stdout).toMatch(/^200 .*"url":"\/path\?q=1"/)
    expect(await container.lines()).toEqual(['time: connects to allowed.test:80 at 203.0.113.10'])
    const refused = await container.run(FETCH, ['http://evil.test/'], env)
    expect(refused.stdout).not.toMatch(/^200/)
    expect(await container.lines()).toEqual([
      '! time: refused evil.test:80: it is not among its allowed hosts',
    ])
  })

  test('has a tunnel with CONNECT, and what it says at once goes through', async () => {
    const open = message(['CONNECT allowed.test:8443 HTTP/1.1', 'Host: allowed.test:8443'], 'ping')
    const {stdout} = await container.run(SAY, [open, 'end'])
    expect(stdout).toMatch(/^HTTP\/1.1 200 [^]*\r\n\r\nhello from 203.0.113.10\nping$/)
  })

  test.each([
    ['evil.test:443', 'it is not among its allowed hosts'],
    ['allowed.test:22', 'its allowed hosts have the name, but not with this port'],
    ['203.0.113.10:8443', 'it is not among its allowed hosts'],
    ['10.0.0.5:8443', 'it is not among its allowed hosts'],
    ['[::1]:80', 'it is not among its allowed hosts'],
    ['127.0.0.1:80', 'it is not among its allowed hosts'],
    ['localhost:80', 'it is the container itself, which needs no proxy'],
    ['LOCALHOST.:80', 'it is the container itself, which needs no proxy'],
    ['x.localhost:80', 'it is the container itself, which needs no proxy'],
  ])('is refused a tunnel to %s: %s', async (place, why) => {
    const answer = await connect(place)
    expect(answer).toMatch(/^HTTP\/1.1 403 Forbidden\r\n/)
    expect(answer).toContain(` is refused: ${why}`)
    expect(await container.lines()).toMatchObject([expect.stringContaining(`refused `)])
    expect(await network.visits()).toEqual([])
    expect(await network.lookups()).toEqual([])
  })

  test('is refused the container itself where every name is allowed', async () => {
    await using free = await network.container(['*:80'])
    for (const place of ['localhost:80', 'x.localhost:80']) {
      const head = message([`CONNECT ${place} HTTP/1.1`, `Host: ${place}`])
      const {stdout} = await free.run(SAY, [head])
      expect(stdout).toContain(`${place} is refused: it is the container itself`)
    }
    expect(await network.lookups()).toEqual([])
  })

  test.each([
    '0x7f.1:80',
    '0x7f000001:80',
    '2130706433:80',
    '127.1:80',
    '0177.0.0.1:80',
    '127.0.0.1.:80',
    '[::ffff:7f00:1]:80',
    '[::ffff:127.0.0.1]:80',
    '[0:0:0:0:0:ffff:7f00:1]:80',
    '[fe80::1%lo]:80',
    '[::1%lo]:80',
    '１２７.0.0.1:80',
  ])('does not come around the rules with %s', async place => {
    expect(await connect(place)).toMatch(/^HTTP\/1.1 40[03] /)
    expect(await get(`http://${place}/`)).toMatch(/^HTTP\/1.1 40[03] /)
    expect(await network.visits()).toEqual([])
    expect(await network.lookups()).toEqual([])
  })

  test('is refused a name that is not public, and is not told what it is', async () => {
    for (const name of ['private.test', 'metadata.test', 'loop.test']) {
      const answer = await connect(`${name}:8443`)
      expect(answer).toMatch(/^HTTP\/1.1 403 /)
      expect(answer).toContain(`${name}:8443 is refused: its address is not a public one`)
      expect(answer).not.toMatch(/10\.0\.0\.5|169\.254|127\.0\.0\.1/)
    }
    expect(await container.lines()).toContain(
      '! time: refused private.test:8443: it resolves to 10.0.0.5, which is private',
    )
    expect(await network.visits()).toEqual([])
  })

  test('reaches an address that is allowed itself, in any true spelling', async () => {
    expect(askedIn(await get('http://10.0.0.5/')).address).toBe('10.0.0.5')
    expect(askedIn(await get('http://[::ffff:a00:5]/')).address).toBe('10.0.0.5')
  })

  test('is told when the other side is not there', async () => {
    expect(await connect('other.test:443')).toMatch(
      /^HTTP\/1.1 502 [^]*other.test:443: ECONNREFUSED/,
    )
    expect(await get('http://nowhere.test/')).toMatch(
      /^HTTP\/1.1 502 [^]*nowhere.test:80: ENOTFOUND/,
    )
    expect(await get('http://silent.test/')).toMatch(
      /^HTTP\/1.1 504 [^]*no answer within 10 seconds/,
    )
  })
})

describe('a request that is passed on', () => {
  test('is asked of the host in its URL, without what is between neighbours', async () => {
    const answer = await get(
      'http://allowed.test:80/a/../b?q=%2f#'.replace('#', ''),
      'Proxy-Authorization: Basic c2VjcmV0',
      'Proxy-Connection: keep-alive',
      'Keep-Alive: 5',
      'TE: trailers',
      'Upgrade: h2c',
      'Connection: x-mine, upgrade',
      'X-Mine: 1',
      'X-Kept: 1',
      'x-kept: 2',
      'Cookie: a=b',
    )
    expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n/)
    expect(answer.match(/set-cookie: ./gi)).toHaveLength(2)
    expect(answer).not.toMatch(/proxy-authenticate/i)
    const {url, rawHeaders} = askedIn(answer)
    expect(url).toBe('/a/../b?q=%2f')
    expect(rawHeaders).toEqual([
      'X-Kept',
      '1',
      'x-kept',
      '2',
      'Cookie',
      'a=b',
      'Host',
      'allowed.test:80',
      'Connection',
      'close',
    ])
  })

  test.each([
    ['counted', ['Content-Length: 5'], 'hello'],
    ['in chunks', ['Transfer-Encoding: chunked'], '2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n'],
    ['that waits to be asked for', ['Content-Length: 5', 'Expect: 100-continue'], 'hello'],
  ])('has its body, %s', async (_name, headers, body) => {
    const answer = await say(
      ['POST http://allowed.test/ HTTP/1.1', 'Host: allowed.test', 'Connection: close', ...headers],
      body,
    )
    expect(askedIn(answer).body).toBe('hello')
  })

  test('does not let its body run into what follows', async () => {
    const answer = await get(
      'http://allowed.test/',
      'Connection: content-length, host',
      'Content-Length: 5',
      '',
      'hello',
    )
    const {body, rawHeaders} = askedIn(answer)
    expect(body).toBe('hello')
    expect(rawHeaders).toContain('allowed.test')
    expect(await network.visits()).toHaveLength(1)
  })

  test('is over for the other side when the program leaves', async () => {
    const before = await network.resources()
    const request = message(['GET http://allowed.test:8081/wait HTTP/1.1', 'Host: a'])
    const program = startInside(container.container, SAY, [request])
    await vi.waitUntil(async () => (await network.visits()).includes('/wait'), PATIENT)
    expect((await network.resources()).length).toBeGreaterThan(before.length)
    program.kill()
    await vi.waitUntil(async () => (await network.resources()).length <= before.length, PATIENT)
  })

  test('may follow another one on the same connection', async () => {
    const first = message(['GET http://allowed.test/first HTTP/1.1', 'Host: a'])
    const last = message([
      'GET http://allowed.test/second HTTP/1.1',
      'Host: a',
      'Connection: close',
    ])
    const {stdout} = await container.run(SAY, [first + last])
    expect(stdout.match(/"url":"\/\w+"/g)).toEqual(['"url":"/first"', '"url":"/second"'])
    expect(await network.visits()).toHaveLength(2)
  })

  test.each(['upgrade', 'encoded', 'both', 'garbage', 'nothing', 'large', 'control', 'code'])(
    'is answered with 502 when the other side answers no better: %s',
    async path => {
      expect(await get(`http://allowed.test:8081/${path}`)).toMatch(/^HTTP\/1.1 502 /)
    },
  )

  test.each(['hint', 'open', 'extra', 'reason', 'dropped'])(
    'has the one answer that is meant for it: %s',
    async path => {
      const answer = await get(`http://allowed.test:8081/${path}`)
      expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*\r\n\r\n(?:4\r\n)?fine(?:\r\n0)?$/)
    },
  )

  test('is reset when the answer ends too early', async () => {
    expect(await get('http://allowed.test:8081/short')).toBe('ECONNRESET')
  })

  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
  test.each([
    ['two lengths', ['Content-Length: 5', 'Content-Length: 6'], smuggled],
    [
      'a length and chunks',
      ['Content-Length: 5', 'Transfer-Encoding: chunked'],
      `0\r\n\r\n${smuggled}`,
    ],
    ['a length that is none', ['Content-Length: +5'], smuggled],
    ['chunks that are none', ['Transfer-Encoding: chunked, identity'], smuggled],
    ['an encoded body', ['Transfer-Encoding: gzip, chunked'], `0\r\n\r\n`],
    ['a space before the colon', ['Transfer-Encoding : chunked'], smuggled],
    ['a header that goes on', ['X: 1', ' Transfer-Encoding: chunked'], smuggled],
    ['a bare line end', ['X: 1\nTransfer-Encoding: chunked'], smuggled],
  ])('is refused with %s', async (_name, headers, body) => {
    const answer = await say(
      ['POST http://allowed.test/ HTTP/1.1', 'Host: a', 'Connection: close', ...headers],
      body,
    )
    expect(answer).toMatch(/^HTTP\/1.1 (?:400|501) /)
    expect(answer).not.toContain('smuggled')
    expect(await network.visits()).toEqual([])
  })

  test.each([
    ['a path', '/', 400],
    ['a path of a host', '//allowed.test/', 400],
    ['https', 'https://allowed.test/', 403],
    ['another scheme', 'ftp://allowed.test/', 403],
    ['a user', 'http://user@allowed.test/', 403],
    ['another host behind a user', 'http://allowed.test@evil.test/', 403],
    ['no host', 'http:///', 403],
    ['a path that looks like a URL', '/?http://allowed.test/', 400],
  ])('is refused with %s in place of a URL', async (_name, url, status) => {
    expect(await get(url)).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(await network.visits()).toEqual([])
  })

  test('is refused without telling the log what may be secret in it', async () => {
    await get('http://me:password@127.1/path?token=secret')
    await get('https://allowed.test/?token=secret')
    expect(await container.lines()).toEqual([
      '! time: refused 127.1: it has a user in its URL',
      '! time: refused allowed.test: it is not an http:// URL',
    ])
  })

  test('is refused with more header than anybody needs', async () => {
    expect(await get('http://allowed.test/', `X: ${'x'.repeat(40_000)}`)).toMatch(/^HTTP\/1.1 431 /)
    expect(await network.visits()).toEqual([])
  })

  test('is one of a limited number at once, also on one connection', async () => {
    const one = message(['GET http://allowed.test/ HTTP/1.1', 'Host: allowed.test'])
    const last = message(['GET http://allowed.test/ HTTP/1.1', 'Host: a', 'Connection: close'])
    const {stdout} = await container.run(SAY, [one.repeat(299) + last])
    const statuses = stdout.match(/HTTP\/1.1 \d+/g) ?? []
    expect(statuses).toHaveLength(300)
    expect(new Set(statuses).size).toBeLessThanOrEqual(2)
    expect((await network.visits()).length).toBeLessThanOrEqual(300)
  })
})
