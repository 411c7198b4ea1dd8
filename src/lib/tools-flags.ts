import {Flags, Parser} from '@oclif/core'
import type {CallToolResult, Tool} from '@modelcontextprotocol/sdk/types.js'
import type {App} from './app.ts'
import {PluginError} from './base/errors.ts'
import {nearestNames} from './catalog/search.ts'
import {usageError} from './command-line.ts'
import {profileFlags} from './command.ts'
import {extraServersOf} from './extra-flags.ts'
import {withGatewayFile} from './file-flags.ts'
import {gatewayDeps, withGateway, type OwnGateway} from './gateway-door.ts'
import {gatewayFlags, gatewayOptions} from './gateway-flags.ts'
import {GatewaySettings} from './gateway-settings.ts'
import type {GatewayDeps, GatewayOptions} from './gateway/setup.ts'
import {listFlag, listOf} from './list-flag.ts'
import {spellBooleans} from './plugin/argv.ts'
import {takeOverOnce} from './profile-door.ts'
import {readArguments} from './tools/arguments.ts'
import type {GatewayClient} from './tools/client.ts'
import {unbuiltFlags, unbuiltNotices} from './unbuilt-flags.ts'

/** Flags of every command that uses the gateway's tools. */
export const toolsFlags = {
  'gateway-arg': listFlag({
    summary: 'a flag of "gateway run", for the gateway behind this command; may be repeated',
    env: 'DOCKER_MCP_GATEWAY_ARG',
    helpValue: '<flag>',
  }),
  version: Flags.string({
    summary: 'of the protocol between docker’s own plugin and its gateway: 2 is the only one here',
    options: ['2'],
    hidden: true,
  }),
  ...profileFlags,
  verbose: Flags.boolean({
    summary: 'say on stderr what the gateway does',
    allowNo: true,
    env: 'DOCKER_MCP_VERBOSE',
  }),
}

/** A person at the prompt waits for a slow server rather than miss its tools. */
const PATIENCE_MS = 120_000

/** The flags of {@link toolsFlags}, parsed. */
export interface ToolsFlags {
  readonly 'gateway-arg'?: readonly string[] | undefined
  readonly profile?: string | undefined
  readonly 'profile-file'?: string | undefined
  readonly verbose: boolean
}

/** What a gateway behind a command was made with. */
export interface ToolsRun {
  readonly deps: GatewayDeps
  readonly options: GatewayOptions
}

/** Runs a gateway with the given flags for as long as `use` needs its tools, which are listed once. */
export async function withTools<T>(
  app: App,
  flags: ToolsFlags,
  use: (tools: readonly Tool[], own: OwnGateway, run: ToolsRun) => T | Promise<T>,
  change: Partial<GatewayOptions> = {},
): Promise<T> {
  const definitions = {...gatewayFlags, ...unbuiltFlags}
  const booleans = new Set(
    Object.entries(definitions).flatMap(([name, {type}]) => (type === 'boolean' ? [name] : [])),
  )
  const words = spellBooleans(listOf(flags['gateway-arg']) ?? [], booleans)
  const parsed = await Parser.parse(words, {flags: definitions, strict: true}).catch(
    (error: unknown) => {
      throw usageError(error, {
        name: '--gateway-arg',
        flags: Object.keys(definitions),
        help: 'docker mcp gateway run --help',
      })
    },
  )
  const settings = new GatewaySettings(app, parsed.flags['gateway-config'])
  const deps = gatewayDeps(app, {level: () => (flags.verbose ? 'info' : 'warn'), settings})
  for (const notice of unbuiltNotices(parsed.flags)) deps.notify(notice)
  await takeOverOnce(app)
  const {profile, 'profile-file': profileFile} = flags
  const isNamed = profile !== undefined || profileFile !== undefined
  const file = await settings.read()
  const options = {
    ...gatewayOptions(withGatewayFile(parsed, file), {
      patienceMs: PATIENCE_MS,
      showRemembered: false,
      extra: extraServersOf(parsed.flags, deps),
    }),
    ...(await settings.options(file, parsed.flags.client)),
    ...(isNamed && {profile, profileFile}),
    verbose: flags.verbose,
    ...change,
  }
  return withGateway(app, {deps, options}, async own => {
    const tools = await own.client.listTools()
    const [failed, late] = [[...own.failures().keys()], own.late()]
    // Why each of them failed stands on stderr already; an empty list would read as success.
    if (tools.length === 0 && failed.length + late.length > 0) throw nothingStarted(failed, late)
    for (const name of late)
      deps.notify(`! ${name} has not listed its tools, which are missing here`)
    return use(tools, own, {deps, options})
  })
}

/** @param late those that were waited for in vain */
function nothingStarted(failed: readonly string[], late: readonly string[]): PluginError {
  const reasons = [
    failed.length > 0 && `${failed.join(', ')} could not be started`,
    late.length > 0 && `${late.join(', ')} did not list any in ${PATIENCE_MS / 1000} seconds`,
  ]
  return new PluginError(
    'SERVER_START_FAILED',
    `no tool is there: ${reasons.filter(Boolean).join('; ')}`,
    {
      hint:
        failed.length > 0
          ? 'the reasons are above, and in: docker mcp server status'
          : 'try again, or see how it is doing: docker mcp server status',
    },
  )
}

/** What to do when there are no tools at all. */
export function noToolsHint({hidden}: Pick<OwnGateway, 'hidden'>): string {
  return hidden.length > 0
    ? `the access rules of the gateway file hide ${hidden.join(', ')}; what a client has: docker mcp tools ls --gateway-arg=--client=<name>`
    : 'enable a server first: docker mcp server enable everything'
}

/** @throws PluginError TOOL_UNKNOWN with the names near to it */
export function requireTool(tools: readonly Tool[], name: string, own: OwnGateway): Tool {
  const tool = tools.find(one => one.name === name)
  if (tool) return tool
  const near = nearestNames(
    name,
    tools.map(one => one.name),
  )
  throw new PluginError('TOOL_UNKNOWN', `no enabled server has a tool "${name}"`, {
    hint:
      tools.length === 0
        ? noToolsHint(own)
        : near.length > 0
          ? `did you mean "${near[0]}"?`
          : 'see all of them: docker mcp tools ls',
  })
}

/** What a call gave: whole, as text for people, and how long it took. */
export interface Called {
  readonly result: CallToolResult
  readonly text: string
  readonly milliseconds: number
}

/**
 * Calls a tool with `key=value` words, which the tool's schema gives their types.
 * @throws PluginError TOOL_FAILED with the tool's own words when it answers with an error
 */
export async function callTool(
  client: GatewayClient,
  tool: Tool,
  words: readonly string[],
): Promise<Called> {
  const {name} = tool
  const started = performance.now()
  const result = await client.callTool(name, readArguments(words, tool))
  const milliseconds = Math.round(performance.now() - started)
  const text = result.content.map(block => `${contentText(block)}\n`).join('')
  if (result.isError)
    throw new PluginError('TOOL_FAILED', `error calling tool ${name}: ${text.trim()}`)
  return {result, text, milliseconds}
}

function contentText(block: CallToolResult['content'][number]): string {
  switch (block.type) {
    case 'text':
      return block.text
    case 'image':
    case 'audio':
      return `[${block.type}: ${block.mimeType}, ${block.data.length} characters of base64]`
    case 'resource_link':
      return `[resource: ${block.uri}]`
    case 'resource':
      return 'text' in block.resource ? block.resource.text : `[resource: ${block.resource.uri}]`
  }
}
