import {Client} from '@modelcontextprotocol/sdk/client/index.js'
import {StdioClientTransport} from '@modelcontextprotocol/sdk/client/stdio.js'
import {StreamableHTTPClientTransport} from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  CallToolResultSchema,
  PromptListChangedNotificationSchema,
  ResourceListChangedNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'
import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernHttp,
} from '@modelcontextprotocol/client'
import {StdioClientTransport as ModernStdio} from '@modelcontextprotocol/client/stdio'
import {expect} from 'vitest'
import {printedEndpoint} from './cli-client.ts'
import type {DockerCli} from './docker-cli.ts'
import {Inbox} from './inbox.ts'

/** A client of a gateway that runs, and that gateway's stderr. */
export interface ReloadClient extends AsyncDisposable {
  /** Which lists are said to have changed, in order. */
  readonly changes: Inbox<List>
  stderr(): string
  tools(): Promise<readonly string[]>
  /** The text of a tool's result. */
  call(name: string): Promise<string>
}

type List = 'prompts' | 'resources' | 'tools'

/** Ways to be a client. */
export const CLIENTS = ['legacy, stdio', 'legacy, HTTP', 'modern, stdio', 'modern, HTTP'] as const

/**
 * Starts a gateway through the docker CLI, and connects to it.
 * @param flags more of `gateway run`
 */
export async function connectTo(
  cli: DockerCli,
  kind: (typeof CLIENTS)[number],
  flags: readonly string[],
): Promise<ReloadClient> {
  const [era, transport] = kind.split(', ')
  const place = transport === 'stdio' ? await overStdio(cli, flags) : await overHttp(cli, flags)
  return era === 'legacy' ? legacy(place) : modern(place)
}

/**
 * Waits until a client sees these tools: what a server lists later than a list waits for it is a change of that list, of
 * which the client has heard then.
 */
export async function seesTools(client: ReloadClient, names: readonly string[]): Promise<void> {
  let seen = await client.tools()
  for (let told = 0; seen.length < names.length; told += 1) {
    await client.changes.find(() => true, told)
    seen = await client.tools()
  }
  expect(seen.toSorted()).toEqual(names)
}

/** A connection for either generation of the SDK. */
interface Way {
  readonly legacy: () => StdioClientTransport | StreamableHTTPClientTransport
  readonly modern: () => ModernStdio | ModernHttp
  stderr(): string
  end(): Promise<void>
}

async function overStdio(cli: DockerCli, flags: readonly string[]): Promise<Way> {
  const args = ['mcp', 'gateway', 'run', ...flags]
  const command = {command: 'docker', args, env: {...cli.env}, stderr: 'pipe' as const}
  let stderr = ''
  const read = <T extends StdioClientTransport | ModernStdio>(transport: T) => {
    transport.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    return transport
  }
  return {
    legacy: () => read(new StdioClientTransport(command)),
    modern: () => read(new ModernStdio(command)),
    stderr: () => stderr,
    end: async () => undefined,
  }
}

async function overHttp(cli: DockerCli, flags: readonly string[]): Promise<Way> {
  const http = ['--transport', 'streaming', '--port', '0']
  const gateway = cli.start(['mcp', 'gateway', 'run', ...http, ...flags])
  let stderr = ''
  gateway.child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const {url, token} = await printedEndpoint(gateway)
  const options = {requestInit: {headers: {authorization: `Bearer ${token}`}}}
  return {
    legacy: () => new StreamableHTTPClientTransport(url, options),
    modern: () => new ModernHttp(url, options),
    stderr: () => stderr,
    end: async () => gateway[Symbol.asyncDispose](),
  }
}

async function legacy(way: Way): Promise<ReloadClient> {
  const client = new Client({name: 'legacy', version: '1'})
  const changes = new Inbox<List>()
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => changes.add('tools'))
  client.setNotificationHandler(PromptListChangedNotificationSchema, () => changes.add('prompts'))
  client.setNotificationHandler(ResourceListChangedNotificationSchema, () =>
    changes.add('resources'),
  )
  await client.connect(way.legacy())
  return {
    changes,
    stderr: () => way.stderr(),
    tools: async () => (await client.listTools()).tools.map(({name}) => name),
    async call(name) {
      const params = {name, arguments: {}}
      const {content} = await client.request({method: 'tools/call', params}, CallToolResultSchema)
      return content.map(block => (block.type === 'text' ? block.text : '')).join('')
    },
    async [Symbol.asyncDispose]() {
      await client.close()
      await way.end()
    },
  }
}

async function modern(way: Way): Promise<ReloadClient> {
  const client = new ModernClient(
    {name: 'modern', version: '2'},
    {versionNegotiation: {mode: {pin: '2026-07-28'}}},
  )
  const changes = new Inbox<List>()
  client.setNotificationHandler('notifications/tools/list_changed', () => changes.add('tools'))
  client.setNotificationHandler('notifications/prompts/list_changed', () => changes.add('prompts'))
  client.setNotificationHandler('notifications/resources/list_changed', () =>
    changes.add('resources'),
  )
  await client.connect(way.modern())
  await client.listen({
    toolsListChanged: true,
    promptsListChanged: true,
    resourcesListChanged: true,
  })
  return {
    changes,
    stderr: () => way.stderr(),
    tools: async () => (await client.listTools()).tools.map(({name}) => name),
    async call(name) {
      const {content} = await client.callTool({name, arguments: {}})
      return content.map(block => (block.type === 'text' ? block.text : '')).join('')
    },
    async [Symbol.asyncDispose]() {
      await client.close()
      await way.end()
    },
  }
}
