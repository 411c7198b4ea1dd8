import type {App} from './app.ts'
import {PluginError} from './base/errors.ts'
import {nearestNames} from './catalog/search.ts'
import type {ListedTools} from './model/tool-cost.ts'
import {chooseProfile} from './profile/choice.ts'
import type {ListTools} from './profile/settings.ts'
import {switchTools, type ServerTool, type ToolsChange} from './profile/tools-file.ts'
import {withTools, type ToolsFlags} from './tools-flags.ts'

/**
 * Allows or denies tools of servers in the profile that counts. Servers whose tools are not known are started once to list them.
 * @param choice `server`: whose tools they are; without it they are looked for among the enabled servers
 * The profile is the one that the gateway of `--gateway-arg` has.
 * @throws PluginError TOOL_UNKNOWN, USAGE for a name that several servers have; then nothing is changed
 */
export async function chooseToolsByName(
  app: App,
  flags: ToolsFlags,
  choice: {isAllowed: boolean; names: readonly string[]; server: string | undefined},
): Promise<ToolsChange> {
  const {names, server, isAllowed} = choice
  const {listed, input, selection} = await withTools(
    app,
    flags,
    (_tools, own, {deps, options}) => {
      const {profile, profileFile, registry, config, toolsConfig} = options
      if (toolsConfig) throw otherToolsFile(toolsConfig)
      return {
        listed: own.tools(),
        input: deps,
        selection: {profile, profileFile, registry, config},
      }
    },
    {
      // All of them, also those that are not allowed now, and as they were a while ago where that is known.
      tools: ['*'],
      showRemembered: true,
      // What a client may not use is there all the same, and must not be taken for what is chosen.
      accessControl: undefined,
      ...(server !== undefined && {servers: [server]}),
    },
  )
  const tools = [...new Set(names)].map(name => ownerOf(name, listed))
  const every = new Map(listed.map(each => [each.server, namesOf(each)]))
  const switches = isAllowed ? {enable: tools} : {disable: tools}
  return switchTools(input.paths, await chooseProfile(input, selection), switches, every)
}

/** Lists the tools of servers of a profile by asking them; says on stderr which ones cannot be asked. */
export function listToolsOf(app: App, profile: string): ListTools {
  return async servers => {
    try {
      const asked = {tools: ['*'], showRemembered: true, accessControl: undefined, servers}
      const listed = await withTools(
        app,
        {profile, verbose: false},
        (_tools, own) => own.tools(),
        asked,
      )
      return new Map(listed.map(each => [each.server, namesOf(each)]))
    } catch (error) {
      if (!(error instanceof PluginError)) throw error
      app.io.err(`! the tools of ${servers.join(', ')} cannot be listed: ${error.message}\n`)
      return new Map()
    }
  }
}

function otherToolsFile(files: readonly string[]): PluginError {
  return new PluginError(
    'USAGE',
    `the choice would not be written where it was read: tools come from ${files.join(', ')}`,
    {hint: 'edit that file, or leave --tools-config and --additional-tools-config out'},
  )
}

function ownerOf(name: string, listed: readonly ListedTools[]): ServerTool {
  const owners = listed.filter(each => namesOf(each).includes(name))
  const [owner, another] = owners
  if (owner && !another) return {server: owner.server, tool: name}
  if (owner) {
    const servers = owners.map(({server}) => server)
    throw new PluginError('USAGE', `${servers.join(' and ')} both have a tool "${name}"`, {
      hint: `say which one is meant: --server ${servers[0]}`,
    })
  }
  const near = nearestNames(name, listed.flatMap(namesOf))
  throw new PluginError('TOOL_UNKNOWN', `no enabled server has a tool "${name}"`, {
    hint:
      near.length > 0
        ? `did you mean ${near.map(other => `"${other}"`).join(' or ')}?`
        : 'see all of them: docker mcp tools ls',
  })
}

function namesOf({items}: ListedTools): readonly string[] {
  return items.flatMap(({name}) => (typeof name === 'string' ? [name] : []))
}
