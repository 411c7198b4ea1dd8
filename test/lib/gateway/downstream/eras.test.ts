import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {Client, StreamableHTTPClientTransport, type Transport} from '@modelcontextprotocol/client'
import {StdioClientTransport} from '@modelcontextprotocol/client/stdio'
import {describe, expect, test} from 'vitest'
import {startHttpEndpoint} from '../../../support/http-endpoint.ts'
import {testHome} from '../../../support/in-process-gateway.ts'
import {fetchRaw} from '../../../support/raw-http.ts'

const META = {'io.modelcontextprotocol/protocolVersion': '2026-07-28'}
const supported = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05']

describe('a request of a revision without sessions', () => {
  test.each([
    ['by what it carries', {}, {method: 'tools/list', params: {_meta: META}}],
    ['by its header', {'mcp-protocol-version': '2026-07-28'}, {method: 'tools/list'}],
    ['by its method', {}, {method: 'server/discover'}],
  ])('is told %s, and which revisions are spoken', async (_, headers, message) => {
    await using endpoint = await startHttpEndpoint()
    const answer = await fetchRaw({
      port: endpoint.port,
      method: 'POST',
      headers: {'content-type': 'application/json', ...headers},
      body: JSON.stringify({jsonrpc: '2.0', id: 'probe', ...message}),
    })
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.body)).toEqual({
      jsonrpc: '2.0',
      id: 'probe',
      error: {
        code: -32022,
        message: 'MCP 2026-07-28 is not spoken here: begin with initialize',
        data: {supported, requested: '2026-07-28'},
      },
    })
  })

  test.each([
    ['a notice', {jsonrpc: '2.0', method: 'notifications/cancelled'}],
    ['a batch', [{jsonrpc: '2.0', id: 1, method: 'ping'}]],
    ['no message', {}],
  ])('is refused without an id when it is %s', async (_, body) => {
    await using endpoint = await startHttpEndpoint()
    const headers = {'content-type': 'application/json', 'mcp-protocol-version': '2027-01-01'}
    const {port} = endpoint
    const answer = await fetchRaw({port, method: 'POST', headers, body: JSON.stringify(body)})
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.body)).toMatchObject({id: null, error: {code: -32022}})
  })
})

describe('a client that knows both eras falls back to a session', () => {
  test('over HTTP', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await connected(new StreamableHTTPClientTransport(endpoint.url))
    const {tools} = await client.listTools()
    expect(tools).toHaveLength(4)
    expect(client.getNegotiatedProtocolVersion()).toBe('2025-11-25')
    await client.close()
  })

  test('over stdio', async () => {
    await using home = await testHome()
    const catalog = join(home.dir, 'catalog.yaml')
    await writeFile(catalog, 'name: none\nregistry: {}\n')
    const args = [SCRIPT, home.dir, catalog]
    const client = await connected(
      new StdioClientTransport({command: process.execPath, args, stderr: 'ignore'}),
    )
    expect(await client.listTools()).toMatchObject({tools: []})
    expect(client.getNegotiatedProtocolVersion()).toBe('2025-11-25')
    await client.close()
  })
})

const SCRIPT = join(import.meta.dirname, '..', '..', '..', 'fixtures', 'serve-stdio.ts')

async function connected(transport: Transport): Promise<Client> {
  const client = new Client({name: 'both', version: '1'}, {versionNegotiation: {mode: 'auto'}})
  await client.connect(transport)
  return client
}
