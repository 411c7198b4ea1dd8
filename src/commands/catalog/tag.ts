import {Args} from '@oclif/core'
import {tagCatalog} from '../../lib/catalog/share.ts'
import {PluginCommand, serversInput} from '../../lib/command.ts'

export default class CatalogTag extends PluginCommand {
  static override summary = 'keep a catalog under another name, too'
  static override examples = [
    '<%= config.bin %> catalog tag mine registry.example.com/team/catalog:1',
    '<%= config.bin %> catalog tag docker-mcp team/catalog',
  ]
  static override args = {
    source: Args.string({description: 'name of a catalog', required: true}),
    target: Args.string({description: 'its other name: registry/repository:tag', required: true}),
  }

  async run(): Promise<void> {
    const {args} = await this.parse(CatalogTag)
    const {from, to} = await tagCatalog(args.source, args.target, serversInput(this.app))
    this.app.io.out(`Tagged catalog ${from} as ${to}\n`)
  }
}
