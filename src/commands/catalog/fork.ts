import {Args} from '@oclif/core'
import {forkCatalog} from '../../lib/catalog/manage.ts'
import {PluginCommand, serversInput} from '../../lib/command.ts'

export default class CatalogFork extends PluginCommand {
  static override summary = 'copy a catalog into one of your own, to change it'
  static override description =
    'Everything in it is kept, comments and unknown keys too. Where both have a server, yours counts.'
  static override examples = ['<%= config.bin %> catalog fork docker-mcp mine']
  static override args = {
    catalog: Args.string({description: 'the catalog to copy', required: true}),
    name: Args.string({description: 'how the copy is called', required: true}),
  }

  async run(): Promise<void> {
    const {args} = await this.parse(CatalogFork)
    const name = await forkCatalog(serversInput(this.app), args.catalog, args.name)
    this.app.io.err(`forked ${args.catalog} as ${name}\n`)
  }
}
