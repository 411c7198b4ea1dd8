import {Args} from '@oclif/core'
import {listFormatFlag, PluginCommand} from '../../lib/command.ts'
import {requireTool, toolsFlags, withTools} from '../../lib/tools-flags.ts'
import {print} from '../../lib/ui/format.ts'
import {toolView} from '../../lib/ui/tool-view.ts'

export default class ToolsInspect extends PluginCommand {
  static override summary = 'show what a tool does and which arguments it takes'
  static override examples = [
    '<%= config.bin %> tools inspect echo',
    '<%= config.bin %> tools inspect echo --format json',
  ]
  static override args = {tool: Args.string({description: 'name of a tool', required: true})}
  static override flags = {...listFormatFlag, ...toolsFlags}

  async run(): Promise<void> {
    const {args, flags} = await this.parse(ToolsInspect)
    const tool = await withTools(this.app, flags, (tools, own) =>
      requireTool(tools, args.tool, own),
    )
    const {io} = this.app
    const human = () => toolView(tool, io.outIsTerminal ? io.columns : undefined)
    await print(io, tool, {format: flags.format, human})
  }
}
