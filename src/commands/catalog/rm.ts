import {Args} from '@oclif/core'
import {removeCatalog} from '../../lib/catalog/manage.ts'
import {DEFAULT_CATALOG} from '../../lib/catalog/identity.ts'
import {PluginCommand, serversInput} from '../../lib/command.ts'

export default class CatalogRm extends PluginCommand {
  static override summary = 'remove a catalog'
  static override description =
    'Its servers cannot be used any more; what is enabled or set for them stays. The catalog of this program, docker-mcp, is switched off in mcp-gateway-config.yaml: only your own catalogs count then.'
  static override examples = [
    '<%= config.bin %> catalog rm mine',
    '<%= config.bin %> catalog rm docker-mcp',
  ]
  static override args = {
    catalog: Args.string({description: 'name of a catalog', required: true}),
  }

  async run(): Promise<void> {
    const {args} = await this.parse(CatalogRm)
    const {io} = this.app
    const name = await removeCatalog(serversInput(this.app), args.catalog)
    io.out(`Removed catalog ${name}\n`)
    if (name === DEFAULT_CATALOG) io.err('have it again: docker mcp catalog init\n')
  }
}
