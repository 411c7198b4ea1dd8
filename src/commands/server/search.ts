import {Args, Flags} from '@oclif/core'
import {formatFlag, PluginCommand, serversInput} from '../../lib/command.ts'
import {findServers, type FoundServer} from '../../lib/profile/servers.ts'
import {print} from '../../lib/ui/format.ts'
import {table} from '../../lib/ui/table.ts'

export default class ServerSearch extends PluginCommand {
  static override summary = 'find servers in the catalogs; without words, list all'
  static override examples = [
    '<%= config.bin %> server search database',
    '<%= config.bin %> server search "web page" --limit 5',
  ]
  static override strict = false
  static override args = {words: Args.string({description: 'what to look for, in any order'})}
  static override flags = {
    ...formatFlag,
    limit: Flags.integer({
      summary: 'show at most so many',
      min: 1,
      default: 100,
      env: 'DOCKER_MCP_LIMIT',
      helpValue: '<number>',
    }),
  }

  async run(): Promise<void> {
    const {flags, argv} = await this.parse(ServerSearch)
    const found = await findServers(serversInput(this.app), argv.join(' ').trim(), flags.limit)
    await print(this.app.io, found, {format: flags.format, human: all => this.#view(all)})
  }

  #view(found: readonly FoundServer[]): string {
    if (found.length === 0) return 'No server in the catalogs matches.\n'
    const {io} = this.app
    const lines = found.map(({name, enabled, description}) => [
      name,
      enabled ? 'yes' : '-',
      description,
    ])
    return table(
      [['NAME', 'ENABLED', 'DESCRIPTION'], ...lines],
      io.outIsTerminal ? io.columns : undefined,
    )
  }
}
