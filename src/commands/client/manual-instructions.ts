import {Flags} from '@oclif/core'
import {formatFlag, PluginCommand} from '../../lib/command.ts'
import {print} from '../../lib/ui/format.ts'

export default class ClientManualInstructions extends PluginCommand {
  static override summary = 'print the command that a client is to start'
  static override hidden = true
  static override examples = ['<%= config.bin %> client manual-instructions']
  static override flags = {
    ...formatFlag,
    json: Flags.boolean({summary: 'the same as --format json', hidden: true}),
  }

  async run(): Promise<void> {
    const {flags} = await this.parse(ClientManualInstructions)
    const words = ['docker', 'mcp', 'gateway', 'run']
    const format = flags.json ? 'json' : flags.format
    await print(this.app.io, words, {format, human: all => `${all.join(' ')}\n`})
  }
}
