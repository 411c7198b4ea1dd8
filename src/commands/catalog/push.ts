import {Args} from '@oclif/core'
import {pushCatalog} from '../../lib/catalog/share.ts'
import {PluginCommand, serversInput} from '../../lib/command.ts'

export default class CatalogPush extends PluginCommand {
  static override summary = 'store a catalog in a registry'
  static override description =
    'It is stored as an OCI artefact, which docker’s own plugin can pull, too. The login is that of docker login.'
  static override examples = ['<%= config.bin %> catalog push registry.example.com/team/catalog:1']
  static override args = {
    ref: Args.string({description: 'name of a catalog: registry/repository:tag', required: true}),
  }

  async run(): Promise<void> {
    const {args} = await this.parse(CatalogPush)
    const {name, digest} = await pushCatalog(args.ref, serversInput(this.app))
    this.app.io.out(`Pushed catalog to ${name}@${digest}\n`)
  }
}
