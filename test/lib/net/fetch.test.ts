import {join} from 'node:path'
import {gzipSync} from 'node:zlib'
import * as fc from 'fast-check'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {fetchPublic} from '../../../src/lib/net/fetch.ts'
import {checkPublicUrl} from '../../../src/lib/net/public-host.ts'
import {HOST_NAME, httpsHost, proxyTo, type HttpsHost} from '../../support/https-host.ts'
import {outsideWorld, PLACES, type OutsideWorld} from '../../support/outside-world.ts'

const FIXTURE = join(import.meta.dirname, '..', '..', 'fixtures', 'fetch-public.ts')
/** A port of a namespace, in which nothing else listens. */
const PORT = 8443

let host: HttpsHost

beforeAll(async () => {
  host = await httpsHost((_request, response) => response.end('hello'))
})

afterAll(() => host[Symbol.asyncDispose]())

/** What is wanted of the host of this test, which is on loopback. */
function options(more: Partial<Parameters<typeof fetchPublic>[1]> = {}) {
  const outgoing = {env: {}, ca: host.ca}
  return {outgoing, allowPrivateHosts: ['127.0.0.1'], maxBytes: 1000, timeoutMs: 60_000, ...more}
}

describe('fetchPublic', () => {
  test('gives the text, what the host calls it, and where it was', async () => {
    host.answer((_request, response) => response.setHeader('etag', '"one"').end('hello ü'))
    expect(await fetchPublic(`${host.url}/a`, options())).toEqual({
      status: 200,
      text: 'hello ü',
      etag: '"one"',
      finalUrl: `${host.url}/a`,
    })
  })

  test('is told that there is nothing new', async () => {
    host.answer(({headers}, response) => {
      response.writeHead(headers['if-none-match'] === '"one"' ? 304 : 200).end()
    })
    const found = await fetchPublic(`${host.url}/a`, options({etag: '"one"'}))
    expect(found).toEqual({status: 304, text: '', etag: '"one"', finalUrl: `${host.url}/a`})
  })

  test('does not take "nothing new" for an answer when nothing is here', async () => {
    host.answer((_request, response) => response.writeHead(304).end())
    await expect(fetchPublic(host.url, options())).rejects.toThrow('status 304')
  })

  test('refuses a host whose certificate nobody vouches for', async () => {
    host.answer((_request, response) => response.end('hello'))
    const before = host.asked.length
    const unknown = options({outgoing: {env: {}}})
    await expect(fetchPublic(host.url, unknown)).rejects.toMatchObject({
      code: 'FETCH_FAILED',
      message: expect.stringContaining(`127.0.0.1:${host.port} did not give /: `),
    })
    expect(host.asked.length).toBe(before)
  })

  test('goes through a proxy, which is not told of addresses that are not public', async () => {
    host.answer(({headers}, response) => response.end(`for ${headers.host}`))
    await using proxy = await proxyTo(host.port)
    const env = {HTTPS_PROXY: proxy.url, https_proxy: proxy.url}
    const through = options({outgoing: {env, ca: host.ca}, allowPrivateHosts: []})
    expect(await fetchPublic(`https://${HOST_NAME}/x`, through)).toMatchObject({
      text: `for ${HOST_NAME}`,
    })
    for (const address of ['https://10.0.0.5/', 'https://metadata.google.internal/']) {
      await expect(fetchPublic(address, through)).rejects.toMatchObject({code: 'ADDRESS_REFUSED'})
    }
    expect(proxy.asked).toEqual([`${HOST_NAME}:443`])
  })

  test.each([
    ['says that it sends too much', {'content-length': '1001'}, Buffer.alloc(0)],
    ['sends too much', {}, Buffer.alloc(1001, 'a')],
    ['sends too much, compressed', {'content-encoding': 'gzip'}, gzipSync(Buffer.alloc(100_000))],
    [
      'sends too much that unpacks to nothing',
      {'content-encoding': 'gzip'},
      Buffer.concat(Array.from({length: 100}, () => gzipSync(Buffer.alloc(0)))),
    ],
  ])('stops to read a host that %s', async (_what, headers, body) => {
    host.answer((_request, response) => {
      response.writeHead(200, headers)
      response.write(body)
      // What would still come is not waited for.
    })
    await expect(fetchPublic(host.url, options())).rejects.toThrow('sent more than 1000 bytes')
  })

  test('unpacks what is compressed, and takes nothing that it did not ask for', async () => {
    host.answer((_request, response) => {
      response.writeHead(200, {'content-encoding': 'gzip'}).end(gzipSync('packed'))
    })
    expect(await fetchPublic(host.url, options())).toMatchObject({text: 'packed'})
    host.answer((_request, response) => {
      response.writeHead(200, {'content-encoding': 'br'}).end('x')
    })
    await expect(fetchPublic(host.url, options())).rejects.toThrow('it sent it as br')
  })

  test.each([
    ['breaks off', {'content-length': '10'}, 'abc'],
    ['is cut off, compressed', {'content-encoding': 'gzip'}, gzipSync('packed').subarray(0, 12)],
    ['is no text', {}, Buffer.from([0xff, 0xfe, 0x00])],
  ])('gives no part of an answer that %s', async (_what, headers, body) => {
    host.answer((_request, response) => {
      response.writeHead(200, {...headers, connection: 'close'})
      response.write(body, () => response.destroy())
    })
    await expect(fetchPublic(host.url, options())).rejects.toMatchObject({code: 'FETCH_FAILED'})
  })

  test('waits so long and no longer, also in the middle', async () => {
    host.answer((_request, response) => response.writeHead(200).write('begins'))
    const short = options({timeoutMs: 300})
    await expect(fetchPublic(host.url, short)).rejects.toThrow('took longer than 0.3 s')
    const {promise, resolve} = Promise.withResolvers<void>()
    host.answer(() => resolve())
    const stop = new AbortController()
    const fetching = fetchPublic(host.url, options({signal: stop.signal}))
    await promise
    stop.abort(new Error('nobody waits'))
    await expect(fetching).rejects.toThrow('nobody waits')
  })

  test('follows five times, and then no more', async () => {
    host.answer(({url = ''}, response) => {
      const left = Number(url.slice(1))
      if (left === 0) response.end('arrived')
      else response.writeHead(307, {location: `/${left - 1}`}).end()
    })
    const found = await fetchPublic(`${host.url}/5`, options())
    expect(found).toMatchObject({text: 'arrived', finalUrl: `${host.url}/0`})
    await expect(fetchPublic(`${host.url}/6`, options())).rejects.toThrow('more than 5 times')
  })

  test.each([
    ['http://127.0.0.2/', 'asked over http'],
    ['file:///etc/passwd', 'asked over file'],
    ['https://169.254.169.254/latest', "a cloud's metadata service"],
    ['https://someone:secret@example.test/', 'a login in its address'],
    ['https://localhost/', 'its own network'],
  ])('does not follow to %s', async (location, reason) => {
    host.answer((_request, response) => response.writeHead(302, {location}).end())
    await expect(fetchPublic(host.url, options())).rejects.toMatchObject({
      code: 'ADDRESS_REFUSED',
      message: expect.stringContaining(reason),
    })
  })

  test('says nothing of a key in the address', async () => {
    host.answer((_request, response) => response.writeHead(500).end())
    const fetching = fetchPublic(`${host.url}/x?key=sesame`, options())
    await expect(fetching).rejects.toThrow(/^127\.0\.0\.1:\d+ did not give \/x: .* status 500$/)
  })
})

describe('an address', () => {
  test.each([
    'http://example.test/',
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://[::1]/',
    'https://[::ffff:10.0.0.1]/',
    'https://[64:ff9b::a00:1]/',
    'https://10.1.2.3/',
    'https://100.64.0.1/',
    'https://LOCALHOST./',
    'https://registry.internal/',
    'https://printer.local/',
    'https://api.default.svc/',
    'ftp://example.test/',
  ])('%s is refused', text => {
    expect(() => checkPublicUrl(new URL(text))).toThrow('is not asked')
  })

  test.each([
    ['http://127.0.0.1/', ['127.0.0.1']],
    ['http://box.local/', ['*.local']],
    ['https://[::1]/', ['::1']],
    ['https://10.1.2.3:8443/', ['10.1.2.3']],
    ['http://10.1.2.3/', ['*']],
  ])('%s can be allowed', (text, allowed) => {
    expect(() => checkPublicUrl(new URL(text), allowed)).not.toThrow()
  })

  test('of a metadata service cannot be allowed', () => {
    const url = new URL('https://169.254.169.254/')
    expect(() => checkPublicUrl(url, ['*', '169.254.169.254'])).toThrow('metadata')
  })

  test('allowed for one host is for no other', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), (one, other) => {
        const before = refusal(other, [])
        if (one === other) return
        expect(refusal(other, [one, `*.${one}`, '*.example.test'])).toBe(before)
      }),
    )
  })
})

describe.runIf(process.getuid?.() === 0)('in a world with private addresses', () => {
  let world: OutsideWorld

  beforeAll(async () => {
    world = await outsideWorld()
  })

  afterAll(() => world[Symbol.asyncDispose]())

  async function ask(...addresses: readonly string[]): Promise<readonly string[]> {
    // The resolver answers everything, and may take its time for it.
    const patient = ['env', 'RES_OPTIONS=timeout:30'] as const
    const command = [...patient, process.execPath, FIXTURE, String(PORT), ...addresses] as const
    return JSON.parse(await world.exec(...command)) as string[]
  }

  test('a host is judged by where its name leads, and not asked if that is not public', async () => {
    const names = ['private', 'metadata', 'loopback', 'mapped', 'mixed', 'machine']
    const before = world.contacts().length
    const outcomes = await ask(...names.map(name => `https://${name}.example.test/`))
    for (const outcome of outcomes) expect(outcome).toMatch(/^ADDRESS_REFUSED .*its address/)
    expect(world.contacts().length).toBe(before)
  })

  test('a public host is asked', async () => {
    const [outcome] = await ask('https://allowed.example.test/')
    // Its certificate is for another name: so far it got.
    expect(outcome).toMatch(/^FETCH_FAILED .*altnames/)
    await expect.poll(() => world.contacts()).toContainEqual({address: PLACES.allowed, port: 443})
  })

  test('an address of this machine is not public, whichever it is', async () => {
    const [outcome] = await ask(`https://${PLACES.machine}:9100/`)
    expect(outcome).toMatch(/one of this machine/)
    expect(world.machineContacts()).toEqual([])
  })

  test('nobody is followed to a private address, by whatever name', async () => {
    const before = world.contacts().length
    const targets = [
      'private.example.test',
      'metadata.example.test',
      PLACES.private,
      'loopback.example.test',
    ]
    const outcomes = await ask(...targets.map(target => sentOnTo(`https://${target}/`)))
    for (const outcome of outcomes) expect(outcome).toMatch(/^ADDRESS_REFUSED /)
    expect(world.contacts().length).toBe(before)
  })

  test('a name that leads elsewhere the second time is judged the second time', async () => {
    const address = 'https://rebind.example.test/'
    const outcomes = await ask(address, sentOnTo(address))
    expect(outcomes).toEqual([
      expect.stringMatching(/^FETCH_FAILED .*altnames/),
      expect.stringMatching(/^ADDRESS_REFUSED .*private/),
    ])
    expect(world.contacts()).not.toContainEqual({address: PLACES.private, port: 443})
  })
})

/** An address of the host that sends everybody on, to another one. */
function sentOnTo(address: string): string {
  return `https://127.0.0.1:${PORT}/?${encodeURIComponent(address)}`
}

function refusal(name: string, allowed: readonly string[]): string {
  try {
    checkPublicUrl(new URL(`https://${name}/`), allowed)
    return ''
  } catch (error) {
    return String(error)
  }
}
