import {leftOut, loadCatalogs} from '../../lib/catalog/store.ts'
import {formatFlag, PluginCommand, serversInput} from '../../lib/command.ts'
import {print} from '../../lib/ui/format.ts'
import {table} from '../../lib/ui/table.ts'

export default class CatalogLs extends PluginCommand {
  static override summary = 'list the catalogs that servers come from'
  static override description =
    'A catalog is a list of servers with their images and needs. One comes with this program; later ones in the list replace servers of earlier ones.'
  static override examples = [
    '<%= config.bin %> catalog ls',
    '<%= config.bin %> catalog ls --format json',
  ]
  static override flags = {...formatFlag}

  async run(): Promise<void> {
    const {flags} = await this.parse(CatalogLs)
    const catalogs = await loadCatalogs(serversInput(this.app))
    const {loaded} = catalogs
    for (const line of leftOut(catalogs).values()) this.app.io.err(`! ${line}\n`)
    const rows = loaded.map(({catalog, source}) => ({
      name: catalog.name,
      displayName: catalog.displayName ?? catalog.name,
      servers: catalog.servers.size,
      source,
    }))
    const heads = ['NAME', 'SERVERS', 'SOURCE', 'TITLE']
    const human = () =>
      table([
        heads,
        ...rows.map(row => [row.name, String(row.servers), row.source, row.displayName]),
      ])
    await print(this.app.io, rows, {format: flags.format, human})
  }
}
