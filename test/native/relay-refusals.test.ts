import {createServer} from 'node:net'
import {once} from 'node:events'

import {describe, expect, test} from 'vitest'

import {quietPorts} from '../support/quiet-ports.ts'
import {builds, isLinux} from './builds.ts'
import {
  ANSWER,
  CLOSE,
  CONNECT,
  CONNECTED,
  CREDIT,
  credit,
  DATA,
  dial,
  DONE,
  END,
  frameOf,
  MADE,
  MADE_STREAMS,
  OPEN,
  QUERY,
  READY,
  RESET,
  startRelay,
  STREAMS,
  toPort,
  WINDOW,
} from './relay-process.ts'

const FAULT = {
  code: 1,
  signal: null,
  stderr: 'relay: the gateway sent a frame that breaks the rules\n',
}
const USAGE = {
  code: 1,
  signal: null,
  stderr: 'relay: usage: relay [-d] PORT..., at most 64 of them\n',
}
const byte = Buffer.of(0)

/** A header alone: type, the byte that is zero, stream and length. */
function header(type: number, zero: number, stream: number, length: number): Buffer {
  const bytes = Buffer.of(type, zero, 0, 0, 0, 0, 0, 0)
  bytes.writeUInt16LE(stream, 2)
  bytes.writeUInt32LE(length, 4)
  return bytes
}

/** Frames that no gateway may send, whatever went before. */
const NEVER_ALLOWED: readonly (readonly [what: string, bytes: Buffer])[] = [
  ['type 0', frameOf(0, 1)],
  ['type 11', frameOf(11, 1)],
  ['type 255', frameOf(255, 1)],
  ['READY', frameOf(READY, 0)],
  ['OPEN', frameOf(OPEN, 1, Buffer.alloc(6))],
  ['CONNECTED', frameOf(CONNECTED, MADE)],
  ['QUERY', frameOf(QUERY, 0, byte)],
  ['a second byte that is not zero', header(DATA, 1, 1, 1)],
  ['more than a frame may hold', header(DATA, 0, 1, WINDOW + 1)],
  ['the greatest length', header(DATA, 0, 1, 0xffffffff)],
  ['stream 0', frameOf(DATA, 0, byte)],
  ['the stream behind the last', frameOf(DATA, STREAMS + 1, byte)],
  ['the stream before the gateway’s', frameOf(DATA, MADE - 1, byte)],
  ['the stream behind the gateway’s', frameOf(DATA, MADE + MADE_STREAMS, byte)],
  ['the greatest stream', frameOf(CLOSE, 0xffff, DONE)],
  ['CONNECT without a port', frameOf(CONNECT, MADE)],
  ['CONNECT with more than a port', frameOf(CONNECT, MADE, Buffer.alloc(3))],
  ['CONNECT on a stream of the relay', frameOf(CONNECT, 1, toPort(80))],
  ['CONNECT twice', Buffer.concat(Array(2).fill(frameOf(CONNECT, MADE, toPort(0))))],
  ['ANSWER to nobody', frameOf(ANSWER, 0, byte)],
]

/** Frames that a gateway may not send for a stream that is open. */
const NOT_ALLOWED: readonly {
  what: string
  frames: readonly (readonly [type: number, payload?: Buffer])[]
}[] = [
  {what: 'DATA without data', frames: [[DATA]]},
  // What was passed on is given back in portions, and these 20000 bytes alone are none.
  {
    what: 'DATA beyond the credit',
    frames: [
      [DATA, Buffer.alloc(20_000)],
      [DATA, Buffer.alloc(50_000)],
    ],
  },
  {what: 'DATA after END', frames: [[END], [DATA, byte]]},
  {what: 'END with a payload', frames: [[END, byte]]},
  {what: 'END twice', frames: [[END], [END]]},
  {what: 'CREDIT without a number', frames: [[CREDIT]]},
  {what: 'CREDIT with too short a number', frames: [[CREDIT, Buffer.alloc(3)]]},
  {what: 'CREDIT beyond all measure', frames: [[CREDIT, credit(0x7fffffff)]]},
  {
    what: 'CREDIT that goes around',
    frames: [
      [CREDIT, credit(0x7ffe0000)],
      [CREDIT, credit(0xffffffff)],
    ],
  },
  {what: 'CLOSE without a reason', frames: [[CLOSE]]},
  {what: 'CLOSE for another reason', frames: [[CLOSE, Buffer.of(2)]]},
  {what: 'CLOSE with two reasons', frames: [[CLOSE, Buffer.alloc(2)]]},
]

describe.runIf(isLinux).each(builds)('what a relay refuses ($name)', build => {
  test.each(NEVER_ALLOWED)('%s', async (_what, bytes) => {
    await using relay = startRelay(build, [])
    await relay.frame(READY, 0)
    relay.write(bytes)
    expect(await relay.ended()).toEqual(FAULT)
  })

  test.each(NOT_ALLOWED)('$what, for a stream that is open', async ({frames}) => {
    const [port = 0] = await quietPorts(1)
    await using relay = startRelay(build, [port])
    await relay.frame(READY, 0)
    await dial(port)
    await relay.frame(OPEN, 1)
    // In one write, so that no credit can be given back between them.
    relay.write(Buffer.concat(frames.map(([type, payload]) => frameOf(type, 1, payload))))
    expect(await relay.ended()).toEqual(FAULT)
  })

  test('no frame for a stream that was never opened, and none that it has closed', async () => {
    const [port = 0] = await quietPorts(1)
    await using relay = startRelay(build, [])
    const late = [frameOf(DATA, MADE, byte), frameOf(END, MADE), frameOf(CREDIT, MADE, credit(1))]
    relay.write(Buffer.concat([...late, frameOf(CLOSE, MADE, DONE), frameOf(DATA, 7, byte)]))
    relay.send(CONNECT, MADE, toPort(port))
    expect(await relay.frame(CLOSE, MADE)).toEqual(RESET)
    relay.write(Buffer.concat([...late, frameOf(CLOSE, MADE, DONE)]))
    relay.send(CONNECT, MADE, toPort(port))
    expect(await relay.frame(CLOSE, MADE)).toEqual(RESET)
    relay.end()
    expect(await relay.ended()).toEqual({code: 0, signal: null, stderr: ''})
  })

  test('a port that is taken', async () => {
    const server = createServer().listen(0, '0.0.0.0')
    await once(server, 'listening')
    try {
      const {port} = server.address() as {port: number}
      await using relay = startRelay(build, [port])
      const stderr = `relay: port ${port} is taken\n`
      expect(await relay.ended()).toEqual({code: 1, signal: null, stderr})
      expect(relay.waiting()).toEqual([])
    } finally {
      server.close()
    }
  })

  test('a port that is named twice', async () => {
    const [port = 0] = await quietPorts(1)
    await using relay = startRelay(build, [port, port])
    expect((await relay.ended()).stderr).toBe(`relay: port ${port} is taken\n`)
  })

  test.each([
    ['0'],
    ['65536'],
    ['-1'],
    ['x'],
    [''],
    ['80x'],
    ['99999999999999999999'],
    ['-x'],
    ['--'],
  ])('the argument %j', async argument => {
    await using relay = startRelay(build, [argument])
    expect(await relay.ended()).toEqual(USAGE)
  })

  test('more than 64 ports', async () => {
    const ports = await quietPorts(65)
    {
      await using relay = startRelay(build, ports.slice(1))
      await relay.frame(READY, 0)
      await dial(ports.at(-1)!)
      await relay.frame(OPEN, 1)
    }
    await using relay = startRelay(build, ports)
    expect(await relay.ended()).toEqual(USAGE)
  })

  test('to go on when nobody reads its frames', async () => {
    const [port = 0] = await quietPorts(1)
    await using relay = startRelay(build, [port])
    await relay.frame(READY, 0)
    relay.child.stdout!.destroy()
    await dial(port)
    const stderr = 'relay: the gateway does not read any more\n'
    expect(await relay.ended()).toEqual({code: 1, signal: null, stderr})
  })

  test('to go on with too few files', async () => {
    const limited = ['sh', '-c', 'ulimit -n 64; exec "$0" "$@"']
    await using relay = startRelay(build, [], limited)
    const stderr = 'relay: it may not open enough files\n'
    expect(await relay.ended()).toEqual({code: 1, signal: null, stderr})
  })

  test('nothing when stdin ends in the middle of a frame', async () => {
    await using relay = startRelay(build, [])
    relay.write(header(DATA, 0, 1, 1))
    relay.end()
    expect(await relay.ended()).toEqual({code: 0, signal: null, stderr: ''})
  })
})
