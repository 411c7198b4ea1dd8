import {catalogRows, type CatalogRow} from '../../lib/catalog/show.ts'
import {documentRemarks} from '../../lib/catalog/remarks.ts'
import {leftOut, loadCatalogs} from '../../lib/catalog/store.ts'
import {formatFlag, PluginCommand, serversInput} from '../../lib/command.ts'
import {takeOverOnce} from '../../lib/profile-door.ts'
import {print} from '../../lib/ui/format.ts'
import type {Io} from '../../lib/ui/io.ts'
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
    await takeOverOnce(this.app)
    const catalogs = await loadCatalogs(serversInput(this.app))
    for (const line of [...leftOut(catalogs).values(), ...documentRemarks(catalogs)]) {
      this.app.io.err(`! ${line}\n`)
    }
    await print(this.app.io, catalogRows(catalogs), {
      format: flags.format,
      human: rows => view(rows, this.app.io),
    })
  }
}

function view(rows: readonly CatalogRow[], {outIsTerminal, columns}: Io): string {
  if (rows.length === 0) {
    return 'No catalogs found. Have the one of this program again: docker mcp catalog init\n'
  }
  const lines = rows.map(({name, servers, source, title, problem}) =>
    problem === undefined
      ? [name, String(servers), source, title]
      : [name, '-', source, `cannot be read: ${problem}`],
  )
  return table(
    [['NAME', 'SERVERS', 'SOURCE', 'TITLE'], ...lines],
    outIsTerminal ? columns : undefined,
  )
}
