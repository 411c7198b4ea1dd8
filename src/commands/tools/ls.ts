import type {Tool} from '@modelcontextprotocol/sdk/types.js'
import {formatFlag, PluginCommand} from '../../lib/command.ts'
import {NO_TOOLS_HINT, toolsFlags, withTools} from '../../lib/tools-flags.ts'
import {print} from '../../lib/ui/format.ts'

export default class ToolsLs extends PluginCommand {
  static override summary = 'list the tools of the enabled servers'
  static override examples = [
    '<%= config.bin %> tools ls',
    '<%= config.bin %> tools ls --format json',
    '<%= config.bin %> tools ls --gateway-arg=--servers=everything',
  ]
  static override flags = {...formatFlag, ...toolsFlags}

  async run(): Promise<void> {
    const {flags} = await this.parse(ToolsLs)
    const tools = await withTools(this.app, flags, listed => listed)
    await print(this.app.io, tools, {format: flags.format, human: view})
    if (tools.length === 0) this.app.io.err(`${NO_TOOLS_HINT}\n`)
  }
}

function view(tools: readonly Tool[]): string {
  const lines = tools.map(tool => ` - ${tool.name} - ${tool.title ?? firstSentence(tool)}\n`)
  return `${tools.length} tools:\n${lines.join('')}`
}

function firstSentence({description = ''}: Tool): string {
  const text = description.replace(/\s+/g, ' ').trim()
  return /^.*?\.(?= |$)/.exec(text)?.[0] ?? text
}
