import {listFormatFlag, PluginCommand} from '../../lib/command.ts'
import {toolsFlags, withTools} from '../../lib/tools-flags.ts'
import {print} from '../../lib/ui/format.ts'

export default class ToolsCount extends PluginCommand {
  static override summary = 'count the tools of the enabled servers'
  static override examples = [
    '<%= config.bin %> tools count',
    '<%= config.bin %> tools count --gateway-arg=--servers=everything',
  ]
  static override flags = {...listFormatFlag, ...toolsFlags}

  async run(): Promise<void> {
    const {flags} = await this.parse(ToolsCount)
    const tools = await withTools(this.app, flags, listed => listed)
    const value = {count: tools.length}
    await print(this.app.io, value, {format: flags.format, human: ({count}) => `${count} tools\n`})
  }
}
