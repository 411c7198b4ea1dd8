import {Args} from '@oclif/core'
import {showCatalog} from '../../lib/catalog/show.ts'
import {DEFAULT_CATALOG} from '../../lib/catalog/store.ts'
import {formatFlag, PluginCommand, serversInput} from '../../lib/command.ts'
import {print} from '../../lib/ui/format.ts'
import {table} from '../../lib/ui/table.ts'

export default class CatalogShow extends PluginCommand {
  static override summary = 'show the servers of a catalog'
  static override examples = [
    '<%= config.bin %> catalog show',
    '<%= config.bin %> catalog show docker-mcp --format yaml',
  ]
  static override args = {
    catalog: Args.string({description: 'name of a catalog', default: DEFAULT_CATALOG}),
  }
  static override flags = {...formatFlag}

  async run(): Promise<void> {
    const {args, flags} = await this.parse(CatalogShow)
    const {io} = this.app
    const catalog = await showCatalog(serversInput(this.app), args.catalog)
    const lines = catalog.servers.map(({name, title, description}) => [name, title || description])
    const human = () =>
      table([['NAME', 'TITLE'], ...lines], io.outIsTerminal ? io.columns : undefined)
    await print(io, catalog.document, {format: flags.format, human})
  }
}
