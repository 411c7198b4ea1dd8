import {Args, Flags} from '@oclif/core'
import {addServers} from '../../../lib/catalog/edit.ts'
import {resolveServers} from '../../../lib/catalog/server-refs.ts'
import {PluginCommand, serverRefInput} from '../../../lib/command.ts'
import {takeOverOnce} from '../../../lib/profile-door.ts'

export default class CatalogServerAdd extends PluginCommand {
  static override summary = 'put servers into a catalog of yours'
  static override description =
    'Servers are named by where they are: docker://<image>, catalog://<catalog>/<server>, an address in a registry of servers, file://<file>. One that is in the catalog already is replaced.'
  static override examples = [
    '<%= config.bin %> catalog server add mine --server catalog://docker-mcp/github+fetch',
    '<%= config.bin %> catalog server add mine --server file://./weather.yaml',
  ]
  static override args = {
    catalog: Args.string({description: 'name of a catalog of yours', required: true}),
  }
  static override flags = {
    server: Flags.string({
      summary: 'where the server is; can be given more than once',
      required: true,
      multiple: true,
      multipleNonGreedy: true,
      helpValue: '<uri>',
    }),
  }

  async run(): Promise<void> {
    const {args, flags} = await this.parse(CatalogServerAdd)
    await takeOverOnce(this.app)
    const {io, paths} = this.app
    const servers = await resolveServers(flags.server, serverRefInput(this.app))
    const {name, replaced} = await addServers(paths, args.catalog, servers, {replace: true})
    for (const server of replaced) io.out(`Replaced server ${server}\n`)
    io.out(`Added ${servers.length} server(s) to catalog '${name}' (replaced ${replaced.length})\n`)
  }
}
