import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {createServer, type Socket} from 'node:net'
import {createInterface} from 'node:readline'
import {join} from 'node:path'
import type {Duplex} from 'node:stream'
import {expect, onTestFinished, test} from 'vitest'
import type {JsonObject} from '../../../../src/lib/base/json.ts'
import {
  insideUpstream,
  type HttpContainer,
  type InsideInput,
} from '../../../../src/lib/gateway/upstream/inside.ts'
import type {CloseReason} from '../../../../src/lib/gateway/upstream/upstream.ts'
import {
  notification,
  request,
  type Id,
  type Message,
} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {META} from '../../../../src/lib/gateway/wire/meta.ts'
import {Inbox} from '../../../support/inbox.ts'
import {plainDuplex} from '../../../support/plain-duplex.ts'

const FIXTURES = join(import.meta.dirname, '../../../fixtures/servers')
/** Nobody listens there (discard). */
const CLOSED_PORT = 9
const never = new AbortController().signal

interface Played extends HttpContainer {
  readonly said: Inbox<string>
  /** How often somebody wanted to connect. */
  attempts: number
  /** What is asked before each attempt to connect. */
  onAttempt: () => unknown
  readonly connections: Duplex[]
  isDisposed: boolean
}

/** A server as a process of its own, that is reached as one in a container is. */
function play(fixture: string): Played {
  const env = {...process.env, HOST: '127.0.0.1', PORT: '0'}
  const child = spawn(process.execPath, [join(FIXTURES, fixture)], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const said = new Inbox<string>()
  createInterface({input: child.stderr}).on('line', line => said.add(line))
  const closed = once(child, 'close').then(
    ([code]): CloseReason => ({
      what: played.isDisposed ? 'was stopped' : `ended with exit code ${code}`,
      stderr: said.items,
      junk: undefined,
    }),
  )
  const played: Played = {
    said,
    stderr: said.items,
    closed,
    ending: closed,
    attempts: 0,
    onAttempt: () => undefined,
    connections: [],
    isDisposed: false,
    async connect(signal) {
      signal.throwIfAborted()
      played.attempts += 1
      await played.onAttempt()
      const connection = await plainDuplex(portIn(said) ?? CLOSED_PORT)
      played.connections.push(connection)
      return connection
    },
    async [Symbol.asyncDispose]() {
      played.isDisposed = true
      child.kill()
      await closed
    },
  }
  onTestFinished(() => played[Symbol.asyncDispose]())
  return played
}

function portIn({items}: Inbox<string>): number | undefined {
  const port = /^listening on port (\d+)$/m.exec(items.join('\n'))?.[1]
  return port === undefined ? undefined : Number(port)
}

/** A container whose program was never seen to listen, and that ends when the test says so. */
function silent(connect: HttpContainer['connect']) {
  const end = Promise.withResolvers<CloseReason>()
  const container = {
    closed: end.promise,
    ending: end.promise,
    stderr: ['waiting for a database'],
    connect,
    isDisposed: false,
    async [Symbol.asyncDispose]() {
      container.isDisposed = true
      end.resolve({what: 'was stopped', stderr: [], junk: undefined})
    },
  }
  return {container, end: end.resolve}
}

const refuse = () => plainDuplex(CLOSED_PORT)

async function open(container: HttpContainer, more: Partial<InsideInput> = {}) {
  const received = new Inbox<Message>()
  const upstream = await insideUpstream({
    container,
    kind: 'legacy',
    url: 'http://localhost:8080/mcp',
    headers: [],
    withinMs: 60_000,
    server: 'near',
    maxMessageBytes: 64 * 1024,
    warn: () => undefined,
    redact: text => text.replaceAll('top-secret', '[secret]'),
    onMessage: message => received.add(message),
    signal: never,
    ...more,
  })
  onTestFinished(() => upstream[Symbol.asyncDispose]())
  const ask = (id: Id, method: string, params: JsonObject = {}) => {
    upstream.send(request(id, method, params))
    return received.find(message => 'id' in message && message.id === id)
  }
  return {upstream, received, ask}
}

const HELLO = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: {name: 'test', version: '1'},
}
const _meta = {
  [META.version]: '2026-07-28',
  [META.client]: {name: 'test', version: '1'},
  [META.capabilities]: {},
}

test.each([
  ['streamable HTTP', 'legacy', 'http-counts.mjs', 'http://localhost:8080/mcp'],
  ['HTTP+SSE', 'sse', 'http-sse-counts.mjs', 'http://localhost:8080/sse'],
] as const)('speaks %s with a server in a container', async (_name, kind, fixture, url) => {
  const container = play(fixture)
  const {upstream, ask} = await open(container, {kind, url})
  expect(await ask(1, 'initialize', HELLO)).toMatchObject({
    result: {serverInfo: {name: fixture.replace('.mjs', '')}},
  })
  upstream.send(notification('notifications/initialized'))
  expect(await ask(2, 'tools/call', {name: 'count'})).toMatchObject({
    result: {content: [{text: '1'}]},
  })
  expect(await ask(3, 'tools/call', {name: 'count'})).toMatchObject({
    result: {content: [{text: '2'}]},
  })
  await upstream[Symbol.asyncDispose]()
  expect(container.isDisposed).toBe(true)
  expect(await upstream.closed).toMatchObject({what: 'was left'})
  expect(container.connections.map(({destroyed}) => destroyed)).not.toContain(false)
})

test('speaks the modern era with a server in a container', async () => {
  const container = play('http-counts.mjs')
  const {upstream, ask} = await open(container, {kind: 'modern'})
  expect(await ask(1, 'server/discover', {_meta})).toMatchObject({
    result: {supportedVersions: ['2026-07-28']},
  })
  expect(await ask(2, 'tools/call', {name: 'count', _meta})).toMatchObject({
    result: {resultType: 'complete', content: [{text: '1'}]},
  })
  await upstream[Symbol.asyncDispose]()
  expect(container.isDisposed).toBe(true)
  expect(container.connections.map(({destroyed}) => destroyed)).not.toContain(false)
})

test('says farewell before the server is stopped', async () => {
  const container = play('http-counts.mjs')
  const {upstream, ask} = await open(container)
  await ask(1, 'initialize', HELLO)
  await upstream[Symbol.asyncDispose]()
  expect(container.stderr).toContain('a session is over: true')
  expect(container.isDisposed).toBe(true)
})

test('waits for a server that listens late', async () => {
  const container = play('http-counts.mjs')
  let refusals = 0
  container.onAttempt = async () => {
    // Not before it was refused a few times.
    if (refusals < 5) {
      refusals += 1
      return refuse()
    }
    return container.said.find(line => line.startsWith('listening'))
  }
  const {ask} = await open(container)
  expect(refusals).toBe(5)
  expect(container.attempts).toBe(6)
  expect(await ask(1, 'initialize', HELLO)).toMatchObject({result: {capabilities: {tools: {}}}})
})

test('tells of a server that never listens and ends, in its own last words', async () => {
  const container = play('exits-at-once.mjs')
  await expect(open(container)).rejects.toMatchObject({
    code: 'SERVER_START_FAILED',
    message: expect.stringMatching(
      /^server near ended with exit code 3; its last words: .*no database at the address/,
    ),
  })
  expect(container.isDisposed).toBe(true)
})

test('tells of a server that ends in the middle of a try to connect', async () => {
  const trying = Promise.withResolvers<void>()
  const {container, end} = silent(() => {
    trying.resolve()
    return new Promise<Duplex>(() => undefined)
  })
  const opened = open(container)
  await trying.promise
  end({what: 'ended with exit code 4', stderr: ['out of fuel'], junk: undefined})
  await expect(opened).rejects.toThrow(
    'server near ended with exit code 4; its last words: out of fuel',
  )
})

test('tells the end of a container rather than that the way into it broke first', async () => {
  const trying = Promise.withResolvers<void>()
  const {container, end} = silent(async () => {
    trying.resolve()
    throw new Error('the way in is closed')
  })
  const opened = open(container)
  await trying.promise
  end({what: 'ended with exit code 4', stderr: [], junk: undefined})
  await expect(opened).rejects.toThrow('server near ended with exit code 4')
})

test('tells what is wrong with the way in when the container goes on', async () => {
  const {container} = silent(() => Promise.reject(new Error('the way in is closed')))
  await expect(open(container)).rejects.toMatchObject({
    code: 'SERVER_START_FAILED',
    message: 'server near cannot be reached inside its container: the way in is closed',
  })
  expect(container.isDisposed).toBe(true)
})

test('does not wait for ever for a server that runs and does not listen', async () => {
  const {container} = silent(refuse)
  await expect(open(container, {withinMs: 200})).rejects.toMatchObject({
    code: 'SERVER_START_FAILED',
    message:
      'server near did not listen on port 8080 of its container within 0.2 s; its last words: waiting for a database',
  })
  expect(container.isDisposed).toBe(true)
})

test('stops waiting when nobody wants the server any more', async () => {
  const session = new AbortController()
  const reason = new Error('the session has ended')
  let attempts = 0
  const {container} = silent(() => {
    attempts += 1
    if (attempts === 3) session.abort(reason)
    return refuse()
  })
  await expect(open(container, {signal: session.signal})).rejects.toBe(reason)
  expect(attempts).toBe(3)
  expect(container.isDisposed).toBe(true)
})

test.each([
  ['legacy', {}],
  ['modern', {_meta}],
] as const)(
  'ends with a server that dies in the middle of a call, and its last words say why: %s',
  async (kind, more) => {
    const container = play('http-crashes-on-call.mjs')
    const {upstream, received, ask} = await open(container, {kind})
    if (kind === 'legacy') await ask(1, 'initialize', HELLO)
    else await ask(1, 'server/discover', more)
    upstream.send(request(2, 'tools/call', {name: 'crash', ...more}))
    expect(await upstream.closed).toEqual({
      what: 'ended with exit code 7',
      stderr: expect.arrayContaining(['out of cheese']),
      junk: undefined,
    })
    // Whoever waits for the call is told with the end of the server, not with that of a connection.
    expect(received.items.filter(message => 'id' in message && message.id === 2)).toEqual([])
    expect(container.connections.map(({destroyed}) => destroyed)).not.toContain(false)
  },
)

test('ends with a server that dies while its stream of HTTP+SSE is open', async () => {
  const container = play('http-sse-counts.mjs')
  const {upstream, ask} = await open(container, {kind: 'sse', url: 'http://localhost:8080/sse'})
  await ask(1, 'initialize', HELLO)
  await container[Symbol.asyncDispose]()
  expect(await upstream.closed).toMatchObject({what: 'was stopped'})
})

/** Listens on the loopback in this process. */
async function listen(onConnection: (socket: Socket) => void): Promise<number> {
  const server = createServer(socket => {
    // Clients that leave are none of its concerns.
    socket.on('error', () => undefined).resume()
    onConnection(socket)
  })
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(async () => {
    server.close()
    await once(server, 'close')
  })
  return Object(server.address()).port
}

test('answers for a server that breaks off a connection and goes on', async () => {
  const port = await listen(socket => void socket.once('data', () => socket.destroy()))
  const {container} = silent(() => plainDuplex(port))
  const {ask} = await open(container)
  expect(await ask(1, 'initialize', HELLO)).toMatchObject({
    error: {
      message: expect.stringMatching(/^server near: its HTTP server does not answer: /),
      data: {unreachable: true},
    },
  })
  expect(container.isDisposed).toBe(false)
})

test('stops the container of a server that ends its stream of HTTP+SSE', async () => {
  const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n'
  const port = await listen(socket => void socket.once('data', () => socket.end(head)))
  const {container} = silent(() => plainDuplex(port))
  const {upstream} = await open(container, {kind: 'sse'})
  expect(await upstream.closed).toEqual({
    what: 'has ended its stream',
    refused: new Set(),
    stderr: ['waiting for a database'],
    junk: undefined,
  })
  expect(container.isDisposed).toBe(true)
})

test('tells of a server that does not speak HTTP', async () => {
  const port = await listen(socket => void socket.end('220 mail.test ESMTP\r\n'))
  const {container} = silent(() => plainDuplex(port))
  const {upstream} = await open(container, {kind: 'sse'})
  expect((await upstream.closed).what).toMatch(/^has an HTTP server that does not answer: /)
})
