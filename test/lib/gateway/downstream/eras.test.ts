import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {Client, StreamableHTTPClientTransport, type Transport} from '@modelcontextprotocol/client'
import {StdioClientTransport} from '@modelcontextprotocol/client/stdio'
import {describe, expect, test} from 'vitest'
import type {Exchange} from '../../../../src/lib/gateway/modern/exchange.ts'
import {result, type Response} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {startHttpEndpoint} from '../../../support/http-endpoint.ts'
import {testHome} from '../../../support/in-process-gateway.ts'
import {fetchRaw, rawEvents, send} from '../../../support/raw-http.ts'

const KEY = 'io.modelcontextprotocol/protocolVersion'
const supported = ['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05']

function without(all: object, some: object): object {
  return Object.fromEntries(Object.entries(all).filter(([key]) => !(key in some)))
}

const capabilities = {'io.modelcontextprotocol/clientCapabilities': {}}
const META = {'io.modelcontextprotocol/protocolVersion': '2026-07-28', ...capabilities}

const OLDER = {...META, 'io.modelcontextprotocol/protocolVersion': '2025-11-25'}

/** Tells over which revision, and for which request, the gateway itself is asked. */
async function echo({request: {id, params}}: Exchange): Promise<Response> {
  return result(id, {served: params?.['_meta'] ?? null})
}

describe('a request', () => {
  const headers = {'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/list'}
  const older = {...headers, 'mcp-protocol-version': '2025-11-25'}

  test.each([
    ['with its revision in it and in its head', headers, {_meta: META}, 200, undefined],
    ['with a revision in its head alone', headers, {}, 400, -32602],
    ['with one in it alone', {'mcp-method': 'tools/list'}, {_meta: META}, 400, -32020],
    ['with an older one in its head', older, {_meta: META}, 400, -32020],
    ['with an older one in it', headers, {_meta: OLDER}, 400, -32020],
    ['without any, and without a session', {}, {}, 400, -32600],
    ['with an older one in both, but no session', older, {_meta: OLDER}, 400, -32022],
    [
      'with one that never was in its head',
      {'mcp-protocol-version': '1900-01-01'},
      {},
      400,
      -32022,
    ],
    ['with what its client can do, and no revision', {}, {_meta: capabilities}, 400, -32602],
  ])('%s is told apart from others', async (_, more, params, status, code) => {
    await using endpoint = await startHttpEndpoint({answer: echo})
    const answer = await posted(endpoint.port, {method: 'tools/list', params}, more)
    expect(answer.status).toBe(status)
    expect(answer.message).toMatchObject(
      code === undefined
        ? {id: 'probe', result: {served: META}}
        : {id: code === -32600 ? null : 'probe', error: {code}},
    )
    expect(answer.headers).not.toHaveProperty('mcp-session-id')
  })

  test('of a session is of its era, also when it says as much about itself as others do', async () => {
    await using endpoint = await startHttpEndpoint({answer: echo})
    const params = {protocolVersion: '2025-11-25'}
    const opened = await posted(endpoint.port, {method: 'initialize', params}, {})
    const session = {'mcp-session-id': String(opened.headers['mcp-session-id'])}
    const ping = {method: 'ping', params: {_meta: OLDER}}
    expect((await posted(endpoint.port, ping, session)).message).toEqual({
      jsonrpc: '2.0',
      id: 'probe',
      result: {},
    })
    const unheard = {...session, 'mcp-protocol-version': '1900-01-01'}
    expect(await posted(endpoint.port, ping, unheard)).toMatchObject({
      status: 400,
      message: {id: null, error: {code: -32600}},
    })
  })

  test('of a revision that is not spoken is told which ones are', async () => {
    await using endpoint = await startHttpEndpoint({answer: echo})
    const _meta = {...META, 'io.modelcontextprotocol/protocolVersion': 'v999.0.0'}
    const more = {'mcp-protocol-version': 'v999.0.0', 'mcp-method': 'server/discover'}
    const answer = await posted(endpoint.port, {method: 'server/discover', params: {_meta}}, more)
    expect(answer.status).toBe(400)
    expect(answer.message).toEqual({
      jsonrpc: '2.0',
      id: 'probe',
      error: {
        code: -32022,
        message: 'MCP v999.0.0 is not spoken here',
        data: {supported, requested: 'v999.0.0'},
      },
    })
  })

  test.each([
    ['asks what is spoken without saying more', {method: 'server/discover'}, -32602],
    ['names no capabilities', {method: 'x', params: {_meta: without(META, capabilities)}}, -32602],
    ['names a revision that is no text', {method: 'x', params: {_meta: {[KEY]: 7}}}, -32602],
  ])('that %s is refused under its id', async (_, message, code) => {
    await using endpoint = await startHttpEndpoint({answer: echo})
    const answer = await posted(endpoint.port, message, {})
    expect(answer).toMatchObject({status: 400, message: {id: 'probe', error: {code}}})
  })

  test('to initialize that offers no version, but has one about it, needs no session', async () => {
    await using endpoint = await startHttpEndpoint({answer: echo})
    const more = {'mcp-protocol-version': '2026-07-28', 'mcp-method': 'initialize'}
    const bare = {method: 'initialize', params: {_meta: META}}
    expect((await posted(endpoint.port, bare, more)).message).toMatchObject({result: {served: {}}})
    const offering = {method: 'initialize', params: {_meta: META, protocolVersion: '2025-11-25'}}
    const session = await posted(endpoint.port, offering, more)
    expect(session.headers).toHaveProperty('mcp-session-id')
  })
})

describe('over HTTP+SSE, which has sessions only, a request of a revision without', () => {
  test('is told which revisions have them', async () => {
    await using endpoint = await startHttpEndpoint({answer: echo})
    const {incoming} = await send({port: endpoint.port, path: '/sse'})
    const {value} = await rawEvents(incoming).next()
    const path = value?.data ?? ''
    const body = {jsonrpc: '2.0', id: 'probe', method: 'tools/list', params: {_meta: META}}
    const answer = await fetchRaw({
      port: endpoint.port,
      method: 'POST',
      path,
      headers: {'content-type': 'application/json'},
      body: JSON.stringify(body),
    })
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.body)).toMatchObject({
      id: 'probe',
      error: {code: -32022, data: {supported: supported.slice(1), requested: '2026-07-28'}},
    })
    incoming.destroy()
  })
})

describe('a client that knows both eras', () => {
  test('falls back to a session where the other era is refused', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await connected(new StreamableHTTPClientTransport(endpoint.url))
    const {tools} = await client.listTools()
    expect(tools).toHaveLength(4)
    expect(client.getNegotiatedProtocolVersion()).toBe('2025-11-25')
    await client.close()
  })

  test('needs none at a gateway, which speaks both', async () => {
    await using home = await testHome()
    const catalog = join(home.dir, 'catalog.yaml')
    await writeFile(catalog, 'name: none\nregistry: {}\n')
    const args = [SCRIPT, home.dir, catalog]
    const client = await connected(
      new StdioClientTransport({command: process.execPath, args, stderr: 'ignore'}),
    )
    expect(await client.listTools()).toMatchObject({tools: []})
    expect(client.getNegotiatedProtocolVersion()).toBe('2026-07-28')
    await client.close()
  })
})

async function posted(port: number, message: object, more: Readonly<Record<string, string>>) {
  const headers = {'content-type': 'application/json', ...more}
  const body = JSON.stringify({jsonrpc: '2.0', id: 'probe', ...message})
  const answer = await fetchRaw({port, method: 'POST', headers, body})
  const text = /^data: (.+)$/m.exec(answer.body)?.[1] ?? answer.body
  return {...answer, message: JSON.parse(text)}
}

const SCRIPT = join(import.meta.dirname, '..', '..', '..', 'fixtures', 'serve-stdio.ts')

async function connected(transport: Transport): Promise<Client> {
  const client = new Client({name: 'both', version: '1'}, {versionNegotiation: {mode: 'auto'}})
  await client.connect(transport)
  return client
}
