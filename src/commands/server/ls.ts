import {formatFlag, PluginCommand, secretsFlag, serversInput} from '../../lib/command.ts'
import {listServers, type ServerRow} from '../../lib/profile/servers.ts'
import {print} from '../../lib/ui/format.ts'
import {table} from '../../lib/ui/table.ts'

export default class ServerLs extends PluginCommand {
  static override summary = 'list the enabled servers and what each still needs'
  static override description =
    'OAUTH, SECRETS and CONFIG say what a server needs: - is nothing, ✓ is set, ◐ is set in part, ▲ is missing.'
  static override examples = [
    '<%= config.bin %> server ls',
    '<%= config.bin %> server ls --format json',
  ]
  static override flags = {...formatFlag, ...secretsFlag}

  async run(): Promise<void> {
    const {flags} = await this.parse(ServerLs)
    const rows = await listServers(serversInput(this.app), flags.secrets)
    await print(this.app.io, rows, {format: flags.format, human: all => this.#view(all)})
  }

  #view(rows: readonly ServerRow[]): string {
    if (rows.length === 0) {
      return 'No server is enabled. Find one with: docker mcp server search\n'
    }
    const {io} = this.app
    const lines = rows.map(row => [
      row.name,
      MARKS[row.oauth],
      MARKS[row.secrets],
      MARKS[row.config],
      row.description,
    ])
    return table([HEADS, ...lines], io.outIsTerminal ? io.columns : undefined)
  }
}

const HEADS = ['NAME', 'OAUTH', 'SECRETS', 'CONFIG', 'DESCRIPTION']
const MARKS = {none: '-', required: '▲ required', partial: '◐ partial', done: '✓ done'} as const
