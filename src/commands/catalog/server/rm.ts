import {Args, Flags} from '@oclif/core'
import {PluginError} from '../../../lib/base/errors.ts'
import {removeServers} from '../../../lib/catalog/edit.ts'
import {PluginCommand, wordsOf} from '../../../lib/command.ts'

export default class CatalogServerRm extends PluginCommand {
  static override summary = 'take servers out of a catalog of yours'
  static override strict = false
  static override examples = [
    '<%= config.bin %> catalog server rm mine weather',
    '<%= config.bin %> catalog server rm mine --name weather --name news',
  ]
  static override args = {
    catalog: Args.string({description: 'name of a catalog of yours', required: true}),
    server: Args.string({description: 'names of servers in it'}),
  }
  static override flags = {
    name: Flags.string({
      summary: 'the same as a name behind the catalog',
      multiple: true,
      multipleNonGreedy: true,
      helpValue: '<server>',
    }),
  }

  async run(): Promise<void> {
    const {args, argv, flags} = await this.parse(CatalogServerRm)
    const {io, paths} = this.app
    const names = [...wordsOf(argv).slice(1), ...(flags.name ?? [])]
    if (names.length === 0) {
      throw new PluginError('USAGE', 'docker mcp catalog server rm needs the name of a server', {
        hint: 'for example: docker mcp catalog server rm mine weather',
      })
    }
    const {name, removed} = await removeServers(paths, args.catalog, names)
    for (const other of names.filter(each => !removed.includes(each))) {
      io.err(`${name} has no server ${other}\n`)
    }
    io.out(`Removed ${removed.length} server(s) from catalog '${name}'\n`)
  }
}
