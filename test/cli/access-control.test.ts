import {StreamableHTTPClientTransport} from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {Client} from '@modelcontextprotocol/sdk/client/index.js'
import type {Transport} from '@modelcontextprotocol/sdk/shared/transport.js'
import {beforeAll, describe, expect, test} from 'vitest'
import {connectStdio, printedEndpoint} from '../support/cli-client.ts'
import {addCatalog, sampleImage} from '../support/cli-catalog.ts'
import {dockerCli, type DockerCli} from '../support/docker-cli.ts'

const CI = 'token-of-the-ci-runner'
const ADMIN = 'token-of-the-administrator'
const TOKENS = {CI_TOKEN: CI, ADMIN_TOKEN: ADMIN}
const READING = ['open_nodes', 'read_graph', 'search_nodes']

const RULES = `
transport: streaming
port: 0
accessControl:
  defaultPolicy: deny
  deniedTools: [delete_*]
  clients:
    ci:
      token: \${CI_TOKEN}
      allowedServers: [graph]
      readOnly: true
    admin:
      token: \${ADMIN_TOKEN}
      allowedServers: ['*']
    nobody:
      token: \${NOT_SET}
      allowedServers: ['*']
`

let images: {graph: string; everything: string}
beforeAll(async () => {
  images = {graph: await sampleImage('memory'), everything: await sampleImage('everything')}
})

/** A cli with two servers, and these rules. */
async function governed(rules: string): Promise<DockerCli> {
  const cli = await dockerCli()
  await addCatalog(cli, {graph: {image: images.graph}, other: {image: images.everything}})
  await cli.mcp('server', 'enable', 'graph', 'other')
  await cli.write('mcp-gateway-config.yaml', rules)
  return cli
}

/** A client of the SDK that shows a token. */
async function connected(
  url: URL,
  token: string,
): Promise<{client: Client; session: string} & AsyncDisposable> {
  const client = new Client({name: 'admin', version: '1'})
  const transport = new StreamableHTTPClientTransport(url, {
    requestInit: {headers: {authorization: `Bearer ${token}`}},
  })
  if (!isTransport(transport)) throw new Error('no transport')
  await client.connect(transport)
  const session = transport.sessionId ?? ''
  return {client, session, [Symbol.asyncDispose]: () => client.close()}
}

/**
 * Opens a session without the SDK, whose client opens a stream, and opens it anew as often as another one takes its place.
 * @returns its id
 */
async function sessionOf(url: URL, token: string): Promise<string> {
  const params = {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: {name: 'admin', version: '1'},
  }
  const response = await post(url, token, {method: 'initialize', params})
  await response.text()
  return response.headers.get('mcp-session-id') ?? ''
}

function post(url: URL, token: string, message: object, headers: object = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      ...headers,
    },
    body: JSON.stringify({jsonrpc: '2.0', id: 1, ...message}),
  })
}

/** The SDK's own types disagree with each other about an optional member. */
function isTransport(value: object): value is Transport {
  return 'start' in value
}

async function toolNames(client: Client): Promise<readonly string[]> {
  return (await client.listTools()).tools.map(({name}) => name).toSorted()
}

/** The same of servers that a list may have to do without at first: one that starts is not waited for for ever. */
async function allToolNames(list: () => Promise<readonly string[]>): Promise<readonly string[]> {
  let names: readonly string[] = []
  await expect
    .poll(async () => (names = await list()))
    .toEqual(expect.arrayContaining(['read_graph', 'echo']))
  return names
}

/** Posts a message as a client of MCP 2026-07-28 does. */
async function modern(
  url: URL,
  token: string,
  {method, params = {}}: {method: string; params?: Readonly<Record<string, unknown>>},
): Promise<Record<string, unknown>> {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': {name: 'admin', version: '1'},
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  const headers = {
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': method,
    ...('name' in params && {'mcp-name': String(params['name'])}),
  }
  const response = await post(url, token, {method, params: {...params, _meta}}, headers)
  const text = await response.text()
  const data = /^data: (.+)$/m.exec(
    text.includes('\ndata: ') ? text.slice(text.lastIndexOf('\ndata: ') + 1) : text,
  )
  return JSON.parse(data?.[1] ?? text)
}

function call(name: string) {
  return {method: 'tools/call', params: {name, arguments: {entities: []}}}
}

describe('over HTTP', () => {
  test('each client has what its own token allows, whatever it calls itself', async () => {
    await using cli = await governed(RULES)
    await using gateway = cli.start(['mcp', 'gateway', 'run'], {env: TOKENS})
    const {url, token} = await printedEndpoint(gateway)

    await using first = await connected(url, token)
    const {client: shared} = first
    expect(await toolNames(shared)).toEqual([])
    await expect(shared.callTool({name: 'read_graph'})).rejects.toThrow('Unknown tool: read_graph')

    await using second = await connected(url, CI)
    const {client: ci} = second
    await expect.poll(() => toolNames(ci)).toEqual(READING)
    for (const name of ['create_entities', 'delete_entities', 'echo']) {
      await expect(ci.callTool({name, arguments: {entities: []}})).rejects.toThrow(
        `Unknown tool: ${name}`,
      )
    }
    expect(await ci.callTool({name: 'read_graph'})).not.toHaveProperty('isError', true)

    await using third = await connected(url, ADMIN)
    const {client: admin} = third
    const all = await allToolNames(() => toolNames(admin))
    expect(all).toEqual(expect.arrayContaining([...READING, 'create_entities', 'echo']))
    expect(all).not.toContain('delete_entities')
    const made = await admin.callTool({name: 'create_entities', arguments: {entities: []}})
    expect(made).not.toHaveProperty('isError', true)
  })

  test('a client whose token is taken out hears nothing any more, without asking', async () => {
    await using cli = await governed(RULES)
    await using gateway = cli.start(['mcp', 'gateway', 'run'], {env: TOKENS})
    const {url} = await printedEndpoint(gateway)
    const session = await sessionOf(url, CI)
    await using other = await connected(url, ADMIN)
    const openStream = () =>
      fetch(url, {
        headers: {
          authorization: `Bearer ${CI}`,
          accept: 'text/event-stream',
          'mcp-session-id': session,
        },
      })
    const stream = await openStream()
    expect(stream.status).toBe(200)
    await cli.write('mcp-gateway-config.yaml', RULES.replace('CI_TOKEN', 'NO_TOKEN'))
    await stream.text()
    expect((await openStream()).status).toBe(401)
    await expect.poll(() => toolNames(other.client)).toContain('echo')
  })

  test('the same holds for clients without sessions', async () => {
    await using cli = await governed(RULES)
    await using gateway = cli.start(['mcp', 'gateway', 'run'], {env: TOKENS})
    const {url, token} = await printedEndpoint(gateway)
    const names = async (shown: string) => {
      const {result} = await modern(url, shown, {method: 'tools/list'})
      return Object(result)
        .tools.map(({name}: {name: string}) => name)
        .toSorted()
    }
    expect(await allToolNames(() => names(ADMIN))).toContain('create_entities')
    await expect.poll(() => names(CI)).toEqual(READING)
    expect(await names(token)).toEqual([])
    for (const name of ['create_entities', 'echo']) {
      expect(await modern(url, CI, call(name))).toMatchObject({
        error: {code: -32_602, message: expect.stringContaining(`Unknown tool: ${name}`)},
      })
      expect(await modern(url, token, call(name))).toMatchObject({error: {code: -32_602}})
    }
    expect(await modern(url, ADMIN, call('create_entities'))).toHaveProperty('result')
    expect(await modern(url, ADMIN, call('delete_entities'))).toHaveProperty('error')
  })

  test('what only reads can be called at once, by clients of both eras', async () => {
    await using cli = await governed(RULES)
    const first = cli.start(['mcp', 'gateway', 'run'], {env: TOKENS})
    {
      await using gateway = first
      const {url} = await printedEndpoint(gateway)
      expect(await modern(url, CI, call('read_graph'))).toHaveProperty('result')
      expect(await modern(url, CI, call('create_entities'))).toHaveProperty('error')
    }
    await using again = cli.start(['mcp', 'gateway', 'run'], {env: TOKENS})
    const {url} = await printedEndpoint(again)
    await using legacy = await connected(url, CI)
    await expect.poll(() => toolNames(legacy.client)).toEqual(READING)
    expect(await legacy.client.callTool({name: 'read_graph', arguments: {}})).toHaveProperty(
      'content',
    )
    expect(await modern(url, CI, call('read_graph'))).toHaveProperty('result')
  })

  test('a session belongs to the client that opened it', async () => {
    await using cli = await governed(RULES)
    await using gateway = cli.start(['mcp', 'gateway', 'run'], {env: TOKENS})
    const {url, token} = await printedEndpoint(gateway)
    await using admin = await connected(url, ADMIN)
    const {session} = admin
    const status = async (shown: string, method: string) => {
      const body = JSON.stringify({jsonrpc: '2.0', id: 7, method: 'ping'})
      const response = await fetch(url, {
        method,
        headers: {
          authorization: `Bearer ${shown}`,
          accept: 'application/json, text/event-stream',
          'content-type': 'application/json',
          'mcp-session-id': session,
        },
        ...(method === 'POST' && {body}),
      })
      await response.body?.cancel()
      return response.status
    }
    for (const shown of [CI, token]) {
      for (const method of ['POST', 'GET', 'DELETE']) expect(await status(shown, method)).toBe(404)
    }
    expect(await status(ADMIN, 'POST')).toBe(200)
    expect(await status(`${ADMIN}x`, 'POST')).toBe(401)
    expect(await status('', 'POST')).toBe(401)
  })

  test('tokens that can be guessed, and one for two clients, are refused', async () => {
    await using cli = await governed(RULES)
    const start = (env: Readonly<Record<string, string>>) =>
      cli.run(['mcp', 'gateway', 'run'], {env})
    const weak = await start({...TOKENS, CI_TOKEN: 'hunter2'})
    expect(weak.code).toBe(1)
    expect(weak.stderr).toContain('the token of client ci (CI_TOKEN) is shorter than 16 characters')
    expect(weak.stderr).not.toContain('hunter2')
    const same = await start({CI_TOKEN: CI, ADMIN_TOKEN: CI})
    expect(same.code).toBe(1)
    expect(same.stderr).toContain(
      'the token of client admin (ADMIN_TOKEN) is also that of client ci',
    )
  })
})

describe('over stdio', () => {
  const STDIO = RULES.replace('transport: streaming', 'transport: stdio')

  test('whoever starts the gateway says for which client, and its rules hold', async () => {
    await using cli = await governed(STDIO)
    await using ci = await connectStdio(cli, ['--client', 'ci'])
    await expect.poll(async () => [...(await ci.toolNames())].toSorted()).toEqual(READING)
    await expect(ci.text('create_entities', {entities: []})).rejects.toThrow('Unknown tool')
    await using nobody = await connectStdio(cli)
    expect(await nobody.toolNames()).toEqual([])
  })

  test('nothing hidden can be called where there is one server alone', async () => {
    await using cli = await governed(STDIO)
    await using ci = await connectStdio(cli, ['--client', 'ci', '--servers', 'graph'])
    await expect(ci.text('create_entities', {entities: []})).rejects.toThrow('Unknown tool')
    expect([...(await ci.toolNames())].toSorted()).toEqual(READING)
    await expect(ci.text('delete_entities', {entityNames: []})).rejects.toThrow('Unknown tool')
    expect(await ci.text('read_graph', {})).toContain('entities')
  })

  test('what only reads can be called before its server has listed it, also from memory', async () => {
    await using cli = await governed(STDIO)
    const flags = ['--client', 'ci']
    {
      await using first = await connectStdio(cli, flags)
      expect(await first.text('read_graph', {})).toContain('entities')
      await expect(first.text('create_entities', {entities: []})).rejects.toThrow('Unknown tool')
    }
    for (const more of [
      ['--servers', 'graph'],
      ['--servers', 'graph,other'],
    ]) {
      await using warm = await connectStdio(cli, [...flags, ...more])
      expect([...(await warm.toolNames())].toSorted()).toEqual(READING)
      expect(await warm.text('read_graph', {})).toContain('entities')
    }
    const other = STDIO.replace('[graph]', "['*']")
    await cli.write('mcp-gateway-config.yaml', other)
    await using both = await connectStdio(cli, flags)
    await both.toolNames()
    expect(await both.text('read_graph', {})).toContain('entities')
  })

  test('a client that the rules do not know is refused, with the names near to it', async () => {
    await using cli = await governed(STDIO.replace('defaultPolicy: deny', 'defaultPolicy: allow'))
    for (const args of [
      ['gateway', 'run', '--client', 'admn'],
      ['tools', 'ls', '--gateway-arg=--client=admn'],
    ]) {
      const {code, stderr} = await cli.run(['mcp', ...args])
      expect(code).toBe(125)
      expect(stderr).toContain('--client "admn" is not under accessControl.clients')
      expect(stderr).toContain('did you mean admin?')
    }
  })

  test('tools ls says that the rules hide everything, and server ls --cost is about all', async () => {
    await using cli = await governed(STDIO)
    const {stdout, stderr} = await cli.run(['mcp', 'tools', 'ls'])
    expect(stdout).toBe('0 tools:\n')
    expect(stderr).toContain('the access rules of the gateway file hide')
    expect(stderr).toContain('--gateway-arg=--client=')
    expect(JSON.parse(await cli.mcp('server', 'ls', '--cost', '--format', 'json'))).toMatchObject([
      {name: 'graph', tools: 9},
      {name: 'other', tools: expect.any(Number)},
    ])
  })

  test('the flag has no meaning over HTTP', async () => {
    await using cli = await governed(RULES)
    const {code, stderr} = await cli.run(['mcp', 'gateway', 'run', '--client', 'ci'], {env: TOKENS})
    expect(code).toBe(125)
    expect(stderr).toContain('--client has no meaning over HTTP')
  })
})
