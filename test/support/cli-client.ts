import {readFile} from 'node:fs/promises'
import {Client} from '@modelcontextprotocol/sdk/client/index.js'
import {StdioClientTransport} from '@modelcontextprotocol/sdk/client/stdio.js'
import {StreamableHTTPClientTransport} from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type {Transport} from '@modelcontextprotocol/sdk/shared/transport.js'
import {CallToolResultSchema} from '@modelcontextprotocol/sdk/types.js'
import * as z from 'zod'

import type {DockerCli, Running} from './docker-cli.ts'

/** The SDK's client, connected to a gateway. Disposing of it closes the connection. */
export interface ConnectedClient extends AsyncDisposable {
  readonly client: Client
  /** What the gateway that this client started wrote to stderr so far. */
  stderr(): string
  /** Names of all tools. */
  toolNames(): Promise<readonly string[]>
  /** Calls a tool and gives the text of its result. */
  text(name: string, args: Readonly<Record<string, unknown>>): Promise<string>
}

/** Starts `docker mcp gateway run` as AI clients do, and connects over its stdin and stdout. */
export async function connectStdio(
  cli: DockerCli,
  flags: readonly string[] = [],
): Promise<ConnectedClient> {
  return connectProgram('docker', {args: ['mcp', 'gateway', 'run', ...flags], env: cli.env})
}

/** Starts a program that is a gateway, and connects over its stdin and stdout. */
export async function connectProgram(
  command: string,
  {args, env}: {readonly args: readonly string[]; readonly env: Readonly<Record<string, string>>},
): Promise<ConnectedClient> {
  const transport = new StdioClientTransport({
    command,
    args: [...args],
    env: {...env},
    stderr: 'pipe',
  })
  let stderr = ''
  transport.stderr?.on('data', chunk => (stderr += chunk))
  return connected(transport, () => stderr)
}

/** Waits until a gateway that serves HTTP says where, and connects with its token. */
export async function connectHttp(gateway: Running): Promise<ConnectedClient> {
  const {url, token} = await printedEndpoint(gateway)
  const requestInit = {headers: {authorization: `Bearer ${token}`}}
  return connected(new StreamableHTTPClientTransport(url, {requestInit}), () => '')
}

/** Where a gateway says that it is, and the token in the file that it names. */
export async function printedEndpoint(gateway: Running): Promise<{url: URL; token: string}> {
  const [, url = ''] = await gateway.said(/Gateway: (http:\S+)/)
  const [, file = ''] = await gateway.said(/the token is in (\S+)\)/)
  const {token} = z.object({token: z.string()}).parse(JSON.parse(await readFile(file, 'utf8')))
  return {url: new URL(url), token}
}

async function connected(transport: Transport, stderr: () => string): Promise<ConnectedClient> {
  const client = new Client({name: 'docker-mcp-test', version: '1'})
  await client.connect(transport)
  return {
    client,
    stderr,
    async toolNames() {
      return (await client.listTools()).tools.map(({name}) => name)
    },
    async text(name, args) {
      const params = {name, arguments: args}
      const {content} = await client.request({method: 'tools/call', params}, CallToolResultSchema)
      return content.map(block => (block.type === 'text' ? block.text : block.type)).join('\n')
    },
    [Symbol.asyncDispose]: () => client.close(),
  }
}
