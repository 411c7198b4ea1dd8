import {once} from 'node:events'
import type {Duplex} from 'node:stream'
import {setImmediate as turn} from 'node:timers/promises'
import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {creditOf, FRAME, frameOf, WINDOW} from '../../../src/lib/egress/frames.ts'
import type {FrameType} from '../../../src/lib/egress/frames.ts'
import {RelayPeer} from './relay-peer.ts'

const DONE = Buffer.of(0)
const RESET = Buffer.of(1)
const MADE = 0x80_00

/** What a stream ended with, and `undefined` when all was well. */
const endOf = async (stream: Duplex): Promise<unknown> => {
  const failed = new Promise(resolve => stream.once('error', resolve))
  return Promise.race([failed, once(stream, 'close').then(() => undefined)])
}

/** All that comes, without destroying the stream afterwards, as iterating over it would. */
const textOf = async (stream: Duplex): Promise<string> => {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(stream, 'end')
  return Buffer.concat(chunks).toString()
}

const codeOf = async (promise: Promise<unknown>): Promise<unknown> => {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return error instanceof Error && 'code' in error ? error.code : error
}

/** A peer that is ready, with a connection on stream 1. */
const connected = (): {peer: RelayPeer; stream: Duplex} => {
  const peer = new RelayPeer()
  peer.say(FRAME.ready, 0)
  return {peer, stream: peer.open(1)}
}

const bytes = (count: number): Buffer => Buffer.alloc(count, 'x')

describe('a relay', () => {
  test('is ready when it says so', async () => {
    const peer = new RelayPeer()
    peer.say(FRAME.ready, 0)
    await expect(peer.relay.ready).resolves.toBeUndefined()
  })

  test('is not ready when it is closed before', async () => {
    const peer = new RelayPeer()
    peer.relay.close(new Error('the program ended'))
    await expect(peer.relay.ready).rejects.toThrow('the program ended')
    await expect(peer.relay.connect(80)).rejects.toThrow('the program ended')
    expect(peer.faults).toEqual([])
  })

  test('tells where a program connected to', () => {
    const peer = new RelayPeer()
    peer.open(200, [127, 1, 2, 3, 0x20, 0xfb])
    expect(peer.opened[0]?.local).toEqual({address: '127.1.2.3', port: 8443})
  })

  test('carries queries and answers by the slot of who asks', () => {
    const peer = new RelayPeer()
    peer.say(FRAME.query, 0, Buffer.from('first'))
    peer.say(FRAME.query, 63, Buffer.from('second'))
    const [first, second] = peer.queries
    second?.answer(Buffer.of(2))
    first?.answer(Buffer.of(1))
    expect([first, second].map(query => query?.packet.toString())).toEqual(['first', 'second'])
    expect(peer.heard()).toEqual(['answer 63 02', 'answer 0 01'])
  })

  test('resets all connections when it is closed, and sends nothing any more', async () => {
    const {peer, stream} = connected()
    const ended = endOf(stream)
    peer.relay.close(new Error('the program ended'))
    await expect(ended).resolves.toMatchObject({message: 'the program ended'})
    peer.say(FRAME.data, 1, bytes(1))
    peer.say(FRAME.open, 2, bytes(6))
    expect(peer.heard()).toEqual([])
    expect(peer.opened).toHaveLength(1)
    expect(peer.faults).toEqual([])
    await expect(peer.relay.connect(80)).rejects.toThrow('the program ended')
  })
})

describe('a connection', () => {
  test('carries data both ways, each until its own end', async () => {
    const {peer, stream} = connected()
    peer.say(FRAME.data, 1, Buffer.from('hello '))
    peer.say(FRAME.data, 1, Buffer.from('there'))
    peer.say(FRAME.end, 1)
    expect(await textOf(stream)).toBe('hello there')
    stream.write('and ')
    stream.end('back')
    await once(stream, 'close')
    expect(peer.heard()).toEqual(['data 1 and', 'data 1 back', 'end 1', 'close 1 00'])
  })

  test('may be used again when both sides have closed it', async () => {
    const {peer, stream} = connected()
    peer.say(FRAME.end, 1)
    stream.resume()
    stream.end()
    await once(stream, 'close')
    peer.say(FRAME.close, 1, DONE)
    expect(peer.open(1)).not.toBe(stream)
    expect(peer.faults).toEqual([])
  })

  test('is read to its end also when the relay has closed it', async () => {
    const {peer, stream} = connected()
    stream.end()
    await once(stream, 'finish')
    peer.say(FRAME.data, 1, Buffer.from('left'))
    peer.say(FRAME.data, 1, Buffer.from('over'))
    peer.say(FRAME.end, 1)
    peer.say(FRAME.close, 1, DONE)
    await turn()
    expect(peer.heard()).toEqual(['end 1'])
    expect(await textOf(stream)).toBe('leftover')
    expect(peer.heard()).toEqual(['close 1 00'])
    peer.open(1)
    expect(peer.faults).toEqual([])
  })

  test('is reset when the program resets it', async () => {
    const {peer, stream} = connected()
    const ended = endOf(stream)
    peer.say(FRAME.data, 1, Buffer.from('half'))
    peer.say(FRAME.close, 1, RESET)
    await expect(ended).resolves.toMatchObject({code: 'ECONNRESET'})
    expect(peer.heard()).toEqual(['close 1 01'])
    peer.open(1)
    expect(peer.faults).toEqual([])
  })

  test('is reset by a relay that says it is done before it is', async () => {
    const {peer, stream} = connected()
    const ended = endOf(stream)
    peer.say(FRAME.end, 1)
    peer.say(FRAME.close, 1, DONE)
    await expect(ended).resolves.toMatchObject({code: 'ECONNRESET'})
  })

  test('is a reset when this side destroys it, and what still comes counts for nothing', async () => {
    const {peer, stream} = connected()
    stream.destroy()
    await once(stream, 'close')
    expect(peer.heard()).toEqual(['close 1 01'])
    peer.say(FRAME.data, 1, bytes(WINDOW))
    peer.say(FRAME.data, 1, bytes(WINDOW))
    peer.say(FRAME.credit, 1, creditOf(5))
    peer.say(FRAME.end, 1)
    peer.say(FRAME.close, 1, RESET)
    expect(peer.heard()).toEqual([])
    peer.open(1)
    expect(peer.faults).toEqual([])
  })

  test('tells who writes that it was reset', async () => {
    const {peer, stream} = connected()
    stream.write(bytes(WINDOW))
    const written = new Promise(resolve => stream.write('more', resolve))
    peer.say(FRAME.close, 1, RESET)
    await expect(written).resolves.toMatchObject({code: 'ECONNRESET'})
  })

  test('gives credit for what was read, and none before', async () => {
    const {peer, stream} = connected()
    peer.say(FRAME.data, 1, bytes(WINDOW - 1))
    peer.say(FRAME.data, 1, bytes(1))
    await turn()
    expect(peer.heard()).toEqual([])
    stream.resume()
    await turn()
    const granted = peer.heard().map(line => Buffer.from(line.replace('credit 1 ', ''), 'hex'))
    expect(granted.reduce((sum, each) => sum + each.readUInt32LE(), 0)).toBe(WINDOW)
  })

  test('gives no more credit than the relay has used', async () => {
    const {peer, stream} = connected()
    stream.resume()
    let open = WINDOW
    for (let sent = 0; sent < 40; sent += 1) {
      peer.say(FRAME.data, 1, bytes(10_000))
      open -= 10_000
      await turn()
      for (const line of peer.heard()) {
        open += Buffer.from(line.replace('credit 1 ', ''), 'hex').readUInt32LE()
      }
      expect(open).toBeGreaterThanOrEqual(WINDOW / 2)
      expect(open).toBeLessThanOrEqual(WINDOW)
    }
  })

  test('sends no more than there is credit for', async () => {
    const {peer, stream} = connected()
    const written = new Promise(resolve => stream.write(bytes(WINDOW + 70_000), resolve))
    expect(peer.heardSizes()).toEqual([WINDOW])
    peer.say(FRAME.credit, 1, creditOf(1))
    expect(peer.heardSizes()).toEqual([1])
    peer.say(FRAME.credit, 1, creditOf(WINDOW))
    peer.say(FRAME.credit, 1, creditOf(10_000))
    expect(peer.heardSizes()).toEqual([WINDOW, 70_000 - WINDOW - 1])
    await written
    expect(stream.writableLength).toBe(0)
  })

  test('does not wait for another one', async () => {
    const {peer, stream: stuck} = connected()
    const other = peer.open(2)
    stuck.write(bytes(WINDOW * 2))
    peer.say(FRAME.data, 1, bytes(WINDOW))
    peer.heard()
    peer.say(FRAME.data, 2, Buffer.from('ping'))
    peer.say(FRAME.end, 2)
    expect(await textOf(other)).toBe('ping')
    other.end('pong')
    await once(other, 'close')
    expect(peer.heard()).toEqual(['data 2 pong', 'end 2', 'close 2 00'])
  })

  test('keeps together what comes in small pieces, and nobody reads', async () => {
    const {peer, stream} = connected()
    stream.read(0)
    for (let sent = 0; sent < 50; sent += 1) {
      peer.say(FRAME.data, 1, bytes(1))
      await turn()
    }
    expect(stream.readableLength).toBe(1)
    const pieces: number[] = []
    stream.on('data', (piece: Buffer) => pieces.push(piece.length))
    await turn()
    expect(pieces).toEqual([1, 49])
  })

  test('holds what nobody reads in as many bytes as came, in however small pieces', () => {
    const peer = new RelayPeer()
    const streams = Array.from({length: 16}, (_, index) => index + 1)
    for (const stream of streams) peer.open(stream)
    const before = process.memoryUsage()
    const many = Buffer.concat(
      streams.flatMap(stream =>
        Array.from({length: 1024}, () => frameOf(FRAME.data, stream, bytes(1))),
      ),
    )
    for (let sent = 0; sent < WINDOW; sent += 1024) peer.relay.receive(Buffer.from(many))
    const after = process.memoryUsage()
    expect(peer.faults).toEqual([])
    // A million pieces of one byte each would take more than 100 MB.
    expect(after.heapUsed - before.heapUsed + after.external - before.external).toBeLessThan(40e6)
  })
})

describe('the way in', () => {
  test('is a connection to a port inside', async () => {
    const peer = new RelayPeer()
    peer.say(FRAME.ready, 0)
    const connecting = peer.relay.connect(8080)
    await turn()
    expect(peer.heard()).toEqual(['connect 32768 901f'])
    peer.say(FRAME.connected, MADE)
    const stream = await connecting
    stream.write('GET')
    peer.say(FRAME.data, MADE, Buffer.from('200'))
    const [answer] = await once(stream, 'data')
    expect(String(answer)).toBe('200')
    expect(peer.heard()).toEqual(['data 32768 GET'])
  })

  test('is refused where nothing listens', async () => {
    const {peer} = connected()
    const connecting = peer.relay.connect(8080)
    await turn()
    peer.say(FRAME.close, MADE, RESET)
    await expect(connecting).rejects.toThrow('nothing listens at port 8080 inside the container')
    expect(await codeOf(connecting)).toBe('ECONNREFUSED')
    expect(peer.heard()).toEqual(['connect 32768 901f', 'close 32768 01'])
  })

  test('waits until the relay is ready', async () => {
    const peer = new RelayPeer()
    const connecting = peer.relay.connect(80)
    await turn()
    expect(peer.heard()).toEqual([])
    peer.say(FRAME.ready, 0)
    await turn()
    expect(peer.heard()).toEqual(['connect 32768 5000'])
    peer.relay.close(new Error('over'))
    await expect(connecting).rejects.toThrow('over')
  })

  test('can be given up, and its number is used again when the relay has given it up, too', async () => {
    const {peer} = connected()
    const giveUp = new AbortController()
    const connecting = peer.relay.connect(80, giveUp.signal)
    await turn()
    giveUp.abort()
    await expect(connecting).rejects.toMatchObject({name: 'AbortError'})
    peer.say(FRAME.connected, MADE)
    const second = peer.relay.connect(81)
    await turn()
    peer.say(FRAME.close, MADE, RESET)
    const third = peer.relay.connect(82)
    await turn()
    expect(peer.heard()).toEqual([
      'connect 32768 5000',
      'close 32768 01',
      'connect 32769 5100',
      'connect 32768 5200',
    ])
    peer.relay.close()
    await Promise.allSettled([second, third])
  })

  test('waits when 56 are taken, and ends when the relay does', async () => {
    const {peer} = connected()
    const ending = Promise.allSettled(Array.from({length: 58}, () => peer.relay.connect(80)))
    await turn()
    expect(peer.heard()).toHaveLength(56)
    peer.say(FRAME.close, MADE + 3, RESET)
    await turn()
    expect(peer.heard()).toEqual(['close 32771 01', 'connect 32771 5000'])
    peer.relay.close(new Error('over'))
    const ends = await ending
    expect(
      ends.filter(end => end.status === 'rejected' && end.reason.message === 'over'),
    ).toHaveLength(57)
  })
})

describe('a hostile relay', () => {
  const frames: readonly [string, ...(readonly [FrameType, number, Buffer?])[]][] = [
    ['READY twice', [FRAME.ready, 0]],
    ['READY of a stream', [FRAME.ready, 1]],
    ['READY with more', [FRAME.ready, 0, bytes(1)]],
    ['OPEN of stream 0', [FRAME.open, 0, bytes(6)]],
    ['OPEN of stream 201', [FRAME.open, 201, bytes(6)]],
    ['OPEN of a stream of ours', [FRAME.open, MADE, bytes(6)]],
    ['OPEN of what is open', [FRAME.open, 1, bytes(6)]],
    ['OPEN without an address', [FRAME.open, 2]],
    ['OPEN of what only one side closed', [FRAME.end, 2], [FRAME.open, 1, bytes(6)]],
    ['DATA without any', [FRAME.data, 1]],
    ['DATA beyond its credit', [FRAME.data, 1, bytes(WINDOW)], [FRAME.data, 1, bytes(1)]],
    ['DATA behind END', [FRAME.end, 1], [FRAME.data, 1, bytes(1)]],
    ['END twice', [FRAME.end, 1], [FRAME.end, 1]],
    ['END with more', [FRAME.end, 1, bytes(1)]],
    ['CLOSE without a reason', [FRAME.close, 1]],
    ['CLOSE with another reason', [FRAME.close, 1, Buffer.of(2)]],
    ['CLOSE with two reasons', [FRAME.close, 1, bytes(2)]],
    ['CREDIT that nobody needs', [FRAME.credit, 1, creditOf(1)]],
    ['CREDIT without an amount', [FRAME.credit, 1]],
    ['CREDIT of another size', [FRAME.credit, 1, bytes(8)]],
    ['CONNECTED of its own stream', [FRAME.connected, 1]],
    ['CONNECT', [FRAME.connect, 1, bytes(2)]],
    ['ANSWER', [FRAME.answer, 1, bytes(2)]],
    ['QUERY of slot 1024', [FRAME.query, 1024, bytes(12)]],
    ['QUERY without a packet', [FRAME.query, 0]],
    ['QUERY of 1501 bytes', [FRAME.query, 0, bytes(1501)]],
  ]
  test.each(frames)('is not talked to after %s', async (_name, ...sent) => {
    const {peer, stream} = connected()
    const ended = endOf(stream)
    for (const frame of sent) peer.say(...frame)
    expect(peer.faults).toHaveLength(1)
    await expect(ended).resolves.toBe(peer.faults[0])
    peer.heard()
    peer.say(FRAME.query, 0, bytes(12))
    peer.say(FRAME.close, 1)
    expect(peer.queries).toEqual([])
    expect(peer.heard()).toEqual([])
    expect(peer.faults).toHaveLength(1)
  })

  test('is not talked to when it goes on behind its end', async () => {
    const {peer, stream} = connected()
    stream.end()
    await once(stream, 'finish')
    peer.say(FRAME.data, 1, bytes(1))
    peer.say(FRAME.end, 1)
    peer.say(FRAME.close, 1, DONE)
    peer.say(FRAME.close, 1, DONE)
    expect(peer.faults).toHaveLength(1)
  })

  test.each([
    ['data', FRAME.data, bytes(1)],
    ['an end', FRAME.end, undefined],
    ['credit', FRAME.credit, creditOf(1)],
    ['a connection with more', FRAME.connected, bytes(1)],
  ])('is not talked to when %s comes before a connection stands', async (_name, type, payload) => {
    const {peer} = connected()
    const connecting = peer.relay.connect(80)
    await turn()
    peer.say(type, MADE, payload)
    expect(peer.faults).toHaveLength(1)
    await expect(connecting).rejects.toBe(peer.faults[0])
  })

  test('is not talked to when it asks and never reads the answers', () => {
    const {peer} = connected()
    peer.unsent = 42e6
    peer.say(FRAME.query, 0, bytes(12))
    peer.queries[0]?.answer(bytes(40))
    expect(peer.faults).toMatchObject([{message: 'the relay in the container does not read'}])
  })

  test('may send frames for streams that do not exist', () => {
    const {peer} = connected()
    for (const type of [FRAME.data, FRAME.end, FRAME.close, FRAME.credit, FRAME.connected]) {
      peer.say(type, 7, bytes(1))
      peer.say(type, MADE + 56, bytes(1))
    }
    expect(peer.faults).toEqual([])
    expect(peer.heard()).toEqual([])
  })

  test('makes one error of whatever it sends, and is silent after it', () => {
    const type = fc.constantFrom(...Object.values(FRAME))
    const stream = fc.constantFrom(0, 1, 2, 200, MADE)
    const payload = fc.oneof(
      fc.constantFrom(Buffer.alloc(0), DONE, RESET, creditOf(1), bytes(6)),
      fc.uint8Array({maxLength: 30}).map(each => Buffer.from(each)),
    )
    const frame = fc.tuple(type, stream, payload).map(each => frameOf(...each))
    const junk = fc.uint8Array({maxLength: 30}).map(each => Buffer.from(each))
    fc.assert(
      fc.property(fc.array(fc.oneof({weight: 9, arbitrary: frame}, junk), {maxLength: 40}), all => {
        const peer = new RelayPeer()
        for (const chunk of all) {
          const isOver = peer.faults.length > 0
          peer.heard()
          peer.relay.receive(chunk)
          for (const {connection} of peer.opened.slice(-1)) connection.write('x')
          expect(isOver && peer.heard().length > 0).toBe(false)
        }
        expect(peer.faults.length).toBeLessThanOrEqual(1)
        peer.relay.close()
      }),
      {numRuns: 500},
    )
  })
})
