import {readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {setImmediate as turn} from 'node:timers/promises'
import {Client} from '@modelcontextprotocol/sdk/client/index.js'
import {StdioClientTransport} from '@modelcontextprotocol/sdk/client/stdio.js'
import {CallToolResultSchema} from '@modelcontextprotocol/sdk/types.js'
import {expect, vi} from 'vitest'

import {capture} from '../../scripts/process.ts'
import {missingTools} from '../../scripts/test-tools.ts'
import type {JsonObject} from '../../src/lib/base/json.ts'
import type {DockerCli} from '../support/docker-cli.ts'

const missing = await missingGround()
if (missing !== undefined && process.env['CI']) {
  throw new Error(`the tests of isolation must not be skipped in CI: ${missing}`)
}

/** Whether this machine lets a test make namespaces and engines of its own. Never false in CI: it throws there. */
export const hasGround = missing === undefined

/** What a test of isolation would need and does not have. */
async function missingGround(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'this is not Linux'
  const tools = await missingTools()
  if (tools.length > 0) return `${tools.join(', ')} is not installed`
  if (process.getuid?.() !== 0) return 'this is not root'
  const {code, stderr} = await capture('unshare', ['--mount', '--net', 'true'])
  return code === 0 ? undefined : `namespaces cannot be made: ${stderr.trim()}`
}

/** Members of a catalog entry by server name. Every one gets `type`, and its name as the prefix of its tools. */
export type Entries = Readonly<Record<string, JsonObject>>

export interface GatewayInput {
  readonly cli: DockerCli
  /** As in `DOCKER_HOST`; the engine of docker when nothing is said. */
  readonly host?: string
  readonly servers: Entries
  readonly flags?: readonly string[]
  /** Put in front of `docker`, see `OutsideWorld.enter`. */
  readonly enter?: readonly string[]
}

/** A gateway over stdio with a client. Disposing of it closes the connection and waits for the gateway's end. */
export interface TestGateway extends AsyncDisposable {
  readonly pid: number
  /** What it wrote to stderr so far. */
  stderr(): string
  /** Waits until it has written something that matches. */
  said(pattern: RegExp): Promise<void>
  /** Calls a tool of a server and gives its text. */
  text(server: string, tool: string, args?: JsonObject): Promise<string>
  /** Calls a tool that answers with JSON. */
  call<T>(server: string, tool: string, args?: JsonObject): Promise<T>
}

const CALL_MS = 250_000

/** Starts `docker mcp gateway run` with a catalog of these servers alone, and connects a client to it. */
export async function startGateway(input: GatewayInput): Promise<TestGateway> {
  const {cli, host, servers, flags = [], enter = []} = input
  const names = Object.keys(servers)
  const file = await cli.write(`${names.join('-').slice(0, 60)}.json`, catalogOf(servers))
  const run = ['docker', 'mcp', 'gateway', 'run', '--catalog', file]
  const [command = '', ...args] = [
    ...enter,
    ...run,
    ...names.flatMap(name => ['--servers', name]),
    ...flags,
  ]
  const env = {...cli.env, ...(host !== undefined && {DOCKER_HOST: host})}
  return connect({command, args, env})
}

/** The text of a catalog. */
export function catalogOf(servers: Entries): string {
  const registry = Object.fromEntries(
    Object.entries(servers).map(([name, entry]) => [
      name,
      {type: 'server', prefix: name, ...entry},
    ]),
  )
  return JSON.stringify({version: 3, name: 'isolation', registry})
}

/** Starts a program that is a gateway on its stdin and stdout, and connects a client to it. */
export async function connect(program: {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}): Promise<TestGateway> {
  const transport = new StdioClientTransport({
    command: program.command,
    args: [...program.args],
    env: {...program.env},
    stderr: 'pipe',
  })
  let stderr = ''
  transport.stderr?.on('data', chunk => (stderr += chunk))
  const client = new Client({name: 'docker-mcp-test', version: '1'})
  try {
    await client.connect(transport)
  } catch (error) {
    throw new Error(`no gateway: ${stderr}`, {cause: error})
  }
  const pid = transport.pid ?? -1

  const text = async (server: string, tool: string, args: JsonObject = {}) => {
    const params = {name: `${server}__${tool}`, arguments: args}
    const ask = () =>
      client.request({method: 'tools/call', params}, CallToolResultSchema, {timeout: CALL_MS})
    // On a busy machine a server may not have said yet which tools it has: nothing was called then.
    const {content, isError} = await ask().catch(async (error: unknown) => {
      if (!String(error).includes('no answer yet from')) throw error
      const hasAnswered = new RegExp(`^ *> ${server}: \\(|^! server ${server}[: ]`, 'm')
      // A poll is for tests alone, and some servers are first called before any.
      await vi.waitFor(() => expect(stderr).toMatch(hasAnswered), {timeout: 60_000})
      return ask()
    })
    const words = content.map(block => (block.type === 'text' ? block.text : block.type)).join('\n')
    // What hosts have told before they answered has arrived as well, and is read in this turn.
    await turn()
    if (isError === true) throw new Error(`${words}\n${stderr}`)
    return words
  }
  return {
    pid,
    stderr: () => stderr,
    async said(pattern) {
      await expect.poll(() => stderr).toMatch(pattern)
    },
    text,
    call: async (server, tool, args) => JSON.parse(await text(server, tool, args)),
    [Symbol.asyncDispose]: () => client.close(),
  }
}

/** A process's environment, argument list or status: what is there to read in `/proc`, empty when it is gone. */
export async function procFile(pid: number, name: string): Promise<string> {
  return readFile(join('/proc', String(pid), name), 'latin1').catch(() => '')
}
