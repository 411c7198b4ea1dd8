import {Args, Flags} from '@oclif/core'
import {listCatalogServers, serverLines} from '../../../lib/catalog/server-list.ts'
import {formatFlag, PluginCommand, serversInput} from '../../../lib/command.ts'
import {takeOverOnce} from '../../../lib/profile-door.ts'
import {print} from '../../../lib/ui/format.ts'

export default class CatalogServerLs extends PluginCommand {
  static override summary = 'list the servers of one catalog'
  static override examples = [
    '<%= config.bin %> catalog server ls docker-mcp',
    '<%= config.bin %> catalog server ls org/team:latest --filter name=git --format json',
  ]
  static override args = {
    catalog: Args.string({description: 'name of a catalog', required: true}),
  }
  static override flags = {
    ...formatFlag,
    filter: Flags.string({
      char: 'f',
      summary: 'only those whose name has this in it; can be given more than once',
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'name=<part>',
    }),
  }

  async run(): Promise<void> {
    const {args, flags} = await this.parse(CatalogServerLs)
    await takeOverOnce(this.app)
    const input = serversInput(this.app)
    const list = await listCatalogServers(input, args.catalog, flags.filter ?? [])
    await print(this.app.io, list, {format: flags.format, human: serverLines})
  }
}
