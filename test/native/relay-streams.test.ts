import {createHash} from 'node:crypto'
import {once} from 'node:events'
import type {Socket} from 'node:net'

import {describe, expect, test} from 'vitest'

import {quietPorts} from '../support/quiet-ports.ts'
import {builds, isLinux, own, type Build} from './builds.ts'
import {
  CLOSE,
  CONNECT,
  CONNECTED,
  credit,
  CREDIT,
  DATA,
  dial,
  DONE,
  END,
  MADE,
  MADE_STREAMS,
  OPEN,
  readBytes,
  READY,
  RESET,
  serverInside,
  startRelay,
  STREAMS,
  toPort,
  untilEnd,
  WINDOW,
  type Relay,
} from './relay-process.ts'

/** A relay with one port that is ready. */
async function ready(build: Build): Promise<{relay: Relay; port: number}> {
  const [port = 0] = await quietPorts(1)
  const relay = startRelay(build, [port])
  await relay.frame(READY, 0)
  return {relay, port}
}

/** What a program sees of a connection that is gone. */
async function errorOf(socket: Socket): Promise<string | undefined> {
  socket.resume()
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
  return error.code
}

/** All that arrives for the gateway until that many bytes are there. */
async function dataOf(relay: Relay, stream: number, count: number): Promise<Buffer> {
  let data = Buffer.alloc(0)
  while (data.length < count) data = Buffer.concat([data, await relay.frame(DATA, stream)])
  return data
}

describe.runIf(isLinux).each(builds)('a stream of the relay ($name)', build => {
  test('is opened for each connection, with the address that was asked for', async () => {
    const ports = await quietPorts(3)
    await using relay = startRelay(build, ports)
    expect(await relay.frame(READY, 0)).toEqual(Buffer.alloc(0))
    for (const [index, port] of ports.entries()) {
      const host = `127.1.${index}.7`
      await dial(port, host)
      const opened = await relay.frame(OPEN, index + 1)
      expect([...opened.subarray(0, 4)].join('.')).toBe(host)
      expect(opened.readUInt16BE(4)).toBe(port)
    }
  })

  test('carries data both ways', async () => {
    const {relay, port} = await ready(build)
    await using _ = relay
    const socket = await dial(port)
    await relay.frame(OPEN, 1)
    socket.write('from the program')
    expect(String(await relay.frame(DATA, 1))).toBe('from the program')
    relay.send(DATA, 1, Buffer.from('from '))
    relay.send(DATA, 1, Buffer.from('the gateway'))
    expect(String(await readBytes(socket, 16))).toBe('from the gateway')
  })

  test('takes frames that come in pieces', async () => {
    const {relay, port} = await ready(build)
    await using _ = relay
    const socket = await dial(port)
    await relay.frame(OPEN, 1)
    for (const byte of Buffer.from([3, 0, 1, 0, 2, 0, 0, 0, 104, 105])) {
      await new Promise(resolve => relay.child.stdin!.write(Buffer.of(byte), resolve))
    }
    expect(String(await readBytes(socket, 2))).toBe('hi')
  })

  test('lives on after the program has ended its half', async () => {
    const {relay, port} = await ready(build)
    await using _ = relay
    const socket = await dial(port)
    socket.end('a question')
    await relay.frame(OPEN, 1)
    expect(String(await relay.frame(DATA, 1))).toBe('a question')
    expect(await relay.frame(END, 1)).toEqual(Buffer.alloc(0))
    relay.send(DATA, 1, Buffer.from('an answer'))
    relay.send(END, 1)
    expect(String(await readBytes(socket, 9))).toBe('an answer')
    await untilEnd(socket)
    expect(await relay.frame(CLOSE, 1)).toEqual(DONE)
  })

  test('lives on after the gateway has ended its half', async () => {
    const {relay, port} = await ready(build)
    await using _ = relay
    const socket = await dial(port)
    await relay.frame(OPEN, 1)
    relay.send(END, 1)
    await untilEnd(socket)
    socket.end('more')
    expect(String(await relay.frame(DATA, 1))).toBe('more')
    await relay.frame(END, 1)
    expect(await relay.frame(CLOSE, 1)).toEqual(DONE)
  })

  test('is reset when the program resets it', async () => {
    const {relay, port} = await ready(build)
    await using _ = relay
    const socket = await dial(port)
    await relay.frame(OPEN, 1)
    socket.resetAndDestroy()
    expect(await relay.frame(CLOSE, 1)).toEqual(RESET)
    expect(relay.waiting()).toEqual([])
  })

  test('is reset when the program is gone that had ended its half', async () => {
    const {relay, port} = await ready(build)
    await using _ = relay
    const socket = await dial(port)
    socket.end()
    await relay.frame(END, 1)
    socket.resetAndDestroy()
    expect(await relay.frame(CLOSE, 1)).toEqual(RESET)
  })

  test('is reset when the gateway resets it', async () => {
    const {relay, port} = await ready(build)
    await using _ = relay
    const socket = await dial(port)
    await relay.frame(OPEN, 1)
    relay.send(CLOSE, 1, RESET)
    expect(await errorOf(socket)).toBe('ECONNRESET')
    await relay.frame(CLOSE, 1)
  })

  test('is closed only after the program has had everything', async () => {
    const {relay, port} = await ready(build)
    await using _ = relay
    const socket = await dial(port)
    await relay.frame(OPEN, 1)
    const sent = await fill(relay, 1, async () => roundTrip(relay, port))
    relay.send(CLOSE, 1, DONE)
    const received = await readBytes(socket, sent)
    expect(received.every((byte, index) => byte === patternAt(index))).toBe(true)
    await untilEnd(socket)
    expect(await relay.frame(CLOSE, 1)).toEqual(DONE)
  })

  test('takes no more from a program than the gateway has given credit for', async () => {
    const {relay, port} = await ready(build)
    await using _ = relay
    const greedy = await dial(port)
    await relay.frame(OPEN, 1)
    const all = Buffer.alloc(1_000_000, 'greedy')
    greedy.write(all)
    const first = await dataOf(relay, 1, WINDOW)
    await roundTrip(relay, port)
    expect(relay.waiting()).toEqual([])
    relay.send(CREDIT, 1, credit(1))
    expect(await relay.frame(DATA, 1)).toHaveLength(1)
    relay.send(CREDIT, 1, credit(2_000_000))
    const rest = await dataOf(relay, 1, all.length - WINDOW - 1)
    expect(first.equals(all.subarray(0, WINDOW))).toBe(true)
    expect(rest.equals(all.subarray(WINDOW + 1))).toBe(true)
  })

  test('that is not read from does not stop others', async () => {
    const {relay, port} = await ready(build)
    await using _ = relay
    const slow = await dial(port)
    await relay.frame(OPEN, 1)
    const sent = await fill(relay, 1, async () => roundTrip(relay, port))
    expect(sent).toBeGreaterThan(WINDOW)
    const received = await readBytes(slow, sent)
    expect(received.every((byte, index) => byte === patternAt(index))).toBe(true)
    // What was read has been given back, so that more can be sent.
    await relay.frame(CREDIT, 1)
  })

  test.each([
    ['DATA', DATA, Buffer.of(0)],
    ['END', END, Buffer.alloc(0)],
    ['CREDIT', CREDIT, credit(1)],
    ['CLOSE', CLOSE, DONE],
  ])('takes no %s any more after CLOSE', async (_name, type, payload) => {
    const {relay, port} = await ready(build)
    await using _ = relay
    await dial(port)
    await relay.frame(OPEN, 1)
    await fill(relay, 1, async () => roundTrip(relay, port))
    relay.send(CLOSE, 1, DONE)
    relay.send(type, 1, payload)
    const stderr = 'relay: the gateway sent a frame that breaks the rules\n'
    expect(await relay.ended()).toEqual({code: 1, signal: null, stderr})
  })

  test('has its number back only when both sides have closed it', async () => {
    const {relay, port} = await ready(build)
    await using _ = relay
    const first = await dial(port)
    await relay.frame(OPEN, 1)
    first.resetAndDestroy()
    expect(await relay.frame(CLOSE, 1)).toEqual(RESET)
    const second = await dial(port)
    await relay.frame(OPEN, 2)
    // Still under way when the stream was closed; none of it is for the next with that number.
    relay.send(DATA, 1, Buffer.from('late'))
    relay.send(CREDIT, 1, credit(1))
    relay.send(END, 1)
    relay.send(CLOSE, 1, DONE)
    relay.send(CLOSE, 2, RESET)
    expect(await errorOf(second)).toBe('ECONNRESET')
    await relay.frame(CLOSE, 2)
    const third = await dial(port)
    await relay.frame(OPEN, 1)
    relay.send(DATA, 1, Buffer.from('new'))
    expect(String(await readBytes(third, 3))).toBe('new')
  })

  test(`waits when ${STREAMS} are open`, async () => {
    const {relay, port} = await ready(build)
    await using _ = relay
    const sockets = []
    for (let stream = 1; stream <= STREAMS; stream++) {
      sockets.push(await dial(port))
      await relay.frame(OPEN, stream)
    }
    sockets.push(await dial(port))
    relay.send(DATA, 150, Buffer.from('on'))
    expect(String(await readBytes(sockets[149]!, 2))).toBe('on')
    expect(relay.waiting()).toEqual([])
    relay.send(CLOSE, 77, DONE)
    expect(await relay.frame(CLOSE, 77)).toEqual(DONE)
    await relay.frame(OPEN, 77)
  })

  test('is ended with the relay', async () => {
    const {relay, port} = await ready(build)
    await using _ = relay
    const socket = await dial(port)
    await relay.frame(OPEN, 1)
    relay.end()
    await untilEnd(socket)
    expect(await relay.ended()).toEqual({code: 0, signal: null, stderr: ''})
  })
})

describe.runIf(isLinux).each(builds)('the way in through the relay ($name)', build => {
  test('leads to what listens inside', async () => {
    using inside = await serverInside()
    await using relay = startRelay(build, [])
    relay.send(CONNECT, MADE, toPort(inside.port))
    await relay.frame(CONNECTED, MADE)
    const socket = await inside.connection
    relay.send(DATA, MADE, Buffer.from('question'))
    relay.send(END, MADE)
    expect(String(await readBytes(socket, 8))).toBe('question')
    await untilEnd(socket)
    socket.end('answer')
    expect(String(await relay.frame(DATA, MADE))).toBe('answer')
    await relay.frame(END, MADE)
    expect(await relay.frame(CLOSE, MADE)).toEqual(DONE)
  })

  test('may be used before it is there', async () => {
    using inside = await serverInside()
    await using relay = startRelay(build, [])
    relay.send(CONNECT, MADE, toPort(inside.port))
    relay.send(DATA, MADE, Buffer.from('early'))
    relay.send(END, MADE)
    const socket = await inside.connection
    expect(String(await readBytes(socket, 5))).toBe('early')
    await untilEnd(socket)
    await relay.frame(CONNECTED, MADE)
  })

  test('is closed where nothing listens, and may be tried again', async () => {
    const [port = 0] = await quietPorts(1)
    await using relay = startRelay(build, [])
    for (let i = 0; i < 3; i++) {
      relay.send(CONNECT, MADE, toPort(port))
      expect(await relay.frame(CLOSE, MADE)).toEqual(RESET)
      relay.send(CLOSE, MADE, DONE)
    }
    relay.send(CONNECT, MADE + 1, toPort(0))
    expect(await relay.frame(CLOSE, MADE + 1)).toEqual(RESET)
  })

  test('may be given up before it is there', async () => {
    using inside = await serverInside()
    await using relay = startRelay(build, [])
    relay.send(CONNECT, MADE, toPort(inside.port))
    relay.send(CLOSE, MADE, RESET)
    await relay.frame(CLOSE, MADE)
    relay.send(CONNECT, MADE, toPort(inside.port))
    await relay.frame(CONNECTED, MADE)
  })

  test(`is open ${MADE_STREAMS} times at once`, async () => {
    using inside = await serverInside()
    await using relay = startRelay(build, [])
    const streams = Array.from({length: MADE_STREAMS}, (_, index) => MADE + index)
    for (const stream of streams) relay.send(CONNECT, stream, toPort(inside.port))
    for (const stream of streams) await relay.frame(CONNECTED, stream)
  })

  test('leads to the relay’s own port, too', async () => {
    const {relay, port} = await ready(build)
    await using _ = relay
    relay.send(CONNECT, MADE, toPort(port))
    await relay.frame(CONNECTED, MADE)
    await relay.frame(OPEN, 1)
    relay.send(DATA, 1, Buffer.from('out'))
    expect(String(await relay.frame(DATA, MADE))).toBe('out')
  })
})

describe.runIf(isLinux).each(builds)('much data through the relay ($name)', build => {
  test('arrives as it was, both ways at once', async () => {
    const length = build === own ? 100_000_000 : 10_000_000
    const {relay, port} = await ready(build)
    await using _ = relay
    echo(relay)
    const socket = await dial(port)
    const sent = createHash('sha256')
    const received = createHash('sha256')
    let count = 0
    socket.on('data', chunk => {
      received.update(chunk)
      count += chunk.length
    })
    for (let at = 0; at < length; at += 1_000_000) {
      const chunk = Buffer.alloc(1_000_000, `chunk ${at} `)
      sent.update(chunk)
      if (!socket.write(chunk)) await once(socket, 'drain')
    }
    socket.end()
    await once(socket, 'end')
    expect(count).toBe(length)
    expect(received.digest('hex')).toBe(sent.digest('hex'))
  })
})

/** Sends back what comes, with credit for what was sent back. */
function echo(relay: Relay): void {
  let window = WINDOW
  let pending = Buffer.alloc(0)
  let hasEnd = false
  const flush = () => {
    while (pending.length > 0 && window > 0) {
      const chunk = pending.subarray(0, Math.min(window, WINDOW))
      relay.send(DATA, 1, chunk)
      relay.send(CREDIT, 1, credit(chunk.length))
      window -= chunk.length
      pending = pending.subarray(chunk.length)
    }
    if (hasEnd && pending.length === 0) relay.send(END, 1)
  }
  relay.each(({type, payload}) => {
    if (type === DATA) pending = Buffer.concat([pending, payload])
    if (type === CREDIT) window += payload.readUInt32LE()
    if (type === END) hasEnd = true
    if (type === DATA || type === CREDIT || type === END) flush()
  })
}

/** A byte that tells where in a stream it belongs. */
function patternAt(index: number): number {
  return (index * 7 + (index >> 8)) & 255
}

/** Sends all that a stream has credit for, until there comes no more while others go round; gives how much that was. */
async function fill(relay: Relay, stream: number, others: () => Promise<void>): Promise<number> {
  let sent = 0
  for (let window = WINDOW; window > 0; ) {
    const payload = Buffer.from(Array.from({length: window}, (_, i) => patternAt(sent + i)))
    relay.send(DATA, stream, payload)
    sent += window
    window = 0
    await others()
    while (relay.waiting().some(frame => frame.type === CREDIT && frame.stream === stream))
      window += (await relay.frame(CREDIT, stream)).readUInt32LE()
    window = Math.min(window, WINDOW)
  }
  return sent
}

/** Another connection does something and is closed again. */
async function roundTrip(relay: Relay, port: number): Promise<void> {
  const socket = await dial(port)
  await relay.frame(OPEN, 2)
  relay.send(DATA, 2, Buffer.from('ping'))
  expect(String(await readBytes(socket, 4))).toBe('ping')
  socket.write('pong')
  expect(String(await relay.frame(DATA, 2))).toBe('pong')
  relay.send(CLOSE, 2, DONE)
  expect(await relay.frame(CLOSE, 2)).toEqual(DONE)
}
