import {Client} from '@modelcontextprotocol/sdk/client/index.js'
import {StdioClientTransport} from '@modelcontextprotocol/sdk/client/stdio.js'
import {
  CallToolResultSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'
import * as z from 'zod'

import {dockerCli, type DockerCli} from './docker-cli.ts'

const statusSchema = z.array(
  z.object({
    gateway: z.string(),
    pid: z.number(),
    name: z.string().optional(),
    profile: z.string(),
    clients: z.array(z.string()),
    address: z.string().optional(),
  }),
)

/** What `gateway status` says of one gateway. */
export type Status = z.infer<typeof statusSchema>[number]

/** All gateways of a docker CLI that run. */
export async function statusOf(cli: DockerCli): Promise<readonly Status[]> {
  return statusSchema.parse(JSON.parse(await cli.mcp('gateway', 'status', '--format', 'json')))
}

/** The one of a name, which must run. */
export async function oneOf(cli: DockerCli, name = 'default'): Promise<Status> {
  const found = (await statusOf(cli)).find(one => one.name === name)
  if (!found) throw new Error(`no gateway ${name} runs`)
  return found
}

/** A docker CLI whose gateways in the background end with it. */
export async function backgroundCli(): Promise<DockerCli> {
  const cli = await dockerCli()
  return {
    ...cli,
    async [Symbol.asyncDispose]() {
      for (const {name} of await statusOf(cli)) {
        await cli.run(['mcp', 'gateway', 'stop', '--name', name ?? 'default'])
      }
      await cli[Symbol.asyncDispose]()
    },
  }
}

/** A client of a gateway in the background. */
export interface Connected extends AsyncDisposable {
  readonly client: Client
  echo(message: string): Promise<string>
  /** How many times a change of the list of tools was told. */
  changes(): number
}

/** The SDK's client, which starts `docker mcp gateway connect` as AI clients do. */
export async function connected(
  cli: DockerCli,
  {
    name = 'a-client',
    flags = [],
    env = {},
  }: {name?: string; flags?: readonly string[]; env?: Readonly<Record<string, string>>} = {},
): Promise<Connected> {
  const transport = new StdioClientTransport({
    command: 'docker',
    args: ['mcp', 'gateway', 'connect', ...flags],
    env: {...cli.env, ...env},
    stderr: 'pipe',
  })
  const client = new Client({name, version: '1'})
  let changes = 0
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => void (changes += 1))
  await client.connect(transport)
  return {
    client,
    changes: () => changes,
    async echo(message) {
      const params = {name: 'echo', arguments: {message}}
      const {content} = await client.request({method: 'tools/call', params}, CallToolResultSchema)
      return content.map(block => (block.type === 'text' ? block.text : block.type)).join('\n')
    },
    [Symbol.asyncDispose]: () => client.close(),
  }
}
