import {spawn} from 'node:child_process'
import {once} from 'node:events'

import {describe, expect, test} from 'vitest'

import {builds, isLinux, isRoot, type Build} from './builds.ts'
import {ANSWER, QUERY, READY, startRelay, type Relay} from './relay-process.ts'

const DATAGRAM_MAX = 1500
const SLOTS = 1024
/** Queries that are sent without a look at what became of them. */
const BATCH = 64
/** A network namespace of its own, in which the loopback works. */
const NAMESPACE = ['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$0" "$@"']

/** Sends each line of stdin, from the socket that it names first, and prints what comes back to which. */
const ASKING = `
  import {createSocket} from 'node:dgram'
  import {createInterface} from 'node:readline'
  const sockets = new Map()
  const open = async name => {
    const socket = createSocket('udp4')
    socket.on('message', (bytes, {address, port}) =>
      console.log(name + ' got ' + bytes + ' from ' + address + ':' + port))
    await new Promise(done => socket.bind(0, done))
    sockets.set(name, socket)
    return socket
  }
  for await (const line of createInterface({input: process.stdin})) {
    const [name] = line.split(' ', 1)
    const socket = sockets.get(name) ?? await open(name)
    await new Promise(done => socket.send(line.slice(name.length + 1), 53, '127.0.0.53', done))
  }`

/** A program in the relay's namespace that asks. */
interface Asker extends AsyncDisposable {
  /** Sends a datagram, from a new socket unless one is named. */
  ask(text: string, socket?: string): void
  /** The next answer that arrives, whoever it is for. */
  answer(): Promise<string>
  /** So many answers, in no particular order: that in which sockets are looked at is nobody's promise. */
  answers(count: number): Promise<readonly string[]>
}

function startAsker(relay: Relay): Asker {
  const place = `--net=/proc/${relay.child.pid}/ns/net`
  const script = [process.execPath, '--input-type=module', '-e', ASKING]
  const child = spawn('nsenter', [place, ...script], {stdio: ['pipe', 'pipe', 'inherit']})
  let lines = ''
  child.stdout.on('data', chunk => (lines += chunk))
  const answer = async (): Promise<string> => {
    while (!lines.includes('\n')) await once(child.stdout, 'data')
    const [line = ''] = lines.split('\n', 1)
    lines = lines.slice(line.length + 1)
    return line
  }
  let count = 0
  return {
    ask: (text, socket = String(count++)) => void child.stdin.write(`${socket} ${text}\n`),
    answer,
    answers: async number => {
      const found: string[] = []
      while (found.length < number) found.push(await answer())
      return found.toSorted()
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await once(child, 'close')
    },
  }
}

async function ready(build: Build): Promise<Relay> {
  const relay = startRelay(build, ['-d'], NAMESPACE)
  await relay.frame(READY, 0)
  return relay
}

describe.runIf(isLinux && isRoot).each(builds)('DNS through the relay ($name)', build => {
  test('takes a query to the gateway and the answer back', async () => {
    await using relay = await ready(build)
    await using asker = startAsker(relay)
    asker.ask('who is it?')
    expect(String(await relay.frame(QUERY, 0))).toBe('who is it?')
    relay.send(ANSWER, 0, Buffer.from('it is me'))
    expect(await asker.answer()).toBe('0 got it is me from 127.0.0.53:53')
  })

  test('tells askers apart', async () => {
    await using relay = await ready(build)
    await using asker = startAsker(relay)
    for (const [slot, text] of ['a', 'b', 'c'].entries()) {
      asker.ask(text)
      expect(String(await relay.frame(QUERY, slot))).toBe(text)
    }
    for (const slot of [2, 0, 1]) {
      relay.send(ANSWER, slot, Buffer.from(`for ${slot}`))
      expect(await asker.answer()).toMatch(`${slot} got for ${slot} from`)
    }
  })

  test('answers once, and nobody who has not asked', async () => {
    await using relay = await ready(build)
    await using asker = startAsker(relay)
    asker.ask('first')
    await relay.frame(QUERY, 0)
    asker.ask('second')
    await relay.frame(QUERY, 1)
    for (const text of ['one', 'two', 'three']) relay.send(ANSWER, 0, Buffer.from(text))
    relay.send(ANSWER, 63, Buffer.from('to nobody'))
    relay.send(ANSWER, 1, Buffer.from('last'))
    expect(await asker.answers(2)).toMatchObject([
      expect.stringMatching('0 got one from'),
      expect.stringMatching('1 got last from'),
    ])
  })

  test('forgets the oldest of more askers than it can remember, and nobody as long as it can', async () => {
    await using relay = await ready(build)
    await using asker = startAsker(relay)
    for (let first = 0; first < SLOTS; first += BATCH) {
      for (let slot = first; slot < first + BATCH; slot++) {
        asker.ask(`question ${slot}`, slot < 2 ? `early-${slot}` : 'many')
      }
      // So that no more wait in the relay's socket than it has room for.
      for (let slot = first; slot < first + BATCH; slot++) {
        expect(String(await relay.frame(QUERY, slot))).toBe(`question ${slot}`)
      }
    }
    relay.send(ANSWER, 700, Buffer.from('makes room'))
    expect(await asker.answer()).toMatch('many got makes room')
    asker.ask('has room', 'late-0')
    expect(String(await relay.frame(QUERY, 700))).toBe('has room')
    asker.ask('takes room', 'late-1')
    expect(String(await relay.frame(QUERY, 0))).toBe('takes room')
    for (const slot of [0, 1, 700]) relay.send(ANSWER, slot, Buffer.from(`for ${slot}`))
    expect(await asker.answers(3)).toMatchObject([
      expect.stringMatching('early-1 got for 1 from'),
      expect.stringMatching('late-0 got for 700 from'),
      expect.stringMatching('late-1 got for 0 from'),
    ])
  })

  test('takes datagrams up to a size, and drops longer ones', async () => {
    await using relay = await ready(build)
    await using asker = startAsker(relay)
    asker.ask('x'.repeat(DATAGRAM_MAX + 1))
    asker.ask('')
    asker.ask('y'.repeat(DATAGRAM_MAX))
    expect(String(await relay.frame(QUERY, 0))).toBe('y'.repeat(DATAGRAM_MAX))
    relay.send(ANSWER, 0, Buffer.alloc(DATAGRAM_MAX, 'z'))
    expect(await asker.answer()).toMatch(/^2 got z{1500} from/)
  })

  test.each([
    ['no answer', 0, 0],
    ['too long an answer', 0, DATAGRAM_MAX + 1],
    ['an answer to a slot that there is not', SLOTS, 1],
    ['an answer to the last stream', 0xffff, 1],
  ])('ends with %s', async (_what, slot, length) => {
    await using relay = await ready(build)
    relay.send(ANSWER, slot, Buffer.alloc(length, 'x'))
    const stderr = 'relay: the gateway sent a frame that breaks the rules\n'
    expect(await relay.ended()).toEqual({code: 1, signal: null, stderr})
  })

  test('says that its port is taken', async () => {
    await using relay = startRelay(build, ['-d', '-d'], NAMESPACE)
    const stderr = 'relay: port 53 is taken\n'
    expect(await relay.ended()).toEqual({code: 1, signal: null, stderr})
  })

  test('listens to low ports beside it', async () => {
    await using relay = startRelay(build, [53, '-d', 443], NAMESPACE)
    await relay.frame(READY, 0)
    relay.end()
    expect(await relay.ended()).toEqual({code: 0, signal: null, stderr: ''})
  })
})
