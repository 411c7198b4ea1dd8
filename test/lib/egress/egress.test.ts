import {PassThrough} from 'node:stream'
import {encode} from 'dns-packet'
import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi} from 'vitest'
import {createEgress, pinsOf} from '../../../src/lib/egress/egress.ts'
import type {Egress} from '../../../src/lib/egress/egress.ts'
import {parseAllowRule} from '../../../src/lib/model/allow-rule.ts'
import {TestNetwork} from './network.ts'
import type {Container} from './network.ts'
import {
  ASK_AT_ONCE,
  ECHO,
  FETCH,
  HELLO,
  LISTEN,
  LOOKUP,
  LOOKUPS,
  RESET,
  SLOW,
  UPLOAD,
} from './programs.ts'

const RULES = [
  'allowed.test:8443',
  'allowed.test:8444/tcp',
  'allowed.test:80/http',
  'other.test:443',
  '*.wild.test:8443',
  ...[
    'private',
    'metadata',
    'both',
    'mapped',
    'rebind',
    'loop',
    'nowhere',
    'pinned',
    'six',
    'own',
  ].map(name => `${name}.test:8443`),
]
const PATIENT = {timeout: 60_000}
const PINS = [{name: 'Pinned.test.', address: '10.0.0.5'}]

const egressFor = (ports: number): Egress => {
  const rules = Array.from({length: ports}, (_, each) => parseAllowRule(`a.test:${each + 1}`))
  return createEgress({server: 'time', rules, pins: new Map(), onDenied: () => {}})
}

let network: TestNetwork
let container: Container

beforeAll(async () => {
  network = await TestNetwork.start()
})
afterAll(() => network[Symbol.asyncDispose]())

beforeEach(async () => {
  container = await network.container(RULES, PINS)
  await network.visits()
  await network.lookups()
})
afterEach(() => container[Symbol.asyncDispose]())

describe('a program that knows no proxy', () => {
  test('reaches what is allowed, by its name', async () => {
    const direct = await container.run(HELLO, ['allowed.test', 8443])
    const wildcard = await container.run(HELLO, ['Deep.In.Wild.test', 8443])
    const fetched = await container.run(FETCH, ['http://allowed.test/'])
    expect([direct.stdout, wildcard.stdout]).toEqual(Array(2).fill('hello from 203.0.113.10'))
    expect(fetched.stdout).toMatch(/^200 .*"address":"203.0.113.10"/)
    expect(await network.visits()).toEqual([
      '203.0.113.10:8443',
      '203.0.113.10:8443',
      '203.0.113.10:80',
    ])
    expect(await container.lines()).toContain('time: connects to allowed.test:8443 at 203.0.113.10')
  })

  test('has a loopback address for the name, and nobody is asked for it', async () => {
    const {stdout} = await container.run(LOOKUP, ['allowed.test'])
    expect(JSON.parse(stdout)).toEqual([{address: '127.1.0.1', family: 4}])
    expect(await network.lookups()).toEqual([])
    expect(await container.lines()).toEqual(['time: answers the lookup of allowed.test'])
  })

  test('cannot look another name up, so a name carries nothing out', async () => {
    const {stdout} = await container.run(LOOKUP, ['secret-data.evil.test'])
    expect(stdout).toBe('ENOTFOUND')
    expect(await network.lookups()).toEqual([])
    expect(await container.lines()).toEqual([
      '! time: refused the lookup of secret-data.evil.test: it is not among its allowed hosts',
    ])
  })

  test('has an answer to each of many lookups at once', async () => {
    const {stdout} = await container.run(ASK_AT_ONCE, [300])
    expect(stdout).toBe('300')
  })

  test('is reset at a port that is not allowed', async () => {
    const {stdout} = await container.run(HELLO, ['other.test', 8443])
    expect(stdout).toBe('ECONNRESET')
    expect(await container.lines()).toContain(
      '! time: refused other.test:8443: its allowed hosts have the name, but not with this port',
    )
    expect(await network.lookups()).toEqual([])
  })

  test.each([
    ['127.1.0.9', 8443],
    ['127.0.0.1', 8443],
    ['127.0.0.53', 8443],
    ['127.1.0.1', 3128],
  ])('is reset at the address %s:%d, which nobody gave it', async (address, port) => {
    const {stdout} = await container.run(HELLO, [address, port])
    expect(stdout).toBe('ECONNRESET')
    expect(await container.lines()).toEqual([
      `! time: refused ${address}:${port}: no name has that address`,
    ])
  })

  test.each(['203.0.113.10', '10.0.0.5', '169.254.169.254'])(
    'has no way to the address %s',
    async address => {
      const {stdout} = await container.run(HELLO, [address, 8443])
      expect(stdout).toBe('ENETUNREACH')
    },
  )

  test.each([
    ['private.test', '10.0.0.5, which is private'],
    ['metadata.test', "169.254.169.254, which is a cloud's metadata service"],
    ['loop.test', '127.0.0.1, which is loopback'],
    ['own.test', '198.51.100.7, which is an address of this machine'],
    ['mapped.test', '::ffff:10.0.0.5, which is private'],
  ])('does not come to %s, which is allowed and is not public', async (name, why) => {
    const {stdout} = await container.run(HELLO, [name, 8443])
    expect(stdout).toBe('ECONNRESET')
    expect(await container.lines()).toContain(`! time: refused ${name}:8443: it resolves to ${why}`)
    expect(await network.visits()).toEqual([])
  })

  test('comes to the public one of several addresses', async () => {
    const {stdout} = await container.run(HELLO, ['both.test', 8443])
    expect(stdout).toBe('hello from 203.0.113.10')
  })

  test('comes to the address that answers', async () => {
    const {stdout} = await container.run(HELLO, ['six.test', 8443])
    expect(stdout).toBe('hello from 203.0.113.10')
  })

  test('comes to the address that was judged, whatever the name is a moment later', async () => {
    const outcomes = []
    for (let turn = 0; turn < 6; turn += 1) {
      outcomes.push((await container.run(HELLO, ['rebind.test', 8443])).stdout)
    }
    const reached = 'hello from 203.0.113.10'
    expect(outcomes).toEqual([reached, 'ECONNRESET', reached, 'ECONNRESET', reached, 'ECONNRESET'])
    expect(await network.lookups()).toEqual(Array(6).fill('rebind.test'))
    expect(await network.visits()).toEqual(Array(3).fill('203.0.113.10:8443'))
  })

  test('comes to the address that a name is pinned to, which is not looked up', async () => {
    const {stdout} = await container.run(HELLO, ['pinned.test', 8443])
    expect(stdout).toBe('hello from 10.0.0.5')
    expect(await network.lookups()).toEqual([])
  })

  test('comes to a private address that is allowed itself', async () => {
    await using free = await network.container(['private.test:8443', '10.0.0.5:8443'])
    await using bound = await network.container(['private.test:8443', '10.0.0.5:80'])
    expect((await free.run(HELLO, ['private.test', 8443])).stdout).toBe('hello from 10.0.0.5')
    expect((await bound.run(HELLO, ['private.test', 8443])).stdout).toBe('ECONNRESET')
  })

  test("comes to an address of the gateway's machine that is allowed itself, or pinned", async () => {
    const pin = {name: 'pinned.test', address: '198.51.100.7'}
    const rules = ['own.test:8443', '198.51.100.7:8443', 'pinned.test:8443']
    await using named = await network.container(rules.slice(0, 2))
    await using pinned = await network.container(rules.slice(2), [pin])
    const reached = 'hello from 198.51.100.7'
    expect((await named.run(HELLO, ['own.test', 8443])).stdout).toBe(reached)
    expect((await pinned.run(HELLO, ['pinned.test', 8443])).stdout).toBe(reached)
  })

  test('is reset where the other side is not there', async () => {
    expect((await container.run(HELLO, ['nowhere.test', 8443])).stdout).toBe('ECONNRESET')
    expect((await container.run(HELLO, ['other.test', 443])).stdout).toBe('ECONNRESET')
    expect(await container.lines()).toEqual(
      expect.arrayContaining([
        '! time: could not connect to nowhere.test:8443: ENOTFOUND',
        '! time: could not connect to other.test:443: ECONNREFUSED',
      ]),
    )
  })
})

describe('a connection', () => {
  test('may end one way and go on the other', async () => {
    const {stdout} = await container.run(UPLOAD, ['allowed.test', 8444, 1_000_000])
    expect(stdout).toBe('1000000 bytes')
  })

  test('is reset on both sides when one resets it', async () => {
    const here = await container.run(RESET, ['allowed.test', 8443, 'here'])
    expect(here.stdout).toBe('closed')
    await vi.waitUntil(async () => (await network.visits()).includes('ECONNRESET'), PATIENT)
    const there = await container.run(RESET, ['allowed.test', 8443, 'there'])
    expect(there.stdout).toBe('ECONNRESET')
  })

  test('carries 40 MB both ways', async () => {
    const {stdout} = await container.run(ECHO, ['allowed.test', 8443, 40_000_000, 1])
    expect(stdout).toBe('1 of 1')
  })

  test('is one of many', async () => {
    const {stdout} = await container.run(ECHO, ['allowed.test', 8443, 200_000, 190])
    expect(stdout).toBe('190 of 190')
  })

  test('waits for a stream when there are none left, and gets one', async () => {
    const {stdout} = await container.run(ECHO, ['allowed.test', 8443, 1000, 400])
    expect(stdout).toBe('400 of 400')
    expect(await network.visits()).toHaveLength(400)
  })

  test('does not wait for one that is read slowly', async () => {
    const {stdout} = await container.run(SLOW, ['allowed.test', 8443])
    expect(stdout).toBe('all')
  })

  test('goes the other way, too', async () => {
    await expect(container.connect(8080)).rejects.toThrow('nothing listens at port 8080')
    const listening = container.run(LISTEN, [8080, 'from inside'])
    expect(await vi.waitUntil(() => container.connect(8080).catch(() => ''), PATIENT)).toBe(
      'from inside',
    )
    await listening
  })
})

describe('what is logged', () => {
  test('is each line once, and no more than can be read', async () => {
    const {stdout} = await container.run(LOOKUPS, [300])
    expect(stdout).toBe('300')
    const lines = await container.lines()
    expect(lines).toHaveLength(201)
    expect(new Set(lines).size).toBe(201)
    expect(lines.at(-1)).toBe('! time: more than 200 such lines in a minute: others are left out')
  })
})

describe('the network of a container', () => {
  test('has the ports of its rules, and tells its programs of the proxy', () => {
    expect(container.ports).toEqual([80, 443, 3128, 8443, 8444])
    expect(container.env).toEqual({
      HTTP_PROXY: 'http://127.0.0.1:3128',
      HTTPS_PROXY: 'http://127.0.0.1:3128',
      http_proxy: 'http://127.0.0.1:3128',
      https_proxy: 'http://127.0.0.1:3128',
      NO_PROXY: 'localhost,127.0.0.0/8,::1',
      no_proxy: 'localhost,127.0.0.0/8,::1',
    })
  })

  test('is empty without rules, and still says what was refused', async () => {
    await using closed = await network.container([])
    expect(closed.ports).toEqual([3128])
    expect((await closed.run(LOOKUP, ['allowed.test'])).stdout).toBe('ENOTFOUND')
    expect(await closed.lines()).toHaveLength(1)
  })

  test('leaves nothing behind when it ends, whatever it was doing', async () => {
    const before = await network.resources()
    await using busy = await network.container(['silent.test:8443', 'allowed.test:8443'])
    const connected = await network.resources()
    const waiting = busy.run(HELLO, ['silent.test', 8443])
    const running = busy.run(ECHO, ['allowed.test', 8443, 100_000_000, 1])
    await vi.waitUntil(async () => (await network.visits()).length > 0, PATIENT)
    await vi.waitUntil(async () => (await network.lookups()).includes('silent.test'), PATIENT)
    await busy.dispose()
    expect((await waiting).stdout).toBe('ECONNRESET')
    expect((await running).stdout).toBe('ECONNRESET')
    await vi.waitUntil(async () => (await network.resources()).length <= connected.length, PATIENT)
    expect((await busy.run(HELLO, ['127.0.0.1', 3128])).stdout).toBe('ECONNRESET')
    expect(before.length).toBeLessThan(connected.length)
  })
})

describe('createEgress', () => {
  test('answers nothing and takes nothing when it has ended', async () => {
    const egress = egressFor(1)
    const query = encode({questions: [{name: 'a.test', type: 'A'}]})
    expect(egress.answer(query)).toBeDefined()
    egress[Symbol.dispose]()
    expect(egress.answer(query)).toBeUndefined()
    const connection = new PassThrough()
    egress.accept(connection, {address: '127.0.0.1', port: 3128})
    expect(connection.destroyed).toBe(true)
  })

  test('takes as many ports as the relay has room for', () => {
    using egress = egressFor(63)
    expect(egress.ports).toHaveLength(64)
    expect(() => egressFor(64)).toThrow('has more than 63 different ports in its allowed hosts')
  })
})

describe('pinsOf', () => {
  test('reads names and addresses as rules do', () => {
    const entries = [
      {name: 'DB.local.', address: '10.0.0.5'},
      {name: 'six', address: '[2001:DB8::1]'},
      {name: 'mapped', address: '::ffff:10.0.0.6'},
      {name: 'host.docker.internal', address: 'host-gateway'},
    ]
    const pins = {'db.local': '10.0.0.5', six: '2001:db8::1', mapped: '10.0.0.6'}
    expect(Object.fromEntries(pinsOf(entries, undefined))).toEqual(pins)
    expect(Object.fromEntries(pinsOf(entries, '172.17.0.1'))).toEqual({
      ...pins,
      'host.docker.internal': '172.17.0.1',
    })
  })

  test.each([
    ['a', 'b', 'has an address that is none'],
    ['a', '127.1', 'has an address that is none'],
    ['a', 'fe80::1%eth0', 'has an address that is none'],
    ['a b', '10.0.0.5', 'has a host that is neither a name nor an address'],
  ])('refuses %j with %j', (name, address, reason) => {
    expect(() => pinsOf([{name, address}], undefined)).toThrow(new RangeError(reason))
  })
})
