import {switchDefaultCatalog} from '../../lib/catalog/default-catalog.ts'
import {PluginCommand} from '../../lib/command.ts'

export default class CatalogInit extends PluginCommand {
  static override summary = 'have the catalog of this program again'
  static override description =
    'Undoes `catalog rm docker-mcp`. Your own catalogs stay, and nothing is fetched: the catalog is part of the program.'
  static override examples = ['<%= config.bin %> catalog init']

  async run(): Promise<void> {
    await this.parse(CatalogInit)
    const changed = await switchDefaultCatalog(this.app.paths, true)
    this.app.io.err(
      changed ? 'the catalog docker-mcp is on again\n' : 'the catalog docker-mcp is on already\n',
    )
  }
}
