import {Args} from '@oclif/core'
import {listFormatFlag, PluginCommand, wordsOf} from '../../lib/command.ts'
import {callTool, requireTool, toolsFlags, withTools} from '../../lib/tools-flags.ts'
import {print} from '../../lib/ui/format.ts'

export default class ToolsCall extends PluginCommand {
  static override summary = 'call a tool and print its result'
  static override description =
    'A value is read as the tool wants it: as text, or as JSON where it wants a number, a list or an object. A key that is given twice makes a list.'
  static override strict = false
  static override examples = [
    '<%= config.bin %> tools call echo message=hello',
    '<%= config.bin %> tools call get-sum a=1 b=2 --format json',
  ]
  static override args = {
    tool: Args.string({description: 'name of the tool', required: true}),
    'key=value': Args.string({description: 'an argument of the tool'}),
  }
  static override flags = {...listFormatFlag, ...toolsFlags}

  async run(): Promise<void> {
    const {argv, flags} = await this.parse(ToolsCall)
    const [tool = '', ...words] = wordsOf(argv)
    const {result, text, milliseconds} = await withTools(this.app, flags, (tools, own) =>
      callTool(own.client, requireTool(tools, tool, own), words),
    )
    this.app.io.err(`Tool call took: ${milliseconds}ms\n`)
    await print(this.app.io, result, {format: flags.format, human: () => text})
  }
}
