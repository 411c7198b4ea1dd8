import {Args} from '@oclif/core'
import {pullCatalog} from '../../lib/catalog/share.ts'
import {PluginCommand, serversInput} from '../../lib/command.ts'

export default class CatalogPull extends PluginCommand {
  static override summary = 'get a catalog from a registry'
  static override description =
    'Its servers can be enabled then; catalog update gets it again. With a digest it stays what it is.'
  static override examples = [
    '<%= config.bin %> catalog pull registry.example.com/team/catalog:1',
    '<%= config.bin %> catalog pull mcp/docker-mcp-catalog',
  ]
  static override args = {
    ref: Args.string({description: 'registry/repository:tag', required: true}),
  }

  async run(): Promise<void> {
    const {args} = await this.parse(CatalogPull)
    const {io} = this.app
    const {name, notices} = await pullCatalog(args.ref, serversInput(this.app))
    for (const line of notices) io.err(`! ${line}\n`)
    io.out(`Catalog ${name} pulled\n`)
  }
}
