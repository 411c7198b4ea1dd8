import {Flags} from '@oclif/core'
import type {Tool} from '@modelcontextprotocol/sdk/types.js'
import {listFormatFlag, PluginCommand} from '../../lib/command.ts'
import {toolCosts, totalCost} from '../../lib/model/tool-cost.ts'
import {noToolsHint, toolsFlags, withTools, type ToolsFlags} from '../../lib/tools-flags.ts'
import {costView} from '../../lib/ui/cost-view.ts'
import {print, type Format} from '../../lib/ui/format.ts'

export default class ToolsLs extends PluginCommand {
  static override summary = 'list the tools of the enabled servers'
  static override examples = [
    '<%= config.bin %> tools ls',
    '<%= config.bin %> tools ls --format json',
    '<%= config.bin %> tools ls --gateway-arg=--servers=everything',
    {
      description: 'what it costs a model to be shown them, by server',
      command: '<%= config.bin %> tools ls --cost',
    },
  ]
  static override flags = {
    ...listFormatFlag,
    cost: Flags.boolean({
      summary: 'say how many tools, bytes and tokens (by an estimate) each server comes to',
    }),
    ...toolsFlags,
  }

  async run(): Promise<void> {
    const {flags} = await this.parse(ToolsLs)
    if (flags.cost) return this.#printCost(flags)
    const {tools, hint} = await withTools(this.app, flags, (listed, own) => ({
      tools: listed,
      hint: noToolsHint(own),
    }))
    await print(this.app.io, tools, {format: flags.format, human: view})
    if (tools.length === 0) this.app.io.err(`${hint}\n`)
  }

  async #printCost(flags: ToolsFlags & {readonly format: Format}): Promise<void> {
    const costs = await withTools(this.app, flags, (_tools, own) => toolCosts(own.tools()))
    const human = () => costView(costs, totalCost(costs))
    await print(this.app.io, costs, {format: flags.format, human})
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
