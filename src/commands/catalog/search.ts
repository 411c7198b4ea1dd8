import {Args, Flags} from '@oclif/core'
import {searchCatalogs, type CatalogHit} from '../../lib/catalog/search-catalogs.ts'
import {formatFlag, PluginCommand, serversInput} from '../../lib/command.ts'
import {takeOverOnce} from '../../lib/profile-door.ts'
import {print} from '../../lib/ui/format.ts'
import {table} from '../../lib/ui/table.ts'

export default class CatalogSearch extends PluginCommand {
  static override summary =
    'find servers in one catalog or in all, the ones that later ones replace too'
  static override examples = [
    '<%= config.bin %> catalog search database',
    '<%= config.bin %> catalog search "web page" --catalog docker-mcp --limit 5',
  ]
  static override strict = false
  static override args = {
    words: Args.string({description: 'what to look for, in any order', required: true}),
  }
  static override flags = {
    ...formatFlag,
    catalog: Flags.string({summary: 'only in this one', helpValue: '<name>'}),
    limit: Flags.integer({
      summary: 'show at most so many',
      min: 1,
      default: 100,
      env: 'DOCKER_MCP_LIMIT',
      helpValue: '<number>',
    }),
  }

  async run(): Promise<void> {
    const {flags, argv} = await this.parse(CatalogSearch)
    await takeOverOnce(this.app)
    const {catalog, limit} = flags
    const query = argv.join(' ').trim()
    const found = await searchCatalogs(serversInput(this.app), query, {catalog, limit})
    await print(this.app.io, found, {format: flags.format, human: hits => this.#view(hits)})
  }

  #view(found: readonly CatalogHit[]): string {
    if (found.length === 0) return 'No server in the catalogs matches.\n'
    const {io} = this.app
    const lines = found.map(({name, catalog, description}) => [name, catalog, description])
    return table(
      [['NAME', 'CATALOG', 'DESCRIPTION'], ...lines],
      io.outIsTerminal ? io.columns : undefined,
    )
  }
}
