import {Args} from '@oclif/core'
import {bootstrapCatalog} from '../../lib/catalog/manage.ts'
import {PluginCommand, serversInput} from '../../lib/command.ts'

export default class CatalogBootstrap extends PluginCommand {
  static override summary = 'write a small catalog file to begin with'
  static override examples = ['<%= config.bin %> catalog bootstrap ./my-catalog.yaml']
  static override args = {
    file: Args.string({description: 'a file that does not exist yet', required: true}),
  }

  async run(): Promise<void> {
    const {args} = await this.parse(CatalogBootstrap)
    const {io} = this.app
    const path = await bootstrapCatalog(serversInput(this.app), args.file)
    io.err(`wrote ${path}: change it, then use it with: docker mcp catalog import ${args.file}\n`)
  }
}
