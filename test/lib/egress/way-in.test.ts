import {once} from 'node:events'
import {mkdtemp, rm} from 'node:fs/promises'
import {Agent, request} from 'node:http'
import type {IncomingMessage} from 'node:http'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import type {Duplex} from 'node:stream'
import {buffer, text} from 'node:stream/consumers'
import {afterAll, beforeAll, describe, expect, test, vi} from 'vitest'
import {Relay} from '../../../src/lib/egress/relay.ts'
import {prepareRelay, startInside, startRelay} from './relay-program.ts'
import type {RelayProgram} from './relay-program.ts'

/** Repeats what it is asked, counts its connections, and keeps them: after `/brief` for two seconds. */
const SERVER = `
  let connections = 0
  const server = require('http').createServer((request, response) => {
    const seconds = request.url === '/brief' ? 2 : 600
    server.keepAliveTimeout = seconds * 1000
    response.setHeader('Keep-Alive', 'timeout=' + seconds)
    response.setHeader('X-Connection', request.socket.number)
    request.pipe(response)
  })
  server.on('connection', socket => { socket.number = String(++connections) })
  server.listen(8080, '127.0.0.1')
`

/** Sends its requests over connections into the container, and keeps those. */
class InsideAgent extends Agent {
  readonly #relay: Relay
  constructor(relay: Relay) {
    super({keepAlive: true, maxSockets: 8})
    this.#relay = relay
  }
  override createConnection(
    _options: unknown,
    give?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    this.#relay.connect(8080).then(
      stream => give?.(null, stream),
      (error: Error) => give?.(error, undefined as never),
    )
  }
}

const PATIENT = {timeout: 60_000}

let folder: string
let program: RelayProgram
let relay: Relay
let agent: InsideAgent
let server: ReturnType<typeof startInside>

const ask = async (path: string, body?: Buffer): Promise<IncomingMessage> => {
  const asking = request({agent, path, method: body ? 'POST' : 'GET', host: 'inside'})
  asking.end(body)
  const [answer] = await once(asking, 'response')
  return answer
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'docker-mcp-way-in-'))
  await prepareRelay(folder)
  program = startRelay(folder, [3128])
  relay = new Relay({
    send: frame => program.stdin.write(frame),
    unsent: () => program.stdin.writableLength,
    onOpen: connection => connection.destroy(),
    onQuery: () => {},
    onFault: error => expect.unreachable(error.message),
  })
  program.stdout.on('data', (chunk: Buffer) => relay.receive(chunk))
  await relay.ready
  agent = new InsideAgent(relay)
  server = startInside(program.pid ?? 0, SERVER)
  await vi.waitUntil(
    async () =>
      relay.connect(8080).then(
        stream => stream.destroy(),
        () => undefined,
      ),
    PATIENT,
  )
})

afterAll(async () => {
  server.kill()
  agent.destroy()
  const ended = once(program, 'close')
  program.stdin.end()
  await ended
  relay.close()
  await rm(folder, {recursive: true})
})

describe('HTTP over connections into a container', () => {
  test('keeps a connection for the next request', async () => {
    const first = await ask('/', Buffer.from('one'))
    expect(await text(first)).toBe('one')
    await vi.waitUntil(() => Object.keys(agent.freeSockets).length > 0, PATIENT)
    const second = await ask('/', Buffer.from('two'))
    expect(await text(second)).toBe('two')
    expect(second.headers['x-connection']).toBe(first.headers['x-connection'])
  })

  test('gives a connection up before the server does, and takes another one', async () => {
    const first = await ask('/brief', Buffer.from('one'))
    await text(first)
    await vi.waitUntil(() => Object.keys(agent.freeSockets).length > 0, PATIENT)
    await vi.waitUntil(() => Object.keys(agent.freeSockets).length === 0, PATIENT)
    const second = await ask('/', Buffer.from('two'))
    expect(await text(second)).toBe('two')
    expect(second.headers['x-connection']).not.toBe(first.headers['x-connection'])
  })

  test('carries 40 MB both ways', async () => {
    const body = Buffer.alloc(40_000_000, 'abcdefg')
    const answer = await buffer(await ask('/', body))
    expect(answer.equals(body)).toBe(true)
  })

  test('carries many requests at once', async () => {
    const bodies = Array.from({length: 100}, (_, each) => Buffer.alloc(10_000, `${each}`))
    const answers = await Promise.all(bodies.map(async body => buffer(await ask('/', body))))
    expect(answers.every((answer, each) => answer.equals(bodies[each] ?? Buffer.alloc(0)))).toBe(
      true,
    )
  })
})

describe('connections into a container', () => {
  test('wait when there are 56, until one of those is closed', async () => {
    agent.destroy()
    const streams = await Promise.all(Array.from({length: 56}, () => relay.connect(8080)))
    const waiting = relay.connect(8080)
    const giveUp = new AbortController()
    const givenUp = relay.connect(8080, giveUp.signal)
    giveUp.abort()
    await expect(givenUp).rejects.toMatchObject({name: 'AbortError'})
    streams[7]?.destroy()
    const stream = await waiting
    stream.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expect(await text(stream)).toMatch(/^HTTP\/1.1 200 OK/)
    for (const each of streams) each.destroy()
  })

  test('are refused where nothing listens', async () => {
    await expect(relay.connect(9)).rejects.toMatchObject({code: 'ECONNREFUSED'})
  })
})
