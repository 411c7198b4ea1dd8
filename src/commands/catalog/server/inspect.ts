import {Args} from '@oclif/core'
import {objectOf} from '../../../lib/base/json.ts'
import {readmeContent} from '../../../lib/catalog/readme.ts'
import {inspectCatalogServer} from '../../../lib/catalog/server-list.ts'
import {formatFlag, PluginCommand, serversInput} from '../../../lib/command.ts'
import {takeOverOnce} from '../../../lib/profile-door.ts'
import {print} from '../../../lib/ui/format.ts'
import {yamlText} from '../../../lib/ui/yaml-text.ts'

export default class CatalogServerInspect extends PluginCommand {
  static override summary = 'show one server of a catalog, as the catalog has it'
  static override description =
    'Where its entry has the address of a readme, the text is fetched, too.'
  static override examples = [
    '<%= config.bin %> catalog server inspect docker-mcp github',
    '<%= config.bin %> catalog server inspect docker-mcp github --format json',
  ]
  static override args = {
    catalog: Args.string({description: 'name of a catalog', required: true}),
    server: Args.string({description: 'name of a server in it', required: true}),
  }
  static override flags = {...formatFlag}

  async run(): Promise<void> {
    const {args, flags} = await this.parse(CatalogServerInspect)
    await takeOverOnce(this.app)
    const input = serversInput(this.app)
    const server = await inspectCatalogServer(input, args.catalog, args.server)
    const {readme} = objectOf(objectOf(server['snapshot'])['server'])
    const shown = {...server, ...(await readmeContent(readme, input))}
    await print(this.app.io, shown, {format: flags.format, human: yamlText})
  }
}
