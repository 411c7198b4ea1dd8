import {createServer, type ServerResponse} from 'node:http'
import type {AddressInfo} from 'node:net'
import {McpServer} from '@modelcontextprotocol/sdk/server/mcp.js'
import {SSEServerTransport} from '@modelcontextprotocol/sdk/server/sse.js'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import type {EraClient} from '../../support/era-client.ts'
import {Inbox} from '../../support/inbox.ts'
import {LegacyClient} from '../../support/legacy-client.ts'
import {ModernClient} from '../../support/modern-client.ts'
import {startGateway, type Remote} from '../../support/worlds.ts'

const closers: (() => Promise<void>)[] = []
const written: string[] = []
const initialized: string[] = []
let session = 'first'
/** How the next call is answered. */
let next: ((response: ServerResponse) => void) | undefined
let gateway: Remote
const clients = new Map<string, EraClient>()

async function listen(handler: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(handler)
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve))
  closers.push(async () => {
    server.closeAllConnections()
    await new Promise(resolve => void server.close(resolve))
  })
  // oxlint-disable-next-line no-unsafe-type-assertion
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
}

/** A server over HTTP+SSE, which refuses to be asked in any other way. */
function oldServer(): Promise<string> {
  const transports = new Map<string, SSEServerTransport>()
  return listen((incoming, response) => {
    if (incoming.method === 'GET') {
      const transport = new SSEServerTransport('/messages', response)
      transports.set(transport.sessionId, transport)
      const server = new McpServer({name: 'old', version: '1'})
      server.registerTool('greet', {}, async () => ({content: [{type: 'text', text: 'hello'}]}))
      return void server.connect(transport)
    }
    const id = new URL(incoming.url ?? '/', 'http://x').searchParams.get('sessionId')
    const transport = transports.get(id ?? '')
    if (transport) return void transport.handlePostMessage(incoming, response)
    response.writeHead(405).end()
  })
}

/** A server with a tool that writes, which forgets its sessions when `session` changes. */
function forgetfulServer(): Promise<string> {
  return listen((incoming, response) => {
    let body = ''
    incoming.on('data', (chunk: Buffer) => (body += chunk.toString()))
    incoming.on('end', () => {
      if (incoming.method !== 'POST') return response.writeHead(405).end()
      const message = JSON.parse(body)
      const answer = (result: unknown) =>
        response
          .writeHead(200, {'content-type': 'application/json', 'mcp-session-id': session})
          .end(JSON.stringify({jsonrpc: '2.0', id: message.id, result}))
      if (message.method === 'server/discover') return response.writeHead(404).end()
      if (message.method === 'initialize') {
        initialized.push(session)
        return answer({
          protocolVersion: '2025-11-25',
          capabilities: {tools: {}},
          serverInfo: {name: 'forgetful', version: '1'},
        })
      }
      if (incoming.headers['mcp-session-id'] !== session) return response.writeHead(404).end()
      if (message.id === undefined) return response.writeHead(202).end()
      if (message.method === 'tools/list') {
        return answer({tools: [{name: 'write', inputSchema: {type: 'object'}}]})
      }
      if (next) return next(response)
      written.push(session)
      return answer({content: [{type: 'text', text: `wrote in ${session}`}]})
    })
  })
}

beforeAll(async () => {
  const headers = {Authorization: 'Bearer ${locked.token}'}
  gateway = await startGateway(
    {
      old: {type: 'remote', remote: {url: await oldServer()}},
      forgetful: {type: 'remote', remote: {url: await forgetfulServer()}},
      locked: {
        type: 'remote',
        remote: {url: 'http://127.0.0.1:9/mcp', transport_type: 'http', headers},
        secrets: [{name: 'locked.token', env: 'LOCKED_TOKEN'}],
        tools: [{name: 'open'}],
      },
    },
    new Inbox<string>(),
  )
  clients.set('legacy', await LegacyClient.open(gateway.url, {}))
  clients.set('modern', new ModernClient(gateway.url, {}))
})

afterAll(async () => {
  for (const client of clients.values()) await client[Symbol.asyncDispose]()
  await gateway[Symbol.asyncDispose]()
  for (const close of closers) await close()
})

describe.each(['legacy', 'modern'])('for a %s client', era => {
  const call = async (name: string) => {
    await clients.get(era)?.ask('tools/list')
    return clients.get(era)?.ask('tools/call', {name, arguments: {}})
  }

  test('a server over HTTP+SSE is found out', async () => {
    expect(await call('greet')).toMatchObject({content: [{text: 'hello'}]})
  })

  test('a server that has forgotten the session does each call once', async () => {
    session = `${era} one`
    await call('write')
    written.length = 0
    initialized.length = 0
    session = `${era} two`
    const answers = await Promise.all(Array.from({length: 4}, () => call('write')))
    expect(answers).toMatchObject(answers.map(() => ({content: [{text: `wrote in ${era} two`}]})))
    expect(written).toHaveLength(4)
    expect(new Set(initialized)).toEqual(new Set([session]))
  })

  test.each<[string, (response: ServerResponse) => void]>([
    ['answers 200 with nothing', response => void response.writeHead(200).end()],
    ['breaks the connection', response => void response.destroy()],
  ])('a lost write is a failure when the server %s', async (_how, end) => {
    let asked = 0
    next = response => {
      asked += 1
      end(response)
    }
    expect(await call('write')).toMatchObject({
      isError: true,
      content: [
        {text: expect.stringMatching(/^server forgetful: .*; it may have done what it was asked/u)},
      ],
    })
    expect(asked).toBe(1)
    next = undefined
    expect(await call('write')).not.toHaveProperty('isError')
  })

  test('a server without its secret has no tool, and holds up none', async () => {
    const listed = await clients.get(era)?.ask('tools/list')
    expect(JSON.stringify(listed)).not.toContain('"open"')
  })
})
