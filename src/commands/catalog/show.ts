import {Args, Flags} from '@oclif/core'
import {readPullPolicy} from '../../lib/catalog/pull-policy.ts'
import {pullWhenDue} from '../../lib/catalog/share.ts'
import {findCatalog, shownDocument, withoutTools} from '../../lib/catalog/show.ts'
import {DEFAULT_CATALOG} from '../../lib/catalog/identity.ts'
import {formatFlag, PluginCommand, serversInput} from '../../lib/command.ts'
import {takeOverOnce} from '../../lib/profile-door.ts'
import {print} from '../../lib/ui/format.ts'
import {table} from '../../lib/ui/table.ts'

export default class CatalogShow extends PluginCommand {
  static override summary = 'show the servers of a catalog'
  static override description =
    'As YAML or JSON, a catalog with a plain name is the document that its file could be, one with an OCI reference what docker’s own plugin shows. Images are those that the catalog names, also where the gateway takes them from a mirror.'
  static override examples = [
    '<%= config.bin %> catalog show',
    '<%= config.bin %> catalog show docker-mcp --format yaml',
    '<%= config.bin %> catalog show org/team:latest --format json',
    '<%= config.bin %> catalog show org/team:latest --pull missing+exists@6h',
  ]
  static override args = {
    catalog: Args.string({description: 'name of a catalog', default: DEFAULT_CATALOG}),
  }
  static override flags = {
    ...formatFlag,
    pull: Flags.string({
      summary:
        'get it from its registry first: always, missing, or when it is older (6h); default never',
      helpValue: '<when>',
    }),
    'no-tools': Flags.boolean({summary: 'leave out what tools the servers have', hidden: true}),
  }

  async run(): Promise<void> {
    const {args, flags} = await this.parse(CatalogShow)
    await takeOverOnce(this.app)
    const {io} = this.app
    if (flags.pull !== undefined) await this.#pull(args.catalog, flags.pull)
    const found = await findCatalog(serversInput(this.app), args.catalog)
    const shown = flags['no-tools'] ? withoutTools(found) : found
    const lines = [...shown.catalog.servers.values()].map(
      ({name, title = '', description = ''}) => [name, title || description],
    )
    const human = () =>
      table([['NAME', 'TITLE'], ...lines], io.outIsTerminal ? io.columns : undefined)
    await print(io, shownDocument(shown), {format: flags.format, human})
  }

  async #pull(catalog: string, when: string): Promise<void> {
    const notices = await pullWhenDue(catalog, readPullPolicy(when), serversInput(this.app))
    for (const line of notices) this.app.io.err(`! ${line}\n`)
  }
}
