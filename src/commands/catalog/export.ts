import {Args} from '@oclif/core'
import {exportCatalog, exportToFile} from '../../lib/catalog/manage.ts'
import {PluginCommand, serversInput} from '../../lib/command.ts'

export default class CatalogExport extends PluginCommand {
  static override summary = 'write a catalog into a file, or to stdout'
  static override description =
    'As it was imported or written, byte for byte; a file that is there is replaced. Images stay those of the catalog, also where the gateway takes them from a mirror.'
  static override examples = [
    '<%= config.bin %> catalog export mine ./mine.yaml',
    '<%= config.bin %> catalog export docker-mcp > all.yaml',
  ]
  static override args = {
    catalog: Args.string({description: 'name of a catalog', required: true}),
    file: Args.string({description: 'where to write it; stdout when not given'}),
  }

  async run(): Promise<void> {
    const {args} = await this.parse(CatalogExport)
    const {io} = this.app
    const input = serversInput(this.app)
    if (args.file === undefined) return io.out(await exportCatalog(input, args.catalog))
    const path = await exportToFile(input, args.catalog, args.file)
    io.err(`exported ${args.catalog} to ${path}\n`)
  }
}
