import {Args, Flags} from '@oclif/core'
import {addFromFile} from '../../lib/catalog/manage.ts'
import {PluginCommand, serversInput} from '../../lib/command.ts'

export default class CatalogAdd extends PluginCommand {
  static override summary = 'copy a server from a catalog file into a catalog of yours'
  static override examples = [
    '<%= config.bin %> catalog add mine weather ./weather.yaml',
    '<%= config.bin %> catalog add mine weather ./weather.yaml --force',
  ]
  static override args = {
    catalog: Args.string({description: 'name of a catalog of yours', required: true}),
    server: Args.string({description: 'name of a server in the file', required: true}),
    file: Args.string({description: 'a file with a catalog', required: true}),
  }
  static override flags = {
    force: Flags.boolean({summary: 'also when the catalog has a server of that name'}),
  }

  async run(): Promise<void> {
    const {args, flags} = await this.parse(CatalogAdd)
    const {server, file} = args
    const input = serversInput(this.app)
    const {name, replaced} = await addFromFile(input, args.catalog, {
      server,
      file,
      replace: flags.force,
    })
    const done = replaced.length > 0 ? 'replaced' : 'added'
    this.app.io.err(`${done} ${server} in ${name}\n`)
  }
}
