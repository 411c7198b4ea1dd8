import {mkdtemp, rm} from 'node:fs/promises'
import {createServer, type IncomingMessage, type Server, type ServerResponse} from 'node:http'
import {createServer as createTlsServer} from 'node:https'
import {type AddressInfo, connect as connectTcp} from 'node:net'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, afterEach, beforeAll, expect, test} from 'vitest'
import {Redaction} from '../../../../src/lib/gateway/redaction.ts'
import {sendHttp} from '../../../../src/lib/gateway/upstream/http.ts'
import {remoteOpeners} from '../../../../src/lib/gateway/upstream/remote-openers.ts'
import {request, result, type Message} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {bindServer} from '../../../../src/lib/model/server.ts'
import {outgoingAgent, type Outgoing} from '../../../../src/lib/net/agents.ts'
import {authority, type Authority} from '../../../engines/authority.ts'
import {secretsOf} from '../../../support/secrets.ts'

let folder = ''
let company: Authority
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cat-remote-'))
  company = await authority(join(folder, 'company'))
})
afterAll(() => rm(folder, {recursive: true, force: true}))

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

async function listening(http: Server): Promise<number> {
  await new Promise<void>(resolve => void http.listen(0, '127.0.0.1', resolve))
  closers.push(async () => {
    http.closeAllConnections()
    await new Promise(resolve => void http.close(resolve))
  })
  // oxlint-disable-next-line no-unsafe-type-assertion
  return (http.address() as AddressInfo).port
}

/** A server that answers each request with what it was asked, over TLS when it has a certificate. */
async function server(tls?: {cert: string; key: string}): Promise<{port: number; keys: unknown[]}> {
  const keys: unknown[] = []
  const handler = (incoming: IncomingMessage, response: ServerResponse) => {
    keys.push(incoming.headers['x-api-key'])
    response.writeHead(200, {'content-type': 'application/json'})
    response.end(JSON.stringify(result(1, {by: 'server'})))
  }
  return {port: await listening(tls ? createTlsServer(tls, handler) : createServer(handler)), keys}
}

/** A proxy that brings every name to one port of this machine, or refuses to. */
async function proxy(to: number | 'refuses'): Promise<{url: string; asked: string[]}> {
  const asked: string[] = []
  const handler = createServer((incoming, response) => {
    asked.push(`${incoming.method} ${incoming.url}`)
    response.writeHead(200, {'content-type': 'application/json'})
    response.end(JSON.stringify(result(1, {by: 'proxy'})))
  })
  handler.on('connect', (incoming, socket) => {
    asked.push(`CONNECT ${incoming.url}`)
    if (to === 'refuses')
      return void socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
    const onward = connectTcp(to, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      onward.pipe(socket).pipe(onward)
    })
    onward.on('error', () => socket.destroy())
    socket.on('error', () => onward.destroy())
  })
  return {url: `http://me:top-secret@127.0.0.1:${await listening(handler)}`, asked}
}

async function ask(url: string, outgoing: Outgoing): Promise<Message> {
  const entry = {
    name: 'far',
    remote: {url, transport_type: 'http', headers: {'X-Api-Key': '$KEY'}},
    secrets: [{name: 'far.key', env: 'KEY'}],
  }
  const spec = bindServer(entry, {}, '/home/me')
  if (spec.kind !== 'remote') throw new Error('not remote')
  const {legacy} = remoteOpeners(
    spec,
    {
      secrets: secretsOf({'far.key': 'key'}),
      outgoing,
      audit: {record: async () => undefined},
      redaction: new Redaction(),
    },
    {server: 'far', maxMessageBytes: 1024 * 1024, warn: () => undefined},
  )
  const {promise, resolve} = Promise.withResolvers<Message>()
  const {signal} = new AbortController()
  const upstream = await legacy({session: 's', signal, onMessage: resolve})
  closers.push(async () => upstream[Symbol.asyncDispose]())
  upstream.send(request(1, 'ping'))
  return promise
}

test('goes through the proxy that the environment names', async () => {
  const {url, asked} = await proxy('refuses')
  const answer = await ask('http://far.example.test/mcp', {env: {http_proxy: url}})
  expect(answer).toEqual(result(1, {by: 'proxy'}))
  expect(asked).toEqual(['POST http://far.example.test/mcp'])
})

test('goes through a proxy that is written without its scheme', async () => {
  const {url, asked} = await proxy('refuses')
  const env = {HTTP_PROXY: url.replace('http://', '')}
  expect(await ask('http://far.example.test/mcp', {env})).toEqual(result(1, {by: 'proxy'}))
  expect(asked).toEqual(['POST http://far.example.test/mcp'])
})

test.each([
  ['socks5://me:top-secret@127.0.0.1:1080', 'begins with socks5://'],
  ['not an address', 'is no address'],
])('goes around no proxy that it cannot use: %s', async (proxyUrl, why) => {
  const env = {https_proxy: proxyUrl, NO_PROXY: 'near.example.test,.inside.test'}
  const asked = ask('https://far.example.test/mcp', {env})
  await expect(asked).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringMatching(`^https_proxy .*${why}.*far.example.test`),
    hint: expect.stringContaining('NO_PROXY'),
  })
  expect(await asked.catch(String)).not.toContain('top-secret')
  expect(await ask('https://a.inside.test/mcp', {env})).toMatchObject({
    error: {message: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/u)},
  })
})

test('leaves a connection that is idle, and does not send into one that the server ends', async () => {
  const closed = Promise.withResolvers<void>()
  const http = createServer((_incoming, response) => void response.end('{}'))
  http.keepAliveTimeout = 0
  http.on('connection', socket => void socket.on('close', () => closed.resolve()))
  const url = `http://127.0.0.1:${await listening(http)}/`
  const agent = outgoingAgent(new URL(url), {env: {}})
  closers.push(async () => agent.destroy())
  const {signal} = new AbortController()
  const response = await sendHttp(url, {method: 'POST', headers: new Headers(), signal, agent})
  await response.text()
  // No one but the agent ends it.
  await closed.promise
})

test('goes through the tunnel of a proxy, with the certificates of the company', async () => {
  const {port, keys} = await server(await company.issue('far', 'DNS:far.example.test'))
  const {url, asked} = await proxy(port)
  const env = {HTTPS_PROXY: url}
  const answer = await ask('https://far.example.test/mcp', {env, ca: company.ca})
  expect(answer).toEqual(result(1, {by: 'server'}))
  expect(asked).toEqual(['CONNECT far.example.test:443'])
  expect(keys).toEqual(['key'])
})

test('sends nothing to a server whose certificate nobody has vouched for', async () => {
  const {port, keys} = await server(await company.issue('odd', 'DNS:far.example.test'))
  const {url} = await proxy(port)
  expect(await ask('https://far.example.test/mcp', {env: {HTTPS_PROXY: url}})).toMatchObject({
    error: {
      message: expect.stringMatching(
        /^server far: https:\/\/far.example.test cannot be reached: .*certificate/u,
      ),
      data: {reason: 'TOOL_FAILED', unreachable: true},
    },
  })
  expect(keys).toEqual([])
})

test('says that a proxy refuses, and not how it was asked', async () => {
  const {url} = await proxy('refuses')
  const answer = await ask('https://far.example.test/mcp', {env: {HTTPS_PROXY: url}})
  expect(answer).toMatchObject({error: {message: expect.stringMatching(/proxy/iu)}})
  expect(JSON.stringify(answer)).not.toContain('top-secret')
})

test('reaches this machine without the proxy', async () => {
  const {port} = await server()
  const {url, asked} = await proxy('refuses')
  const answer = await ask(`http://127.0.0.1:${port}/mcp`, {env: {HTTP_PROXY: url}})
  expect(answer).toEqual(result(1, {by: 'server'}))
  expect(asked).toEqual([])
})
