import {formatFlag, PluginCommand} from '../../lib/command.ts'
import {TEMPLATES} from '../../lib/profile/templates.ts'
import {print} from '../../lib/ui/format.ts'
import {table} from '../../lib/ui/table.ts'

export default class TemplateLs extends PluginCommand {
  static override summary = 'list sets of servers to begin a profile with'
  static override examples = [
    '<%= config.bin %> template ls',
    '<%= config.bin %> template ls --format json',
  ]
  static override flags = {...formatFlag}

  async run(): Promise<void> {
    const {flags} = await this.parse(TemplateLs)
    const {io} = this.app
    await print(io, TEMPLATES, {
      format: flags.format,
      human: all =>
        table(
          [
            ['ID', 'TITLE', 'SERVERS', 'DESCRIPTION'],
            ...all.map(one => [one.id, one.title, one.server_names.join(', '), one.description]),
          ],
          io.outIsTerminal ? io.columns : undefined,
        ),
    })
  }
}
