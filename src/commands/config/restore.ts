import {Args} from '@oclif/core'
import {PluginCommand} from '../../lib/command.ts'
import {fileText} from '../../lib/input-text.ts'
import {restoreConfig} from '../../lib/profile/dump.ts'

export default class ConfigRestore extends PluginCommand {
  static override summary = 'put back what was dumped'
  static override description =
    'Each file that the dump has becomes what it was; others stay. When anything is wrong, nothing is changed.'
  static override examples = [
    '<%= config.bin %> config restore mcp.json',
    '<%= config.bin %> config restore - < mcp.json',
  ]
  static override args = {
    file: Args.string({description: 'a dump, or - for stdin', required: true}),
  }

  async run(): Promise<void> {
    const {args} = await this.parse(ConfigRestore)
    const {text, from} = await fileText(this.app, args.file)
    const changed = await restoreConfig(this.app.paths, text, from)
    for (const file of changed) this.app.io.err(`restored ${file}\n`)
    if (changed.length === 0) this.app.io.err('everything was so already\n')
  }
}
