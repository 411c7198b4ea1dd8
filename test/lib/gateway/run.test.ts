import {randomUUID} from 'node:crypto'
import {once} from 'node:events'
import {chmod, copyFile, mkdir, readFile, stat, writeFile} from 'node:fs/promises'
import {createServer} from 'node:http'
import {request as requestTls} from 'node:https'
import {join} from 'node:path'
import {PassThrough} from 'node:stream'
import {text} from 'node:stream/consumers'
import {describe, expect, onTestFinished, test, vi} from 'vitest'
import * as z from 'zod'
import {runGateway, type RunInput, type Transport} from '../../../src/lib/gateway/run.ts'
import type {HttpTransport} from '../../../src/lib/gateway/serve-http.ts'
import {StopRequested} from '../../../src/lib/plugin/stop-signal.ts'
import {fixtureCatalog, type Fixture, type FixtureEntry} from '../../support/fixture-images.ts'
import {testEngine, testHome, testOptions, type TestHome} from '../../support/in-process-gateway.ts'
import {fetchRaw, RawClient, send} from '../../support/raw-http.ts'

const local: HttpTransport = {
  kind: 'streamable',
  host: '127.0.0.1',
  port: 0,
  allowUnauthenticated: false,
}

/** A gateway that runs in this process until it is stopped. */
interface Running extends AsyncDisposable {
  readonly home: TestHome
  readonly stdin: PassThrough
  readonly written: string[]
  /** Settles when the gateway has ended. */
  readonly over: Promise<void>
  stop(): Promise<void>
  /** The line on stderr that says where the endpoint is, or what went wrong. */
  port(): Promise<number>
  token(): string | undefined
}

async function start(
  transport: Transport,
  more: {
    servers?: readonly Fixture[] | Readonly<Record<string, FixtureEntry>>
    env?: NodeJS.ProcessEnv
    home?: TestHome
    unread?: AbortSignal
    signal?: AbortSignal
  } = {},
): Promise<Running> {
  const home = more.home ?? (await testHome())
  const catalog = await fixtureCatalog(more.servers ?? [])
  const stop = new AbortController()
  const stdin = new PassThrough()
  const written: string[] = []
  const input: RunInput = {
    deps: {...home.deps, env: {...home.deps.env, ...more.env}},
    options: () => testOptions(home, {servers: [...catalog.images.keys()], catalog: catalog.file}),
    transport,
    refreshCatalogs: async () => [],
    isWatching: false,
    stdin,
    write: line => void written.push(line),
    unreadBytes: () => 0,
    ...(more.unread && {unread: more.unread}),
    signal: more.signal ?? stop.signal,
  }
  const over = runGateway(input)
  over.catch(() => undefined)
  const said = (pattern: RegExp) => pattern.exec(home.notices.join('\n'))?.[1]
  const end = async () => {
    stop.abort()
    await over
  }
  return {
    home,
    stdin,
    written,
    over,
    stop: end,
    async port() {
      const url = /> Gateway: https?:\/\/\S+?:(\d+)\/(?:mcp|sse)$/m
      await Promise.race([over, vi.waitUntil(() => said(url), {timeout: 60_000})])
      return Number(said(url))
    },
    token: () => said(/> Authorization: Bearer (\S+)/),
    async [Symbol.asyncDispose]() {
      await end().catch(() => undefined)
      await catalog[Symbol.asyncDispose]()
      if (!more.home) await home[Symbol.asyncDispose]()
    },
  }
}

const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {protocolVersion: '2025-11-25', capabilities: {}, clientInfo: {name: 't', version: '1'}},
}
const post = (port: number, headers: Record<string, string> = {}, host = '127.0.0.1') =>
  fetchRaw({
    port,
    host,
    method: 'POST',
    headers: {'content-type': 'application/json', ...headers},
    body: JSON.stringify(initialize),
  })
const ours = async (server: string) => {
  const engine = await testEngine()
  return engine.list({'docker-mcp': 'true', 'docker-mcp-name': server})
}

describe('runGateway over HTTP', () => {
  test('asks for the token that it says, on every start the same one', async () => {
    await using home = await testHome()
    const tokens: unknown[] = []
    for (let round = 0; round < 2; round += 1) {
      await using running = await start(local, {home})
      const port = await running.port()
      const authorization = `Bearer ${running.token() ?? ''}`
      expect(await post(port)).toMatchObject({status: 401})
      expect(await post(port, {authorization})).toMatchObject({status: 200})
      tokens.push(authorization)
      home.notices.length = 0
    }
    expect(tokens[1]).toBe(tokens[0])
    const file = join(home.deps.paths.dir, 'gateway.json')
    expect(await readFile(file, 'utf8')).toContain(String(tokens[0]).slice('Bearer '.length))
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })

  test('names the file of its token where what it says is kept', async () => {
    await using home = await testHome()
    await using running = await start(local, {
      home: {...home, deps: {...home.deps, isTerminal: false}},
    })
    await running.port()
    const file = join(home.deps.paths.dir, 'gateway.json')
    const {token} = z.object({token: z.string()}).parse(JSON.parse(await readFile(file, 'utf8')))
    const said = [...home.notices, ...home.log].join('\n')
    expect(said).toContain(`> Authorization: Bearer … (the token is in ${file})`)
    expect(said).not.toContain(token)
  })

  test('takes a token from the environment, and does not print it', async () => {
    const MCP_GATEWAY_AUTH_TOKEN = 'given-by-the-user'
    await using running = await start(local, {env: {MCP_GATEWAY_AUTH_TOKEN}})
    const port = await running.port()
    expect(await post(port)).toMatchObject({status: 401})
    const authorization = `Bearer ${MCP_GATEWAY_AUTH_TOKEN}`
    expect(await post(port, {authorization})).toMatchObject({status: 200})
    const said = [...running.home.notices, ...running.home.log].join('\n')
    expect(said).toContain('> Authorization: Bearer $MCP_GATEWAY_AUTH_TOKEN')
    expect(said).not.toContain(MCP_GATEWAY_AUTH_TOKEN.slice(0, 8))
    await expect(stat(join(running.home.deps.paths.dir, 'gateway.json'))).rejects.toThrow('ENOENT')
  })

  test('refuses a token from the environment that no client could send', async () => {
    await using running = await start(local, {env: {MCP_GATEWAY_AUTH_TOKEN: 'two words'}})
    await expect(running.over).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.not.stringContaining('two words'),
    })
  })

  test('makes a token of its own when the one from the environment is empty', async () => {
    await using running = await start(local, {env: {MCP_GATEWAY_AUTH_TOKEN: ''}})
    expect(await post(await running.port())).toMatchObject({status: 401})
    expect(running.token()).toMatch(/^[\w-]{43}$/)
  })

  test('asks for no token when it is told so', async () => {
    const open = {...local, allowUnauthenticated: true}
    await using running = await start(open, {env: {MCP_GATEWAY_AUTH_TOKEN: 'unused'}})
    expect(await post(await running.port())).toMatchObject({status: 200})
    expect(running.home.notices.join('\n')).toContain('MCP_GATEWAY_AUTH_TOKEN is not used')
  })

  test.each(['0.0.0.0', '::', '[::]', '192.0.2.1', 'gateway.example'])(
    'never listens on %s without asking for a token',
    async host => {
      await using running = await start({...local, host, allowUnauthenticated: true})
      await expect(running.over).rejects.toMatchObject({
        code: 'USAGE',
        message: expect.stringContaining('--allow-unauthenticated is for this machine alone'),
      })
      expect(running.home.notices).toEqual([])
    },
  )

  test.each([
    ['0.0.0.0', '127.0.0.1', '127.0.0.1'],
    ['localhost', 'localhost', 'localhost'],
    ['127.0.0.2', '127.0.0.2', '127.0.0.2'],
    ['::1', '::1', '\\[::1\\]'],
    ['[::1]', '::1', '\\[::1\\]'],
    ['::', '::1', '127.0.0.1'],
  ])('listens on %s and says where', async (host, reachedAt, shown) => {
    await using running = await start({...local, host})
    const port = await running.port()
    expect(running.home.notices.join('\n')).toMatch(
      new RegExp(`^> Gateway: http://${shown}:${port}/mcp$`, 'm'),
    )
    const authorization = `Bearer ${running.token() ?? ''}`
    expect(await post(port, {}, reachedAt)).toMatchObject({status: 401})
    expect(await post(port, {authorization}, reachedAt)).toMatchObject({status: 200})
  })

  test.each(['streamable', 'sse'] as const)(
    'serves both transports, and says the address of %s when it was asked for',
    async kind => {
      await using running = await start({...local, kind, allowUnauthenticated: true})
      const port = await running.port()
      const path = kind === 'sse' ? '/sse' : '/mcp'
      expect(running.home.notices).toEqual([`> Gateway: http://127.0.0.1:${port}${path}`])
      expect(await post(port)).toMatchObject({status: 200})
      const stream = await send({port, path: '/sse'})
      expect(stream.incoming.headers['content-type']).toBe('text/event-stream')
      await running.stop()
      // The gateway ends the stream as it should be ended, and leaves nobody waiting.
      expect(await text(stream.incoming)).toMatch(/^event: endpoint\ndata: \/messages\?sessionId=/)
    },
  )

  test('speaks HTTPS with a certificate, and says so', async () => {
    await using home = await testHome()
    for (const name of ['cert.pem', 'key.pem']) {
      await copyFile(join(import.meta.dirname, '../../fixtures/tls', name), join(home.dir, name))
    }
    await chmod(join(home.dir, 'key.pem'), 0o600)
    const tls = {cert: 'cert.pem', key: 'key.pem'}
    await using running = await start({...local, allowUnauthenticated: true, tls}, {home})
    const port = await running.port()
    expect(home.notices).toEqual([`> Gateway: https://127.0.0.1:${port}/mcp`])
    const ca = await readFile(join(home.dir, 'cert.pem'))
    const [health] = await once(
      requestTls({host: '127.0.0.1', port, path: '/health', ca, agent: false}).end(),
      'response',
    )
    expect(health.statusCode).toBe(200)
    health.resume()
    await expect(post(port)).rejects.toMatchObject({code: 'ECONNRESET'})
  })

  test('does not listen with a certificate that cannot be used', async () => {
    const tls = {cert: 'missing.pem', key: 'missing.pem'}
    await using running = await start({...local, tls})
    await expect(running.over).rejects.toMatchObject({code: 'FILE_MISSING'})
    expect(running.home.notices).toEqual([])
  })

  test.each(['', '[]'])('refuses the host %j, which would mean every address', async host => {
    await using running = await start({...local, host})
    await expect(running.over).rejects.toMatchObject({
      code: 'USAGE',
      hint: expect.stringContaining('--host 0.0.0.0'),
    })
  })

  test('says so when the port is taken, before it reads or starts anything', async () => {
    const other = createServer()
    await new Promise<void>(resolve => void other.listen(0, '127.0.0.1', resolve))
    const {port} = z.object({port: z.number()}).parse(other.address())
    try {
      await using home = await testHome()
      await mkdir(home.deps.paths.dir, {recursive: true})
      await writeFile(home.deps.paths.registry, 'not: [yaml')
      await using running = await start({...local, port}, {home})
      await expect(running.over).rejects.toMatchObject({code: 'PORT_IN_USE'})
    } finally {
      other.close()
    }
  })

  test('does not keep the port when a file of the user is wrong', async () => {
    await using home = await testHome()
    await mkdir(home.deps.paths.dir, {recursive: true})
    await writeFile(home.deps.paths.config, 'not: [yaml')
    await using running = await start(local, {home})
    await expect(running.over).rejects.toMatchObject({code: 'FILE_INVALID'})
  })

  test('stops with open streams, calls under way and servers that will not end, and leaves nothing', async () => {
    const open = {...local, allowUnauthenticated: true}
    const names = ['one', 'two'].map(name => `stops-${name}-${randomUUID()}`)
    const [stubborn = '', silent = ''] = names
    const servers = {
      [stubborn]: {fixture: 'ignores-eof'},
      [silent]: {fixture: 'prints-junk'},
    } as const
    await using running = await start(open, {servers})
    const port = await running.port()
    const clients = await Promise.all([RawClient.open(port), RawClient.open(port)])
    const streams = await Promise.all(clients.map(client => client.listen()))
    const calls = await Promise.all(clients.map(client => client.startCall(1, 'wait')))
    // Both servers of both sessions run; prints-junk never answers, so the calls wait for it.
    const mine = async () => (await Promise.all(names.map(ours))).flat()
    const howMany = async () => (await mine()).filter(({state}) => state === 'running').length
    await expect.poll(howMany).toBe(4)
    const ends = [...streams, ...calls].map(
      ({incoming}) => new Promise(resolve => incoming.resume().once('close', resolve)),
    )
    await running.stop()
    await Promise.all(ends)
    // A busy engine may take longer to remove what it was told to than the gateway waits for it.
    await expect.poll(mine).toEqual([])
    await expect(post(port)).rejects.toThrow('ECONNREFUSED')
  })

  test.each([0, 1, 2, 5, 20])('can be stopped while it starts (%i turns later)', async turns => {
    const stop = new AbortController()
    await using running = await start(local, {signal: stop.signal, servers: ['counts-calls']})
    for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate)
    stop.abort()
    await running.over
    expect(running.home.log.at(-1)).toBe('> Stopping')
  })
})

const count = (id: number) => ({jsonrpc: '2.0', id, method: 'tools/call', params: {name: 'count'}})

describe('runGateway over stdio', () => {
  test('answers a client and leaves nothing when it is stopped', async () => {
    await using running = await start({kind: 'stdio'}, {servers: ['counts-calls']})
    const call = {jsonrpc: '2.0', id: 2, method: 'tools/call', params: {name: 'count'}}
    running.stdin.write(`${JSON.stringify(initialize)}\n${JSON.stringify(call)}\n`)
    await expect.poll(() => running.written.length).toBe(2)
    expect(running.written.map(line => JSON.parse(line))).toMatchObject([
      {id: 1, result: {serverInfo: {name: 'docker-mcp-gateway'}}},
      {id: 2, result: {content: [{text: '1'}]}},
    ])
    await running.stop()
    expect(running.stdin.isPaused()).toBe(true)
    expect(running.home.notices).toEqual([])
  })

  test('answers what a client asked before it closed its end', async () => {
    const stop = new AbortController()
    const servers = ['counts-calls'] as const
    await using running = await start({kind: 'stdio'}, {servers, signal: stop.signal})
    running.stdin.write(`${JSON.stringify(initialize)}\n${JSON.stringify(count(2))}\n`)
    await expect.poll(() => running.written.length).toBe(2)
    running.stdin.write(`${JSON.stringify(count(3))}\n`)
    await new Promise(setImmediate)
    // The answer takes as long as it takes: how long it is waited for is another matter.
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout'], shouldClearNativeTimers: true})
    onTestFinished(() => void vi.useRealTimers())
    stop.abort(new StopRequested('stdin'))
    await expect.poll(() => running.written.length).toBe(3)
    vi.useRealTimers()
    await running.over
    expect(JSON.parse(running.written.at(-1) ?? '')).toMatchObject({
      id: 3,
      result: {content: [{text: '2'}]},
    })
  })

  test('ends when nobody reads what it writes', async () => {
    const unread = new AbortController()
    await using running = await start({kind: 'stdio'}, {unread: unread.signal})
    running.stdin.write(`${JSON.stringify(initialize)}\n`)
    await expect.poll(() => running.written).toHaveLength(1)
    unread.abort()
    await running.over
    expect(running.home.log.at(-1)).toBe('> Stopping')
  })

  test('over HTTP does not care who reads stdout', async () => {
    const unread = AbortSignal.abort()
    await using running = await start({...local, allowUnauthenticated: true}, {unread})
    expect(await post(await running.port())).toMatchObject({status: 200})
  })
})

test('a health check is told when the gateway serves', async () => {
  const ready = Promise.withResolvers<void>()
  await using home = await testHome()
  const embedded = async () => {
    await ready.promise
    return home.deps.embedded()
  }
  const stop = new AbortController()
  const over = runGateway({
    deps: {...home.deps, embedded},
    options: async () => ({
      ...(await testOptions(home, {servers: [], catalog: ''})),
      catalogs: undefined,
    }),
    transport: {...local, host: OWN_HOST, port: await freePort(), allowUnauthenticated: true},
    refreshCatalogs: async () => [],
    isWatching: false,
    stdin: new PassThrough(),
    write: () => undefined,
    unreadBytes: () => 0,
    signal: stop.signal,
  })
  const port = lastPort
  const health = () =>
    fetchRaw({port, host: OWN_HOST, path: '/health'}).then(
      ({status}) => status,
      () => 0,
    )
  await expect.poll(health).toBe(503)
  expect(await post(port, {}, OWN_HOST)).toMatchObject({
    status: 503,
    headers: {'retry-after': '1'},
  })
  ready.resolve()
  await expect.poll(health).toBe(200)
  stop.abort()
  await over
  expect(await health()).toBe(0)
})

/** An address where nobody else takes a port that was free a moment ago. */
const OWN_HOST = '127.0.0.77'
let lastPort = 0
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => void server.listen(0, OWN_HOST, resolve))
  lastPort = z.object({port: z.number()}).parse(server.address()).port
  server.close()
  await once(server, 'close')
  return lastPort
}
